# A scripted SMTP server on the loopback, for tests of clients: it can be told to do at each step
# whatever a bad server does.
#
#	my $s = Courier::FakeSMTP->new(
#		greeting => '220 fake ESMTP',
#		ehlo => ['PIPELINING', 'DSN'],        # lines behind the first
#		on => { RCPT => '550 5.1.1 no' },     # reply of a verb instead of the usual one
#	);
#	$s->port; $s->commands; $s->messages; $s->connections;
#
# A reply (also `greeting`, `end`: behind the message) is a text, a list of texts (one each time,
# the last one stays), or code that gets the command line.  Its lines are parted by LF.  Special
# words: CLOSE closes; HALF TEXT sends the text without its end and closes; HANG says nothing;
# FLOOD CODE sends a million lines; RAW TEXT sends the text as it is and goes on.
package Courier::FakeSMTP;
use strict;
use warnings;
use File::Temp ();
use IO::Handle;
use IO::Socket::IP;
use Socket qw(SOCK_STREAM);

sub new {
	my ($class, %o) = @_;
	my $self = bless {
		greeting => '220 fake.example ESMTP', ehlo => ['PIPELINING', '8BITMIME', 'SIZE 1000000'],
		end => '250 2.0.0 Ok: queued', on => {}, host => '127.0.0.1', %o,
		dir => File::Temp->newdir('fakesmtp.XXXXXX', TMPDIR => 1),
	}, $class;
	$self->{socket} = IO::Socket::IP->new(
		LocalHost => $self->{host}, LocalPort => $o{port} // 0, Listen => 128,
		Type => SOCK_STREAM, ReuseAddr => 1) or die "cannot listen: $@";
	$self->{port} = $self->{socket}->sockport;
	defined(my $pid = fork) or die "fork: $!";
	if (!$pid) {
		$self->serve;
		require POSIX;
		POSIX::_exit(0);
	}
	$self->{pid} = $pid;
	$self->{owner} = $$;
	close delete $self->{socket};
	return $self;
}

sub port { $_[0]{port} }

