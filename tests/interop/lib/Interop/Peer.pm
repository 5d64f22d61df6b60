package Interop::Peer;

# Another mail server on a host of the lab: mail.peer.test, 192.0.2.20, with mailboxes /srv/mail/NAME
# (Maildirs).  Its root is this system's files with the unpacked packages over them, or a whole system
# of its own, either below a layer that is thrown away at the end.

use strict;
use warnings;
use File::Path qw(make_path);
use Time::HiRes qw(sleep time);

our @BOXES = ('bob', 'carol', map {"u$_"} 1 .. 50);

sub new {
	my ($class, $lab, $folder) = @_;
	my $name = lc(($class =~ /::(\w+)$/)[0]);
	die "no '$folder/$name': tests/interop/roots makes it\n" if !-d "$folder/$name";
	my $self = bless {name => $name, lab => $lab, host => $lab->host('192.0.2.20', '2001:db8::20'), root => "$ENV{TMPDIR}/$name/root"}, $class;
	$self->mount("$folder/$name");
	$self->put('/etc/resolv.conf', "nameserver 192.0.2.2\n");
	$self->put('/etc/hosts', "127.0.0.1 localhost\n192.0.2.20 mail.peer.test mail\n");
	$self->put('/etc/mailname', "mail.peer.test\n");
	$self->user(vmail => 2000);
	make_path(map {"$self->{root}/srv/mail/$_"} map {("$_/tmp", "$_/new", "$_/cur")} @BOXES);
	$self->shell('chown -R vmail:vmail /srv/mail');
	return $self;
}

sub mount {
	my ($self, $from) = @_;
	my $dir = "$ENV{TMPDIR}/$self->{name}";
	make_path($dir);
	Lab::run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', $dir);
	make_path(map {"$dir/$_"} qw(upper work root));
	my $whole = -x "$from/usr/bin/env";
	Lab::run('mount', '-t', 'overlay', 'overlay', '-o', 'lowerdir=' . ($whole ? $from : '/') . ",upperdir=$dir/upper,workdir=$dir/work", $self->{root});
	system("tar -C '$from' -cf - . | tar -C '$self->{root}' --keep-directory-symlink -xf -") == 0 or die "$from: tar" if !$whole;
	Lab::run('mount', '-t', 'proc', 'proc', "$self->{root}/proc");
	Lab::run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', "$self->{root}/$_") for qw(dev run);
	Lab::run('mount', '-t', 'tmpfs', '-o', 'mode=1777', 'tmpfs', "$self->{root}/tmp");
	system "cp -a /dev/null /dev/zero /dev/random /dev/urandom /dev/full /dev/tty $self->{root}/dev/";
	symlink '/proc/self/fd', "$self->{root}/dev/fd";
	make_path("$self->{root}/dev/shm", "$self->{root}/var/log");
}

sub put {
	my ($self, $path, $text, $mode) = @_;
	my $file = "$self->{root}$path";
	(my $dir = $file) =~ s,/[^/]+$,,;
	make_path($dir);
	unlink $file;
	open my $f, '>', $file or die "$file: $!";
	print $f $text;
	close $f;
	chmod $mode // 0644, $file;
}

sub slurp { my ($file) = @_; open my $f, '<:raw', $file or return ''; local $/; return scalar <$f> // '' }

# A user with a group of the same name, if there is none yet.
sub user {
	my ($self, $name, $id) = @_;
	for my $file ('passwd', 'group') {
		my $text = slurp("$self->{root}/etc/$file");
		next if $text =~ /^\Q$name\E:/m;
		$self->put("/etc/$file", $text . ($file eq 'passwd' ? "$name:x:$id:${id}::/nonexistent:/bin/sh\n" : "$name:x:${id}:\n"));
	}
}

# A command in its root, on its host; its output.
sub shell {
	my ($self, $command, $input) = @_;
	return $self->{host}->in(sub {
		my $file = "$ENV{TMPDIR}/$self->{name}/input";
		open my $in, '>', $file or die $!;
		print $in $input // '';
		close $in;
		my $out = `chroot '$self->{root}' /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root /bin/sh -c '$command' 2>&1 <'$file'`;
		print STDERR "$self->{name}: $command: $out\n" if $ENV{INTEROP_SHELL};
		return $out;
	});
}

# A program in the foreground there.
sub daemon {
	my ($self, $command) = @_;
	return $self->{host}->daemon('chroot', $self->{root}, '/usr/bin/env', '-i', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', '/bin/sh', '-c', "exec $command");
}

# What it says to syslog goes to /var/log/peer.log.
sub syslog {
	my ($self) = @_;
	my $root = $self->{root};
	$self->{host}->background(sub {
		require IO::Socket::UNIX;
		my $s = IO::Socket::UNIX->new(Type => Socket::SOCK_DGRAM(), Local => "$root/dev/log") or die "/dev/log: $!";
		chmod 0666, "$root/dev/log";
		open my $out, '>>', "$root/var/log/peer.log" or die;
		$out->autoflush(1);
		while (defined $s->recv(my $line, 8192)) { print $out "$line\n" }
	});
}

sub log { return slurp("$_[0]{root}/var/log/peer.log") }

# The files of a mailbox: texts.
sub mailbox {
	my ($self, $box) = @_;
	return map {slurp($_)} map {glob "$self->{root}/srv/mail/$box/$_/*"} qw(new cur);
}

sub wait_port {
	my ($self, $port) = @_;
	my $until = time + 20;
	while (time < $until) {
		my $s = $self->{host}->in(sub { IO::Socket::INET->new(PeerAddr => '192.0.2.20', PeerPort => $port, Timeout => 1) });
		return if $s;
		sleep 0.1;
	}
	die "$self->{name} does not listen on port $port:\n" . $self->log . Interop::Peer::slurp("$ENV{TMPDIR}/daemons.log");
}

sub start {
	my ($self) = @_;
	$self->run;
	$self->wait_port($_) for 25, 587;
}

sub stop {
	my ($self) = @_;
	$self->halt;
	$self->{host}->kill_all;
	$self->syslog if $self->{uses_syslog} && unlink "$self->{root}/dev/log";
}

sub kill_pids {
	my ($self) = @_;
	my $root = $self->{root};
	for (1 .. 50) {
		my @left = grep { my $r = readlink "/proc/$_/root"; defined $r && $r eq $root } map {m,(\d+)$,} glob '/proc/[0-9]*';
		return if !@left;
		kill $_ < 20 ? 'TERM' : 'KILL', @left;
		sleep 0.1;
	}
}

1;
