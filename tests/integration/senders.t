#!/usr/bin/perl
# slow
# Senders that are not wanted: the file bofh, the DNS of a sender's domain, HELO, SPF.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::INET;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;

my %spf = (
	'pass.test' => 'v=spf1 ip4:127.0.0.0/8 -all',
	'fail.test' => 'v=spf1 -all exp=why.test',
	'soft.test' => 'v=spf1 ~all',
	'neutral.test' => 'v=spf1 ?all',
	'faulty.test' => 'v=spf1 nonsense',
	'why.test' => '%{i} is no host of %{d}',
	'helo.pass.test' => 'v=spf1 a:elsewhere.test ip4:127.0.0.2 -all',
	'include.test' => 'v=spf1 include:pass.test -all',
	'mxless.test' => 'v=spf1 mx ?all',
);
my $dns = Courier::FakeDNS->new(
	(map { ("$_ TXT" => [qq{"$spf{$_}"}], "$_ A" => ['127.0.0.77']) } keys %spf),
	'two.test TXT' => ['"v=spf1 ip4:127." "0.0.2 -all"'], 'two.test A' => ['127.0.0.77'],
	'good.test MX' => ['10 host.good.test.'], 'host.good.test A' => ['127.0.0.77'],
	'plain.test A' => ['127.0.0.78'],
	'xn--bcher-kva.test A' => ['127.0.0.78'],
	'xn--bcher-kva.test TXT' => ['"v=spf1 exists:%{d}.seen.test -all"'],
	'xn--bcher-kva.test.seen.test A' => ['127.0.0.1'],
	'nothing.test TXT' => ['"x"'],
	'nohost.test MX' => ['10 gone.test.'],
	'null.test MX' => ['0 .'],
	'literal.test MX' => ['10 127.0.0.3.'],
	'loop.test CNAME' => ['pool.test'], 'pool.test CNAME' => ['loop.test'],
	'down.test MX' => 'SERVFAIL', 'down.test A' => 'SERVFAIL', 'down.test AAAA' => 'SERVFAIL',
	'down.test TXT' => 'SERVFAIL',
	(map { ("hang.test $_" => 'HANG') } qw(MX A AAAA TXT)),
	'spam.test MX' => ['10 host.spam.test.'], 'host.spam.test A' => ['127.0.0.66'],
	'client.test A' => ['127.0.0.2'],
	'bymx.test MX' => ['10 client.test.'],
	'2.0.0.127.in-addr.arpa PTR' => ['mail.big.test.'], 'mail.big.test A' => ['127.0.0.2'],
	'3.0.0.127.in-addr.arpa PTR' => ['mail.big.test.'],
	'4.0.0.127.in-addr.arpa PTR' => 'SERVFAIL',
	'big.test A' => ['127.0.0.77'],
);
my @files = (
	resolver => $dns->resolver,
	'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT,BOFHCHECKHELO=0\n127.0.0.2\tallow\n",
	'aliases/traps' => "sales: trap\n",
	bofh => "",
);
my $t = Courier::Test->new(users => ['alice', 'trap'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 1}}, files => {@files});
$t->command('makealiases');
$t->start;

# New files are in force when a session sees them.
sub settle {
	my (%file) = @_;
	my $bofh = "# a file of this test\n" . ($file{bofh} // '');
	$t->file('etc/bofh', $bofh);
	$t->file('etc/smtpaccess/default', $file{access}) if $file{access};
	my $out = $t->command('courier', '-C', $t->path(''), 'reload');
	is($?, 0, 'reload') or diag($out);
}

# Replies to a session from a loopback address.
sub talk {
	my ($from, $helo, @commands) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'),
		LocalAddr => $from, Timeout => 10) or die "no connection: $@";
	$s->autoflush(1);
	$t->smtp_reply($s);
	return map { $t->smtp($s, $_) } "EHLO $helo", @commands;
}

