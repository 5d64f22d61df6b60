#!/usr/bin/perl
# The Outbox in a running instance: what a client of the network puts there is sent by this suite's own
# sendmail, from a session that is shut into its Maildir.  IMAP-0055, IMAP-0056, IMAP-0170.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {imapd => {OUTBOX => '.Outbox'}, 'imapd-ssl' => {IMAP_TLS_REQUIRED => 0}});
$t->start;
my $s = $t->connect('imap');
my $greeting = readline $s;

sub ask {
	my ($tag, $text) = @_;
	print $s "$tag $text";
	my $said = '';
	local $SIG{ALRM} = sub { die "no answer to $tag\n" };
	alarm 30;
	while (defined(my $line = readline $s)) {
		$said .= $line;
		last if $line =~ /^$tag /;
	}
	alarm 0;
	return $said;
}

my $login = ask('a1', "LOGIN alice $Courier::Test::PASSWORD\r\n");
like($login, qr/^a1 OK .*XCOURIEROUTBOX=INBOX\.Outbox/m, 'IMAP-0170: announced after the login');
like(ask('a2', "CREATE INBOX.Outbox\r\n"), qr/^a2 OK/m, 'folder');
my $mail = "From: alice\@example.test\r\nTo: bob\@example.test\r\nSubject: by outbox\r\n\r\nhello\r\n";
like(ask('a3', 'APPEND INBOX.Outbox (\Seen) {' . length($mail) . "+}\r\n$mail\r\n"), qr/^a3 OK \[APPENDUID/m, 'IMAP-0055: taken')
	or diag $t->log;
my $text = $t->wait_mail('bob', qr/^Subject: by outbox$/m) // '';
like($text, qr/^Subject: by outbox$/m, 'IMAP-0056: it arrives');
like($text, qr/^X-IMAP-Sender: alice\@example\.test$/m, 'and who sent it');
like($t->log, qr/SENT, user=alice\@example\.test, mailbox=INBOX\.Outbox/, 'in the log');
my $lost = "Subject: to nobody\r\n\r\nhello\r\n";
like(ask('a4', 'APPEND INBOX.Outbox {' . length($lost) . "+}\r\n$lost\r\n"), qr/^a4 NO \[ALERT\] The message could not be sent: \S/m, 'no recipient');
like(ask('a5', "STATUS INBOX.Outbox (MESSAGES)\r\n"), qr/MESSAGES 1\)/, 'is not kept');
like(ask('a6', "LOGOUT\r\n"), qr/^a6 OK/m, 'end');
$t->stop;
done_testing;
