#!/usr/bin/perl
# Whatever is wrong with a filter is told with file, line and column, and nothing is lost or put into
# a wrong place; --why tells what each line did.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin';
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;
mkdir $_ for 'house', map {"house/$_"} qw(etc var log mail);
chmod 0755, 'house', glob 'house/*';
$ENV{COURIER_HOME} = "$dir/house";
$ENV{HOME} = $dir;

sub spew { my ($f, $text) = @_; open my $h, '>', $f or die "$f: $!"; print $h $text; close $h; chmod 0600, $f }
sub slurp { my ($f) = @_; local $/; open my $h, '<', $f or return ''; return scalar <$h> // '' }
spew('house/etc/maildropsettings', "MAILDROPDEFAULT=./left\n");
spew('in', "From: a\@b.test\nSubject: hello world\n\nbody\n");
spew('inc', "X=1\n  Y=(2\n");
spew('late', "X=1\n  to nowhere/x\n");
spew('pats', "fine\n(\n");

our $err;
sub drop {
	my ($filter, $options) = @_;
	spew('f', $filter);
	unlink 'box', 'left', glob('*.lock');
	my $status = system("timeout 200 $bin/maildrop " . ($options // '') . ' f <in >out 2>err') >> 8;
	$err = slurp('err');
	return $status;
}

# filter, place, words of the reason
my @faults = (
	["to (\n", 'f:1:5', 'value'],
	["X=1\nif (/x/) to y\n", 'f:2:10', 'condition'],
	["if (/x\n", 'f:1:5', 'pattern'],
	["X=\"abc\n", 'f:1:3', 'quoted'],
	["X=`abc\n", 'f:1:3', 'quoted'],
	["}\n", 'f:1:1', ''],
	["else\n", 'f:1:1', 'no if'],
	["X=1\nexception {\n", 'f:3:1', '"}"'],
	["X=substr(\"a\")\n", 'f:1:13', 'arguments'],
	["\ninclude \"inc\"\n", 'inc:2:7', 'parenthesis'],
	# patterns are looked at before anything is done; the column is that of the fault
	["cc box\n/(/\n", 'f:2:3', 'parenthesis'],
	["cc box\nif (0)\n{\n X = 1 && /^Subject: [z/\n}\n", 'f:4:24', 'pattern'],
	["cc box\nif (\"a\" =~ /a**b/)\n{\n}\n", 'f:2:15', 'pattern'],
	# what only a run can show
	["X=\"(\"\nif (1 && /^Subject: \$X/)\n{\n}\n", 'f:2:10', 'parenthesis'],
	["if (\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\" =~ /^(a|aa)+\$/)\n{\n}\n", 'f:1:46', 'match limit'],
	["to \"nowhere/x\"\n", 'f:1:1', 'cannot deliver'],
	["X=1; to \"nowhere/x\"\n", 'f:1:6', 'cannot deliver'],
	["include \"late\"\n", 'late:2:3', 'cannot deliver'],
	["include \"missing\"\n", 'f:1:1', 'missing'],
	["xfilter \"false\"\n", 'f:1:1', 'xfilter'],
	["if (1)\n{\n  xfilter \"cat; exit 3\"\n}\n", 'f:3:3', 'xfilter'],
	["X=1 \\\n  lookup(\"a\", \"missing\")\n", 'f:2:3', 'missing'],
	["Y=(1 + lookup(\"a\", \"pats\"))\n", 'f:1:8', 'parenthesis'],
	["Y=gdbmfetch(\"x\")\n", 'f:1:3', 'database'],
	["Y=gdbmstore(\"x\", \"y\")\n", 'f:1:3', 'database'],
	["to \"!\"\n", 'f:1:1', 'forward'],
	["  flock \"/nonexistent/x\"\n{\n}\n", 'f:1:3', 'lock'],
	["  dotlock \"/nonexistent/x\"\n{\n}\n", 'f:1:3', 'lock'],
	[" logfile \"/nonexistent/x\"\n", 'f:1:2', 'open'],
	["while (1)\n{\n X=1\n}\n", 'f:\d:\d', 'steps'],
);
for my $f (@faults) {
	my ($filter, $place, $why) = @$f;
	(my $title = $filter) =~ s/\n/ /g;
	is(drop($filter), 75, "DROP-0036 the mail waits: $title");
	like($err, qr/^maildrop: $place: .*\Q$why\E/im, "DROP-0036 the place of the fault: $title");
	ok(!-e 'box' && !-e 'left', 'and nothing was delivered');
}
is(drop("X=\"(\"\nexception {\n /\$X/\n}\nto box\n"), 0, 'an exception catches what only a run shows');
like(slurp('box'), qr/hello/, 'and the mail is there');

# ---- what each line did ----------------------------------------------------------------------------

spew('plain', "Z=3\n");
is(drop(<<'TXT', '--why'), 0, 'a filter with every statement');
echo "hi"
logfile "log"
log "note"
import NOTHING
unset NOTHING
X=`echo a b`
I=0
while ($I < 1)
{
 I=$I + 1
}
foreach /^Subject: *\w+/
{
 Y=1
}
flock "fl"
{
 Y=2
}
dotlock "dl"
{
 Y=3
}
include "plain"
system "true"
xfilter "cat"
exception {
 to "nowhere/x"
}
if (0)
{
 Y=4
}
TXT
for my $line ('f:1: echo "hi"', 'f:2: logfile "log"', 'f:3: log "note"', 'f:4: import "NOTHING"', 'f:5: unset "NOTHING"', 'f:6: `echo a b` gives "a b"', 'f:6: X="a b"', 'f:8: while: yes',
	'f:10: I="1"', 'f:8: while: no', 'f:12: foreach: MATCH="Subject: hello"', 'f:14: Y="1"', 'f:16: flock "fl"', 'f:18: Y="2"', 'f:20: dotlock "dl"', 'f:24: include "plain"', 'plain:1: Z="3"',
	'f:25: system "true"', 'f:26: xfilter "cat"', 'f:28: to "nowhere/x"', 'f:30: if: no', 'default delivery to "./left"') {
	like($err, qr/^\Q$line\E$/m, "--why: $line");
}
like($err, qr/^f:\d+: exception: f:28:2: cannot deliver/m, '--why: what an exception has caught');
unlike($err, qr/^:/m, '--why: no line without the name of its file');
ok(-s 'left', 'and the mail is where it says');
done_testing;
