#!/usr/bin/perl
# slow
# TLS of the client: whom it trusts and when, versions and ciphers, SECURITY, and how mail goes where
# TLS is broken.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
eval { require Net::DNS; require IO::Socket::SSL; 1 } or plan skip_all => 'Net::DNS or IO::Socket::SSL is missing';
require Courier::FakeDNS;
require Courier::FakeSMTP;
require Courier::Module;

my $first = Courier::FakeSMTP->new;
my $port = $first->port;
$first->stop;
my $dns = Courier::FakeDNS->new(
	map { ("$_ A" => ['127.0.0.1']) } qw(exact.example second.example a.wild.example a.b.wild.example other.example));
my $home = Courier::Module::home(me => "me.example\n", resolver => $dns->resolver, esmtproutes => ":,$port\n",
	esmtpdelay => "0\n", esmtptimeout => "5s\n", esmtptimeouthelo => "5s\n");
sub certificate {
	my ($name, $subject, $alt) = @_;
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$subject -addext subjectAltName=$alt " .
		"-keyout $home/$name.key -out $home/$name.crt >/dev/null 2>&1 && cat $home/$name.crt $home/$name.key > $home/$name.pem");
	return "$home/$name.pem";
}
my $good = certificate('good', 'ignored.example', 'DNS:exact.example,DNS:second.example,DNS:*.wild.example');
my $stranger = certificate('stranger', 'exact.example', 'DNS:exact.example');
plan skip_all => 'openssl is missing' if !-s $good;

sub server {
	my (%m) = @_;
	return Courier::FakeSMTP->new(port => $port, cert => $good, tls_options => {}, ehlo => ['STARTTLS', 'XSECURITY=NONE,STARTTLS'], %m);
}
sub courierd { Courier::Module::config($home, courierd => join '', map { "$_\n" } @_) }
sub to { my ($domain, @more) = @_; my ($r) = Courier::Module::deliver($home, 'esmtp', host => $domain, rcpts => ["x\@$domain"], @more); return $r }
sub said { my ($s, $what) = @_; return scalar grep { /$what/ } $s->commands }

# ---- who is trusted
{
	my $s = server(cert => $stranger);
	courierd("TLS_TRUSTCERTS=$home/good.crt");
	is(to('exact.example')->{outcome}, 'relayed', 'MTA-0529: without TLS_VERIFYPEER any certificate will do');
	is(said($s, '\*tls\*'), 1, '... and TLS is used');
	courierd("TLS_TRUSTCERTS=$home/good.crt", 'TLS_VERIFYPEER=NONE');
	is(to('exact.example')->{outcome}, 'relayed', 'MTA-0529: NONE');
	for my $word (qw(PEER REQUIREPEER)) {
		courierd("TLS_TRUSTCERTS=$home/good.crt", "TLS_VERIFYPEER=$word");
		my $r = to('exact.example');
		is("$r->{outcome} $r->{status}", 'deferred 4.7.5', "MTA-0529: $word: a stranger's certificate gets no mail");
	}
	is(scalar $s->messages, 2, 'nothing went in clear');
	$s->stop;
	$s = server();
	is(to('other.example')->{outcome}, 'relayed', 'MTA-0529 MTA-0527: a trusted one does, whatever its name');
	courierd('TLS_VERIFYPEER=PEER');
	is(to('exact.example')->{outcome}, 'deferred', 'to check, and to trust nobody');
	$s->stop;
}

# ---- the name
{
	my $s = server();
	courierd("TLS_TRUSTCERTS=$home/good.crt", 'TLS_VERIFYPEER=PEER', 'ESMTP_TLS_VERIFY_DOMAIN=1');
	for my $name (qw(exact.example second.example a.wild.example)) {
		is(to($name)->{outcome}, 'relayed', "MTA-0518 MTA-0927: $name stands in the certificate");
	}
	for my $name (qw(other.example a.b.wild.example)) {
		my $r = to($name);
		is("$r->{outcome} $r->{status}", 'deferred 4.7.5', "MTA-0518 MTA-0927: $name does not");
	}
	courierd("TLS_TRUSTCERTS=$home/good.crt", 'TLS_VERIFYPEER=PEER', 'ESMTP_TLS_VERIFY_DOMAIN=0');
	is(to('a.b.wild.example')->{outcome}, 'relayed', 'MTA-0518: 0');
	$s->stop;
}

