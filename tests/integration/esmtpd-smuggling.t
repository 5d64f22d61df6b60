#!/usr/bin/perl
# SMTP smuggling: a message whose text holds every form of a false end, and behind it the commands of
# a second message. Whatever the form, nothing but CRLF.CRLF ends a message, and a text with a CR or LF
# that stands alone is refused; so the second message must never arrive.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0, MAXPERIP => 1000, MAXPERC => 1000}});
$t->start;

my %name = ("\r\n" => 'CRLF', "\n" => 'LF', "\r" => 'CR', '' => 'nothing', "\r\r\n" => 'CRCRLF', "\n\r" => 'LFCR', "\r\0\n" => 'CR-NUL-LF');
my $n = 0;

sub refused {
	my ($what, $text, $split) = @_;
	my $s = $t->connect('smtp');
	my $r = $t->smtp_reply($s);
	$r = $t->smtp($s, $_) for 'EHLO c', 'MAIL FROM:<a@client.test>', 'RCPT TO:<alice@example.test>', 'DATA';
	return fail("$what: no DATA: $r") unless $r =~ /^354/;
	if (defined $split) {
		print $s substr $text, 0, $split;
		select undef, undef, undef, 0.01;
		print $s substr $text, $split;
	} else {
		print $s $text;
	}
	$r = $t->smtp_reply($s);
	my $next = $t->smtp($s, 'NOOP');
	return ok($r =~ /^554 5\.5\.2/ && $next =~ /^250/, "$what is refused, once") || diag("$r / $next");
}

for my $before ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\0\n") {
	for my $after ("\r\n", "\n", "\r", "\r\r\n", "\n\r", "\r\0\n") {
		next if $before =~ /\r\n\z/ && $after eq "\r\n"; # that is the end
		my $smuggled = "MAIL FROM:<smuggler\@client.test>\r\nRCPT TO:<bob\@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\n!\r\n.\r\n";
		my $text = "Subject: carrier\r\n\r\nx${before}.${after}${smuggled}";
		refused("$name{$before} . $name{$after}", $text);
		refused("$name{$before} . $name{$after}, cut", $text, index($text, $smuggled) - 1) if $after =~ /../;
		# behind the false end the commands went on: their own end ended the text
	}
}
refused('two dots', "Subject: x\r\n\r\n..\n.\r\n\r\n.\r\n");
refused('LF everywhere', "Subject: x\n\nbody\n.\n\r\n.\r\n");

# Commands: a CR or LF alone ends none, and ends the session.
for my $end ("\n", "\r", "\r\r\n") {
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	print $s "EHLO c${end}MAIL FROM:<a\@client.test>\r\nRCPT TO:<bob\@example.test>\r\n";
	my $r = $t->smtp_reply($s);
	like $r, qr/^500 5\.5\.2/, "$name{$end} in a command";
	is $t->smtp_reply($s), '', '... ends the session';
}

# Texts that are right, cut at each byte around the end.
my $good = "Subject: good\r\n\r\n..\r\n.x\r\n\r\n.\r\n";
for my $cut (length($good) - 9 .. length($good) - 1) {
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO c', 'MAIL FROM:<a@client.test>', 'RCPT TO:<alice@example.test>', 'DATA';
	print $s substr $good, 0, $cut;
	select undef, undef, undef, 0.02;
	print $s substr $good, $cut;
	like $t->smtp_reply($s), qr/^250 /, "a good message, cut at $cut";
	$n++;
}
ok $t->wait_empty_queue, 'all delivered';
my @alice = $t->mailbox('alice');
is scalar(@alice), $n, 'the good messages and no other';
is scalar(grep {$_->[1] =~ /\n\n\.\nx\n\n\z/} @alice), $n, 'each as it was sent';
is scalar($t->mailbox('bob')), 0, 'nothing was smuggled';
done_testing;
