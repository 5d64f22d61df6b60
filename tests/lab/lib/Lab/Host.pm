package Lab::Host;

# One host of a lab, and the instance on it when there is one: what Courier::Test can do is done there.

use strict;
use warnings;
use Courier::FakeSMTP;
use Courier::Test;
use IO::Select;
use IO::Socket::IP;
use Time::HiRes qw(sleep time);

our $AUTOLOAD;

sub new {
	my ($class, $lab, $ns, @addresses) = @_;
	return bless {lab => $lab, ns => $ns, addresses => \@addresses, pids => [], owner => $$}, $class;
}

sub addresses { @{$_[0]{addresses}} }

# Inside only: one more address.
sub address {
	my ($self, $address) = @_;
	Lab::run('ip', 'addr', 'add', $address . ($address =~ /:/ ? '/64' : '/24'), 'dev', 'eth0', $address =~ /:/ ? 'nodad' : ());
}

# Runs the code on this host.
sub in {
	my ($self, $code) = @_;
	my $back = Lab::here();
	Lab::enter($self->{ns});
	my @r = wantarray ? eval { $code->() } : scalar eval { $code->() };
	my $failed = $@;
	Lab::enter($back);
	die $failed if $failed;
	return wantarray ? @r : $r[0];
}

# A command on this host; dies when it fails.
sub sh { my ($self, @command) = @_; $self->in(sub { Lab::run(@command) }) }

# The way to an address ends in nothing: no answer, no error.
sub blackhole {
	my ($self, $address) = @_;
	$self->sh('ip', $address =~ /:/ ? '-6' : '-4', 'neigh', 'replace', $address, 'lladdr', '02:00:00:00:00:99', 'dev', 'eth0', 'nud', 'permanent');
}

# A program in the background here; ends with the lab.
sub daemon {
	my ($self, @command) = @_;
	my $pid = $self->in(sub {
		defined(my $child = fork) or die "fork: $!";
		return $child if $child;
		open STDOUT, '>>', "$ENV{TMPDIR}/daemons.log";
		open STDERR, '>&', \*STDOUT;
		{ exec @command }
		require POSIX;
		POSIX::_exit(127);
	});
	push @{$self->{pids}}, $pid;
	return $pid;
}

# Code in a process of its own on this host.
sub background {
	my ($self, $code) = @_;
	my $pid = $self->in(sub {
		defined(my $child = fork) or die "fork: $!";
		return $child if $child;
		eval { $code->() };
		print STDERR "# lab: $@" if $@;
		require POSIX;
		POSIX::_exit(0);
	});
	push @{$self->{pids}}, $pid;
	return $pid;
}

# Connections to a port of this host go on to a port of its loopback.
sub forward {
	my ($self, $port, $to) = @_;
	my $l = $self->in(sub {
		IO::Socket::IP->new(LocalHost => ($self->addresses)[0], LocalPort => $port, Listen => 50, Type => Socket::SOCK_STREAM(), ReuseAddr => 1) or die $@;
	});
	$self->background(sub {
		$SIG{CHLD} = 'IGNORE';
		while (my $c = $l->accept) {
			next if fork;
			my $s = IO::Socket::IP->new(PeerHost => '127.0.0.1', PeerPort => $to, Type => Socket::SOCK_STREAM()) or die $@;
			my $select = IO::Select->new($c, $s);
			while (my @ready = $select->can_read(30)) {
				for my $from (@ready) {
					sysread $from, my $text, 65536 or do { require POSIX; POSIX::_exit(0) };
					syswrite $from == $c ? $s : $c, $text;
				}
			}
			require POSIX;
			POSIX::_exit(0);
		}
	});
}

sub kill_all {
	my ($self) = @_;
	return if $self->{owner} != $$;
	kill 'KILL', @{$self->{pids}};
	waitpid $_, 0 for @{$self->{pids}};
	$self->{pids} = [];
}

sub smtp {
	my ($self, %script) = @_;
	my ($six) = grep {/:/} $self->addresses;
	my $any = $six ? '::' : '0.0.0.0';
	return $self->in(sub { Courier::FakeSMTP->new(host => $any, port => 25, %script) });
}

# An instance of this suite: port 25 on all addresses, the lab's resolver, senders' domains looked up.
sub install {
	my ($self, $domain, %arg) = @_;
	my %config = %{delete $arg{config} || {}};
	my %files = (resolver => "192.0.2.2\@53\n", %{delete $arg{files} || {}});
	$self->{mail} = $self->in(sub {
		Courier::Test->new(domain => $domain, %arg, files => \%files,
			config => {%config, esmtpd => {PORT => 25, ADDRESS => 0, BOFHCHECKDNS => 1, %{$config{esmtpd} || {}}}});
	});
	$self->{mail}{ports}{smtp} = 25;
	return $self;
}

# A message from here; the last reply.
sub send {
	my ($self, $from, $to, $text) = @_;
	return $self->send_mail(from => $from, to => $to, text => $text);
}

# Lines of the log about an address, once one of them says how a try ended.
sub settled {
	my ($self, $to, $seconds) = @_;
	my $about = qr/<\Q$to\E>/i;
	$self->wait_for($seconds || 30, sub { $self->log_lines(qr/$about.*status: (?:success|deferred|failure)/) });
	return $self->log_lines($about);
}

# Tries deferred mail again and again until the code gives something true; that, or nothing.
sub flush_until {
	my ($self, $seconds, $code) = @_;
	my $tried = 0;
	return $self->wait_for($seconds, sub {
		my $r = $code->();
		if (!$r && time - $tried > 2) {
			$tried = time;
			$self->command('courier', 'flush');
		}
		return $r;
	});
}

sub AUTOLOAD {
	my ($self, @arg) = @_;
	(my $name = $AUTOLOAD) =~ s/.*:://;
	return if $name eq 'DESTROY';
	my $mail = $self->{mail} or die "lab: no instance on this host for $name\n";
	my @r = wantarray ? $self->in(sub { $mail->$name(@arg) }) : scalar $self->in(sub { $mail->$name(@arg) });
	@r = map {ref $_ && $_ == $mail ? $self : $_} @r;
	return wantarray ? @r : $r[0];
}

1;
