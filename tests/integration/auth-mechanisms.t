#!/usr/bin/perl
# slow
# Every SASL mechanism in a running instance (MTA-0836), what each listener offers (MTA-0635, MTA-0636),
# channel binding and who tampers with it, failures (MTA-0837), and a gate that forgets.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(scram cram binding b64);
use Courier::Storm;
use Courier::Test;
use IO::Socket::SSL;
use Time::HiRes qw(time);

my $password = $Courier::Test::PASSWORD;
my $t = Courier::Test->new(
	users => ['alice', 'bob', 'carol', 'dave'],
	config => {
		esmtpd => {TARPIT => 0, MAXPERIP => 1000, MAXPERC => 1000, ESMTP_MAXBAD => 1000,
			ESMTPAUTH => 'CRAM-MD5 CRAM-SHA1 CRAM-SHA256',
			ESMTPAUTH_TLS => 'PLAIN LOGIN CRAM-MD5 CRAM-SHA1 CRAM-SHA256 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS'},
		'esmtpd-msa' => {AUTH_REQUIRED => 0, ESMTPAUTH => 'LOGIN', ESMTPAUTH_TLS => ''},
		'esmtpd-ssl' => {AUTH_REQUIRED => 0, ESMTPAUTH => '', ESMTPAUTH_TLS => 'SCRAM-SHA-256'},
		authdaemonrc => {AUTH_FAIL_DELAY => 0},
	},
	files => {'smtpaccess/default' => ''},
);

# bob has all that CRAM wants, carol a SCRAM-SHA-1 record, dave his password as it is
sub stored {
	my ($user, @option) = @_;
	my $program = Courier::Test::program('userdbpw');
	chomp(my $out = qx(printf '%s\\n' '$password' | $program @option));
	return $out;
}
my $db = $t->path('etc/userdb');
my $text = do {local (@ARGV, $/) = ($db); <>};
my %record = (
	bob => join('|', 'systempw=' . stored('bob', '-p', 'scram-sha-256'), map {"hmac-${_}pw=" . stored('bob', "-hmac-$_")} qw(md5 sha1 sha256)),
	carol => 'systempw=' . stored('carol', '-p', 'scram-sha-1'),
	dave => "systempw={PLAIN}$password",
);
$text =~ s/^($_\@.*\|)systempw=\S+/$1$record{$_}/m or BAIL_OUT("no line of $_ in $db: $text") for keys %record;
$t->file('etc/userdb', $text);
chmod 0600, $db;
if ($> == 0) { my @pw = getpwnam 'courier-auth'; chown @pw[2, 3], $db if @pw }
$t->command('makeuserdb');
$t->start;

sub begin {
	my ($service, $tls, %ssl) = @_;
	my $s = $t->connect($service);
	$t->smtp_reply($s);
	$t->{ehlo} = $t->smtp($s, 'EHLO c');
	if ($tls) {
		$t->smtp($s, 'STARTTLS');
		IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, %ssl) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
		$t->{ehlo} = $t->smtp($s, 'EHLO c');
	}
	return $s;
}

# ---- what is offered
begin('smtp');
like $t->{ehlo}, qr/^250-AUTH CRAM-MD5 CRAM-SHA1 CRAM-SHA256\r$/m, 'MTA-0635: in clear what ESMTPAUTH names';
begin('smtp', 1);
like $t->{ehlo}, qr/^250-AUTH PLAIN LOGIN CRAM-MD5 CRAM-SHA1 CRAM-SHA256 SCRAM-SHA-1 SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-256-PLUS\r$/m,
    'MTA-0636: under TLS what ESMTPAUTH_TLS names';
my $s = begin('submission');
like $t->{ehlo}, qr/^250-AUTH LOGIN\r$/m, 'LOGIN alone, when it is alone in the list';
like $t->smtp($s, 'AUTH PLAIN ' . b64("\0alice\@example.test\0$password")), qr/^504 5\.5\.4/, '... PLAIN is not its twin';
like $t->smtp($s, 'AUTH LOGIN ' . b64('alice')), qr/^334 /, '... LOGIN with the name at once';
like $t->smtp($s, b64($password)), qr/^235 /, '... succeeds in clear, since it was asked for';
begin('submission', 1);
like $t->{ehlo}, qr/^250-AUTH LOGIN\r$/m, 'MTA-0636: an empty ESMTPAUTH_TLS means the other list';
sub secure {
	my $c = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0) or die;
	$t->smtp_reply($c);
	$t->{ehlo} = $t->smtp($c, 'EHLO c');
	return $c;
}
$s = secure();
like $t->{ehlo}, qr/^250-AUTH SCRAM-SHA-256\r$/m, 'a list without PLUS';
like scram($t, $s, user => 'bob@example.test', password => $password, gs2 => 'y,,'), qr/^235 /, 'where PLUS is not offered, a client that could bind is right to say so';

