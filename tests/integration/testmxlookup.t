#!/usr/bin/perl
# slow
# testmxlookup: what it prints of good, bad and silent domains, whom it asks and how.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;
require Courier::Module;

my $sec = eval { require Net::DNS::SEC; require Net::DNS::SEC::Private; require File::Temp; 1 };
my (@signed, $anchor);
if ($sec) {
	my $dir = File::Temp->newdir;
	# a key of RFC 6605 (P-256); only answers of this test are signed with it
	system("cd $dir && openssl ecparam -name prime256v1 -genkey -noout -out k.pem 2>/dev/null");
	my $text = `openssl ec -in $dir/k.pem -text -noout 2>/dev/null`;
	my ($priv) = $text =~ /priv:\s+([0-9a-f:\s]+?)\npub/;
	my ($pub) = $text =~ /pub:\s+([0-9a-f:\s]+?)\nASN1/;
	s/[:\s]//g for $priv, $pub;
	require MIME::Base64;
	my $raw = sub { MIME::Base64::encode_base64(pack('H*', $_[0]), '') };
	$priv = substr "0" x 64 . $priv, -64;
	my $public = $raw->(substr $pub, 2);
	my $dnskey = Net::DNS::RR->new("signed.example. 60 DNSKEY 257 3 13 $public");
	my $key = Net::DNS::SEC::Private->new(algorithm => 13, keytag => $dnskey->keytag,
		privatekey => $raw->($priv), signame => 'signed.example');
	$anchor = "signed.example. IN DNSKEY 257 3 13 $public\n";
	@signed = ('signed.example DNSKEY' => ["257 3 13 $public"], signs => ['signed.example', $key],
		'signed.example MX' => ['10 mx.signed.example.'],
		'mx.signed.example A' => ['127.0.0.7'], 'mx.signed.example AAAA' => ['::7'],
		'forged.signed.example MX' => ['10 mx.signed.example.'], 'forged.signed.example MX BROKEN' => 1,
		'half.signed.example MX' => ['10 one.example.']);
}
my $dns = Courier::FakeDNS->new(
	'one.example A' => ['127.0.0.2'], 'six.example A' => ['127.0.0.3'], 'six.example AAAA' => ['::2'],
	'mx.example MX' => ['20 six.example.', '10 one.example.'],
	'plain.example A' => ['127.0.0.5'],
	'null.example MX' => ['0 .'], 'literal.example MX' => ['10 127.0.0.2.'],
	'nohost.example MX' => ['10 gone.example.'], 'nothing.example TXT' => ['x'],
	'half.example MX' => ['10 failing.example.', '20 one.example.'],
	'failing.example A' => 'SERVFAIL', 'failing.example AAAA' => 'SERVFAIL',
	'alias.example CNAME' => ['mx.example'], 'fail.example MX' => 'SERVFAIL',
	'xn--bcher-kva.example MX' => ['10 one.example.'],
	@signed);
my $other = Courier::FakeDNS->new('mx.example MX' => ['5 elsewhere.example.'], 'elsewhere.example A' => ['127.0.0.9']);
my $home = Courier::Module::home(me => "me.example\n", resolver => $dns->resolver);
my $program = Courier::Module::build_dir() . '/testmxlookup';

