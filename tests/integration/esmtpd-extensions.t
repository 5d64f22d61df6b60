#!/usr/bin/perl
# slow
# The extensions of the server, through queue and client to where they end: CHUNKING and BINARYMIME
# (RFC 3030), DELIVERBY (RFC 2852), FUTURERELEASE (RFC 4865), REQUIRETLS (RFC 8689), LIMITS (RFC 9422),
# SECURITY (MTA-1008, MTA-1009), DSN (MTA-1013), SMTPUTF8 (MTA-1012), the words of RFC 3848 (MTA-1014),
# PIPELINING, SIZE and 8BITMIME (MTA-1015), and what an administrator has switched off.
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Encode qw(encode_utf8);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;
eval { require IO::Socket::SSL; 1 } or plan skip_all => 'IO::Socket::SSL is missing';

my $dir = File::Temp->newdir('ext.XXXXXX', TMPDIR => 1);
system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost " .
	"-keyout $dir/k -out $dir/crt >/dev/null 2>&1 && cat $dir/crt $dir/k > $dir/pem");
plan skip_all => 'openssl is missing' if !-s "$dir/pem";
# hosts that know much, nothing, and refuse; one that can't be reached
my @tls = (cert => "$dir/pem", tls_options => {}, host => '127.0.0.1');
my $good = Courier::FakeSMTP->new(@tls, ehlo => [qw(PIPELINING STARTTLS 8BITMIME SMTPUTF8 DSN DELIVERBY REQUIRETLS), 'XSECURITY=NONE,STARTTLS']);
my $plain = Courier::FakeSMTP->new(ehlo => ['PIPELINING']);
my $down = Courier::FakeSMTP->new(greeting => '421 4.3.2 not today');

my $t = Courier::Test->new(
	config => {
		esmtpd => {TARPIT => 0},
		'esmtpd-msa' => {TARPIT => 0},
		'esmtpd-ssl' => {TARPIT => 0, ESMTP_MAXHOLD => '1h', ESMTP_DISCARD => 'PRDR xverp', ESMTP_MAXMAILS => 50},
		courierd => {ESMTP_BLOCKBACKSCATTER => '', TLS_TRUSTCERTS => "$dir/crt", TLS_TRUSTSECURITYCERTS => "$dir/crt"},
		submit => {BOFHSUPPRESSBACKSCATTER => 'none'},
	},
	files => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => "good.example:localhost,@{[$good->port]}/IPV4ONLY\nplain.example:[127.0.0.1],@{[$plain->port]}\n" .
		    ":[127.0.0.1],@{[$down->port]}\n",
		resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n", retryalpha => "1\n", retrygamma => "1\n",
	});
my $domain = $t->domain;
$t->start;

