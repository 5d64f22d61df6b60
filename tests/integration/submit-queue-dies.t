#!/usr/bin/perl
# slow
# The scheduler dies while the gate has a whole message in hand and does not know yet: the client must
# not hear 250.  The gate sleeps meanwhile, so that it meets the dead edge when it hands the message
# over.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Storm;
use Courier::Test;
use Test::More;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0}});
my $storm = Courier::Storm->new($t);
$t->start;
my (@wrong, %codes);
for my $i (1 .. 12) {
	my $big = $i % 3 == 0;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', "MAIL FROM:<alice\@$t->{domain}>", "RCPT TO:<bob\@$t->{domain}>", 'DATA';
	my $p = $storm->processes;
	kill 'STOP', @{$p->{gate}};
	print $s "Subject: try$i\r\n\r\n", $big ? "x\r\n" x 60_000 : '', ".\r\n";
	select undef, undef, undef, 0.05;
	kill 'KILL', @{$p->{sched}};
	select undef, undef, undef, 0.05;
	kill 'CONT', @{$p->{gate}};
	my $r = $t->smtp_reply($s);
	my ($code) = $r =~ /^(\d+)/;
	$codes{$code // 'none'}++;
	$t->wait_for(10, sub { my $p = $storm->processes; ($p->{sched} || [0])->[0] && $t->command('courier', '-C', $t->path(''), 'show') !~ /not answer|cannot/ });
	push @wrong, "try$i: $r" if ($code // '') eq '250' && !$t->wait_mail('bob', qr/^Subject: try$i$/m, 5);
	push @wrong, "try$i: nothing was said" if !defined $code;
	if ($i % 4 == 0) { # the pauses between restarts grow
		$t->restart;
	}
}
is_deeply \@wrong, [], 'what was accepted is there' or diag join "\n", @wrong;
ok $codes{451}, 'and the others are put off';
diag join ', ', map {"$codes{$_} times $_"} sort keys %codes;
is $t->stop, '', 'stops';
done_testing;
