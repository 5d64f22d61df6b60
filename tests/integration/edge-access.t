#!/usr/bin/perl
# slow
# The access table of the ESMTP server: which entry counts, by both ends of a connection, live rebuild,
# what it may set; limits; names of clients.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::INET;
use Time::HiRes qw(time sleep);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;

my $dns = Courier::FakeDNS->new(
	'2.0.0.127.in-addr.arpa PTR' => ['mail.two.test.'], 'mail.two.test A' => ['127.0.0.2'],
	'3.0.0.127.in-addr.arpa PTR' => ['mail.two.test.'],
	'4.0.0.127.in-addr.arpa PTR' => 'SERVFAIL',
	'6.0.0.127.in-addr.arpa PTR' => 'HANG',
);
my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, TCPDOPTS => '-accesslocal \"-denymsg=571 not from there\"',
		SYSLOGNAME => 'smtp-in'}, 'esmtpd-msa' => {AUTH_REQUIRED => 0, ACCESSFILE => 'msaccess'}},
	files => {resolver => $dns->resolver, esmtpgreeting => "general greeting\n", 'smtpaccess/default' => '', 'msaccess/default' => "127.0.0.2\tdeny\n"});
my ($smtp, $msa) = ($t->port('smtp'), $t->port('submission'));
$t->configure(esmtpd => {PORT => "127.0.0.1.$smtp,127.0.0.20.$smtp,203.0.113.77.$smtp"});

sub table {
	my ($text, $command) = @_;
	my $name = ($command || '') =~ /msa/ ? 'msaccess' : 'smtpaccess';
	$t->file("etc/$name/default", $text);
	return $t->command($command || 'makesmtpaccess');
}

sub dial {
	my ($from, $to, $port) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => $to || '127.0.0.1', PeerPort => $port || $smtp, LocalAddr => $from, Timeout => 10)
	    or die "no connection: $@";
	$s->autoflush(1);
	return $s;
}

sub talk {
	my ($from, $to, @commands) = @_;
	my $s = dial($from, $to);
	my $r = $t->smtp_reply($s);
	return ($r, map { $t->smtp($s, $_) } @commands);
}

my @to = ('EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<z@elsewhere.test>');
sub relays { my ($from, $to) = @_; return (talk($from, $to, @to))[3] =~ /^250/ }
sub settled { my ($from, $want) = @_; return $t->wait_for(15, sub { (talk($from))[0] =~ $want }) }
sub reload { $t->command('courier', '-C', $t->path(''), 'reload') }

# ---- MTA-0707 MTA-0727 MTA-0728 MTA-0729 MTA-0731: which entry counts ---------------------------------
is(table(<<'TABLE'), '', 'MTA-0704: makesmtpaccess');
# a comment

127	allow,NOTHING
127.0.0	allow
127.0.0.2	allow,RELAYCLIENT
127.0.0.4/31	deny
127.0.0.8-127.0.0.11	deny
127.0.0.9	allow,RELAYCLIENT,SIZELIMIT=1000
127.0.0.12	allow,AUTH_REQUIRED=1,BOFHNOVRFY=1,BOFHNOEXPN=1
127.0.0.13	allow,ESMTP_TLS_REQUIRED=1
127.0.0.14	allow,BLOCK="451 come again, please"
127.0.0.15	allow,BLOCK="no mail from you"
127.0.0.16	allow,SIZELIMIT=0,MIME=none
127.0.0.18	allow,TARPIT=1
127.0.0.19	allow,BOFHNOVRFY=1,BOFHNOEXPN=1
127.0.0.22	allow,ESMTPGREETING="hello, you"
:2001:0db8	deny
2001:db8:1::/48	allow
TABLE
is($?, 0, 'succeeds');
$t->start; # MTA-0726: 203.0.113.77 is no address of this system yet
ok(relays('127.0.0.2'), 'MTA-0737: RELAYCLIENT');
ok(!relays('127.0.0.3'), 'MTA-0731: others do not relay, but are greeted');
is_deeply([map { (talk($_))[0] =~ /^571 5\.7\.1 not from there\r/ ? 1 : 0 } map {"127.0.0.$_"} 4, 5, 6, 8, 9, 10, 11],
	[1, 1, 0, 1, 0, 1, 1], 'MTA-0728 MTA-0711: CIDR, ranges, the most specific entry; -denymsg');
