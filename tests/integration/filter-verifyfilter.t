#!/usr/bin/perl
# slow
# verifyfilter, verifysmtp and the include files for maildrop: senders whose mail host refuses them are
# refused (MTA-2006, MTA-2007, MTA-2008, MTA-2009, MTA-2010, MTA-1418).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use File::Path qw(make_path);
use Time::HiRes qw(time);
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;
require Courier::FakeSMTP;
require Courier::FakeSOCKS;
use Courier::FilterRun;

my $prefix = $ENV{COURIER_TEST_PREFIX};
my $have_tls = eval { require IO::Socket::SSL; 1 };
my $good = Courier::FakeSMTP->new(host => '127.0.0.2', on => {RCPT => sub {$_[0] =~ /<no/ ? "550-5.1.1 nobody\n550 5.1.1 of that name" : '250 2.1.5 fine'}});
my $port = $good->port;
sub host { my ($ip, %manners) = @_; return Courier::FakeSMTP->new(host => $ip, port => $port, %manners) }
my $temp = host('127.0.0.3', on => {RCPT => '450 4.2.0 greylisted'});
my $nonull = host('127.0.0.4', on => {MAIL => '550 5.7.1 no null senders'});
my $old = host('127.0.0.5', on => {EHLO => '500 what?'});
my $closed = host('127.0.0.6', greeting => '554 5.7.1 go away');
my $chatty = host('127.0.0.7', greeting => 'FLOOD 220');
my $utf8 = host('127.0.0.8', ehlo => ['SMTPUTF8']);
my $dns = Courier::FakeDNS->new(
	'good.example MX' => ['10 mx.good.example.'], 'mx.good.example A' => ['127.0.0.2'],
	'temp.example A' => ['127.0.0.3'], 'nonull.example A' => ['127.0.0.4'], 'old.example A' => ['127.0.0.5'],
	'closed.example A' => ['127.0.0.6'], 'chatty.example A' => ['127.0.0.7'], 'utf8.example A' => ['127.0.0.8'],
	'backup.example MX' => ['10 dead.example.', '20 mx.good.example.'], 'dead.example A' => ['127.0.0.9'],
	'mixed.example MX' => ['10 dead.example.', '20 closed.example.'],
	'down.example A' => ['127.0.0.9'], 'fail.example MX' => 'SERVFAIL', 'null.example MX' => ['0 .'],
	'nothing.example TXT' => ['x'],
	'xn--bcher-kva.example MX' => ['10 mx.good.example.'],
);
my %etc = (me => "me.example\n", resolver => $dns->resolver, esmtproutes => ":,$port\n", esmtptimeoutconnect => "3s\n");
my $text = "Subject: x\n\nbody\n";

sub rcpts { my ($s) = @_; return grep {/^RCPT/} $s->commands }
sub track { my ($dir) = @_; my @l; for my $f (glob "$dir/*") { open my $h, '<', $f or next; push @l, map {chomp; [$f =~ /(\d+)$/, split / /]} <$h> } return @l }

