package Courier::Test;

# What integration tests share: an instance of their own on free ports, started and stopped; the
# mailboxes; a wait that gives up; plain protocol conversations.
#
#	my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0}});
#	$t->start;  $t->port('smtp');  $t->mailbox('alice');  $t->log_lines(qr/newmsg/);
#
# COURIER_TEST_PREFIX names the installation under test (runtests sets it).  Everything lives in a
# temporary folder that is removed at the end, unless the test failed or COURIER_TEST_KEEP is set.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use IO::Socket::UNIX;
use Scalar::Util qw(weaken);
use Test::More ();
use Time::HiRes qw(sleep time);

# A test that is stopped still stops its instance.
$SIG{$_} = sub { exit 1 }
    for qw(TERM INT HUP);

our $PASSWORD = 'correct-horse';
my @instances;

sub prefix {
	my $p = $ENV{COURIER_TEST_PREFIX}
	    or Test::More::BAIL_OUT('COURIER_TEST_PREFIX is not set: run the tests with ./runtests');
	return $p;
}

sub new {
	my ($class, %arg) = @_;
	my $dir = abs_path(tempdir('courier-test-XXXXXX', TMPDIR => 1));
	my $self = bless {dir => $dir, domain => $arg{domain} || 'example.test', pid => $$, keep => 0}, $class;
	my @users = map {("--user", "$_:$PASSWORD")} @{$arg{users} || ['alice', 'bob']};
	my @root = $> == 0 ? ('--mail-user', 'courier-mail') : ();
	chmod 0755, $dir;
	my $out = $self->command('courier', 'init', "$dir/i", '--domain', $self->{domain}, '--port-base', 'auto', @users, @root);
	Test::More::BAIL_OUT("courier init failed: $out") if $?;
	open my $fh, '<', "$dir/i/var/ports" or die "no ports file: $!";
	while (<$fh>) {
		$self->{ports}{$1} = $2 if /^(\w+) (\d+)/;
	}
	close $fh;
	push @instances, $self;
	weaken $instances[-1];
	$self->configure(%{$arg{config} || {}});
	$self->file("etc/$_", $arg{files}{$_}) for keys %{$arg{files} || {}};
	return $self;
}

# {file => {NAME => value}}
sub configure {
	my ($self, %files) = @_;
	for my $file (sort keys %files) {
		open my $fh, '>>', $self->path("etc/$file") or die "$file: $!";
		print $fh "$_=\"$files{$file}{$_}\"\n" for sort keys %{$files{$file}};
		close $fh;
	}
}

sub path { my ($self, $rel) = @_; return "$self->{dir}/i/$rel" }
sub port { my ($self, $name) = @_; return $self->{ports}{$name} }
sub domain { return $_[0]{domain} }
sub maildir { my ($self, $user) = @_; return $self->path("mail/$self->{domain}/$user/Maildir") }
sub scratch { return $_[0]{dir} }

sub file {
	my ($self, $rel, $text) = @_;
	my $path = $self->path($rel);
	(my $folder = $path) =~ s,/[^/]+$,,;
	make_path($folder);
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
	return $path;
}

# A shell script under a path of its own, replaced at once: it may be running.
sub script {
	my ($self, $path, $text) = @_;
	open my $fh, '>', "$path.new" or die "$path: $!";
	print $fh "#!/bin/sh\n$text";
	close $fh;
	chmod 0755, "$path.new";
	rename "$path.new", $path or die "$path: $!";
}

sub program {
	my ($name) = @_;
	for my $d (qw(sbin bin libexec/courier)) {
		my $p = prefix() . "/$d/$name";
		return $p if -x $p;
	}
	die "no program $name in " . prefix();
}

# Runs a program of the suite for this instance; its output, $? set.
sub command {
	my ($self, $name, @args) = @_;
	local $ENV{COURIER_HOME} = "$self->{dir}/i";
	delete local $ENV{COURIER_HOME} if @args && $args[0] eq 'init';
	my $pid = open my $fh, '-|';
	defined $pid or die "fork: $!";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		exec program($name), @args or exit 127;
	}
	local $/;
	my $out = <$fh>;
	close $fh;
	return defined $out ? $out : '';
}

sub start {
	my ($self) = @_;
	my $out = $self->command('courier', '-C', $self->path(''), 'start');
	if ($?) {
		$self->{keep} = 1;
		Test::More::diag($self->log);
		Test::More::BAIL_OUT("courier start failed: $out");
	}
	$self->{running} = 1;
	return $self;
}

sub stop {
	my ($self) = @_;
	my $out = $self->command('courier', '-C', $self->path(''), 'stop');
	$self->{running} = 0;
	return $? ? $out : '';
}

