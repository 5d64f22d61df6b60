# A scripted name server on the loopback.
#
#	my $dns = Courier::FakeDNS->new('r.example MX' => ['10 mx.r.example'], 'mx.r.example A' => ['127.0.0.2'],
#		'slow.example MX' => 'HANG');
#
# Values: a list of record data or whole records (empty: no such type at this name), or SERVFAIL, REFUSED, NXDOMAIN,
# HANG, GARBAGE.  A name without any entry does not exist; CNAME entries are followed.  Questions that
# came are in ->questions: "NAME TYPE SIZE DO" each.  With signs => ['ZONE', KEY] (a Net::DNS::SEC::Private) and
# entries 'ZONE DNSKEY' answers of that zone are signed; 'NAME TYPE BROKEN' => 1 spoils a signature.
# port => N: in the place of one that was stopped.
package Courier::FakeDNS;
use strict;
use warnings;
use File::Temp ();
use IO::Socket::IP;
use Net::DNS;
use Socket qw(SOCK_DGRAM);

sub new {
	my ($class, %zone) = @_;
	my $self = bless {signs => delete $zone{signs}, zone => \%zone, owner => $$,
		asked => File::Temp->new(TEMPLATE => 'fakedns.XXXXXX', TMPDIR => 1)}, $class;
	my $s = IO::Socket::IP->new(LocalHost => '127.0.0.1', LocalPort => delete $zone{port} // 0, Type => SOCK_DGRAM,
		Proto => 'udp') or die "cannot listen: $@";
	$self->{port} = $s->sockport;
	defined($self->{pid} = fork) or die "fork: $!";
	if (!$self->{pid}) {
		$self->serve($s);
		require POSIX;
		POSIX::_exit(0);
	}
	return $self;
}

sub resolver { "127.0.0.1\@$_[0]{port}\n" }

sub questions {
	my ($self) = @_;
	open my $f, '<', $self->{asked}->filename or return;
	chomp(my @q = <$f>);
	return @q;
}

sub note {
	my ($self, $packet, $q) = @_;
	my ($opt) = grep { $_->type eq 'OPT' } $packet->additional;
	my $size = $opt ? $packet->edns->size : 0;
	my $do = $packet->header->do ? 'DO' : '-';
	open my $f, '>>', $self->{asked}->filename or return;
	syswrite $f, join(' ', lc $q->qname, $q->qtype, $size, $do) . "\n";
}

# One signature for the records of an answer that are of the zone.
sub sign {
	my ($self, $reply, $q) = @_;
	my ($zone, $key) = @{$self->{signs} // return};
	my @rr = $reply->answer;
	return if !@rr || lc($q->qname) !~ /(^|\.)\Q$zone\E$/;
	my $sig = Net::DNS::RR::RRSIG->create(\@rr, $key, ttl => 60);
	$sig->signature(scalar reverse $sig->signature) if $self->{zone}{lc($q->qname) . ' ' . $q->qtype . ' BROKEN'};
	$reply->push(answer => $sig);
}

sub stop {
	my ($self) = @_;
	return unless $self->{pid} && $self->{owner} == $$;
	kill 'KILL', $self->{pid};
	waitpid delete $self->{pid}, 0;
}

sub DESTROY { my $self = shift; local ($?, $@); $self->stop }

sub answer {
	my ($self, $q, $reply) = @_;
	my ($name, $type) = (lc $q->qname, $q->qtype);
	my $zone = $self->{zone};
	for (1 .. 10) {
		my $v = $zone->{"$name $type"};
		return $v if defined $v && !ref $v;
		if (my $c = $type ne 'CNAME' && $zone->{"$name CNAME"}) {
			$reply->push(answer => Net::DNS::RR->new("$name. 60 CNAME $c->[0]."));
			$name = lc $c->[0];
			next;
		}
		if ($v) {
			$reply->push(answer => ref $_ ? $_ : Net::DNS::RR->new("$name. 60 $type $_")) for @$v;
			return 'NOERROR';
		}
		return 'NOERROR' if ref $zone->{"$name CNAME"};
		return (grep { /^\Q$name\E / } keys %$zone) ? 'NOERROR' : 'NXDOMAIN';
	}
	return 'NOERROR';
}

sub serve {
	my ($self, $s) = @_;
	while (my $from = $s->recv(my $bytes, 4096)) {
		my $packet = Net::DNS::Packet->new(\$bytes) or next;
		my ($q) = $packet->question or next;
		my $reply = $packet->reply;
		$self->note($packet, $q);
		my $code = $self->answer($q, $reply);
		next if $code eq 'HANG';
		if ($code eq 'GARBAGE') {
			$s->send(substr($bytes, 0, 2) . "\xff" x 40, 0, $from);
			next;
		}
		$reply->header->rcode($code);
		$reply->header->ra(1);
		$self->sign($reply, $q);
		$s->send($reply->data, 0, $from);
	}
}

1;
