#!/usr/bin/perl
# maildrop's modes: delivery, embedded, who may be whom, which filters are trusted.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

our $maildrop = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin/maildrop';
my $dir = tempdir(CLEANUP => 1);
my $home = "$dir/home";
my $mail = "From: a\@b\nSubject: hello\n\nbody\n";
mkdir $_ or die for $home, "$dir/i", map {"$dir/i/$_"} qw(etc var log mail etc/maildroprcs);
chmod 0755, $dir, "$dir/i", glob "$dir/i/*";
chmod 0700, $home;
chdir $home or die;
$ENV{COURIER_HOME} = "$dir/i";
$ENV{HOME} = $home;
$ENV{MAILDROPDEFAULT} = "$home/default";

sub spew {
	my ($file, $text, $mode) = @_;
	open my $fh, '>', $file or die "$file: $!";
	print $fh $text;
	close $fh;
	chmod $mode // 0600, $file;
}
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }

# The exit status; what it printed is in $out and $err.
our ($out, $err);
sub drop {
	my ($args, $message) = @_;
	spew("$dir/in", $message // $mail);
	my $status = system("timeout 30 $maildrop $args <$dir/in >$dir/out 2>$dir/err");
	($out, $err) = (slurp("$dir/out"), slurp("$dir/err"));
	return $status >> 8;
}
sub fresh { unlink glob("$home/*"), "$home/.mailfilter", "$dir/i/etc/maildroprc" }

is(drop('-f me@here'), 0, 'DROP-0001 no filter at all');
like(slurp('default'), qr/^From me\@here .*\nFrom: a\@b\n/, 'DROP-0001,DROP-0029 the default mailbox');
fresh();
spew('.mailfilter', "to personal\n");
is(drop('-f me@here'), 0, 'DROP-0019 a personal filter');
like(slurp('personal'), qr/hello/, 'DROP-0019 has the message');
spew("$dir/i/etc/maildroprc", "if (/hello/)\n{\n to global\n}\n", 0644);
is(drop(''), 0, 'DROP-0018 the global filter');
like(slurp('global'), qr/hello/, 'DROP-0018 comes first');
is(drop('', "Subject: other\n\n"), 0, 'DROP-0018 what it leaves');
like(slurp('personal'), qr/other/, 'DROP-0018 goes on to the personal one');
fresh();
spew('.mailfilter', "to personal\n", 0640);
is(drop(''), 75, 'DROP-0019 others may read the filter');
like($err, qr/permissions/, 'DROP-0019 and it says so');
fresh();
spew('.mailfilter', "to (\n");
is(drop(''), 75, 'DROP-0036 a syntax error');
like($err, qr/\.mailfilter:\d+:\d+: /, 'DROP-0036 has its place');
ok(!-e 'default', 'DROP-0036 and nothing is delivered');
fresh();
chmod 01700, $home;
is(drop(''), 75, 'DROP-0022 a sticky home');
chmod 0703, $home;
is(drop(''), 75, 'DROP-0023 a home for everybody');
chmod 0700, $home;

spew('f', "echo \"\$1 \$2 \$FROM\"\nexit\n");
is(drop('-fx@y f one two'), 0, 'DROP-0002 a named filter');
is($out, "one two x\@y\n", 'DROP-0002,DROP-0015 arguments and options');
is(drop('-V 9 f'), 0, 'DROP-0010 -V');
like($err, qr/^f:2: exit$/m, 'DROP-0010 what each line did');
is(drop('--why f'), 0, '--why');
like($err, qr/^f:2: exit$/m, '--why: the same');
is(drop('nothere'), 75, 'DROP-0002 no such filter');
is(drop('-v'), 0, 'DROP-0011 -v');
like($out, qr/maildrop/, 'DROP-0011 what it is');
is(drop('-h'), 75, 'DROP-0014 -h');
is(drop("-d 'no such user'"), 67, 'DROP-0005 an unknown user');
is(drop("-a -d 'no such user'"), 75, 'DROP-0003 nobody who could tell');

mkdir '.mailfilters';
chmod 0700, '.mailfilters';
spew(".mailfilters/$_", "echo \"$_ \$MAILFILTER\"\nEXITCODE=5\n") for qw(a-b a-default default x::y);
is(drop('-M a-b'), 5, 'DROP-0009 -M');
is($out, "a-b a-b\n", 'DROP-0009 the file itself');
drop('-M a-c-d');
is($out, "a-default a-c-d\n", 'DROP-0024 shorter names');
drop('-M z');
is($out, "default z\n", 'DROP-0024 the last resort');
drop('-M x/.y');
is($out, "x::y x/.y\n", 'DROP-0009 no way out of the folder');
chmod 0755, '.mailfilters';
is(drop('-M a-b'), 75, 'DROP-0020 a folder others may read');
chmod 0700, '.mailfilters';
spew("$dir/i/etc/maildroprcs/tool", "X=`cat`\nsystem \"echo trusted\"\n", 0644);
spew('.mailfilters/t', "LOCKSLEEP=99\ninclude \"$dir/i/etc/maildroprcs/tool\"\necho \$LOCKSLEEP\nsystem \"echo bad\"\n");
is(drop('-M t'), 75, 'DROP-0021 embedded mode goes on afterwards');
is($out, "trusted\n5\n", 'DROP-0021 what the administrator allows');
SKIP: {
	skip 'only root can become others', 1 if $> != 0;
	local $ENV{HOME} = $home;
	chmod 0711, $home;
	chown 65534, 65534, $home, '.mailfilters', glob '.mailfilters/*';
	is(drop('-D 65534/65534 -M a-b'), 5, 'DROP-0006 -D');
	chown 0, 0, $home;
}

mkdir $_ or die for 'box', map {"box/$_"} qw(tmp new cur);
spew('warning', "Subject: nearly full\n\nClean up.\n");
spew('f', "MAILDIRQUOTA=\"300S\"\ncc box\ncc box\nto box\n");
is(drop('-w 30 -W warning f'), 0, 'DROP-0012 -w');
is(scalar(grep {slurp($_) =~ /nearly full/} glob 'box/new/*'), 1, 'DROP-0012 one warning');
spew('f', "to \"|wc -c\"\n");
my $large = "Subject: large\n\n" . ('x' x 79 . "\n") x 50000;
is(drop('f', $large), 0, 'DROP-0017 a large message in a file');
is($out + 0, length $large, 'DROP-0017 whole');
system("cat $dir/in | timeout 30 $maildrop f >$dir/out");
is(slurp("$dir/out") + 0, length $large, 'DROP-0017 from a pipe');
chdir "/";
# Virtual accounts have a uid that is nobody's in the system's table.
SKIP: {
	skip 'only root can be somebody unknown', 2 if $> != 0 || getpwuid 54321 || !-x '/usr/bin/setpriv';
	fresh();
	unlink glob("$home/.??*");
	chown 54321, 54321, $home;
	local $ENV{LOGNAME} = 'virtual@example.test';
	local $maildrop = "/usr/bin/setpriv --reuid 54321 --regid 54321 --clear-groups $maildrop";
	is(drop('-f me@here'), 0, 'DROP-0029 a uid without an entry in the table of users') or diag $err;
	like(slurp("$home/default"), qr/^From me\@here .*\nFrom: a\@b\n/, 'DROP-0029 gets its mail');
	chown 0, 0, $home;
}
done_testing();
