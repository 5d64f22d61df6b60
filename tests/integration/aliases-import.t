#!/usr/bin/perl
# Aliases of other mail systems, and makealiases in steps: what comes out is what makealiases takes.
# MTA-1525
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0}});
my ($etc, $d, $scratch) = ($t->path('etc'), $t->domain, $t->scratch);
chomp(my $me = do { local (@ARGV, $/) = ("$etc/me", "\n"); scalar <> });

# A program with a file as input: [exit code, output, complaints].
sub feed {
	my ($text, $program, @args) = @_;
	open my $in, '>', "$scratch/in" or die;
	print $in $text;
	close $in;
	local $ENV{COURIER_HOME} = $t->path('');
	my $path = Courier::Test::program($program);
	system("$path @args <$scratch/in >$scratch/out 2>$scratch/err");
	return ($? >> 8, map {local (@ARGV, $/) = "$scratch/$_"; scalar(<>) // ''} 'out', 'err');
}

# ---- sendmail --------------------------------------------------------------------------------

my $list = $t->file('etc/list', "alice, bob\n");
my ($code, $out, $err) = feed(<<"END", 'sendmail2aliases');
# the file of another system
Root: alice, bob
postmaster:root
alice: \\alice, "|/usr/bin/vacation alice"
"odd name": bob
log:	"|exec /bin/logger -t \\"a b\\""
box: /var/mail/box,
	alice
everybody: :include:$list
nobody: /dev/null
owner-everybody: alice
plus+ext: bob
err: :error: no
nonsense
END
is($code, 2, 'sendmail: what has no counterpart is told') or diag $err;
like($err, qr/^sendmail2aliases: \(input\):12: 'plus\+ext'/m, 'with its line');
like($err, qr/'err': ':error: no'/, 'errors');
like($err, qr/:14: this is no/, 'lines that are none');
my $text = $t->file('etc/imported', $out);
my $dump = $t->command('makealiases', "-src=$text", '-dump');
is($?, 0, 'makealiases takes the rest') or diag $dump;
like($dump, qr/^root: alice\@\Q$d\E,\n\t"\.xalias.*,\n\tbob/m, 'a list') or diag $dump;
like($dump, qr/^alice: alice\@\Q$d\E,\n\t"\.xalias\/alice"/m, 'the mailbox of the same name, and a program');
like($dump, qr/^"odd name": bob/m, 'a name in quotes');
like($dump, qr/^everybody: alice\@\Q$d\E,\n\t"\.xalias.*,\n\tbob/m, 'an included file');
like($out, qr/^log: \| exec \/bin\/logger -t "a b"$/m, 'a command without the outer quotes');
like($out, qr/^nobody: \| cat >\/dev\/null$/m, '/dev/null');
$t->start;
my $check = $t->command('makealiases', "-src=$text", '-chk');
is($?, 0, 'makealiases -chk finds nothing wrong') or diag $check;

# ---- qmail -----------------------------------------------------------------------------------

($code, $out, $err) = feed("# control/virtualdomains\nVirtual.Example:alice\ninfo\@other.example:bob\nlist.example:alias-list\n"
	    . ".wild.example:bob\nexcept.wild.example:\n:alias-all\njunk\n", 'qmail2aliases');
is($code, 2, 'qmail: what has no counterpart is told');
like($err, qr/'\.wild\.example:bob' stands for many domains/, 'wildcards');
like($err, qr/'junk' is no/, 'junk');
is($out, "# made by qmail2aliases\n\@virtual.example: alice\ninfo\@other.example: bob-info\n\@list.example: alias-list\n", 'the rest');
$text = $t->file('etc/imported', $out);
$dump = $t->command('makealiases', "-src=$text", '-dump');
is($?, 0, 'makealiases takes it') or diag $dump;
is((feed('', 'qmail2aliases', '-x'))[0], 64, 'usage');
is((feed("a: b\n", 'sendmail2aliases'))[0], 0, 'nothing to tell');

# ---- in steps: MTA-1525 ----------------------------------------------------------------------

($code, my $one) = feed("team: alice, bob\nroot: team\n", 'aliasexp');
is($code, 0, 'MTA-1525: aliasexp');
like($one, qr/^<team>\n<alice\@\Q$d\E>\n<bob\@\Q$d\E>\n\n/m, 'MTA-1525: records');
like($one, qr/\n\.\n\z/, 'MTA-1525: and an end');
($code, my $two) = feed("team: carol\@far.example\n", 'aliasexp');
($code, my $all) = feed(join('', map {s/^\.\n//mr} $one, $two) . ".\n", 'aliascombine');
is($code, 0, 'MTA-1525: aliascombine');
like($all, qr/^\*team$/m, 'MTA-1525: the names go first');
like($all, qr/^<team>\n(?:<\S+>\n){3}\n/m, 'MTA-1525: members of one alias add up');
($code, $out) = feed($all, 'aliascreate', '-dump');
like($out, qr/^team: .*\n.*\n\tcarol\@far\.example$/m, 'MTA-1525: aliascreate -dump');
($code, $out, $err) = feed($all, 'aliascreate', "-tmp=$etc/a.tmp", "-alias=$etc/aliases.dat");
is($code, 0, 'MTA-1525: aliascreate') or diag $err;
is($t->command('aliaslookup', 'team') =~ tr/\n//, 3, 'MTA-1525: a table that is looked into');
is((feed($all =~ s/\n\.\n\z/\n/r, 'aliascreate', "-alias=$etc/aliases.dat"))[0], 1, 'MTA-1525: records without their end are refused');
is((feed("<a>\njunk\n\n.\n", 'aliascombine'))[0], 1, 'MTA-1525: as is junk');
($code, $out, $err) = feed("p: | x\n", 'aliasexp');
ok($code == 1 && $err =~ /makealiases' business/, 'MTA-1525: programs are for makealiases');

done_testing;
