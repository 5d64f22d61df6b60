#!/usr/bin/perl
# slow
# A transport that the suite has never heard of comes with a program and a module file, and nothing
# else: its claims, results, deaths and questions (MTA-2301 MTA-2302 MTA-2303 MTA-2304 MTA-2307
# MTA-2319 MTA-2321).
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::Module qw(build_dir);

my $toy = build_dir() . '/tests/tools/toy-module';
my $t = Courier::Test->new(files => {retryalpha => "1s\n"});
my $box = $t->scratch . '/box';
mkdir $box;
chmod 01777, $box;
# as root the module runs as another user: it must be able to reach the program
if ($> == 0) {
	my $copy = $t->scratch . '/toy-module';
	system('cp', $toy, $copy) == 0 or die;
	chmod 0755, $copy;
	$toy = $copy;
}

sub module { my ($name, %v) = @_; $t->file("etc/module.$name", join '', map {"$_=\"$v{$_}\"\n"} sort keys %v) }

module('toy', NAME => 'toy', PRIORITY => 20, PROG => $toy, MAXDELS => 4, MAXHOST => 2, MAXRCPT => 10,
	CLAIM => '@toy.test @.toys.test @toy-*  list:toydomains', TOYBOX => $box);
module('asked', NAME => 'asked', PRIORITY => 30, PROG => $toy, CLAIM => '@asked.test @mine.test', ASK => 1);
# a left-over of an editor and of a package are no modules; one without a program takes mail in alone
$t->file('etc/module.old~', "rubbish\n");
$t->file('etc/module.toy.dist', "rubbish\n");
$t->file('etc/module.input', "NAME=input\nPRIORITY=1\nLIBRARY=libinput.so\nVERSION=1\n");
$t->file('etc/toydomains', "# domains of toys\nlisted.test\nmoved.test elsewhere.test\n");
$t->file('etc/esmtpacceptmailfor', "example.test\ntoy.test\nmine.test\n");
$t->file('etc/smtpaccess/default', "127.0.0.1\tallow\n");
$t->command('makesmtpaccess');
$t->start;

sub sendmail {
	my ($text, @rcpts) = @_;
	local $ENV{COURIER_HOME} = $t->path('');
	open my $p, '|-', Courier::Test::program('sendmail'), '-f', 'alice@example.test', @rcpts or die;
	print $p $text;
	close $p;
	return $? >> 8;
}

# The control file of a message that waits, by its recipient.
sub control {
	my ($re) = @_;
	for my $f (glob $t->path('var/queue/msgs/*/C*')) {
		open my $fh, '<', $f or next;
		local $/;
		my $text = <$fh> // '';
		return $text if $text =~ $re;
	}
	return '';
}

sub in_box {
	my ($re, $seconds) = @_;
	return $t->wait_for($seconds || 15, sub {
		for my $f (glob "$box/*") {
			open my $fh, '<', $f or next;
			local $/;
			my $text = <$fh>;
			return $text if defined $text && $text =~ $re;
		}
		return;
	});
}

# ---- claims of the file -------------------------------------------------------------------------

