package Interop::Client;

# One message given to a server: exactly these parameters, exactly these bytes.

use strict;
use warnings;
use IO::Socket::IP;
use MIME::Base64;

sub reply {
	my ($s) = @_;
	my $all = '';
	local $SIG{ALRM} = sub { die "no reply in time\n" };
	alarm 60;
	while (defined(my $l = readline $s)) {
		$all .= $l;
		last if $l =~ /^\d{3} /;
	}
	alarm 0;
	return $all;
}

sub say { my ($s, $line) = @_; print $s "$line\r\n"; return reply($s) }

# (server, port, from =>, mail => parameters, to => [[address, parameters]...], data => bytes, bdat => bool, auth => [user, word]): the last reply, and
# what the server offered.
sub inject {
	my ($server, $port, %m) = @_;
	my $s = IO::Socket::IP->new(PeerHost => $server, PeerPort => $port, Type => Socket::SOCK_STREAM(), Timeout => 20) or return ("cannot connect: $@", '');
	local $SIG{PIPE} = 'IGNORE';
	binmode $s;
	$s->autoflush(1);
	my $r = reply($s);
	my $ehlo = say($s, 'EHLO client.test');
	if ($m{auth}) {
		require IO::Socket::SSL;
		$r = say($s, 'STARTTLS');
		return ($r, $ehlo) if $r !~ /^2/;
		IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or return ('no TLS', $ehlo);
		$ehlo = say($s, 'EHLO client.test');
		$r = say($s, 'AUTH PLAIN ' . encode_base64("\0$m{auth}[0]\0$m{auth}[1]", ''));
		return ($r, $ehlo) if $r !~ /^2/;
	}
	for my $line ("MAIL FROM:<$m{from}>" . (defined $m{mail} ? " $m{mail}" : ''), map {"RCPT TO:<$_->[0]>" . (defined $_->[1] ? " $_->[1]" : '')} @{$m{to}}) {
		$r = say($s, $line);
		return ($r, $ehlo) if $r !~ /^2/;
	}
	if ($m{bdat}) {
		my $half = int(length($m{data}) / 2);
		print $s "BDAT $half\r\n" . substr($m{data}, 0, $half);
		$r = reply($s);
		print $s 'BDAT ' . (length($m{data}) - $half) . " LAST\r\n" . substr($m{data}, $half);
		$r = reply($s);
	} else {
		$r = say($s, 'DATA');
		return ($r, $ehlo) if $r !~ /^3/;
		(my $data = $m{data}) =~ s/^\./../mg;
		print $s $data;
		$r = say($s, '.');
	}
	print $s "QUIT\r\n";
	return ($r, $ehlo);
}

1;
