# A SOCKS 5 proxy on the loopback that writes down what it is asked.
#
#	my $p = Courier::FakeSOCKS->new(user => 'joe', password => 'x');	# or without: nobody need log in
#	$p->{port}; $p->said;		# "methods 0 2", "user joe", "connect 127.0.0.1"
#
# refuse => N answers with that code, garbage => TEXT with a text, hang => 1 with nothing.
package Courier::FakeSOCKS;
use strict;
use warnings;
use File::Temp ();
use IO::Select;
use IO::Socket::IP;
use Socket qw(AF_INET AF_INET6 SOCK_STREAM inet_ntop);

sub new {
	my ($class, %m) = @_;
	my $l = IO::Socket::IP->new(Listen => 16, LocalHost => '127.0.0.1', Type => SOCK_STREAM) or die;
	my $log = File::Temp->new(TEMPLATE => 'socks.XXXXXX', TMPDIR => 1);
	defined(my $pid = fork) or die;
	if (!$pid) {
		$SIG{CHLD} = 'IGNORE';
		$SIG{TERM} = 'DEFAULT';
		while (my $c = $l->accept) {
			next if fork;
			eval { serve($c, $log->filename, %m) };
			require POSIX;
			POSIX::_exit(0);
		}
	}
	my $port = $l->sockport;
	return bless {pid => $pid, port => $port, log => $log, owner => $$}, $class;
}
sub DESTROY { my $p = shift; local ($?, $@); $p->{owner} == $$ or return; kill 'KILL', $p->{pid}; waitpid $p->{pid}, 0 }
sub said { my $p = shift; open my $f, '<', $p->{log}->filename or die; chomp(my @l = <$f>); return @l }
sub take { my ($c, $n) = @_; my $b = ''; while (length $b < $n) { sysread($c, $b, $n - length $b, length $b) or die 'gone' } return $b }
sub serve {
	my ($c, $log, %m) = @_;
	my $note = sub { open my $f, '>>', $log or die; syswrite $f, "@_\n" };
	alarm 20;
	my ($version, $n) = unpack 'CC', take($c, 2);
	my @methods = unpack 'C*', take($c, $n);
	$note->("methods @methods");
	sleep 60 if $m{hang};
	return syswrite $c, $m{garbage} if defined $m{garbage};
	if ($m{user}) {
		syswrite $c, pack 'CC', 5, (grep { $_ == 2 } @methods) ? 2 : 255;
		my $user = take($c, (unpack 'CC', take($c, 2))[1]);
		my $password = take($c, unpack 'C', take($c, 1));
		$note->("user $user");
		my $good = $user eq $m{user} && $password eq $m{password};
		syswrite $c, pack 'CC', 1, $good ? 0 : 1;
		return if !$good;
	} else {
		syswrite $c, pack 'CC', 5, 0;
	}
	my (undef, $command, undef, $type) = unpack 'CCCC', take($c, 4);
	my $ip = inet_ntop($type == 4 ? AF_INET6 : AF_INET, take($c, $type == 4 ? 16 : 4));
	my $port = unpack 'n', take($c, 2);
	$note->("connect $ip");
	return syswrite $c, pack 'CCCCNn', 5, $m{refuse}, 0, 1, 0, 0 if $m{refuse};
	my $far = IO::Socket::IP->new(PeerHost => $ip, PeerPort => $port, Type => SOCK_STREAM)
	    or return syswrite $c, pack 'CCCCNn', 5, 5, 0, 1, 0, 0;
	# in pieces, and the greeting right behind it
	syswrite $c, $_ for split //, pack 'CCCCNn', 5, 0, 0, 1, 0, 0;
	my $both = IO::Select->new($c, $far);
	while (my @r = $both->can_read(20)) {
		for my $from (@r) {
			sysread($from, my $b, 65536) or return;
			syswrite +($from == $c ? $far : $c), $b;
		}
	}
}

1;
