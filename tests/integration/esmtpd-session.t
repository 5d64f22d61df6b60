#!/usr/bin/perl
# The ESMTP server in a running instance: greeting, pipelining, relaying, limits, connections that are
# left anywhere, and the log. Clients that were not written here send too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(
	config => {esmtpd => {TARPIT => 0, MAXPERIP => 12, ESMTP_MAXBAD => 5}},
	files => {esmtpgreeting => "mail.example.test says hello\n", sizelimit => "5000\n", 'smtpaccess/default' => ''},
);
$t->start;

sub session {
	my ($service) = @_;
	my $s = $t->connect($service || 'smtp');
	return ($s, $t->smtp_reply($s));
}

# ---- the conversation
my ($s, $r) = session();
is $r, "220 mail.example.test says hello\r\n", 'greeting from its file';
$r = $t->smtp($s, 'EHLO client.test');
for my $word (qw(STARTTLS XVERP=Courier XEXDATA PIPELINING 8BITMIME SMTPUTF8 DSN ENHANCEDSTATUSCODES)) {
	like $r, qr/^250[- ]\Q$word\E\r$/m, "offers $word";
}
like $r, qr/^250-SIZE 5000\r$/m, 'SIZE with the limit';
unlike $r, qr/^250[- ]AUTH.*(PLAIN|LOGIN)/m, 'no password in clear';
like $t->smtp($s, 'MAIL FROM:<a@client.test> SIZE=6000'), qr/^552 5\.3\.4/, 'announced size too large';
like $t->smtp($s, 'MAIL FROM:<a@client.test> FOO=1'), qr/^555 /, 'unknown parameter';
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^250 2\.1\.0/, 'MAIL';
like $t->smtp($s, 'RCPT TO:<nobody-here@example.test>'), qr/^550 /, 'unknown user';
like $t->smtp($s, 'RCPT TO:<someone@elsewhere.example>'), qr/^5\d\d /, 'no relay for strangers';
like $t->smtp($s, 'RCPT TO:<alice@example.test>'), qr/^250 2\.1\.5/, 'RCPT';
like $t->smtp($s, 'RSET'), qr/^250 /, 'RSET';
like $t->smtp($s, 'DATA'), qr/^503 /, 'nothing is left of it';
like $t->smtp($s, 'QUIT'), qr/^221 /, 'QUIT';
is $t->smtp_reply($s), '', 'closed';
like join("\n", $t->log_lines(qr/courieresmtpd/)), qr/started,ip=\[::ffff:127\.0\.0\.1\],port=\[\d+\],session=/, 'started line';
like join("\n", $t->log_lines(qr/error,relay/)),
    qr/error,relay=::ffff:127\.0\.0\.1,port=\d+,from=<a\@client\.test>,to=<nobody-here\@example\.test>.*: 550 /, 'rejection line';
like join("\n", $t->log_lines(qr/error,relay/)), qr/error,relay=\S+?,port=\d+,msg="503 [^"]+",.*cmd: DATA/, 'protocol error line';

# ---- pipelining: everything at once, everything comes back in order
($s) = session();
print $s join("\r\n", 'EHLO c', 'MAIL FROM:<a@client.test>', 'RCPT TO:<alice@example.test>',
	'RCPT TO:<nobody-here@example.test>', 'RCPT TO:<bob@example.test>', 'DATA', '');
$r = $t->smtp_reply($s);
my @codes = map {substr $t->smtp_reply($s), 0, 3} 1 .. 5;
is "@codes", '250 250 550 250 354', 'pipelined group';
print $s "Subject: pipelined\r\n\r\n..dot\r\n.\r\nMAIL FROM:<a\@client.test>\r\nRCPT TO:<alice\@example.test>\r\nDATA\r\n";
@codes = map {substr $t->smtp_reply($s), 0, 3} 1 .. 4;
is "@codes", '250 250 250 354', 'behind the dot too';
print $s "Subject: second\r\n\r\n.\r\nQUIT\r\n";
@codes = map {substr $t->smtp_reply($s), 0, 3} 1 .. 2;
is "@codes", '250 221', 'second message';
like $t->wait_mail('alice', qr/^Subject: pipelined$/m), qr/\n\n\.dot\n\z/, 'delivered, dot unstuffed';
ok $t->wait_mail('bob', qr/^Subject: pipelined$/m), 'to the other too';
ok $t->wait_mail('alice', qr/^Subject: second$/m), 'and the second';

