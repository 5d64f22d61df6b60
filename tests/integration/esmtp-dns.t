#!/usr/bin/perl
# slow
# MTA-3005 MTA-0910 MTA-0911 MTA-0912 MTA-0932: which host gets the mail, and what is said for good and what for now when none does.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;
require Courier::FakeSMTP;
require Courier::Module;

my $one = Courier::FakeSMTP->new(host => '127.0.0.2');
my $port = $one->port;
my $two = Courier::FakeSMTP->new(host => '127.0.0.3', port => $port);
my $refusing = Courier::FakeSMTP->new(host => '127.0.0.4', port => $port, greeting => '450 4.3.2 busy');
my @many = map { sprintf '%d mx%d.example', $_, $_ } 1 .. 60;

my $dns = Courier::FakeDNS->new(
	'one.example A' => ['127.0.0.2'], 'two.example A' => ['127.0.0.3'],
	'busy.example A' => ['127.0.0.4'], 'dead.example A' => ['127.0.0.9'],
	'both.example A' => ['127.0.0.9', '127.0.0.2'], 'six.example AAAA' => ['::1'],
	'mx.example MX' => ['20 two.example.', '10 one.example.'],
	'fallback.example MX' => ['10 dead.example.', '15 busy.example.', '20 two.example.'],
	'plain.example A' => ['127.0.0.2'],
	'addresses.example MX' => ['10 both.example.'],
	'null.example MX' => ['0 .'], 'null.example A' => ['127.0.0.2'],
	'literal.example MX' => ['10 127.0.0.2.'], 'literal2.example MX' => ['10 127.0.0.2.'],
	'down.example A' => ['127.0.0.6'], 'same.example MX' => ['10 one.example.', '10 two.example.'],
	'dual.example A' => ['127.0.0.2'], 'dual.example AAAA' => ['::1'],
	'nohost.example MX' => ['10 gone.example.'],
	'nothing.example TXT' => ['x'],
	'alias.example CNAME' => ['mx.example'],
	'tocname.example MX' => ['10 cn.example.'], 'cn.example CNAME' => ['one.example'],
	'loop.example CNAME' => ['pool.example'], 'pool.example CNAME' => ['loop.example'],
	'fail.example MX' => 'SERVFAIL', 'refused.example MX' => 'REFUSED',
	'garbage.example MX' => 'GARBAGE',
	'half.example MX' => ['10 failing.example.', '20 one.example.'],
	'failing.example A' => 'SERVFAIL', 'failing.example AAAA' => 'SERVFAIL',
	'unsure.example MX' => ['10 gone.example.', '20 failing.example.'],
	'onefamily.example MX' => ['10 broken6.example.'],
	'broken6.example A' => ['127.0.0.2'], 'broken6.example AAAA' => 'SERVFAIL',
	'broken4.example A' => 'SERVFAIL', 'broken4.example MX' => [],
	'me.example A' => ['127.0.0.2'],
	'best.example MX' => ['10 me.example.', '20 one.example.'],
	'backup.example MX' => ['10 two.example.', '20 me.example.', '30 one.example.'],
	'equal.example MX' => ['10 me.example.', '10 one.example.'],
	'many.example MX' => \@many, (map { ("mx$_.example A" => ["127.0.0.2"]) } 1 .. 60),
	'xn--bcher-kva.example MX' => ['10 one.example.'],
);

my $home = Courier::Module::home(me => "me.example\n", resolver => $dns->resolver,
	esmtproutes => ":,$port\n", esmtpdelay => "0\n", esmtptimeoutconnect => "3s\n");

# domain, outcome, status, text or host
my @rows = (
	['mx.example', 'relayed', '2.0.0', 'one.example [127.0.0.2]'],
	['MX.Example', 'relayed', '2.0.0', 'one.example [127.0.0.2]'],
	['plain.example', 'relayed', '2.0.0', 'plain.example [127.0.0.2]'],
	['fallback.example', 'relayed', '2.0.0', 'two.example [127.0.0.3]'],
	['addresses.example', 'relayed', '2.0.0', 'both.example [127.0.0.2]'],
	['alias.example', 'relayed', '2.0.0', 'one.example [127.0.0.2]'],
	['tocname.example', 'relayed', '2.0.0', 'cn.example [127.0.0.2]'],
	['half.example', 'relayed', '2.0.0', 'one.example [127.0.0.2]'],
	['onefamily.example', 'relayed', '2.0.0', 'broken6.example [127.0.0.2]'],
	['many.example', 'relayed', '2.0.0', 'mx1.example [127.0.0.2]'],
	['backup.example', 'relayed', '2.0.0', 'two.example [127.0.0.3]'],
	['[127.0.0.2]', 'relayed', '2.0.0', '[127.0.0.2]'],
	["b\xc3\xbccher.example", 'relayed', '2.0.0', 'one.example [127.0.0.2]'],
	['null.example', 'failed', '5.1.10', qr/null MX/],
	['nowhere.example', 'failed', '5.1.2', qr/no such domain/],
	['nothing.example', 'failed', '5.4.4', qr/no mail host/],
	['nohost.example', 'failed', '5.4.4', qr/no mail host/],
	['literal.example', 'failed', '5.4.4', qr/RFC 1035/],
	['a b', 'failed', '5.1.2', qr/not a domain/],
	['best.example', 'failed', '5.4.6', qr/loops back/],
	['equal.example', 'failed', '5.4.6', qr/loops back/],
	['me.example', 'failed', '5.4.6', qr/loops back/],
	['fail.example', 'deferred', '4.4.3', qr/for now/],
	['refused.example', 'deferred', '4.4.3', qr/for now/],
	['garbage.example', 'deferred', '4.4.3', qr/for now/],
	['loop.example', 'deferred', '4.4.3', qr/for now/],
	['unsure.example', 'deferred', '4.4.3', qr/for now/],
	['broken4.example', 'deferred', '4.4.3', qr/for now/],
	['dead.example', 'deferred', '4.4.1', qr/refused/],
);
for my $row (@rows) {
	my ($domain, $outcome, $status, $what) = @$row;
	my ($r) = Courier::Module::deliver($home, 'esmtp', host => $domain, patience => 60,
		rcpts => ["x\@$domain"]);
	subtest $domain => sub {
		is($r->{outcome}, $outcome, 'outcome');
		is($r->{status}, $status, 'status');
		ref $what ? like($r->{diagnostic}, $what, 'text') : is($r->{remote}, $what, 'host');
	};
}

