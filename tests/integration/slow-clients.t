#!/usr/bin/perl
# slow
# T29: clients that say nothing, a byte at a time, half a TLS handshake, half a message, or never read what
# they are told, hundreds of them on every port of the ESMTP server.  Nobody else waits for them, they cost no
# process, their memory has a bound, and the time-outs end them.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Socket qw(SOL_SOCKET SO_RCVBUF);
use Time::HiRes qw(sleep time);

my $n = 60; # of each kind
my $t = Courier::Test->new(
	config => {
		esmtpd => {TARPIT => 0, MAXDAEMONS => 2000, MAXPERIP => 2000, MAXPERC => 2000, ESMTP_SESSION_TIMEOUT => '10m', ESMTP_MAXIDLE => 100000},
		courierd => {ESMTPD_WORKERS => 2},
	},
	files => {esmtptimeout => "12\n", esmtptimeoutdata => "12\n"},
);
$t->start;

# {pid => RSS in KiB} of the front ends
sub servers {
	my %rss;
	for (split /\n/, $t->command('courier', '-C', $t->path(''), 'status')) {
		my ($pid) = /^esmtpd +\d+ +([1-9]\d*) / or next;
		my $status = do {local (@ARGV, $/) = ("/proc/$pid/status"); <>} // '';
		$rss{$pid} = $1 if $status =~ /^VmRSS:\s+(\d+)/m;
	}
	return %rss;
}

my %before = servers();
ok keys %before == 2, 'the servers were found' or diag join ' ', %before;

sub hello {
	my ($service) = @_;
	my $s = $t->connect($service);
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO slow.test');
	return $s;
}

# ---- each kind of them
my @held;
my %kind = (
	'connects to the port of TLS and says nothing' => sub { $t->connect('smtps') },
	'begins TLS and stops' => sub { my $s = $t->connect('smtps'); print $s "\x16\x03\x01\x02\0\x01"; $s },
	'says STARTTLS and no more' => sub { my $s = hello('smtp'); $t->smtp($s, 'STARTTLS'); $s },
	'greets and sleeps' => sub { hello('submission') },
	'stops within a command' => sub { my $s = hello('smtp'); print $s 'MAIL FRO'; $s },
	'stops within a message' => sub {
		my $s = hello('smtp');
		$t->smtp($s, $_) for 'MAIL FROM:<a@slow.test>', 'RCPT TO:<alice@example.test>', 'DATA';
		print $s "Subject: half\r\n\r\n" . 'x' x 2000;
		$s;
	},
	'never reads what it is told' => sub {
		my $s = $t->connect('smtp');
		setsockopt $s, SOL_SOCKET, SO_RCVBUF, 2048;
		$s->blocking(0);
		syswrite $s, "EHLO x\r\n" . "NOOP\r\n" x 20000 for 1 .. 3;
		$s;
	},
);
for my $what (sort keys %kind) {
	push @held, map {$kind{$what}->()} 1 .. $n;
	pass "$n clients: each $what";
}

# some of them send a byte now and then for as long as this test runs
my $writer = fork // die $!;
if (!$writer) {
	$SIG{PIPE} = 'IGNORE';
	for (1 .. 20) {
		syswrite $_, 'x' for @held;
		sleep 0.5;
	}
	require POSIX;
	POSIX::_exit(0);
}

# ---- others do not notice
my $worst = 0;
for my $i (1 .. 20) {
	my $at = time;
	my $r = $t->send_mail(from => 'a@client.test', to => 'bob@example.test', text => "Subject: quick $i\n\nx\n");
	$worst = time - $at if time - $at > $worst;
	like $r, qr/^250 /, "message $i is taken" if $r !~ /^250 / || $i == 20;
}
cmp_ok $worst, '<', 10, sprintf 'nobody waited for them (longest: %.2f s)', $worst;
ok $t->wait_for(20, sub {$t->mailbox('bob') == 20}), 'all delivered';

my %now = servers();
is join(' ', sort keys %now), join(' ', sort keys %before), 'no process more, none less';
my ($grown) = sort {$b <=> $a} map {$now{$_} - $before{$_}} keys %before;
cmp_ok $grown, '<', 128 * 1024, "bounded memory: at most $grown KiB more in one server"; # mostly sanitizers'

# ---- and they end
waitpid $writer, 0;
my $open = sub {
	my $left = 0;
	for my $s (@held) {
		$s->blocking(0);
		my $r = sysread $s, my $x, 65536;
		$left++ if (defined $r && $r > 0) || (!defined $r && $!{EAGAIN});
	}
	return $left;
};
ok $t->wait_for(90, sub {$open->() == 0}), 'every one of them is sent away' or diag $open->() . ' are left';
is scalar($t->mailbox('alice')), 0, 'half a message is none';
ok $t->wait_empty_queue, 'nothing in the queue';
like $t->send_mail(from => 'a@client.test', to => 'bob@example.test', text => "Subject: after\n\nx\n"), qr/^250 /, 'and the server goes on';
done_testing;