sub mail {
	my ($sender, %o) = @_;
	my @r = talk($o{client} || '127.0.0.2', $o{helo} || 'client.test', "MAIL FROM:<$sender>");
	return $r[1];
}

# A whole message from a client; the last reply.
sub whole {
	my ($sender, $text, %o) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'),
		LocalAddr => $o{client} || '127.0.0.2', Timeout => 10) or die "no connection: $@";
	$s->autoflush(1);
	my $r = $t->smtp_reply($s);
	for my $c ("EHLO " . ($o{helo} || 'client.test'), "MAIL FROM:<$sender>",
		(map {"RCPT TO:<$_>"} @{$o{to} || ['alice@example.test']}), 'DATA') {
		$r = $t->smtp($s, $c);
		return $r if $r !~ /^[23]/;
	}
	$text =~ s/\r?\n/\r\n/g;
	print $s $text;
	return $t->smtp($s, '.');
}

{
	$t->file('etc/bofh', "badfrom \@x.test\n\nbadform \@y.test\n");
	like($t->command('courier', '-C', $t->path(''), 'check'), qr{etc/bofh:3: .*unknown directive}, 'MTA-0301: courier check names a faulty line');
	is($?, 0, 'which is no reason not to start');
}

# ---- the domain of the sender: MTA-0326, MTA-0824, MTA-0825, MTA-0826, MTA-0827, MTA-0604 --------

my @domains = (
	['good.test', qr/^250 2\.1\.0 /, 'an MX with an address'],
	['plain.test', qr/^250 /, 'an address alone'],
	['GOOD.Test', qr/^250 /, 'in upper case'],
	['gone.test', qr/^517-5\.1\.8 .*\r\n517 5\.1\.8 Domain does not exist: gone\.test\r\n\z/, 'no such domain (MTA-0824)'],
	['nothing.test', qr/^517 5\.1\.8 No mail host/m, 'no address at all (MTA-0824)'],
	['nohost.test', qr/^517 5\.1\.8 No mail host/m, 'an MX without address (MTA-0824)'],
	['null.test', qr/^517 5\.7\.27 /m, 'a null MX (MTA-0824)'],
	['literal.test', qr/^517 5\.1\.8 .*RFC 1035/m, 'an MX that is an address (MTA-0826)'],
	['loop.test', qr/^517 5\.1\.8 .*CNAME/m, 'CNAME records in a circle (MTA-0827)'],
	['down.test', qr/^417 4\.4\.3 /, 'a name server with trouble (MTA-0825)'],
	['[127.0.0.5]', qr/^250 /, 'an address'],
	['example.test', qr/^250 /, 'our own domain is not asked for'],
);
like(mail("x\@$_->[0]"), $_->[1], $_->[2]) for @domains;
like(mail(''), qr/^250 /, 'the empty sender has no domain');
like(mail('x@gone.test', client => '127.0.0.1'), qr/^517/m, 'MTA-0326: asked for clients that may relay too');

settle(access => "127.0.0.1\tallow,RELAYCLIENT\n127.0.0.2\tallow,BOFHCHECKDNS=0\n127.0.0.3\tallow,BLOCK\n");
like(mail('x@gone.test'), qr/^250 /, 'MTA-0604: off for one client');
like(mail('x@gone.test', client => '127.0.0.3'), qr/^250 /, 'an empty BLOCK means off');
like(mail('x@gone.test', client => '127.0.0.5'), qr/^517/, 'on for others');

# ---- badfrom, badmx, freemail: MTA-0301 ... MTA-0307 ---------------------------------------------

