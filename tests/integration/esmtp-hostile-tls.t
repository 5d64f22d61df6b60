#!/usr/bin/perl
# slow
# TLS of servers that are not as they should be (T34), what cuts a session in two, and sessions that are
# resumed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
eval { require Net::DNS; require IO::Socket::SSL; require IO::Socket::SSL::Utils; 1 }
    or plan skip_all => 'Net::DNS or IO::Socket::SSL is missing';
require Courier::FakeDNS;
require Courier::FakeSMTP;
use Courier::Module qw(home config deliver);

my $first = Courier::FakeSMTP->new;
my $port = $first->port;
$first->stop;
my $dns = Courier::FakeDNS->new(map { ("$_.example A" => ['127.0.0.1']) } qw(mx other));
my $home = home(me => "me.example\n", resolver => $dns->resolver, esmtproutes => ":,$port\n", esmtpdelay => "0\n",
	esmtptimeout => "5s\n", esmtptimeouthelo => "5s\n", esmtptimeoutdata => "5s\n");

# ---- certificates
my $day = 86400;
sub make {
	my (%o) = @_;
	my $key = IO::Socket::SSL::Utils::KEY_create_rsa(delete $o{bits} || 2048);
	my ($cert) = IO::Socket::SSL::Utils::CERT_create(version => 3, key => $key, subject => {commonName => 'mx.example'},
		not_before => time - $day, not_after => time + $day, digest => 'sha256',
		($o{CA} ? () : (purpose => 'server', subjectAltNames => [['DNS', 'mx.example']])), %o);
	return [$cert, $key];
}
sub pem {
	my ($name, $pair, @chain) = @_;
	open my $f, '>', "$home/$name.pem" or die;
	print $f map { IO::Socket::SSL::Utils::PEM_cert2string($_->[0]) } $pair, @chain;
	print $f IO::Socket::SSL::Utils::PEM_key2string($pair->[1]) if $name ne 'ca';
	close $f;
	return "$home/$name.pem";
}
my $ca = make(CA => 1, subject => {commonName => 'Test CA'});
my $middle = make(CA => 1, subject => {commonName => 'Test middle'}, issuer => $ca);
my $trust = pem(ca => $ca);
my %cert = (
	good => pem(good => make(issuer => $ca)),
	'the whole chain' => pem(chain => make(issuer => $middle), $middle),
	expired => pem(expired => make(issuer => $ca, not_before => time - 3 * $day, not_after => time - $day)),
	'not yet valid' => pem(early => make(issuer => $ca, not_before => time + $day, not_after => time + 3 * $day)),
	'another name' => pem(name => make(issuer => $ca, subjectAltNames => [['DNS', 'not-mx.example']])),
	'the name in the wrong place' => pem(place => make(issuer => $ca, subjectAltNames => [['DNS', 'mx.example.evil.example']])),
	'self-signed' => pem(self => make()),
	'a chain with a hole' => pem(hole => make(issuer => $middle)),
	'SHA-1' => pem(sha1 => make(issuer => $ca, digest => 'sha1')),
	'RSA of 512 bits' => pem(rsa512 => make(issuer => $ca, bits => 512)),
);
my %options = ('RSA of 512 bits' => {SSL_cipher_list => 'ALL:@SECLEVEL=0'}, 'SHA-1' => {SSL_cipher_list => 'ALL:@SECLEVEL=0'});

sub server { return Courier::FakeSMTP->new(port => $port, cert => $cert{good}, tls_options => {}, ehlo => ['STARTTLS', 'PIPELINING'], @_) }
sub courierd { config($home, courierd => join '', map { "$_\n" } @_) }
sub to { my ($domain, @more) = @_; return deliver($home, 'esmtp', host => $domain, rcpts => ["x\@$domain"], @more) }
sub said { my ($s, $what) = @_; return scalar grep { /$what/ } $s->commands }

