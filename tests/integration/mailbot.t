#!/usr/bin/perl
# mailbot: formats, options, and when it keeps silent; ids are those of the parity list.
use strict;
use warnings;
use File::Temp qw(tempdir);
use MIME::Parser;
use Test::More;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin';
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;
delete $ENV{SENDER};
$ENV{TZ} = 'UTC';

sub put { my ($name, $text) = @_; open my $fh, '>', $name or die "$name: $!"; print $fh $text; close $fh }
sub get { my ($name) = @_; open my $fh, '<', $name or return ''; local $/; return scalar(<$fh>) // '' }

my $head = <<"TXT";
Return-Path: <bounce\@far.test>
From: "Some One" <sender\@far.test>
To: alice\@example.test, bob\@example.test
Cc: carol\@example.test
Subject: =?utf-8?q?caf=C3=A9?= plan
Date: Mon, 01 Jan 2001 10:00:00 +0200
Message-ID: <orig\@far.test>
References: <r1\@far.test>
Newsgroups: misc.test
X-Newsgroup: misc.x
Mime-Version: 1.0
TXT
my $mail = "${head}Content-Type: text/plain; charset=utf-8; format=flowed\nContent-Transfer-Encoding: 8bit\n\nThis is a line that is \nflowed into one.\n> quoted before\ncaf\xc3\xa9\n";
my $status;

sub mailbot {
	my ($args, $in) = @_;
	put('in', $in // $mail);
	$status = system('/bin/sh', '-c', "timeout 20 $bin/mailbot $args <in >out 2>err") >> 8;
	return get('out');
}

sub parsed {
	my $p = MIME::Parser->new;
	$p->output_to_core(1);
	return $p->parse_data($_[0]);
}

put('txt', "I am away.\nA long line  \nthat flows.\n");
put('mtxt', "Content-Type: text/plain; format=flowed; delsp=yes; charset=\"iso-8859-1\"\n\nbient\xf4t\n");

# ---- the reply -----------------------------------------------------------------------------------

my $m = mailbot('-t txt -n');
like($m, qr/^Precedence: junk\nAuto-Submitted: auto-replied\nTo: "?Some One"? <sender\@far\.test>\n/, 'DROP-0183 to the sender, marked as automatic');
like($m, qr/^References: <r1\@far\.test>\n\t<orig\@far\.test>\nIn-Reply-To: <orig\@far\.test>\n/m, 'DROP-0183 references');
is(parsed($m)->head->get('Subject', 0) =~ /^Re: =\?utf-8\?/i, 1, 'DROP-0183 Re:');
like($m, qr/^Content-Type: text\/plain; format=flowed; delsp=yes; charset="UTF-8"\nContent-Transfer-Encoding: 8bit\n\n/m, 'DROP-0180 flowed text');
like($m, qr/\n\nSome One writes:\n\n> This is a line that is  \n> flowed into one\.\n>> quoted before\n> caf\xc3\xa9\n\nI am away\.\nA long line  \nthat flows\.\n\z/, 'DROP-0193 the message quoted');
unlike(mailbot('-t txt -n -N'), qr/writes|^>/m, 'DROP-0193 -N');
like(mailbot("-t txt -n -A 'From: alice\@example.test' -A 'X-Y: z'"), qr/^From: alice\@example\.test\nX-Y: z\n/, 'DROP-0178 -A');
like(mailbot('-t txt -n -fother@x.test'), qr/^To: other\@x\.test$/m, 'DROP-0179 -f with an address');
{
	local $ENV{SENDER} = 'env@x.test';
	like(mailbot('-t txt -n -f'), qr/^To: env\@x\.test$/m, 'DROP-0179 -f takes SENDER');
}
like(mailbot('-m mtxt -n'), qr/charset="iso-8859-1"\n.*\n\nbient\xf4t\n\z/s, 'DROP-0180 -m keeps its character set');
like(mailbot('-m mtxt -n'), qr/> caf\xe9\n/, 'DROP-0180 and the quotes come along');
like(mailbot('-n'), qr/Some One writes/, 'DROP-0180 both are optional');
put('latin', "caf\xe9 \x24\n");
like(mailbot('-c iso-8859-1 -t latin -n'), qr/charset="iso-8859-1"\n.*caf\xe9 \$\n\z/s, 'DROP-0181 -c');
mailbot('');
is($status, 64, 'DROP-0181 without arguments');
like(get('err'), qr/UTF-8/, 'DROP-0181 the default is printed');
like(mailbot('-T replyall -t txt -n'), qr/^Cc: alice\@example\.test, bob\@example\.test, carol\@example\.test$/m, 'DROP-0184 replyall');
like(mailbot('-e -t txt -n'), qr/^To: bounce\@far\.test$/m, 'DROP-0193 -e: Return-Path');
like(mailbot('-e -t txt -n', "Errors-To: err\@x.test\n$mail"), qr/^To: err\@x\.test$/m, 'DROP-0193 -e: Errors-To');
like(mailbot('-t txt -n', "Reply-To: r\@x.test\n$mail"), qr/^To: r\@x\.test$/m, 'DROP-0183 Reply-To');
like(mailbot('-s Gone -t txt -n'), qr/^Subject: Gone$/m, 'DROP-0204 -s');
like(mailbot("-s 'caf\xc3\xa9' -t txt -n"), qr/^Subject: =\?utf-8\?/mi, 'DROP-0204 -s beyond ASCII');

# ---- salutations ---------------------------------------------------------------------------------

sub salutation { my ($s) = @_; return mailbot("-t txt -n -S '$s'") =~ /\n\n(.*?)\n\n> This/s ? $1 : undef }
is(salutation('100%%%nx'), "100%\nx", 'DROP-0195 %% and %n');
is(salutation('%C %N'), 'misc.x misc.test', 'DROP-0196 %C and %N');
is(salutation('%i'), '<orig@far.test>', 'DROP-0197 %i');
is(salutation('%f|%F'), 'sender@far.test|Some One', 'DROP-0198 %f and %F');
is(salutation('%S'), "caf\xc3\xa9 plan", 'DROP-0199 %S');
is(salutation('%d'), 'Mon, 01 Jan 2001 08:00:00 +0000', 'DROP-0200 %d in the local zone');
is(salutation('%{%Y-%m}d'), '2001-01', 'DROP-0200 with a format');
is(salutation('plain %x text'), 'plain %x text', 'DROP-0194 the rest is literal');

# ---- other formats -------------------------------------------------------------------------------

my $e = parsed(mailbot('-t txt -n -N -M alice@example.test'));
is($e->head->mime_attr('content-type.report-type'), 'delivery-status', 'DROP-0182 -M makes a report');
is($e->parts(1)->mime_type, 'message/delivery-status', 'DROP-0185 its status');
like($e->parts(1)->stringify, qr/\nFinal-Recipient: rfc822; alice\@example\.test\nAction: delivered\nStatus: 2\.0\.0\n/, 'DROP-0185 which says delivered');
is($e->parts(2)->mime_type, 'text/rfc822-headers', 'DROP-0185 the header');
is(parsed(mailbot('-t txt -n -N -a -M a@b'))->parts(2)->mime_type, 'message/rfc822', 'DROP-0193 -a: the message');
$m = mailbot('-t txt -n -T forward -A "To: x@y"');
like($m, qr/that flows\.\n\n--- Forwarded message ---\nFrom: "?Some One"? <sender\@far\.test>\nTo: .*\nSubject: caf\xc3\xa9 plan\n.*\n\nThis is a line that is  \n/s, 'DROP-0187 forward');
like($m, qr/ \(fwd\)$/m, 'DROP-0187 its subject');
like(mailbot('-t txt -n -T forward -F "== here =="'), qr/\n== here ==\nFrom:/, 'DROP-0201 -F');
$e = parsed(mailbot('-t txt -n -T forwardatt -A "To: x@y"'));
is($e->mime_type, 'multipart/mixed', 'DROP-0188 forwardatt');
is($e->parts(1)->mime_type, 'message/rfc822', 'DROP-0188 the message attached');

my $facts = '--feedback-original-envelope-id eid --feedback-original-mail-from "<m@f>" --feedback-reporting-mta "dns; h" --feedback-source-ip 192.0.2.1 '
    . '--feedback-incidents 3 --feedback-authentication-results "a; b" --feedback-authentication-results "c; d" '
    . '--feedback-original-rcpt-to "<r@t>" --feedback-original-rcpt-to "<s@t>" --feedback-reported-domain d.test --feedback-reported-domain e.test';
$e = parsed(mailbot("-t txt -n -N -T feedback -R abuse -A 'To: abuse\@x' $facts"));
is($e->head->mime_attr('content-type.report-type'), 'feedback-report', 'DROP-0189 feedback');
my $f = $e->parts(1)->stringify;
like($f, qr/^Feedback-Type: abuse\nUser-Agent: \S+\nVersion: 1\nArrival-Date: /m, 'DROP-0191 the type');
like($f, qr/^\Q$_->[1]\E$/m, "$_->[0] $_->[1]")
    for ['DROP-0205', 'Original-Envelope-Id: eid'], ['DROP-0206', 'Original-Mail-From: <m@f>'], ['DROP-0207', 'Reporting-MTA: dns; h'], ['DROP-0208', 'Source-IP: 192.0.2.1'],
    ['DROP-0209', 'Incidents: 3'], ['DROP-0210', 'Authentication-Results: a; b'], ['DROP-0210', 'Authentication-Results: c; d'], ['DROP-0211', 'Original-Rcpt-To: <r@t>'],
    ['DROP-0211', 'Original-Rcpt-To: <s@t>'], ['DROP-0212', 'Reported-Domain: d.test'], ['DROP-0212', 'Reported-Domain: e.test'];
is(scalar(() = mailbot("-t txt -n -N -T feedback -R abuse") =~ /^To:/mg), 1, 'DROP-0189 addressed by -A alone, the other To is the message\'s');
like(mailbot('-t txt -n -N -T replyfeedback -R fraud'), qr/\A.*?^To: "?Some One.*?^Feedback-Type: fraud$/ms, 'DROP-0190 replyfeedback');
for my $type (qw(abuse fraud other virus)) {
	mailbot("-t txt -n -T feedback -R $type");
	is($status, 0, "DROP-0191 $type");
}

mkdir $_ for 'md', map {"md/$_"} qw(cur new tmp);
is(mailbot('-T replydraft -l md -n'), '', 'DROP-0192 an empty folder');
is($status, 0, 'DROP-0192 is no fault');
is(mailbot('-T replydraft -l nowhere -n'), '', 'DROP-0192 nor is none');
put('md/cur/1', "Subject: x\n\nold words\n");
utime 1, 1, 'md/cur/1';
put('md/new/2', "Subject: x\nMime-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nnew w=C3=B6rds\n");
$m = mailbot('-T replydraft -l md -n');
like($m, qr/\n\nnew w\xc3\xb6rds\n\z/, 'DROP-0186 the newest draft');
unlike($m, qr/old words/, 'DROP-0186 and no other');

# ---- when it is silent ---------------------------------------------------------------------------

for my $field ('Precedence: junk', 'Precedence: bulk', 'Precedence: list', 'List-ID: <x.y>', 'List-Unsubscribe: <mailto:x@y>', 'Auto-Submitted: auto-generated', 'Return-Path: <>') {
	is(mailbot('-t txt -n', "$field\n$mail"), '', "DROP-0177 nothing for $field");
	is($status, 0, 'and no fault');
}
is(mailbot('-t txt -n', "From: a\@b\nMime-Version: 1.0\nContent-Type: multipart/report; boundary=x\n\n--x\n\nx\n--x--\n"), '', 'DROP-0177 nothing for reports');
is(mailbot('-t txt -n', "To: a\@b\n\nx\n"), '', 'DROP-0177 nobody to answer');
isnt(mailbot('-t txt -n', "Auto-Submitted: no\n$mail"), '', 'DROP-0177 a person\'s mail');
{
	local $ENV{SENDER} = '';
	is(mailbot('-t txt -n'), '', 'DROP-0177 the null sender');
}
isnt(mailbot('-t txt -n -r "x@y.test, BOB@example.test"'), '', 'DROP-0202 -r: addressed in To');
isnt(mailbot('-t txt -n -r carol@example.test'), '', 'DROP-0202 in Cc');
is(mailbot('-t txt -n -r dave@example.test'), '', 'DROP-0202 not addressed');

isnt(mailbot('-t txt -n -d seen'), '', 'DROP-0203 the first answer');
is(mailbot('-t txt -n -d seen'), '', 'DROP-0203 no second one');
(my $other = $mail) =~ s/sender\@far/other\@far/;
isnt(mailbot('-t txt -n -d seen', $other), '', 'DROP-0203 another sender');
is(mailbot('-t txt -n -d seen', $mail =~ s/sender\@far/SENDER\@FAR/r), '', 'DROP-0203 whatever the case');
{
	my @pids = map { my $p = fork; if (!$p) { exec '/bin/sh', '-c', "$bin/mailbot -t txt -n -d race <in >race.$_" } $p } 1 .. 8;
	waitpid $_, 0 for @pids;
	is(scalar(grep {-s "race.$_"} 1 .. 8), 1, 'DROP-0203 eight at once send one answer');
}
mailbot('-t txt -n -d /nonexistent/seen');
is($status, 75, 'DROP-0203 no table: no answer, try again');
is(get('out'), '', 'DROP-0203 nothing was sent');
mailbot('-t txt -n -d seen -D 0');
is($status, 64, 'DROP-0203 -D wants days');
isnt(mailbot('-t txt -n -d seen -D 3', $mail =~ s/sender\@far/third\@far/r), '', 'DROP-0203 -D');

# T36: periods, while time goes on and while clocks jump.
sub at { my ($hours, $args) = @_; local $ENV{COURIER_TEST_CLOCK} = int($hours * 3600); return mailbot("-t txt -n -d period $args") eq '' ? 'silent' : 'answers' }
is(at(0, ''), 'answers', 'T36 DROP-0203 the first time');
is(at(23.9, ''), 'silent', 'T36 DROP-0203 not within a day');
is(at(24.1, ''), 'answers', 'T36 DROP-0203 but after it');
is(at(24.2 + 47, '-D 2'), 'silent', 'T36 DROP-0203 -D 2: not within two days');
is(at(24.2 + 49, '-D 2'), 'answers', 'T36 DROP-0203 -D 2: but after them');
is(at(72, '-D 2'), 'silent', 'T36 the clock goes back an hour');
is(at(10 * 365 * 24, ''), 'answers', 'T36 the clock is ten years ahead');
is(at(74, ''), 'answers', 'T36 it is right again: that answer does not count for ten years');
is(at(75, ''), 'silent', 'T36 and from there on as ever');

# ---- sending ---------------------------------------------------------------------------------------

mailbot(q(-t txt sh -c 'cat >sent; exit 7'));
is($status, 7, 'DROP-0177 the program and its status');
like(get('sent'), qr/^Precedence: junk\n.*that flows\.\n\z/s, 'DROP-0177 what it got');
mailbot('-t txt ./nothing');
is($status, 75, 'a program that is not there');
mkdir 'path';
put('path/sendmail', "#!/bin/sh\necho \"\$#:\$1:\$2\" >arguments\ncat >sent\n");
chmod 0755, 'path/sendmail';
SKIP: {
	skip 'an installed sendmail comes first', 1 if -x "$bin/sendmail";
	local $ENV{PATH} = "$dir/path:$ENV{PATH}";
	mailbot('-t txt');
	is(get('arguments'), "2:-f:\n", 'DROP-0177 sendmail -f "" unless told otherwise');
}

for my $bad ('-T nothing -t txt', '-T feedback -t txt', '-R abuse -t txt', '-T replydraft', '-l md -t txt', '-T replydsn -t txt', '-Z', '-t', '--feedback-nothing x', '-t txt -m mtxt',
	"-t txt -s 'a\nBcc: x'", '-t txt -A nofield', '-t txt --feedback-incidents 1 --feedback-incidents 2') {
	mailbot($bad);
	is($status, 64, 'refused: ' . ($bad =~ s/\n.*//sr));
}
mailbot('-t missing -n');
is($status, 66, 'no text');
done_testing;