my $access = "127.0.0.1\tallow,RELAYCLIENT\n127.0.0.2\tallow\n";
settle(access => $access, bofh => <<'END');
opt BOFHNOSUCHTHING=1
badfrom one@plain.test
badfrom @good.test
badfrom @.sub.test
badfrom user@.other.test
badmx 127.0.0.66
freemail big.test huge.test
END
for ([ 'one@plain.test', 517, 'MTA-0302' ], [ 'ONE@plain.test', 517, 'MTA-0302, other case' ],
	[ 'two@plain.test', 250, 'MTA-0302, another user' ], [ 'any@good.test', 517, 'MTA-0303' ],
	[ 'any@x.sub.test', 517, 'MTA-0304' ], [ 'user@x.other.test', 517, 'MTA-0305' ]) {
	like(mail($_->[0]), qr/^$_->[1]/, $_->[2]);
}
like(mail('one@plain.test'), qr/^517 5\.7\.1 Sender rejected: one\@plain\.test\r/, 'MTA-0301: what it says');
like(mail('any@x.sub.test'), qr/Sender rejected/, 'said without asking the DNS');
like(mail('x@x.other.test'), qr/^517-.*\r\n517 .*exist/, 'MTA-0305, another user: only the domain is looked up');
like(mail('one@plain.test', client => '127.0.0.1'), qr/^517/, 'also for clients that may relay');
like(mail('x@spam.test'), qr/^517 5\.7\.1 .*127\.0\.0\.66/, 'MTA-0306: badmx');

like(mail('x@big.test'), qr/^250 /, 'MTA-0307: freemail from its own host');
like(mail('x@big.test', client => '127.0.0.3'), qr/^417 4\.7\.1 |^417-4\.7\.1 /, 'MTA-0307, MTA-0733: a name that does not lead back is no name');
like(mail('x@big.test', client => '127.0.0.4'), qr/^417/, 'MTA-0733: a name that can not be looked up');
like(mail('x@big.test', client => '127.0.0.5'), qr/^517-5\.7\.1 .*x\@big\.test.*\r\n517 5\.7\.1 big\.test\r/, 'MTA-0307: no name');
like(mail('x@big.test', client => '127.0.0.1'), qr/^250 /, 'clients that may relay are not asked');

# ---- spamtrap, maxrcpts: MTA-0308, MTA-0309 ------------------------------------------------------

my $text = "Subject: x\nFrom: <a\@plain.test>\n\nhello\n";
settle(bofh => "spamtrap trap\@example.test\nmaxrcpts 2\n");
is(whole('x@plain.test', $text, to => ['alice@example.test', 'trap@example.test']) =~ s/\r\n//r,
	'550 5.7.1 Spam refused', 'MTA-0308: a spamtrap');
like(whole('x@plain.test', $text, to => ['sales@example.test']), qr/^550 5\.7\.1 Spam/, 'MTA-0308: behind an alias');
like(whole('x@plain.test', $text), qr/^250 /, 'MTA-0308: without it');
my @rcpt = map {"RCPT TO:<$_\@example.test>"} qw(alice sales trap);
my @r = talk('127.0.0.2', 'client.test', 'MAIL FROM:<x@plain.test>', @rcpt);
is(join(' ', map {substr $_, 0, 3} @r[2 .. 4]), '250 250 431', 'MTA-0309: maxrcpts');
settle(bofh => "maxrcpts 2 hard\n");
@r = talk('127.0.0.2', 'client.test', 'MAIL FROM:<x@plain.test>', @rcpt);
is(join(' ', map {substr $_, 0, 9} @r[2 .. 4]), '250 2.1.5 250 2.1.5 531 5.5.3', 'MTA-0309: maxrcpts hard');

# ---- HELO: MTA-0310, MTA-0311 --------------------------------------------------------------------

my @helos = (['client.test', 250], ['bymx.test', 250], ['[127.0.0.2]', 250], ['[127.0.0.9]', 517],
	['gone.test', 517], ['plain.test', 517], ['null.test', 250], ['down.test', 417]);
