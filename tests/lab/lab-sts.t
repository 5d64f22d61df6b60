# slow
# T34: MTA-STS over a network: enforced, hidden from us by a poisoned answer, changed, withdrawn.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use Lab;
use Test::More;
use Courier::Test;

# the setting came with the process that fetches policies
open my $shipped, '<', Courier::Test::prefix() . '/share/courier/etc/courierd' or die "courierd: $!";
plan skip_all => 'this build has no MTA-STS' if !grep {/STS_HTTPS_PORT/} <$shipped>;
require Courier::FakeHTTPS;

my $dir = $ENV{TMPDIR};
system("cd '$dir' && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=lab -addext "
	. "'subjectAltName=DNS:mta-sts.b.test,DNS:mail.b.test,DNS:new.b.test' -keyout k.pem -out trust.pem >/dev/null 2>&1 && cat k.pem trust.pem >both.pem && chmod 644 trust.pem");
sub policy { my ($mode, @mx) = @_; return [200, 'text/plain', join '', map {"$_\n"} 'version: STSv1', "mode: $mode", (map {"mx: $_"} @mx), 'max_age: 86400'] }

my $lab = Lab->new;
my @hosts = ('mail A 192.0.2.20', 'new A 192.0.2.21', 'mta-sts A 192.0.2.80');
sub published { my ($mx, $id) = @_; $lab->{zones}{'b.test'} = [@hosts, "\@ MX 10 $mx", $id ? "_mta-sts TXT \"v=STSv1; id=$id\"" : ()]; $lab->dns; sleep 6 }
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
$lab->zone('c.test', 'evil A 192.0.2.67');
my $site = $lab->host('192.0.2.80');
my $web = $site->in(sub { Courier::FakeHTTPS->new(cert => "$dir/both.pem", on => {'mta-sts.b.test' => policy('enforce', 'mail.b.test')}) });
$site->forward(443, $web->port);
my $host = $lab->host('192.0.2.20');
my $mail = $host->smtp(cert => "$dir/both.pem", ehlo => ['STARTTLS']);
my $new = $lab->smtp('192.0.2.21', cert => "$dir/both.pem", ehlo => ['STARTTLS']);
my $evil = $lab->smtp('192.0.2.67');
published('mail', 1);
my $a = $lab->courier('a.test', '192.0.2.10', config => {courierd => {TLS_TRUSTCERTS => "$dir/trust.pem"}, esmtpd => {BOFHCHECKDNS => 0}},
	files => {esmtpdelay => "0\n"})->start;
my $n = 0;
sub outcome {
	my $to = 'x' . ++$n . '@b.test';
	$a->restart; # addresses are good for a minute, and a host that failed is left alone
	$a->send('alice@a.test', $to, "Subject: sts $n\n\n1\n");
	my $log = join "\n", $a->settled($to);
	return $log =~ /status: (\w+)/ ? "$1 $log" : "nothing $log";
}

like(outcome(), qr/^success.*mail\.b\.test/s, 'enforce: the host of the policy');
ok((grep {$_ eq '*tls*'} $mail->commands), 'over TLS');

# poison: the MX leads to somebody else, and the policy is hidden
published('evil.c.test.', undef);
like(outcome(), qr/^deferred.*MTA-STS/s, 'a stranger as MX, and no record: the policy that is remembered counts');
is($evil->connections, 0, 'the stranger was not even asked');

# STARTTLS is gone at the right host
published('mail', 1);
$mail->stop;
$mail = $host->smtp;
like(outcome(), qr/^deferred.*TLS/s, 'the right host without STARTTLS: mail waits');
is(scalar $mail->messages, 0, 'nothing in clear');

# the policy changes with its id, and is withdrawn
$web->set('mta-sts.b.test' => policy('enforce', 'new.b.test'));
published('new', 2);
like(outcome(), qr/^success.*new\.b\.test/s, 'a new id: the new policy') or diag($a->log_lines(qr/STS|sts/));
$web->set('mta-sts.b.test' => policy('none'));
published('mail', 3);
like(outcome(), qr/^success.*mail\.b\.test/s, 'none: in clear again');
done_testing;
