#!/usr/bin/perl
# slow
# Reports to senders against the rows of the parity list: the administrator's texts, the fields, which
# report is due, who gets it, what comes back; hostile text from another host.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use IO::Socket::SSL;
use MIME::Base64;
use MIME::Parser;
use Courier::FakeSMTP;
use Courier::Test;

my $hostile = Courier::FakeSMTP->new(greeting => '220 evil', on => {RCPT => sub {
	my ($line) = @_;
	return 'FLOOD 550' if $line =~ /<flood/;
	return "RAW 550-5.1.1 \e[2Ja\0b\ttab\r\n550-5.1.1 --=_courier_0\r\n550-5.1.1 Action: delivered\r\n550 5.1.1 \xff\xfe end\r\n" if $line =~ /<raw/;
	return "550-5.1.1 first\n550-5.1.1 second\n550 5.1.1 third" if $line =~ /<bad/;
	return '450 4.2.0 later, please' if $line =~ /<slow/;
	return '250 2.1.5 Ok';
}});
my %templates = (
	'dsnheader.txt' => "Content-Type: text/plain; charset=\"utf-8\"\nX-Part: ours\n\nHeader of [#ME#] at [#FROMTIME#] by [#FROMMTA#] [#NONE#]\n",
	'dsnfailed.txt' => "T-FAILED\n", 'dsndelayed.txt' => "T-DELAYED\n", 'dsnrelayed.txt' => "T-RELAYED\n",
	'dsndelivered.txt' => "T-DELIVERED\n", 'dsnfooter.txt' => "T-FOOTER \xc3\xbc\n",
	'dsnsubjectnotice.txt' => "Subject of ours\n", 'dsnsubjectwarn.txt' => "Warning of ours\n",
);
my $t = Courier::Test->new(users => ['alice', 'bob', 'carol'],
	config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}, courierd => {ESMTP_BLOCKBACKSCATTER => ''}},
	files => {%templates,
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $hostile->port . "\n",
		resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n", retryalpha => "1s\n", retrybeta => "100\n", warntime => "3s\n",
		'aliases/more' => "other: bad\@far.test\n",
		dsnfrom => "\"Post office\" <post\@office.test>\n", dsnlimit => "2000\n", defaultdomain => "example.test\n",
	});
my $domain = $t->domain;
my $archive = $t->path('var/queue/archive');
mkdir $archive or die $!;
chown +(stat $t->path('var/queue'))[4, 5], $archive if $> == 0;
$t->configure(courierd => {ARCHIVEDIR => $archive});
my ($home) = $t->maildir('carol') =~ m,(.*)/Maildir$,;

sub slurp { my ($f) = @_; open my $h, '<:raw', $f or return; local $/; return scalar <$h> }
sub instructions {
	my ($name, $text) = @_;
	my $file = $t->file(substr($home, length $t->path('')) . "/$name", $text);
	chown +(stat $home)[4, 5], $file if $> == 0;
	chmod 0600, $file;
}
instructions('.courier-no', "|echo go away; exit 67\n");
$t->command('makealiases', '-C', $t->path(''));
$t->start;