sub dialog {
	my ($s, @commands) = @_;
	my $r = '';
	$r = $t->smtp($s, $_) for @commands;
	return $r;
}
sub session {
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	return ($s, $t->smtp($s, 'EHLO client.test'));
}
# Under TLS and logged in.
sub login {
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0)
	    or die 'no TLS';
	$s->autoflush(1);
	$t->smtp_reply($s);
	my $hello = $t->smtp($s, 'EHLO client.test');
	my $r = $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@$domain\0$Courier::Test::PASSWORD", ''));
	$r =~ /^235/ or die "AUTH: $r";
	return ($s, $hello);
}
sub text { my ($s, $text) = @_; $t->smtp($s, 'DATA') =~ /^354/ or return ''; print $s $text; return $t->smtp($s, '.') }
sub letter { my ($subject) = @_; return "From: <alice\@$domain>\r\nSubject: $subject\r\n\r\nbody of $subject\r\n" }
sub report { my ($about) = @_; return $t->wait_mail('alice', qr/^Auto-Submitted:.*\Q$about\E/ms) // '' }

# ---- BDAT
{
	my ($s, $hello) = session();
	like $hello, qr/^250[- ]$_\r$/m, "offers $_" for qw(CHUNKING BINARYMIME DELIVERBY PRDR), 'XSECURITY=NONE,STARTTLS';
	unlike $hello, qr/REQUIRETLS|FUTURERELEASE/, 'what needs TLS, or is for submission, is not offered';
	like $hello, qr/^250[- ]LIMITS RCPTMAX=100\r$/m, 'LIMITS';
	my $body = join '', map {"line $_ " . 'x' x ($_ % 70) . "\r\n.\r\n"} 1 .. 4000;
	my $text = "Subject: in chunks\r\nFrom: <a\@client.test>\r\n\r\n$body";
	dialog($s, 'MAIL FROM:<a@client.test>', "RCPT TO:<alice\@$domain>");
	srand 99;
	my ($n, $out) = (0, '');
	for (my $at = 0; $at < length $text;) { # all at once: pipelined
		my $size = 1 + int rand 9000;
		my $piece = substr $text, $at, $size;
		$at += $size;
		$out .= 'BDAT ' . length($piece) . "\r\n$piece";
		$n++;
	}
	my $pid = fork // die;
	if (!$pid) {
		print $s $out . "BDAT 0 LAST\r\nNOOP\r\n";
		POSIX::_exit(0);
	}
	my @codes = map {substr $t->smtp_reply($s), 0, 3} 1 .. $n + 2;
	waitpid $pid, 0;
	is join('', grep {$_ ne '250'} @codes), '', "$n chunks and LAST, pipelined";
	(my $want = $body) =~ s/\r\n/\n/g;
	my $got = $t->wait_mail('alice', qr/^Subject: in chunks$/m) // '';
	is substr($got, -length $want), $want, 'delivered as it was, dots and all';
	like dialog($s, 'MAIL FROM:<a@client.test>', "RCPT TO:<alice\@$domain>", "BDAT 10 LAST\r\na\r\n.\nb\r\n"), qr/^554 5\.5\.2/,
	    'a LF that stands alone is refused';
	like $t->smtp($s, 'NOOP'), qr/^250 /, '... and nothing of it was a command';
}

# ---- BINARYMIME
{
	my $picture = join '', map {chr} 0 .. 255, 13, 10, 10, 13;
	$picture x= 3000; # more than is kept in memory
	my $text = "Subject: binary\r\nFrom: <a\@client.test>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=cut\r\n" .
	    "Content-Transfer-Encoding: binary\r\n\r\n--cut\r\nContent-Type: text/plain\r\n\r\nhello\r\n" .
	    "--cut\r\nContent-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n$picture\r\n--cut--\r\n";
	my ($s) = session();
	like dialog($s, 'MAIL FROM:<a@client.test> BODY=BINARYMIME', "RCPT TO:<bob\@$domain>", 'DATA'), qr/^503 5\.5\.1/, 'binary text can\'t come by DATA';
	my $half = int(length($text) / 2);
	print $s "BDAT $half\r\n", substr($text, 0, $half), 'BDAT ' . (length($text) - $half) . " LAST\r\n", substr($text, $half);
	like $t->smtp_reply($s) . $t->smtp_reply($s), qr/^250 .*\n250 2\.0\.0 Ok\./, 'BINARYMIME in two chunks';
	my $got = $t->wait_mail('bob', qr/^Subject: binary$/m) // '';
	unlike $got, qr/\r/, 'no CR is left';
	like $got, qr/^Content-Transfer-Encoding: base64\nX-Mime-Autoconverted: from binary to base64 by /m, 'the part says what became of it';
	my ($coded) = $got =~ /Autoconverted: from binary.*?\n\n(.*?)\n--cut/s;
	ok MIME::Base64::decode_base64($coded // '') eq $picture, 'byte for byte';
	like $got, qr/^Content-Transfer-Encoding: 7bit$/m, 'the whole is not called binary any more';
	my $bad = "Subject: a\nTo: b\r\n\r\nx\r\n";
	dialog($s, 'MAIL FROM:<a@client.test> BODY=BINARYMIME', "RCPT TO:<bob\@$domain>");
	print $s 'BDAT ' . length($bad) . " LAST\r\n$bad";
	like $t->smtp_reply($s), qr/^554 5\.6\.1/, 'a LF that stands alone in the header is refused';
}

# ---- DELIVERBY
{
	my ($s) = session();
	dialog($s, "MAIL FROM:<alice\@$domain> BY=2;R", 'RCPT TO:<late@down.example>');
	my $began = time;
	like text($s, letter('too late')), qr/^250/, 'BY=2;R';
	my $r = report('late@down.example');
	like $r, qr/^Action: failed\nStatus: 5\.4\.7$/m, 'comes back when the time is over';
	like $r, qr/^Deliver-By-Date: /m, 'the report names the time';
	ok time - $began <= 60, 'soon after';
	dialog($s, "MAIL FROM:<alice\@$domain> BY=2;N", 'RCPT TO:<slow@down.example>');
	text($s, letter('slow'));
	like report('slow@down.example'), qr/^Action: delayed\nStatus: 4\.4\.7$/m, 'BY=2;N: the sender is told';
	like $t->command('mailq'), qr/slow\@down/, '... and it is tried further';
	dialog($s, "MAIL FROM:<alice\@$domain> BY=600;RT", 'RCPT TO:<traced@good.example>');
	text($s, letter('traced'));
	like report('traced@good.example'), qr/^Action: relayed$/m, 'trace: told that it was handed on';
	like join("\n", $good->commands), qr/ BY=\d+;RT/, '... with what is left of the time';
	like dialog($s, "MAIL FROM:<alice\@$domain> BY=0;R"), qr/^501/, 'no time at all';
}

# ---- REQUIRETLS, SECURITY
{
	my ($s, $hello) = login();
	like $hello, qr/^250[- ]REQUIRETLS\r$/m, 'offered under TLS';
	dialog($s, "MAIL FROM:<alice\@$domain> REQUIRETLS", 'RCPT TO:<private@good.example>');
	text($s, letter('private'));
	ok $t->wait_for(20, sub {join("\n", $good->commands) =~ /^MAIL.* REQUIRETLS/m}), 'REQUIRETLS is handed on';
	dialog($s, "MAIL FROM:<alice\@$domain> REQUIRETLS RET=FULL", 'RCPT TO:<private@plain.example>');
	text($s, letter('too private'));
	my $r = report('private@plain.example');
	like $r, qr/^Status: 5\.7\.30$/m, 'and comes back where TLS or the word is missing';
	unlike $r, qr/body of too private/, 'without its body';
	is scalar($plain->messages), 0, 'nothing went there';
	dialog($s, "MAIL FROM:<alice\@$domain> XSECURITY=STARTTLS", 'RCPT TO:<secure@good.example>');
	text($s, letter('secure'));
	ok $t->wait_for(20, sub {join("\n", $good->commands) =~ /^MAIL.* SECURITY=STARTTLS/m}), 'MTA-1008: SECURITY is handed on';
	dialog($s, "MAIL FROM:<alice\@$domain> SECURITY=STARTTLS", 'RCPT TO:<secure@plain.example>', "RCPT TO:<alice\@$domain>");
	text($s, letter('too secure'));
	like report('secure@plain.example'), qr/^Status: 5\.7\.5$/m, 'MTA-1009: it comes back from where there is none';
	ok $t->wait_mail('alice', qr/^Subject: too secure$/m), 'MTA-1009: local delivery ignores it';
	for my $word (qw(SECURITY=STARTTLS REQUIRETLS)) {
		dialog($s, "MAIL FROM:<sender\@good.example> $word", 'RCPT TO:<far@plain.example>');
		text($s, letter('inherited'));
		ok $t->wait_for(20, sub {join("\n", $good->commands) =~ /^MAIL FROM:<>.* $word/m}), "MTA-1009: a report inherits $word";
	}
	my ($x) = session();
	like $t->smtp($x, "MAIL FROM:<alice\@$domain> REQUIRETLS"), qr/^530 5\.7\.10/, 'REQUIRETLS in clear is refused';
}

# ---- TLS-Required: No
{
	my ($s) = session();
	dialog($s, "MAIL FROM:<alice\@$domain>", 'RCPT TO:<any@down.example>');
	my ($tail) = text($s, "TLS-Required: No\r\n" . letter('any way')) =~ /Ok\. (\S+)\r/;
	$tail //= 'none';
	my ($id) = $t->command('mailq', '-batch') =~ /;([0-9A-F]+\.\Q$tail\E);/;
	like $t->command('courier', '-C', $t->path(''), 'show', $id // 'none'), qr/^tls\s+optional$/m, 'TLS-Required: No goes with the message';
}

# ---- FUTURERELEASE
{
	my ($s, $hello) = login();
	like $hello, qr/^250[- ]FUTURERELEASE 3600 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ\r$/m, 'offered at the submission port with its limits';
	like dialog($s, "MAIL FROM:<alice\@$domain> HOLDFOR=3601"), qr/^501/, 'too far';
	like dialog($s, "MAIL FROM:<alice\@$domain> HOLDFOR=5 HOLDUNTIL=2030-01-01T00:00:00Z"), qr/^501/, 'both';
	dialog($s, "MAIL FROM:<alice\@$domain> HOLDFOR=12", "RCPT TO:<bob\@$domain>");
	my $began = time;
	like text($s, letter('from the past')), qr/^250/, 'HOLDFOR';
	dialog($s, "MAIL FROM:<alice\@$domain> HOLDUNTIL=" . strftime('%Y-%m-%dT%H:%M:%SZ', gmtime time + 3000), "RCPT TO:<bob\@$domain>");
	like text($s, letter('never')), qr/^250/, 'HOLDUNTIL';
	# the scheduler dies, which has it in its journal alone; then an orderly restart; then a flush
	my ($pid) = $t->command('courier', '-C', $t->path(''), 'status') =~ /^sched +\d+ +(\d+)/m;
	is kill('KILL', $pid // 0), 1, 'the scheduler is killed';
	ok $t->wait_for(20, sub {$t->command('mailq') =~ /^held/m}), '... and knows them when it is back';
	$t->restart;
	$t->command('courier', '-C', $t->path(''), 'flush');
	my $list = $t->command('mailq', '-batch');
	is scalar(() = $list =~ /alice\@\Q$domain\E/g) >= 2, 1, 'both wait, also after a restart and a flush' or diag($list);
	like $t->command('mailq'), qr/^held +bob\@/m, 'mailq says why';
	my $got = $t->wait_mail('bob', qr/^Subject: from the past$/m);
	ok $got && time - $began >= 11, 'released in time';
	my ($id) = $t->command('mailq', '-batch') =~ /^\s*\d+\s*;([0-9A-F.]+);[^\n]*bob\@/m;
	ok $id, 'the other one is in the list';
	$t->command('cancelmsg', $id // 'none');
	ok $t->wait_for(20, sub {$t->command('mailq', '-batch') !~ /\Q$id\E/}), 'it can be cancelled' or diag($t->command('mailq', '-batch'));
	ok !(grep {$_->[1] =~ /^Subject: never$/m} $t->mailbox('bob')), '... and is not delivered';
}

# ---- what was switched off, and limits
{
	my ($s, $hello) = login();
	unlike $hello, qr/PRDR|XVERP/, 'ESMTP_DISCARD';
	like $hello, qr/^250[- ]LIMITS RCPTMAX=100 MAILMAX=50\r$/m, 'LIMITS says ESMTP_MAXMAILS';
	like dialog($s, "MAIL FROM:<alice\@$domain> VERP"), qr/^555/, '... and it does not work either';
}

# ---- RFC 3848, SMTPUTF8, DSN
{
	my %with = (SMTP => ['HELO c', ''], ESMTP => ['EHLO c', ''], UTF8SMTP => ['EHLO c', ' SMTPUTF8']);
	for my $word (sort keys %with) {
		my $s = $t->connect('smtp');
		$t->smtp_reply($s);
		dialog($s, $with{$word}[0], "MAIL FROM:<a\@client.test>$with{$word}[1]", "RCPT TO:<bob\@$domain>");
		text($s, "Subject: by $word\r\n\r\nx\r\n");
		like $t->wait_mail('bob', qr/^Subject: by \Q$word\E$/m) // '', qr/with $word$/m, "MTA-1014: $word";
	}
	my ($s) = login();
	dialog($s, "MAIL FROM:<alice\@$domain> SMTPUTF8", "RCPT TO:<bob\@$domain>");
	text($s, "Subject: by UTF8SMTPSA\r\n\r\nx\r\n");
	like $t->wait_mail('bob', qr/^Subject: by UTF8SMTPSA$/m) // '', qr/with UTF8SMTPSA/, 'MTA-1014: UTF8SMTPSA';
	my ($jürgen, $orcpt) = map {encode_utf8($_)} 'jürgen@good.example', 'utf-8;jürgen@élan.example';
	($s) = session();
	like dialog($s, "MAIL FROM:<alice\@$domain>", "RCPT TO:<$jürgen>"), qr/^553 5\.6\.7/, 'MTA-1012: not without SMTPUTF8';
	dialog($s, 'RSET', "MAIL FROM:<alice\@$domain> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=QQ+3D1", "RCPT TO:<$jürgen> NOTIFY=SUCCESS,FAILURE ORCPT=$orcpt");
	like text($s, encode_utf8("From: <alice\@$domain>\r\nSubject: über\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\näöü\r\n")), qr/^250/, 'MTA-1012: accepted';
	ok $t->wait_for(20, sub {grep {/\Q$jürgen\E/} $good->commands}), 'MTA-1012: relayed';
	like join("\n", $good->commands), qr/^MAIL.* BODY=8BITMIME SMTPUTF8.* RET=HDRS ENVID=QQ\+3D1$/m, 'MTA-1013 MTA-1015: parameters of MAIL';
	like join("\n", $good->commands), qr/^RCPT TO:<\Q$jürgen\E> NOTIFY=SUCCESS,FAILURE ORCPT=\Q$orcpt\E$/m, 'MTA-1013: and of RCPT';
	my $there = encode_utf8('jürgen@plain.example');
	dialog($s, "MAIL FROM:<alice\@$domain> SMTPUTF8", "RCPT TO:<$there> ORCPT=$orcpt");
	text($s, letter('to an old host'));
	my $r = report($there);
	like $r, qr/^Content-Type: message\/global-delivery-status$/m, 'MTA-1012: the report is message/global-delivery-status';
	like $r, qr/^Final-Recipient: utf-8; \Q$there\E$/m, 'with the address in UTF-8';
	like $r, qr/^Original-Recipient: \Q$orcpt\E$/m, 'and the original one';
	like $r, qr/^Status: 5\.6\.7$/m, 'and why';
	is scalar($plain->messages), 0, 'MTA-1012: the old host got nothing';
}
is scalar(grep {/^\*bare\*/} $good->commands, $plain->commands), 0, 'no CR or LF alone was sent to anybody';

done_testing;
