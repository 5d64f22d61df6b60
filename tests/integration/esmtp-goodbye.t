#!/usr/bin/perl
# slow
# Sessions with other hosts end with QUIT, and with the notice of TLS (RFC 5321, 4.1.1.10): when the mail
# system stops, and when a session is given up.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Time::HiRes qw(time);
use Courier::Test;
eval { require IO::Socket::SSL; 1 } or plan skip_all => 'IO::Socket::SSL is missing';
require Courier::FakeSMTP;
require Courier::Tls;
use Courier::Module qw(home config deliver);

my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", esmtpdelay => "0\n"});
my $pem = $t->path('server.pem');
open my $f, '>', $pem or die;
print $f Courier::Tls::certificate($t->scratch, 'mail.example', key => 'ec')->{pem};
close $f;
$t->command('makesmtpaccess');
sub said { my ($s, $what) = @_; return scalar grep { /$what/ } $s->commands }
my $n = 0;

# A message to this server, so that a session with it is left; then a stop.  How long that took.
sub stopped {
	my (%script) = @_;
	my $s = Courier::FakeSMTP->new(listen_on => 1, %script);
	$t->file('etc/esmtproutes', ':[127.0.0.1],' . $s->port . "\n");
	$t->start;
	$n++;
	$t->send_mail(from => 'alice@' . $t->domain, to => "x$n\@far.test", text => "Subject: $n\n\nx\n");
	ok($t->wait_for(30, sub { grep { /x$n\@far\.test.*status: success/ } $t->log_lines(qr/status: success/) }), 'mail is sent')
	    or diag $t->log;
	my $began = time;
	is($t->stop, '', '... the mail system stops');
	my $took = time - $began;
	$t->wait_for(5, sub { said($s, '^\*(?:notified|eof)\*$') || !$script{cert} && said($s, '^QUIT$') });
	return ($s, $took);
}

my ($s) = stopped();
is(said($s, '^QUIT$'), 1, 'a session without mail hears QUIT when we stop') or diag join "\n", $s->commands;
($s) = stopped(cert => $pem, ehlo => ['STARTTLS']);
is(said($s, '^\*tls\*$'), 1, 'over TLS');
is(said($s, '^QUIT$'), 1, '... too') or diag join "\n", $s->commands;
is(said($s, '^\*notified\*$'), 1, '... and the notice of its end');
($s, my $took) = stopped(on => {QUIT => 'HANG'});
is(said($s, '^QUIT$'), 1, 'a server that does not answer to QUIT');
cmp_ok($took, '<', 9, '... is not waited for as long as it likes');

# ---- given up
my $home = home(me => "me.example\n", esmtpdelay => "0\n");
sub given_up {
	my ($security, %script) = @_;
	my $server = Courier::FakeSMTP->new(%script);
	config($home, esmtproutes => ':[127.0.0.1],' . $server->port . "$security\n",
		esmtpauthclient => '[127.0.0.1],' . $server->port . " joe secret\n");
	chmod 0600, "$home/etc/esmtpauthclient";
	my ($r) = deliver($home, 'esmtp', host => 'far.test', rcpts => ['x@far.test']);
	isnt($r->{outcome}, 'relayed', '... is given up') or diag $r->{diagnostic};
	$t->wait_for(5, sub { said($server, '^QUIT$') });
	return said($server, '^QUIT$');
}
is(given_up(' /SECURITY=REQUIRED'), 1, 'a server without the TLS that must be: QUIT');
is(given_up(' /SECURITY=REQUIRED', ehlo => ['STARTTLS'], on => {STARTTLS => '454 4.7.0 no'}), 1, 'one that refuses it');
is(given_up('', greeting => '554 5.7.1 no mail from you'), 1, 'a greeting of 554');
is(given_up('', on => {EHLO => '451 4.3.0 not now'}), 1, 'EHLO refused');
is(given_up('', ehlo => ['AUTH PLAIN'], on => {AUTH => '535 5.7.8 no'}), 1, 'a password that does not do');
is(given_up('', greeting => '421 4.3.2 closing'), 0, 'nothing is said to a server that goes away itself');
done_testing;
