#!/usr/bin/perl
# slow
# What the gate accepts from the network: relaying, aliases, limits, faults of messages.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $t = Courier::Test->new(
	users  => ['alice', 'bob', 'carol'],
	config => {esmtpd => {TARPIT => 0}},
	files  => {
		'smtpaccess/default' => "127.0.0.1\tallow\n",
		'aliases/more'       => "team: alice, bob\nsingle: alice\@example.test\nloopy: loopy\@example.test\n"
		    . "staff: team, carol\n\@virtual.test: carol\n",
		sizelimit            => "200000\n",
		esmtpacceptmailfor   => "backup.test\nexample.test\nvirtual.test\n",
	});
$t->command('makealiases');
is($?, 0, 'makealiases');
like($t->command('aliaslookup', 'staff'), qr/^alice\@\S+\nbob\@\S+\ncarol\@\S+\n\z/, 'aliases of aliases are followed');
is($t->command('aliaslookup', 'alice'), '', 'no alias: nothing');
$t->start;

sub session {
	my @commands = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	return map {$t->smtp($s, $_)} 'EHLO client.test', @commands;
}

my @r = session('MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.test>', 'RCPT TO:<nobody@example.test>',
	'RCPT TO:<y@elsewhere.example>', 'RCPT TO:<z@backup.test>', 'RCPT TO:<bare>', 'RCPT TO:<Postmaster>',
	'RCPT TO:<team@example.test>', 'RCPT TO:<alice@[127.0.0.1]>', 'RCPT TO:<any@virtual.test>',
	'RCPT TO:<alice-box@example.test>');
like($r[2], qr/^250 2\.1\.5/, 'a user of ours');
like($r[3], qr/^550 5\.1\.1 /, 'no such user');
like($r[4], qr/^513 5\.7\.1 /, 'no relaying');
like($r[5], qr/^250 /, 'esmtpacceptmailfor');
like($r[6], qr/^5\d\d /, 'a bare name');
like($r[7], qr/^250 /, 'postmaster');
like($r[8], qr/^250 /, 'an alias');
like($r[9], qr/^250 /, 'our address as domain');
like($r[10], qr/^(250|550) /, 'a virtual domain is looked up as an extension');
like($r[11], qr/^550 5\.1\.1 /, 'an extension without .courier file');

# ---- delivery through aliases ----------------------------------------------------------------

my %mail = (from => 'x@far.example');
like($t->send_mail(%mail, to => 'staff@example.test', text => "Subject: staff\n\nhi\n"), qr/^250 2\.0\.0 Ok\. /, 'mail to a list');
ok($t->wait_mail($_, qr/^Subject: staff$/m), "reaches $_") for qw(alice bob carol);
$t->send_mail(%mail, to => ['single@example.test', 'alice@example.test', 'team@example.test'], text => "Subject: once\n\n\n");
ok($t->wait_mail('bob', qr/^Subject: once$/m), 'several ways to one mailbox');
is(scalar(grep {$_->[1] =~ /^Subject: once$/m} $t->mailbox('alice')), 1, 'give one copy');

# ---- messages --------------------------------------------------------------------------------

my %to = (%mail, to => 'alice@example.test');
my $h = "Subject: x\n";
like($t->send_mail(%to, text => "$h\n" . ("x" x 70 . "\n") x 4000), qr/^5(23|52) 5\.3\.4 /, 'too large');
like($t->send_mail(%to, text => ("X-Long: " . "y" x 900 . "\n") x 150 . "\n"), qr/^534 5\.3\.4 /, 'header too large');
like($t->send_mail(%to, text => "Received: by x\n" x 101 . "$h\n"), qr/^546 5\.4\.6 /, 'a loop');
like($t->send_mail(%to, text => "Received: by x\n" x 100 . "$h\n"), qr/^250 /, 'one hop fewer');
like($t->send_mail(%to, text => "Subject: caf\xe9\n\n"), qr/^550 5\.6\.7 /, '8-bit header');
like($t->send_mail(%to, text => "$h\ncaf\xc3\xa9\n"), qr/^550 5\.6\.1 /, '8-bit body that is not declared');
like($t->send_mail(%to, text => "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
		. "Content-Transfer-Encoding: 8bit\n\ncaf\xc3\xa9\n"), qr/^250 /, 'declared');
like($t->send_mail(%to, text => "$h" . "no field at all\n\nx\n"), qr/^550 5\.6\.0 /, 'a line that is no field');
like($t->send_mail(%to, text => "MIME-Version: 1.0\nContent-Type: multipart/mixed\n\nx\n"), qr/^550 5\.6\.0 /, 'no boundary');
@r = session('MAIL FROM:<x@far.example> SIZE=300000');
like($r[1], qr/^5\d\d 5\.3\.4 /, 'announced too large');

$t->configure(submit => {BADMIME => 'accept', HEADER8BIT => 'mark'});
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(10, sub { $t->send_mail(%to, text => "Subject: caf\xe9\n\n") =~ /^250 / }), 'the settings change that');

$t->send_mail(%to, text => "Subject: forged\nReturn-Path: <evil\@x.example>\nAuthentication-Results: here; spf=pass\n\n");
my $m = $t->wait_mail('alice', qr/^Subject: forged$/m);
like($m, qr/^Old-Return-Path: <evil/m, 'Return-Path of others');
like($m, qr/^Old-Authentication-Results:/m, 'and what looks like our verdict');
like($m, qr/^Received: from client\.test \(.*\[127\.0\.0\.1\]\)\n\s+by \S+ with ESMTP\n\s+id \S+\n\s+for <alice/m, 'Received') or diag $m;

# ---- the access table ------------------------------------------------------------------------

$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,BLOCK=\"571 go away\"\n");
$t->command('makesmtpaccess');
is($?, 0, 'makesmtpaccess');
ok($t->wait_for(15, sub { (session('MAIL FROM:<x@far.example>', 'RCPT TO:<alice@example.test>'))[2] =~ /^571 .*go away/ }), 'BLOCK');
$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,RELAYCLIENT\n127.0.0.0/32\tdeny\n");
$t->command('makesmtpaccess');
ok($t->wait_for(15, sub { (session('MAIL FROM:<x@far.example>', 'RCPT TO:<y@elsewhere.example>'))[2] =~ /^250 / }), 'RELAYCLIENT');
$t->file('etc/smtpaccess/default', "127.0.0.1\tdeny\n127.0.0.1\tallow\n");
like($t->command('makesmtpaccess'), qr/line 2/, 'a block twice is a fault');
isnt($?, 0, 'and leaves the old table');
$t->file('etc/smtpaccess/default', "127\tdeny\n");
$t->command('makesmtpaccess');
ok($t->wait_for(15, sub { my $s = $t->connect('smtp'); $t->smtp_reply($s) =~ /^5/ }), 'deny');

$t->file('etc/aliases/more', "bad: a\@\@b\n");
like($t->command('makealiases'), qr/more:1: /, 'a fault in aliases is told with its line');
isnt($?, 0, 'and fails');
like($t->command('aliaslookup', 'single'), qr/^alice\@example\.test\n\z/, 'the old table stays');

done_testing;
