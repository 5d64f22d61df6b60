#!/usr/bin/perl
# slow
# Ways to a host: where one address family leads nowhere (T37), and by a SOCKS 5 proxy.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Fcntl qw(F_SETFL O_NONBLOCK);
use IO::Select;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM SOL_SOCKET SO_REUSEADDR inet_pton AF_INET AF_INET6 pack_sockaddr_in pack_sockaddr_in6 inet_ntop);
use Test::More;
use Time::HiRes qw(time);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;
use Courier::FakeSMTP;
use Courier::FakeSOCKS;
use Courier::Module qw(home config deliver);

my $dns = Courier::FakeDNS->new('both.example A' => ['127.0.0.1'], 'both.example AAAA' => ['::1'],
	'four.example A' => ['127.0.0.1'], 'two.example A' => ['127.0.0.1', '127.0.0.2']);
my $home = home(me => "me.example\n", resolver => $dns->resolver, esmtpdelay => "0\n", esmtptimeout => "5s\n",
	esmtptimeouthelo => "5s\n");

# A port at which nobody answers the connection: its accept queue is full.
sub deaf {
	my ($ip, $port) = @_;
	my $six = $ip =~ /:/;
	my $to = $six ? pack_sockaddr_in6($port, inet_pton(AF_INET6, $ip)) : pack_sockaddr_in($port, inet_pton(AF_INET, $ip));
	my @full;
	for my $n (0 .. 3) {
		socket my $c, $six ? AF_INET6 : AF_INET, SOCK_STREAM, 0 or die "socket: $!";
		push @full, $c;
		if (!$n) {
			setsockopt $c, SOL_SOCKET, SO_REUSEADDR, pack 'i', 1;
			bind $c, $to or die "bind: $!";
			listen $c, 0 or die "listen: $!";
		} else {
			fcntl $c, F_SETFL, O_NONBLOCK or die "fcntl: $!";
			connect $c, $to;
		}
	}
	return \@full;
}

# ---- T37
SKIP: {
	my $probe = IO::Socket::IP->new(Listen => 1, LocalHost => '::1', Type => SOCK_STREAM) or skip 'no IPv6 here', 10;
	close $probe;
	for my $case (['127.0.0.1', '::1', 1], ['::1', '127.0.0.1', 0]) {
		my ($good, $bad, $six_first) = @$case;
		my $s = Courier::FakeSMTP->new(host => $good);
		config($home, esmtproutes => ':,' . $s->port . "\n", courierd => "ESMTP_PREFER_IPV6_MX=$six_first\n",
			esmtptimeoutconnect => "20s\n");
		my $deaf = deaf($bad, $s->port);
		my $began = time;
		my ($r) = deliver($home, 'esmtp', host => 'both.example');
		my $took = time - $began;
		is("$r->{outcome} $r->{remote}", "relayed both.example [$good]", "T37: [$bad] does not answer, the other one does");
		ok($took > 0.9 && $took < 10, '... without waiting for it') or diag $took;
		is($s->connections, 1, '... over one connection');
		undef $deaf;
		# refused is told at once
		$began = time;
		($r) = deliver($home, 'esmtp', host => 'both.example');
		is("$r->{outcome} $r->{remote}", "relayed both.example [$good]", "T37: [$bad] refuses");
		cmp_ok(time - $began, '<', 10, '... at once');
		$s->stop;
	}
	my $port = do { my $s = Courier::FakeSMTP->new; my $p = $s->port; $s->stop; $p };
	my @deaf = (deaf('::1', $port), deaf('127.0.0.1', $port));
	config($home, esmtproutes => ":,$port\n", esmtptimeoutconnect => "2s\n");
	my $began = time;
	my ($r) = deliver($home, 'esmtp', host => 'both.example');
	is("$r->{outcome} $r->{status} $r->{flags}", 'deferred 4.4.1 connection', 'both do not answer: the host is down') or diag $r->{diagnostic};
	cmp_ok(time - $began, '<', 12, '... each was waited for once');
	# the first of two hosts answers too late to greet: the other way is used for what follows
	my $s = Courier::FakeSMTP->new(broken_tls => 1, ehlo => ['STARTTLS']);
	my $six = deaf('::1', $s->port);
	config($home, esmtproutes => ':,' . $s->port . "\n", courierd => "ESMTP_PREFER_IPV6_MX=1\n", esmtptimeoutconnect => "20s\n");
	$began = time;
	($r) = deliver($home, 'esmtp', host => 'both.example');
	is("$r->{outcome} $r->{remote}", 'relayed both.example [127.0.0.1]', 'broken TLS on the way that won: again there, in clear');
	cmp_ok(time - $began, '<', 10, '... not by the one that lost');
}
config($home, courierd => '', esmtptimeoutconnect => "3s\n");

