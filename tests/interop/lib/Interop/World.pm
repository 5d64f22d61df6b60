package Interop::World;

# One direction: the server that sends, the one that takes, and a client that gives mail to the first.

use strict;
use warnings;
use Interop::Client;
use Time::HiRes qw(sleep time);

# (lab, client host, sink, sender, taker): sides are Interop::Ours or peers
sub new {
	my ($class, %w) = @_;
	my $ours = $w{sender}{name} eq 'ours';
	return bless {%w, domain => $ours ? 'peer.test' : 'ours.test', own => $ours ? 'ours.test' : 'peer.test',
		server => $ours ? '127.0.0.1' : '192.0.2.20', ehlo => ''}, $class;
}

# A secure domain for verified mail from peers.
sub box { my ($self) = @_; return 'bob@' . ($self->{mode} eq 'verified' && $self->{domain} eq 'ours.test' ? 'secure.ours.test' : $self->{domain}) }

sub client { my ($self, $code) = @_; return ($self->{sender}{name} eq 'ours' ? $self->{sender}{host} : $self->{client})->in($code) }

sub inject {
	my ($self, %m) = @_;
	my ($r, $ehlo) = $self->client(sub {
		Interop::Client::inject($self->{server}, 25, from => "carol\@$self->{own}", to => [[$self->box]], %m);
	});
	$self->{ehlo} = $ehlo if $ehlo;
	return $r =~ s/\s+\z//r =~ s/\r\n/ | /gr;
}

# What the first server offers.
sub offers {
	my ($self) = @_;
	$self->{ehlo} ||= ($self->client(sub { Interop::Client::inject($self->{server}, 25, from => '', to => [['x@invalid.invalid']], data => '') }))[1];
	return $self->{ehlo};
}

sub poll {
	my ($self, $seconds, $code) = @_;
	my $until = time + $seconds;
	while (1) {
		my @r = $code->();
		return @r if @r;
		return if time > $until;
		sleep 0.1;
	}
}

# A message in a mailbox of the taker; the sender is reminded, for some leave a host alone after a fault.
sub arrives {
	my ($self, $box, $token) = @_;
	for (1 .. 6) {
		my ($got) = $self->poll(6, sub { grep {/^Subject: \Q$token\E\r?$/m} $self->{taker}->mailbox($box) });
		return $got if defined $got;
		$_->flush for $self->{sender}, $self->{taker};
	}
	return;
}

# A report about the message in the sender's mailbox, whoever writes it.
sub comes_back {
	my ($self, $token, $what, $seconds) = @_;
	for (1 .. ($seconds ? 1 : 6)) {
		my ($got) = $self->poll($seconds // 6, sub { grep {/\Q$token\E/ && $_ =~ $what} $self->{sender}->mailbox('carol') });
		return $got if defined $got;
		$_->flush for $self->{sender}, $self->{taker};
	}
	return;
}

# In place of the taker stands somebody who is busy; whether the sender asked him.
sub busy_while {
	my ($self, $code) = @_;
	my $host = $self->{taker}{host};
	$self->{taker}->stop;
	my $busy = $host->smtp(ehlo => ['PIPELINING'], on => {RCPT => '450 4.2.0 come later'});
	$code->();
	my $asked;
	for (1 .. 5) {
		($asked) = $self->poll(5, sub { grep {/^RCPT/} $busy->commands });
		last if defined $asked;
		$self->{sender}->flush;
	}
	$busy->stop;
	$self->{taker}->start;
	return $asked;
}

# What came to the third host, through the other server.
sub sunk {
	my ($self, $token) = @_;
	for (1 .. 5) {
		my ($got) = $self->poll(6, sub { grep {/\Q$token\E/} $self->{sink}->messages });
		return $got if defined $got;
		$self->{sender}->flush;
	}
	return;
}

1;
