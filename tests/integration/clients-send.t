#!/usr/bin/perl
# Programs that were not written here send mail: swaks, curl, msmtp, mutt; and our sendmail as they
# and others call it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run write_file);
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0}, authdaemonrc => {AUTH_FAIL_DELAY => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow\n"});
$t->command('makesmtpaccess');
is($?, 0, 'makesmtpaccess: not even this machine may relay');
$t->start;
my $password = $Courier::Test::PASSWORD;
my $dir = $t->scratch;
$ENV{COURIER_HOME} = $t->path('');
$ENV{HOME} = $dir;
my $login = getpwuid $>;
my $sendmail = Courier::Test::program('sendmail');

# What bob got with this subject, or ''.
sub arrived { my ($subject, $user) = @_; return $t->wait_mail($user || 'bob', qr/^Subject: \Q$subject\E\r?$/m) // '' }
sub at { my ($service) = @_; return '127.0.0.1:' . $t->port($service) }

# The header a server owes to every message.
sub in_order {
	my ($text, $with, $from, $name) = @_;
	subtest $name => sub {
		my ($head) = $text =~ /\A(.*?)\n\n/s;
		like($head // '', qr/\A(?:Delivered-To: .*\n)?Return-Path: <\Q$from\E>\n/, 'Return-Path stands on top') or return diag $text;
		is(scalar(() = $head =~ /^Return-Path:/mg), 1, '... once');
		like($head, qr/^Delivered-To: bob\@example\.test$/m, 'Delivered-To');
		like($head, qr/^Received: from .*\n(?:\s.*\n)*?\s*.*\bwith $with\b/m, "Received with $with");
		like($head, qr/^Received: from .*\n(?:\s.*\n)*?.*\bby mail\.example\.test/m, '... by us');
		like($head, qr/^\s+id [0-9A-F.]{42}/m, '... with the queue id');
		unlike($text, qr/\r/, 'lines end as they do in a Maildir');
	};
}

subtest swaks => sub {
	plan skip_all => 'swaks is not installed' unless have('swaks');
	my $swaks = sub { run({}, 'swaks', '--helo', 'client.test', '--from', 'alice@example.test', '--to', 'bob@example.test', @_) };
	my ($rc, $out) = $swaks->('--server', at('smtp'), '--header', 'Subject: sw plain', '--body', "one\n.\n..two\n");
	is($rc, 0, 'in clear') or diag $out;
	my $text = arrived('sw plain');
	in_order($text, 'ESMTP', 'alice@example.test', 'headers');
	like($text, qr/\n\none\n\.\n\.\.two\n/, 'dots are what they were');
	unlike($text, qr/with ESMTPS/, 'no TLS is claimed');
	($rc, $out) = $swaks->('--server', at('smtp'), '--tls', '--header', 'Subject: sw tls');
	is($rc, 0, 'STARTTLS') or diag $out;
	in_order(arrived('sw tls'), 'ESMTPS', 'alice@example.test', 'headers under TLS');
	($rc, $out) = $swaks->('--server', at('smtps'), '--tls-on-connect', '--auth', 'PLAIN', '--auth-user', 'alice', '--auth-password', $password, '--header', 'Subject: sw smtps');
	is($rc, 0, 'TLS at once, AUTH PLAIN') or diag $out;
	in_order(arrived('sw smtps'), 'ESMTPSA', 'alice@example.test', 'headers of a submission');
	for my $mechanism ('PLAIN', 'LOGIN') {
		($rc, $out) = $swaks->('--server', at('submission'), '--tls', '--auth', $mechanism, '--auth-user', 'alice@example.test', '--auth-password', $password, '--header', "Subject: sw $mechanism");
		is($rc, 0, "submission, AUTH $mechanism") or diag $out;
		like(arrived("sw $mechanism"), qr/with ESMTPSA/, '... arrives');
	}
	($rc, $out) = $swaks->('--server', at('submission'), '--tls', '--auth', 'PLAIN', '--auth-user', 'alice', '--auth-password', 'wrong', '--header', 'Subject: sw wrong');
	is($rc, 28, 'a wrong password') or diag $out;
	like($out, qr/<~\*\s+535 5\.7\.8/, '... is 535');
	($rc, $out) = $swaks->('--server', at('submission'), '--tls', '--header', 'Subject: sw nobody');
	isnt($rc, 0, 'no submission without a login');
	like($out, qr/530 5\.7\.0/, '... says 530');
	($rc, $out) = $swaks->('--server', at('submission'), '--auth', 'PLAIN', '--auth-user', 'alice', '--auth-password', $password);
	is($rc, 28, 'no password in clear') or diag $out;
	unlike($out, qr/~> AUTH PLAIN \S/, '... it is not even sent');
	($rc, $out) = run({}, 'swaks', '--server', at('smtp'), '--from', 'a@b.example', '--to', 'x@elsewhere.example', '--helo', 'c.test');
	is($rc, 24, 'no relaying for strangers') or diag $out;
	($rc, $out) = $swaks->('--server', at('submission'), '--tls', '--auth', 'PLAIN', '--auth-user', 'alice', '--auth-password', $password,
		'--data', "Subject: sw bare\nX-Y: z\n\ntext\n");
	is($rc, 0, 'a header without Date, From, Message-ID') or diag $out;
	my $bare = arrived('sw bare');
	like($bare, qr/^Date: \w{3}, \d/m, '... gets a Date');
	like($bare, qr/^Message-ID: <[^>]+\@[^>]+>$/mi, '... and a Message-ID');
	my $file = write_file("$dir/bytes", join '', map {chr} 0 .. 255);
	($rc, $out) = $swaks->('--server', at('smtp'), '--attach', "\@$file", '--header', 'Subject: sw mime', '--body', 'text');
	is($rc, 0, 'MIME') or diag $out;
	like(arrived('sw mime'), qr{^Content-Type: multipart/mixed}m, '... arrives');
};

subtest curl => sub {
	plan skip_all => 'curl is not installed' unless have('curl');
	my $file = sub { write_file("$dir/mail", "From: <alice\@example.test>\r\nTo: <bob\@example.test>\r\nSubject: $_[0]\r\n\r\ncurl's text\r\n") };
	my @to = ('-sS', '--mail-from', 'alice@example.test', '--mail-rcpt', 'bob@example.test');
	my ($rc, $out) = run({}, 'curl', @to, 'smtp://' . at('smtp') . '/client.test', '-T', $file->('c plain'));
	is($rc, 0, 'smtp') or diag $out;
	in_order(arrived('c plain'), 'ESMTP', 'alice@example.test', 'headers');
	($rc, $out) = run({}, 'curl', @to, '-k', '--ssl-reqd', '-u', "alice:$password", 'smtp://' . at('submission'), '-T', $file->('c submission'));
	is($rc, 0, 'submission with STARTTLS') or diag $out;
	in_order(arrived('c submission'), 'ESMTPSA', 'alice@example.test', 'headers');
	($rc, $out) = run({}, 'curl', @to, '-k', '-u', "alice:$password", 'smtps://' . at('smtps'), '-T', $file->('c smtps'));
	is($rc, 0, 'smtps') or diag $out;
	ok(arrived('c smtps'), '... arrives');
	($rc, $out) = run({}, 'curl', @to, '--cacert', $t->path('etc/esmtpd.pem'), '-u', "alice:$password", 'smtps://' . at('smtps'), '-T', $file->('c verified'));
	is($rc, 0, 'the certificate holds when it is trusted') or diag $out;
	($rc, $out) = run({}, 'curl', @to, '-k', '-u', 'alice:wrong', 'smtps://' . at('smtps'), '-T', $file->('c wrong'));
	is($rc, 67, 'a wrong password') or diag $out;
	($rc, $out) = run({}, 'curl', '-sS', 'smtp://' . at('smtp'), '--mail-rcpt', 'bob@example.test', '--request', 'VRFY');
	is($rc, 0, 'VRFY') or diag $out;
};

subtest msmtp => sub {
	plan skip_all => 'msmtp is not installed' unless have('msmtp');
	my $rc_file = write_file("$dir/msmtprc", <<"END");
defaults
host 127.0.0.1
from alice\@example.test
tls_certcheck off
auth off
account clear
port @{[$t->port('smtp')]}
account tls
port @{[$t->port('submission')]}
tls on
tls_starttls on
auth plain
user alice
password $password
account smtps
port @{[$t->port('smtps')]}
tls on
tls_starttls off
auth login
user alice
password $password
account wrong : tls
password nonsense
END
	for my $account ('clear', 'tls', 'smtps') {
		my ($rc, $out) = run({in => "From: alice\@example.test\nTo: bob\@example.test\nSubject: ms $account\n\n.leading dot\n"},
			'msmtp', '-C', $rc_file, '-a', $account, 'bob@example.test');
		is($rc, 0, $account) or diag $out;
		like(arrived("ms $account"), qr/\n\n\.leading dot\n/, '... arrives');
	}
	my ($rc, $out) = run({in => "Subject: ms wrong\n\n"}, 'msmtp', '-C', $rc_file, '-a', 'wrong', 'bob@example.test');
	is($rc, 77, 'a wrong password: EX_NOPERM') or diag $out;
	($rc, $out) = run({}, 'msmtp', '-C', $rc_file, '-a', 'tls', '--serverinfo');
	like($out, qr/PIPELINING.*DSN|DSN.*PIPELINING/s, 'it reads our EHLO');
	like($out, qr/SIZE/, '... the size, too');
};

subtest mutt => sub {
	plan skip_all => 'mutt is not installed' unless have('mutt');
	my $muttrc = write_file("$dir/muttrc", "set sendmail=\"$sendmail -oem -oi\"\nset from=alice\@example.test\nset use_envelope_from=yes\n"
		. "set realname=\"Al \xc3\x8ece\"\nset copy=no\nset charset=utf-8\nset crypt_use_gpgme=no\n");
	my ($rc, $out) = run({in => "mutt's text\n", env => {LC_ALL => 'C.UTF-8'}}, 'mutt', '-n', '-F', $muttrc, '-s', 'mutt sends', '-c', 'alice@example.test', 'bob@example.test');
	is($rc, 0, 'mutt') or diag $out;
	my $text = arrived('mutt sends');
	like($text, qr/^Return-Path: <alice\@example\.test>\n/m, 'the sender of use_envelope_from');
	like($text, qr/^Cc: alice\@example\.test$/m, 'Cc');
	like($text, qr/^From: Al =\?\S+\?= <alice\@example\.test>$/mi, 'From as mutt encoded it');
	ok(arrived('mutt sends', 'alice'), 'Cc gets it');
	$out = write_file("$dir/attached", "x" x 3000 . "\n");
	($rc, $out) = run({in => "see there\n"}, 'mutt', '-n', '-F', $muttrc, '-s', 'mutt attaches', '-b', 'alice@example.test', '-a', $out, '--', 'bob@example.test');
	is($rc, 0, 'with an attachment and a blind copy') or diag $out;
	like(arrived('mutt attaches'), qr/^Content-Disposition: attachment/m, 'arrives');
	unlike(arrived('mutt attaches', 'alice'), qr/^Bcc:/mi, 'the blind copy is blind');
};

subtest sendmail => sub {
	my ($rc, $out) = run({in => "From: alice\@example.test\nTo: bob\@example.test, nobody-here: ;\nBcc: alice\@example.test\nSubject: sm t\n\nhello\n"}, $sendmail, '-t', '-i');
	is($rc, 0, '-t') or diag $out;
	like(arrived('sm t'), qr/^To: bob\@example\.test, nobody-here: ?;$/m, 'the header stays');
	ok(arrived('sm t', 'alice'), 'Bcc gets it');
	($rc, $out) = run({in => join "\r\n", 'EHLO [127.0.0.1]', 'MAIL FROM:<alice@example.test>', 'RCPT TO:<bob@example.test>', 'DATA',
		'Subject: sm bs', '', '..', '.', 'QUIT', ''}, $sendmail, '-bs');
	is($rc, 0, '-bs') or diag $out;
	like(arrived('sm bs'), qr/\n\n\.\n\z/, 'arrives');
	($rc, $out) = run({in => "Subject: sm f\n\n"}, $sendmail, '-F', 'Full Name', '-f', 'alice@example.test', '--', 'bob@example.test');
	is($rc, 0, '-F, -f') or diag $out;
	like(arrived('sm f'), qr/^From: "?Full Name"? <\Q$login\E\@example\.test>$/m, 'From has the name, and whose program it was');
};

ok($t->wait_empty_queue, 'the queue is empty');
my @faults = $t->log_lines(qr/died of signal|status 1\d\d|Sanitizer: |runtime error:/);
is("@faults", '', 'nothing died');
done_testing;
