#!/usr/bin/perl
# The stream is parsed once, without an allocation for a byte, a line or a piece: what the ESMTP server and the
# gate ask of malloc is counted for messages of different length.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Faults;

plan skip_all => 'memory is the sanitizer\'s' if ($ENV{COURIER_TEST_CONFIGURE} || '') =~ /sanitize/;
Courier::Faults::become_ordinary();
my $t = Courier::Test->new(users => ['alice'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, ESMTP_MAXIDLE => 1000000}, courierd => {ESMTPD_WORKERS => 1, GATE_WORKERS => 1}},
	files => {sizelimit => "0\n"});
my $faults = Courier::Faults->new;
$faults->start($t);
my $s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c.test');

# The allocations of one program while the code runs.
sub allocations {
	my ($program, $run) = @_;
	$faults->arm(program => $program, classes => 'memory', at => 0, error => 12);
	$run->();
	$faults->met;
	my $n = $faults->{count};
	$faults->disarm;
	return $n;
}

sub text {
	my ($lines) = @_;
	return "Subject: $lines\r\n\r\n" . (".a line that begins with a dot, and is as long as lines are\r\n" x $lines);
}

sub begin { $t->smtp($s, $_) for 'MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>' }
my %way = (
	DATA => sub { my ($lines) = @_; begin(); $t->smtp($s, 'DATA'); print $s text($lines) =~ s/^\./../gmr; return $t->smtp($s, '.') },
	BDAT => sub { my ($lines) = @_; begin(); my $text = text($lines); print $s 'BDAT ' . length($text) . " LAST\r\n$text"; return $t->smtp_reply($s) },
	'BDAT in binary' => sub {
		my ($lines) = @_;
		$t->smtp($s, $_) for 'MAIL FROM:<x@far.test> BODY=BINARYMIME', 'RCPT TO:<alice@example.test>';
		my $text = text($lines);
		print $s 'BDAT ' . length($text) . " LAST\r\n$text";
		return $t->smtp_reply($s);
	},
	commands => sub { my ($n) = @_; my $r; for (1 .. $n / 100) { print $s "RSET\r\n" x 100; $r = $t->smtp_reply($s) for 1 .. 100 } return $r },
);
for my $program ('courieresmtpd', 'couriergate') {
	for my $name (sort keys %way) {
		my $run = $way{$name};
		$run->(2000); # what is made once is there
		my %n;
		for my $lines (2000, 100000) {
			$n{$lines} = allocations($program, sub { like($run->($lines), qr/^250 /, "$name, $lines") });
		}
		my ($most, $what) = $name eq 'commands' ? (2 * 98000, 'two for a command at the most') : (1500, 'one for 4 KiB at the most');
		cmp_ok($n{100000} - $n{2000}, '<', $most, "$program: $name: 98,000 lines more, allocations: $what");
		cmp_ok($n{2000}, '>', 0, '... and they were counted') if $name ne 'commands';
	}
}
close $s;
is($t->stop, '', 'stops');
done_testing;
