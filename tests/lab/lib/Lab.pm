package Lab;

# A small internet of its own for one test: hosts in network namespaces on one bridge, a real
# authoritative name server (nsd), a real resolver (unbound), instances of this suite on port 25.
#
#	use Lab;                                # skips, or goes on inside namespaces of its own
#	my $lab = Lab->new;
#	$lab->zone('b.test', '@ MX 10 mx', "mx A 192.0.2.20");
#	my $a = $lab->courier('a.test', '192.0.2.10');          # an instance for the domain a.test
#	my $mx = $lab->smtp('192.0.2.20', ehlo => ['DSN']);     # a scripted server (Courier::FakeSMTP)
#	$lab->dns;                              # name servers run from here on
#	$a->start;
#	$a->send('alice@a.test', 'x@b.test', "Subject: one\n\n1\n");
#	like(join("\n", $a->settled('x@b.test')), qr/status: success/);
#
# The test runs again as a child in network, mount and process namespaces; the kernel takes them down
# with everything in them when the child or the test dies, however it dies.  Nothing has a name outside.
# Addresses are those for documentation: 192.0.2.0/24, 2001:db8::/64.  192.0.2.53 is the authority of
# every zone and of the root, 192.0.2.2 the resolver.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use IO::Handle;
use POSIX ();
use Test::More ();
use Lab::Dns;
use Lab::Host;
use Lab::Sign;
require 'syscall.ph';

use constant CLONE_NEWNET => 0x40000000;
our @NEEDS = qw(ip nsd unbound unshare setpriv mount);

sub import {
	return if $ENV{LAB_INSIDE};
	my $why = missing();
	if ($why) {
		print "1..0 # SKIP $why\n";
		exit 0;
	}
	outside();
}

# Why there can be no lab here, or nothing.
sub missing {
	return 'needs root' if $> != 0;
	for my $program (@NEEDS) {
		return "needs the program $program" if !grep {-x "$_/$program"} split(/:/, $ENV{PATH}), '/usr/sbin', '/sbin';
	}
	return 'needs Net::DNS' if !eval { require Net::DNS; 1 };
	return 'needs network namespaces' if system('unshare --net --mount --pid --fork --mount-proc true 2>/dev/null') != 0;
	return 'needs virtual networks' if system('unshare', '--net', 'sh', '-c',
		'(ip link add name labv0 type veth peer name labv1 && ip link add name lab0 type bridge) 2>/dev/null') != 0;
	return;
}

# Removes the folder when the writer of this pipe has gone, however it went; "keep" leaves it.
sub janitor {
	my ($dir) = @_;
	pipe my $end, my $alive or die "pipe: $!";
	defined(my $pid = fork) or die "fork: $!";
	if (!$pid) {
		close $alive;
		POSIX::setsid(); # who kills the test's group does not mean this one
		@SIG{qw(TERM INT HUP)} = ('IGNORE') x 3;
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		my $word = readline($end) // '';
		for (1 .. 50) { # the dying may still write
			last if $word eq 'keep' || !-e $dir;
			eval { remove_tree($dir, {error => \my $errors}) };
			select undef, undef, undef, 0.1 if -e $dir;
		}
		POSIX::_exit(0);
	}
	close $end;
	$alive->autoflush(1);
	return ($pid, $alive);
}