# ---- each with what it needs
my %user = (bob => [qw(CRAM-MD5 CRAM-SHA1 CRAM-SHA256 SCRAM-SHA-256 PLAIN LOGIN)], carol => [qw(SCRAM-SHA-1 PLAIN LOGIN)],
	dave => [qw(CRAM-MD5 CRAM-SHA1 CRAM-SHA256 SCRAM-SHA-1 SCRAM-SHA-256 PLAIN LOGIN)], alice => [qw(PLAIN LOGIN)]);
sub exchange {
	my ($mechanism, $c, $user, $secret) = @_;
	return cram($t, $c, $1, $user, $secret) if $mechanism =~ /^CRAM-(.*)/;
	return scram($t, $c, hash => $1 == 1 ? 'sha1' : 'sha256', user => $user, password => $secret) if $mechanism =~ /^SCRAM-SHA-(\d+)$/;
	return $t->smtp($c, 'AUTH PLAIN ' . b64("\0$user\0$secret")) if $mechanism eq 'PLAIN';
	$t->smtp($c, 'AUTH LOGIN');
	$t->smtp($c, b64($user));
	return $t->smtp($c, b64($secret));
}
for my $user (sort keys %user) {
	for my $mechanism (qw(PLAIN LOGIN CRAM-MD5 CRAM-SHA1 CRAM-SHA256 SCRAM-SHA-1 SCRAM-SHA-256)) {
		my $can = grep {$_ eq $mechanism} @{$user{$user}};
		$s = begin('smtp', 1);
		my $r = exchange($mechanism, $s, "$user\@example.test", $password);
		like $r, $can ? qr/^235 2\.7\.0/ : qr/^535 5\.7\.8/, "MTA-0836: $mechanism for $user " . ($can ? 'succeeds' : 'lacks what it needs');
		next if !$can;
		like $t->smtp($s, 'MAIL FROM:<>'), qr/^250/, '... and the gate knows the account';
		like $t->smtp($s, 'RCPT TO:<x@far.example>'), qr/^250/, '... which may relay';
	}
}

# ---- channel binding, RFC 5802 and 9266
my @bob = (user => 'bob@example.test', password => $password);
my @plus = (mechanism => 'SCRAM-SHA-256-PLUS', gs2 => 'p=tls-exporter,,');
$s = begin('smtp', 1);
is $s->get_sslversion, 'TLSv1_3', 'TLS 1.3';
like scram($t, $s, @bob, @plus, binding => binding($s)), qr/^235 /, 'SCRAM-SHA-256-PLUS';
$s = begin('smtp', 1);
like scram($t, $s, @bob, hash => 'sha1', mechanism => 'SCRAM-SHA-1-PLUS', gs2 => 'p=tls-exporter,,', user => 'carol@example.test', binding => binding($s)), qr/^235 /, 'SCRAM-SHA-1-PLUS';
$s = begin('smtp', 1);
my $other = begin('smtp', 1);
like scram($t, $s, @bob, @plus, binding => binding($other)), qr/^535 /, 'the binding of another connection: somebody stands between';
$s = begin('smtp', 1);
like scram($t, $s, @bob, @plus, binding => ''), qr/^535 /, 'no binding where one is promised';
my %flag = (
	'n,,' => [235, 535], 'y,,' => [535, 535], 'p=tls-exporter,,' => [535, 235], 'p=tls-unique,,' => [535, 535], 'p=tls-server-end-point,,' => [535, 535],
	'p=,,' => [535, 535], 'x,,' => [535, 535], ',,' => [535, 535], 'n,a=bob@example.test,' => [235, 535], 'n,a=alice@example.test,' => [535, 535],
	'p=tls-exporter,a=bob@example.test,' => [535, 235],
);
for my $flag (sort keys %flag) {
	for my $i (0, 1) {
		my $name = 'SCRAM-SHA-256' . ($i ? '-PLUS' : '');
		$s = begin('smtp', 1);
		like scram($t, $s, @bob, mechanism => $name, gs2 => $flag, binding => $flag =~ /^p/ ? binding($s) : ''), qr/^$flag{$flag}[$i] /,
		    "$name with gs2 header '$flag': $flag{$flag}[$i]";
	}
}
$s = begin('smtp', 1, SSL_version => 'TLSv1_2');
is $s->get_sslversion, 'TLSv1_2', 'TLS 1.2, which has no such binding here';
unlike $t->{ehlo}, qr/-PLUS/, 'nothing is promised that cannot be had';
like $t->smtp($s, 'AUTH SCRAM-SHA-256-PLUS'), qr/^504 /, '... nor taken';
like scram($t, $s, @bob, gs2 => 'y,,'), qr/^235 /, 'a client that could bind and saw that we could not';

