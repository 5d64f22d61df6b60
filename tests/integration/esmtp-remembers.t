#!/usr/bin/perl
# What the client remembers over restarts, and how it looks at its passwords: MTA-0913 MTA-0908
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
require Courier::FakeSMTP;

my $s = Courier::FakeSMTP->new(broken_tls => 1, ehlo => ['STARTTLS', 'AUTH PLAIN']);
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", esmtproutes => ':[127.0.0.1],' . $s->port . "\n", esmtpdelay => "0\n"});
$t->command('makesmtpaccess');
$t->start;
my $n = 0;
sub deliver {
	$n++;
	$t->send_mail(from => 'alice@' . $t->domain, to => "x$n\@far.test", text => "Subject: $n\n\nx\n");
	return $t->wait_for(30, sub { grep { /^Subject: $n\r$/m } $s->messages });
}
sub tried { return scalar grep { $_ eq 'STARTTLS' } $s->commands }

# ---- broken TLS
ok(deliver(), 'MTA-0913: mail for a host whose TLS is broken goes in clear');
is(tried(), 1, '... after one try');
my $file = $t->path('var/sts/.no-tls');
ok($t->wait_for(10, sub { -s $file }), 'MTA-0913: it is written down');
open my $f, '<', $file or die;
my ($until, $host) = <$f> =~ /^(\d+) (.*)\n\z/;
is($host, '[127.0.0.1]', '... by its name and address');
cmp_ok($until - time, '>', 2 * 3600 - 120, '... for two hours at least');
cmp_ok($until - time, '<', 4 * 3600 + 1, '... and four at the most');
$t->restart;
ok(deliver(), 'MTA-0913: after a restart');
is(tried(), 1, '... nobody tries its TLS');
$t->command('courier', '-C', $t->path(''), 'reload');
$t->wait_for(20, sub { $t->log_lines(qr/reload/i) });
ok(deliver(), 'MTA-0913: nor after a reload');
is(tried(), 1, '... which replaces the process');
my $courierd = $t->path('etc/courierd');
open $f, '<', $courierd or die;
my $before = join '', <$f>;
$t->file('etc/courierd', "$before\nESMTP_TLS_VERIFY_DOMAIN=1\n");
$t->restart;
$n++;
$t->send_mail(from => 'alice@' . $t->domain, to => "x$n\@far.test", text => "Subject: $n\n\nx\n");
ok($t->wait_for(30, sub { $t->log_lines(qr/x$n\@far\.test.*status: deferred/) }), 'MTA-0913: where certificates must be proved, mail waits') or diag $t->log;
ok(!(grep { /^Subject: $n\r$/m } $s->messages), '... and does not leave in clear because of what is written down');
$t->file('etc/courierd', $before);
my $tried = tried();
$t->stop;
open $f, '>', $file or die;
print $f time - 5, " [127.0.0.1]\nnonsense\n-4 x\n", 'x' x 5000, "\n", time + 1000, "\n";
close $f;
$t->start;
ok(deliver(), 'MTA-0913: when its time is over');
is(tried(), $tried + 1, '... it is tried again, and a file of nonsense does no harm');

# ---- whose passwords
my $passwords = $t->file('etc/esmtpauthclient', "other.example joe secret\n");
sub check { my $out = $t->command('courier', '-C', $t->path(''), 'check'); return ($out, $? >> 8) }
chmod 0600, $passwords;
my ($out, $rc) = check();
is($rc, 0, 'MTA-0908: esmtpauthclient with mode 600') or diag $out;
for my $mode (0640, 0604, 0660) {
	chmod $mode, $passwords;
	($out, $rc) = check();
	ok($rc && $out =~ /esmtpauthclient.*others can read it/, sprintf 'MTA-0908: mode %o is a fault', $mode) or diag $out;
}
# those of virtual hosts, too; somebody's copy is none of our business
chmod 0600, $passwords;
$t->file('etc/vhost.127.0.0.2', '');
chmod 0640, $t->file('etc/esmtpauthclient.127.0.0.2', "other.example joe secret\n"), $t->file('etc/esmtpauthclient.bak', "x\n");
($out, $rc) = check();
ok($rc && $out =~ /esmtpauthclient\.127\.0\.0\.2.*others can read it/, 'MTA-0908 MTA-0405: a virtual host\'s') or diag $out;
unlike($out, qr/\.bak/, '... and no other file');
chmod 0600, $t->path('etc/esmtpauthclient.127.0.0.2');
chmod 0660, $passwords;
$t->restart;
ok((grep { /esmtpauthclient.*others can read it/ } $t->log_lines(qr/courieresmtp/)), '... and is told at the start');
chmod 0600, $passwords;
SKIP: {
	skip 'only root can give files away', 3 if $>;
	chown 0 + getpwnam('nobody'), -1, $passwords;
	($out, $rc) = check();
	ok($rc && $out =~ /esmtpauthclient.*belongs to somebody else/, 'MTA-0908: a file of somebody else is a fault') or diag $out;
	chown 0 + getpwnam('courier'), -1, $passwords;
	($out, $rc) = check();
	is($rc, 0, 'MTA-0908: one of the mail system\'s user is none') or diag $out;
	ok(deliver(), '... mail goes on');
}
done_testing;
