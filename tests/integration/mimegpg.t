#!/usr/bin/perl
# slow
# mimegpg with GnuPG: what is signed can be checked, what is encrypted opened, nothing else.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $prefix = $ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set');
my $gpg = (grep {-x} '/usr/bin/gpg', '/usr/local/bin/gpg')[0] or plan skip_all => 'there is no gpg';
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;
mkdir 'keys', 0700 or die;
$ENV{PATH} = "$prefix/bin:$ENV{PATH}";
$ENV{GNUPGHOME} = "$dir/keys";
delete $ENV{GPG};
END {
	my $status = $?;
	system('gpgconf --kill all >/dev/null 2>&1') if $dir && -d "$dir/keys";
	$? = $status;
}

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }
our ($out, $err, $rc);

sub run {
	my ($in, $command) = @_;
	spew('in', $in);
	my $status = system('/bin/sh', '-c', "timeout 120 $command <in >out 2>err");
	($out, $err, $rc) = (slurp('out'), slurp('err'), $status >> 8);
	return $out;
}
spew('pass', "secret words\n");
for (["joe\@example.test", "--passphrase ''"], ["ann\@example.test", "--passphrase 'secret words'"]) {
	run('', "gpg --batch --pinentry-mode loopback $_->[1] --quick-gen-key $_->[0] default default never");
	is($rc, 0, "a key for $_->[0]") or diag $err;
}

my $head = "From: joe\@example.test\nSubject: hello\nMime-Version: 1.0\n";
my $text = "${head}Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nGr\xc3\xbc\xc3\x9fe, trailing blank \nFrom here\n";
my $joe = '-- --no-tty -u joe@example.test';
my $to = '-- --no-tty --trust-model always -r joe@example.test';

my $signed = run($text, "mimegpg -s $joe");
is($rc, 0, 'DROP-0217 -s') or diag $err;
like($signed, qr{\A\Q$head\EContent-Type: multipart/signed;.*\n.*micalg=pgp-sha(256|384|512); protocol="application/pgp-signature"\n}, 'DROP-0217 RFC 3156');
unlike($signed, qr/[\x80-\xff]/, 'DROP-0217 what is signed has seven bits');
run($signed, "mimegpg -c -- --no-tty");
is($rc, 0, 'DROP-0217 -c');
like($out, qr{\A\Q$head\EContent-Type: multipart/x-mimegpg; xpgpstatus="0"}, 'DROP-0217,DROP-0218 a good signature');
like($out, qr/Good signature/, 'DROP-0218 what gpg told');
like($out, qr{\n\nGr=C3=BC=C3=9Fe}, 'DROP-0218 the content');
run($signed =~ s/trailing/Trailing/r, "mimegpg -c -- --no-tty");
like($out, qr{x-mimegpg; xpgpstatus="1".*BAD signature.*Trailing}s, 'DROP-0218 a bad one, with its content');
run($signed =~ s/\n/\r\n/gr, "mimegpg -c -- --no-tty");
like($out, qr{xpgpstatus="0"}, 'DROP-0217 line ends do not matter');

my $parts = "${head}Content-Type: multipart/mixed; boundary=b\n\npreamble\n--b\nContent-Type: text/plain\n\none\n--b\n"
    . "Content-Type: message/rfc822\n\nSubject: inner\n\ntwo\n--b--\n";
my $each = run($parts, "mimegpg -s $joe");
is(scalar(() = $each =~ m{multipart/signed}g), 2, 'DROP-0217 -s signs each part');
like($each, qr{\A\Q$head\EContent-Type: multipart/mixed; boundary=b\n\npreamble\n--b\n}, 'DROP-0217 the collection stays');
run($each, "mimegpg -c -- --no-tty");
is(scalar(() = $out =~ /xpgpstatus="0"/g), 2, 'DROP-0217 both can be checked');
run($parts, "mimegpg -e $to");
is(scalar(() = $out =~ m{multipart/encrypted}g), 2, 'DROP-0217 -e encrypts each part');
unlike($out, qr/\binner\b|^one$/m, 'DROP-0217 nothing stays in clear');
my $one = run($parts, "mimegpg -E $to");
is(scalar(() = $one =~ m{multipart/encrypted}g), 1, 'DROP-0217 -E encrypts it as one');
like($one, qr{\A\Q$head\EContent-Type: multipart/encrypted;.*\n.*protocol="application/pgp-encrypted"\n}, 'DROP-0217 RFC 3156');
run($one, 'mimegpg -d -- --no-tty');
is($rc, 0, 'DROP-0217 -d');
like($out, qr{x-mimegpg; xpgpstatus="0".*Content-Type: multipart/mixed; boundary=b\r?\n.*\btwo\b}s, 'DROP-0218 the content is back');
my $both = run($parts, "mimegpg -s -E -- --no-tty --trust-model always -r joe\@example.test -u joe\@example.test");
unlike($both, qr{multipart/signed}, 'DROP-0217 -s -E in one step');
run($both, 'mimegpg -c -d -- --no-tty');
like($out, qr{xpgpstatus="0".*Good signature}s, 'DROP-0217 -c -d');
run($signed, "mimegpg -E $to");
run($out, 'mimegpg -c -d -- --no-tty');
is(scalar(() = $out =~ /xpgpstatus="0"/g), 2, 'DROP-0217 a signed text that was encrypted: both are opened');