settle(bofh => "opt BOFHCHECKHELO=1\n");
like(mail('x@plain.test', helo => $_->[0]), qr/^$_->[1]/, "MTA-0310: HELO $_->[0]") for @helos;
@r = talk('127.0.0.2', 'gone.test', 'MAIL FROM:<x@plain.test>', 'EHLO client.test', 'MAIL FROM:<x@plain.test>');
like($r[1], qr/^517 5\.7\.1 .*gone\.test/, 'MTA-0310: the reply names it');
like($r[3], qr/^517 5\.7\.1 .*gone\.test/, 'MTA-0310: the first name counts');
like(mail('x@plain.test', helo => 'gone.test', client => '127.0.0.1'), qr/^250/, 'MTA-0310: not for clients that may relay');
settle(access => "127.0.0.1\tallow,RELAYCLIENT\n127.0.0.2\tallow\n127.0.0.5\tallow,BOFHCHECKHELO=0\n",
	bofh => "opt BOFHCHECKHELO=2\n");
like(mail('x@plain.test', helo => 'gone.test'), qr/^417 4\.7\.1 /, 'MTA-0311: a temporary code');
like(mail('x@plain.test', helo => 'gone.test', client => '127.0.0.5'), qr/^250/, 'MTA-0310: off for one client');

# ---- messages: MTA-0312, MTA-0313 ----------------------------------------------------------------

settle(bofh => "opt BOFHHEADERLIMIT=1000\nopt BOFHNOBASE64TEXT=1\n");
my $mime = "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\naGVsbG8K\n";
like(whole('x@plain.test', "Subject: @{['y' x 1200]}\n\nbody\n"), qr/^534 5\.3\.4 /, 'MTA-0312: a long header');
like(whole('x@plain.test', "Subject: @{['y' x 800]}\n\nbody\n"), qr/^250 /, 'MTA-0312: one that is not too long');
like(whole('x@plain.test', "Subject: x\n$mime"), qr/^550 5\.6\.1 /, 'MTA-0313: text in base64');
like(whole('x@plain.test', "Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n"
	. "Content-Type: text/html\nContent-Transfer-Encoding: base64\n\naGVsbG8K\n--b--\n"),
	qr/^550 5\.6\.1 /, 'MTA-0313: in a part');
like(whole('x@plain.test', "Subject: x\n" . $mime =~ s,text/plain,image/png,r), qr/^250 /, 'MTA-0313: a picture in base64');
settle();
like(whole('x@plain.test', "Subject: x\n$mime"), qr/^250 /, 'MTA-0313: off');

# ---- SPF: MTA-0314 ... MTA-0319, MTA-0321 ... MTA-0325 -------------------------------------------

my $lists = "opt BOFHSPFMAILFROM=pass,none,neutral\n";
settle(bofh => $lists);
for (['pass.test', qr/^250 /], ['plain.test', qr/^250 /], ['neutral.test', qr/^250 /],
	['fail.test', qr/^517 5\.7\.23 SPF fail x\@fail\.test: 127\.0\.0\.2 is no host of fail\.test\r/],
	['soft.test', qr/^517 5\.7\.23 SPF softfail /],
	['faulty.test', qr/^417 4\.7\.24 SPF unknown x\@faulty\.test: unknown mechanism|^417 4\.7\.24 SPF unknown/],
	['include.test', qr/^250 /], ['two.test', qr/^250 /], ['mxless.test', qr/^250 /],
	['xn--bcher-kva.test', qr/^250 /]) {
	like(mail("x\@$_->[0]"), $_->[1], "MTA-0315, MTA-0321, MTA-0324, MTA-0325: SPF of $_->[0]");
}
like(mail(''), qr/^250 /, 'MTA-0315: not for the empty sender');
settle(bofh => $lists . "opt BOFHSPFHARDERROR=unknown\nopt BOFHSPFNOVERBOSE=1\nopt BOFHSPFTRUSTME=1\n");
like(mail('x@fail.test'), qr/^417 4\.7\.24 SPF fail x\@fail\.test: the address does not pass/, 'MTA-0317, MTA-0319: another list, and no words of theirs');
like(mail('x@faulty.test'), qr/^517 5\.7\.23 SPF unknown /, 'MTA-0317: unknown is hard');
like(mail('x@fail.test', client => '127.0.0.1'), qr/^250 /, 'MTA-0318: trusted');
settle(bofh => $lists);
like(mail('x@fail.test', client => '127.0.0.1'), qr/^517 /, 'MTA-0318: not trusted unless it is said');

