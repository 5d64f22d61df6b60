#!/usr/bin/perl
# Some hundred clients that begin and end their messages at the same moment, several times: every one is
# taken (numbers of the queue come in blocks; one that is used up must not refuse anybody).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Time::HiRes qw(sleep);

my ($clients, $rounds) = (600, 3);
my $t = Courier::Test->new(
	config => {
		esmtpd => {TARPIT => 0, MAXDAEMONS => 1000, MAXPERIP => 1000, MAXPERC => 1000, ESMTP_MAXIDLE => 1000},
		courierd => {GATE_WORKERS => 1},
	},
);
$t->start;
my @s = map {$t->connect('smtp')} 1 .. $clients;
for my $s (@s) {
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO burst.test');
}
my ($sched) = map {/^sched +\d+ +([1-9]\d*) / ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
ok $sched, 'the scheduler was found';
my %got;
for (1 .. $rounds) {
	# the scheduler has something else to do: it finds all of them at once
	kill 'STOP', $sched;
	print $_ "MAIL FROM:<a\@burst.test>\r\nRCPT TO:<alice\@example.test>\r\nDATA\r\n" for @s;
	sleep 0.5;
	kill 'CONT', $sched;
	for my $s (@s) {
		$got{substr $t->smtp_reply($s), 0, 3}++ for 1 .. 3;
	}
	print $_ "Subject: burst\r\n\r\nx\r\n.\r\n" for @s;
	$got{'end ' . substr $t->smtp_reply($_), 0, 3}++ for @s;
}
my $all = $clients * $rounds;
is_deeply \%got, {250 => 2 * $all, 354 => $all, 'end 250' => $all}, "$all messages, none refused" or diag explain \%got;
ok $t->wait_for(60, sub {$t->mailbox('alice') == $all}), 'all delivered' or diag scalar $t->mailbox('alice');
done_testing;
