#!/usr/bin/perl
# What a local user may not do to the gate: over the submission socket, and with files in the drop
# folder.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Socket;

use constant {OPEN => 1, MAIL => 2, RCPT => 3, DATA => 5, END_ => 6, POLICY => 64, REPLY => 65, MAGIC => 0x43495031};

# The instance's own user and root may speak for the network; others may not (MTA-1101).
plan skip_all => 'the only user there is may say what he likes' if $> != 0;
my $somebody = getpwnam('nobody');
my $t = Courier::Test->new(users => ['alice']);
$t->start;

# ---- frames (libs/ipc/ipc-private.h, libs/gate/gate-proto.h) -----------------------------------

sub texts { return join '', map {pack 'N/a*', $_} @_ }

sub say_frame {
	my ($s, $type, $body) = @_;
	send $s, pack('L S S L L', MAGIC, $type, 0, 1, length $body) . $body, 0 or die "send: $!";
}

sub hear {
	my ($s, $type) = @_;
	local $SIG{ALRM} = sub {die "no answer\n"};
	alarm 30;
	defined recv($s, my $frame, 100_000, 0) or die "recv: $!";
	alarm 0;
	return 0 if length $frame < 16;
	my (undef, $got, undef, undef, undef, $code) = unpack 'L S S L L N', $frame;
	is($got, $type, "frame of type $type");
	return $code;
}

sub ask { my ($s, $type, $body) = @_; say_frame($s, $type, $body); return hear($s, REPLY) }

sub open_socket {
	socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
	local $> = $somebody; # the kernel tells who it was that connected
	connect $s, pack_sockaddr_un($t->path('var/run/submit')) or die "connect: $!";
	say_frame($s, OPEN, texts('esmtp', '', '192.0.2.1', 'relay.example', '', 'somebody else', '', 'RELAYCLIENT=', 'dns; forged.example', 'smtp') . pack 'N N', 0, 0);
	hear($s, POLICY);
	return $s;
}

# A login, TLS, another source, and the key that the report about some message would have.
sub submit {
	my ($subject, $key) = @_;
	my $s = open_socket();
	my $mail = texts('x@example.test', 'helo', 'boss@example.test', 'ESMTPSA', 'TLSv9', '', '', $key);
	is(ask($s, MAIL, $mail . pack 'C C Q> N C Q> Q>', 0, 0, 0, 0, 0, 0, 0), 250, 'MAIL');
	is(ask($s, RCPT, texts('alice@example.test', '') . pack 'C', 0), 250, 'RCPT');
	say_frame($s, DATA, "Subject: $subject\n\nhello\n");
	return ask($s, END_, '');
}

is(submit('forged', ''), 250, 'a message with false claims is a message');
my $text = $t->wait_mail('alice', qr/^Subject: forged$/m);
ok($text, "it arrives") or BAIL_OUT("nothing arrives");
unlike($text, qr/AUTH: boss|TLSv9/, 'no login and no TLS stand in it');
unlike($text, qr/192\.0\.2\.1|relay\.example|somebody else/, 'nor an origin of its own choice');
like($text, qr/\(uid $somebody\)/, 'but who it was');
is(submit('keyed', '0000000000000001.0000000000000001.00000000/1'), 250, 'a report key is not looked at');

# ---- the drop folder ---------------------------------------------------------------------------

my $rcpts = "rcpt alice\@example.test\t\t0\n" x 10_000;
my $body = "Subject: dropped\n\nhello\n";
my $file = $t->path('var/drop/7');
open my $fh, '>', $file or die "$file: $!";
print $fh "courier-drop 1\nsender x\@example.test\n${rcpts}bytes " . length($body) . "\n\n$body";
close $fh;
chmod 0644, $file;
$t->stop;
$t->start;
ok($t->wait_mail('alice', qr/^Subject: dropped$/m), 'a file with ten thousand recipients is taken up');
is(scalar($t->log_lines(qr/died of signal/)), 0, 'and nobody dies of it');
$t->stop;
done_testing;
