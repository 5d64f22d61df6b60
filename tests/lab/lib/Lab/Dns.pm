package Lab::Dns;

# The lab's name servers: nsd for the root and every zone of the lab, unbound as everybody's resolver.
# Both run on their host, as root of the lab, in the foreground.

use strict;
use warnings;
use IO::Socket::IP;
use Net::DNS ();
use Test::More ();
use Time::HiRes qw(sleep time);

sub new {
	my ($class, $authority, $resolver) = @_;
	my $dir = "$ENV{TMPDIR}/dns";
	mkdir $dir;
	return bless {dir => $dir, authority => $authority, resolver => $resolver}, $class;
}

sub put {
	my ($self, $name, $text) = @_;
	open my $f, '>', "$self->{dir}/$name" or die "$name: $!";
	print $f $text;
	close $f;
	return "$self->{dir}/$name";
}

# A zone's file: an SOA with short times, and the lab's name server unless lines name others.
sub zone_text {
	my ($name, @lines) = @_;
	my $own = grep {/^\@\s+(?:\d+\s+)?(?:IN\s+)?NS\s/} @lines;
	return join "\n", "\$ORIGIN " . ($name eq '.' ? '.' : "$name."), '$TTL 5',
	    '@ SOA ns.lab. postmaster.lab. 1 3600 600 86400 5', $own ? () : '@ NS ns.lab.', @lines, '';
}

# The names below the root that a zone hangs from: the root knows every zone of the lab.
sub root_lines {
	my ($zones) = @_;
	return ((map {"$_. NS ns.lab."} grep {$_ ne '.'} sort keys %$zones), 'ns.lab. A 192.0.2.53', 'ns.lab. AAAA 2001:db8::53');
}

# nsd with these zones on a host; a zone whose lines are undef has no file, and is answered SERVFAIL.
sub authority {
	my ($self, $host, %zones) = @_;
	my $id = ++$self->{servers};
	my $text = "server:\n  username: \"\"\n  chroot: \"\"\n  pidfile: \"\"\n  database: \"\"\n  zonesdir: \"$self->{dir}\"\n"
	    . "  xfrdfile: \"\"\n  zonelistfile: \"$self->{dir}/zones$id.list\"\n  server-count: 1\n  verbosity: 0\n"
	    . "  hide-version: yes\n  rrl-ratelimit: 0\n"
	    . join('', map {"  ip-address: $_\n"} $host->addresses)
	    . "remote-control:\n  control-enable: no\n";
	for my $zone (sort keys %zones) {
		(my $file = "zone$id.$zone") =~ tr,/,_,;
		$text .= "zone:\n  name: \"$zone\"\n  zonefile: \"$file\"\n";
		next if !$zones{$zone};
		my $plain = zone_text($zone, @{$zones{$zone}});
		$self->put($file, $self->{signed}{$zone} ? $self->{signed}{$zone}->text($plain) : $plain);
	}
	return $host->daemon('nsd', '-d', '-c', $self->put("nsd$id.conf", $text));
}

sub start_resolver {
	my ($self) = @_;
	$self->put('hints', ". 3600 NS ns.lab.\nns.lab. 3600 A 192.0.2.53\nns.lab. 3600 AAAA 2001:db8::53\n");
	my $file = $self->put('unbound.conf', <<"END");
server:
  directory: "$self->{dir}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  num-threads: 1
  module-config: "iterator"
  root-hints: "$self->{dir}/hints"
  access-control: 0.0.0.0/0 allow
  access-control: ::/0 allow
  cache-max-negative-ttl: 1
  infra-host-ttl: 1
  local-zone: "test." nodefault
  local-zone: "2.0.192.in-addr.arpa." nodefault
  local-zone: "8.b.d.0.1.0.0.2.ip6.arpa." nodefault
@{[map {"  interface: $_\n"} $self->{resolver}->addresses]}
remote-control:
  control-enable: no
END
	$self->{unbound} = $self->{resolver}->daemon('unbound', '-d', '-c', $file);
	$self->{resolver}->in(sub { $self->wait_answer('192.0.2.2', 'ns.lab') });
}

sub stop_resolver { my ($self) = @_; $self->{resolver}->kill_all }

sub serve {
	my ($self, $zones, $signed) = @_;
	$self->{signed} = $signed;
	$_->kill_all for $self->{authority}, $self->{resolver};
	my %all = (%$zones, '.' => [root_lines($zones), @{$zones->{'.'} || []}]);
	$self->authority($self->{authority}, %all);
	$self->{authority}->in(sub { $self->wait_answer('192.0.2.53', 'ns.lab') });
	$self->start_resolver;
}

sub wait_answer {
	my ($self, $server, $name) = @_;
	my $r = Net::DNS::Resolver->new(nameservers => [$server], udp_timeout => 1, retry => 1, retrans => 1, recurse => 1);
	my $until = time + 20;
	while (time < $until) {
		my $p = $r->send($name, 'A');
		return if $p && $p->header->ancount;
		sleep 0.1;
	}
	Test::More::BAIL_OUT("the name server $server does not answer: " . `tail -20 '$ENV{TMPDIR}/daemons.log'`);
}

# What a client of the resolver gets: "RCODE data, data".
sub ask {
	my ($self, $name, $type) = @_;
	return $self->{resolver}->in(sub {
		my $r = Net::DNS::Resolver->new(nameservers => ['192.0.2.2'], udp_timeout => 20, retry => 1);
		my $p = $r->send($name, $type) or return 'nothing';
		return join ' ', $p->header->rcode, sort map {$_->rdstring} grep {$_->type eq $type} $p->answer;
	});
}

1;
