#!/usr/bin/perl
# The parity lists are true: each row that is done has a test that names it, and a finished component
# has no row without a line.
use strict;
use warnings;
use Test::More;
use FindBin;

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
my $folder = "$source/tests/parity";

sub lines {
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!";
	chomp(my @l = <$fh>);
	return @l;
}

my %text;

sub names {
	my ($file, $id) = @_;
	$text{$file} //= join "\n", lines("$source/$file");
	return $text{$file} =~ /\b\Q$id\E\b/;
}

# The faults of one row: none, when all is well.
sub row_faults {
	my ($id, $status, $rest) = @_;
	return "$id: status '$status' is none" if $status !~ /^(?:done|open|skipped)$/;
	return () if $status eq 'open';
	return "$id: $status without a word" if $rest !~ /\S/;
	return () if $status eq 'skipped';
	my @faults;
	for my $test (split ' ', $rest) {
		if (!-f "$source/$test") {
			push @faults, "$id: there is no $test";
		} elsif (!names($test, $id)) {
			push @faults, "$id: $test does not name it";
		}
	}
	return @faults;
}

my %status;    # list => id => status
for my $path (sort glob "$folder/*.tsv") {
	my ($list) = $path =~ m{([^/]+)\.tsv$};
	my @faults;
	for my $line (lines($path)) {
		my ($id, $status, $rest) = split /\t/, $line, 3;
		if (!defined $rest) {
			push @faults, "'$line' is not id, status, rest";
			next;
		}
		push @faults, "$id stands twice" if $status{$list}{$id}++;
		$status{$list}{$id} = $status;
		push @faults, row_faults($id, $status, $rest);
	}
	is("@faults[0 .. ($#faults > 9 ? 9 : $#faults)]", '', "$list.tsv: every line is good");
}

for my $line (lines("$folder/components")) {
	my ($list, $name, $first, $last, $state) = split /\t/, $line;
	my ($prefix, $from) = $first =~ /^(\w+-)(\d+)$/ or die $line;
	my ($to) = $last =~ /(\d+)$/;
	my @ids = map {sprintf '%s%04d', $prefix, $_} $from .. $to;
	my @bad = grep {!exists $status{$list}{$_} || ($state eq 'finished' && $status{$list}{$_} eq 'open')} @ids;
	is("@bad", '', "$list, $name ($state): " . scalar(@ids) . ' rows have their line');
}

# the check itself can fail
is(scalar(row_faults('MTA-0000', 'done', 'tests/integration/nothing.t')), 1, 'a test that is not there is found');
is(scalar(row_faults('MTA-0000', 'done', 'tests/unit/base.c')), 1, 'a test that does not name the row is found');
done_testing;
