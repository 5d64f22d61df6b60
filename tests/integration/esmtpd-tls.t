#!/usr/bin/perl
# TLS of the ESMTP server: injection behind STARTTLS, certificates by name, a certificate that is
# replaced while the server runs, tickets, old versions.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use IO::Socket::SSL;

my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0}, courierd => {ESMTPD_WORKERS => 2}});
my @owner = $> == 0 ? (getpwnam 'courier-key')[2, 3] : ();

sub make_certificate {
	my ($file, $name) = @_;
	my $out = qx(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=$name -keyout $file.key -out $file.crt 2>&1);
	die $out if $?;
	my $pem = do {local (@ARGV, $/) = ("$file.crt"); <>} . do {local (@ARGV, $/) = ("$file.key"); <>};
	unlink "$file.key", "$file.crt";
	return $pem;
}

sub install {
	my ($name, $pem) = @_;
	my $path = $t->file("etc/$name.new", $pem);
	chmod 0600, $path;
	chown @owner, $path if @owner;
	rename $path, $t->path("etc/$name") or die $!;
}
install('esmtpd.pem.second.example', make_certificate($t->scratch . '/c', 'second.example'));
$t->start;

sub starttls {
	my (%option) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c');
	my $r = $t->smtp($s, 'STARTTLS');
	return undef unless $r =~ /^220/;
	return IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, %option);
}
sub name_of { return $_[0] ? $_[0]->peer_certificate('cn') : 'no TLS' }

# ---- everything said before is forgotten
my $s = starttls();
ok $s, 'STARTTLS' or BAIL_OUT($IO::Socket::SSL::SSL_ERROR . $t->log);
like $t->smtp($s, 'MAIL FROM:<a@client.test>'), qr/^503 /, 'EHLO has to be said again';
like $t->smtp($s, 'STARTTLS'), qr/^503 /, 'not twice';
like $t->smtp($s, 'EHLO c'), qr/^250-PIPELINING/m, 'and goes on';

# ---- injection: text in clear behind STARTTLS, in the same packet and in the next one
for my $gap (0, 0.05) {
	my $c = $t->connect('smtp');
	$t->smtp_reply($c);
	$t->smtp($c, 'EHLO c');
	print $c "STARTTLS\r\n" . ($gap ? '' : "RSET\r\n");
	if ($gap) {
		print $c "RSET\r\n";
	}
	my $r = $t->smtp_reply($c);
	if ($r =~ /^220/) { # it had not come yet: the handshake then fails on it
		ok !IO::Socket::SSL->start_SSL($c, SSL_verify_mode => 0), 'no handshake over injected text';
	} else {
		like $r, qr/^554 /, 'refused';
		is $t->smtp_reply($c), '', '... and closed';
	}
}

# ---- names
is name_of(starttls(SSL_hostname => 'second.example')), 'second.example', 'the certificate of the name';
is name_of(starttls(SSL_hostname => 'SECOND.example')), 'second.example', '... whatever its case';
my $first = name_of(starttls(SSL_hostname => 'other.example'));
is $first, name_of(starttls()), 'others get the main one';
isnt $first, 'second.example', '... which is another';

# ---- old versions
ok !starttls(SSL_version => 'TLSv1_1'), 'TLS 1.1 is refused';
ok starttls(SSL_version => 'TLSv1_2'), 'TLS 1.2';
is starttls(SSL_version => 'TLSv1_2')->get_sslversion, 'TLSv1_2', '... is that';

# ---- tickets work with any of the processes
my $ctx = IO::Socket::SSL::SSL_Context->new(SSL_verify_mode => 0, SSL_version => 'TLSv1_2', SSL_session_cache_size => 10);
my $resumed = 0;
for (1 .. 8) {
	my $c = starttls(SSL_reuse_ctx => $ctx, SSL_session_key => 'x') or next;
	$resumed++ if $c->get_session_reused;
	$t->smtp($c, 'QUIT');
	close $c;
}
is $resumed, 7, 'sessions are resumed, also by another process';

# ---- a new certificate, half of one first
my $good = do {local (@ARGV, $/) = ($t->path('etc/esmtpd.pem')); <>};
install('esmtpd.pem', substr $good, 0, 200);
$t->command('courier', '-C', $t->path(''), 'reload');
ok $t->wait_for(10, sub {$t->log_lines(qr/esmtpd: no (private key|certificate) in|stays in use/)}), 'a broken file is reported';
# a new process may say 454 until the key process has answered it
my $kept = $t->wait_for(10, sub { my $n = name_of(starttls()); $n ne 'no TLS' && $n });
is $kept, $first, 'the old certificate stays';
install('esmtpd.pem', make_certificate($t->scratch . '/c', 'third.example'));
$t->command('courier', '-C', $t->path(''), 'reload');
ok $t->wait_for(10, sub {name_of(starttls()) eq 'third.example'}), 'the new one is used, nothing was restarted';

# ---- the key process dies: handshakes come back by themselves
my ($pid) = map {/^key +\d+ +([1-9]\d*) /} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
ok $pid, 'the key process';
kill 'KILL', $pid if $pid;
ok $t->wait_for(15, sub {name_of(starttls()) eq 'third.example'}), 'TLS is back after the key process was killed';
is $t->stop, '', 'stops';
done_testing;