# MTA-2006: the filter
my $f = Courier::FilterRun->new('verifyfilter', etc => {%etc});
ok(-S $f->path('var/filters/verifyfilter'), 'the socket stands in filters');
is($f->judge($text, sender => 'joe@good.example'), "200 Ok\n", 'a sender whose host takes mail for him');
for (1 .. 50) {
	last if grep {$_ eq 'QUIT'} $good->commands;
	select undef, undef, undef, 0.05;
}
is(join(' ', grep {$_ ne '*eof*'} $good->commands), '*connect* EHLO me.example MAIL FROM:<> RCPT TO:<joe@good.example> QUIT', 'what his host was asked');
is($f->judge($text, sender => 'nobody@good.example'), <<'END', 'one whose host refuses him');
550-5.1.8 mx.good.example [127.0.0.2]:
550-5.1.8 >>> RCPT TO:<nobody@good.example>
550-5.1.8 5.1.1 nobody
550-5.1.8 5.1.1 of that name
550 5.1.8 <nobody@good.example> verification failed.
END
is($f->judge($text, sender => 'x@temp.example'), <<'END', 'a temporary no is a temporary no');
450-4.1.8 temp.example [127.0.0.3]:
450-4.1.8 >>> RCPT TO:<x@temp.example>
450-4.1.8 4.2.0 greylisted
450 4.1.8 <x@temp.example> verification failed.
END
my $asked = $good->connections;
is($f->judge($text, sender => ''), "200 Ok\n", 'a report is not questioned');
is($f->judge($text, sender => '#@[]'), "200 Ok\n", 'nor is a report about one');
is($f->judge($text, sender => 'nobody@good.example', login => 'joe'), "200 Ok\n", 'nor our own users');
is($good->connections, $asked, 'nobody was asked for that');
for my $row (['old.example', 200, qr/Ok/], ['nonull.example', 550, qr/>>> MAIL FROM:<>\n.*no null senders/], ['closed.example', 550, qr/go away/],
	['chatty.example', 450, qr/SMTP|turn/], ['backup.example', 200, qr/Ok/], ['mixed.example', 450, qr/refused/], ['down.example', 450, qr/refused/],
	['fail.example', 450, qr/DNS/], ['nowhere.example', 550, qr/No such domain/], ['null.example', 550, qr/takes no mail/],
	['nothing.example', 550, qr/no mail host/], ["b\xc3\xbccher.example", 200, qr/Ok/]) {
	my ($domain, $code, $what) = @$row;
	my $answer = $f->judge($text, sender => "x\@$domain");
	like($answer, qr/^\Q$code\E[- ]/, "$domain: $code");
	like($answer, $what, "$domain: why");
}
like($f->judge($text, sender => "j\xc3\xbc\@utf8.example"), qr/^200/, 'SMTPUTF8 where the host knows it');
ok((grep {$_ eq 'MAIL FROM:<> SMTPUTF8'} $utf8->commands), 'and says so');
like($f->judge($text, sender => "j\xc3\xbc\@good.example"), qr/^550.*needs SMTPUTF8/s, 'not where it does not');
like($f->judge($text, sender => $_), qr/^550.*Invalid email address/s, "'$_' is no address") for 'nodomain', 'a b@good.example', 'x@y@z>';
like($f->log, qr/refused,from=<nobody\@good\.example>: 5\.1\.1 nobody/, 'the log says whom and why');

{
	my $began = time;
	like($f->judge($text, sender => "other$_\@down.example"), qr/^450.*did not answer a moment ago/s, 'a domain that does not answer is not asked all the time') for 1 .. 3;
	cmp_ok(time - $began, '<', 10, 'and nobody waits for it');
}

# MTA-2010: what is known is not asked again
my $before = rcpts($good);
is($f->judge($text, sender => 'joe@good.example'), "200 Ok\n", 'known to be good');
is($f->judge($text, sender => 'joe-list-12@GOOD.example'), "200 Ok\n", 'and so is what differs behind the dash');
like($f->judge($text, sender => 'nobody@good.example'), qr/^550.*within the last hours/s, 'known to be bad');
is(rcpts($good), $before, 'nobody was asked');
like($f->judge($text, sender => 'nobody-2@good.example'), qr/^550.*nobody/s, 'a bad one says nothing about others');
is($f->judge($text, sender => 'other@good.example'), "200 Ok\n", 'another one is asked');
is(rcpts($good), $before + 2, 'that was it');
like($f->judge($text, sender => 'x@temp.example'), qr/greylisted/, 'what was temporary is asked again');
my @lines = track($f->path('var/filters/.verified'));
is(scalar(grep {$_->[2] eq 'Vjoe@good.example'} @lines), 1, 'a V line for who is good');
is(scalar(grep {$_->[2] eq 'vnobody@good.example'} @lines), 1, 'a v line for who is bad');
ok(!(grep {$_->[2] =~ /temp/} @lines), 'none for who is neither');
is(scalar(grep {int($_->[1] / 3600) != $_->[0]} @lines), 0, 'each in the file of its hour');
is($f->stop, 0, 'the end of its input ends it');
ok($f->start, 'started again');
is($f->judge($text, sender => 'joe-x@good.example'), "200 Ok\n", 'it still knows');
is(rcpts($good), $before + 2, 'from its files');
$f->stop;

sub later { my ($hours) = @_; $f->{env} = {COURIER_TEST_CLOCK => $hours * 3600}; ok($f->start, "$hours hours later") }
later(2);
is($f->judge($text, sender => 'joe@good.example'), "200 Ok\n", 'two hours later: known');
is(rcpts($good), $before + 2, 'not asked');
$f->stop;
later(4);
is($f->judge($text, sender => 'joe@good.example'), "200 Ok\n", 'two hours behind that: known, for it was met');
is(rcpts($good), $before + 2, 'not asked');
is($f->judge($text, sender => 'other@good.example'), "200 Ok\n", 'one that was not met');
is(rcpts($good), $before + 3, 'is asked again');
$f->stop;
later(9);
is(join(' ', map {$_->[2]} track($f->path('var/filters/.verified'))), '', 'old files are gone');
$f->stop;
$f->{env} = {};

