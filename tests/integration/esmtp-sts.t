#!/usr/bin/perl
# slow
# MTA-STS (RFC 8461): whose policy counts, which hosts get mail then and how, what is remembered over a
# restart, and what the administrator can see and change.  MTA-0928 MTA-0929 MTA-1411 MTA-1412 MTA-1413 MTA-2208
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use MIME::Base64 qw(encode_base64);
use Test::More;
eval { require Net::DNS; require IO::Socket::SSL; 1 } or plan skip_all => 'Net::DNS or IO::Socket::SSL is missing';
use Courier::Test;
require Courier::FakeDNS;
require Courier::FakeHTTPS;
require Courier::FakeSMTP;

# ---- domains: policy (undef: none is published), mail hosts
my @web = qw(enforce wild stranger mixed badcert notls testing testhost none redirect html missing long garbage syntax twice
	badrecord noweb hang);
my %policy = map { $_ => "version: STSv1\nmode: enforce\nmx: mx.$_.example\nmax_age: 86400\n" } @web, 'wrongname';
$policy{wild} =~ s/mx\.wild/*.wild/;
$policy{$_} =~ s/enforce\n/testing\n/ for qw(testing testhost);
$policy{none} =~ s/enforce\n/none\n/;
$policy{syntax} =~ s/max_age/maxage/;
my %mx = (wild => ['10 mx7.wild.example.'], stranger => ['10 mx.other.example.'],
	mixed => ['10 mx.other.example.', '20 mx.mixed.example.'], testhost => ['10 mx.other.example.']);
my %host = map { ("$_ A" => ['127.0.0.3']) } map { "mx.$_.example" } @web, 'wrongname', 'plain';
$host{"$_ A"} = ['127.0.0.1'] for qw(mx.enforce.example mx7.wild.example mx.other.example mx.mixed.example);
$host{"$_ A"} = ['127.0.0.2'] for qw(mx.badcert.example mx.testing.example);
sub zone {
	my (%more) = @_;
	my %z = %host;
	for my $d (@web, 'wrongname', 'plain') {
		$z{"$d.example MX"} = $mx{$d} // ["10 mx.$d.example."];
		$z{"mta-sts.$d.example A"} = ['127.0.0.1'] if $d ne 'noweb';
		$z{"_mta-sts.$d.example TXT"} = ['"v=STSv1; id=1"'] if $policy{$d};
	}
	$z{'_mta-sts.twice.example TXT'} = ['"v=STSv1; id=1"', '"v=STSv1; id=2"'];
	$z{'_mta-sts.badrecord.example TXT'} = ['"v=STSv1; id=no-such"'];
	return (%z, %more);
}

my $dir = File::Temp->newdir;
sub certificate {
	my ($name, @names) = @_;
	my $alt = join ',', map { "DNS:$_" } @names;
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -addext subjectAltName=$alt " .
		"-keyout $dir/$name.key -out $dir/$name.crt >/dev/null 2>&1 && cat $dir/$name.crt $dir/$name.key > $dir/$name.pem");
	return "$dir/$name.pem";
}
my $web = certificate('web', map { "mta-sts.$_.example" } @web);
my $mail = certificate('mail', qw(mx.enforce.example mx7.wild.example mx.mixed.example));
my $stranger = certificate('stranger', map { ("mx.$_.example", "mta-sts.$_.example") } qw(badcert testing));
plan skip_all => 'openssl is missing' if !-s $stranger;
system("cat $dir/web.crt $dir/mail.crt > $dir/trust");
chmod 0644, "$dir/trust";
chmod 0755, "$dir";

my $https = Courier::FakeHTTPS->new(cert => $web, on => {map { ("mta-sts.$_.example" => [200, 'text/plain', $policy{$_}]) } keys %policy});
$https->set('mta-sts.redirect.example' => [302, 'text/plain', '', 'Location: https://mta-sts.enforce.example/.well-known/mta-sts.txt'],
	'mta-sts.html.example' => [200, 'text/html', $policy{html}], 'mta-sts.missing.example' => [404, 'text/plain', $policy{missing}],
	'mta-sts.long.example' => 'FLOOD', 'mta-sts.garbage.example' => 'GARBAGE');
my %smtp = (good => Courier::FakeSMTP->new(cert => $mail, ehlo => ['STARTTLS', 'REQUIRETLS']));
my $port = $smtp{good}->port;
$smtp{stranger} = Courier::FakeSMTP->new(host => '127.0.0.2', port => $port, cert => $stranger, ehlo => ['STARTTLS']);
$smtp{clear} = Courier::FakeSMTP->new(host => '127.0.0.3', port => $port);
my $dns = Courier::FakeDNS->new(zone());

my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0},
	courierd => {TLS_TRUSTCERTS => "$dir/trust", STS_HTTPS_PORT => $https->port}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", retryalpha => "1h\n", esmtpdelay => "0\n",
		esmtproutes => "relayed.example:[127.0.0.3],$port\n:,$port\n", resolver => $dns->resolver});
$t->command('makesmtpaccess');
$t->start;

sub send_to { my ($d) = @_; $t->send_mail(from => 'alice@' . $t->domain, to => "x\@$d.example", text => "Subject: $d\n\nx\n") }
# What became of the last mail for the domain.
sub status {
	my ($d, $n) = @_;
	my @l;
	$t->wait_for(40, sub { @l = $t->log_lines(qr/addr=<x\@\Q$d\E\.example>,status: /); @l >= ($n // 1) });
	return @l && $l[-1] =~ /status: (\w+)/ ? $1 : 'nothing';
}
sub reason { my ($d) = @_; my @l = $t->log_lines(qr/addr=<x\@\Q$d\E\.example>: /); return $l[-1] // '' }
sub at { my ($s, $d) = @_; return scalar grep { /^Subject: \Q$d\E\r?$/m } $smtp{$s}->messages }
sub lookup { my @r = $t->command('testmxlookup', @_); return ($r[0], $? >> 8) }

send_to($_) for grep({ $_ ne 'hang' } @web), 'wrongname', 'plain', 'relayed';

# ---- enforce
is(status('enforce'), 'success', 'MTA-0928: a host that the policy names, with a good certificate');
is(at('good', 'enforce'), 1, '... gets the mail');
ok((grep { $_ eq '*tls*' } $smtp{good}->commands), '... over TLS');
is(status('wild'), 'success', 'a pattern with a star');
is(status('mixed'), 'success', 'MTA-0928: a host that is not named is passed over');
ok($t->log =~ /addr=<x\@mixed\.example>,success: delivered: mx\.mixed\.example/, '... whatever its preference');
for (['stranger', qr/names none of its mail hosts/], ['badcert', qr/TLS failed.*MTA-STS/], ['notls', qr/TLS is required.*MTA-STS/]) {
	my ($d, $why) = @$_;
	is(status($d), 'deferred', "MTA-0928: enforce: $d waits");
	like(reason($d), $why, '... the log tells why');
}
# ---- testing, none
is(status('testing'), 'success', 'MTA-0928: testing: a certificate of nobody we trust');
is(status('testhost'), 'success', '... a host that is not named');
my @noted = $t->log_lines(qr/MTA-STS of '\w+\.example' \(testing\)/);
ok((grep { /testing\.example.*would stop.*certificate/ } @noted), '... is noted') or diag "@noted";
ok((grep { /testhost\.example.*would stop mail to mx\.other\.example: it does not name this host/ } @noted), '... as well');
my $said = grep { /testing\.example/ } $t->log_lines(qr/\(testing\)/);
send_to('testing');
is(status('testing', 2), 'success', 'another mail for it');
is(scalar(grep { /testing\.example/ } $t->log_lines(qr/\(testing\)/)), $said, '... is not noted again');
is(status('none'), 'success', 'none stops nothing');
# ---- what is no policy
for my $d (qw(redirect html missing long garbage syntax twice badrecord noweb wrongname plain)) {
	is(status($d), 'success', "MTA-0928: no policy: $d");
	is(at('clear', $d), 1, '... mail goes as ever');
}
is(status('relayed'), 'success', 'a relay is the administrator\'s word');
ok(!(grep { /relayed/ } $dns->questions), '... nobody is asked about its policy');
my @asked = $https->requests;
is(scalar(grep { $_ eq 'mta-sts.enforce.example /.well-known/mta-sts.txt' } @asked), 1,
	'no redirect is followed, and a policy is fetched once') or diag join "\n", @asked;
is(scalar(grep { /twice|badrecord|plain/ } @asked), 0, 'where no single good record says so nothing is fetched');
my @why = $t->log_lines(qr/MTA-STS policy of '\w+\.example' can't be fetched/);
for (['redirect', 'redirects are not followed'], ['html', 'not text/plain'], ['missing', '404'], ['long', 'too long'],
	['syntax', 'no mode or no max_age'], ['noweb', 'address'], ['wrongname', 'certificate|SSL']) {
	my ($d, $re) = @$_;
	ok((grep { /'$d\.example'.*(?:$re)/ } @why), "the log says why: $d") or diag join "\n", @why;
}

# ---- the cache, and what shows it
my $file = $t->path('var/sts/enforce.example');
ok(-s $file, 'MTA-2208: a file for each domain');
ok(!-e $t->path('var/sts/html.example'), '... but for what is no policy');
if ($> == 0) {
	is((getpwuid +(stat $file)[4])[0], 'courier-net', '... of the user that fetches');
	like($t->command('courier', '-C', $t->path(''), 'security'), qr/^sts .*root \S+var\/sts .*\n/m, 'the process is shut into its folder');
	is($? >> 8, 0, '... as promised');
}
my ($out, $rc) = lookup('enforce.example');
is($out, "STS: enforcing\nDomain enforce.example:\nRelay: mx.enforce.example, Priority: 10, Address: ::ffff:127.0.0.1\n",
	'MTA-1413: STS: enforcing');
($out) = lookup('testing.example');
like($out, qr/\ASTS: testing\nDomain/, 'MTA-1413: STS: testing');
($out) = lookup('mixed.example');
like($out, qr/^Relay: mx\.other\.example.*\nERROR: STS Policy verification failed\nRelay: mx\.mixed\.example.*\n\z/m,
	'MTA-1413: an error behind the host that is not named');
($out) = lookup('none.example');
like($out, qr/\ADomain/, 'MTA-1413: none says nothing');
($out, $rc) = lookup('--sts', 'enforce.example');
is("$out$rc", "$policy{enforce}0", 'MTA-1411: --sts prints the policy');
($out, $rc) = lookup('--sts', 'plain.example');
is($rc, 1, 'MTA-1411: --sts where there is none');
is(scalar(grep { /enforce/ } $https->requests), 1, 'none of this has fetched it again');
($out, $rc) = lookup('--sts-purge', 'enforce.example');
is("$rc " . grep({ /enforce/ } $https->requests), '0 2', 'MTA-1411: --sts-purge fetches it anew');
ok(-s $file, '... and it is kept');
for my $args ([], ['--sts'], ['--sts-override=maybe', 'a.example'], ['--sts-override', 'a.example'], ['--sts-expire', 'a.example'],
	['--sts-cache-enable=0'], ['--sts-cache-enable=x'], ['--sts', '--sts-purge', 'a.example'], ['--stsx', 'a.example']) {
	($out, $rc) = lookup(@$args);
	ok($rc == 1 && $out =~ /usage:/, "wrong arguments: @$args") or diag $out;
}

# ---- a restart: the DNS and the web know nothing any more
$dns->stop;
my %fresh = zone('_mta-sts.stranger.example TXT' => ['"v=STSv1; id=2"']);
delete $fresh{"_mta-sts.$_.example TXT"} for qw(badcert notls enforce);
$policy{stranger} =~ s/enforce\n/testing\n/;
$https->set('mta-sts.stranger.example' => [200, 'text/plain', $policy{stranger}], 'mta-sts.badcert.example' => 'CLOSE');
$dns = Courier::FakeDNS->new(%fresh);
$t->file('etc/resolver', $dns->resolver);
$t->restart;
$t->command('courier', '-C', $t->path(''), 'flush');
is(status('badcert', 2), 'deferred', 'MTA-0928: what is known counts, whatever DNS and web server say now');
is(at('stranger', 'badcert'), 0, '... nothing has gone');
is(status('stranger', 2), 'success', 'a new id brings a new policy, and its mail goes');
($out, $rc) = lookup('--sts-override=none', 'badcert.example');
is("$out$rc", '0', 'MTA-1411: --sts-override') or diag $out;
($out) = lookup('badcert.example');
like($out, qr/\ADomain/, '... is shown');
($out) = lookup('--sts', 'badcert.example');
is($out, $policy{badcert}, '... the policy itself stays as it came');
sleep 1;
$t->command('courier', '-C', $t->path(''), 'flush');
ok($t->wait_for(30, sub { at('stranger', 'badcert') }), '... and mail goes, without a restart') or diag reason('badcert');
lookup('--sts-override=enforce', 'testing.example');
($out) = lookup('testing.example');
like($out, qr/\ASTS: enforcing\n/, 'MTA-1411: the other way');

# ---- the process dies while it is asked, and while it is needed
{
	my $pid = sub { return $t->command('courier', '-C', $t->path(''), 'status') =~ /^sts +\d+ +(\d+)/m ? $1 : 0 };
	$https->set('mta-sts.hang.example' => 'HANG');
	send_to('hang');
	ok($t->wait_for(20, sub { grep { /^mta-sts\.hang\.example/ } $https->requests }), 'a web server that says nothing');
	$https->set('mta-sts.hang.example' => [200, 'text/plain', $policy{hang}]);
	my $old = $pid->();
	kill 'KILL', $old;
	ok($t->wait_for(20, sub { my $p = $pid->(); $p && $p != $old }), 'a process that is killed is there again');
	is(status('hang'), 'deferred', 'the question is asked again, and its answer counts');
	like(reason('hang'), qr/TLS is required.*MTA-STS/, '... rather than no answer');
	is(at('clear', 'hang'), 0, '... nothing went in clear');
}

# ---- off and on, and how many
($out, $rc) = lookup('--sts-cache-disable');
is("$out$rc", '0', 'MTA-1412: --sts-cache-disable');
($out) = lookup('enforce.example');
like($out, qr/\ADomain/, '... nothing is asked');
$t->command('courier', '-C', $t->path(''), 'flush');
ok($t->wait_for(30, sub { at('clear', 'notls') }), 'MTA-1412: ... and nothing stops mail, at once') or diag reason('notls');
($out, $rc) = lookup('--sts-cache-enable=3');
is("$out$rc", '0', 'MTA-1412: --sts-cache-enable=SIZE');
($out) = lookup('enforce.example');
like($out, qr/\ASTS: enforcing\n/, '... what was known is known');
my $now = time;
my @known = map { s,.*/,,r } glob $t->path('var/sts/*.example');
utime $now - 1000, $now - 1000, map { $t->path("var/sts/$_") } grep { !/^(?:enforce|wild|mixed)\./ } @known;
cmp_ok(scalar @known, '>', 3, 'there are more');
($out, $rc) = lookup('--sts-expire');
is("$out$rc", '0', 'MTA-1412: --sts-expire');
is(join(' ', sort map { s,.*/,,r } glob $t->path('var/sts/*.example')), 'enforce.example mixed.example wild.example',
	'MTA-0929 MTA-1412: those that were not used for the longest time go');
