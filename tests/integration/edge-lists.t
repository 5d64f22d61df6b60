#!/usr/bin/perl
# slow
# Lists of addresses in the DNS: BLACKLISTS with -block and -allow, DROP, what lists set, and lists
# that are down or list the world.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::INET;
use Time::HiRes qw(time);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;

my $dns = Courier::FakeDNS->new(
	'2.0.0.127.bl.test A' => ['127.0.0.2'], '2.0.0.127.bl.test TXT' => ['"see http://bl.test/2"'],
	'3.0.0.127.bl.test A' => ['127.0.0.4'],
	'4.0.0.127.bl.test A' => ['127.0.0.2'], '4.0.0.127.wl.test A' => ['127.0.5.2'],
	'4.0.0.127.wl.test TXT' => ['"good.test is \"good\""'],
	'5.0.0.127.text.test TXT' => ['"450 come later"'],
	'6.0.0.127.values.test A' => ['127.0.0.3', '127.0.0.9'],
	'7.0.0.127.values.test A' => ['127.0.0.3'],
	(map { ("$_.0.0.127.world.test A" => ['127.0.0.2']) } 1 .. 30),
	(map { ("$_.0.0.127.parked.test A" => ['192.0.2.80']) } 1 .. 30),
	(map { ("$_.0.0.127.down.test A" => 'HANG', "$_.0.0.127.down.test TXT" => 'HANG') } 1 .. 70),
	'9.0.0.127.var.test A' => ['127.0.0.2'],
	'8.0.0.127.bl.test A' => ['127.0.0.2'],
	'10.0.0.127.bl.test A' => ['127.0.0.2'],
);
my $lists = '-allow=wl.test=Friends,BLOCK, -block=world.test -block=bl.test -block=text.test,BLOCK,*'
    . ' -block=values.test,BLOCK/127.0.0.9,\"Not you, please\" -block=var.test,AUTH_REQUIRED,1'
    . ' -block=parked.test,BLOCK2';
my $t = Courier::Test->new(users => ['alice'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, BLACKLISTS => $lists}, 'esmtpd-msa' => {BLACKLISTS => ''}},
	files => {resolver => $dns->resolver,
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n127.0.0.8\tallow,BLOCK\n127.0.0.10\tallow,RELAYCLIENT\n"});
$t->start;

sub talk {
	my ($from, @commands) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'),
		LocalAddr => $from, Timeout => 10) or die "no connection: $@";
	$s->autoflush(1);
	my $r = $t->smtp_reply($s);
	return ($r, map { $t->smtp($s, $_) } @commands);
}

sub rcpt { return (talk($_[0], 'EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>'))[2, 3] }

# MTA-0626 MTA-0710 MTA-0735 MTA-0834: MAIL is taken, every recipient refused
my @r = rcpt('127.0.0.2');
like($r[0], qr/^250 /, 'MTA-0834: a listed client may say MAIL');
like($r[1], qr{^571 5\.7\.1 see http://bl\.test/2\r}, 'MTA-0834: and no recipient is taken; the text is the list\'s');
like((rcpt('127.0.0.3'))[1], qr/^571 5\.7\.1 Access denied: 127\.0\.0\.3 is listed by bl\.test/, 'a list without texts gets ours');
like((rcpt('127.0.0.11'))[1], qr/^250 /, 'who is not listed gets in');
like((rcpt('127.0.0.5'))[1], qr/^450 4\.7\.1 come later\r/, 'MTA-0735: "*" asks for the text, a code at its front counts');
like((rcpt('127.0.0.6'))[1], qr/^571 5\.7\.1 Not you, please\r/, 'MTA-0741: one value of a list, with a text of ours');
like((rcpt('127.0.0.7'))[1], qr/^250 /, 'MTA-0741: another value does not count');
like((rcpt('127.0.0.8'))[1], qr/^250 /, 'MTA-0735: an empty BLOCK of the access table exempts');
like((rcpt('127.0.0.10'))[1], qr/^250 /, 'a client that may relay is not blocked');
@r = talk('127.0.0.9', 'EHLO c.test', 'MAIL FROM:<x@far.test>');
like($r[2], qr/^530 /, 'a list may set any variable that counts for a client');

# MTA-0742: -allow comes first and wins; what it says stands in the header
like((rcpt('127.0.0.4'))[1], qr/^250 /, 'MTA-0710: the first list that sets BLOCK wins');
my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => '127.0.0.4');
$s->autoflush(1);
$t->smtp_reply($s);
$t->smtp($s, $_) for 'EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>', 'DATA';
print $s "Subject: white\r\nAuthentication-Results: mx.far.test; spf=pass\r\n\r\nx\r\n";
like($t->smtp($s, '.'), qr/^250 /, 'mail of a listed friend');
my $mail = $t->wait_mail('alice', qr/^Subject: white$/m);
like($mail, qr/^Authentication-Results: \S+;\n  dnswl=pass dns\.zone=Friends\n  policy\.ip=127\.0\.5\.2\n  policy\.txt="good\.test is \\"good\\""$/m,
	'MTA-0742 MTA-0736: Authentication-Results, with zone, address and text') or diag $mail;
like($mail, qr/^Old-Authentication-Results: mx\.far\.test/m, 'MTA-0627: of others they are renamed');

# T32: lists that say nothing useful fail open, with a line
my @log = $t->log_lines(qr/world\.test/);
is(scalar(grep { /lists 127\.0\.0\.1/ } @log) > 0, 1, 'a list that lists the world is told');
cmp_ok(scalar(@log), '<=', 2, 'once by each gate');
@log = $t->log_lines(qr/parked\.test/);
ok(@log >= 1 && @log <= 2, 'so is one whose answers are not of a list') or diag "@log";
my %asked;
$asked{$_}++ for map { /^(\S+ \S+)/ } $dns->questions;
ok($asked{'2.0.0.127.bl.test A'} && $asked{'2.0.0.127.bl.test TXT'}, 'MTA-0741: A and TXT are asked, each for itself');
ok(!(grep { / ANY/ } keys %asked), 'MTA-0741: never ANY');
ok(!$asked{'6.0.0.127.values.test TXT'}, 'a text of ours: none is asked for');
ok(!$asked{'8.0.0.127.bl.test A'}, 'nothing is asked for a variable that is set');

# MTA-0643: nothing of it at the submission port
$s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('submission'), LocalAddr => '127.0.0.2');
like($t->smtp_reply($s), qr/^220 /, 'MTA-0643: the submission port has its own BLACKLISTS');