# ---- SCRAM, wrong in every step
my %broken = (
	'another nonce' => {final => sub { $_[0] =~ s/r=/r=x/r }},
	'our nonce alone' => {final => sub { $_[0] =~ s/r=rOprNGfwEbeRWgbNEkqO/r=/r }},
	'another header' => {final => sub { 'c=' . b64('y,,') . $_[0] =~ s/^c=[^,]*//r }},
	'no header' => {final => sub { $_[0] =~ s/^c=[^,]*,//r }},
	'an extension that must be known' => {first => sub {"m=x,$_[0]"}},
	'a name with a bad escape' => {user => 'bob=2'},
	'a user nobody has' => {user => 'nobody@example.test'},
	'a wrong password' => {password => 'wrong'},
	'no name' => {user => ''},
);
for my $name (sort keys %broken) {
	$s = begin('smtp', 1);
	like scram($t, $s, @bob, %{$broken{$name}}), qr/^535 5\.7\.8/, "SCRAM with $name";
	like $t->smtp($s, 'NOOP'), qr/^250/, '... and on';
}
$s = begin('smtp', 1);
like scram($t, $s, @bob, last => '*'), qr/^501 5\.7\.0/, 'taken back at the last word';
like $t->smtp($s, 'MAIL FROM:<>'), qr/^250/, '... and on, as nobody';
like $t->smtp($s, 'RCPT TO:<x@far.example>'), qr/^513 /, '... who may not relay';
$s = begin('smtp', 1);
like scram($t, $s, @bob, last => 'eA=='), qr/^535 /, 'something in answer to the last word';
like scram($t, $s, @bob, final => sub {"$_[0],x=more"}), qr/^235 /, 'a further attribute counts for nothing';

# ---- MTA-0837: failures take their time, all the same
$t->configure(authdaemonrc => {AUTH_FAIL_DELAY => 1});
$t->command('courier', '-C', $t->path(''), 'reload');
$s = begin('smtp', 1);
like exchange('PLAIN', $s, 'dave@example.test', $password), qr/^235/, 'after a success the address is as good as new';
for my $who (['alice@example.test', 'wrong'], ['nobody@example.test', $password]) {
	$s = begin('smtp', 1);
	my $start = time;
	like $t->smtp($s, 'AUTH PLAIN ' . b64("\0$who->[0]\0$who->[1]")), qr/^535 5\.7\.8 Authentication failed\r\n\z/, "MTA-0837: $who->[0] is refused";
	my $took = time - $start;
	ok $took > 0.9, sprintf '... after %.1f s', $took;
}
{
	$s = begin('smtp', 1);
	print $s 'AUTH PLAIN ' . b64("\0alice\@example.test\0wrong") . "\r\n";
	my $other = begin('smtp', 1);
	my $start = time;
	like $t->smtp($other, 'AUTH PLAIN ' . b64("\0dave\@example.test\0$password")), qr/^235/, 'others do not wait for it';
	ok time - $start < 5, '... at all';
	like $t->smtp_reply($s), qr/^535/, '... and it is refused in the end';
}

# ---- STARTTLS forgets a login, RFC 3207
$s = begin('smtp');
like cram($t, $s, 'MD5', 'dave@example.test', $password), qr/^235 /, 'a login in clear';
$t->smtp($s, 'STARTTLS');
IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or die;
like $t->smtp($s, 'EHLO c'), qr/^250-AUTH PLAIN/m, '... is forgotten under TLS';
$t->smtp($s, 'MAIL FROM:<>');
like $t->smtp($s, 'RCPT TO:<x@far.example>'), qr/^513 /, '... by the gate too';

# ---- the gate that knew the login is gone: nothing goes on as nobody
my $gates = Courier::Storm->new($t)->processes->{gate};
ok $gates && @$gates, 'there are gates' or BAIL_OUT('no gate is found');
$s = begin('smtp', 1);
like exchange('PLAIN', $s, 'dave@example.test', $password), qr/^235/, 'a login';
kill 'KILL', @$gates;
like $t->smtp($s, 'MAIL FROM:<>'), qr/^421 4\.3\.0 .*login/, 'the gate that knew it is gone: the client must come again';
is $t->smtp_reply($s), '', '... the connection ends';
ok $t->wait_for(20, sub { $s = begin('smtp', 1); exchange('PLAIN', $s, 'dave@example.test', $password) =~ /^235/ }), 'and may log in again';

# ---- no mechanism at all
$t->configure('esmtpd-ssl' => {ESMTPAUTH_TLS => ''});
$t->restart;
$s = secure();
unlike $t->{ehlo}, qr/AUTH/, 'MTA-0635: both lists empty: no AUTH';
like $t->smtp($s, 'AUTH PLAIN'), qr/^502 /, 'MTA-0837: ... and none is taken';
is $t->stop, '', 'stops';
done_testing;