# MTA-2007: logmode full, mode, nthreads
$f = Courier::FilterRun->new('verifyfilter', etc => {%etc}, config => {'verifyfilter-logmode' => 'full', 'verifyfilter-mode' => 'all',
	'verifyfilter-nthreads' => 2});
ok(-S $f->path('var/allfilters/verifyfilter'), 'mode all: the socket stands in allfilters');
$before = rcpts($good);
$f->judge($text, sender => $_) for 'ann@good.example', 'ann-1@good.example', 'ann-1@good.example';
is(rcpts($good), $before + 2, 'logmode full: each address by itself');
{
	my $slow = host('127.0.0.10', on => {RCPT => sub { select undef, undef, undef, 0.3; '250 fine' }});
	$dns->stop;
	my $dns2 = Courier::FakeDNS->new('slow.example A' => ['127.0.0.10']);
	$f->stop;
	$f->file('etc/resolver', $dns2->resolver);
	$f->start;
	my $began = time;
	my @s = map {[$f->connect, $f->message($text, sender => "a$_\@slow.example")]} 1 .. 6;
	push @s, map {[$f->connect, $f->message($text, sender => 'a1@slow.example')]} 1 .. 10;
	syswrite $_->[0], join '', map {"$_\n"} @{$_->[1]}, '' for @s;
	my @answers = map {$f->rest($_->[0])} @s;
	is(scalar(grep {$_ eq "200 Ok\n"} @answers), 16, 'many at once');
	cmp_ok(time - $began, '>', 1.6, 'nthreads 2: of which one domain has one');
	is(scalar(rcpts($slow)), 6, 'an address that is being asked is asked once');
	# who waits when the input ends is answered
	@s = map {[$f->connect, $f->message($text, sender => "b$_\@slow.example")]} 1 .. 3;
	syswrite $_->[0], join '', map {"$_\n"} @{$_->[1]}, '' for @s;
	is($f->stop, 0, 'the end of its input ends it');
	is(scalar(grep {$_ eq "200 Ok\n"} map {$f->rest($_->[0])} @s), 3, 'after it has answered');
	my $mute = host('127.0.0.11', on => {RCPT => 'HANG'});
	undef $dns2;
	$dns2 = Courier::FakeDNS->new('mute.example A' => ['127.0.0.11']);
	$f->file('etc/resolver', $dns2->resolver);
	$f->start;
	my $s = $f->connect;
	syswrite $s, join '', map {"$_\n"} @{$f->message($text, sender => 'x@mute.example')}, '';
	sleep 1;
	my $began2 = time;
	like($f->judge($text, sender => 'x@nowhere.example'), qr/^550.*No such domain/s, 'who does not answer keeps nobody else waiting');
	cmp_ok(time - $began2, '<', 10, 'at all');
	is($f->kill('TERM'), 0, 'SIGTERM ends it while it waits for somebody');
	is($f->rest($s), '', 'who asked hears nothing, which means later');
}
$dns = Courier::FakeDNS->new(%{$dns->{zone}});
my $home = $f->path('');
$f->file('etc/resolver', $dns->resolver);

# TLS is used where it is offered, and is no condition
SKIP: {
	skip 'IO::Socket::SSL is missing', 6 if !$have_tls;
	my $cert = $f->path('cert.pem');
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tls.example -keyout $cert.key -out $cert.crt >/dev/null 2>&1 && cat $cert.crt $cert.key > $cert");
	my $tls = host('127.0.0.12', ehlo => ['STARTTLS'], cert => $cert);
	my $broken = host('127.0.0.13', ehlo => ['STARTTLS'], broken_tls => 1);
	my $hangs = host('127.0.0.14', ehlo => ['STARTTLS'], on => {STARTTLS => sub { $_[1]->put("220 go\r\n"); sleep 60; $_[1]->end }});
	my $dns3 = Courier::FakeDNS->new('hangs.example A' => ['127.0.0.14'], 'tls.example A' => ['127.0.0.12'], 'broken.example A' => ['127.0.0.13']);
	$f->file('etc/resolver', $dns3->resolver);
	ok($f->start, 'started');
	is($f->judge($text, sender => 'a@tls.example'), "200 Ok\n", 'a host with TLS');
	like(join(' ', $tls->commands), qr/STARTTLS \*tls\* EHLO \S+ MAIL FROM:<> RCPT/, 'is asked in TLS');
	is($f->judge($text, sender => 'a@broken.example'), "200 Ok\n", 'one whose TLS is broken is asked in clear');
	is($f->judge($text, sender => 'a@hangs.example'), "200 Ok\n", 'so is one whose TLS hangs');
	$f->file('etc/esmtproutes', ":,$port /SECURITY=REQUIRED\n");
	$f->stop;
	$f->start;
	like($f->judge($text, sender => 'b@broken.example'), qr/^450.*TLS failed/s, 'but not when TLS is demanded');
	$f->stop;
	$f->file('etc/esmtproutes', ":,$port\n");
	$f->file('etc/resolver', $dns->resolver);
}