sub run {
	my @args = @_;
	my $pid = open my $out, '-|';
	if (!$pid) {
		open STDERR, '>', "$home/log/said" or die;
		alarm 40;
		exec $program, '-C', $home, @args or die "exec $program: $!";
	}
	local $/;
	my $text = <$out> // '';
	close $out;
	return ($text, $? >> 8);
}
sub said { open my $f, '<', "$home/log/said" or return ''; local $/; return <$f> // '' }

my $mx = "Domain mx.example:\nRelay: one.example, Priority: 10, Address: ::ffff:127.0.0.2\n" .
    "Relay: six.example, Priority: 20, Address: ::ffff:127.0.0.3\nRelay: six.example, Priority: 20, Address: ::2\n";
(my $alias = $mx) =~ s/mx\.example:/alias.example:/;
my @rows = (
	['mx.example', $mx, 0],
	['alias.example', $alias, 0],
	['plain.example', "Domain plain.example:\nRelay: plain.example, Priority: -1, Address: ::ffff:127.0.0.5\n", 0],
	['half.example', "Domain half.example:\nRelay: one.example, Priority: 20, Address: ::ffff:127.0.0.2\n", 0],
	["b\xc3\xbccher.example", "Domain b\xc3\xbccher.example:\nRelay: one.example, Priority: 10, Address: ::ffff:127.0.0.2\n", 0],
	['[127.0.0.1]', "Domain [127.0.0.1]:\nRelay: [127.0.0.1], Priority: -1, Address: ::ffff:127.0.0.1\n", 0],
	['null.example', "null.example: hard error.\n", 1, qr/null MX/],
	['literal.example', "literal.example: hard error.\n", 1, qr/RFC 1035/],
	['nohost.example', "nohost.example: hard error.\n", 1, qr/no mail host/],
	['gone.example', "gone.example: hard error.\n", 1, qr/no such domain/],
	['nothing.example', "nothing.example: hard error.\n", 1, qr/no mail host/],
	['a b', "a b: hard error.\n", 1, qr/not a domain/],
	['fail.example', "fail.example: soft error.\n", 1, qr/no answer for now/],
);
for (@rows) {
	my ($domain, $text, $status, $why) = @$_;
	my ($got, $rc) = run($domain);
	is($got, $text, "MTA-1408 $domain");
	is($rc, $status, '... status');
	like(said(), $why // qr/\A\z/, '... and why');
}

# ---- whom it asks
(my $server = $other->resolver) =~ s/\n//;
my ($got, $rc) = run("\@$server", 'mx.example');
is($got, "Domain mx.example:\nRelay: elsewhere.example, Priority: 5, Address: ::ffff:127.0.0.9\n",
	'MTA-1409 the server that is named, whatever the files say');
($got, $rc) = run('@nonsense', 'mx.example');
is($rc, 1, 'MTA-1409 what is no address');
like(said(), qr/'nonsense' is no name server/, '... is told');

# ---- how it asks
my $before = $dns->questions;
run('--udpsize', 700, 'mx.example');
my @q = $dns->questions;
is(scalar(grep { !/ 700 / } @q[$before .. $#q]), 0, 'MTA-1410 --udpsize is what the server is told') or diag "@q[$before .. $#q]";
SKIP: {
	skip 'Net::DNS::SEC is missing', 1 if !$sec;
	if (!grep { -r } qw(/var/lib/unbound/root.key /usr/share/dns/root.key)) {
		($got, $rc) = run('--dnssec', 'signed.example');
		is($rc, 1, 'MTA-1410 --dnssec without keys of the root') or diag $got;
		like(said(), qr/no keys of the root zone/, '... says so');
	}
	Courier::Module::config($home, 'resolver.key' => $anchor);
	$before = $dns->questions;
	($got, $rc) = run('--dnssec', '--udpsize', 1280, 'signed.example');
	is($got, "Domain signed.example:\nRelay: mx.signed.example, Priority: 10, Address: ::ffff:127.0.0.7 (DNSSEC)\n" .
		"Relay: mx.signed.example, Priority: 10, Address: ::7 (DNSSEC)\n", 'MTA-1410 --dnssec marks what is signed') or diag said();
	@q = $dns->questions;
	ok((grep { /^signed\.example MX 1280 DO$/ } @q[$before .. $#q]), '... and asks for signatures');
	($got, $rc) = run('signed.example');
	unlike($got, qr/DNSSEC/, 'without it nothing is marked');
	($got, $rc) = run('--dnssec', 'forged.signed.example');
	is("$got$rc", "forged.signed.example: soft error.\n1", 'MTA-1410 a signature that is wrong');
	($got, $rc) = run('--dnssec', 'half.signed.example');
	is($got, "Domain half.signed.example:\nRelay: one.example, Priority: 10, Address: ::ffff:127.0.0.2\n",
		'a signed MX that leads to an unsigned host is not marked');
	($got, $rc) = run('--dnssec', 'mx.example');
	is($got, $mx, 'nor is what is not signed at all');
}

for my $args ([], ['a', 'b'], ['--foo', 'x'], ['--udpsize', 'x', 'a'], ['--udpsize'], ['--udpsize', 100, 'a']) {
	(undef, $rc) = run(@$args);
	is($rc, 1, "wrong arguments: @$args");
	like(said(), qr/^usage:/, '... and how it is used');
}
$dns->stop;
($got, $rc) = run('mx.example');
is("$got$rc", "mx.example: soft error.\n1", 'MTA-1408 nobody answers: a soft error');
done_testing;