for my $what (sort keys %cert) {
	my $good = $what eq 'good' || $what eq 'the whole chain';
	my $s = server(cert => $cert{$what}, tls_options => $options{$what} // {});
	courierd("TLS_TRUSTCERTS=$trust", 'ESMTP_TLS_VERIFY_DOMAIN=1');
	my ($r) = to('mx.example');
	is("$r->{outcome} $r->{status}", $good ? 'relayed 2.0.0' : 'deferred 4.7.5', "T34: $what, when certificates are checked");
	is(scalar $s->messages, $good ? 1 : 0, '... what is sent');
	courierd("TLS_TRUSTCERTS=$trust");
	($r) = to('mx.example');
	is($r->{outcome}, 'relayed', "T34: $what, when any will do") or diag $r->{diagnostic};
	is(said($s, '^STARTTLS$') > 0, 1, '... TLS is tried');
	$s->stop;
}

# ---- old, weak and large
system("openssl dhparam -out $home/dh.pem 512 >/dev/null 2>&1");
my $dhe = {SSL_version => 'TLSv1_2', SSL_cipher_list => 'DHE-RSA-AES128-GCM-SHA256:\@SECLEVEL=0', SSL_dh_file => "$home/dh.pem"};
my @servers = (
	# what, server, when certificates are checked, when any will do: is TLS used?
	['TLS 1.2 alone, with RSA key exchange', {tls_options => {SSL_version => 'TLSv1_2', SSL_cipher_list => 'AES128-GCM-SHA256'}}, 1, 1],
	['DH of 512 bits', {tls_options => $dhe}, 0, 0],
	['a chain of 64 KB', {cert => pem(large => make(issuer => $middle), ($middle) x 60)}, 1, 1],
	['a chain of 200 KB', {cert => pem(huge => make(issuer => $middle), ($middle) x 200)}, 0, 0],
);
cmp_ok(-s "$home/large.pem", '>', 64 * 1024, 'the chain is as long as that');
for (@servers) {
	my ($what, $m, $checked, $any) = @$_;
	my $s = server(%$m);
	courierd("TLS_TRUSTCERTS=$trust", 'ESMTP_TLS_VERIFY_DOMAIN=1');
	my ($r) = to('mx.example');
	is("$r->{outcome} $r->{status}", $checked ? 'relayed 2.0.0' : 'deferred 4.7.5', "T34: $what, when certificates are checked");
	courierd("TLS_TRUSTCERTS=$trust");
	($r) = to('mx.example');
	is($r->{outcome}, 'relayed', "T34: $what, when any will do") or diag $r->{diagnostic};
	is(said($s, '^\*tls\*$'), $checked + $any, '... how often TLS was used');
	is(scalar $s->messages, $checked + 1, '... what got there');
	$s->stop;
}
{
	my $s = server();
	to('mx.example');
	is(join(' ', grep { /sni/ } $s->commands), '*sni* mx.example', 'SNI: the name of the host');
	deliver($home, 'esmtp', host => '[127.0.0.1]', rcpts => ['x@[127.0.0.1]']);
	is((grep { /sni/ } $s->commands)[-1], '*sni* -', '... and none where there is just an address');
	$s->stop;
}

# ---- cut in two.  A server that goes without a word may have taken the message or not: it is sent again.
sub abrupt { my ($self) = @_; $self->{c}->close(SSL_no_shutdown => 1); $self->end }
sub garbage { my ($self) = @_; open my $raw, '>&=', fileno $self->{c} or die; syswrite $raw, "\x17\x03\x03\x00\x20" . 'x' x 32; sleep 2; $self->end }
my @cuts = (
	['closes without notify at MAIL', {on => {MAIL => sub { abrupt($_[1]) }}}, 'deferred', 0],
	['closes without notify instead of 354', {on => {DATA => sub { abrupt($_[1]) }}}, 'deferred', 0],
	['closes without notify behind the dot', {end => sub { abrupt($_[1]) }}, 'deferred', 1],
	['closes without notify in a reply', {end => sub { $_[1]->put("250 2.0.0 O"); abrupt($_[1]) }}, 'deferred', 1],
	['closes without notify behind its 250', {end => sub { $_[1]->put("250 2.0.0 Ok\r\n"); abrupt($_[1]) }}, 'relayed', 1],
	['a record that can\'t be read, at MAIL', {on => {MAIL => sub { garbage($_[1]) }}}, 'deferred', 0],
	['a record that can\'t be read, before the message', {on => {DATA => sub { garbage($_[1]) }}}, 'deferred', 0],
	['a record that can\'t be read, behind the dot', {end => sub { garbage($_[1]) }}, 'deferred', 1],
	['clear text instead of a record', {end => sub { open my $raw, '>&=', fileno $_[1]{c}; syswrite $raw, "250 2.0.0 Ok\r\n"; sleep 2; $_[1]->end }},
		'deferred', 1],
);
for (@cuts) {
	my ($what, $m, $outcome, $n) = @$_;
	my $s = server(%$m, ehlo => ['STARTTLS']);
	my ($r) = to('mx.example');
	is($r->{outcome}, $outcome, "T34: $what") or diag $r->{diagnostic};
	is(scalar $s->messages, $n, '... what got there');
	is(said($s, '^STARTTLS$'), 1, '... and no second try in clear');
	$s->stop;
}

# ---- what is said of it.  A certificate that nobody checks is not the reason of other faults.
{
	my $asks = {SSL_verify_mode => 3, SSL_ca_file => $trust, SSL_version => 'TLSv1_2'}; # for a certificate of ours
	my $s = server(tls_options => $asks);
	courierd();
	my ($r) = to('mx.example');
	open my $f, '<', "$home/log/module" or die;
	my $log = join '', <$f>;
	my ($why) = $log =~ /TLS with \S+ .*failed \((.*?)\): sending in clear/;
	like($why // '', qr/alert/, 'a server that ends the handshake: its alert is told') or diag $log;
	unlike($why // '', qr/certificate|issuer/, '... and not that we could not have believed its certificate');
	$s->stop;
	$s = server();
	courierd('ESMTP_TLS_VERIFY_DOMAIN=1', 'TLS_TRUSTCERTS=' . $cert{'self-signed'});
	($r) = to('mx.example');
	like($r->{diagnostic}, qr/certificate verify failed: unable to get local issuer certificate/, 'one that is checked: why it is not believed');
	$s->stop;
}

# ---- resumed: one server, its ticket keys made once
sub tickets { return IO::Socket::SSL::SSL_Context->new(SSL_server => 1, SSL_cert_file => $_[0], SSL_key_file => $_[0],
	SSL_session_id_context => 'x', @_[1 .. $#_]) }
for my $version ('TLSv1_3', 'TLSv1_2') {
	# each session ends with its message, so that the next one begins anew
	my $s = server(tls_options => {SSL_reuse_ctx => tickets($cert{good}, SSL_version => $version)}, on => {RSET => 'CLOSE'},
		end => sub { $_[1]->put("250 2.0.0 Ok\r\n"); $_[1]{c}->close; $_[1]->end });
	courierd("TLS_TRUSTCERTS=$trust", 'ESMTP_TLS_VERIFY_DOMAIN=1');
	my @r = to('mx.example', options => ['-n', 3]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed relayed relayed', "$version: three sessions");
	is(said($s, '\*tls\*') . said($s, '\*resumed\*'), '32', '... the later ones are resumed');
	@r = to('other.example', options => ['-n', 2]);
	is(join(' ', map { $_->{outcome} } @r), 'deferred deferred', 'a session for one name is none for another');
	$s->stop;
}
{
	# a server that breaks off when a session is resumed
	my $s = server(tls_options => {SSL_reuse_ctx => tickets($cert{good})}, end => sub { $_[1]->put("250 2.0.0 Ok\r\n"); $_[1]{c}->close; $_[1]->end },
		greeting => sub { $_[1]{broken_resumption} = 1; '220 fake.example ESMTP' });
	courierd();
	my @r = to('mx.example', options => ['-n', 3]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed relayed relayed', 'a server that can\'t resume');
	is(said($s, '\*cut\*') > 0, 1, '... breaks off');
	my @sent = grep { /^(?:\*tls\*|\*cut\*|\*message\*|MAIL.*)$/ } $s->commands;
	is(said($s, '\*tls\*') - said($s, '\*cut\*'), 3, '... and gets all of it over TLS all the same') or diag join "\n", @sent;
	$s->stop;
}
done_testing;
