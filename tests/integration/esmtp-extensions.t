#!/usr/bin/perl
# slow
# The client and the extensions of the next host: REQUIRETLS (RFC 8689), DELIVERBY (RFC 2852), LIMITS
# (RFC 9422), PRDR and XEXDATA (MTA-1007, MTA-1016: a 558 is understood without the keyword), DSN with
# addresses beyond ASCII (MTA-1013, RFC 6533), SMTPUTF8 (MTA-1012), BODY and SIZE (MTA-1015).
use strict;
use warnings;
use utf8;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Encode qw(encode_utf8);
use Test::More;
use Courier::FakeSMTP;
use Courier::Module;

my $home = Courier::Module::home(me => "me.example\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n",
	esmtptimeout => "5s\n", esmtptimeouthelo => "5s\n", esmtptimeoutdata => "5s\n", esmtptimeoutquit => "1s\n");
my @three = qw(one@r.example two@r.example three@r.example);

sub server {
	my (@ehlo) = @_;
	my $manners = ref $ehlo[-1] ? pop @ehlo : {};
	my $s = Courier::FakeSMTP->new(ehlo => ['PIPELINING', @ehlo], %$manners);
	Courier::Module::config($home, esmtproutes => ':[127.0.0.1],' . $s->port . "\n");
	return $s;
}
sub deliver { return Courier::Module::deliver($home, 'esmtp', host => 'r.example', @_) }
sub said { my ($s, $re) = @_; return grep {/$re/} $s->commands }
sub outcome { my ($r) = @_; return $r ? "$r->{outcome} $r->{status}" : 'none' }

# ---- DELIVERBY
{
	my $s = server('DELIVERBY');
	my ($r) = deliver(options => ['-B', '600;R']);
	is outcome($r), 'relayed 2.0.0', 'mode R to a server that knows it';
	my ($left, $mode) = "@{[said($s, '^MAIL')]}" =~ /\bBY=(-?\d+);(\w+)/;
	ok defined $left && $left > 590 && $left <= 600, 'what is left of the time' or diag(said($s, '^MAIL'));
	is $mode, 'R', 'the mode';
	deliver(options => ['-B', '-30;NT']);
	like "@{[said($s, 'NT')]}", qr/ BY=-3\d;NT/, 'how far it is over in mode N, and the trace';
	($r) = deliver(options => ['-B', '-1;R']);
	is outcome($r), 'failed 5.4.7', 'over: mode R is not sent';
	deliver();
	is scalar(said($s, 'BY=.*BY=|^MAIL.* BY=')), 2, 'mail without a time has none';
	$s = server('DELIVERBY 300');
	($r) = deliver(options => ['-B', '100;R']);
	is outcome($r), 'failed 5.4.7', 'the server wants more time';
	is scalar($s->messages), 0, 'it is not tried';
	($r) = deliver(options => ['-B', '100;N']);
	is outcome($r), 'relayed 2.0.0', 'mode N goes there anyway';
	$s = server();
	($r) = deliver(options => ['-B', '100;R']);
	is outcome($r), 'failed 5.3.3', 'mode R does not go to a server that does not know it';
	($r) = deliver(options => ['-B', '100;N']);
	is outcome($r), 'relayed 2.0.0', 'mode N does';
	is scalar(said($s, 'BY=')), 0, 'without the parameter';
}

# ---- LIMITS
{
	my $s = server('LIMITS RCPTMAX=2 MAILMAX=1');
	my @r = deliver(rcpts => \@three);
	is join(' ', map {$_->{outcome}} @r), 'relayed relayed relayed', 'RCPTMAX: everybody gets it';
	is join(' ', map {s/^(\S+).*/$1/r} said($s, '^(MAIL|RCPT|DATA|\*connect)')),
	    '*connect* MAIL RCPT RCPT DATA *connect* MAIL RCPT DATA', '... two at a time, MAILMAX: one a session';
	$s = server('LIMITS MAILMAX=x RCPTMAX=0 FOO=1');
	deliver(rcpts => \@three, options => [-n => 2]);
	is $s->connections, 1, 'nonsense is no limit';
	$s = server('LIMITS RCPTMAX=1', {on => {RCPT => ['550 5.1.1 no', '250 Ok', '550 5.1.1 no']}});
	@r = deliver(rcpts => \@three);
	is join(' ', map {$_->{outcome}} sort {$a->{rcpt} <=> $b->{rcpt}} @r), 'failed relayed failed',
	    'those behind one that is refused have their turn';
}