# ---- versions and ciphers
{
	my $s = server(tls_options => {SSL_version => 'TLSv1_2'});
	courierd('TLS_PROTOCOL=TLSv1.2');
	to('exact.example');
	is(said($s, '\*with\* TLSv1_2'), 1, 'MTA-0521: TLSv1.2');
	courierd('TLS_CIPHER_LIST=ECDHE-RSA-AES128-GCM-SHA256');
	to('exact.example');
	is(said($s, '\*with\* TLSv1_2 ECDHE-RSA-AES128-GCM-SHA256'), 1, 'MTA-0522: the cipher of the list');
	courierd('TLS_CIPHER_LIST=ECDHE-ECDSA-AES128-GCM-SHA256');
	to('exact.example');
	is(said($s, '\*no tls\*'), 1, 'MTA-0522: nothing in common: no TLS');
	courierd('TLS_PROTOCOL=TLSv1.3', "TLS_TRUSTCERTS=$home/good.crt", 'TLS_VERIFYPEER=PEER');
	my $r = to('exact.example');
	is("$r->{outcome} $r->{status}", 'deferred 4.7.5', 'MTA-0521: TLSv1.3 is not what an older server speaks');
	$s->stop;
	$s = server();
	for my $word (qw(TLSv1 TLS1 TLSv1.1++ TLSv1.2+ TLSv1.2++)) {
		courierd("TLS_PROTOCOL=$word");
		is(to('exact.example')->{outcome}, 'relayed', "MTA-0521: $word");
	}
	is(said($s, '\*with\* TLSv1_3'), 5, '... is the oldest, not the only one');
	$s->stop;
}

# ---- TLS that is broken
{
	my $s = server(broken_tls => 1);
	courierd();
	my @r = Courier::Module::deliver($home, 'esmtp', host => 'exact.example', options => ['-n', 3, '-p', 200]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed relayed relayed', 'MTA-0913: mail goes in clear');
	is(said($s, '^STARTTLS'), 1, 'MTA-0913: STARTTLS is not tried again');
	open my $log, '<', "$home/log/module";
	like(join('', <$log>), qr/TLS with exact\.example \[127\.0\.0\.1\] failed .*in clear/, 'MTA-0913: the log tells');
	$s->stop;
}

# ---- TLS that hangs: the host says 220 and then nothing
{
	my $s = server(on => {STARTTLS => sub { $_[1]->put("220 go\r\n"); sleep 60; $_[1]->end }});
	Courier::Module::config($home, esmtptimeouthelo => "2s\n");
	courierd();
	my @r = Courier::Module::deliver($home, 'esmtp', host => 'exact.example', options => ['-n', 3, '-p', 200]);
	is(join(' ', map { $_->{outcome} } @r), 'relayed relayed relayed', 'MTA-0913: a handshake without an end is one that fails');
	is(said($s, '^STARTTLS'), 1, 'MTA-0913: ... and is not tried again');
	courierd("TLS_TRUSTCERTS=$home/good.crt", 'TLS_VERIFYPEER=PEER');
	my $r = to('exact.example');
	is("$r->{outcome} $r->{status}", 'deferred 4.4.2', '... nothing goes in clear where certificates are checked');
	Courier::Module::config($home, esmtptimeouthelo => "5s\n");
	$s->stop;
}

# ---- SECURITY
{
	my $s = server();
	courierd("TLS_TRUSTCERTS=$home/good.crt", "TLS_TRUSTSECURITYCERTS=$home/stranger.crt");
	my $r = to('exact.example', options => ['-S', 'STARTTLS']);
	is("$r->{outcome} $r->{status}", 'failed 5.7.5', 'MTA-0528: TLS_TRUSTCERTS does not count for SECURITY=STARTTLS');
	courierd("TLS_TRUSTCERTS=$home/stranger.crt", "TLS_TRUSTSECURITYCERTS=$home/good.crt");
	is(to('exact.example', options => ['-S', 'STARTTLS'])->{outcome}, 'relayed', 'MTA-0528 MTA-1009: TLS_TRUSTSECURITYCERTS does');
	is(said($s, '^MAIL FROM:<a@s.example> SECURITY=STARTTLS$'), 1, '... and the server is told');
	is(to('other.example', options => ['-S', 'STARTTLS'])->{outcome}, 'failed', 'MTA-0528: the name is checked');
	is(to('other.example')->{outcome}, 'relayed', 'other mail is as free as ever');
	is(said($s, '^MAIL FROM:<a@s.example>$'), 1, '... and demands nothing');
	courierd("TLS_TRUSTCERTS=$home/good.crt");
	is(to('exact.example', options => ['-S', 'STARTTLS'])->{outcome}, 'failed', 'nobody is trusted with it unless the setting says so');
	courierd("TLS_TRUSTSECURITYCERTS=$home/good.crt");
	Courier::Module::config($home, esmtproutes => ":,$port/SECURITY=STARTTLS\n");
	is(to('exact.example')->{outcome}, 'relayed', 'MTA-0904: the route demands it');
	is(said($s, '^MAIL FROM:<a@s.example> SECURITY=STARTTLS$'), 2, '... and the server is told');
	is(to('other.example')->{outcome}, 'failed', 'MTA-0904: a wrong name');
	$s->stop;
	my $n = 0;
	for my $manners ({ehlo => ['STARTTLS']}, {ehlo => ['STARTTLS', 'XSECURITY=NONE']}, {ehlo => ['XSECURITY=NONE,STARTTLS']},
		{broken_tls => 1}, {cert => $stranger}) {
		$s = server(%$manners);
		$n++;
		my $r = to('exact.example');
		is("$r->{outcome} $r->{status}", 'failed 5.7.5', "MTA-0904 MTA-1009: a way that is not safe ($n)");
		is(scalar $s->messages, 0, '... nothing is sent');
		$s->stop;
	}
	is(to('exact.example')->{outcome}, 'deferred', 'a host that is down is no reason to give up');
}
done_testing;