# ---- SOCKS: a proxy that writes down what it is asked
sub proxy { return Courier::FakeSOCKS->new(@_) }

my $s = Courier::FakeSMTP->new;
config($home, esmtproutes => ':,' . $s->port . "\n");
sub by { my ($p, $login, @more) = @_;
	config($home, esmtpsocks => "127.0.0.1,$p->{port}$login\n");
	my ($r) = deliver($home, 'esmtp', host => 'four.example', @more);
	return $r;
}
{
	my $p = proxy();
	my $r = by($p, '');
	is("$r->{outcome} $r->{remote}", 'relayed four.example [127.0.0.1]', 'by a SOCKS proxy');
	is(join('|', $p->said), 'methods 0|connect 127.0.0.1', '... that gets an address, no name');
	by($p, ' joe secret');
	is(($p->said)[2], 'methods 0 2', 'with a password to offer');
	$p = proxy(user => 'joe', password => 'secret');
	$r = by($p, ' joe secret');
	is($r->{outcome}, 'relayed', 'it asks for it');
	is(($p->said)[1], 'user joe', '... and gets it');
	my @wrong = (
		[{user => 'joe', password => 'other'}, ' joe secret', qr/refuses user and password/],
		[{user => 'joe', password => 'secret'}, '', qr/another way to log in/],
		[{refuse => 2}, '', qr/rules do not allow/], [{refuse => 4}, '', qr/host unreachable/], [{refuse => 77}, '', qr/unknown/],
		[{garbage => "HTTP/1.0 400 no\r\n"}, '', qr/does not speak SOCKS/], [{garbage => ''}, '', qr/connection closed during: waiting for the SOCKS/],
		[{garbage => "\5"}, '', qr/connection closed/], [{hang => 1}, '', qr/timed out while waiting for the SOCKS/]);
	for (@wrong) {
		my ($m, $login, $why) = @$_;
		$r = by(proxy(%$m), $login);
		is("$r->{outcome} $r->{flags}", 'deferred connection', "a proxy that does not help: mail waits");
		like($r->{diagnostic}, $why, '... and why');
	}
	my $before = $s->connections;
	$p = {port => 1};
	$r = by($p, '');
	is($r->{outcome}, 'deferred', 'no proxy there');
	like($r->{diagnostic}, qr/SOCKS proxy.*refused/, '... is told');
	is($s->connections, $before, '... and nobody goes past it');
	$s->stop;
	$r = by(proxy(), '');
	like($r->{diagnostic}, qr/SOCKS proxy.*connection refused/, 'what the proxy says of the host');
}

# ---- policies go the same way
SKIP: {
	eval { require IO::Socket::SSL; require Courier::FakeHTTPS; 1 } or skip 'IO::Socket::SSL is missing', 4;
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=w -addext subjectAltName=DNS:mta-sts.four.example " .
		"-keyout $home/key -out $home/crt >/dev/null 2>&1 && cat $home/crt $home/key > $home/pem");
	my $policy = "version: STSv1\nmode: enforce\nmx: four.example\nmax_age: 86400\n";
	my $web = Courier::FakeHTTPS->new(cert => "$home/pem", on => {'mta-sts.four.example' => [200, 'text/plain', $policy]});
	my $names = Courier::FakeDNS->new('_mta-sts.four.example TXT' => ['"v=STSv1; id=1"'], 'mta-sts.four.example A' => ['127.0.0.1'],
		'four.example A' => ['127.0.0.1']);
	config($home, resolver => $names->resolver, courierd => "TLS_TRUSTCERTS=$home/crt\nSTS_HTTPS_PORT=" . $web->port . "\n");
	local $ENV{COURIER_HOME} = "$home";
	my $look = Courier::Module::build_dir() . '/testmxlookup --sts four.example 2>&1';
	my $p = proxy(user => 'joe', password => 'secret');
	config($home, esmtpsocks => "127.0.0.1,$p->{port} joe secret\n");
	is(scalar `$look`, $policy, 'MTA-1411: a policy by way of the proxy');
	is(($p->said)[-1], 'connect 127.0.0.1', '... which gets no name');
	config($home, esmtpsocks => "127.0.0.1,$p->{port} joe wrong\n");
	like(scalar `$look`, qr/can't be fetched.*\n.*has no MTA-STS policy/, 'nobody goes past it');
	is(scalar(my @r = $web->requests), 1, '... not even once');
}
done_testing;