# ---- PRDR
my $each = "RAW 353 one by one\r\n250 2.1.5 one has it\r\n550-5.7.1 two\r\n550 5.7.1 does not\r\n450 4.2.2 three later\r\n";
{
	my $s = server('PRDR', {end => $each . "250 2.6.0 done\r\n"});
	my @r = sort {$a->{rcpt} <=> $b->{rcpt}} deliver(rcpts => \@three);
	is join(' | ', map {outcome($_)} @r), 'relayed 2.1.5 | failed 5.7.1 | deferred 4.2.2', 'PRDR: each its own result';
	is $r[1]{diagnostic}, "5.7.1 two\n5.7.1 does not", 'with its text';
	like "@{[said($s, '^MAIL')]}", qr/ PRDR$/, 'it was asked for';
	$s = server('PRDR', {end => $each . "554 5.6.0 nobody\r\n"});
	@r = sort {$a->{rcpt} <=> $b->{rcpt}} deliver(rcpts => \@three);
	is join(' | ', map {outcome($_)} @r), 'failed 5.6.0 | failed 5.7.1 | deferred 4.2.2', 'the last word counts for those that had yes';
	$s = server('PRDR', {on => {RCPT => ['250 Ok', '550 5.1.1 no', '250 Ok']},
		end => "RAW 353 x\r\n550 5.7.1 not one\r\n250 2.1.5 three\r\n250 2.0.0 Ok\r\n"});
	@r = sort {$a->{rcpt} <=> $b->{rcpt}} deliver(rcpts => \@three);
	is join(' | ', map {outcome($_)} @r), 'failed 5.7.1 | failed 5.1.1 | relayed 2.1.5', 'those that were refused get none';
	$s = server('PRDR');
	@r = deliver(rcpts => \@three);
	is join(' ', map {outcome($_)} @r), join(' ', ('relayed 2.0.0') x 3), 'one reply for all is fine too';
	$s = server('PRDR', {end => "RAW 353 x\r\n250 2.0.0 one\r\n"});
	@r = sort {$a->{rcpt} <=> $b->{rcpt}} deliver(rcpts => \@three);
	is join(' ', map {$_->{outcome}} @r), 'deferred deferred deferred', 'replies that stay away: all of it again';
	$s = server('PRDR');
	deliver();
	is scalar(said($s, 'PRDR')), 0, 'one recipient needs none';
}

# ---- XEXDATA
{
	my $multi = "RAW 558-250 2.1.5 one has it\r\n558-550-5.7.1 two\r\n558-550 5.7.1 does not\r\n558 450 4.2.2 three later\r\n";
	my $s = server('XEXDATA', 'PRDR', {end => $multi});
	my @r = sort {$a->{rcpt} <=> $b->{rcpt}} deliver(rcpts => \@three);
	is join(' | ', map {outcome($_)} @r), 'relayed 2.1.5 | failed 5.7.1 | deferred 4.2.2', 'MTA-1016 MTA-1006: 558 is read';
	is scalar(said($s, 'EXDATA|PRDR')), 0, 'MTA-1016: without having asked for it';
	$s = server('XEXDATA', {end => "RAW 558-250 2.1.5 one\r\n558 550-5.7.1 two is cut\r\n"});
	@r = sort {$a->{rcpt} <=> $b->{rcpt}} deliver(rcpts => \@three);
	is join(' | ', map {"$_->{outcome} $_->{code}"} @r), 'relayed 250 | deferred 451 | deferred 451', 'MTA-1007: what is missing is 451';
}

