#!/usr/bin/perl
# The account tools without a daemon: userdb, userdbpw, makeuserdb, authpasswd, pw2userdb.
use strict;
use warnings;
use Test::More;
use File::Temp qw(tempdir);
use Digest::HMAC_MD5;
use IPC::Open2;
use MIME::Base64 qw(encode_base64);

my $sbin = ($ENV{COURIER_TEST_PREFIX} || '') . '/sbin';
BAIL_OUT("no $sbin/userdb: run the tests with ./runtests") unless -x "$sbin/userdb";
my $top = tempdir(CLEANUP => 1);
mkdir "$top/$_" or die for qw(etc var);
my $source = "$top/etc/userdb";
delete $ENV{COURIER_HOME};

# Runs a tool with this on standard input; gives (exit status, output with errors).
sub run {
	my ($input, $tool, @args) = @_;
	my $pid = open2(my $out, my $in, 'sh', '-c', 'exec "$@" 2>&1', 'sh', "$sbin/$tool", @args);
	local $SIG{PIPE} = 'IGNORE';
	print $in $input;
	close $in;
	local $/;
	my $text = <$out>;
	waitpid $pid, 0;
	return ($? >> 8, defined $text ? $text : '');
}

sub works {
	my ($name, $want, $input, @command) = @_;
	my ($status, $out) = run($input, @command);
	is($status, 0, "$name: exit status") or diag($out);
	like($out, $want, $name);
	return $out;
}

sub fails {
	my ($name, $want, $input, @command) = @_;
	my ($status, $out) = run($input, @command);
	isnt($status, 0, "$name: exit status");
	like($out, $want, $name);
}

my @at = ('-C', $top);
works('AUTH-0080 hash', qr/^\$y\$.*\n\z/, "secret\n", 'userdbpw');
works('AUTH-0080 old hash', qr/^\$1\$/, "secret\n", 'userdbpw', '-md5');
works('scheme', qr/^\$6\$/, "secret\n", 'userdbpw', '-p', 'sha512-crypt');
works('AUTH-0080 context', qr/^cd3ba7deaad6e5ca23448ba42e379747a9e0f7f1fbc00c8a81bbaac395731b56\n\z/,
	"secret\n", 'userdbpw', '-hmac-md5');
works('authpasswd', qr/^\{MD5RAW\}5ebe2294ecd0e0f08eab7690d2a6ee69\n\z/, "secret\n", 'authpasswd', 'md5raw');
works('AUTH-0024 authpasswd sha1', qr/^\{SSHA\}/, "secret\n", 'authpasswd', 'sha1');
works('AUTH-0024 authpasswd default', qr/^\$y\$/, "secret", 'authpasswd');
works("AUTH-0024 authpasswd $_->[0]", $_->[1], "secret\n", 'authpasswd', $_->[0])
    for ['crypt', qr/^\$y\$/], ['md5', qr/^\{MD5\}Xr4ilOzQ4PCOq3aQ0qbuaQ==$/], ['ssha', qr/^\{SSHA\}/], ['sha256', qr/^\{SHA256\}K7gNU3sd/], ['sha512', qr/^\{SHA512\}vSsar37/], ['md5-crypt', qr/^\$1\$/];
fails('AUTH-0024 authpasswd bogus', qr/^usage: authpasswd.*\nmethods: /, "secret\n", 'authpasswd', 'bogus');
works('AUTH-0083 userdb-test-cram-md5', qr/^Send this response:\n\Q${\ encode_base64('tim ' . Digest::HMAC_MD5::hmac_md5_hex('<1.2@x>', 'secret'), '')}\E$/m,
	"tim\nsecret\n+ " . encode_base64('<1.2@x>', '') . "\n", 'userdb-test-cram-md5');
fails('AUTH-0083 a bad challenge', qr/no challenge/, "tim\nsecret\n%%\n", 'userdb-test-cram-md5');
fails('unknown scheme', qr/schemes: yescrypt/, "secret\n", 'userdbpw', '-p', 'rot13');
fails('empty password', qr/empty/, "\n", 'userdbpw');