# ---- relays by name, exceptions, families, chance
{
	my $route = sub { Courier::Module::config($home, esmtproutes => join '', map { "$_\n" } @_) };
	my $to = sub { my ($r) = Courier::Module::deliver($home, 'esmtp', host => $_[0], patience => 60, rcpts => ["x\@$_[0]"]); return $r };
	$route->("far.example: mx.example , $port", ".sub.example:[127.0.0.3],$port /SECURITY=REQUIRED", "sub.example:two.example,$port",
		"plain.example:,$port", ":[127.0.0.9],$port");
	is($to->('far.example')->{remote}, 'one.example [127.0.0.2]', 'MTA-0903 MTA-0901: a relay by name: its MX');
	is($to->('sub.example')->{remote}, 'two.example [127.0.0.3]', 'MTA-0902 MTA-0903: the domain itself; a relay without MX');
	like($to->('a.sub.example')->{diagnostic}, qr/TLS is required/, 'MTA-0902: what is below it goes the other way');
	is($to->('plain.example')->{remote}, 'plain.example [127.0.0.2]', 'MTA-0902: no relay: DNS');
	is($to->('else.example')->{outcome}, 'deferred', 'MTA-0902: nothing fits everything');
	$route->("literal.example:[127.0.0.2],$port", ":,$port");
	is($to->('literal.example')->{outcome}, 'relayed', 'MTA-0912: a route helps where the MX is none');
	like($to->('literal2.example')->{diagnostic}, qr/RFC 1035/, 'MTA-0912: no help: the report says why');
	my %seen;
	for (1 .. 24) { my $h = $to->('same.example')->{remote}; $seen{$h}++ }
	is(join(' ', sort keys %seen), 'one.example [127.0.0.2] two.example [127.0.0.3]', 'MTA-0910: equals by chance');

	# a host with addresses of both kinds
	my $six = eval { Courier::FakeSMTP->new(host => '::1', port => $port) };
	SKIP: {
		skip 'no IPv6 here', 1 unless $six;
		is($to->('dual.example')->{remote}, 'dual.example [127.0.0.2]', 'MTA-0519 MTA-0932: IPv4 first');
		Courier::Module::config($home, courierd => "ESMTP_PREFER_IPV6_MX=1\n");
		is($to->('dual.example')->{remote}, 'dual.example [::1]', 'MTA-0519 MTA-0932: ESMTP_PREFER_IPV6_MX: IPv6 first');
		is($to->('plain.example')->{remote}, 'plain.example [127.0.0.2]', 'MTA-0932: IPv4 where there is nothing else');
		$route->(":,$port/IPV4ONLY");
		is($to->('dual.example')->{remote}, 'dual.example [127.0.0.2]', 'MTA-0907: IPV4ONLY');
		unlink "$home/etc/courierd";
		$route->(":,$port/IPV6ONLY");
		is($to->('dual.example')->{remote}, 'dual.example [::1]', 'MTA-0907: IPV6ONLY');
		is($to->('plain.example')->{outcome}, 'failed', 'MTA-0907: a host that has no such address');
		is($to->('onefamily.example')->{outcome}, 'deferred', 'MTA-0907: unless nobody knows it for now');
		$six->stop;
	}
	$route->(":,$port");
}

# MTA-0222: mail that comes after a host was found dead is not tried for esmtpdelay; 0: it is
for my $case (["1m\n", 1, 'put off'], ["0\n", 2, 'tried']) {
	Courier::Module::config($home, esmtpdelay => $case->[0]);
	my $server = Courier::FakeSMTP->new(host => '127.0.0.6', port => $port, greeting => 'CLOSE');
	my @r = Courier::Module::deliver($home, 'esmtp', host => 'down.example', patience => 60, options => ['-n', 2, '-p', 2100, '-A']);
	is(join(' ', map { $_->{outcome} } @r), 'deferred deferred', 'MTA-0222: a host that is down');
	is($server->connections, $case->[1], "MTA-0222: esmtpdelay: the second message is $case->[2]");
	$server->stop;
}

# The address and the port are our own, whatever the name.
{
	Courier::Module::config($home, esmtpd => "PORT=127.0.0.2.$port\n");
	my ($r) = Courier::Module::deliver($home, 'esmtp', host => 'plain.example');
	is("$r->{outcome} $r->{status}", 'failed 5.4.6', 'our own address and port: a loop');
	($r) = Courier::Module::deliver($home, 'esmtp', host => 'backup.example');
	is($r->{outcome}, 'failed', 'and wherever it stands among the hosts');
	unlink "$home/etc/esmtpd";
}

# Nobody answers questions at all: bounded, temporary.
{
	$dns->stop;
	my $began = time;
	my ($r) = Courier::Module::deliver($home, 'esmtp', host => 'mx.example', patience => 60);
	is($r->{outcome}, 'deferred', 'no name server: deferred');
	like($r->{flags}, qr/connection/, 'no name server: other messages need not ask');
	cmp_ok(time - $began, '<', 45, 'no name server: in bounded time');
}

done_testing;
