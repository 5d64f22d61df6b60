#!/usr/bin/perl
# Submission: who must log in and use TLS, in whose name an account may send, and which words of a
# client's header are not believed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;
use IO::Socket::SSL;
use MIME::Base64;

my $password = $Courier::Test::PASSWORD;
my $far = Courier::FakeSMTP->new(ehlo => ['8BITMIME', 'SIZE'], on => {RCPT => '450 4.2.0 later'});
my $t = Courier::Test->new(
	users => ['alice', 'bob'],
	config => {
		esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, AUTH_SENDER => 'envelope header'},
		'esmtpd-msa' => {ESMTP_TLS_REQUIRED => 1},
		authdaemonrc => {AUTH_FAIL_DELAY => 0},
	},
	files => {
		esmtproutes => 'far.example: [127.0.0.1],' . $far->port . "\n",
		'aliases/test' => "sales: alice\@example.test\nchain: sales\nteam: alice\@example.test, bob\@example.test\noutside: x\@far.example\n",
		authsenders => "alice\@example.test team\@example.test \@news.example # and no more\nbob\@example.test *\n",
		'smtpaccess/default' => "127.0.0.1\tallow\n127.0.0.2\tallow,RELAYCLIENT\n127.0.0.3\tallow,AUTH_SENDER=\n",
	},
);
$t->file('mail/example.test/alice/.courier-lists', "./Maildir\n");
$t->command($_) for 'makealiases', 'makesmtpaccess';
$t->start;

sub client {
	my ($user, %o) = @_;
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), LocalAddr => $o{from} || '127.0.0.1', SSL_verify_mode => 0)
	    or die "TLS: $IO::Socket::SSL::SSL_ERROR";
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c');
	$t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0$user\@example.test\0$password", '')) =~ /^235/ or die 'no login' if $user;
	return $s;
}
my ($n, $taken) = (0, 0);
# The reply to MAIL, or to the message.
sub mail {
	my ($s, $from, $header, $to) = @_;
	my $r = $t->smtp($s, "MAIL FROM:<$from>");
	return $r if $r !~ /^250/;
	$t->smtp($s, "RCPT TO:<" . ($to || 'bob@example.test') . ">");
	$t->smtp($s, 'DATA');
	$header =~ s/\n/\r\n/g;
	$n++;
	print $s "${header}Subject: number $n\r\n\r\nx\r\n.\r\n";
	$r = $t->smtp_reply($s);
	$taken++ if $r =~ /^250/;
	return $r;
}

# ---- login and TLS
{
	my $s = $t->connect('submission');
	$t->smtp_reply($s);
	my $r = $t->smtp($s, 'EHLO c');
	unlike $r, qr/^250[- ]AUTH.*(?:PLAIN|LOGIN)/m, 'no password in clear is asked for';
	like $t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^530 5\.7\.0 .*STARTTLS/, 'MTA-0856: TLS first';
	like $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$password", '')), qr/^530 /, '... for a login too';
	$t->smtp($s, 'STARTTLS');
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or die;
	$t->smtp($s, 'EHLO c');
	like $t->smtp($s, $_), qr/^530 5\.7\.0 Auth/, "MTA-0838, MTA-0612: $_ wants a login" for 'MAIL FROM:<alice@example.test>', 'VRFY alice', 'EXPN team';
	like $t->smtp($s, $_), qr/^2/, "MTA-0808, MTA-0838: $_ does not" for 'NOOP', 'RSET', 'EHLO c';
	like $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$password", '')), qr/^235 /, 'AUTH';
	like $t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^250 /, 'and on';
	like $t->smtp($s, 'QUIT'), qr/^221/, 'MTA-0809: QUIT';
	$s = client('');
	like $t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^530 /, 'port 465 wants a login too';
}

# ---- the envelope
my $s = client('alice');
my $head = "From: Alice <alice\@example.test>\nTo: someone\n";
my %sender = (
	'alice@example.test' => 250, 'ALICE@EXAMPLE.test' => undef, 'alice-lists@example.test' => 250, 'alice-none@example.test' => 550,
	'sales@example.test' => 250, 'chain@example.test' => 250, 'team@example.test' => 250, 'any@news.example' => 250, 'any@below.news.example' => 550,
	'bob@example.test' => 550, 'nobody@example.test' => 550, 'outside@example.test' => 550, 'alice@far.example' => 550,
	'x@far.example' => 550, '' => 250,
);
for my $from (sort keys %sender) {
	next if !defined $sender{$from};
	like mail($s, $from, $head), qr/^$sender{$from} /, "alice as <$from>: $sender{$from}";
	$t->smtp($s, 'RSET');
}
like mail($s, 'bob@example.test', $head), qr/^550 5\.7\.1 .*bob\@example\.test/, 'the reply names the address';
like join("\n", $t->log_lines(qr/refused,from=<bob/)), qr/login=alice\@example\.test: 550/, 'the log tells who it was';