works('AUTH-0078 new account', qr/^\z/, '', 'userdb', @at, 'tim@example.com', 'set', 'uid=1000', 'gid=1000', 'home=/home/tim');
is((stat $source)[2] & 07777, 0600, 'AUTH-0061: mode of the source');
works('AUTH-0078 password from a pipe', qr/^\z/, "{PLAIN}x\n", 'userdb', @at, 'tim@example.com', 'set', 'systempw');
works('AUTH-0079 list', qr/^tim\@example\.com\n\z/, '', 'userdb', @at, '-show');
works('AUTH-0079 show', qr/^uid=1000\ngid=1000\nhome=\/home\/tim\nsystempw=\{PLAIN\}x\n\z/, '', 'userdb', @at, '-show', 'tim@example.com');
fails('no such account', qr/no such account/, '', 'userdb', @at, '-show', 'tom');
fails('no such account to delete', qr/no such account/, '', 'userdb', @at, 'tom', 'del');
fails('a bar in a value', qr/can hold/, '', 'userdb', @at, 'tim', 'set', 'home=/a|b');
fails('usage', qr/^usage/, '', 'userdb', @at, 'tim');

my @made = ("$source.dat", "${source}shadow.dat");
works('AUTH-0077 makeuserdb', qr/^\z/, '', 'makeuserdb', @at);
is((stat $made[0])[2] & 07777, 0644, 'AUTH-0077: mode of the table');
is((stat $made[1])[2] & 07777, 0600, 'mode of the table of passwords');
open my $f, '<:raw', $made[0] or die;
my $bytes = do { local $/; <$f> };
unlike($bytes, qr/PLAIN/, 'no password in the open table');
like($bytes, qr/_=userdb/, 'AUTH-0076: the source is named');

my $before = (stat $made[0])[1];
open $f, '>>', $source or die;
print $f "tim\@EXAMPLE.com\tuid=1|gid=1|home=/x\n";
close $f;
fails('AUTH-0077 twice', qr/userdb:2: 'tim\@EXAMPLE\.com': .*before.*nothing was changed/, '', 'makeuserdb', @at);
is((stat $made[0])[1], $before, 'the old table stays');
chmod 0644, $source;
fails('AUTH-0061 loose mode', qr/may be read by others/, '', 'makeuserdb', @at);
chmod 0600, $source;
works('AUTH-0078 unset', qr/^\z/, '', 'userdb', @at, 'tim@example.com', 'unset', 'gid');
works('AUTH-0078 what is unset', qr/^uid=1000\nhome=\/home\/tim\nsystempw=/, '', 'userdb', @at, '-show', 'tim@example.com');
my $apart = "$top/apart";
works('AUTH-0079 another file', qr/^\z/, '', 'userdb', '-f', $apart, 'zoe', 'set', 'uid=7', 'gid=7', 'home=/z');
works('AUTH-0079 its list', qr/^zoe\n\z/, '', 'userdb', '-show', '-f', $apart);
works('AUTH-0079 its fields', qr/^uid=7\ngid=7\nhome=\/z\n\z/, '', 'userdb', '-show', '-f', $apart, 'zoe');
works('AUTH-0077 makeuserdb -f', qr/^\z/, '', 'makeuserdb', '-f', $apart);
ok(-s "$apart.dat" && -s "${apart}shadow.dat", 'AUTH-0077: its tables');
works('AUTH-0078 delete', qr/^\z/, '', 'userdb', @at, 'tim@example.com', 'del');

unlink $source or die;
mkdir $source or die;
works('AUTH-0061 folder', qr/^\z/, '', 'userdb', @at, 'anna', 'set', 'uid=5');
ok(-f "$source/accounts", 'where new accounts go');
works('AUTH-0078 path', qr/^\z/, '', 'userdb', @at, 'more/bob', 'set', 'uid=6');
works('found again', qr/^\z/, '', 'userdb', @at, 'bob', 'set', 'gid=6');
works('AUTH-0079 show by path', qr/^uid=6\ngid=6\n\z/, '', 'userdb', @at, '-show', 'more', 'bob');
fails('out of the folder', qr/leaves/, '', 'userdb', @at, '../bob', 'set', 'uid=6');

works('AUTH-0081 pw2userdb', qr/^root\tuid=0\|gid=0\|home=[^|]+\|.*\n0=\troot$/m, '', 'pw2userdb');
done_testing();
