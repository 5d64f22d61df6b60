#!/usr/bin/perl
# makemime: sections, collections, nested commands, arguments from files; read back by MIME::Parser.
use strict;
use warnings;
use File::Temp qw(tempdir);
use MIME::Parser;
use Test::More;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin';
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub put { my ($name, $text) = @_; open my $fh, '>', $name or die; print $fh $text; close $fh }
sub get { my ($name) = @_; open my $fh, '<', $name or return; local $/; return scalar <$fh> }

sub makemime {
	my ($args, $in) = @_;
	put('in', $in // '');
	my $status = system('/bin/sh', '-c', "timeout 20 $bin/makemime $args <in >out 2>err");
	return wantarray ? (get('out'), $status >> 8) : get('out');
}

sub parsed {
	my $p = MIME::Parser->new;
	$p->output_to_core(1);
	return $p->parse_data($_[0]);
}

put('plain', "hello\n");
put('utf8', "caf\xc3\xa9\n");
my $binary = join '', map {chr} 0 .. 255;
put('binary', $binary);
put('long', 'x' x 2000 . "\n");

is(makemime('-c text/plain plain'), "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nhello\n", 'DROP-0172 a section');
is(makemime('-c text/plain -C utf-8 utf8'), "Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: 8bit\n\ncaf\xc3\xa9\n", 'DROP-0172 -C');
is(makemime("-c text/plain -e quoted-printable -a 'X-Y: z' -a 'X-Z: 1' -N nam utf8"),
	"X-Y: z\nX-Z: 1\nContent-Type: text/plain;\n  name=\"nam\"\nContent-Transfer-Encoding: quoted-printable\n\ncaf=C3=A9\n", 'DROP-0172 -e, -a, -N');
like(makemime('-c auto plain'), qr{^Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\n}, 'DROP-0172 auto: text');
like(makemime('-c auto binary'), qr{^Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n}, 'DROP-0172 auto: no text');
is(parsed(makemime('-c auto binary'))->bodyhandle->as_string, $binary, 'DROP-0172 every byte comes back');
like(makemime('-c text/plain long'), qr/quoted-printable/, 'DROP-0172 long lines');
is(parsed(makemime('-c text/plain long'))->bodyhandle->as_string, 'x' x 2000 . "\n", 'DROP-0172 which come back');
like(makemime("-c text/plain -N 'na\"me' plain"), qr/name="na\\"me"/, 'DROP-0172 quotes in a name');
like(makemime("-c text/plain -N 'caf\xc3\xa9' plain"), qr/name\*=utf-8''caf%C3%A9/, 'DROP-0172 a name beyond ASCII');
is(makemime('-c text/plain -', "from stdin\n"), "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nfrom stdin\n", 'DROP-0172 standard input');
like(makemime("-c text/plain '&5' 5<plain"), qr/\n\nhello\n\z/, 'DROP-0172 a descriptor');
makemime('-c text/plain -o section plain');
is(get('section'), "Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nhello\n", 'DROP-0172 -o');
like(makemime("-c text/plain -o '&1' plain"), qr/hello/, 'DROP-0172 -o to a descriptor');

makemime('-c auto -o second binary');
my $one = makemime("-m multipart/mixed -a 'Mime-Version: 1.0' -o one section; cat one");
my $e = parsed($one);
is($e->parts, 1, 'DROP-0173 a collection of one');
is($e->mime_type, 'multipart/mixed', 'DROP-0173 its type');
is($e->parts(0)->bodyhandle->as_string, "hello\n", 'DROP-0173 its part');
like($one, qr/^Mime-Version: 1.0\nContent-Type: multipart\/mixed; boundary="[^"]+"\nContent-Transfer-Encoding: 8bit\n\n/, 'DROP-0173 -a');
like(makemime('-m multipart/alternative -e 7bit section'), qr/Content-Transfer-Encoding: 7bit\n/, 'DROP-0173 -e');
$e = parsed(makemime('-j one -o two second; cat two'));
is($e->parts, 2, 'DROP-0174 a further section');
is($e->parts(1)->bodyhandle->as_string, $binary, 'DROP-0174 whole');
is(parsed(makemime('-j two section'))->parts, 3, 'DROP-0174 and one more');

my $nested = q{-j \( -m multipart/mixed -a "Mime-Version: 1.0" \( -j \( -m multipart/alternative \( -c text/plain plain \) \) \( -c text/html utf8 \) \) \) }
    . q{-o result \( -c image/gif -a "Content-Disposition: attachment" binary \)};
makemime($nested);
$e = parsed(get('result'));
is($e->parts, 2, 'DROP-0175 nested commands');
is($e->parts(0)->mime_type, 'multipart/alternative', 'DROP-0175 a collection in it');
is($e->parts(0)->parts(1)->bodyhandle->as_string, "caf\xc3\xa9\n", 'DROP-0175 its second part');
is($e->parts(1)->head->mime_attr('content-disposition'), 'attachment', 'DROP-0175 and a file');

my $words = "# a letter\n  -j\n (\n  -m\n   multipart/mixed\n\n  (\n  -c\n text/plain; charset=utf-8\n plain\n )\n )\n (\n -c\n auto\n utf8\n )\n";
put('words', $words);
is(parsed(makemime('@words'))->parts, 2, 'DROP-0176 arguments from a file');
is(parsed(makemime('@-', $words))->parts, 2, 'DROP-0176 from standard input');
is(parsed(makemime("'\@&7' 7<words"))->parts, 2, 'DROP-0176 from a descriptor');
is(makemime('@-', "-c\ntext/plain\n-\n-\nand the data\n-\n"), '', 'DROP-0176 the file is missing');
is(makemime('@-', "-c\ntext/plain\n&0\n-\nand the data\n-\n"),
	"Content-Type: text/plain\nContent-Transfer-Encoding: 7bit\n\nand the data\n-\n", 'DROP-0176 the rest is data');

is((makemime($_))[1], 64, 'refused: ' . substr($_, 0, 60))
    for '', 'plain', '-c', '-c text/plain', '-m text/plain section', '-c multipart/mixed plain', '-c text/plain -Z x plain', '-j section second',
    q{-c text/plain \( -c text/plain plain}, '-c text/plain plain more', '-c text/plain -e rot13 plain', '-m multipart/mixed -e base64 section',
    q{-c text/plain -a nofield plain}, qq{-c text/plain -a 'X: 1\nEvil: 2' plain}, '-c text/plain ' . '\( -c text/plain ' x 200;
is((makemime('-c text/plain missing'))[1], 66, 'no such file');
is((makemime('-c text/plain -o /nonexistent/x plain'))[1], 73, 'cannot write');
is((makemime('-c text/plain -o /dev/full plain'))[1], 73, 'a full disk');
done_testing;
