#!/usr/bin/perl
# POP3 in front of other servers: POP3_PROXY (POP-0018), PROXY_HOSTNAME (POP-0025) and what the client
# sees (POP-0064); logins by certificate (POP-0045).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(b64);
use Courier::Test;
use Courier::Tls;
use IO::Socket::SSL ();

my $password = $Courier::Test::PASSWORD;
my $back = Courier::Test->new(users => ['alice', 'bob'], config => {'pop3d-ssl' => {POP3_TLS_REQUIRED => 0}});
my $front = Courier::Test->new(users => ['alice', 'bob', 'carol'], config => {'pop3d-ssl' => {POP3_TLS_REQUIRED => 0}, authdaemonrc => {AUTH_FAIL_DELAY => 0},
	pop3d => {POP3_PROXY => 1, POP3_PROXY_PORT => $back->port('pop3'), PROXY_HOSTNAME => 'front.test', POP3AUTH => 'PLAIN CRAM-MD5'}});
sub option { my ($user, $o) = @_; $front->command('userdb', "$user\@example.test", 'set', "options=$o"); is($?, 0, "$user: $o") }
option('alice', 'mailhost=127.0.0.1');
option('bob', 'mailhost=front.test');
for my $name ("Subject: \xc3\xa4 there\n\nx\n") {
	open my $f, '>', $back->maildir('alice') . '/new/1700000001.M1P1.h' or die $!;
	print $f $name;
	close $f;
	chown((stat $back->maildir('alice'))[4, 5], $back->maildir('alice') . '/new/1700000001.M1P1.h') if $> == 0;
}
$_->start for $back, $front;

sub line { my ($s) = @_; local $SIG{ALRM} = sub { die "slow\n" }; my $l; eval { alarm 30; $l = readline $s; alarm 0 }; alarm 0; return $l // '(end)' }
sub ask { my ($s, $text) = @_; print $s "$text\r\n"; return line($s) }
sub many { my ($s, $text) = @_; my $all = ask($s, $text); return $all if $all !~ /^\+OK/; while ((my $l = line($s)) ne '(end)') { $all .= $l; last if $l eq ".\r\n" } return $all }
sub opened { my $s = $front->connect('pop3'); line($s); return $s }

# ---- there
my $s = opened();
unlike(many($s, 'CAPA'), qr/CRAM/, 'POP-0018: no mechanisms but those that tell the password');
ask($s, 'USER alice');
is(ask($s, "PASS $password"), "+OK connected to proxy server.\r\n", 'POP-0064: a mailbox on another server');
like(ask($s, 'STAT'), qr/^\+OK 1 /, 'POP-0018: it is that one');
like(many($s, 'RETR 1'), qr{message/global}, '... without UTF8');
like(ask($s, 'QUIT'), qr/^\+OK/, 'QUIT');
$s = opened();
like(ask($s, 'UTF8'), qr/^\+OK/, 'UTF8 said here');
like(ask($s, 'AUTH PLAIN ' . b64("\0alice\@example.test\0$password")), qr/^\+OK/, 'POP-0018: by AUTH, too');
unlike(many($s, 'RETR 1'), qr{message/global}, 'POP-0064: ... holds there');
ask($s, 'QUIT');
ok($front->wait_for(10, sub { $front->log_lines(qr/ LOGIN, user=alice\@example\.test, .*protocol=POP3, mailhost=127\.0\.0\.1/) }), 'POP-0064: the log names the server');

# ---- here
$s = opened();
ask($s, 'USER bob');
is(ask($s, "PASS $password"), "+OK logged in\r\n", 'POP-0025: PROXY_HOSTNAME: the mailbox is here');
ask($s, 'QUIT');
$s = opened();
ask($s, 'USER carol');
is(ask($s, "PASS $password"), "+OK logged in\r\n", 'POP-0018: an account without mailhost is here');
ask($s, 'QUIT');

# ---- faults
$back->command('userdb', 'alice@example.test', 'set', 'systempw={PLAIN}another');
$s = opened();
ask($s, 'USER alice');
like(ask($s, "PASS $password"), qr/^-ERR \[AUTH\]/, 'POP-0064: the other server refuses it');
is($back->stop, '', 'it stops');
$s = opened();
ask($s, 'USER alice');
like(ask($s, "PASS $password"), qr/^-ERR \[SYS\/TEMP\]/, 'POP-0064: the other server is down: later');

# ---- a certificate
my $ca = Courier::Tls::certificate($front->scratch, 'our authority');
my $known = Courier::Tls::certificate($front->scratch, 'client', ca => $ca, subject => '/CN=client/emailAddress=carol@example.test');
Courier::Tls::install($front, 'ca.pem', $ca->{cert}, mode => 0644);
$front->configure(pop3d => {POP3_PROXY => 0}, 'pop3d-ssl' => {TLS_EXTERNAL => 'emailaddress', TLS_VERIFYPEER => 'PEER', TLS_TRUSTCERTS => 'ca.pem'});
$front->restart;
sub secure { my (@o) = @_; my $c = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $front->port('pop3s'), SSL_verify_mode => 0, Timeout => 10, @o) or die $IO::Socket::SSL::SSL_ERROR; line($c); return $c }
$s = secure();
unlike(many($s, 'CAPA'), qr/EXTERNAL/, 'POP-0045: no EXTERNAL without a certificate');
like(ask($s, 'AUTH EXTERNAL ='), qr/^-ERR/, '... nor is it taken');
$s = secure(SSL_use_cert => 1, SSL_cert_file => $known->{cert_file}, SSL_key_file => $known->{key_file});
like(many($s, 'CAPA'), qr/^SASL .*EXTERNAL\r$/m, 'POP-0045 AUTH-0030: EXTERNAL with one');
is(ask($s, 'AUTH EXTERNAL ='), "+OK logged in\r\n", 'POP-0045 AUTH-0030: ... logs in whom it names');
ask($s, 'QUIT');
ok($front->wait_for(10, sub { $front->log_lines(qr/ LOGIN, user=carol\@example\.test, .*protocol=POP3, stls=1$/) }), '... the log has it');
is(join("\n", map { $_->log_lines(qr/died of signal|Sanitizer: |runtime error:/) } $front, $back), '', 'nothing died');
is($front->stop, '', 'stops');
done_testing;
