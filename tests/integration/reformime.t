#!/usr/bin/perl
# reformime: each option; ids are those of the parity list.
use strict;
use warnings;
use File::Temp qw(tempdir);
use MIME::Parser;
use Test::More;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin';
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub put { my ($name, $text) = @_; open my $fh, '>', $name or die "$name: $!"; print $fh $text; close $fh }
sub get { my ($name) = @_; open my $fh, '<', $name or return; local $/; return scalar <$fh> }

sub reformime {
	my ($in, $args) = @_;
	put('in', $in);
	my $status = system('/bin/sh', '-c', "timeout 60 $bin/reformime $args <in >out 2>err");
	my $out = get('out') // '';
	return wantarray ? ($out, $status >> 8) : $out;
}

sub parsed {
	my $p = MIME::Parser->new;
	$p->output_to_core(1);
	return $p->parse_data($_[0]);
}

my $mail = <<'TXT';
From: =?iso-8859-1?q?caf=E9?= <a@b.test>
To: c@d.test
Subject: =?utf-8?q?caf=C3=A9?= test
Mime-Version: 1.0
Content-Type: multipart/mixed; boundary=xx

pre
--xx
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

caf=E9 one

--xx
Content-Type: application/pdf; name="my file.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="../my fi:le.pdf"

aGVsbG8=

--xx
Content-Type: message/rfc822

Subject: inner
Content-Type: multipart/alternative; boundary=yy

--yy

a
--yy
Content-Type: text/html

b
--yy--
--xx--
TXT
# ---- structure -------------------------------------------------------------------------------

is(reformime("Subject: x\n\nx\n", ''), "1\n", 'DROP-0151 one section');
like(reformime($mail, ''), qr/\A1\n1\.1\n1\.2\n1\.3\n1\.3\.1\n/, 'DROP-0151 the sections');
is((reformime($mail, ''))[1], 0, 'DROP-0151 a good message');
is((reformime("Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=xx\n\nfoo\n", ''))[1], 1, 'DROP-0151 a broken one');
my $info = reformime($mail, '-s 1.2 -i');
is($info, "section: 1.2\ncontent-type: application/pdf\ncontent-name: my file.pdf\ncontent-transfer-encoding: base64\ncharset: UTF-8\n"
	    . "content-disposition: attachment\ncontent-disposition-filename: ../my fi:le.pdf\nstarting-pos: 268\nstarting-pos-body: 413\nending-pos: 422\n"
	    . "line-count: 5\nbody-line-count: 1\n\n", 'DROP-0152 -i');
like(reformime($mail, '-i'), qr/^section: 1\ncontent-type: multipart\/mixed\ncontent-transfer-encoding: 8bit\n.*^section: 1\.1\n.*^charset: iso-8859-1\n/ms, 'DROP-0152 of all sections');
is(() = reformime($mail, '-s 1.1,1.3.1 -i') =~ /^section:/mg, 2, 'DROP-0153 two of them');
is((reformime($mail, '-s 1.9 -i'))[1], 1, 'DROP-0153 none of that number');
is(reformime($mail, '-s 1.1 -e'), "caf\xe9 one\n", 'DROP-0154 -e decodes');
is(reformime($mail, '-s 1.2 -e'), 'hello', 'DROP-0154 base64');
is((reformime($mail, '-e'))[1], 64, 'DROP-0154 -e wants -s');

# ---- saving ----------------------------------------------------------------------------------

