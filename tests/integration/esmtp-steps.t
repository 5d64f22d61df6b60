#!/usr/bin/perl
# slow
# The client against servers that misbehave at each step (MTA-0924): the outcome, and that nothing is lost or
# doubled by it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Socket qw(inet_aton pack_sockaddr_in);
use Test::More;
use Courier::FakeSMTP;
use Courier::Module qw(home config deliver);

my $home = home(me => "me.example\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n",
	esmtptimeout => "2s\n", esmtptimeouthelo => "2s\n", esmtptimeoutdata => "2s\n",
	esmtptimeoutquit => "1s\n");

# The server with these manners gets one message; its one result, and the server.
sub try_server {
	my ($manners, %o) = @_;
	my $s = Courier::FakeSMTP->new(%$manners);
	config($home, esmtproutes => ':[127.0.0.1],' . $s->port . ($o{route} // '') . "\n");
	my @r = deliver($home, 'esmtp', host => 'r.example', %o);
	return ($s, @r);
}

# name, manners, outcome, code, status, diagnostic, messages taken
my @steps = (
	['all is well', {}, 'relayed', 250, qr/^2\.0\.0$/, qr/queued/, 1],
	['closes at once', {greeting => 'CLOSE'}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['greets with 4xx', {greeting => '450 4.3.2 later'}, 'deferred', 450, qr/^4\.3\.2$/, qr/later/, 0],
	['greets with 421', {greeting => '421 4.3.2 full'}, 'deferred', 421, qr/^4\.3\.2$/, qr/full/, 0], # T33
	['greets with 5xx', {greeting => '554 5.7.1 go away'}, 'failed', 554, qr/^5\.7\.1$/, qr/go away/, 0],
	['greets with half a line', {greeting => 'HALF 220 fa'}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['says nothing', {greeting => 'HANG'}, 'deferred', 0, qr/^4\.4\.2$/, qr/timed out/, 0], # MTA-0226
	['does not speak SMTP', {greeting => 'RAW SSH-2.0-x' . "\r\n"}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 0],
	['knows HELO alone', {on => {EHLO => '500 what?'}}, 'relayed', 250, qr/^2/, qr/queued/, 1], # MTA-0914
	['refuses HELO too', {on => {EHLO => '500 what?', HELO => '550 5.7.1 no'}}, 'failed', 550, qr/^5\.7\.1$/, qr/no/, 0],
	['closes at EHLO', {on => {EHLO => 'CLOSE'}}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['421 at EHLO', {on => {EHLO => '421 4.3.2 down'}}, 'deferred', 421, qr/^4\.3\.2$/, qr/down/, 0],
	['a flood at EHLO', {on => {EHLO => 'FLOOD 250'}}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 0],
	['refuses MAIL', {on => {MAIL => '550 5.1.8 not you'}}, 'failed', 550, qr/^5\.1\.8$/, qr/not you/, 0],
	['defers MAIL', {on => {MAIL => '451 4.3.0 wait'}}, 'deferred', 451, qr/^4\.3\.0$/, qr/wait/, 0],
	['closes at MAIL', {on => {MAIL => 'CLOSE'}}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['421 at MAIL', {on => {MAIL => '421 4.3.2 bye'}}, 'deferred', 421, qr/^4\.3\.2$/, qr/bye/, 0],
	['refuses RCPT', {on => {RCPT => "550 5.1.1 no such\n550 5.1.1 user"}}, 'failed', 550, qr/^5\.1\.1$/, qr/no such\n5\.1\.1 user/, 0],
	['refuses RCPT with an old code', {on => {RCPT => '550 nobody'}}, 'failed', 550, qr/^5\.0\.0$/, qr/nobody/, 0],
	['defers RCPT', {on => {RCPT => '450 4.2.1 grey'}}, 'deferred', 450, qr/^4\.2\.1$/, qr/grey/, 0],
	['answers RCPT with nonsense', {on => {RCPT => '354 what'}}, 'deferred', 354, qr/^4\.0\.0$/, qr/what/, 0],
	['421 at RCPT', {on => {RCPT => '421 4.3.2 bye'}}, 'deferred', 421, qr/^4\.3\.2$/, qr/bye/, 0], # T33
	['says 250 to EHLO and nothing of use', {on => {EHLO => "250 x\n250 \xff\xfe\n250 SIZE\n250 SIZE -1\n250 =\n250  AUTH"}}, 'relayed', 250, qr/^2/, qr/queued/, 1],
	['a code without meaning', {on => {RCPT => '799 what'}}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 0], # T33
	['a code of two digits', {on => {RCPT => "RAW 25 Ok\r\n"}}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 0],
	['another code in each line', {on => {RCPT => "RAW 250-Ok\r\n550 no\r\n"}}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 0],
	['closes at RCPT', {on => {RCPT => 'CLOSE'}}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['half a reply at RCPT', {on => {RCPT => 'HALF 250 O'}}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['a flood at RCPT', {on => {RCPT => 'FLOOD 550'}}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 0],
	['hangs at RCPT', {on => {RCPT => 'HANG'}}, 'deferred', 0, qr/^4\.4\.2$/, qr/timed out/, 0], # MTA-0223
	['refuses DATA', {on => {DATA => '554 5.7.1 no data'}}, 'failed', 554, qr/^5\.7\.1$/, qr/no data/, 0],
	['defers DATA', {on => {DATA => '451 4.3.0 no room'}}, 'deferred', 451, qr/^4\.3\.0$/, qr/no room/, 0],
	['says 250 to DATA', {on => {DATA => '250 Ok'}}, 'deferred', 250, qr/./, qr/Ok/, 0],
	['421 at DATA', {on => {DATA => '421 4.3.2 bye'}}, 'deferred', 421, qr/^4\.3\.2$/, qr/bye/, 0], # T33
	['closes at DATA', {on => {DATA => 'CLOSE'}}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 0],
	['closes in the message', {close_in_data => 1}, 'deferred', 0, qr/^4\.4\.2$/, qr/./, 0],
	['refuses the message', {end => '554 5.6.0 spam'}, 'failed', 554, qr/^5\.6\.0$/, qr/spam/, 1],
	['defers the message', {end => '452 4.3.1 disk full'}, 'deferred', 452, qr/^4\.3\.1$/, qr/disk full/, 1],
	['closes behind the dot', {end => 'CLOSE'}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 1],
	['half a reply behind the dot', {end => 'HALF 250 2.0.0 O'}, 'deferred', 0, qr/^4\.4\.2$/, qr/closed/, 1],
	['421 behind the dot', {end => '421 4.3.0 sorry'}, 'deferred', 421, qr/^4\.3\.0$/, qr/sorry/, 1],
	['a flood behind the dot', {end => 'FLOOD 250'}, 'deferred', 0, qr/^4\.5\.0$/, qr/SMTP/, 1],
	['hangs behind the dot', {end => 'HANG'}, 'deferred', 0, qr/^4\.4\.2$/, qr/timed out/, 1], # MTA-0225
	['8-bit and control bytes', {end => "550 a\x1b[2J\xff\tb"}, 'failed', 550, qr/^5\.0\.0$/, qr/^[^\x00-\x1f]*$/, 1],
	['hangs at QUIT', {on => {QUIT => 'HANG'}}, 'relayed', 250, qr/^2/, qr/./, 1], # MTA-0229
	['closes at QUIT', {on => {QUIT => 'CLOSE'}}, 'relayed', 250, qr/^2/, qr/./, 1],
);

for my $pipelining (1, 0) {
	for my $step (@steps) {
		my ($name, $manners, $outcome, $code, $status, $text, $messages) = @$step;
		my %m = (%$manners, ehlo => [$pipelining ? 'PIPELINING' : (), 'DSN']);
		my ($s, @r) = try_server(\%m);
		my $what = ($pipelining ? '' : 'step by step: ') . $name;
		subtest $what => sub {
			is(scalar @r, 1, 'one result');
			is($r[0]{outcome}, $outcome, 'outcome');
			is($r[0]{code}, $code, 'code');
			like($r[0]{status}, $status, 'status');
			like($r[0]{diagnostic}, $text, 'text');
			like($r[0]{remote}, qr/^\[127\.0\.0\.1\]$/, 'remote');
			is(scalar(grep { length } $s->messages), $messages, 'messages that got there');
			ok(!(grep { $_ eq '*bare*' } $s->commands), 'no bare CR or LF');
		};
	}
}

# Nobody listens.
{
	my $s = Courier::FakeSMTP->new;
	my $port = $s->port;
	$s->stop;
	config($home, esmtproutes => ":[127.0.0.1],$port\n");
	my ($r) = deliver($home, 'esmtp', host => 'r.example');
	is($r->{outcome}, 'deferred', 'nobody listens: deferred');
	is($r->{status}, '4.4.1', 'nobody listens: status');
	like($r->{flags}, qr/connection/, 'nobody listens: the host is called down');
}

# Some recipients are refused, some deferred: each has its own result, the message goes once.
for my $pipelining (1, 0) {
	my ($s, @r) = try_server({ehlo => [$pipelining ? 'PIPELINING' : ()], on => {RCPT => sub {
		my ($line) = @_;
		return $line =~ /bad/ ? '550 5.1.1 no' : $line =~ /grey/ ? '450 4.2.0 later' : '250 Ok';
	}}}, rcpts => ['good@r.example', 'bad@r.example', 'grey@r.example', 'fine@r.example']);
	is(join(' ', map { $_->{outcome} } sort { $a->{rcpt} <=> $b->{rcpt} } @r),
		'relayed failed deferred relayed', 'each recipient has its own result');
	is(scalar $s->messages, 1, 'one message');
	my ($bad) = grep { $_->{outcome} eq 'failed' } @r;
	is($bad->{command}, 'RCPT TO:<bad@r.example>', 'the command that failed');
}

# T33: 421 after some were accepted: nobody has got it, and nobody is given up.
for my $pipelining (1, 0) {
	my $n = 0;
	my ($s, @r) = try_server({ehlo => [$pipelining ? 'PIPELINING' : ()], on => {RCPT => sub { $n++ ? '421 4.3.2 bye' : '250 Ok' }}},
		rcpts => [map { "r$_\@r.example" } 1 .. 3]);
	is(join(' ', map { $_->{outcome} } @r), 'deferred deferred deferred', 'T33: 421 at the second recipient');
	is(scalar(grep { length } $s->messages), 0, '... nothing is sent');
}

# T33: a server that goes away at STARTTLS has broken TLS: in clear, where that may be.
for my $m ({on => {STARTTLS => 'CLOSE'}}, {on => {STARTTLS => 'HALF 220 g'}}) {
	my ($s, $r) = try_server({%$m, ehlo => ['STARTTLS']});
	is($r->{outcome}, 'relayed', 'T33: closes at STARTTLS');
	($s, $r) = try_server({%$m, ehlo => ['STARTTLS']}, route => '/SECURITY=REQUIRED');
	is($r->{outcome}, 'deferred', '... not when TLS is required');
	is(scalar $s->messages, 0, '... nothing is sent');
}
{
	my ($s, $r) = try_server({on => {STARTTLS => '421 4.3.2 bye'}, ehlo => ['STARTTLS']});
	is("$r->{outcome} $r->{code}", 'deferred 421', 'T33: 421 at STARTTLS');
}

# A server that takes two recipients at a time.
{
	my $n = 0;
	my ($s, @r) = try_server({ehlo => ['PIPELINING'], on => {
		MAIL => sub { $n = 0; '250 Ok' },
		RCPT => sub { ++$n > 2 ? '452 4.5.3 too many' : '250 Ok' },
	}}, rcpts => [map { "r$_\@r.example" } 1 .. 5]);
	is(scalar(grep { $_->{outcome} eq 'relayed' } @r), 5, 'too many recipients: all get it');
	is(scalar $s->messages, 3, 'in three messages');
	is($s->connections, 1, 'over one connection');
}

# 354 although nobody was accepted: nothing may be delivered.
{
	my ($s, @r) = try_server({ehlo => ['PIPELINING'], on => {RCPT => '550 5.1.1 no'}});
	my ($text) = $s->messages;
	is($text // '', '', '354 for nobody: no text is sent');
	is($r[0]{outcome}, 'failed', '354 for nobody: failed');
}

# MTA-0224: a host that does not even answer the connection: its accept queue is full.
{
	my $l = IO::Socket::INET->new(Listen => 0, LocalAddr => '127.0.0.1') or die "listen: $!";
	my @full;
	for (1 .. 3) {
		my $c = IO::Socket::INET->new(Proto => 'tcp', Blocking => 0) or last;
		connect $c, pack_sockaddr_in($l->sockport, inet_aton('127.0.0.1'));
		push @full, $c;
	}
	config($home, esmtpdelay => "0\n", esmtptimeoutconnect => "2s\n", esmtproutes => ':[127.0.0.1],' . $l->sockport . "\n");
	my $began = time;
	my ($r) = deliver($home, 'esmtp', host => 'r.example');
	is($r->{outcome}, 'deferred', 'MTA-0224: no answer to the connection: deferred');
	like($r->{flags}, qr/connection/, 'MTA-0224: the host is called down');
	my $took = time - $began;
	ok($took >= 1 && $took < 12, 'MTA-0224: after esmtptimeoutconnect') or diag $took;
}

done_testing;