settle(bofh => "opt BOFHSPFHELO=pass,none\nopt BOFHCHECKHELO=1\n");
like(mail('x@plain.test', helo => 'helo.pass.test'), qr/^250 /, 'MTA-0314: a HELO name that passes need not be looked up');
like(mail('x@plain.test', helo => 'fail.test'), qr/^517 5\.7\.23 SPF fail fail\.test/, 'MTA-0314: one that fails');
like(mail('x@plain.test', helo => '[127.0.0.2]'), qr/^250 /, 'MTA-0314: not for addresses');
like(mail('x@plain.test', helo => 'gone.test'), qr/^517 5\.7\.1 /, 'MTA-0314: none: looked up as ever');

settle(bofh => "opt BOFHSPFFROM=pass,none,mailfromok\nopt BOFHSPFMAILFROM=all\n");
my $from = sub {"Subject: $_[1]\nFrom: Somebody <a\@$_[0]>\nReceived-SPF: pass (forged)\n\nhello\n"};
like(whole('x@plain.test', $from->('fail.test', 'f1')), qr/^517 5\.7\.23 SPF fail a\@fail\.test/, 'MTA-0316: From fails');
like(whole('x@plain.test', $from->('pass.test', 'f2')), qr/^250 /, 'MTA-0316: From passes');
like(whole('x@pass.test', $from->('fail.test', 'f3')), qr/^250 /, 'MTA-0321: mailfromok');
like(whole('', $from->('fail.test', 'f4')), qr/^517 /, 'MTA-0316: asked when the sender is empty');
my $large = 'z' x 70 . "\n";
like(whole('x@plain.test', $from->('fail.test', 'f5') . $large x 3000), qr/^517 5\.7\.23 /, 'MTA-0316: a large message');
like(whole('x@plain.test', $from->('pass.test', 'f6') . $large x 3000), qr/^250 /, 'MTA-0316: a large message that passes');

my $got = $t->wait_mail('alice', qr/^Subject: f2$/m) || '';
like($got, qr/^Received-SPF: none \(.*\)\n[ \t]+SPF=MAILFROM;\n[ \t]+sender=x\@plain\.test;\n[ \t]+remoteip=127\.0\.0\.2;\n[ \t]+remotehost=mail\.big\.test;\n[ \t]+helo=client\.test;\n[ \t]+receiver=\S+;\nReceived-SPF: pass \(.*\)\n[ \t]+SPF=FROM;\n[ \t]+sender=a\@pass\.test;(?:\n[ \t].*)+\nReceived: /m,
	'MTA-0323: fields above Received');
like($got, qr/^Old-Received-SPF: pass \(forged\)$/m, 'MTA-0323: others are renamed');
unlike($got, qr/^Received-SPF: pass \(forged\)$/m, 'MTA-0323: and do not stay');
like($t->wait_mail('alice', qr/^Subject: f6$/m) || '', qr/^Received-SPF: pass \(.*\)\n\s+SPF=FROM;/m, 'MTA-0323: of a large message');
unlike($t->wait_mail('alice', qr/^Subject: f3$/m) || '', qr/SPF=FROM/, 'MTA-0321: nothing is written of what was not asked');

settle(bofh => "opt BOFHSPFHELO=all\nopt BOFHSPFMAILFROM=all\nopt BOFHSPFFROM=all\n");
like(whole('x@fail.test', $from->('soft.test', 'f7'), helo => 'faulty.test'), qr/^250 /, 'MTA-0322: "all" refuses nothing');
$got = $t->wait_mail('alice', qr/^Subject: f7$/m) || '';
is(join(' ', map {"$_"} $got =~ /^Received-SPF: (\w+).*\n\s+SPF=(\w+);/mg), 'unknown HELO fail MAILFROM softfail FROM', 'MTA-0322: and writes down what it saw');

