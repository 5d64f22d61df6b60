#!/usr/bin/perl
# The delivery language: every case of tests/filter/*.cases, and the same filters under another
# maildrop where one is installed (COURIER_TEST_OTHER_MAILDROP, or /usr/bin/maildrop).
use strict;
use warnings;
use Cwd qw(getcwd);
use File::Temp qw(tempdir);
use Test::More;
use Courier::FilterCases;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin/maildrop';
my $other = $ENV{COURIER_TEST_OTHER_MAILDROP} || '/usr/bin/maildrop';
# It delivers to /var/mail what a filter does not dispose of: it has one of its own.
my $hidden = "unshare -m sh -c 'mount -t tmpfs none /var/mail && exec \"\$\@\"' sh";
$other = -x $other && $other ne $bin && system("$hidden true 2>/dev/null") == 0 ? "$hidden $other" : undef;

# Ours is told to leave that below the case's folder.
my $house = tempdir(CLEANUP => 1);
mkdir "$house/$_" for qw(etc var log mail);
chmod 0755, $house, glob "$house/*";
$ENV{COURIER_HOME} = $house;
open my $settings, '>', "$house/etc/maildropsettings" or die;
print $settings "MAILDROPDEFAULT=./default-box\n";
close $settings;

sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }

sub run_filter {
	my ($program, $case) = @_;
	my $dir = tempdir(CLEANUP => 1);
	my $back = getcwd();
	chdir $dir or die;
	Courier::FilterCases::prepare($case);
	local $ENV{OUTER} = 'from outside';
	(local $ENV{TOOLS} = $bin) =~ s,/[^/]+$,,;
	my $status = system("timeout 120 $program $case->{opts} f arg1 arg2 <message >out 2>err");
	my %r = (rc => $status >> 8, out => slurp($case->{file} ? $case->{file} : 'out'), err => slurp('err'));
	chdir $back;
	return \%r;
}

for my $c (Courier::FilterCases::all()) {
	my $r = run_filter($bin, $c);
	my $good = $r->{rc} == $c->{rc} && $r->{out} eq $c->{want}
	    && (!defined $c->{err} || index($r->{err}, $c->{err}) >= 0);
	ok($good, "$c->{ids} $c->{title}")
	    or diag("exit $r->{rc}, want $c->{rc}\ngot:\n$r->{out}want:\n$c->{want}stderr: $r->{err}");
	next if !$other || ($c->{other} || '') eq 'no';
	my $o = run_filter($other, $c);
	is("$o->{rc}\n$o->{out}", "$r->{rc}\n$r->{out}", "$c->{ids} $c->{title}: as the other maildrop");
}
my $left = run_filter($bin, {filter => "X=1\n", opts => '', file => 'default-box'});
like($left->{out}, qr/^Subject: hello/m, 'what no filter disposes of stays below the folder of its case');
done_testing();
