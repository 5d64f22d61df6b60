# A global mail filter run alone, as its keeper runs it, and spoken to as the gate does.
#
#	my $f = Courier::FilterRun->new('dupfilter', config => {'dupfilter-duplevel' => 2});
#	my $files = $f->message("Subject: x\n\nbody\n", sender => 'a@b.example', rcpts => ['c@d.example']);
#	is($f->ask($files), "200 Ok.\n");
#	$f->stop;
package Courier::FilterRun;
use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp ();
use IO::Socket::UNIX;
use POSIX ();
use Socket qw(SOCK_STREAM);
use Time::HiRes qw(sleep time);

sub program {
	my ($name) = @_;
	my $prefix = $ENV{COURIER_TEST_PREFIX} or die 'COURIER_TEST_PREFIX is not set: run the tests with ./runtests';
	return "$prefix/libexec/courier/filters/$name";
}

# etc: further files of the configuration; home: the folder of an instance that is there already.
sub new {
	my ($class, $name, %o) = @_;
	my $self = bless {name => $name, owner => $$, env => $o{env} || {}, home => $o{home}}, $class;
	if (!$self->{home}) {
		$self->{home} = File::Temp->newdir('courier-filter.XXXXXX', TMPDIR => 1);
		make_path(map {"$self->{home}/$_"} qw(etc/filters var/tmp var/filters var/allfilters log));
		chmod 0755, "$self->{home}";
	}
	$self->file("etc/filters/$_", "$o{config}{$_}\n") for keys %{$o{config} || {}};
	$self->file("etc/$_", $o{etc}{$_}) for keys %{$o{etc} || {}};
	$self->start if !$o{idle};
	return $self;
}

sub path { my ($self, $rel) = @_; return "$self->{home}/$rel" }
sub pid { $_[0]{pid} }

sub file {
	my ($self, $rel, $text) = @_;
	open my $f, '>:raw', "$self->{home}/$rel" or die "$rel: $!";
	print $f $text;
	close $f or die "$rel: $!";
	return "$self->{home}/$rel";
}

# Returns when descriptor 3 is closed; false when the filter has ended instead.
sub start {
	my ($self) = @_;
	my $program = program($self->{name});
	pipe(my $in, $self->{input}) or die "pipe: $!";
	pipe(my $ready, my $child_ready) or die "pipe: $!";
	defined($self->{pid} = fork) or die "fork: $!";
	if (!$self->{pid}) {
		close $self->{input};
		close $ready;
		open STDERR, '>>', "$self->{home}/log/filter" or POSIX::_exit(99);
		open STDIN, '<&', $in or POSIX::_exit(99);
		POSIX::dup2(fileno $child_ready, 3) // POSIX::_exit(99) if fileno $child_ready != 3;
		$^F = 3;
		%ENV = (PATH => $ENV{PATH}, COURIER_HOME => "$self->{home}", LC_ALL => 'C', %{$self->{env}},
			map {$_ => $ENV{$_}} grep {/SAN_OPTIONS$/ && defined $ENV{$_}} keys %ENV);
		chdir "$self->{home}/var";
		exec $program or POSIX::_exit(127);
	}
	close $in;
	close $child_ready;
	local $SIG{ALRM} = sub { die "$self->{name} does not get ready\n" };
	alarm 30;
	sysread $ready, my $byte, 1;
	alarm 0;
	my $gone = 0;
	for (1 .. 20) {
		$gone = waitpid $self->{pid}, POSIX::WNOHANG();
		last if $gone || -S $self->socket;
		sleep 0.05;
	}
	return 1 if !$gone;
	$self->{status} = $?;
	delete $self->{pid};
	return 0;
}

# Where it listens: the folder may be told.
sub socket {
	my ($self, $folder) = @_;
	for my $d ($folder ? $folder : qw(filters allfilters)) {
		return "$self->{home}/var/$d/$self->{name}" if $folder || -S "$self->{home}/var/$d/$self->{name}";
	}
	return "$self->{home}/var/filters/$self->{name}";
}

sub connect {
	my ($self) = @_;
	return IO::Socket::UNIX->new(Type => SOCK_STREAM, Peer => $self->socket);
}

# All that the peer says until it closes.
sub rest {
	my ($self, $s, $seconds) = @_;
	my $out = '';
	local $SIG{ALRM} = sub { die "no answer in time, only '$out'\n" };
	alarm($seconds || 60);
	while (sysread $s, my $piece, 65536) {
		$out .= $piece;
	}
	alarm 0;
	return $out;
}

# Sends the text as it is.
sub say {
	my ($self, $text, $seconds) = @_;
	my $s = $self->connect or return "cannot connect: $!";
	local $SIG{PIPE} = 'IGNORE';
	syswrite $s, $text;
	return $self->rest($s, $seconds);
}

my $number = 0;

# Writes a data file and a control file of it; the paths.
sub message {
	my ($self, $text, %o) = @_;
	my $n = ++$number;
	my $data = $self->file("var/tmp/D$n", $text);
	return [$data, $self->file("var/tmp/C$n", control(%o))];
}

sub control {
	my (%o) = @_;
	my $text = 's' . ($o{sender} // 'sender@s.example') . "\n";
	$text .= 'f' . ($o{from} // 'dns; client.example (client.example [192.0.2.1])') . "\ne\nt\n";
	$text .= "i$o{login}\n" if defined $o{login};
	$text .= sprintf "M%016X.%016X.00000001\n", ++$number, time * 1e6;
	$text .= "r$_\nR\nN\n" for @{$o{rcpts} || ['rcpt@r.example']};
	$text .= "O$_\n" for @{$o{env} || []};
	$text .= 'u' . ($o{source} // 'smtp') . "\n";
	$text .= 'o' . ($o{uid} // 1000) . "\n";
	return $text;
}

sub ask {
	my ($self, $paths, $seconds) = @_;
	return $self->say(join('', map {"$_\n"} @$paths) . "\n", $seconds);
}

# A message in one call.
sub judge {
	my ($self, $text, %o) = @_;
	return $self->ask($self->message($text, %o));
}

# Closes its input and waits; the exit status.
sub stop {
	my ($self, $seconds) = @_;
	return $self->{status} if !$self->{pid};
	close delete $self->{input};
	return $self->wait_end($seconds || 20);
}

sub wait_end {
	my ($self, $seconds) = @_;
	my $until = time + $seconds;
	while (time < $until) {
		if (waitpid $self->{pid}, POSIX::WNOHANG()) {
			delete $self->{pid};
			return $self->{status} = $?;
		}
		sleep 0.02;
	}
	return 'does not end';
}

sub kill {
	my ($self, $signal) = @_;
	kill $signal, $self->{pid};
	return $self->wait_end(10);
}

sub log {
	my ($self) = @_;
	open my $f, '<', "$self->{home}/log/filter" or return '';
	local $/;
	return scalar(<$f>) // '';
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@, $!);
	return if !$self->{pid} || $self->{owner} != $$;
	CORE::kill('KILL', $self->{pid});
	waitpid $self->{pid}, 0;
}

1;