settle(access => "127.0.0.2\tallow,BLOCK\n127.0.0.5\tallow,BOFHSPFMAILFROM=off\n", bofh => "opt BOFHSPFMAILFROM=pass,allowok\n");
like(mail('x@fail.test'), qr/^250 /, 'MTA-0321: allowok');
like(mail('x@fail.test', client => '127.0.0.5'), qr/^250 /, 'MTA-0321: off for one client');
like(mail('x@fail.test', client => '127.0.0.6'), qr/^517 /, 'MTA-0321: on for others');

# ---- clients that do not wait for the answer -----------------------------------------------------

settle(access => $access, bofh => "opt BOFHSPFHELO=all\nopt BOFHSPFMAILFROM=all\nopt BOFHSPFFROM=all\nopt BOFHCHECKHELO=1\n");
for my $n (1 .. 3) {
	my @gone = map {
		my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => '127.0.0.2') or die "no connection: $@";
		$s->autoflush(1);
		$t->smtp_reply($s);
		$s;
	} 1 .. 5;
	$t->smtp($_, 'EHLO hang.test') for @gone;
	print $_ "MAIL FROM:<x\@hang.test>\r\n" for @gone;
	select undef, undef, undef, 0.2;
	close $_ for @gone;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => '127.0.0.2') or die "no connection: $@";
	$s->autoflush(1);
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@plain.test>', 'RCPT TO:<alice@example.test>', 'DATA';
	print $s "From: a\@hang.test\r\n\r\n" . "z" x 100000;
	select undef, undef, undef, 0.2;
	close $s;
}
like(whole('x@plain.test', $from->('pass.test', 'f8')), qr/^250 /, 'clients that leave while the DNS is asked disturb nobody');
is(scalar($t->log_lines(qr/gate.*(?:killed|signal|died|exited)/)), 0, 'and the gate lives on');

# ---- the program ---------------------------------------------------------------------------------

(my $server = $dns->resolver) =~ s/\s//g;
for (['pass', '127.0.0.2', 'x', 'a@pass.test'], ['fail', '192.0.2.1', 'x', 'a@pass.test'],
	['softfail', '::1', 'x', 'a@soft.test'], ['none', '192.0.2.1', 'x', 'a@plain.test'],
	['permerror \(unknown mechanism\)', '192.0.2.1', 'x', 'a@faulty.test'],
	['temperror', '192.0.2.1', 'x', 'a@down.test'], ['pass', '127.0.0.2', 'helo.pass.test', ''],
	['fail: 192\.0\.2\.1 is no host of fail\.test', '192.0.2.1', 'x', 'a@fail.test']) {
	my ($want, @args) = @$_;
	like($t->command('testspf', '--dns', $server, @args), qr/\A$want/, "testspf @args");
	is($? >> 8, $want eq 'temperror' ? 75 : 0, 'its exit status');
}
like($t->command('testspf', '192.0.2.1', 'x', 'a@soft.test'), qr/^softfail/, 'testspf asks the resolver of the instance');
$t->command('testspf', 'x', 'y');
is($? >> 8, 2, 'testspf wants its arguments');
like($t->command('testspf', '--dns', 'nowhere', '192.0.2.1', 'x', 'a@b.test'), qr/nowhere/, 'testspf names a server that is none');

# ---- nobody answers ------------------------------------------------------------------------------

settle(access => $access, bofh => "opt BOFHSPFMAILFROM=pass,none\nopt BOFHCHECKHELO=1\n");
$dns->stop;
like(mail('x@never-asked.test', client => '127.0.0.1'), qr/^417 /, 'MTA-0825: no resolver: come again');
done_testing;
