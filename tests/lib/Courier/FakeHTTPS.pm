# A scripted HTTPS server on the loopback, for one path after the other:
#
#	my $w = Courier::FakeHTTPS->new(cert => PEM, on => {'mta-sts.a.example' => [200, 'text/plain', TEXT]});
#
# A value is [STATUS, TYPE, BODY, further header lines...], or a word: HANG says nothing, CLOSE closes, GARBAGE
# sends no HTTP, FLOOD sends more than anybody wants.  It is chosen by the name the client asks for (SNI),
# with a certificate of `certs` for that name, else `cert`.  What was asked: ->requests, "NAME PATH" each.  The
# table is looked up in the file ->{table}, so set() changes it while the server runs.
package Courier::FakeHTTPS;
use strict;
use warnings;
use File::Temp ();
use IO::Socket::IP;
use IO::Socket::SSL;
use Socket qw(SOCK_STREAM);
use Storable ();

sub new {
	my ($class, %o) = @_;
	my $self = bless {certs => {}, %o, owner => $$, dir => File::Temp->newdir('fakehttps.XXXXXX', TMPDIR => 1)}, $class;
	$self->set(%{$o{on} // {}});
	my $s = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => 0, Listen => 64, Type => SOCK_STREAM)
	    or die "cannot listen: $@";
	$self->{port} = $s->sockport;
	defined($self->{pid} = fork) or die "fork: $!";
	if (!$self->{pid}) {
		$self->serve($s);
		require POSIX;
		POSIX::_exit(0);
	}
	return $self;
}

sub port { $_[0]{port} }

sub set {
	my ($self, %on) = @_;
	$self->{table} = {%{$self->{table} // {}}, %on};
	Storable::store($self->{table}, "$self->{dir}/table.new");
	rename "$self->{dir}/table.new", "$self->{dir}/table" or die;
}

sub requests {
	my ($self) = @_;
	open my $f, '<', "$self->{dir}/log" or return;
	chomp(my @l = <$f>);
	return @l;
}

sub stop {
	my ($self) = @_;
	return unless $self->{pid} && $self->{owner} == $$;
	kill 'TERM', $self->{pid};
	waitpid delete $self->{pid}, 0;
}

sub DESTROY { my $self = shift; local ($?, $@); $self->stop }

sub serve {
	my ($self, $s) = @_;
	my %children;
	$SIG{CHLD} = 'IGNORE';
	$SIG{TERM} = sub { kill 'KILL', keys %children; require POSIX; POSIX::_exit(0) };
	while (1) {
		my $c = $s->accept or next;
		defined(my $pid = fork) or next;
		if (!$pid) {
			$SIG{TERM} = $SIG{PIPE} = 'DEFAULT';
			close $s;
			eval { $self->session($c) };
			require POSIX;
			POSIX::_exit(0);
		}
		$children{$pid} = 1;
		close $c;
	}
}

sub session {
	my ($self, $c) = @_;
	my %cert = ('' => $self->{cert}, %{$self->{certs}});
	IO::Socket::SSL->start_SSL($c, SSL_server => 1, SSL_cert_file => \%cert, SSL_key_file => \%cert) or return;
	my $name = $c->get_servername // '';
	my $path = '';
	while (defined(my $line = readline $c)) {
		$path = $1 if $line =~ /^GET (\S+)/;
		last if $line =~ /^\r?\n/;
	}
	open my $f, '>>', "$self->{dir}/log" or die;
	syswrite $f, "$name $path\n";
	my $r = Storable::retrieve("$self->{dir}/table")->{$name} // [404, 'text/plain', 'no'];
	return if $r eq 'CLOSE';
	sleep 3600 if $r eq 'HANG';
	if ($r eq 'GARBAGE') { print $c "\0\1\2 nonsense\n" x 50; close $c; return }
	if ($r eq 'FLOOD') {
		print $c "HTTP/1.1 200 Ok\r\nContent-Type: text/plain\r\n\r\n";
		print $c "version: STSv1\n" x 1000 for 1 .. 200;
		close $c;
		return;
	}
	my ($status, $type, $body, @more) = @$r;
	print $c join("\r\n", "HTTP/1.1 $status X", "Content-Type: $type", 'Content-Length: ' . length $body, @more, '', $body);
	close $c;
}

1;
