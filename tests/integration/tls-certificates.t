#!/usr/bin/perl
# Certificates: which file is for whom, faulty and old ones, two kinds of key.  SMTP, IMAP and POP3
# share all this.
# MTA-0616 MTA-0617 MTA-2812 MTA-2816
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use IO::Socket::IP;

my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0}});
my $scratch = $t->scratch;
sub certificate { return Courier::Tls::certificate($scratch, @_) }
sub install { return Courier::Tls::install($t, @_) }
sub seen { my ($service, @args) = @_; return Courier::Tls::subject(Courier::Tls::s_client($t, $service, @args)) }
sub asks { my ($service, $name) = @_; return seen($service, '-servername', $name) }

my $main = certificate('main.example', names => 'DNS:main.example,DNS:*.wild.example');
install('esmtpd.pem', $main->{pem});
install('esmtpd.pem.one.example', certificate('one.example')->{pem});
install('esmtpd.pem.Deep.One.example', certificate('deep.one.example')->{pem});
install('esmtpd.pem.two.example', certificate('two.example', names => 'DNS:two.example,DNS:alias.example')->{pem});
my $six = certificate('six.example');
install('esmtpd.pem.0:0:0:0:0:0:0:1', $six->{pem});

# faulty ones, each with its line in the log
install('esmtpd.pem.junk.example', 'junk');
install('esmtpd.pem.open.example', certificate('open.example')->{pem}, mode => 0644);
install('esmtpd.pem.mixed.example', certificate('mixed.example')->{cert} . $main->{key});
install('esmtpd.pem.nokey.example', certificate('nokey.example')->{cert});
install('esmtpd.pem.old.example', certificate('old.example', from => '20200101000000Z', until => '20210101000000Z')->{pem});
install('esmtpd.pem.soon.example', certificate('soon.example', days => 3)->{pem});
install('esmtpd.pem.early.example', certificate('early.example', from => '20400101000000Z', until => '20410101000000Z')->{pem});

# a service with the keys elsewhere, and two kinds of them
install('pop3d.pem', certificate('pop.example', key => 'rsa')->{pem});
my ($rsa, $ec) = (certificate('rsa.example', key => 'rsa'), certificate('ec.example'));
install('imap.crt', $rsa->{cert});
install('imap.key', $rsa->{key});
install('imap.crt.ecdsa', $ec->{cert});
install('imap.key.ecdsa', $ec->{key});
my ($rsa2, $ec2) = (certificate('rsa2.example', key => 'rsa'), certificate('ec2.example'));
install('imap.crt.both.example.rsa', $rsa2->{cert});
install('imap.key.both.example.rsa', $rsa2->{key});
install('imap.crt.both.example.ecdsa', $ec2->{pem});
install('imap.crt.twice.example', certificate('twice.example')->{pem});
install('imap.crt.twice.example.ecdsa', certificate('again.example')->{pem});
$t->configure('imapd-ssl' => {TLS_CERTFILE => 'imap.crt', TLS_PRIVATE_KEYFILE => 'imap.key'});
$t->start;

# ---- names and addresses
for my $service ('smtp', 'smtps', 'submission') {
	is asks($service, 'one.example'), 'one.example', "MTA-0616: $service: the file of the name";
}
is asks('smtp', 'ONE.Example'), 'one.example', '... in any case';
is asks('smtp', 'sub.one.example'), 'one.example', 'MTA-0616: the file of the domain above it';
is asks('smtp', 'x.deep.one.example'), 'deep.one.example', '... the nearest one';
is asks('smtp', 'notone.example'), 'main.example', '... but not of half a name';
is asks('smtp', 'alias.example'), 'two.example', 'a certificate made for the name, under another file name';
is asks('smtp', 'x.wild.example'), 'main.example', '... the main one where that is';
is asks('smtp', 'other.example'), 'main.example', 'MTA-2812: others get the main one';
is seen('smtp', '-noservername'), 'main.example', '... and those who do not ask';
SKIP: {
	skip 'no IPv6', 2 unless IO::Socket::IP->new(PeerAddr => '::1', PeerPort => $t->port('smtps'));
	is seen('smtps', '[::1]', '-noservername'), 'six.example', 'MTA-2812: the file of the address, written in another way';
	is seen('smtps', '[::1]', '-servername', 'one.example'), 'one.example', '... names come first';
}
install('esmtpd.pem.127.0.0.1', certificate('four.example')->{pem});
Courier::Tls::reload($t);
ok $t->wait_for(15, sub {seen('smtp', '-noservername') eq 'four.example'}), 'MTA-2812: the file of the IPv4 address';

# ---- faulty ones
for my $name (qw(junk open mixed nokey)) {
	my @lines = $t->log_lines(qr/esmtpd: .*\Q$name.example\E/);
	is scalar(@lines), 1, "MTA-0616: $name: ignored, with one line in the log" or diag(@lines);
	is asks('smtp', "$name.example"), 'four.example', '... and another is served';
}
like join("\n", $t->log_lines(qr/open\.example/)), qr/open to everybody; chmod it/, 'MTA-2816: a key that all can read';
for (['old', 'has expired'], ['soon', 'expires soon'], ['early', 'not valid before']) {
	my ($name, $word) = @$_;
	is scalar($t->log_lines(qr/esmtpd: the certificate in '\S*\Q$name.example\E' .*\Q$word\E/)), 1, "$name: one warning";
	is asks('smtp', "$name.example"), "$name.example", '... and served';
}

# ---- keys apart (IMAP-0073), two kinds
is seen('pop3s'), 'pop.example', 'pop3d.pem';
is seen('pop3'), 'pop.example', '... with STLS';
for my $service ('imaps', 'imap') {
	for (['-servername', 'x.example', 'rsa', 'ec'], ['-servername', 'both.example', 'rsa2', 'ec2']) {
		my ($option, $host, $want_rsa, $want_ec) = @$_;
		is seen($service, $option, $host, '-tls1_3', '-sigalgs', 'RSA-PSS+SHA256'), "$want_rsa.example", "MTA-0617: $service, $host: RSA for who knows RSA";
		is seen($service, $option, $host, '-tls1_3', '-sigalgs', 'ECDSA+SHA256'), "$want_ec.example", '... ECDSA for who knows that';
		is seen($service, $option, $host, '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'), "$want_rsa.example", '... RSA in TLS 1.2';
		is seen($service, $option, $host), "$want_ec.example", '... ECDSA for who knows both';
	}
}
like asks('imaps', 'twice.example'), qr/^(?:twice|again)\.example\z/, 'two of one kind: one of them';
is scalar($t->log_lines(qr/imapd: the certificate '\.twice\.example(?:\.ecdsa)?' is not used/)), 1, '... with a warning';
for my $file ('esmtpd.pem', 'imap.key') {
	my @st = stat $t->path("etc/$file");
	is $st[2] & 077, 0, "MTA-2816: $file is private";
}
is Courier::Tls::run('cat', '/proc/' . (grep {$_} map {/^key\s+(\d+)/m ? $1 : ()} $t->command('courier', '-C', $t->path(''), 'security'))[0] . '/status') =~ /^CapEff:\s+0+$/m ? 1 : 0, 1,
    'the key process itself has no rights of root' if $> == 0;

is $t->stop, '', 'stops';
done_testing;