# ---- the header
my %header = (
	"From: alice\@example.test\n" => 250,
	"From: Sales <sales\@example.test>, Lists <alice-lists\@example.test>\n" => 250,
	"From: bob\@example.test\n" => 550,
	"From: alice\@example.test\nFrom: bob\@example.test\n" => 550,
	"From: alice\@example.test, bob\@example.test\n" => 550,
	"From: alice\@example.test\nSender: bob\@example.test\n" => 550,
	"From: alice\@example.test\nResent-From: boss\@far.example\n" => 550,
	"From: \"bob\@example.test\" <alice\@example.test>\n" => 250,
	"From: bob\@example.test <alice\@example.test> x\n" => 550,
	"From: any\@news.example\n" => 250,
	"from : bob\@example.test\n" => 550,
	"To: nobody\n" => 550,
);
for my $h (sort keys %header) {
	(my $shown = $h) =~ s/\n/ | /g;
	like mail($s, 'alice@example.test', $h), qr/^$header{$h} /, "header $shown $header{$h}";
}
like mail($s, 'alice@example.test', "From: x\@far.example\n"), qr/^550 5\.7\.1 .*x\@far\.example/, 'the reply names that address too';
ok $t->wait_for(20, sub { $t->mailbox('bob') == $taken }), 'what was refused is nowhere' or diag(scalar($t->mailbox('bob')) . " for $taken");

# ---- whom the setting does not bind
$s = client('bob');
like mail($s, 'x@elsewhere.example', "From: anybody\@elsewhere.example\n"), qr/^250/, 'bob may use every address';
$s = client('alice', from => '127.0.0.3');
like mail($s, 'x@elsewhere.example', "From: anybody\@elsewhere.example\n"), qr/^250/, 'a client for which the access file has AUTH_SENDER empty';
$s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c');
like mail($s, 'x@elsewhere.example', "From: anybody\@elsewhere.example\n"), qr/^250/, 'mail from outside has no account';

# ---- what a client says of its message is not what we say
$s = client('alice');
like mail($s, 'alice@example.test', "Return-Path: <forged\@far.example>\nReceived: from nowhere by forged.example; Mon, 1 Jan 2024 00:00:00 +0000\n"
	. "Authentication-Results: mx.example.test; dkim=pass header.d=bank.example\nReceived-SPF: pass\nBcc: hidden\@far.example\n$head"), qr/^250 /, 'a header full of claims';
my $text = $t->wait_mail('bob', qr/^Subject: number $n$/m);
my ($h) = split /\n\n/, $text;
is_deeply [$h =~ /^Return-Path: (.*)$/mg], ['<alice@example.test>'], 'Return-Path is ours alone';
unlike $h, qr/^(?:Authentication-Results|Received-SPF|Return-Path: <forged)/m, 'nobody else authenticates for us';
like $h, qr/^Old-Authentication-Results: mx\.example\.test; dkim=pass/m, '... what was said is kept under another name';
like $h, qr/^Old-Received-SPF: pass/m, '... and so is SPF';
my @received = $h =~ /^(Received: .*(?:\n[ \t].*)*)/mg;
like $received[0], qr/^Received: from c \(localhost \[127\.0\.0\.1\]\)\n\s+\(AUTH: PLAIN alice\@example\.test\)\n\s+\(TLS: TLSv1\.\d \S+ \d+ bits\)\n\s+by \S+ with ESMTPSA/,
    'MTA-0841: Received names the mechanism and the account';
like $received[-1], qr/forged\.example/, 'Received fields stay as they came, below ours';
unlike $h, qr/^Bcc:/m, 'Bcc is told to nobody';

# MTA-0608, MTA-0609: submission adds what is missing; port 25 leaves it to the sender
$s = client('alice');
mail($s, 'alice@example.test', $head);
like $t->wait_mail('bob', qr/^Subject: number $n$/m), qr/^Date: .*^Message-I[Dd]: <\S+>$|^Message-I[Dd]: <\S+>$.*^Date: /ms, 'MTA-0608, MTA-0609: Date and Message-ID are added for submitters';
$s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c');
mail($s, 'x@elsewhere.example', "From: x\@elsewhere.example\n");
unlike $t->wait_mail('bob', qr/^Subject: number $n$/m), qr/^(?:Date|Message-ID): /mi, '... and not for the world';

# ---- MTA-0842: an authenticated client relays; the queue knows the account and the source authsmtp
$s = client('alice');
like mail($s, 'alice@example.test', $head, 'keeper@far.example'), qr/^250 /, 'MTA-0842: relays';
my $control = $t->wait_for(20, sub {
	for my $path (glob $t->path('var/queue/msgs/*/C*')) {
		open my $f, '<', $path or next;
		local $/;
		my $c = <$f>;
		return $c if $c =~ /^rkeeper\@far\.example$/m;
	}
	return;
});
like $control, qr/^ialice\@example\.test$/m, '... as its account';
like $control, qr/^uauthsmtp$/m, '... with the source authsmtp';
$s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c');
$t->smtp($s, 'MAIL FROM:<alice@example.test>');
like $t->smtp($s, 'RCPT TO:<keeper@far.example>'), qr/^513 5\.7\.1/, 'MTA-0820: nobody else does';
# ---- a faulty line of authsenders is told
$t->file('etc/authsenders', "alice\@example.test sales\@example.test\nlonely\@example.test\n");
like $t->command('courier', '-C', $t->path(''), 'check'), qr/authsenders.*2.*has no effect/, 'courier check names the line';
is $t->stop, '', 'stops';
done_testing;
