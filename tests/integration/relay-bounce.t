#!/usr/bin/perl
# Mail from one instance to another, and what the sender hears when it can't be delivered: the
# report of a failure, of a delay, of the end of patience, of a success; the double bounce.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;

my $bad = Courier::FakeSMTP->new(on => {RCPT => "550 5.1.1 nobody\n550 5.1.1 of that name"});
my $plain = Courier::FakeSMTP->new(ehlo => []);
my $dead = do {
	my $s = Courier::FakeSMTP->new;
	my $port = $s->port;
	$s->stop;
	$port;
};
my $there = Courier::Test->new(users => ['carol'], domain => 'there.test');
$there->start;
my $here = Courier::Test->new(users => ['alice', 'bob'], domain => 'here.test',
	config => {courierd => {ESMTP_BLOCKBACKSCATTER => ''}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}},
	files => {
		esmtproutes => "there.test:[127.0.0.1]," . $there->port('smtp') . "/SECURITY=REQUIRED\n" .
		    "dead.test:[127.0.0.1],$dead\nplain.test:[127.0.0.1]," . $plain->port . "\n" .
		    ":[127.0.0.1]," . $bad->port . "\n",
		resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n", retryalpha => "1s\n",
		warntime => "2s\n", queuetime => "8s\n",
	});
$here->start;

sub send_to {
	my ($to, $subject, $from, $mail, $rcpt) = @_;
	my $s = $here->connect('smtp');
	$here->smtp_reply($s);
	my $r = '';
	for my $cmd ('EHLO client.test', 'MAIL FROM:<' . ($from // 'alice@here.test') . '>' . ($mail // ''),
		"RCPT TO:<$to>" . ($rcpt // ''), 'DATA') {
		$r = $here->smtp($s, $cmd);
		return $r unless $r =~ /^[23]/;
	}
	print $s "Subject: $subject\r\nFrom: <alice\@here.test>\r\nTo: <$to>\r\n" .
	    "Date: Mon, 1 Jan 2024 00:00:00 +0000\r\nMessage-ID: <$subject\@x>\r\n\r\n.stuffed\r\ntext of $subject\r\n";
	return $here->smtp($s, '.');
}

# ---- relayed ------------------------------------------------------------------------------

like(send_to('carol@there.test', 'relayed'), qr/^250/, 'mail for the other instance is taken');
my $text = $there->wait_mail('carol', qr/^Subject: relayed$/m);
ok($text, 'and gets there');
like($text // '', qr/^Received: from mail\.here\.test.*?\n(?:\s.*\n)*?.*with (?:UTF8S|E)SMTPS/m, 'over TLS');
like($text // '', qr/^\.?stuffed$/m, 'with its text');
ok($here->log_lines(qr/courieresmtp.*addr=<carol\@there\.test>,success: delivered: \[127\.0\.0\.1\]/), 'the log says so');

# ---- a failure ----------------------------------------------------------------------------

like(send_to('x@bad.test', 'refused', undef, ' ENVID=QQ42', ' ORCPT=rfc822;First@bad.test'), qr/^250/, 'mail for a host that refuses');
$text = $here->wait_mail('alice', qr/text of refused/) // '';
like($text, qr/^Return-Path: <>$/m, 'the report has the null sender');
like($text, qr{^Content-Type: multipart/report; report-type=delivery-status;}m, 'it is a multipart/report');
like($text, qr/^Original-Envelope-Id: QQ42$/m, 'ENVID');
like($text, qr/^Original-Recipient: rfc822;First\@bad\.test$/mi, 'ORCPT');
like($text, qr/^Final-Recipient: rfc822; x\@bad\.test\nAction: failed\nStatus: 5\.1\.1$/m, 'who, what, why');
like($text, qr/^Diagnostic-Code: smtp; 550-5\.1\.1 nobody\n\s+550 5\.1\.1 of that name$/m, 'the answer as it was');
like($text, qr/^ >>> RCPT TO:<x\@bad\.test>/m, 'the command');
like($text, qr{^Content-Type: message/rfc822$}m, 'the message comes back');

is(substr(send_to('x@bad.test', 'silent', undef, '', ' NOTIFY=NEVER'), 0, 3), '250', 'NOTIFY=NEVER');
is(substr(send_to('x@bad.test', 'headers', undef, ' RET=HDRS'), 0, 3), '250', 'RET=HDRS');
$text = $here->wait_mail('alice', qr/^Subject: headers$/m) // '';
like($text, qr{^Content-Type: text/rfc822-headers$}m, 'RET=HDRS: the header alone');
unlike($text, qr/text of headers/, 'RET=HDRS: no text');

# ---- a success ----------------------------------------------------------------------------

send_to('x@plain.test', 'success', undef, '', ' NOTIFY=SUCCESS');
$text = $here->wait_mail('alice', qr/^Subject: success$/m) // '';
like($text, qr/^Action: relayed\nStatus: 2\.\d+\.\d+$/m, 'MTA-0922: passed on to a host without DSN: relayed');
send_to('bob@here.test', 'delivered', undef, '', ' NOTIFY=SUCCESS');
$text = $here->wait_mail('alice', qr/^Subject: delivered$/m) // '';
like($text, qr/^Action: delivered\nStatus: 2\.\d+\.\d+$/m, 'a mailbox of ours: delivered');

# ---- a dead host --------------------------------------------------------------------------

send_to('x@dead.test', 'patience');
$text = $here->wait_mail('alice', qr/^Action: delayed$/m, 30) // '';
like($text, qr/^Status: 4\.4\.1$/m, 'a dead host: the delay is reported');
like($text, qr/^X-Network-Error: Connection refused$/m, 'with the reason');
like($text, qr/^Will-Retry-Until: /m, 'and how long it will be tried');
$text = $here->wait_mail('alice', qr/^Final-Recipient: rfc822; x\@dead\.test\nAction: failed$/m, 60) // '';
ok($text, 'then the failure');
like($text, qr/text of patience/, 'with the message');

# ---- reports about reports ----------------------------------------------------------------

send_to('x@bad.test', 'double', 'nobody@elsewhere.test');
my $found = $here->wait_for(30, sub { $here->log_lines(qr/courierdsn.*from=<#\@\[\]>.*to=<postmaster/) });
ok($found, 'a report that fails makes one to postmaster');
$here->wait_empty_queue(30);
ok(!$here->log_lines(qr/courierdsn.*report dropped/), 'which gets there');
ok(!(grep { $_->[1] =~ /text of silent/ } $here->mailbox('alice')), 'NOTIFY=NEVER: no report came');

done_testing;
