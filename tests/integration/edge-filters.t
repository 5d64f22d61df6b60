#!/usr/bin/perl
# What filters hear of a client: variables of lists of the DNS, and the word behind RELAYCLIENT.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Filter;
use Courier::Test;
use IO::Socket::INET;
use MIME::Base64;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;

my $dns = Courier::FakeDNS->new('2.0.0.127.bl.test A' => ['127.0.0.2'], '2.0.0.127.bl.test TXT' => ['"dynamic address"']);
my $t = Courier::Test->new(users => ['alice'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, BLACKLISTS => '-block=bl.test=Dynamic,BLOCK2', ESMTPAUTH => 'PLAIN'}},
	files => {resolver => $dns->resolver,
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT=byaddress,AUTHRELAYCLIENT=bylogin\n127.0.0.2\tallow\n"});
my $filter = Courier::Filter->new($t, 'look');
$t->start;

sub control {
	my ($from, @commands) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => $from, Timeout => 10) or die;
	$s->autoflush(1);
	$t->smtp_reply($s);
	my @r = map { $t->smtp($s, $_) } 'EHLO c.test', @commands, 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>', 'DATA';
	print $s "Subject: x\r\n\r\nx\r\n";
	like($t->smtp($s, '.'), qr/^250/, "mail from $from") or diag "@r";
	my ($r) = reverse $filter->requests;
	$filter->forget;
	return $r->{control}[0] // '';
}
my $c = control('127.0.0.2');
like($c, qr/BLOCK2=dynamic address$/m, 'MTA-0626 MTA-0710: BLOCK2 is for filters alone') or diag $c;
like($c, qr/BLOCK2_$_$/m, "MTA-0736: BLOCK2_$_") for 'IP=127.0.0.2', 'TXT=dynamic address', 'ZONE=Dynamic';
unlike($c, qr/RELAYCLIENT/, 'no RELAYCLIENT');
$c = control('127.0.0.1');
like($c, qr/RELAYCLIENT=byaddress$/m, 'MTA-0737: RELAYCLIENT and its word') or diag $c;
unlike($c, qr/BLOCK2/, 'a client that is in no list');
$c = control('127.0.0.1', 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$Courier::Test::PASSWORD", ''));
like($c, qr/RELAYCLIENT=bylogin$/m, 'MTA-0739: AUTHRELAYCLIENT after a login') or diag $c;
done_testing;
