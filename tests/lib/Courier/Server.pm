package Courier::Server;

# A server program of somebody else's, private to a test: in the foreground, in a folder of the test's,
# as an ordinary user where the test is root.  Ends with the test.
use strict;
use warnings;
use File::Path qw(make_path);
use IO::Socket::INET;
use Scalar::Util qw(weaken);
use Time::HiRes qw(time);

my @all;

sub find {
	my ($name, @folders) = @_;
	my ($path) = grep {-x} map {"$_/$name"} @folders, split /:/, $ENV{PATH};
	return $path;
}

sub free_port {
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 1) or die $@;
	return $s->sockport;
}

# Whom a server can run as: such programs refuse to be root.
sub user {
	my (@names) = @_;
	return undef if $> != 0;
	for my $name (@names, 'nobody') { return $name if defined getpwnam $name }
	return undef;
}

# dir: made, and the user's.  test: the Courier::Test.
sub new {
	my ($class, %arg) = @_;
	my $self = bless {%arg, owner => $$}, $class;
	make_path($self->{dir});
	chmod 0755, $self->{dir};
	$self->give($self->{dir});
	push @all, $self;
	weaken $all[-1];
	return $self;
}

sub give {
	my ($self, @paths) = @_;
	return if !defined $self->{user};
	my ($uid, $gid) = (getpwnam $self->{user})[2, 3];
	chown $uid, $gid, @paths;
	return;
}

sub child {
	my ($self, @command) = @_;
	my $pid = fork;
	defined $pid or die "fork: $!";
	return $pid if $pid;
	open STDIN, '<', '/dev/null';
	open STDOUT, '>>', "$self->{dir}.log";
	open STDERR, '>&', \*STDOUT;
	if (defined $self->{user}) {
		my ($uid, $gid) = (getpwnam $self->{user})[2, 3];
		$) = "$gid $gid";
		$( = $gid;
		($<, $>) = ($uid, $uid);
		$> == $uid && $< == $uid or exit 126;
	}
	chdir $self->{dir};
	$ENV{HOME} = $self->{dir};
	delete $ENV{TMPDIR};
	exec {$command[0]} @command or exit 127;
}

sub run {
	my ($self, @command) = @_;
	waitpid $self->child(@command), 0;
	return $?;
}

sub start {
	my ($self, $alive, @command) = @_;
	$self->{pid} = $self->child(@command);
	return $self->{test}->wait_for(60, $alive);
}

# With its children, which may serve connections by themselves.
sub family {
	my ($self) = @_;
	my @all = ($self->{pid});
	for my $stat (glob '/proc/[0-9]*/stat') {
		open my $fh, '<', $stat or next;
		my $line = <$fh>;
		push @all, $1 if defined $line && $line =~ /^(\d+) \(.*\) \S (\d+)/s && $2 == $self->{pid};
	}
	return @all;
}

sub pause { my ($self) = @_; kill STOP => $self->family }
sub resume { my ($self) = @_; kill CONT => $self->family }

sub stop {
	my ($self, $signal) = @_;
	my $pid = $self->{pid} or return;
	kill CONT => $self->family;
	delete $self->{pid};
	kill $signal || 'TERM', $pid;
	for (1 .. 200) {
		return if waitpid($pid, 1);
		select undef, undef, undef, 0.1;
	}
	kill KILL => $pid;
	waitpid $pid, 0;
	return;
}

sub log {
	my ($self) = @_;
	open my $fh, '<', "$self->{dir}.log" or return '';
	local $/;
	return scalar <$fh>;
}

# The process of a role of the instance.
sub role_pid {
	my ($t, $role) = @_;
	my ($pid) = map {/^\s*\Q$role\E\s+\S+\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
	return $pid || 0;
}

# Each change of a role's file gives it a new process, seconds later.  Waits until that is over: no new
# one for longer than the supervisor takes between two looks.
sub settled {
	my ($t, $role) = @_;
	my ($pid, $since) = (0, time);
	return $t->wait_for(60, sub {
		my $now = role_pid($t, $role);
		($pid, $since) = ($now, time) if $now != $pid;
		return $now && time - $since >= 6;
	});
}

# A key and a certificate that is its own authority, for 127.0.0.1 and a name: PATH.key, PATH.crt.
sub certificate {
	my ($self, $name) = @_;
	my $path = "$self->{dir}/$name";
	system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3 -subj /CN=$name -addext subjectAltName=DNS:$name,IP:127.0.0.1 "
		. "-keyout $path.key -out $path.crt >/dev/null 2>&1") == 0 or die 'openssl failed';
	chmod 0644, "$path.key", "$path.crt"; # the server's user and ours read it, and it is worth nothing
	return $path;
}

END {
	local $?;
	$_ && $_->{owner} == $$ && $_->stop('KILL') for @all;
}

1;
