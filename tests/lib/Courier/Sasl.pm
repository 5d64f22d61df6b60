package Courier::Sasl;

# A client's side of SASL by hand, for tests that have to get it wrong on purpose.
#
#	my $r = scram($t, $s, hash => 'sha256', user => 'bob', password => 'x', gs2 => 'n,,');
#	my $r = cram($t, $s, 'SHA256', 'bob', 'x');
#	my $b = binding($s);             # tls-exporter (RFC 9266) of an IO::Socket::SSL
#
# scram: mechanism (else by hash), binding (its bytes, when the gs2 header says "p="), and code that
# may change what is sent: first => sub {...}, final => sub {...}.  The last reply comes back, or what
# is wrong with the server's.

use strict;
use warnings;
use Digest::HMAC_MD5 ();
use Digest::SHA ();
use Exporter 'import';
use MIME::Base64;

our @EXPORT_OK = qw(scram cram binding b64);

sub b64 { return encode_base64($_[0], '') }

my %hash = (
	sha1 => ['SCRAM-SHA-1', \&Digest::SHA::sha1, \&Digest::SHA::hmac_sha1],
	sha256 => ['SCRAM-SHA-256', \&Digest::SHA::sha256, \&Digest::SHA::hmac_sha256],
);

sub binding {
	my ($s) = @_;
	require Net::SSLeay;
	return Net::SSLeay::export_keying_material($s->_get_ssl_object, 32, 'EXPORTER-Channel-Binding', '');
}

sub scram {
	my ($t, $s, %o) = @_;
	my ($mechanism, $h, $hmac) = @{$hash{$o{hash} || 'sha256'}};
	my $gs2 = $o{gs2} // 'n,,';
	my $bare = "n=$o{user},r=" . ($o{nonce} || 'rOprNGfwEbeRWgbNEkqO');
	$bare = $o{first}->($bare) if $o{first};
	my $r = $t->smtp($s, 'AUTH ' . ($o{mechanism} || $mechanism) . ' ' . b64("$gs2$bare"));
	return $r unless $r =~ /^334 (\S+)/;
	my $first = decode_base64($1);
	my ($nonce, $salt, $count) = $first =~ /^r=([^,]+),s=([^,]+),i=(\d+)\z/ or return "bad: $first";
	my $u = my $salted = $hmac->(decode_base64($salt) . pack('N', 1), $o{password});
	for (2 .. $count) { $u = $hmac->($u, $o{password}); $salted ^= $u }
	my $final = 'c=' . b64($gs2 . ($o{binding} // '')) . ",r=$nonce";
	$final = $o{final}->($final) if $o{final};
	my $message = "$bare,$first,$final";
	my $key = $hmac->('Client Key', $salted);
	my $proof = $key ^ $hmac->($message, $h->($key));
	$r = $t->smtp($s, b64("$final,p=" . b64($proof)));
	return $r unless $r =~ /^334 (\S+)/;
	my $v = b64($hmac->($message, $hmac->('Server Key', $salted)));
	return 'the server does not know the password' unless decode_base64($1) eq "v=$v";
	return $t->smtp($s, $o{last} // '');
}

sub cram {
	my ($t, $s, $name, $user, $password) = @_;
	my %hmac = (MD5 => \&Digest::HMAC_MD5::hmac_md5_hex, SHA1 => \&Digest::SHA::hmac_sha1_hex, SHA256 => \&Digest::SHA::hmac_sha256_hex);
	my $r = $t->smtp($s, "AUTH CRAM-$name");
	return $r unless $r =~ /^334 (\S+)/;
	return $t->smtp($s, b64("$user " . $hmac{$name}->(decode_base64($1), $password)));
}

1;