# a way that must be safe: the certificate is signed by who is trusted with that, and no other
SKIP: {
	skip 'IO::Socket::SSL is missing', 4 if !$have_tls;
	my $cert = $f->path('own.pem');
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own.example -addext subjectAltName=DNS:own.example -keyout $cert.key -out $cert.crt >/dev/null 2>&1 && cat $cert.crt $cert.key > $cert");
	chmod 0644, "$cert.crt";
	my $own = host('127.0.0.15', ehlo => ['STARTTLS'], cert => $cert);
	my $dns4 = Courier::FakeDNS->new('own.example A' => ['127.0.0.15']);
	$f->file('etc/resolver', $dns4->resolver);
	$f->file('etc/esmtproutes', ":,$port /SECURITY=STARTTLS\n");
	my $before = do { local (@ARGV, $/) = $f->path('etc/courierd'); -e $ARGV[0] ? <> : '' };
	my $with = sub { $f->stop; $f->file('etc/courierd', "$before\n$_[0]=$cert.crt\n"); $f->start };
	$with->('TLS_TRUSTCERTS');
	like($f->judge($text, sender => 'c@own.example'), qr/^450.*TLS failed/s, 'TLS_TRUSTCERTS does not count there');
	ok(!(grep { /^RCPT/ } $own->commands), '... the address is told to nobody');
	$with->('TLS_TRUSTSECURITYCERTS');
	is($f->judge($text, sender => 'd@own.example'), "200 Ok\n", 'TLS_TRUSTSECURITYCERTS does');
	like(join(' ', $own->commands), qr/STARTTLS \*tls\* EHLO \S+ MAIL FROM:<> RCPT/, '... in TLS');
	$f->stop;
	$f->file('etc/courierd', $before);
	$f->file('etc/esmtproutes', ":,$port\n");
	$f->file('etc/resolver', $dns->resolver);
}

# a proxy
{
	my $p = Courier::FakeSOCKS->new(user => 'joe', password => 'secret');
	my $dns5 = Courier::FakeDNS->new(map { ("$_.example A" => ['127.0.0.2']) } qw(good second third));
	my $by = sub { $f->stop; $f->file('etc/esmtpsocks', $_[0]); $f->start };
	$f->file('etc/resolver', $dns5->resolver);
	$by->("127.0.0.1,$p->{port} joe secret\n");
	is($f->judge($text, sender => 'proxied@good.example'), "200 Ok\n", 'by way of a SOCKS proxy');
	is(join('|', $p->said), 'methods 0 2|user joe|connect 127.0.0.2', '... that is asked for an address');
	my $asked = $good->connections;
	$by->("127.0.0.1,$p->{port} joe wrong\n");
	like($f->judge($text, sender => 'refused@second.example'), qr/^450.*SOCKS proxy gives no connection/s, 'one that does not help');
	undef $p;
	like($f->judge($text, sender => 'past@third.example'), qr/^450.*refused/s, 'no proxy there');
	is($good->connections, $asked, '... nobody goes past it');
	$f->stop;
	unlink $f->path('etc/esmtpsocks');
	$f->file('etc/resolver', $dns->resolver);
}

