package Lab::Sign;

# Signs a zone of the lab: one key (P-256, RFC 6605), NSEC, signatures of a day.
#
#	my $anchor = $lab->sign('b.test');     # a line for etc/resolver.key; before $lab->dns

use strict;
use warnings;
use MIME::Base64;
use Net::DNS;
use Net::DNS::ZoneFile;

sub usable { return eval { require Net::DNS::SEC; require Net::DNS::SEC::Private; require Net::DNS::RR::RRSIG; 1 } }

sub new {
	my ($class, $zone) = @_;
	usable() or die "lab: Net::DNS::SEC is missing\n";
	my $text = `openssl ecparam -name prime256v1 -genkey -noout 2>/dev/null | openssl ec -text -noout 2>/dev/null`;
	my ($private) = $text =~ /priv:\s+([0-9a-f:\s]+?)\npub/ or die "lab: openssl makes no key\n";
	my ($public) = $text =~ /pub:\s+([0-9a-f:\s]+?)\nASN1/;
	s/[:\s]//g for $private, $public;
	my $base64 = sub { encode_base64(pack('H*', $_[0]), '') };
	my $key = '257 3 13 ' . $base64->(substr $public, 2);
	my $rr = Net::DNS::RR->new("$zone. 5 DNSKEY $key");
	return bless {zone => $zone, rr => $rr, anchor => "$zone. IN DNSKEY $key\n",
		key => Net::DNS::SEC::Private->new(algorithm => 13, keytag => $rr->keytag, signame => $zone,
			privatekey => $base64->(substr '0' x 64 . $private, -64))}, $class;
}

sub anchor { $_[0]{anchor} }

# The order of RFC 4034, 6.1.
sub order { return join "\0", reverse split /\./, lc $_[0] }

# A zone's text, signed.
sub text {
	my ($self, $plain) = @_;
	my %set;
	push @{$set{$_->owner}{$_->type}}, $_ for $self->{rr}, Net::DNS::ZoneFile->parse(\$plain);
	my @names = sort {order($a) cmp order($b)} keys %set;
	for my $i (0 .. $#names) {
		my $types = join ' ', sort('RRSIG', 'NSEC', keys %{$set{$names[$i]}});
		$set{$names[$i]}{NSEC} = [Net::DNS::RR->new("$names[$i]. 5 NSEC $names[($i + 1) % @names]. $types")];
	}
	my @out;
	for my $rrs (map {my $s = $set{$_}; map {$s->{$_}} sort keys %$s} @names) {
		push @out, @$rrs, Net::DNS::RR::RRSIG->create($rrs, $self->{key}, sigval => 1);
	}
	my ($soa) = grep {$_->type eq 'SOA'} @out;
	return join '', map {$_->plain . "\n"} $soa, grep {$_ != $soa} @out;
}

1;