sub restart { my ($self) = @_; $self->stop; return $self->start }

sub log {
	my ($self) = @_;
	open my $fh, '<', $self->path('log/mail.log') or return '';
	local $/;
	my $text = <$fh>;
	return defined $text ? $text : '';
}

sub log_lines { my ($self, $re) = @_; return grep {/$re/} split /\n/, $self->log }

# Waits until the code gives something true; that, or nothing after the time.
sub wait_for {
	my ($self, $seconds, $code) = @_;
	my $until = time + $seconds;
	while (1) {
		my $r = $code->();
		return $r if $r;
		return if time > $until;
		sleep 0.05;
	}
}

# The messages of a mailbox: [file, text]...
sub mailbox {
	my ($self, $user, $folder) = @_;
	my $dir = $self->maildir($user) . ($folder ? "/.$folder" : '');
	my @found;
	for my $sub (qw(new cur)) {
		opendir my $d, "$dir/$sub" or next;
		for my $name (sort grep {!/^\./} readdir $d) {
			open my $fh, '<', "$dir/$sub/$name" or next;
			local $/;
			push @found, ["$dir/$sub/$name", scalar <$fh>];
		}
	}
	return @found;
}

# Waits for a message that matches; its text.
sub wait_mail {
	my ($self, $user, $re, $seconds) = @_;
	return $self->wait_for($seconds || 20, sub {
		my ($m) = grep {$_->[1] =~ $re} $self->mailbox($user);
		return $m && $m->[1];
	});
}

# Waits until nothing is queued.
sub wait_empty_queue {
	my ($self, $seconds) = @_;
	return $self->wait_for($seconds || 30, sub {
		my $out = $self->command('courier', '-C', $self->path(''), 'status', '--json');
		return $out =~ /"messages":0\b/;
	});
}

sub connect {
	my ($self, $service) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->port($service), Timeout => 10)
	    or die "cannot connect to $service: $@";
	$s->autoflush(1);
	return $s;
}

# A port for a server that is told its number.  It lies above those of `courier init` and below those the kernel
# gives to anybody; other tests see that it is taken by a name that goes with this process.
my @taken;
sub free_port {
	for (1 .. 2000) {
		my $port = 32000 + int rand 760;
		my $mine = IO::Socket::UNIX->new(Local => "\0courier-test-port-$port", Listen => 1) or next;
		my $try = IO::Socket::INET->new(LocalAddr => '0.0.0.0', LocalPort => $port, Listen => 1, ReuseAddr => 1) or next;
		push @taken, $mine;
		return $port;
	}
	die 'no free port';
}

# One SMTP reply (all its lines), or what came before the end; gives up after 30 s.
sub smtp_reply {
	my ($self, $s) = @_;
	my $reply = '';
	local $SIG{ALRM} = sub { die "no reply in time\n" };
	alarm 30;
	eval {
		while (defined(my $line = <$s>)) {
			$reply .= $line;
			last if $line =~ /^\d{3} /;
		}
	};
	alarm 0;
	return $reply;
}

sub smtp {
	my ($self, $s, $command) = @_;
	print $s "$command\r\n";
	return $self->smtp_reply($s);
}

# A whole message by SMTP; the last reply.
sub send_mail {
	my ($self, %m) = @_;
	my $s = $self->connect($m{service} || 'smtp');
	my $r = $self->smtp_reply($s);
	for my $cmd ('EHLO client.test', "MAIL FROM:<$m{from}>", map {"RCPT TO:<$_>"} ref $m{to} ? @{$m{to}} : $m{to}) {
		$r = $self->smtp($s, $cmd);
		return $r if $r !~ /^2/;
	}
	$r = $self->smtp($s, 'DATA');
	return $r if $r !~ /^3/;
	(my $text = $m{text}) =~ s/\r?\n/\r\n/g;
	$text =~ s/^\./../mg;
	$text .= "\r\n" if $text !~ /\r\n\z/;
	print $s $text;
	$r = $self->smtp($s, '.');
	print $s "QUIT\r\n";
	return $r;
}

# At the end of the test too: when perl takes variables down, Test::More may be gone already.
END { local $?; $_ && $_->clean_up for @instances }
sub DESTROY { $_[0]->clean_up }

sub clean_up {
	my ($self) = @_;
	return if $self->{pid} != $$ || $self->{cleaned}++;
	local ($?, $@, $!);
	$self->stop if $self->{running};
	my $failed = !Test::More->builder->is_passing || $self->{keep} || $ENV{COURIER_TEST_KEEP};
	if ($failed) {
		Test::More::diag("instance kept in $self->{dir}");
		return;
	}
	remove_tree($self->{dir});
}

1;