sub stop {
	my ($self) = @_;
	return unless $self->{pid} && ($self->{owner} // 0) == $$;
	kill 'TERM', $self->{pid};
	waitpid delete $self->{pid}, 0;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
}

sub read_file {
	my ($self, $name) = @_;
	open my $f, '<:raw', "$self->{dir}/$name" or return '';
	local $/;
	return scalar <$f>;
}

sub commands { split /\n/, $_[0]->read_file('log') }
sub connections { scalar grep { $_ eq '*connect*' } $_[0]->commands }

sub messages {
	my ($self) = @_;
	return map { $self->read_file("message.$_") }
	    sort { $a <=> $b } map { /message\.(\d+)$/ } glob "$self->{dir}/message.*";
}

# The client's address and the name in its EHLO, for the message that matches.
sub sender_of {
	my ($self, $re) = @_;
	for my $name (map {/message\.(\d+)$/} glob "$self->{dir}/message.*") {
		return split / /, $self->read_file("by.$name") if $self->read_file("message.$name") =~ $re;
	}
	return;
}

# ---- the server's side ------------------------------------------------------------------------

sub note {
	my ($self, $line) = @_;
	open my $f, '>>:raw', "$self->{dir}/log" or die;
	syswrite $f, "$line\n";
}

sub serve {
	my ($self) = @_;
	$SIG{CHLD} = 'IGNORE';
	$SIG{TERM} = sub { kill 'KILL', keys %{$self->{children}}; require POSIX; POSIX::_exit(0) };
	my $n = 0;
	while (1) {
		my $c = $self->{socket}->accept or next;
		$self->{session} = ++$n;
		defined(my $pid = fork) or next;
		if (!$pid) {
			$SIG{TERM} = 'DEFAULT';
			$SIG{PIPE} = sub { require POSIX; POSIX::_exit(0) };
			close $self->{socket};
			$self->{c} = $c;
			eval { $self->session };
			require POSIX;
			POSIX::_exit(0);
		}
		$self->{children}{$pid} = 1;
		close $c;
	}
}

sub put { my ($self, $text) = @_; print { $self->{c} } $text; $self->{c}->flush }
sub end { require POSIX; close $_[0]{c}; POSIX::_exit(0) }

# A list moves on with every use in this session.
sub pick {
	my ($self, $what, $line) = @_;
	return $what->($line, $self) if ref $what eq 'CODE';
	return @$what > 1 ? shift @$what : $what->[0] if ref $what eq 'ARRAY';
	return $what;
}

sub say_reply {
	my ($self, $what, $line) = @_;
	my $r = $self->pick($what, $line);
	return '' unless defined $r;
	if ($r eq 'CLOSE') { $self->end }
	if ($r eq 'HANG') { sleep 3600 }
	if ($r =~ s/^HALF //) { $self->put($r); $self->end }
	if ($r =~ s/^RAW //s) { $self->put($r); return $r }
	if ($r =~ /^FLOOD (\d+)/) {
		my $block = "$1-and so on\r\n" x 1000;
		$self->put($block) for 1 .. 1000;
		$self->put("$1 end\r\n");
		return $r;
	}
	my @l = split /\n/, $r;
	my ($code) = $l[0] =~ /^(\d+)/;
	for my $i (0 .. $#l) {
		$l[$i] =~ s/^(?:\d{3}(?:[ -]|$))?/$code . ($i < $#l ? '-' : ' ')/e;
	}
	$self->put(join '', map { "$_\r\n" } @l);
	return $r;
}

my %usual = (
	MAIL => '250 2.1.0 Ok', RCPT => '250 2.1.5 Ok', DATA => '354 go on', RSET => '250 2.0.0 Ok',
	QUIT => '221 2.0.0 Bye', NOOP => '250 Ok', STARTTLS => '220 2.0.0 go', HELO => '250 fake.example',
	AUTH => '235 2.7.0 Ok',
);

sub session {
	my ($self) = @_;
	$self->note('*connect*');
	$self->start_tls if $self->{smtps};
	$self->say_reply($self->{greeting}, '');
	while (defined(my $line = readline $self->{c})) {
		$self->note('*bare*') unless $line =~ s/\r\n\z//;
		$self->note($line);
		my $verb = uc +($line =~ /^(\S+)/)[0] // '';
		$self->command($verb, $line);
	}
	$self->note('*eof*');
}

sub command {
	my ($self, $verb, $line) = @_;
	$self->{hello} = $1 if $line =~ /^(?:EHLO|HELO) (\S+)/i;
	if ($verb eq 'EHLO' && !$self->{on}{EHLO}) {
		my @e = grep { !($self->{tls} && /^STARTTLS/) } @{$self->{ehlo}};
		$self->say_reply(join("\n", '250 fake.example', @e), $line);
		return;
	}
	my $r = $self->say_reply($self->{on}{$verb} // $usual{$verb} // '500 5.5.1 what?', $line);
	$self->message if $verb eq 'DATA' && $r =~ /^354/;
	$self->start_tls if $verb eq 'STARTTLS' && $r =~ /^220/;
	$self->leave if $verb eq 'QUIT';
}

# With `listen_on`: how the client closes TLS.
sub leave {
	my ($self) = @_;
	if ($self->{listen_on} && $self->{tls}) {
		readline $self->{c};
		$self->note('*notified*') if Net::SSLeay::get_shutdown($self->{c}->_get_ssl_object) & 2;
	}
	$self->end;
}

sub message {
	my ($self) = @_;
	my $text = '';
	$self->end if $self->{close_in_data};
	while (defined(my $line = readline $self->{c})) {
		last if $line eq ".\r\n";
		$self->note('*bare*') if $line !~ /\r\n\z/ || $line =~ /\r(?!\n)/;
		$text .= $line;
		if ($self->{early} && length $text > 100) {
			$self->say_reply(delete $self->{early}, '');
		}
	}
	my $n = 1;
	$n++ while -e "$self->{dir}/message.$self->{session}$n";
	open my $f, '>:raw', "$self->{dir}/message.$self->{session}$n" or die;
	print $f $text;
	close $f;
	open my $by, '>:raw', "$self->{dir}/by.$self->{session}$n" or die;
	print $by $self->{c}->peerhost, ' ', $self->{hello} // '';
	close $by;
	$self->note('*message*');
	$self->say_reply($self->{end}, '');
}

sub start_tls {
	my ($self) = @_;
	if ($self->{broken_tls}) {
		sysread $self->{c}, my $hello, 4096;
		$self->put("this is no TLS\r\n" x 20);
		$self->end;
	}
	require IO::Socket::SSL;
	IO::Socket::SSL->start_SSL($self->{c}, SSL_server => 1, SSL_cert_file => $self->{cert},
		SSL_key_file => $self->{cert}, %{$self->{tls_options} // {}}) or do { $self->note('*no tls*'); $self->end };
	$self->{tls} = 1;
	$self->note('*tls*');
	if ($self->{broken_resumption} && $self->{c}->get_session_reused) {
		$self->note('*cut*');
		$self->end;
	}
	$self->note('*resumed*') if $self->{c}->get_session_reused;
	$self->note('*sni* ' . ($self->{c}->get_servername // '-')) if $self->{tls_options};
	$self->note(join ' ', '*with*', $self->{c}->get_sslversion, $self->{c}->get_cipher,
		$self->{c}->peer_certificate('commonName') // '-') if $self->{tls_options};
}

1;