lookup('--sts-cache-enable');
open my $size, '<', $t->path('var/sts/.size');
is(<$size>, "1000\n", 'MTA-0929: a thousand unless told otherwise');

# ---- what mail says of its own way
sub submit {
	my ($d, $param) = @_;
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0) or die 'no TLS';
	$s->autoflush(1);
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'AUTH PLAIN ' . encode_base64("\0alice\@" . $t->domain . "\0$Courier::Test::PASSWORD", '');
	$t->smtp($s, $_) for 'MAIL FROM:<alice@' . $t->domain . ">$param", "RCPT TO:<x\@$d.example>", 'DATA';
	print $s "From: <alice\@" . $t->domain . ">\r\nSubject: $d$param\r\n\r\nx\r\n";
	return $t->smtp($s, '.');
}
my $demands = sub { return scalar grep { /^MAIL.* REQUIRETLS/ } $smtp{good}->commands };
like(submit('enforce', ' REQUIRETLS'), qr/^250/, 'mail with REQUIRETLS');
ok($t->wait_for(30, $demands), 'REQUIRETLS: a host that an enforced policy names is one of the domain');
like(submit('plain', ' REQUIRETLS'), qr/^250/, '... to a domain without policy and TLS');
is(status('plain', 2), 'failure', '... comes back');
is(at('clear', 'plain REQUIRETLS'), 0, '... and nothing goes in clear');
$t->send_mail(from => 'alice@' . $t->domain, to => 'x@stranger.example', text => "TLS-Required: No\nSubject: optional\n\nx\n");
ok($t->wait_for(30, sub { grep { /^Subject: optional/m } map { $_->messages } values %smtp }),
	'TLS-Required: No goes where an enforced policy lets other mail wait');

# ---- a policy in use is looked at again
$t->configure(courierd => {STS_REFRESH => '1s'});
$t->restart;
my $fetched = sub { return scalar grep { /^mta-sts\.wild\.example/ } $https->requests };
my $so_far = $fetched->();
ok($t->wait_for(30, sub { $fetched->() >= $so_far + 2 }), 'a policy that is in use is fetched again and again, without mail for its domain');
$t->configure(courierd => {STS_REFRESH => '1d'});

# ---- nobody to trust
$t->configure(courierd => {TLS_TRUSTCERTS => ''});
$t->restart;
send_to('notls');
is(status('notls', 3), 'success', 'MTA-0928: without TLS_TRUSTCERTS there is no MTA-STS');
($out, $rc) = lookup('--sts', 'enforce.example');
ok($rc == 1 && $out =~ /TLS_TRUSTCERTS/, '... testmxlookup says so');
done_testing;
