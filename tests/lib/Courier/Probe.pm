package Courier::Probe;

# Conversations with a running ESMTP server, written as tables, one assertion each:
#
#	my $p = Courier::Probe->new($t, service => 'smtp', tls => 0);
#	$p->probe('a second MAIL', 'EHLO c' => 250, 'MAIL FROM:<a@x.test>' => 250, 'MAIL FROM:<a@x.test>' => '503 5.5.1');
#
# Each runs on a connection of its own.  What is sent is a line (CRLF is added), or bytes as they are
# when it is a reference to a string.  What is expected is how the last line of the reply begins, a
# pattern for the whole reply, or undef: the connection ends without a word.  Every reply is held
# against the form of RFC 5321 and RFC 2034 besides.

use strict;
use warnings;
use Test::More ();

sub new {
	my ($class, $t, %arg) = @_;
	return bless {t => $t, service => $arg{service} || 'smtp', tls => $arg{tls}}, $class;
}

# What every reply must be, whatever it says.  The fault, or nothing.
sub fault_of {
	my ($reply, $expects_code) = @_;
	my @lines = split /(?<=\n)/, $reply;
	my ($code) = $reply =~ /^(\d{3})/ or return 'no code';
	for my $line (@lines) {
		return "no CRLF: $line" if $line !~ /\r\n\z/;
		return 'a line of ' . length($line) . ' bytes' if length $line > 512;
		return "another code: $line" if $line !~ /^$code[- ]/;
		return "a control character: $line" if $line =~ /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/;
		return "the class of the enhanced code differs: $line" if $line =~ /^(\d)\d\d[- ](\d)\.\d+\.\d+ / && $1 ne $2;
		return "no enhanced code: $line" if $expects_code && $code !~ /^3/ && $line !~ /^\d{3}[- ]\d\.\d{1,3}\.\d{1,3} /;
	}
	return "lines go on behind the last: $reply" if grep {/^\d{3} /} @lines[0 .. $#lines - 1];
	return;
}

sub matches {
	my ($reply, $want) = @_;
	return $reply eq '' if !defined $want;
	return $reply =~ $want if ref $want;
	return ($reply =~ /^([^\n]*)\n\z/m ? $1 : '') =~ /^\Q$want\E/;
}

# A connection, by STARTTLS if that is wanted, and what is wrong with it so far.
sub begin {
	my ($self) = @_;
	my $t = $self->{t};
	my $s = $t->connect($self->{service});
	my $reply = $t->smtp_reply($s);
	return ($s, "greeting: $reply") if $reply !~ /^220 /;
	return ($s) if !$self->{tls};
	$t->smtp($s, 'EHLO c');
	$reply = $t->smtp($s, 'STARTTLS');
	return ($s, "STARTTLS: $reply") if $reply !~ /^220 /;
	require IO::Socket::SSL;
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or return ($s, 'no TLS');
	return ($s);
}

sub probe {
	my ($self, $name, @steps) = @_;
	my $t = $self->{t};
	my ($s, $why) = $self->begin;
	my ($reply, $coded);
	while (!$why && @steps) {
		my ($send, $want) = splice @steps, 0, 2;
		my $shown = ref $send ? $$send : $send;
		local $SIG{PIPE} = 'IGNORE';
		print $s ref $send ? $$send : "$send\r\n";
		$reply = $t->smtp_reply($s);
		$coded = 1 if !ref $send && $send =~ /^EHLO /i && $reply =~ /^250[- ]ENHANCEDSTATUSCODES/m;
		my $form = $reply eq '' ? undef : fault_of($reply, $coded && $shown !~ /^(?:EHLO|HELO)/i);
		$why = "form ($form)" if $form;
		$why = 'expected ' . ($want // 'the end') if !$why && !matches($reply, $want);
		$why .= sprintf "\n  sent  %s\n  reply %s", substr($shown, 0, 200) =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger, $reply if $why;
	}
	close $s;
	Test::More::ok(!$why, $name) || Test::More::diag($why);
	return !$why;
}

1;
