# Running clients of others against an instance: their output and status, their small files.
package Courier::Client;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(have run write_file slurp);

# Is this program installed?
sub have {
	my ($name) = @_;
	return grep {-x "$_/$name"} split /:/, $ENV{PATH};
}

sub write_file {
	my ($path, $text, $mode) = @_;
	open my $f, '>:raw', $path or die "$path: $!";
	chmod $mode // 0600, $f;
	print $f $text;
	close $f or die "$path: $!";
	return $path;
}

sub slurp {
	my ($path) = @_;
	open my $f, '<:raw', $path or return '';
	local $/;
	return scalar(<$f>) // '';
}

# run({in => TEXT, env => {...}, seconds => N}, PROGRAM, ARGUMENTS...): (exit status, all it said).
# A client that does not end in time is ended; its status is 124 then.
sub run {
	my ($o, @command) = @_;
	pipe my $in, my $to or die "pipe: $!";
	my $pid = open my $out, '-|';
	defined $pid or die "fork: $!";
	if (!$pid) {
		close $to;
		open STDIN, '<&', $in;
		open STDERR, '>&', \*STDOUT;
		$ENV{$_} = $o->{env}{$_} for keys %{$o->{env} || {}};
		exec 'timeout', $o->{seconds} || 30, @command or exit 127;
	}
	close $in;
	local $SIG{PIPE} = 'IGNORE';
	print $to $o->{in} if defined $o->{in};
	close $to;
	local $/;
	my $said = <$out>;
	close $out;
	return ($? >> 8, $said // '');
}

1;
