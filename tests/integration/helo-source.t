#!/usr/bin/perl
# The name and the address a client shows itself with: esmtphelo, ipout, ip6out (MTA-0933).
# MTA-0112 MTA-0401
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;
require Courier::FakeSMTP;
require Courier::Module;

my $far = Courier::FakeSMTP->new;
my $dns = Courier::FakeDNS->new('far.example A' => ['127.0.0.1']);
my $home = Courier::Module::home(me => "me.test\n", resolver => $dns->resolver, esmtpdelay => "0\n",
	esmtproutes => ':[127.0.0.1],' . $far->port . "\n");

sub send_it { my ($r) = Courier::Module::deliver($home, 'esmtp', host => 'far.example', message => "Subject: $_[0]\n\n"); return $r }
sub seen { my ($subject) = @_; return join ' ', $far->sender_of(qr/^Subject: \Q$subject\E\r?$/m) }

send_it('one');
is(seen('one'), '127.0.0.1 me.test', 'MTA-0112: me, from wherever the system likes');
Courier::Module::config($home, esmtphelo => "named.test\n", ipout => "127.0.0.5\n");
send_it('two');
is(seen('two'), '127.0.0.5 named.test', 'MTA-0112 MTA-0401: the name of the file, from the address of the file');
Courier::Module::config($home, esmtphelo => "*\n", ipout => "127.0.0.1\n");
send_it('three');
is(seen('three'), '127.0.0.1 localhost', 'MTA-0112: "*" is the name of the address');
Courier::Module::config($home, ipout => "127.0.0.6\n");
send_it('four');
is(seen('four'), '127.0.0.6 me.test', 'MTA-0112: me, when that has no name');
Courier::Module::config($home, ipout => "0\n", esmtphelo => "x.test\n");
send_it('five');
is(seen('five'), '127.0.0.1 x.test', 'MTA-0401: 0 is the system\'s choice');
Courier::Module::config($home, ipout => "192.0.2.77\n");
my $r = send_it('six');
is($r->{outcome}, 'deferred', 'MTA-0401: an address that is none of ours') or diag explain $r;

SKIP: {
	my $six = eval { Courier::FakeSMTP->new(host => '::1') } or skip 'no IPv6', 3;
	my $send_six = sub {
		Courier::Module::config($home, esmtproutes => ':[::1],' . $six->port . "\n", @_);
		return send_it('v6');
	};
	is($send_six->(ip6out => "::1\n")->{outcome}, 'relayed', 'MTA-0401: ip6out, whatever ipout says');
	is((join ' ', $six->sender_of(qr/v6/)), '::1 x.test', 'from there');
	is($send_six->(ip6out => "2001:db8::77\n")->{outcome}, 'deferred', 'MTA-0401: an address that is none of ours');
}

done_testing;