# MTA-2008, MTA-1418: verifysmtp
sub verifysmtp {
	my ($sender, @args) = @_;
	local $ENV{COURIER_HOME} = $home;
	local $ENV{SENDER} = $sender;
	delete $ENV{SENDER} if !defined $sender;
	my $pid = open my $out, '-|';
	defined $pid or die "fork: $!";
	if (!$pid) {
		open STDERR, '>', "$home/err" or die;
		alarm 60;
		exec "$prefix/bin/verifysmtp", @args or die "exec: $!";
	}
	local $/;
	my $said = <$out>;
	close $out;
	return ($? >> 8, $said // '');
}
is_deeply([verifysmtp(undef, 'joe@good.example')], [0, "<joe\@good.example>: 250 2.1.5 fine\n"], 'verifysmtp: good');
is_deeply([verifysmtp(undef, 'nobody@good.example')], [1, <<'END'], 'verifysmtp: bad');
<nobody@good.example>: verification failed
    >>> mx.good.example [127.0.0.2]:
    >>> RCPT TO:<nobody@good.example>
    550-5.1.1 nobody
    550 5.1.1 of that name
END
my ($status, $said) = verifysmtp(undef, 'joe@good.example', 'x@temp.example', 'ann@good.example');
is($status, 1, 'one of several fails: 1');
like($said, qr/^<joe.*^<x\@temp.*^<ann/ms, 'all are told');
is((verifysmtp(undef, 'joe@good.example', 'ann@good.example'))[0], 0, 'all are good: 0');
is_deeply([verifysmtp('joe@good.example', '.')], [0, ''], '".": the variable SENDER, in silence when it is good');
($status, $said) = verifysmtp('nobody@good.example', '.');
is($status, 1, '".": bad');
like($said, qr/\A(?:550-5\.1\.8 .*\n)+550 5\.1\.8 <nobody\@good\.example> verification failed\.\n\z/, 'and told as a reply');
like((verifysmtp('x@temp.example', '.'))[1], qr/^450 4\.1\.8 </m, 'a temporary one as a temporary one');
is_deeply([verifysmtp('', '.')], [0, ''], 'the null sender is good');
is((verifysmtp(undef, '.'))[0], 64, '"." without SENDER: 64');
is((verifysmtp(undef))[0], 64, 'no address: 64');
is((verifysmtp(undef, '-m', 'half', 'a@good.example'))[0], 64, 'a mode that is none: 64');
mkdir "$home/trk";
$before = rcpts($good);
is((verifysmtp(undef, '-t', "$home/trk", $_))[0], 0, "-t: $_") for 'tom@good.example', 'tom-1@good.example';
is(rcpts($good), $before + 1, '-t: asked once, for base is the mode');
is((verifysmtp(undef, '-m', 'full', '-t', "$home/trk", $_))[0], 0, "-m full: $_") for 'tom-1@good.example', 'tom-1@good.example';
is(rcpts($good), $before + 2, '-m full: asked for itself, once');
is((verifysmtp(undef, '-t', "$home/trk", 'notom@good.example'))[0], 1, '-t: a bad one') for 1 .. 2;
is(rcpts($good), $before + 3, 'asked once');
is(join(' ', map {$_->[2]} track("$home/trk")), 'Vtom@good.example Vtom-1@good.example vnotom@good.example', 'its files');
verifysmtp(undef, '-t', '/dev/null/x', 'tom@good.example');
ok(-s "$home/err", 'trouble of its own goes to standard error');
is_deeply([verifysmtp(undef, '-n', '-t', '/dev/null/x', 'tom@good.example')], [0, "<tom\@good.example>: 250 2.1.5 fine\n"], '-n: as good');
ok(!-s "$home/err", '-n: and in silence');

# MTA-2009: the include files, run by maildrop in its embedded mode
{
	my $user = "$home/user";
	make_path("$user/.mailfilters", "$home/etc/maildroprcs");
	chmod 0700, $user, "$user/.mailfilters";
	for my $file ('verifysender', 'verifysenderfull') {
		system('cp', "$prefix/share/courier/$file", "$home/etc/maildroprcs/$file");
		$f->file("user/.mailfilters/$file", "include \"${home}etc/maildroprcs/$file\"\necho \"250 fine\"\nEXITCODE=0\nexit\n");
		chmod 0600, "$user/.mailfilters/$file";
	}
	my $run = sub {
		my ($file, $sender) = @_;
		local $ENV{COURIER_HOME} = $home;
		local $ENV{HOME} = $user;
		local $ENV{SENDER} = $sender;
		my $ids = "$>/" . ($) + 0);
		my $out = `cd $user && timeout 60 $prefix/bin/maildrop -D $ids -M $file 127.0.0.1 '' '$sender' '' '' </dev/null 2>$home/err`;
		return ($? >> 8, $out);
	};
	is_deeply([$run->("verifysender", "tim\@good.example")], [0, "250 fine\n"], 'verifysender: who is good goes on');
	($status, $said) = $run->('verifysender', 'nobody@good.example');
	is($status, 1, 'verifysender: who is bad does not');
	like($said, qr/^550 5\.1\.8 <nobody\@good\.example> verification failed\.$/m, 'and hears why');
	$before = rcpts($good);
	$run->('verifysender', 'tim-1@good.example');
	is(rcpts($good), $before, 'verifysender: the base of an address counts');
	$run->('verifysenderfull', 'tim-1@good.example') for 1 .. 2;
	is(rcpts($good), $before + 1, 'verifysenderfull: each for itself');
	is(scalar(grep {$_->[2] eq 'Vtim@good.example'} track("$user/.trackdir")), 1, 'kept in ~/.trackdir');
	is((stat "$user/.trackdir")[2] & 07777, 0700, 'which nobody else sees');
}

done_testing;