# ---- sizes and lines
like $t->send_mail(from => 'a@client.test', to => 'alice@example.test', text => "Subject: big\n\n" . 'x' x 70 . "\n" . ("y" x 70 . "\n") x 100),
    qr/^5[52]\d /, 'too large without saying so';
($s) = session();
like $t->smtp($s, 'NOOP ' . 'x' x 3000), qr/^500 /, 'long line';
like $t->smtp($s, 'NOOP'), qr/^250 /, '... and on';
like $t->smtp($s, 'MAIL FROM:<' . 'x' x 65 . '@client.test>'), qr/^5\d\d /, 'long local part';
$t->smtp($s, 'FOO') for 1 .. 2;
my @more = map {$t->smtp($s, 'FOO')} 1 .. 2;
like join('', @more), qr/^421 /m, 'too many errors end it';

# ---- connections from one address
my @held = map {(session())[0]} 1 .. 12;
($s, $r) = session();
like $r, qr/^421 4\.7\.0/, 'one too many';
close $_ for splice @held, 0, 6;
ok $t->wait_for(5, sub {(session())[1] =~ /^220/}), 'others may come when some have gone';
@held = ();

# ---- left at every byte of a session
my $dialog = "EHLO c\r\nMAIL FROM:<a\@client.test>\r\nRCPT TO:<alice\@example.test>\r\nDATA\r\nSubject: left\r\n\r\nx\r\n.\r\n";
my $upto = length($dialog) - 3;
for (my $n = 0; $n < $upto; $n += 5) {
	my $c = $t->connect('smtp');
	print $c substr $dialog, 0, $n;
	close $c;
}
ok $t->wait_for(5, sub {(session())[1] =~ /^220/}), 'their places are free again';
like $t->send_mail(from => 'a@client.test', to => 'bob@example.test', text => "Subject: after\n\nx\n"), qr/^250 /, 'the server lives';
ok $t->wait_mail('bob', qr/^Subject: after$/m), '... and delivers';
is scalar(grep {$_->[1] =~ /^Subject: left$/m} $t->mailbox('alice')), 0, 'no half message was taken';

# ---- other people's clients
SKIP: {
	skip 'swaks is not here', 1 if system('which swaks >/dev/null 2>&1');
	my $out = qx(swaks --server 127.0.0.1:@{[$t->port('smtp')]} --pipeline --from s\@client.test --to alice\@example.test --h-Subject swaks 2>&1);
	ok $t->wait_mail('alice', qr/^Subject: swaks$/m), 'swaks' or diag($out);
}
SKIP: {
	skip 'curl is not here', 1 if system('which curl >/dev/null 2>&1');
	my $file = $t->scratch . '/curl.eml';
	open my $fh, '>', $file or die $!;
	print $fh "Subject: curl\r\n\r\nhello\r\n";
	close $fh;
	my $out = qx(curl -sS --ssl-reqd -k --url smtp://127.0.0.1:@{[$t->port('submission')]} --user alice\@example.test:$Courier::Test::PASSWORD --mail-from alice\@example.test --mail-rcpt bob\@example.test --upload-file $file 2>&1);
	my $text = $t->wait_mail('bob', qr/^Subject: curl$/m);
	ok $text, 'curl with STARTTLS and AUTH' or diag($out);
	like $text, qr/with ESMTPSA/, 'Received says so';
	like $text, qr/TLS: TLSv1\.\d \S+ \d+ bits/, 'and names the cipher';
}

# ---- a stop tells idle clients, and lets a message end
($s) = session();
my ($busy) = session();
$r = $t->smtp($busy, $_) for 'EHLO c', 'MAIL FROM:<a@client.test>', 'RCPT TO:<alice@example.test>', 'DATA';
like $r, qr/^354/, 'a message is under way';
my $pid = fork;
defined $pid or die $!;
if (!$pid) { # stop waits for the message, so it is somebody else's
	require POSIX;
	$t->command('courier', '-C', $t->path(''), 'stop');
	POSIX::_exit($? >> 8);
}
like $t->smtp_reply($s), qr/^421 4\.3\.2/, 'the idle client is told';
print $busy "Subject: last\r\n\r\nx\r\n.\r\n";
like $t->smtp_reply($busy), qr/^250 /, 'the message under way is taken';
like $t->smtp_reply($busy), qr/^421 4\.3\.2/, '... and then its client is told';
waitpid $pid, 0;
is $?, 0, 'stopped';
$t->{running} = 0;
done_testing;