for (['ok@toy.test', 'toy.test'], ['ok@a.b.toys.test', 'a.b.toys.test'], ['ok@toy-3', 'toy-3'],
	['ok@listed.test', 'listed.test'], ['ok@moved.test', 'elsewhere.test']) {
	my ($to, $host) = @$_;
	is(sendmail("Subject: for $to\n\nhello\n", $to), 0, "MTA-2301 $to is taken");
	my $got = in_box(qr/^Subject: \Qfor $to\E$/m);
	like($got // '', qr/^sender alice\@example\.test\nhost \Q$host\E\nto \Q$to\E\n/, "... and reaches the toy");
}
like($t->log, qr/started,.*module=toy,host=toy\.test,addr=<ok\@toy\.test>/, 'MTA-2302 by its name');
ok(!-e $t->path('etc/module.toy.dat'), 'nothing was built for it');

# local has priority 10 and esmtp 50: the toy at 20 is not asked about accounts, but before esmtp
sendmail("Subject: for alice\n\nx\n", 'alice@example.test');
ok($t->wait_mail('alice', qr/^Subject: for alice$/m), 'MTA-2303 accounts stay with local');

sendmail("Subject: far\n\nx\n", 'bob@far.test');
ok($t->wait_for(10, sub { $t->log =~ /module=esmtp,host=far\.test,addr=<bob\@far\.test>/ }),
	'MTA-2323 other hosts are left to esmtp, with domain and address');

# from the network: toy.test is in esmtpacceptmailfor, the others are not
like($t->send_mail(from => 's@sender.test', to => 'ok@toy.test', text => "Subject: net\n\nx\n"), qr/^250/,
	'the network may send where esmtpacceptmailfor says');
ok(in_box(qr/^Subject: net$/m), '... and it arrives');
like($t->send_mail(from => 's@sender.test', to => 'ok@listed.test', text => "Subject: no\n\nx\n"), qr/^513/,
	'a claim opens no relay');

# ---- results ------------------------------------------------------------------------------------

is(sendmail("Subject: several\n\nx\n", map {"$_\@toy.test"} qw(one two three)), 0, 'three recipients');
ok(in_box(qr/^to $_\@toy\.test\n.*^Subject: several$/ms), "$_ has it") for qw(one two three);
is(scalar(() = $t->log =~ /started,[^\n]*addr=<(?:one|two|three)\@toy\.test>/g), 3, 'MTA-2307 in one delivery');

sendmail("Subject: fails\n\nx\n", 'fail@toy.test');
my $bounce = $t->wait_mail('alice', qr/the toy does not want it/);
like($bounce // '', qr/Action: failed.*Status: 5\.1\.1/s, 'a failure is reported');

sendmail("Subject: tired\n\nx\n", 'defer@toy.test');
ok($t->wait_for(15, sub { control('defer\@toy') =~ /^D.*the toy is tired|the toy is tired.*^D/ms }), 'a deferral waits, with its reason');
sendmail("Subject: forgotten\n\nx\n", 'forget@toy.test');
ok($t->wait_for(15, sub { control('forget\@toy') =~ /^D/m }),
	'a recipient without a result is deferred, and its slot is free again');

# it dies: started again, and others' mail still goes through
sendmail("Subject: dies\n\nx\n", 'die@toy.test');
ok($t->wait_for(20, sub { $t->log =~ /toy 0 died of signal 9/ }), 'the module dies');
sendmail("Subject: after\n\nx\n", 'ok@toy.test');
ok(in_box(qr/^Subject: after$/m, 40), '... and works on');

# ---- a module that is asked ---------------------------------------------------------------------

sub rcpt {
	my ($to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	$t->smtp($s, 'MAIL FROM:<s@sender.test>');
	my $r = $t->smtp($s, "RCPT TO:<$to>");
	print $s "QUIT\r\n";
	return $r;
}
like(rcpt('plain@asked.test'), qr/^513 5\.7\.1 Relaying denied/, 'yes is not open');
like(rcpt('open@asked.test'), qr/^250/, 'open is');
like(rcpt('plain@mine.test'), qr/^250/, 'yes is enough where mail is accepted anyhow');
like(rcpt('refuse@asked.test'), qr/^554 5\.7\.1 not in this toy shop/, 'a refusal in its own words');
like(rcpt('wait@asked.test'), qr/^451 4\.3\.0 counting/, 'it may want time');
like(rcpt('no@asked.test'), qr/^513/, 'what it does not want goes to the next, with that one\'s rules');
is(sendmail("Subject: ask\n\nx\n", 'plain@asked.test'), 0, 'programs may');
ok($t->wait_for(15, sub { $t->log =~ m{module=asked,host=asked,addr=<plain/local>} }), 'host and address are its own');
is(sendmail("Subject: refused\n\nx\n", 'refuse@asked.test') != 0, 1, 'a refusal is for programs too');

# it hangs, and dies: a temporary error, never the wrong way
like(rcpt('hang@asked.test'), qr/^451 4\.3\.0 The module/, 'no answer in time');
my ($pid) = $t->command('courier', '-C', $t->path(''), 'status') =~ /^asked +\d+ +([1-9]\d*) /m;
ok($pid && kill(9, $pid), 'it is killed');
ok($t->wait_for(30, sub { rcpt('open@asked.test') =~ /^250/ }), 'after its death it is asked again');

# ---- nobody's -----------------------------------------------------------------------------------

rename $t->path('etc/module.esmtp'), $t->scratch . '/module.esmtp';
$t->restart;
is(sendmail("Subject: nowhere\n\nx\n", 'a@far.test'), 0, 'an address that no module takes');
like($t->wait_mail('alice', qr/Subject: nowhere/) // '', qr/No way leads to this address.*Action: failed|Action: failed.*No way leads to this address/s,
	'MTA-2321 fails for good');
is($t->stop, '', 'stopped');
done_testing;