# ---- SMTPUTF8 and DSN
{
	my ($jürgen, $orcpt) = map {encode_utf8($_)} 'jürgen@r.example', 'utf-8;jürgen@élan.example';
	my $s = server('SMTPUTF8', '8BITMIME', 'DSN', 'SIZE 10000');
	my ($r) = deliver(rcpts => [$jürgen], options => ['-u', '-8', '-o', $orcpt, '-N', 3]);
	is outcome($r), 'relayed 2.0.0', 'MTA-1012: an address beyond ASCII';
	like "@{[said($s, '^MAIL')]}", qr/ SIZE=\d+ BODY=8BITMIME SMTPUTF8/, 'MTA-1012 MTA-1015: SIZE, BODY, SMTPUTF8';
	is((said($s, '^RCPT'))[0], "RCPT TO:<$jürgen> NOTIFY=SUCCESS,FAILURE ORCPT=$orcpt", 'MTA-1013: ORCPT in UTF-8');
	$s = server('DSN');
	($r) = deliver(rcpts => [$jürgen], options => ['-u']);
	is outcome($r), 'failed 5.6.7', 'MTA-1012: it comes back where SMTPUTF8 is missing';
	is scalar(said($s, '^MAIL')), 0, 'nothing was asked';
	($r) = deliver(rcpts => [encode_utf8('juergen@bücher.example')], options => ['-o', $orcpt]);
	is((said($s, '^RCPT'))[0], 'RCPT TO:<juergen@xn--bcher-kva.example> ORCPT=utf-8;j\\x{FC}rgen@\\x{E9}lan.example',
		'MTA-1012 MTA-1013: a domain as A-label, ORCPT as utf-8-addr-xtext');
	$s = server('SMTPUTF8', 'DSN');
	deliver(options => ['-e', 'QQ+1=2', '-R', 'H', '-o', 'rfc822;a+b=c@x.example']);
	like "@{[said($s, '^MAIL')]}", qr/ RET=HDRS ENVID=QQ\+2B1\+3D2$/, 'MTA-1013: RET, ENVID as xtext';
	unlike "@{[said($s, '^MAIL')]}", qr/SMTPUTF8/, 'ASCII mail does not need SMTPUTF8';
	like "@{[said($s, '^RCPT')]}", qr/ ORCPT=rfc822;a\+2Bb\+3Dc\@x\.example$/, 'MTA-1013: ORCPT as xtext';
}

# ---- REQUIRETLS
SKIP: {
	eval { require Net::DNS; require IO::Socket::SSL; require Courier::FakeDNS; 1 } or skip 'Net::DNS or IO::Socket::SSL is missing', 8;
	my $dns = Courier::FakeDNS->new('mail.r.example A' => ['127.0.0.1'], 'r.example MX' => ['10 mail.r.example']);
	Courier::Module::config($home, resolver => $dns->resolver);
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=mail.r.example -addext subjectAltName=DNS:mail.r.example " .
		"-keyout $home/k -out $home/crt >/dev/null 2>&1 && cat $home/crt $home/k > $home/pem");
	skip 'openssl is missing', 8 if !-s "$home/pem";
	Courier::Module::config($home, courierd => "TLS_TRUSTCERTS=$home/crt\n");
	my $tls = sub {
		my (@ehlo) = @_;
		my $s = server('STARTTLS', @ehlo, {cert => "$home/pem", tls_options => {}});
		Courier::Module::config($home, esmtproutes => 'r.example:mail.r.example,' . $s->port . "\n");
		return $s;
	};
	my $s = $tls->('REQUIRETLS');
	my ($r) = deliver(options => ['-Q']);
	is outcome($r), 'relayed 2.0.0', 'REQUIRETLS at a host that the administrator has named' or diag(explain($r));
	is scalar(said($s, '^MAIL.* REQUIRETLS$')), 1, 'is handed on';
	deliver();
	is scalar(said($s, '^MAIL.* REQUIRETLS')), 1, 'for that mail alone';
	Courier::Module::config($home, esmtproutes => ':,' . $s->port . "\n");
	($r) = deliver(options => ['-Q']);
	is outcome($r), 'failed 5.7.30', 'a host that plain DNS names is not enough';
	like $r->{diagnostic}, qr/plain DNS/, '... and the report says so';
	$s = $tls->();
	($r) = deliver(options => ['-Q']);
	is outcome($r), 'failed 5.7.30', 'a host that does not know it gets nothing';
	Courier::Module::config($home, courierd => "TLS_VERIFYPEER=NONE\n");
	$s = $tls->('REQUIRETLS');
	($r) = deliver(options => ['-Q']);
	is outcome($r), 'failed 5.7.30', 'nor one whose certificate is nobody\'s, whatever TLS_VERIFYPEER says';
	$s = server('REQUIRETLS');
	($r) = deliver(options => ['-Q']);
	is outcome($r), 'failed 5.7.30', 'nor one without TLS';
	is scalar($s->messages), 0, 'not in clear';
}

done_testing;
