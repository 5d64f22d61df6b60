#!/usr/bin/perl
# Sending by IMAP: OUTBOX (IMAP-0055 IMAP-0170), SENDMAIL (IMAP-0056), HEADERFROM (IMAP-0057) and
# OUTBOX_MULTIPLE_SEND (IMAP-0058); who sends is AUTHADDR (IMAP-0008).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(slurp);
use Courier::Test;
use IO::Socket::SSL ();

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {imapd => {OUTBOX => '.Outbox'}});
$t->start;
my $dir = $t->maildir('alice');

my $s;
sub dial {
	$s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imaps'), SSL_verify_mode => 0, Timeout => 10) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
	readline $s;
	return ask("LOGIN alice $Courier::Test::PASSWORD");
}
sub ask {
	my ($text) = @_;
	my $said = '';
	local $SIG{ALRM} = sub { die "slow\n" };
	print $s "a $text\r\n";
	eval { alarm 30; while (defined(my $l = readline $s)) { $said .= $l; last if $l =~ /^a / } };
	alarm 0;
	return $said . ($@ ? '(no more came)' : '');
}
sub put { my ($folder, $text) = @_; $text =~ s/\n/\r\n/g; return ask("APPEND $folder {" . length($text) . "+}\r\n$text") }
sub kept { my @files = glob "$dir/.Outbox/{new,cur}/*"; return scalar @files }
sub message { my ($subject, @to) = @_; return "From: somebody\@else.example\nTo: @to\nBcc: alice\@example.test\nSubject: $subject\n\nby IMAP\n" }

like dial(), qr/^a OK \[CAPABILITY .* XCOURIEROUTBOX=INBOX\.Outbox\b/, 'IMAP-0170: clients are told the folder';
like put('INBOX.Outbox', message('early', 'bob@example.test')), qr/^a NO \[TRYCREATE\]/, 'nobody makes it for them';
like ask('CREATE INBOX.Outbox'), qr/^a OK/m, 'they do';
like put('INBOX.Outbox', message('first', 'bob@example.test')), qr/^a OK \[APPENDUID/m, 'IMAP-0055: APPEND sends';
my $mail = $t->wait_mail('bob', qr/^Subject: first$/m);
ok $mail, 'IMAP-0056: by sendmail';
like $mail, qr/^Return-Path: <alice\@example\.test>$/m, 'IMAP-0008 IMAP-0056: -f: the account is the sender';
like $mail, qr/^X-IMAP-Sender: alice\@example\.test$/m, 'IMAP-0057: and stands in the header';
unlike $mail, qr/^Bcc:/m, 'Bcc does not';
ok $t->wait_mail('alice', qr/^Subject: first$/m), '... but gets its copy';
is kept(), 1, 'the message is kept';
unlike slurp((glob "$dir/.Outbox/{new,cur}/*")[0]), qr/X-IMAP-Sender/, 'IMAP-0057: ... as it came';

# COPY and MOVE
put('INBOX', message($_, 'bob@example.test')) for 'second', 'third', 'fourth', 'fifth';
ask('SELECT INBOX');
my %uid = map {my ($n) = ask("SEARCH SUBJECT $_") =~ /^\* SEARCH (\d+)/; ($_ => $n)} 'second', 'third', 'fourth', 'fifth';
like ask("COPY $uid{second} INBOX.Outbox"), qr/^a OK \[COPYUID/m, 'IMAP-0055: COPY sends';
ok $t->wait_mail('bob', qr/^Subject: second$/m), '... the message';
like ask("COPY $uid{third},$uid{fourth} INBOX.Outbox"), qr/^a NO /m, 'IMAP-0058: several at once are refused';
like ask("MOVE $uid{third},$uid{fourth} INBOX.Outbox"), qr/^a NO /m, '... moved, too';
is kept(), 2, '... and nothing is kept';
like ask("MOVE $uid{fifth} INBOX.Outbox"), qr/^a OK/m, 'MOVE';
ok $t->wait_mail('bob', qr/^Subject: fifth$/m), '... sends';
is kept(), 3, '... and moves';
is scalar(my @sent = $t->log_lines(qr/SENT, user=alice\@example\.test, mailbox=INBOX\.Outbox/)), 3, 'the log has each';
unlike join('', map {slurp($_)} glob $t->maildir('bob') . '/{new,cur}/*'), qr/^Subject: (?:third|fourth)$/m, 'what was refused was not sent';

# what cannot be sent
like put('INBOX.Outbox', "Subject: to nobody\n\nx\n"), qr/^a NO \[ALERT\] The message could not be sent: .*\w/m, 'a message for nobody: the client is told';
is kept(), 3, '... and it is not kept';
$t->script($t->path('send'), qq(cat >"\$HOME/sent.\$\$"; echo "\$\@" >>"\$HOME/args"; test ! -e "\$HOME/fail" || { echo "no luck today"; exit 75; }\n));
$t->configure(imapd => {SENDMAIL => $t->path('send'), HEADERFROM => '', OUTBOX_MULTIPLE_SEND => 1});
dial();
ask('SELECT INBOX');
like ask("COPY $uid{third},$uid{fourth} INBOX.Outbox"), qr/^a OK \[COPYUID/m, 'IMAP-0058: OUTBOX_MULTIPLE_SEND=1';
my $home = $dir =~ s,/Maildir$,,r;
is slurp("$home/args"), "-oi -t -f alice\@example.test\n" x 2, 'IMAP-0056: SENDMAIL -oi -t -f ADDRESS, once for each';
my @files = glob "$home/sent.*";
is scalar(@files), 2, '... with the message';
unlike join('', map {slurp($_)} @files), qr/Sender|\r/, 'IMAP-0057: HEADERFROM empty: nothing is added';
open my $fail, '>', "$home/fail" or die;
chmod 0644, "$home/fail";
like put('INBOX.Outbox', message('unlucky', 'bob@example.test')), qr/^a NO \[ALERT\] The message could not be sent: no luck today/m, 'what the program says is told';
like ask("COPY $uid{third} INBOX.Outbox"), qr/^a NO \[ALERT\] The message could not be sent/m, '... for COPY';
like ask("MOVE $uid{third} INBOX.Outbox"), qr/^a NO \[ALERT\] The message could not be sent/m, '... and MOVE';
like ask("FETCH $uid{third} BODY.PEEK[HEADER.FIELDS (SUBJECT)]"), qr/third/, '... which moved nothing';
is kept(), 5, '... nothing is kept';
is scalar(() = glob "$dir/{,.Outbox/}tmp/*"), 0, '... or left behind';
ok $t->log_lines(qr/cannot send a message of the Outbox, user=alice\@example\.test: no luck today/), '... the log has it';
ask('LOGOUT');
$t->configure(imapd => {OUTBOX => ''});
unlike dial(), qr/XCOURIEROUTBOX/, 'without OUTBOX there is none';
like put('INBOX.Outbox', message('just kept', 'bob@example.test')), qr/^a OK/m, '... the folder is one like others';
ask('LOGOUT');
$t->configure(imapd => {OUTBOX => 'Outbox'});
like $t->command('courier', '-C', $t->path(''), 'check'), qr/OUTBOX/, 'a name without its dot is a fault';
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
done_testing;
