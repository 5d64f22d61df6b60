#!/usr/bin/perl
# slow
# The ESMTP server at its limits: sizes, headers, recipients, loops, time, and what it says when
# something behind it is down or full.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Time::HiRes qw(time sleep);

my $t = Courier::Test->new(
	users => ['alice', 'bob', 'carol'],
	config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, MAXPERIP => 1000, MAXPERC => 1000}, submit => {HEADERLIMIT => 100000}},
	files => {'smtpaccess/default' => '', sizelimit => "200000\n", esmtptimeout => "2s\n", esmtptimeoutdata => "2s\n", bofh => "maxrcpts 2\n"},
);
$t->start;
my ($mail, $rcpt) = ('MAIL FROM:<x@far.test>', 'RCPT TO:<alice@example.test>');

sub session {
	my (@say) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	my $r = '';
	$r = $t->smtp($s, $_) for 'EHLO client.test', @say;
	return wantarray ? ($s, $r) : $s;
}
# A text; the reply.
sub text {
	my ($text) = @_;
	my $s = session($mail, $rcpt, 'DATA');
	local $SIG{PIPE} = 'IGNORE';
	$text =~ s/\n/\r\n/g;
	print $s $text, ".\r\n";
	return $t->smtp_reply($s);
}
sub reload { $t->command('courier', '-C', $t->path(''), 'reload') }

# ---- sizes
like((session())[1], qr/^250-SIZE 200000\r$/m, 'MTA-0804: the limit is told');
like((session("$mail SIZE=200001"))[1], qr/^552 5\.3\.4/, 'MTA-0804: and holds');
like((session("$mail SIZE=200000"))[1], qr/^250 /, '... to the byte');
like text("Subject: large\n\n" . ('x' x 70 . "\n") x 4000), qr/^552 5\.3\.4/, 'MTA-0829: a message too large';
like text("Subject: just\n\n" . ('x' x 70 . "\n") x 2000), qr/^250 /, 'a large one';
like text("Subject: x\n" . join('', map {"X-$_: " . 'y' x 70 . "\n"} 1 .. 1500) . "\nx\n"), qr/^5\d\d 5\.3\.4 .*header/, 'MTA-0828: a header too large';
like text("Subject: x\n" . "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n" x 100 . "\nx\n"), qr/^250 /, 'MTA-0830: 100 Received fields';
like text("Subject: x\n" . "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\n" x 101 . "\nx\n"), qr/^546 5\.4\.6/, 'MTA-0830: 101 are a loop';

# ---- recipients
my @rcpts = map {"RCPT TO:<$_\@example.test>"} qw(alice bob);
like((session($mail, @rcpts, 'RCPT TO:<carol@example.test>'))[1], qr/^431 4\.5\.3/, 'MTA-0823: too many recipients, the others later');
{
	my $s = session($mail, @rcpts, 'RCPT TO:<carol@example.test>', 'DATA');
	print $s "Subject: two\r\n\r\nx\r\n.\r\n";
	like $t->smtp_reply($s), qr/^250 /, 'MTA-0823: ... those before get the message';
	ok $t->wait_mail($_, qr/^Subject: two$/m), "... $_" for qw(alice bob);
}
$t->file('etc/bofh', "maxrcpts 2 hard\n");
reload();
ok $t->wait_for(10, sub { (session($mail, @rcpts, 'RCPT TO:<carol@example.test>'))[1] =~ /^531 5\.5\.3/ }), 'MTA-0823: 531 when it is hard';

# ---- time
{
	my $s = session();
	my $start = time;
	like $t->smtp_reply($s), qr/^421 4\.4\.2/, 'MTA-0847: silence between commands ends it';
	my $took = time - $start;
	ok $took > 1.5 && $took < 20, sprintf '... after %.1f s (esmtptimeout)', $took;
	is $t->smtp_reply($s), '', '... the connection';
	$s = session($mail, $rcpt, 'DATA');
	print $s "Subject: half\r\n\r\nx\r\n";
	$start = time;
	like $t->smtp_reply($s), qr/^421 4\.4\.2/, 'MTA-0847: silence in a message (esmtptimeoutdata)';
	$took = time - $start;
	ok $took > 1.5 && $took < 20, sprintf '... after %.1f s', $took;
	$s = session($mail, $rcpt, 'DATA');
	for (1 .. 6) { print $s "X-$_: x\r\n"; sleep 0.6 }
	print $s "\r\nx\r\n.\r\n";
	like $t->smtp_reply($s), qr/^250 /, 'one that is slow but goes on may take longer';
}

# ---- MTA-0833: accounts that can't be looked up
my $db = $t->path('etc/userdb');
{
	open my $f, '>>', $db or die;
	print $f "broken\@example.test\thome=/nowhere|systempw={PLAIN}x\n"; # no uid
	close $f;
	$t->command('makeuserdb');
	like((session($mail, 'RCPT TO:<broken@example.test>'))[1], qr/^450 4\.3\.0/, 'MTA-0833: an account that is faulty: later');
	like((session($mail, $rcpt))[1], qr/^250 /, '... the others are there');
}

# ---- MTA-0832: no room
$t->file('etc/sizecheck', "999999999999 1 100000\n");
reload();
ok $t->wait_for(10, sub { (session($mail))[1] =~ /^431 4\.3\.1/ }), 'MTA-0832: a disk that is too full' or diag((session($mail))[1]);
unlink $t->path('etc/sizecheck');
reload();
ok $t->wait_for(10, sub { (session($mail))[1] =~ /^250 / }), '... and not any more';
is $t->stop, '', 'stops';
done_testing;