mkdir 'saved';
reformime($mail, '-xsaved/');
is(get('saved/my_fi_le.pdf'), 'hello', 'DROP-0156 the name of the sender, cleaned');
is(get('saved/attachment1.dat'), "caf\xe9 one\n", 'DROP-0156 a name of ours');
ok(!-e 'my fi:le.pdf' && !-e '../my fi:le.pdf', 'DROP-0156 no folder of the sender');
is(reformime($mail, q(-s 1.1,1.2 -X sh -c 'echo "$CONTENT_TYPE $FILENAME"; cat; echo')), "text/plain attachment1.dat\ncaf\xe9 one\n\napplication/pdf my_fi_le.pdf\nhello\n", 'DROP-0157 -X');
is((reformime($mail, '-X sh -c "exit 3"'))[1], 23, 'DROP-0157 a failing program');
is((reformime($mail, '-X true'))[1], 0, 'DROP-0157 one that reads nothing');
is((reformime($mail, '-X ./nothing'))[1], 89, 'DROP-0157 one that is not there');
put('answers', "n\ny\nchosen\ny\n\n");
put('ask', "#!/bin/sh\nexec $bin/reformime -s 1.1,1.2,1.3.1 -x <in\n");
chmod 0755, 'ask';
put('in', $mail);
system('/bin/sh', '-c', 'timeout 20 script -qec ./ask /dev/null <answers >out 2>&1');
is(get('chosen'), 'hello', 'DROP-0155 yes, and a name');
ok(-e 'attachment3.dat', 'DROP-0155 yes, and the name that is offered');
ok(!-e 'attachment1.dat', 'DROP-0155 no');
like(get('out'), qr{text/plain.*application/pdf.*my_fi_le\.pdf}s, 'DROP-0155 type and name are shown');

# ---- reports and digests -----------------------------------------------------------------------

my $report = "From: x\@y\nMime-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=xx\n\n--xx\n\ntext\n--xx\n"
    . "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a\@b\nOriginal-Recipient: rfc822; o\@b\nAction: failed\nStatus: 5.0.0\n\n"
    . "Final-Recipient: rfc822; c\@d\nAction: delayed\nStatus: 4.0.0\n\n--xx--\n";
is(reformime($report, '-d'), "failed a\@b\ndelayed c\@d\n", 'DROP-0158 -d');
is(reformime($report, '-D'), "failed o\@b\ndelayed c\@d\n", 'DROP-0159 -D');
is_deeply([reformime($mail, '-d')], ['', 1], 'DROP-0158 no report');
put('one', "Subject: one\n\nfirst\n");
put('two', "Subject: caf\xc3\xa9\n\nsecond");
my $e = parsed(reformime("one\ntwo\n", '-m'));
is($e->mime_type, 'multipart/digest', 'DROP-0160 -m');
is(scalar($e->parts), 2, 'DROP-0160 its messages');
is($e->parts(1)->mime_type, 'message/global', 'DROP-0160 headers in UTF-8');
is((reformime("missing\n", '-m'))[1], 1, 'DROP-0160 a file that is missing');

# ---- writing -----------------------------------------------------------------------------------

my $eight = "Subject: x\nMime-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n";
is(reformime("Subject: x\n\nhi\n", '-r'), "Subject: x\nMime-Version: 1.0\nContent-Type: text/plain; charset=UTF-8\nContent-Transfer-Encoding: 7bit\n\nhi\n", 'DROP-0161 -r adds');
is(reformime("${eight}hi\n", '-r'), "Subject: x\nMime-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\nX-Mime-Autoconverted: from 8bit to 7bit by reformime\n\nhi\n",
	'DROP-0161 -r corrects');
is(reformime("${eight}caf\xc3\xa9\n", '-r'), "${eight}caf\xc3\xa9\n", 'DROP-0161 and leaves what is right');
my $seven = reformime("${eight}caf\xc3\xa9\n", '-r7');
like($seven, qr/^Content-Transfer-Encoding: quoted-printable\n.*\n\ncaf=C3=A9\n\z/ms, 'DROP-0162 -r7');
like(reformime($seven, '-r8'), qr/^Content-Transfer-Encoding: 8bit\n.*\n\ncaf\xc3\xa9\n\z/ms, 'DROP-0163 -r8');
my $long = "Mime-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n" . "caf=C3=A9=\n" x 300 . "\n";
like(reformime($long, '-r8'), qr/quoted-printable/, 'DROP-0163 lines that would be too long stay');
like(reformime($long, '-rU'), qr/^Content-Transfer-Encoding: 8bit\n.*\n\n(?:caf\xc3\xa9){300}\n\z/ms, 'DROP-0164 -rU decodes them');
my $signed = "Mime-Version: 1.0\nContent-Type: multipart/signed; boundary=xx\n\n--xx\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\nhi\n--xx\nContent-Type: application/pgp-signature\n\ns\n--xx--\n";
is(reformime($signed, '-r'), $signed, 'DROP-0161 what is signed stays');
is(reformime(scalar(reformime($mail, $_)), '-s 1.1 -e'), "caf\xe9 one\n", "DROP-0161 $_ keeps the contents") for qw(-r -r7 -r8 -rU);

