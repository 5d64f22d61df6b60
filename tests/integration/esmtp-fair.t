#!/usr/bin/perl
# slow
# Two hosts keep the module busy; mail for a third one does not wait for theirs, and connections serve
# more than one message.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
require Courier::FakeSMTP;

my $each = 30;
my @busy = map { Courier::FakeSMTP->new(end => sub { select undef, undef, undef, 0.5; return '250 2.0.0 Ok' }) } 1, 2;
my $third = Courier::FakeSMTP->new;
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, MAXPERIP => 1000}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", esmtpdelay => "0\n", esmtptimeoutkeepalive => "60s\n",
		'module.esmtp' => "NAME=esmtp\nPRIORITY=50\nPROG=courieresmtp\nMAXDELS=8\nMAXHOST=5\nMAXRCPT=100\n",
		esmtproutes => join '', map { "$_->[0].test:[127.0.0.1],@{[$_->[1]->port]}\n" } ['one', $busy[0]], ['two', $busy[1]], ['three', $third]});
$t->start;
sub give { my ($d, $n) = @_; return $t->send_mail(from => 'alice@' . $t->domain, to => "x\@$d.test", text => "Subject: $d$n\n\nx\n") }
for my $n (1 .. $each) { give($_, $n) =~ /^250/ or die 'not taken' for 'one', 'two' }
ok($t->wait_for(30, sub { !grep { $_->messages < 2 } @busy }), 'two hosts are at work');
give('three', 1);
ok($t->wait_for(60, sub { $third->messages }), 'a new host gets its mail');
my @left = map { $each - $_->messages } @busy;
ok(!(grep { $_ <= 0 } @left), '... before the queue of the others is done') or diag "left: @left";
give('three', 2);
ok($t->wait_for(60, sub { $third->messages == 2 }), '... and the next one');
is($third->connections, 1, '... over the same connection');
ok($t->wait_for(120, sub { !grep { $_->messages < $each } @busy }), 'all of it arrives');
for my $i (0, 1) {
	my $n = () = $busy[$i]->messages;
	is($n, $each, 'each message once');
	cmp_ok($busy[$i]->connections, '<=', 5, 'over no more connections than MAXHOST allows');
}
is($t->stop, '', 'stops');
done_testing;