sub talk {
	my ($s, %o) = @_;
	my $r = '';
	for my $cmd ("MAIL FROM:<$o{from}>" . ($o{mail} // ''), (map {"RCPT TO:<$_>" . ($o{rcpt} // '')} @{$o{to}}), 'DATA') {
		$r = $t->smtp($s, $cmd);
		return $r if $r !~ /^[23]/;
	}
	print $s "Subject: $o{subject}\r\nFrom: <x\@far.example>\r\n\r\ntext of $o{subject}\r\n", ($o{more} // ''), ".\r\n";
	return $t->smtp_reply($s);
}
sub give {
	my (%o) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	return talk($s, from => "alice\@$domain", %o);
}
# The report with this text in it, in parts.
sub report {
	my ($re, $user, $seconds) = @_;
	my $text = $t->wait_for($seconds || 20, sub {
		my ($m) = grep {$_->[1] =~ m{^Content-Type: multipart/report}m && $_->[1] =~ $re} $t->mailbox($user || 'alice');
		return $m && $m->[1];
	});
	ok($text, "a report with $re") or return {text => '', people => '', fields => '', third => ''};
	my $parser = MIME::Parser->new;
	$parser->output_to_core(1);
	my $top = $parser->parse_data($text);
	my @parts = $top->parts;
	is(scalar @parts, 3, 'three parts');
	my $body = sub { my $b = $_[0]->bodyhandle; return $b ? $b->as_string : join '', map {$_->as_string} $_[0]->parts };
	return {text => $text, top => $top, types => join(' ', map {$_->mime_type} @parts), people => $body->($parts[0]),
		head => $parts[0]->head, fields => $parts[1]->bodyhandle ? $body->($parts[1]) : $body->($parts[1]), third => $parts[2]->as_string};
}

# ---- one report for all (MTA-2112), the administrator's texts -----------------------------

like(give(to => ['bad@far.test', 'good@far.test', "carol\@$domain"], subject => 'mix', rcpt => ' NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;First+2BName@x.test',
	mail => ' ENVID=a+2Bb RET=FULL'), qr/^250/, 'to three recipients');
my $r = report(qr/text of mix/);
is($r->{types}, 'text/plain message/delivery-status message/rfc822', 'MTA-2106: its parts');
is($r->{head}->get('X-Part'), "ours\n", 'MTA-2101: the first part\'s header is the administrator\'s');
my ($me) = $r->{fields} =~ /^Reporting-MTA: dns; (\S+)$/m;
like($r->{people}, qr/^Header of \Q$me\E at \w{3}, \d\d? \w{3} \d{4} .* by client\.test .* \[#NONE#\]$/m, 'MTA-2101: keywords');
like($r->{people}, qr/T-FAILED\n\n<First\+Name\@x\.test>:.*T-RELAYED\n\n<First.*T-DELIVERED\n\n<First.*T-FOOTER \xc3\xbc/s, 'MTA-2102 MTA-2103 MTA-2112 MTA-2116: each class, in one report, with the address that was asked for');
like($r->{people}, qr/^ \S.*127\.0\.0\.1\]:\n >>> RCPT TO:<bad\@far\.test>.*\n <<< 550-5\.1\.1 first\n <<< 550-5\.1\.1 second\n <<< 550 5\.1\.1 third$/m, 'MTA-2105: the block of a recipient');
is($r->{top}->head->get('Subject'), "Subject of ours\n", 'MTA-2104: its subject');
is($r->{top}->head->get('From'), "\"Post office\" <post\@office.test>\n", 'MTA-0113: From is what dsnfrom says');
like($r->{text}, qr/^To: <alice\@\Q$domain\E>$/m, 'MTA-2111: To');
like($r->{text}, qr/boundary="=_courier_\w+"/, 'MTA-2111: the boundary');
like($r->{text}, qr/^Message-ID: <courier\.\S+\@\Q$me\E>$/mi, 'MTA-2111: Message-ID');
like($r->{text}, qr/^Return-Path: <>$/m, 'MTA-2113: from nobody');
like($r->{text}, qr/^Received: .*?with dsn/ms, 'MTA-2111: Received says how');
like($r->{fields}, qr/^Arrival-Date: \w{3}, .*\nOriginal-Envelope-Id: a\+b\nReceived-From-MTA: dns; client\.test \(.*\)$/m, 'MTA-2107 MTA-2119: the message\'s fields, decoded');
like($r->{fields}, qr/^Original-Recipient: rfc822;First\+Name\@x\.test\nFinal-Recipient: rfc822; bad\@far\.test\nAction: failed\nStatus: 5\.1\.1\nRemote-MTA: dns; .*\nDiagnostic-Code: smtp; 550-5\.1\.1 first\n\s+550-5\.1\.1 second\n\s+550 5\.1\.1 third\nLast-Attempt-Date: /m, 'MTA-2108: the recipient\'s fields');
like($r->{fields}, qr/^Final-Recipient: rfc822; good\@far\.test\nAction: relayed\nStatus: 2\.\d\.\d+$/m, 'MTA-2109 MTA-2120: relayed');
like($r->{fields}, qr/^Final-Recipient: rfc822; carol\@\Q$domain\E\nAction: delivered\nStatus: 2\.0\.0\nLast-Attempt/m, 'MTA-2109 MTA-2120: delivered');
# what leaves the queue is copied there a moment later
my $record = $t->wait_for(10, sub {
	return (grep {/^s$/m && m{^uauthsmtp/dsn$}m} map {slurp($_) // ''} glob "$archive/*/C*")[0];
});
like($record // '', qr/^ralice\@/m, 'MTA-2121: its source is authsmtp/dsn, since the client may relay');
{
	my $stranger = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => '127.0.0.2') or die $!;
	$t->smtp_reply($stranger);
	$t->smtp($stranger, 'EHLO stranger.test');
	like(talk($stranger, from => "alice\@$domain", to => ["carol-no\@$domain"], subject => 'strange'), qr/^250/, 'a client that may not relay');
	report(qr/text of strange/);
	ok($t->wait_for(10, sub { grep {/^s$/m && m{^usmtp/dsn$}m} map {slurp($_) // ''} glob "$archive/*/C*" }), 'MTA-2121: smtp/dsn');
}

# ---- which report, and how much of the message --------------------------------------------

give(to => ["carol-no\@$domain"], subject => 'plain');
$r = report(qr/text of plain/);
like($r->{fields}, qr/^Action: failed\nStatus: 5\.3\.0\nDiagnostic-Code: unknown; go away$/m, 'MTA-2114 MTA-2108: a failure is told by default; words of our own are "unknown"');
give(to => ["carol-no\@$domain"], subject => 'never', rcpt => ' NOTIFY=NEVER');
give(to => ["carol\@$domain"], subject => 'well');
give(to => ["carol-no\@$domain"], subject => 'headers', mail => ' RET=HDRS');
$r = report(qr/^Subject: headers$/m);
unlike($r->{text}, qr/text of headers/, 'MTA-2115: RET=HDRS: the header alone');
like($r->{types}, qr{text/rfc822-headers$}, 'MTA-2106: as such');
give(to => ["carol-no\@$domain"], subject => 'large', mail => ' RET=FULL', more => "y\r\n" x 1000);
$r = report(qr/^Subject: large$/m);
unlike($r->{text}, qr/text of large/, 'MTA-0205 MTA-2115: beyond dsnlimit the header alone, whatever was asked');

# ---- a forward --------------------------------------------------------------------------

instructions('.courier-out', "&bad\@far.test\n");
give(to => ["carol-out\@$domain"], subject => 'forwarded', rcpt => ' ORCPT=rfc822;sent+2Bto@x.test');
$r = report(qr/text of forwarded/);
like($r->{fields}, qr/^Original-Recipient: rfc822;sent\+to\@x\.test\nFinal-Recipient: rfc822; bad\@far\.test\nAction: failed$/m, 'MTA-1721: ORCPT goes along');
($record) = grep {/^rbad\@far\.test$/m && /^Rrfc822;sent/m} map {slurp($_) // ''} glob "$archive/*/C*";
like($record // '', qr/^uauthsmtp$/m, 'MTA-1721: and where the mail came from, so that ESMTP_BLOCKBACKSCATTER holds for its reports');

give(to => ["carol-out\@$domain"], subject => 'unnamed');
$r = report(qr/text of unnamed/);
like($r->{fields}, qr/^Original-Recipient: rfc822;carol-out\@\Q$domain\E\nFinal-Recipient: rfc822; bad\@far\.test$/m, 'MTA-2116: a report names the address whose instructions forwarded');
like($r->{third}, qr/^  \(forwarded by carol-out\@\Q$domain\E\)$/m, 'MTA-1215: and so does Received');
give(to => ["other\@$domain"], subject => 'alias');
$r = report(qr/text of alias/);
like($r->{people}, qr/^<other\@\Q$domain\E>:$/m, 'MTA-2116: the name of an alias is what the sender knows');
like($r->{fields}, qr/^Original-Recipient: rfc822;other\@\Q$domain\E\nFinal-Recipient: rfc822; bad\@far\.test$/m, 'MTA-2116: also in the fields');

# ---- delays -------------------------------------------------------------------------------

give(to => ['slow@far.test'], subject => 'slow');
$r = report(qr/^Subject: slow$/m, 'alice', 40);
is($r->{top}->head->get('Subject'), "Warning of ours\n", 'MTA-2104 MTA-0208: a warning after warntime');
like($r->{people}, qr/T-DELAYED\n\n<slow\@far\.test>:/, 'MTA-2102: its text');
like($r->{fields}, qr/^Action: delayed\nStatus: 4\.2\.0$/m, 'MTA-2109: its status');
like($r->{fields}, qr/^Will-Retry-Until: /m, 'MTA-0206 MTA-2108: until when it is tried');
unlike($r->{text}, qr/text of slow/, 'MTA-2115: a warning has the header alone');
give(to => ['slow2@far.test'], subject => 'slow2', rcpt => ' NOTIFY=FAILURE');

# ---- a hostile host (V4) ------------------------------------------------------------------

give(to => ['raw@far.test'], subject => 'raw');
$r = report(qr/text of raw/);
unlike($r->{text}, qr/[\0\e]/, 'V4: no NUL, no ESC');
is(() = $r->{fields} =~ /^Action:/mg, 1, 'V4: no field of theirs');
is(() = $r->{text} =~ /^--=_courier_/mg, 4, 'V4: no part of theirs');
ok(!(grep {length > 998} split /\n/, $r->{text}), 'V4: no line too long');
give(to => ['flood@far.test'], subject => 'flood');
$r = report(qr/^Subject: flood$/m, 'alice', 60);
cmp_ok(length $r->{text}, '<', 30000, 'V4: a million lines: one report of moderate size');

# ---- UTF-8 --------------------------------------------------------------------------------

my $s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO client.test');
like(talk($s, from => "alice\@$domain", to => ["b\xc3\xbcd-bad\@far.test"], mail => ' SMTPUTF8', subject => 'utf8'), qr/^250/, 'to an address in UTF-8');
$r = report(qr/^Subject: utf8$/m);
like($r->{fields}, qr/^Final-Recipient: utf-8; b\xc3\xbcd-bad\@far\.test$/m, 'MTA-2110: its type');
like($r->{types}, qr{message/global-delivery-status}, 'MTA-2110: and the part\'s');

# ---- who gets it --------------------------------------------------------------------------

{
	local $ENV{COURIER_HOME} = $t->path('');
	open my $p, '|-', Courier::Test::program('sendmail'), '-S', 'STARTTLS', '-f', "bob\@$domain", "carol-no\@$domain" or die $!;
	print $p "Subject: secure\n\nx\n";
	close $p;
}
report(qr/^Subject: secure$/m, 'bob');
$record = $t->wait_for(10, sub {
	return (grep {/^USTARTTLS$/m && /^rbob\@/m && /^s$/m} map {slurp($_) // ''} glob "$archive/*/C*")[0];
});
ok($record, 'MTA-2118: a report inherits SECURITY');
like($record // '', qr{^ulocal/dsn$}m, 'MTA-2121: local/dsn');
like(give(from => 'nobody@nowhere.test', to => ["carol-no\@$domain"], subject => 'toauth0'), qr/^250/, 'a sender elsewhere');
$t->configure(courierd => {DSNTOAUTHADDR => 1, DSNDEFAULTNOTIFYDELAY => 0});
$t->file('etc/dsnfailed.txt', "T-CHANGED\n");
$t->command('courier', '-C', $t->path(''), 'reload');
is($?, 0, 'reload');
$s = $t->connect('submission');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c');
$t->smtp($s, 'STARTTLS');
IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0) or die "TLS: $IO::Socket::SSL::SSL_ERROR";
$t->smtp($s, 'EHLO c');
like($t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0bob\@$domain\0$Courier::Test::PASSWORD", '')), qr/^235/, 'a login');
like(talk($s, from => 'somebody@else.test', to => ["carol-no\@$domain"], subject => 'toauth'), qr/^250/, 'another return address');
$r = report(qr/^Subject: toauth$/m, 'bob');
like($r->{people}, qr/^T-CHANGED$/m, 'MTA-2102: a reload takes new texts');
like($r->{text}, qr/^To: <bob\@\Q$domain\E>$/m, 'MTA-0506 MTA-2117: DSNTOAUTHADDR: the login gets it');
ok($t->wait_for(10, sub { grep {m{^uauthsmtp/dsn$}m && /^rbob\@/m} map {slurp($_) // ''} glob "$archive/*/C*" }), 'MTA-2121: authsmtp/dsn');
give(to => ['slow3@far.test'], subject => 'slow3');
give(to => ['slow4@far.test'], subject => 'slow4', rcpt => ' NOTIFY=DELAY');
report(qr/^Subject: slow4$/m, 'alice', 40);

# ---- double, triple (MTA-2113) ------------------------------------------------------------

like(give(from => '', to => ["carol-no\@$domain"], subject => 'double'), qr/^250/, 'nobody\'s mail fails');
my $double = $t->wait_for(20, sub { (grep {$_->[1] =~ /text of double/} map {$t->mailbox($_)} 'alice', 'bob', 'carol')[0] });
like($double ? $double->[1] : '', qr/^Return-Path: <#\@\[\]>$/m, 'MTA-2113: postmaster hears of it, from #@[]');
like($double ? $double->[1] : '', qr/^To: <postmaster\@example\.test>$/m, 'MTA-0102: who is postmaster of the default domain');
like(give(from => '#@[]', to => ["carol-no\@$domain"], subject => 'triple'), qr/^250|^5/, 'a report to postmaster that fails');
sleep 2;
my @all = map {$_->[1]} map {$t->mailbox($_)} 'alice', 'bob', 'carol';
for my $none (['never', 'MTA-2114: NOTIFY=NEVER'], ['well', 'MTA-2114: a success nobody asked for'], ['slow2', 'MTA-2114: a delay, failures asked for'],
	['slow3', 'MTA-0507: DSNDEFAULTNOTIFYDELAY=0: a delay, nothing asked'], ['triple', 'MTA-2113: a triple bounce']) {
	is(scalar(grep {/^Subject: $none->[0]$/m && m{multipart/report}} @all), 0, "$none->[1]: no report");
}
is($t->stop, '', 'stops');
done_testing;
