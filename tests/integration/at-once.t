#!/usr/bin/perl
# slow
# MTA-0118: files that count as soon as they are written, without courier reload.  aliasfilteracct is
# shown by filters-mailbox.t, tables by names.t and submit-policy.t, files of virtual hosts by vhost.t.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::FakeSMTP;

my ($one, $two) = (Courier::FakeSMTP->new, Courier::FakeSMTP->new(ehlo => ['AUTH PLAIN']));
my $t = Courier::Test->new(
	users  => ['alice'],
	config => {esmtpd => {TARPIT => 0, NOADDMSGID => 0}},
	files  => {
		'smtpaccess/default' => "127\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $one->port . "\n",
		esmtpdelay => "0\n",
		esmtptimeoutkeepalive => "1s\n",
	});
my $d = $t->domain;
$t->command('makesmtpaccess');
$t->start;

sub greeting { my $s = $t->connect('smtp'); my $g = $t->smtp_reply($s); return ($g, $t->smtp($s, 'EHLO c.test')) }
sub send_far { $t->send_mail(from => "alice\@$d", to => 'x@far.test', text => "Subject: $_[0]\n\nx\n") }
sub reloads { scalar(() = $t->log =~ /reloading the configuration/g) }

send_far('first');
ok($t->wait_for(20, sub { $one->messages == 1 }), 'mail goes where esmtproutes says');

# ---- the gate
$t->file('etc/esmtpgreeting', "other.test greets ESMTP\n");
ok($t->wait_for(20, sub { (greeting())[0] =~ /^220 other\.test greets/ }), 'MTA-0118: esmtpgreeting counts at once');
$t->file('etc/sizelimit', "7000\n");
ok($t->wait_for(20, sub { (greeting())[1] =~ /SIZE 7000\b/ }), 'MTA-0118: sizelimit');
$t->file('etc/msgidhost', "ids.test\n");
my $n = 0;
ok($t->wait_for(20, sub {
	$n++;
	$t->send_mail(from => "alice\@$d", to => "alice\@$d", text => "Subject: id$n\n\nx\n");
	$t->wait_empty_queue;
	return grep { $_->[1] =~ /^Message-ID: <[^>]*\@ids\.test>/mi } $t->mailbox('alice');
}), 'MTA-0118: msgidhost');
unlink $t->path('etc/esmtpgreeting');
ok($t->wait_for(20, sub { (greeting())[0] !~ /other\.test/ }), 'a file that goes counts at once, too');

# ---- the esmtp module
$t->file('etc/esmtproutes', ':[127.0.0.1],' . $two->port . "\n");
$n = 0;
ok($t->wait_for(20, sub { send_far('second'); select undef, undef, undef, 0.5; $two->messages > 0 }), 'MTA-0118: esmtproutes');
is(scalar(grep { /^AUTH/ } $two->commands), 0, 'without AUTH');
$t->file('etc/esmtpauthclient', '[127.0.0.1],' . $two->port . " joe secret\n");
chmod 0600, $t->path('etc/esmtpauthclient');
ok($t->wait_for(20, sub { send_far('third'); select undef, undef, undef, 0.5; grep { /^AUTH PLAIN/ } $two->commands }), 'MTA-0118: esmtpauthclient');

# ---- a fault changes nothing, and is told once
my $before = reloads();
$t->file('etc/esmtproutes', "no route at all\n");
ok($t->wait_for(20, sub { scalar $t->log_lines(qr/the new configuration has faults/) }), 'a faulty file is refused');
my $had = $two->messages;
send_far('fourth');
ok($t->wait_for(20, sub { $two->messages > $had }), 'the old one stays in force');
select undef, undef, undef, 5;
is(scalar(my @l = $t->log_lines(qr/the new configuration has faults/)), 1, 'and it is told once');
is(reloads(), $before, 'nothing was reloaded');
$t->file('etc/esmtproutes', ':[127.0.0.1],' . $one->port . "\n");
$had = $one->messages;
ok($t->wait_for(20, sub { send_far('fifth'); select undef, undef, undef, 0.5; $one->messages > $had }), 'put right, it counts');

# ---- other files wait for a reload
$before = reloads();
$t->configure(esmtpd => {TARPIT => 1});
select undef, undef, undef, 5;
is(reloads(), $before, 'other files are left alone');
is($t->stop, '', 'stops');
done_testing;
