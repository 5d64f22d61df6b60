#!/usr/bin/perl
# The vectors of openspf.org's suite for RFC 7208, 203 of them, each asked of testspf over a name server
# with its zone.  The file comes with Debian's package python3-spf, which is fetched with apt-get
# download and unpacked into the folder of the test build.  MTA-0325
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeDNS;
use Courier::Test;
use Net::DNS;
use YAML::XS ();

my $debs = "$ENV{COURIER_TEST_PREFIX}/../debs";
my $file = "$debs/python3-spf/usr/share/doc/python3-spf/rfc7208-tests.yml.gz";
if (!-f $file) {
	mkdir $debs;
	system "cd $debs && apt-get download -q python3-spf >python3-spf.log 2>&1 && dpkg -x python3-spf_*.deb python3-spf";
	plan skip_all => "the package python3-spf cannot be downloaded (see $debs/python3-spf.log)" if !-f $file;
}

# Where this system decides otherwise, and why.
my %ours = (
	# a text record of no strings is no record, and the resolver does not take such an answer
	'null-text' => ['temperror'],
	# names of mail hosts have letters, digits, hyphens and underscores; others are hosts of nobody
	'mx-colon-domain' => ['neutral'],
	'mx-colon-domain-ip4mapped' => ['neutral'],
);

# What the suite's zones say, for the name server; SPF records stand for TXT where there are none.
sub zone {
	my ($data) = @_;
	my %zone;
	for my $name (keys %$data) {
		my (%rr, $down);
		for my $r (@{$data->{$name}}) {
			$down = 1, next if !ref $r; # TIMEOUT: what comes behind it fails
			my ($type, $value) = %$r;
			push @{$rr{$type}}, $value;
		}
		$rr{TXT} //= $rr{SPF} if $rr{SPF};
		delete $rr{SPF};
		delete $rr{TXT} if $rr{TXT} && grep {!ref($_) && $_ eq 'NONE'} @{$rr{TXT}};
		for my $type ($down ? qw(A AAAA MX TXT PTR) : ()) { $rr{$type} //= 'SERVFAIL' }
		for my $type (keys %rr) {
			$zone{lc($name =~ s, ,\\032,gr) . " $type"} = ref $rr{$type} ? [map {record($name, $type, $_)} @{$rr{$type}}] : $rr{$type};
		}
		$zone{lc($name) . ' HINFO'} //= [] if !%rr;
	}
	return %zone;
}

sub record {
	my ($name, $type, $v) = @_;
	return $v =~ s/\.*\z/./r if $type eq 'CNAME' || $type eq 'PTR';
	return join ' ', $v->[0], $v->[1] eq '' ? '.' : "$v->[1]." if $type eq 'MX';
	return $v if $type ne 'TXT';
	my @parts = map {my $s = "$_"; my @cut; push @cut, substr $s, 0, 255, '' while length $s > 255; (@cut, $s)} ref $v ? @$v : $v;
	return Net::DNS::RR->new(name => $name, type => 'TXT', ttl => 60, rdata => join '', map {utf8::downgrade($_); pack 'C/a*', $_} @parts);
}

my $testspf = Courier::Test::program('testspf');
my $n = 0;
for my $scene (YAML::XS::Load(scalar qx(zcat '$file'))) {
	my $dns = Courier::FakeDNS->new(zone($scene->{zonedata}));
	my $tests = $scene->{tests};
	for my $name (sort keys %$tests) {
		my $x = $tests->{$name};
		my @want = ref $x->{result} ? @{$x->{result}} : $x->{result};
		@want = @{$ours{$name}} if $ours{$name};
		open my $out, '-|', $testspf, '--dns', "127.0.0.1\@$dns->{port}", $x->{host}, $x->{helo}, $x->{mailfrom} or die $!;
		my $said = do {local $/; <$out>} // '';
		close $out;
		my ($result) = $said =~ /^(\w+)/;
		ok((grep {$_ eq ($result // '')} @want), "$scene->{description}: $name") or diag "wanted @want, was told: $said";
		my $e = $x->{explanation};
		next if !defined $e || $e eq 'DEFAULT' || ($result // '') ne 'fail';
		like $said, qr/: \Q$e\E$/mi, "$scene->{description}: $name, the explanation";
	}
	$n += keys %$tests;
}
is $n, 203, 'all of them';
done_testing;
