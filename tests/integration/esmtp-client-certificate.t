#!/usr/bin/perl
# slow
# The certificate that the client shows (MTA-0525, MTA-0526): its key is in the key process alone, and
# mail waits rather than going without it.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::FakeSMTP;
eval { require IO::Socket::SSL; 1 } or plan skip_all => 'IO::Socket::SSL is missing';

my $dir = File::Temp->newdir;
for my $name (qw(server client other)) {
	system("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name.example -keyout $dir/$name.key -out $dir/$name.crt >/dev/null 2>&1" .
		" && cat $dir/$name.crt $dir/$name.key > $dir/$name.pem");
}
plan skip_all => 'openssl is missing' if !-s "$dir/other.pem";
my $relay = Courier::FakeSMTP->new(cert => "$dir/server.pem", ehlo => ['STARTTLS'],
	tls_options => {SSL_verify_mode => IO::Socket::SSL::SSL_VERIFY_PEER() | IO::Socket::SSL::SSL_VERIFY_FAIL_IF_NO_PEER_CERT(),
		SSL_ca_file => "$dir/client.crt"});
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", retryalpha => "1s\n", retrybeta => "1\n", esmtpdelay => "0\n",
		esmtproutes => ':[127.0.0.1],' . $relay->port . "/SECURITY=REQUIRED\n"});

sub install {
	my ($name, $from) = @_;
	local (@ARGV, $/) = ("$dir/$from");
	my $path = $t->file("etc/$name", scalar <>);
	chmod 0600, $path;
	if ($> == 0) {
		my ($uid, $gid) = (getpwnam 'courier-key')[2, 3];
		chown $uid, $gid, $path if defined $uid;
	}
}
my $n = 0;
sub far { $n++; $t->send_mail(from => 'alice@' . $t->domain, to => "x$n\@far.test", text => "Subject: $_[0]

x
") }
sub got { my ($re) = @_; return scalar grep { /^Subject: $re\r?$/m } $relay->messages }

$t->command('makesmtpaccess');
$t->start;
far('naked');
ok($t->wait_for(20, sub { grep { $_ eq '*no tls*' } $relay->commands }), 'a relay that wants a certificate, and none to show');
is(scalar $relay->messages, 0, '... nothing is sent');

$t->configure(courierd => {TLS_CERTFILE => 'client.pem'});
$t->restart;
ok($t->wait_for(20, sub { $t->log =~ /the certificate of TLS_CERTFILE in 'courierd' is not there/ }), 'a file that is missing is told');
ok(!got('naked'), '... and mail waits');
install('client.pem', 'client.pem');
$t->restart;
$t->command('courier', '-C', $t->path(''), 'flush');
ok($t->wait_for(30, sub { got('naked') }), 'MTA-0525: TLS_CERTFILE is shown') or diag $t->log;
is((grep { /^\*with\* \S+ \S+ client\.example$/ } $relay->commands) > 0, 1, '... it is the right one');

install('client.pem', 'client.crt');
install('key.pem', 'client.key');
$t->configure(courierd => {TLS_CERTFILE => 'client.pem', TLS_PRIVATE_KEYFILE => 'key.pem'});
$t->restart;
far('apart');
ok($t->wait_for(30, sub { got('apart') }), 'MTA-0526: the key in a file of its own') or diag $t->log;

# one for all, which this relay does not know, and one for it alone
install('client.pem', 'other.pem');
$t->configure(courierd => {TLS_PRIVATE_KEYFILE => ''});
$t->restart;
my $refused = grep { $_ eq '*no tls*' } $relay->commands;
far('stranger');
ok($t->wait_for(30, sub { grep({ $_ eq '*no tls*' } $relay->commands) > $refused }), 'a certificate that the relay does not know');
install('client.pem.127.0.0.1', 'client.pem');
$t->restart;
$t->command('courier', '-C', $t->path(''), 'flush');
ok($t->wait_for(30, sub { got('stranger') }), 'MTA-0525: FILE.HOST is shown to that host') or diag $t->log;
is($t->stop, '', 'stops');
done_testing;