# ---- a list that is down -----------------------------------------------------------------------
$t->configure(esmtpd => {BLACKLISTS => '-block=down.test -block=bl.test'});
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(15, sub { (rcpt('127.0.0.4'))[1] =~ /^571/ }), 'new lists are in force after a reload');
my $before = time;
like((talk('127.0.0.12'))[0], qr/^220 /, 'a list that is down delays no greeting');
cmp_ok(time - $before, '<', 3, 'at all');
like((rcpt('127.0.0.12'))[1], qr/^250 /, 'and keeps no mail out');
cmp_ok(time - $before, '<', 15, 'after some seconds');
like((rcpt('127.0.0.2'))[1], qr/^571/, 'the others count all the same');
# many at once, so that each gate has seen it fail
my @many = map { my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => "127.0.0.$_"); $s->autoflush(1); $s } 12 .. 29;
for my $s (@many) { $t->smtp_reply($s); print $s "EHLO c.test\r\nMAIL FROM:<x\@far.test>\r\n" }
$t->smtp_reply($_) && $t->smtp_reply($_) for @many;
@many = ();
my $spared = 0; # one gate may have had few of them
for my $n (40 .. 70) {
	rcpt("127.0.0.$n");
	$spared = (grep { /^\Q$n.0.0.127.down.test\E / } $dns->questions) ? 0 : $spared + 1;
	last if $spared == 6;
}
is($spared, 6, 'T32: a list that is known to be down is not asked, so nobody waits for it');
ok(scalar($t->log_lines(qr/'down\.test' gives no answer/)), 'T32: the log tells');
cmp_ok(scalar($t->log_lines(qr/'down\.test' gives no answer/)), '<=', 2, 'one line for it');

# ---- MTA-0628 MTA-0712: -drop --------------------------------------------------------------------
$t->configure(esmtpd => {BLACKLISTS => '-block=bl.test', DROP => '-drop', ALLOW_EXCLUSIVE => 0});
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(15, sub { (talk('127.0.0.2'))[0] =~ m{^571 5\.7\.1 see http} }), 'MTA-0628 MTA-0712: DROP cuts a listed client off at once');
like((talk('127.0.0.11'))[0], qr/^220 /, 'others are greeted');
$s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => '127.0.0.2');
my $all = join '', <$s>;
like($all, qr/\A571 .*\r\n\z/, 'one line, then the end');
for my $case (['mx.far.test; spf=pass', qr/^Authentication-Results: mx\.far/m, 'kept'],
	['example.test; spf=pass', qr/^Old-Authentication-Results: example\.test/m, 'ours is renamed']) {
	my ($value, $want, $name) = @$case;
	my $me = (split ' ', (talk('127.0.0.11'))[0])[1];
	$value =~ s/^example\.test/$me/;
	(my $re = $want) = $value =~ /^mx/ ? $want : qr/^Old-Authentication-Results: \Q$me\E/m;
	$t->send_mail(from => 'x@far.test', to => 'alice@example.test', text => "Subject: $name\nAuthentication-Results: $value\n\nx\n");
	like($t->wait_mail('alice', qr/^Subject: \Q$name\E$/m), $re, "MTA-0627: ALLOW_EXCLUSIVE=0: $name");
}

# ---- what means nothing is a fault that says why (MTA-0634) ---------------------------------------
for my $case (['BLACKLISTS', '-block=x.test,9', qr/BLACKLISTS: '-block=x\.test,9': the variable is no name/],
	['TCPDOPTS', '-user=mail', qr/TCPDOPTS: '-user=mail': users are chosen/],
	['TCPDOPTS', '-nonsense', qr/TCPDOPTS: '-nonsense': nobody knows/],
	['HAPROXY_FROM', '10.0.0.1 nobody', qr/HAPROXY_FROM: word 2 is no address/]) {
	my ($name, $value, $want) = @$case;
	my $file = $t->path('etc/esmtpd');
	open my $in, '<', $file or die;
	my $old = do { local $/; <$in> };
	close $in;
	$t->configure(esmtpd => {$name => $value});
	like($t->command('courier', '-C', $t->path(''), 'check'), $want, "MTA-0634: $name=$value");
	isnt($?, 0, 'and it fails');
	$t->file('etc/esmtpd', $old);
}
$t->configure(esmtpd => {TCPDOPTS => '-stderrlogger=/usr/sbin/courierlogger -noidentlookup -nodnslookup'});
$t->command('courier', '-C', $t->path(''), 'check');
is($?, 0, 'MTA-0634 MTA-0718: the options that came with the original are fine');

done_testing;