# The test itself, once more and inside; what it said and how it ended is how this one ends.
sub outside {
	my $dir = abs_path(tempdir('courier-lab-XXXXXX', TMPDIR => 1));
	chmod 0755, $dir;
	my ($janitor, $alive) = janitor($dir);
	defined(my $pid = fork) or die "fork: $!";
	if (!$pid) {
		$ENV{LAB_INSIDE} = $ENV{TMPDIR} = $dir;
		$ENV{PERL5LIB} = join ':', map {abs_path($_) // $_} grep {!ref} @INC;
		$ENV{PATH} = "$ENV{PATH}:/usr/sbin:/sbin";
		# sh is the first process there: it buries what has lost its parent
		exec 'setpriv', '--pdeathsig', 'KILL', 'unshare', '--net', '--mount', '--pid', '--fork', '--kill-child',
		    '--mount-proc', 'sh', '-c', '"$@"; exit $?', 'lab', $^X, $0, @ARGV;
		die "setpriv: $!";
	}
	my $killed;
	local @SIG{qw(TERM INT HUP)} = (sub { $killed = 1; kill 'KILL', $pid }) x 3;
	while (waitpid($pid, 0) < 0 && $!{EINTR}) { }
	my $status = $?;
	if ($status && !$killed) {
		print STDERR "# lab kept in $dir\n";
		print $alive 'keep';
	}
	close $alive;
	waitpid $janitor, 0;
	POSIX::_exit($status & 127 ? 1 : $status >> 8);
}

sub new {
	my ($class) = @_;
	my $self = bless {hosts => 0, zones => {}}, $class;
	$self->{ns} = here();
	run('ip', 'link', 'set', 'lo', 'up');
	run('ip', 'link', 'add', 'name', 'lab0', 'type', 'bridge');
	run('ip', 'link', 'set', 'lab0', 'up');
	$self->{authority} = $self->host('192.0.2.53', '2001:db8::53');
	$self->{resolver} = $self->host('192.0.2.2', '2001:db8::2');
	return $self;
}

sub run { system(@_) == 0 or die "lab: @_: failed\n" }

sub here { open my $ns, '<', '/proc/self/ns/net' or die "network namespace: $!"; return $ns }

sub enter { my ($ns) = @_; syscall(SYS_setns(), fileno $ns, CLONE_NEWNET) == 0 or die "setns: $!" }

# A host with these addresses: what runs within its in() has them, and nothing else.
sub host {
	my ($self, @addresses) = @_;
	my $n = ++$self->{hosts};
	syscall(SYS_unshare(), CLONE_NEWNET) == 0 or die "unshare: $!";
	my $host = Lab::Host->new($self, here(), @addresses);
	eval {
		run('ip', 'link', 'set', 'lo', 'up');
		run('ip', 'link', 'add', 'name', 'eth0', 'type', 'veth', 'peer', 'name', "lab$n", 'netns', '1');
		$host->address($_) for @addresses;
		run('ip', 'link', 'set', 'eth0', 'up');
		run('ip', 'route', 'add', 'default', 'dev', 'eth0') if grep {!/:/} @addresses;
		run('ip', '-6', 'route', 'add', 'default', 'dev', 'eth0') if grep {/:/} @addresses;
	};
	my $failed = $@;
	enter($self->{ns});
	die $failed if $failed;
	run('ip', 'link', 'set', "lab$n", 'master', 'lab0', 'up');
	return $host;
}

# An instance for DOMAIN on a host with these addresses: %arg as for Courier::Test, with addresses.
sub courier {
	my ($self, $domain, $addresses, %arg) = @_;
	my $host = $self->host(ref $addresses ? @$addresses : $addresses);
	return $host->install($domain, %arg);
}

# A scripted server (Courier::FakeSMTP's options) on port 25 of a host of its own.
sub smtp {
	my ($self, $addresses, %script) = @_;
	my $host = $self->host(ref $addresses ? @$addresses : $addresses);
	return $host->smtp(%script);
}

# Records of a zone, a line each; SOA and NS are made here.
sub zone { my ($self, $name, @lines) = @_; push @{$self->{zones}{$name}}, map {split /\n/} @lines }

# This zone is signed from now on; the line that makes somebody believe in it.
sub sign { my ($self, $name) = @_; $self->{signed}{$name} //= Lab::Sign->new($name); return $self->{signed}{$name}->anchor }

# The name servers, from the zones there are; again after a change of zones.
sub dns {
	my ($self) = @_;
	$self->{dns} //= Lab::Dns->new($self->{authority}, $self->{resolver});
	$self->{dns}->serve($self->{zones}, $self->{signed});
	return $self->{dns};
}

1;
