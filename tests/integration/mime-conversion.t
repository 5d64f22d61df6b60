#!/usr/bin/perl
# Conversion of messages, judged by another reader: MIME::Tools sees the same decoded content before
# and after.  MTA-0918 (a server without 8BITMIME), MTA-1210 (the conversion itself), MTA-1213
# (multiparts keep their structure), MTA-1214 (binary is treated as 8bit), MTA-1222 (messages that
# need SMTPUTF8), T50 (round trip), T43 (bombs).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Temp ();
use MIME::Parser;
use MIME::Words ();
use Test::More;
use Time::HiRes qw(time);
use Courier::FakeSMTP;
use Courier::Module qw(home config deliver build_dir);

my $dir = File::Temp->newdir('mimeconv.XXXXXX', TMPDIR => 1);
my $tool = build_dir() . '/tests/tools/mime-convert';

sub spew { my ($name, $text) = @_; open my $f, '>:raw', "$dir/$name" or die; print $f $text; close $f; return "$dir/$name" }
sub slurp { my ($name) = @_; open my $f, '<:raw', $name or die "$name: $!"; local $/; my $t = <$f>; return $t // '' }

# (exit status, new message)
sub convert {
	my ($letters, $text) = @_;
	my $in = spew('in', $text);
	my $rc = system("'$tool' $letters '$in' >'$dir/out' 2>'$dir/err'");
	return ($rc >> 8, slurp("$dir/out"));
}

# Every leaf as "type: decoded content", in order.
sub leaves {
	my ($text) = @_;
	my $p = MIME::Parser->new;
	$p->output_to_core(1);
	$p->tmp_to_core(1);
	$p->extract_nested_messages(1);
	my $e = $p->parse_data($text);
	my (@found, @todo) = ();
	@todo = ($e);
	while (my $x = shift @todo) {
		if (my @parts = $x->parts) {
			unshift @todo, @parts;
			push @found, 'in ' . $x->mime_type;
			next;
		}
		my $body = $x->bodyhandle ? $x->bodyhandle->as_string : '';
		$body =~ s/\n\z//; # MIME::Tools is not exact about the last one
		push @found, $x->mime_type . ': ' . $body;
	}
	return \@found;
}

# ---- random messages -------------------------------------------------------------------------

srand 4711;
my @words = ("caf\xc3\xa9", "na\xc3\xafve", 'plain', '=', '=3D', '--', "\xe4\xb8\xad\xe6\x96\x87", 'From ', '.', "tab\there");
sub some_text {
	my ($max) = @_;
	my $t = '';
	for (1 .. 1 + int rand $max) {
		$t .= join(' ', map {$words[rand @words]} 1 .. rand 30) . (rand() < 0.2 ? ' ' : '') . "\n";
	}
	return $t . "end\n";
}
my $n;
sub some_part {
	my ($depth) = @_;
	my $dice = rand;
	if ($depth < 4 && $dice < 0.35) {
		my $b = 'b' . $n++ . (rand() < 0.3 ? '=_x' : '');
		my $cte = rand() < 0.5 ? "Content-Transfer-Encoding: 8bit\n" : '';
		my $sub = (qw(mixed alternative related))[rand 3];
		return "Content-Type: multipart/$sub; boundary=\"$b\"\n$cte\npreamble\n" .
		    join('', map {"--$b\n" . some_part($depth + 1)} 1 .. 1 + rand 3) . "--$b--\nepilogue\n";
	}
	if ($depth < 4 && $dice < 0.45) {
		return "Content-Type: message/rfc822\n\nSubject: inner\nMIME-Version: 1.0\n" . some_part($depth + 1);
	}
	return "Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\nX-Keep:  as   it is\n\n" . some_text(6) if $dice < 0.7;
	return "Content-Type: text/html\nContent-Transfer-Encoding: binary\n\n" . some_text(3) if $dice < 0.75;
	return "Content-Type: image/png\nContent-Transfer-Encoding: base64\n\n" . 'AAEC' x (1 + rand 18) . "\n" if $dice < 0.85;
	return "Content-Type: text/plain\n\nseven bit\n";
}

my ($bad7, $badback, $eight, $lost, $keep) = (0) x 5;
for (1 .. 150) {
	my $text = "Subject: random $_\nMIME-Version: 1.0\n" . some_part(0);
	my ($rc, $seven) = convert('7', $text);
	my $before = leaves($text);
	$lost++ if $rc;
	$eight++ if $seven =~ /[\x80-\xff]/;
	my $kept = sub { my $c = () = $_[0] =~ /^X-Keep:  as   it is$/mg; return $c };
	$keep++ if $kept->($text) != $kept->($seven);
	my $after = leaves($seven);
	if ("@$before" ne "@$after") {
		$bad7++;
		diag "message $_ differs", $text if $bad7 == 1;
	}
	my (undef, $back) = convert('8', $seven);
	$badback++ if "@$before" ne join ' ', @{leaves($back)};
	if ($text !~ /binary/) { # and those that are read as lines are the very same bytes
		my $plain = sub { my $t = shift; $t =~ s/^(?:X-Mime-Autoconverted|Content-Transfer-Encoding): .*\n//mg; $t };
		$badback++ if $plain->($back) ne $plain->($text);
	}
}
is($lost, 0, 'MTA-1210: every random message can be converted');
is($eight, 0, 'and is 7-bit');
is($bad7, 0, 'MIME::Tools sees the same structure and content (MTA-1213)');
is($keep, 0, 'fields that need no change stay');
is($badback, 0, 'T50: back to 8 bit it is what it was');

# ---- exactly these ---------------------------------------------------------------------------

sub bytes_of { my ($t) = @_; $t =~ s/\\x([0-9A-F]{2})/chr hex $1/ge; return $t }
my $cases = slurp(($ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..") . '/tests/mime/convert.cases');
my $count = 0;
for my $case (split /^== /m, $cases) {
	my ($name, $letters, $status, $rest) = $case =~ /\A([^\n]+): (\w+)(?: (\d+))?\n(.*)\z/s or next;
	my ($from, $to) = $rest =~ /\A(.*)^--\n(.*?)\z/ms or die "case $name";
	my ($rc, $out) = convert($letters, bytes_of($from));
	$count++;
	is($rc, $status // 0, "$name: status");
	is($out, bytes_of($to eq "same\n" ? $from : $to), $name);
}
cmp_ok($count, '>', 10, 'the cases were there');

# ---- special ones ----------------------------------------------------------------------------

my ($rc, $out) = convert('7', "Content-Type: image/x\nMIME-Version: 1.0\nContent-Transfer-Encoding: binary\n\n\x00\xff\n");
like($out, qr/^Content-Transfer-Encoding: quoted-printable\n.*\n\n=00=FF\n\z/ms, 'MTA-1214: binary is treated as 8bit');
($rc, $out) = convert('8', "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\na=0Db=C3=A9\n");
like($out, qr/a=0Db/, 'what lines can\'t carry stays encoded: CR');
($rc, $out) = convert('8', "MIME-Version: 1.0\nContent-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\n"
	. "=C3=A9" . "x" x 60 . "=\n" . ("y" x 70 . "=\n") x 15 . "end\n");
like($out, qr/^=C3=A9x/m, 'and lines of more than 998');
($rc, $out) = convert('8', "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\nContent-Type: text/plain\n"
	. "Content-Transfer-Encoding: quoted-printable\n\n=C3=A9\n=2D-bb\n--bb--\n");
like($out, qr/^=2D-bb$/m, 'and a line that would be a boundary');

my $signed = "MIME-Version: 1.0\nContent-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\n"
    . "Content-Transfer-Encoding: 8bit\n\n--s\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n"
    . "caf\xc3\xa9\n--s\nContent-Type: application/pgp-signature\n\nsig\n--s--\n";
($rc, $out) = convert('7', $signed);
is($rc, 17, 'a signed part with 8-bit text can\'t be converted');
is($out, $signed, 'and is not broken');
($rc, $out) = convert('7b', $signed);
is("$rc " . ($out =~ /caf=C3=A9/ ? 1 : 0), '0 1', 'unless that is wanted');

my $header = "Subject: Gr\xc3\xbc\xc3\x9fe aus K\xc3\xb6ln und noch viel mehr Text, so dass mehrere Zeilen n\xc3\xb6tig sind\n"
    . "From: J\xc3\xbcrgen M\xc3\xbcller <j\@b\xc3\xbccher.example>\nMessage-ID: <x\@y>\n"
    . "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8; name=\"\xc3\xbc und \xc3\xa4.txt\"\n\ntext\n";
($rc, $out) = convert('a', $header);
unlike($out, qr/[\x80-\xff]/, '8-bit headers have ASCII forms');
my $parser = MIME::Parser->new;
$parser->output_to_core(1);
$parser->tmp_to_core(1);
my $head = $parser->parse_data($out)->head;
my $decoded = sub { join '', map {$_->[0]} MIME::Words::decode_mimewords(shift) };
(my $subject = $head->get('Subject')) =~ s/\n\s+/ /g;
like($decoded->($subject), qr/^Gr\xc3\xbc\xc3\x9fe aus K\xc3\xb6ln .* n\xc3\xb6tig sind\s*$/, 'another reader decodes the subject');
like($decoded->($head->get('From')), qr/^J\xc3\xbcrgen M\xc3\xbcller\s+<j\@xn--bcher-kva.example>/, 'and the name; the domain has A-labels');
like($out, qr/name\*=utf-8''%C3%BC%20und%20%C3%A4\.txt/, 'parameters by RFC 2231');
ok(!(grep {length > 78} split /\n/, $out), 'in lines of usual length');
is((convert('a', "To: J\xc3\xbc <j\xc3\xbc\@x.example>\n\nx\n"))[0], 18, 'an address that ASCII can\'t write is found');

# ---- large ones ------------------------------------------------------------------------------

my @took;
# A sanitized program can't live in so little.
my $room = system('bash', '-c', "ulimit -v 200000; exec '$tool' 7 '$dir/in' >/dev/null 2>&1") == 0 ? 200_000 : 'unlimited';
for my $mib (5, 50) {
	open my $f, '>:raw', "$dir/large" or die;
	print $f "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=l\n\n--l\nContent-Type: text/plain\nContent-Transfer-Encoding: 8bit\n\n";
	print $f "caf\xc3\xa9 and some more text of a usual line of mail, which is long\n" x ($mib * 1024 * 16);
	print $f "--l--\n";
	close $f;
	my $begin = time;
	my $rc = system('bash', '-c', "ulimit -v $room; exec '$tool' 7 '$dir/large' >'$dir/out'");
	push @took, time - $begin;
	is($rc, 0, "$mib MiB in $room KB of address space");
}
cmp_ok($took[1], '<', 25 * ($took[0] + 0.2), 'ten times the size takes about ten times as long');
my $deep = "Content-Transfer-Encoding: 8bit\n";
$deep = "Content-Type: multipart/mixed; boundary=\"d$_\"\n\n--d$_\n$deep" for reverse 1 .. 2000;
my $begin = time;
($rc, $out) = convert('7', "MIME-Version: 1.0\n$deep\n\xc3\xa9\n");
cmp_ok(time - $begin, '<', 10, 'T43: two thousand nested multiparts');
unlike($out, qr/[\x80-\xff]/, 'are converted as far as they are opened');
$begin = time;
($rc, $out) = convert('7', "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n" . "--m\n\n\xc3\xa9\n" x 200_000 . "--m--\n");
cmp_ok(time - $begin, '<', 10, 'two hundred thousand parts');
unlink "$dir/large", "$dir/out";

# ---- through the esmtp module ----------------------------------------------------------------

my $home = home(me => "me.example\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n", esmtptimeout => "5s\n");
sub server {
	my $s = Courier::FakeSMTP->new(ehlo => [@_]);
	config($home, esmtproutes => ':[127.0.0.1],' . $s->port . "\n");
	return $s;
}
sub send_it { return deliver($home, 'esmtp', host => 'r.example', @_) }
sub received { my ($s) = @_; my ($got) = $s->messages; return '' if !defined $got; $got =~ s/\r\n/\n/g; $got =~ s/^\.\././mg; return $got }

my $text = "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" . some_text(40);
for my $how ([], ['-f']) {
	my $s = server('SIZE');
	my ($r) = send_it(message => $text, options => ['-8', @$how]);
	is($r->{outcome}, 'relayed', 'MTA-0918: 8-bit text for a server without 8BITMIME');
	my $got = received($s);
	like($got, qr/^X-Mime-Autoconverted: from 8bit to quoted-printable by me\.example$/m, 'is converted and says so');
	is_deeply(leaves($got), leaves($text), 'and reads the same');
}
my $large = "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" . "caf\xc3\xa9 de la gare\n" x 200_000;
my $s = server();
my ($r) = send_it(message => $large, options => ['-8', '-f']);
is($r->{outcome}, 'relayed', 'a large one');
is_deeply(leaves(received($s)), leaves($large), 'too');

$s = server();
($r) = send_it(message => $signed, options => ['-8']);
is("$r->{outcome} $r->{status}", 'failed 5.6.3', 'a signed message bounces');
like($r->{diagnostic}, qr/signed.*8BITMIME/, 'and the report says why');
config($home, courierd => "ESMTP_SIGNED_8BIT=send\n");
$s = server();
($r) = send_it(message => $signed, options => ['-8']);
is(received($s), $signed, 'or is sent as it is');
config($home, courierd => "ESMTP_SIGNED_8BIT=convert\n");
$s = server();
send_it(message => $signed, options => ['-8']);
like(received($s), qr/caf=C3=A9/, 'or is converted');
(my $dkim = $text) =~ s/^/DKIM-Signature: v=1; a=x\n/;
for (['convert', 'relayed ', qr/quoted-printable/], ['send', 'relayed ', qr/8bit/], ['bounce', 'failed 5.6.3', qr/^$/]) {
	my ($mode, $want, $re) = @$_;
	config($home, courierd => "ESMTP_DKIM_8BIT=$mode\n");
	$s = server();
	($r) = send_it(message => $dkim, options => ['-8']);
	my $got = $r->{outcome} . ' ' . ($r->{outcome} eq 'failed' ? $r->{status} : '');
	is($got, $want, "DKIM-Signature: $mode");
	like(received($s), $re, 'what is sent');
}

# ---- headers ---------------------------------------------------------------------------------

$s = server('SMTPUTF8', '8BITMIME');
($r) = send_it(message => $header, options => ['-u']);
is($r->{outcome}, 'relayed', 'MTA-1222: a message that needs SMTPUTF8, to a server that knows it');
is(received($s), $header, 'goes as it is');
ok((grep {/SMTPUTF8/} $s->commands), 'and says so');
$s = server('8BITMIME');
($r) = send_it(message => $header, options => ['-u']);
is("$r->{outcome} $r->{status}", 'failed 5.6.7', 'another server can\'t have it');
like($r->{diagnostic}, qr/SMTPUTF8/, 'the report says why');
$s = server('8BITMIME');
($r) = send_it(message => $header, options => ['-H']);
is($r->{outcome}, 'relayed', '8-bit headers of a program that has not said SMTPUTF8');
unlike(received($s), qr/[\x80-\xff]/, 'become encoded words');
$s = server('SMTPUTF8', '8BITMIME');
($r) = send_it(message => $header, options => ['-H']);
is(received($s), $header, 'where they are not understood');

done_testing;