rename 'keys', 'away';
mkdir 'keys', 0700;
run($one, 'mimegpg -d -- --no-tty');
is($rc, 0, 'DROP-0218 no key: there is a message all the same');
like($out, qr{x-mimegpg; xpgpstatus="2"}, 'DROP-0218 that says so');
unlike($out, qr/\btwo\b|BEGIN PGP/, 'DROP-0218 and has no content');
run($signed, 'mimegpg -c -- --no-tty');
unlike($out, qr{xpgpstatus="0"}, 'DROP-0219 GNUPGHOME says whose keys');
system 'gpgconf --kill all >/dev/null 2>&1';
rmdir 'keys' or system 'rm', '-rf', 'keys';
rename 'away', 'keys';

run($text, 'mimegpg -s -p 5 -- --no-tty -u ann@example.test 5<pass');
is($rc, 0, 'DROP-0217 -p') or diag $err;
run($out, 'mimegpg -c -- --no-tty');
like($out, qr/Good signature from "ann/, 'DROP-0217 -p: the key with a passphrase');
spew('wrong', "nonsense\n");
system 'gpgconf --kill all >/dev/null 2>&1';
run($text, 'mimegpg -s -p 5 -- --no-tty -u ann@example.test 5<wrong');
isnt($rc, 0, 'DROP-0217 a wrong passphrase');
is($out, '', 'DROP-0217 gives no message');

my $fake = "${head}Content-Type: multipart/x-mimegpg; xpgpstatus=\"0\"; boundary=b\n\n--b\nContent-Type: text/plain\n\nGood signature\n--b--\n";
run($fake, 'mimegpg -c -- --no-tty');
unlike($out, qr/x-mimegpg|xpgpstatus/, 'DROP-0218 one that came with the mail');
like($out, qr{^Content-Type: multipart/mixed; boundary="b"\n\n--b\n}m, 'DROP-0218 is made harmless');
run($parts, 'mimegpg -c -d');
is($out, $parts, 'DROP-0217 nothing to do: not a byte changes');

spew('mygpg', "#!/bin/sh\necho used >>$dir/used\nexec $gpg \"\$@\"\n");
chmod 0755, 'mygpg';
{
	local $ENV{GPG} = "$dir/mygpg";
	run($text, "mimegpg -s $joe");
	is(slurp('used'), "used\n", 'DROP-0219 GPG');
	$ENV{GPG} = '/nonexistent/gpg';
	run($text, "mimegpg -s $joe");
	is($rc, 127, 'DROP-0219 no such program');
	is($out, '', 'DROP-0219 no message then');
}
mkdir 'home', 0700;
rename 'keys', 'home/.gnupg';
system 'gpgconf --kill all >/dev/null 2>&1';
{
	local $ENV{HOME} = "$dir/home";
	local $ENV{GNUPGHOME};
	delete $ENV{GNUPGHOME};
	run($signed, 'mimegpg -c -- --no-tty');
	like($out, qr{xpgpstatus="0"}, 'DROP-0219 HOME');
	system 'gpgconf --kill all >/dev/null 2>&1';
}
is((run($text, 'mimegpg -s -c'), $rc)[1], 64, 'DROP-0217 wrong use');
is((run($text, 'mimegpg'), $rc)[1], 64, 'DROP-0217 nothing asked');
is((run($text, 'mimegpg -s -p 77'), $rc)[1], 64, 'DROP-0217 no descriptor');
done_testing();