is_deeply([reformime($mail, '-V')], ['', 0], 'DROP-0165 nothing wrong');
my ($out, $status) = reformime("Mime-Version: 1.0\nContent-Type: multipart/mixed; boundary=xx\n\n--xx\nContent-Type: text/plain\n\ncaf\xc3\xa9\n", '-V');
is($status, 1, 'DROP-0165 a collection without end');
like($out, qr/^1: /m, 'DROP-0165 names the section');
like($out, qr/^1\.1: warning: /m, 'DROP-0165 and warns');

# ---- headers -----------------------------------------------------------------------------------

is(reformime('', q(-h '=?iso-8859-1?Q?H=F3la!?=')), "H\xc3\xb3la!\n", 'DROP-0166 -h');
is(reformime('', q(-H '=?utf-8?q?caf=C3=A9?= <a@b>, c@d (x)')), "caf\xc3\xa9 <a\@b>,\nx <c\@d>\n", 'DROP-0167 -H');
my $word = reformime('', "-o 'caf\xc3\xa9 au lait'");
like($word, qr/^=\?utf-8\?/i, 'DROP-0168 -o');
chomp $word;
is(reformime('', "-h '$word'"), "caf\xc3\xa9 au lait\n", 'DROP-0168 there and back');
is(reformime('', q(-o 'plain text')), "plain text\n", 'DROP-0168 ASCII stays');
my $list = reformime('', "-O 'caf\xc3\xa9 <a\@b.test>, \"x y\" <c\@d>'");
unlike($list, qr/[\x80-\xff]/, 'DROP-0169 -O');
like($list, qr/<a\@b\.test>,\s+"?x y"? <c\@d>\n\z/, 'DROP-0169 the addresses');
is(reformime('', q(-c iso-8859-1 -h '=?utf-8?q?caf=C3=A9_=E2=82=AC?=')), "caf\xe9 ?\n", 'DROP-0170 -c prints in it');
like(reformime('', "-c iso-8859-1 -o 'caf\xe9'"), qr/=\?utf-8\?[QB]\?(?:caf=C3=A9|Y2Fmw6k=)\?=/i, 'DROP-0170 -c reads in it');
is((reformime('', '-c nosuch -h x'))[1], 1, 'DROP-0170 none of that name');
my $text = reformime($mail, '-u');
like($text, qr/^From: caf\xc3\xa9 <a\@b\.test>\n/, 'DROP-0171 headers');
like($text, qr/^caf\xc3\xa9 one\n/m, 'DROP-0171 texts');
unlike($text, qr/aGVsbG8/, 'DROP-0171 nothing else');

# ---- hostile input -------------------------------------------------------------------------------

my $bomb = "Content-Type: multipart/mixed; boundary=a\n\n" . join '', map {"--a\nContent-Type: multipart/mixed; boundary=a$_\n\n--a$_\n"} 1 .. 3000;
for my $args ('', '-i', '-r7', '-u', '-V', '-d') {
	my $begin = time;
	my $s = (reformime($bomb, $args))[1];
	ok($s <= 1 && time - $begin < 20, "nested without end: $args");
}
is((reformime($mail, $_))[1], 64, "refused: $_") for '-q', '-r9', '-s', '-i -d', '-X', 'x', '-h';
is((reformime("\0\xff\n" x 100, '-i'))[1], 0, 'no text at all');
done_testing;