like((talk('127.0.0.9', undef, 'EHLO c.test'))[1], qr/^250-SIZE 1000\r/m, 'MTA-0740: SIZELIMIT of one client');
like((talk('127.0.0.16', undef, 'EHLO c.test'))[1], qr/^250-SIZE\r/m, 'MTA-0740: none for another');
my @r = talk('127.0.0.12', undef, 'EHLO c.test', 'MAIL FROM:<x@far.test>', 'VRFY alice');
like($r[2], qr/^5[35][05] /, 'AUTH_REQUIRED for one client');
like((talk('127.0.0.13', undef, 'EHLO c.test', 'MAIL FROM:<x@far.test>'))[2], qr/^[45]\d\d /, 'ESMTP_TLS_REQUIRED for one client');
@r = talk('127.0.0.19', undef, 'EHLO c.test', 'VRFY alice', 'EXPN alice');
like($r[2], qr/^252 /, 'MTA-0606: BOFHNOVRFY for one client');
like($r[3], qr/^252 /, 'MTA-0605: BOFHNOEXPN for one client');
@r = talk('127.0.0.3', undef, 'EHLO c.test', 'VRFY alice');
like($r[2], qr/^250 /, 'MTA-0606: others may ask');
@r = talk('127.0.0.14', undef, 'EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>');
like($r[2], qr/^250 /, 'MTA-0834: BLOCK: MAIL is taken');
like($r[3], qr/^451 4\.7\.1 come again, please\r/, 'MTA-0735: its code');
like((talk('127.0.0.15', undef, @to))[3], qr/^571 5\.7\.1 no mail from you\r/, 'MTA-0735: or ours');
is((talk('127.0.0.22'))[0], "220 hello, you\r\n", 'MTA-0801: a greeting for one client goes before the file esmtpgreeting');
is((talk('127.0.0.3'))[0], "220 general greeting\r\n", 'MTA-0801: which is for the others');
my $before = time;
@r = talk('127.0.0.18', undef, 'BAD', 'BAD', 'NOOP');
cmp_ok(time - $before, '>=', 3, 'MTA-0607 MTA-0835: TARPIT of one client: 1 and 2 seconds');
$before = time;
talk('127.0.0.3', undef, ('BAD') x 5);
cmp_ok(time - $before, '<', 12, 'MTA-0607: others are not delayed');
ok(scalar($t->log_lines(qr/smtp-in\[\d+\]: started,ip=/)), 'MTA-0602: SYSLOGNAME');

# ---- MTA-0708: by this end ------------------------------------------------------------------------
table("127.0.0.20.$smtp\tallow,BLOCK=here\n*.$smtp\tallow,BLOCK=star\n127.0.0.2\tallow,BLOCK=mine\n127.0.0.3\tallow\n127.0.0.20\tallow,BLOCK=plain\n");
is($?, 0, 'entries of ports of this host');
ok($t->wait_for(15, sub { (talk('127.0.0.3', undef, @to))[3] =~ /^571.*star/ }), 'MTA-0708: *.port');
like((talk('127.0.0.3', '127.0.0.20', @to))[3], qr/^571.*here/, 'MTA-0708: ip.port goes before ip and *.port');
table("127.0.0.20\tallow,RELAYCLIENT,SIZELIMIT=4711\n*.$smtp\tallow,BLOCK=star\n127.0.0.2\tallow,BLOCK=mine\n");
ok($t->wait_for(15, sub { (talk('127.0.0.3', '127.0.0.20', 'EHLO c.test'))[1] =~ /SIZE 4711/ }), 'MTA-0708: ip goes before *.port');
ok(!relays('127.0.0.3', '127.0.0.20'), 'but nobody may relay because the host itself may');
like((talk('127.0.0.2', '127.0.0.20', @to))[3], qr/^571.*mine/, 'MTA-0708: what the client\'s own entry sets goes before');

# ---- MTA-0704 MTA-0705 MTA-0744: rebuilt while sessions run -----------------------------------------
my $open = dial('127.0.0.2');
$t->smtp_reply($open);
$t->smtp($open, 'EHLO c.test');
my $bad = table("127.0.0.0/31\tallow\n127.0.0.1\tallow\n127.0.0.1\tdeny\n");
isnt($?, 0, 'MTA-0704: a key twice is a fault');
like($bad, qr/line 3/, 'with its line');
like((talk('127.0.0.2', undef, @to))[3], qr/^571.*mine/, 'and the old table holds');
table("127.0.0.2\tdeny\n");
ok(settled('127.0.0.2', qr/^571/), 'MTA-0707 MTA-0744: a new table counts at once for new clients');
like($t->smtp($open, 'NOOP'), qr/^250/, 'MTA-0744: and cuts no session');
close $open;
like($t->smtp_reply(dial('127.0.0.3', undef, $msa)), qr/^220/, 'the submission port answers');
like($t->smtp_reply(dial('127.0.0.2', undef, $msa)), qr/^571/, 'MTA-0629 MTA-0643: its ACCESSFILE is its own');
table("127.0.0.2\tallow\n", 'makesmtpaccess-msa');
is($?, 0, 'MTA-0705: makesmtpaccess-msa');
ok(-f $t->path('etc/msaccess.dat'), 'makes that table');
reload();
ok($t->wait_for(15, sub { $t->smtp_reply(dial('127.0.0.2', undef, $msa)) =~ /^220/ }), 'MTA-0705: which is used');
ok(settled('127.0.0.2', qr/^571/), 'the other one is as it was');

