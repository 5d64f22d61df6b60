#!/usr/bin/perl
# Nobody says whether a domain has an MTA-STS policy: its mail waits, it does not leave as if there were none, and it
# does not wait for ever.  MTA-0928
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
use Courier::Test;
require Courier::FakeDNS;
require Courier::FakeSMTP;

my $s = Courier::FakeSMTP->new;
my $dns = Courier::FakeDNS->new('late.test MX' => ['10 mx.late.test.'], 'mx.late.test A' => ['127.0.0.1']);
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}, courierd => {STS_TIMEOUT => '2s', TLS_TRUSTCERTS => '/etc/ssl/certs'}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", retryalpha => "2s\n", retrybeta => "100\n", esmtpdelay => "0\n",
		esmtproutes => ':,' . $s->port . "\n", resolver => $dns->resolver});
$t->command('makesmtpaccess');
$t->start;
my ($sts) = $t->command('courier', '-C', $t->path(''), 'status') =~ /^sts +\d+ +(\d+)/m or die 'no process sts';
kill 'STOP', $sts;
END { local $?; kill 'CONT', $sts if $sts }
$t->send_mail(from => 'alice@' . $t->domain, to => 'x@late.test', text => "Subject: late\n\nx\n");
ok $t->wait_for(60, sub { $t->log_lines(qr/addr=<x\@late\.test>,status: deferred/) }), 'the answer stays away: mail waits' or diag $t->log;
ok scalar($t->log_lines(qr/addr=<x\@late\.test>: .*late\.test has an MTA-STS policy can't be told/)), '... and the log says why' or diag $t->log;
is scalar($s->messages), 0, '... nothing has left';
kill 'CONT', $sts;
ok $t->wait_for(60, sub { scalar $s->messages }), 'when it is there again mail leaves' or diag $t->log;
is $t->stop, '', 'stops';
done_testing;
