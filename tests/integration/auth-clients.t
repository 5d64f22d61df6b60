#!/usr/bin/perl
# Programs of other people log in and send: gsasl (SCRAM with channel binding, by GNU SASL), swaks,
# curl, msmtp, mutt (by libsasl).  MTA-0836, MTA-0842.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run write_file);
use Courier::Test;

my $password = $Courier::Test::PASSWORD;
my $all = 'PLAIN LOGIN CRAM-MD5 CRAM-SHA1 CRAM-SHA256 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS';
my $t = Courier::Test->new(
	users => ['alice', 'bob'],
	config => {
		esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, ESMTPAUTH_TLS => $all},
		'esmtpd-ssl' => {ESMTPAUTH_TLS => 'PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256'},
		authdaemonrc => {AUTH_FAIL_DELAY => 0, DEBUG_LOGIN => 1},
	},
	files => {'smtpaccess/default' => ''},
);
my $db = $t->path('etc/userdb');
my $text = do {local (@ARGV, $/) = ($db); <>};
$text =~ s/^(alice\@.*\|)systempw=\S+/$1systempw={PLAIN}$password/m or BAIL_OUT("no line of alice in $db: $text");
$t->file('etc/userdb', $text);
chmod 0600, $db;
if ($> == 0) { my @pw = getpwnam 'courier-auth'; chown @pw[2, 3], $db if @pw }
$t->command('makeuserdb');
$t->start;
my $dir = $t->scratch;
my ($user, $port, $ssl) = ('alice@example.test', $t->port('submission'), $t->port('smtps'));

# A message that has come: who sent it, by what?
sub came {
	my ($subject, $mechanism, $name) = @_;
	like $t->wait_mail('bob', qr/^Subject: \Q$subject\E$/m), qr/\(AUTH: $mechanism alice\@example\.test\)/, $name;
}

SKIP: {
	skip 'gsasl is not here', 10 if !have('gsasl');
	for my $m (qw(SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS CRAM-MD5 PLAIN LOGIN)) {
		# told of a binding it can have, a client that leaves PLUS out says "y": that would be an attack
		my ($status, $said) = run({in => ''}, 'gsasl', '--smtp', $m =~ /PLUS/ ? () : '--no-cb', '-m', $m, '-a', $user, '-p', $password, '--x509-ca-file=', '127.0.0.1', $port);
		is $status, 0, "MTA-0836: gsasl with $m" or diag $said;
	}
	my ($status) = run({in => ''}, 'gsasl', '--smtp', '-m', 'SCRAM-SHA-256', '-a', $user, '-p', $password, '--x509-ca-file=', '127.0.0.1', $port);
	isnt $status, 0, 'one that says "y" has been kept from PLUS by somebody';
	($status) = run({in => ''}, 'gsasl', '--smtp', '-m', 'SCRAM-SHA-256-PLUS', '-a', $user, '-p', 'wrong', '--x509-ca-file=', '127.0.0.1', $port);
	isnt $status, 0, '... and not with a wrong password';
	my @logins = $t->log_lines(qr/auth,relay=.*user=alice/);
	cmp_ok scalar(@logins), '>=', 7, 'the log has them';
}
SKIP: {
	skip 'swaks is not here', 4 if !have('swaks');
	for my $m (qw(PLAIN LOGIN CRAM-MD5 CRAM-SHA1)) {
		my ($status, $said) = run({}, 'swaks', '--server', "127.0.0.1:$port", '-tls', '--auth', $m, '--auth-user', $user, '--auth-password', $password,
			'--from', $user, '--to', 'bob@example.test', '--header', "Subject: swaks $m");
		came("swaks $m", $m, "swaks with $m") or diag $said;
	}
}
SKIP: {
	skip 'curl is not here', 4 if !have('curl');
	for my $m (qw(PLAIN LOGIN CRAM-MD5)) {
		my $file = write_file("$dir/curl.eml", "Subject: curl $m\r\n\r\nx\r\n");
		my ($status, $said) = run({}, 'curl', '-sS', '-k', '--url', "smtps://127.0.0.1:$ssl", '--user', "$user:$password", '--login-options', "AUTH=$m",
			'--mail-from', $user, '--mail-rcpt', 'bob@example.test', '--upload-file', $file);
		came("curl $m", $m, "curl with $m") or diag $said;
	}
	my ($status, $said) = run({}, 'curl', '-sS', '-k', '--url', "smtps://127.0.0.1:$ssl", '--user', "$user:wrong", '--mail-from', $user, '--mail-rcpt', 'bob@example.test', '--upload-file', "$dir/curl.eml");
	is $status, 67, 'curl knows that it was refused' or diag $said;
}
SKIP: {
	skip 'msmtp is not here', 5 if !have('msmtp');
	for my $m (qw(plain login cram-md5 scram-sha-1 scram-sha-256)) {
		my $rc = write_file("$dir/msmtprc", join "\n", 'account default', 'host 127.0.0.1', "port $port", "auth $m", "user $user", "password $password", "from $user",
			'tls on', 'tls_starttls on', 'tls_certcheck off', '');
		my ($status, $said) = run({in => "Subject: msmtp $m\n\nx\n"}, 'msmtp', '-C', $rc, 'bob@example.test');
		came("msmtp $m", uc $m, "msmtp with $m") or diag $said;
	}
}
SKIP: {
	skip 'mutt is not here', 1 if !have('mutt');
	my $rc = write_file("$dir/muttrc", join "\n", "set smtp_url=\"smtps://$user\@127.0.0.1:$ssl/\"", "set smtp_pass=\"$password\"", 'set ssl_force_tls=yes',
		'unset ssl_verify_host', 'unset ssl_verify_dates', "set certificate_file=$dir/cert.pem", "set from=$user", 'set use_from=yes', 'set copy=no', 'set record=', '');
	system("openssl s_client -connect 127.0.0.1:$ssl </dev/null 2>/dev/null | openssl x509 > $dir/cert.pem 2>/dev/null");
	my ($status, $said) = run({in => "x\n", env => {HOME => $dir}}, 'mutt', '-n', '-F', $rc, '-s', 'by mutt', 'bob@example.test');
	# mutt takes the strongest that is offered, also PLUS, for which it does not give its library the binding
	came('by mutt', 'SCRAM-SHA-256', 'mutt, with what it likes best') or diag $said, grep {/mechanism/} $t->log_lines(qr/login/);
}
is $t->stop, '', 'stops';
done_testing;