# ---- MTA-0630 MTA-0631 MTA-0632 MTA-0715 MTA-0716 MTA-0730: limits --------------------------------------
table("127.0.0.2\tallow,MAXCPERIP=5\n127.0.0.3\tallow,MAXCPERIP=1\n");
$t->configure(esmtpd => {MAXPERIP => 3, MAXPERC => 9, MAXDAEMONS => 10, TCPDOPTS => '-warn=8'});
reload();
sub hold {
	my ($from, $n) = @_;
	my @good;
	for (1 .. $n) {
		my $s = dial($from);
		push @good, $s if ($t->smtp_reply($s) // '') =~ /^220/;
	}
	return @good;
}
ok($t->wait_for(20, sub { my @h = hold('127.0.0.21', 6); my $n = @h; @h = (); sleep 0.5; $n == 3 }), 'MTA-0632 MTA-0715: MAXPERIP');
my @held = hold('127.0.0.2', 7);
is(scalar(@held), 5, 'MTA-0730: MAXCPERIP allows more to one address');
# what is given up counts until the server has seen its end
sub held { my ($n, @from) = @_; return $t->wait_for(20, sub { @held = (); sleep 0.3; @held = map { hold($_, 3) } @from; @held == $n }) }
ok(held(1, '127.0.0.3'), 'MTA-0730: and less to another') or diag scalar @held;
ok(held(9, map {"127.0.0.$_"} 31, 32, 33), 'nine of a network') or diag scalar @held;
like($t->smtp_reply(dial('127.0.0.34')), qr/^421/, 'MTA-0631 MTA-0715: MAXPERC counts the /24');
my $tenth = dial('127.0.6.1');
like($t->smtp_reply($tenth), qr/^220/, 'not others');
ok(scalar($t->log_lines(qr/9 connections; the maximum is 10/)), 'MTA-0716: a warning above -warn');
like($t->smtp_reply(dial('127.0.7.1')), qr/^421/, 'MTA-0630: MAXDAEMONS');
ok(scalar($t->log_lines(qr/10 connections, which is the maximum/)), 'MTA-0716: and a line when nobody more gets in');
@held = ();
close $tenth;

# ---- MTA-0733 MTA-0858: names ------------------------------------------------------------------------
table("127\tallow\n");
$t->configure(esmtpd => {MAXPERIP => 50, MAXPERC => 100, MAXDAEMONS => 100, TCPDOPTS => ''});
reload();
ok($t->wait_for(15, sub { !grep { $_ !~ /^220/ } map { (talk('127.0.0.30'))[0] } 1 .. 5 }), 'back to normal');

my $count = 0;
sub received {
	my ($from) = @_;
	my $s = dial($from);
	my ($begun, $subject) = (time, 'mail ' . ++$count);
	$t->smtp_reply($s);
	my $greeted = time - $begun;
	$t->smtp($s, $_) for 'EHLO c.test', 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>', 'DATA';
	print $s "Subject: $subject\r\n\r\nx\r\n";
	$t->smtp($s, '.');
	my $m = $t->wait_mail('alice', qr/^Subject: $subject$/m) // '';
	return ($m =~ /^Received: (from .*)$/m, $greeted, time - $begun);
}
is((received('127.0.0.2'))[0], 'from c.test (mail.two.test [127.0.0.2])', 'MTA-0733: a name that leads back');
is((received('127.0.0.3'))[0], 'from c.test (softdnserr [127.0.0.3])', 'MTA-0733: one that does not');
is((received('127.0.0.4'))[0], 'from c.test (softdnserr [127.0.0.4])', 'MTA-0733: trouble');
is((received('127.0.0.5'))[0], 'from c.test ([127.0.0.5])', 'MTA-0733 MTA-0858: no name, no word');
my ($line, $greeted, $all) = received('127.0.0.6');
is($line, 'from c.test (softdnserr [127.0.0.6])', 'a name server that is silent');
cmp_ok($greeted, '<', 2, 'delays no greeting');
cmp_ok($all, '<', 15, 'and mail for some seconds only');
$t->configure(esmtpd => {TCPDOPTS => '-nodnslookup'});
reload();
ok($t->wait_for(15, sub { (received('127.0.0.2'))[0] eq 'from c.test ([127.0.0.2])' }), 'MTA-0717: -nodnslookup');

done_testing;
