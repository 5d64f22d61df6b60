#!/usr/bin/perl
# Aliases from the text to the mailbox: makealiases and its options, what it refuses, how it survives
# being killed, and how the gate uses what it has made.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Time::HiRes qw(sleep time);

my $t = Courier::Test->new(users => ['alice', 'bob', 'carol'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow\n"});
my ($etc, $scratch) = ($t->path('etc'), $t->scratch);
my $d = $t->domain;
my $me = do { open my $fh, '<', "$etc/me" or die; chomp(my $l = <$fh>); $l };

sub make { my $out = $t->command('makealiases', @_); return ($? >> 8, $out) }

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or return undef;
	local $/;
	return scalar <$fh>;
}
sub look { return $t->command('aliaslookup', @_) }

# a member is alice@DOMAIN, whatever way it was written
sub sorted { return join ' ', sort split ' ', $_[0] }

# ---- the text --------------------------------------------------------------------------------

# MTA-1508 MTA-1509 MTA-1510 MTA-1511 MTA-1512 MTA-1516 MTA-1517 MTA-1518
my $list = $t->file('etc/people.list', "# people\nalice, bob\n\ncarol\@$d\nalice\n");
$t->file('etc/aliases/more', <<"END");
# a comment: not, an, alias

team: alice,
	bob ,, alice,
  carol
staff: team, Carol\@far.example, team
inc: :include:$list
"odd name": alice
info\@other.example: bob
\@virtual.example: carol
\@uucp.example: far!away!
\@two.example: alice, bob
larry: larry, alice
none:
END
my ($code, $out) = make();
is($code, 0, 'MTA-1501: makealiases reads a folder') or diag $out;
is(sorted(look('team')), sorted("alice\@$d bob\@$d carol\@$d"), 'MTA-1508: members over several lines, each once');
is(sorted(look('staff')), sorted("alice\@$d bob\@$d carol\@$d Carol\@far.example"), 'MTA-1516: aliases of aliases');
is(sorted(look('inc')), sorted("alice\@$d bob\@$d carol\@$d"), 'MTA-1510: an included file');
is(look('"odd name"'), "alice\@$d\n", 'a quoted name');
is(look('info@OTHER.example'), "bob\@$d\n", 'MTA-1509: an address as the name');
is(look('x@virtual.example'), "carol-x\@$me\n", 'MTA-1511: a virtual domain');
is(look('"a b"@virtual.example'), "\"carol-a b\"\@$me\n", 'a local part in quotes stays in quotes');
is(look('x@uucp.example'), "far!away!x\@$me\n", 'MTA-1512: a path takes the name behind it without a dash');
is(sorted(look('x@two.example')), sorted("alice-x\@$me bob-x\@$me"), 'a virtual domain of two');
is(sorted(look('larry')), sorted("larry\@$d alice\@$d"), 'MTA-1516: a name among its own members is the mailbox');
is(look('none'), '', 'an alias without members is none');
is(look('alice'), '', 'MTA-1407: nothing for an address that is no alias');
is(sorted(look('team', 'info@other.example')), sorted("alice\@$d bob\@$d carol\@$d bob\@$d"), 'MTA-1407: several addresses');
isnt((look('-m', 'nosuch', 'team'), $? >> 8)[1], 0, 'MTA-1407: a module that is none');

# ---- what makealiases can be asked -----------------------------------------------------------

# MTA-1502 MTA-1504 MTA-1507
($code, my $dump) = make('-dump');
is($code, 0, 'MTA-1504: -dump');
$t->file('etc/dumped', $dump);
($code, my $again) = make("-src=$etc/dumped", '-dump');
is(join("\n", sort split /\n(?!\t)/, $again), join("\n", sort split /\n(?!\t)/, $dump), 'MTA-1504: its output read again is the same');
($code, $out) = make("-src=$etc/people.list", "-alias=$scratch/own.dat");
isnt($code, 0, 'a line that is no alias is a fault');
ok(!-e "$scratch/own.dat", 'of which nothing is made');
($code, $out) = make("-src=$etc/dumped", "-alias=$scratch/own.dat", "-tmp=$scratch/own.tmp");
ok($code == 0 && -s "$scratch/own.dat" && !-e "$scratch/own.tmp", 'MTA-1502: other places of source, table and temporary file');
($code, $out) = make("-src=$etc/dumped", "-alias=$scratch/own.dat", '-tmp=/dev/shm/names-tmp.dat');
SKIP: {
	skip 'all on one file system', 2 if (stat $scratch)[0] == (stat '/dev/shm')[0];
	ok($code != 0 && $out =~ /file system/, 'MTA-1502: a temporary file on another file system is told of');
	ok(!-e '/dev/shm/names-tmp.dat', 'and removed');
}
is((make('-dump', 'esmtp'))[0], 0, 'MTA-1507: a module');
is((make('-dump', 'nosuch'))[0], 1, 'MTA-1507: that must be one');
($code, $out) = make('-protocol=nosuch');
ok($code == 1 && $out =~ /esmtp, uucp and local/, 'MTA-1505: an unknown protocol');
is((make('-bogus'))[0], 1, 'an unknown option');

# ---- faults ----------------------------------------------------------------------------------

sub refused {
	my ($text, $re, $what) = @_;
	$t->file('etc/aliases/bad', $text);
	my ($c, $o) = make();
	ok($c == 1 && $o =~ $re, $what) or diag "$c: $o";
	is(sorted(look('team')), sorted("alice\@$d bob\@$d carol\@$d"), 'and the old table stays');
	unlink "$etc/aliases/bad";
}
refused("a: b\nb: c\nc: a\n", qr/bad:\d: an alias leads back to itself/, 'MTA-1516: a loop');
refused("a: :include:$scratch/none\n", qr/cannot include .*No such file/, 'MTA-1510: an included file that is not there');
refused("a: :include:people.list\n", qr/must begin with/, 'MTA-1510: a path that is not whole');
system 'mkfifo', "$scratch/fifo";
my $begin = time;
refused("a: :include:$scratch/fifo\n", qr/no plain file/, 'MTA-1510: a pipe is not waited for');
cmp_ok(time - $begin, '<', 10, 'at all');
refused("a: :include:$scratch\n", qr/no plain file/, 'MTA-1510: a folder');
$t->file('etc/everybody', "alice\n");
chmod 0666, "$etc/everybody";
refused("a: :include:$etc/everybody\n", qr/everybody may write/, 'MTA-1510: a file that everybody may write');
SKIP: {
	skip 'only root can give files away', 2 if $> != 0;
	chmod 0644, "$etc/everybody";
	chown 65534, 65534, "$etc/everybody";
	refused("a: :include:$etc/everybody\n", qr/another user/, 'MTA-1510: another user\'s file');
}
refused("owner list: x\n", qr/bad:1:/, 'MTA-1521: a name of two words');
refused("x: \\alice\n", qr/bad:1: a member is no address/, 'MTA-1521: a backslash before a name is no address');

# MTA-0119 MTA-0120: the files of a folder
$t->file('etc/aliases/.hidden', "hidden: alice\n");
$t->file('etc/aliases/more~', "backup: alice\n");
$t->file('etc/aliases/x1', 'noeol: alice');
$t->file('etc/aliases/x2', "after: bob\n");
is((make())[0], 0, 'hidden and backup files');
is(look('hidden') . look('backup'), '', 'MTA-0119 MTA-0120: are not read');
is(look('noeol') . look('after'), "alice\@$d\nbob\@$d\n", 'MTA-0119: a file without a last newline ends with its last line');
for my $left ('x1.rpmsave', 'x1.rpmnew', 'x1.dpkg-dist', 'x3.dist') {
	$t->file("etc/aliases/$left", "left: alice\n");
	($code, $out) = make();
	ok($code == 1 && $out =~ /\Q$left\E' is a leftover/, "MTA-0120: $left is a fault");
	unlink "$etc/aliases/$left";
}
$t->file('etc/aliases/x1.dist', "left: alice\n");
utime 1, 1, "$etc/aliases/x1.dist";
is((make())[0], 0, 'MTA-0120: a .dist file beside a newer one');
is(look('left'), '', 'is left out');
unlink map {"$etc/aliases/$_"} '.hidden', 'more~', 'x1', 'x2', 'x1.dist';

# ---- programs and files ----------------------------------------------------------------------

# MTA-1513 MTA-1514 MTA-1515
my $drop = "$scratch/drop";
mkdir $drop;
chmod 0777, $drop;
my $xalias = "$etc/aliasdir/.courier-:xalias";
$t->file('etc/aliases/programs', "prog.one: | cat > $drop/prog; id -un > $drop/who\nbox: $drop/mbox, alice\n");
is((make())[0], 0, 'programs and files');
is(slurp("$xalias/prog+2eone"), "| cat > $drop/prog; id -un > $drop/who\n", 'MTA-1515: an instruction, the dot written as +2e');
is(look('prog.one'), "\".xalias/prog+2eone\"\@$me\n", 'MTA-1515: and the address that leads to it');
$t->start;
my %mail = (from => 'x@far.example');
like($t->send_mail(%mail, to => "prog.one\@$d", text => "Subject: for the program\n\nhi\n"), qr/^250 /, 'mail for a program');
ok($t->wait_for(20, sub { (slurp("$drop/who") || '') =~ /\n/ }), 'MTA-1514: reaches it') or diag $t->log;
like(slurp("$drop/prog"), qr/^Subject: for the program$/m, 'on its standard input');
SKIP: {
	skip 'an instance of one user', 1 if $> != 0;
	unlike(slurp("$drop/who"), qr/^root$/, 'MTA-1514: as the alias account');
}
like($t->send_mail(%mail, to => "box\@$d", text => "Subject: for the box\n\nhi\n"), qr/^250 /, 'mail for a file');
ok($t->wait_for(20, sub { (slurp("$drop/mbox") || '') =~ /^Subject: for the box$/m }), 'MTA-1513: is in it') or diag $t->log;
ok($t->wait_mail('alice', qr/^Subject: for the box$/m), 'and with the other member');
like($t->send_mail(%mail, to => "\".xalias/prog+2eone\"\@$me", text => "Subject: x\n\n"), qr/^550 5\.1\.1/,
	'MTA-1515: clients have no business with the instruction itself');
$t->file('etc/aliases/programs', "box: $drop/mbox\n");
is((make("-xaliastmpdir=$scratch/xtmp"))[0], 0, 'MTA-1506: a folder for half-made instructions');
ok(!-e "$xalias/prog+2eone" && -e "$xalias/box", 'MTA-1515: what no alias names any more is removed');
is((make("-xaliasdir=$scratch/xa", "-alias=$scratch/own.dat"))[0], 0, 'MTA-1506: another folder of instructions');
is(slurp("$scratch/xa/box"), "$drop/mbox\n", 'which are there then');

# ---- the gate --------------------------------------------------------------------------------

# MTA-1505 MTA-1520: aliases of one source of mail
$t->file('etc/aliases-esmtp', "private: alice\nshared: alice\n");
$t->file('etc/aliases-local', "inside: bob\nprivprog: | cat > $drop/inside\n");
$t->file('etc/aliases/general', "shared: bob\n");
is((make())[0], 0, 'the general aliases');
is((make("-protocol=$_"))[0], 0, "MTA-1505: -protocol=$_") for qw(esmtp local);
ok(-e "$etc/aliasdir/.courier-:xalias-local/privprog", 'MTA-1505: instructions in a folder of their own');
is(look('-m', 'esmtp', 'shared'), "alice\@$d\n", 'MTA-1520 MTA-1407: the source\'s own aliases are asked first');
is(look('shared'), "bob\@$d\n", 'MTA-1407: mail made here has others');

# the gate sees new tables of its own accord, within seconds
sub rcpt {
	my ($to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	my @r = map {$t->smtp($s, $_)} 'EHLO client.test', 'MAIL FROM:<x@far.example>', "RCPT TO:<$to>";
	return $r[2];
}
ok($t->wait_for(15, sub { rcpt("private\@$d") =~ /^250 / }), 'MTA-1505: mail from the network finds the alias for it') or diag rcpt("private\@$d");
like(rcpt("inside\@$d"), qr/^550 /, 'MTA-1505: and not the one for mail made here');
$t->send_mail(%mail, to => "shared\@$d", text => "Subject: shared\n\n");
ok($t->wait_mail('alice', qr/^Subject: shared$/m), 'MTA-1520: the first that knows it decides');
is(scalar(grep {$_->[1] =~ /^Subject: shared$/m} $t->mailbox('bob')), 0, 'alone');

sub inject {
	my ($text, @args) = @_;
	open my $fh, '|-', 'env', 'COURIER_HOME=' . $t->path(''), Courier::Test::program('sendmail'), @args or die;
	print $fh $text;
	close $fh;
}
inject("Subject: inside\n\n", '-f', "x\@$d", 'inside');
ok($t->wait_mail('bob', qr/^Subject: inside$/m), 'MTA-1505: which has it');
inject("Subject: local program\n\n", '-f', "x\@$d", 'privprog');
ok($t->wait_for(20, sub { (slurp("$drop/inside") || '') =~ /^Subject: local program$/m }), 'MTA-1505: a program of one source') or diag $t->log;

# MTA-1517 MTA-1518 MTA-1611
$t->file('etc/aliases/hide', "carol: alice\nboth: bob, alice\n");
is((make())[0], 0, 'an alias with the name of an account');
ok($t->wait_for(15, sub { rcpt("both\@$d") =~ /^250 / }), 'MTA-1501 MTA-1611: the new table without a restart');
$t->send_mail(%mail, to => ["both\@$d", "team\@$d", "alice\@$d", "staff\@$d"], text => "Subject: once\n\n");
ok($t->wait_mail('bob', qr/^Subject: once$/m) && $t->wait_empty_queue, 'several lists, one message');
is(scalar(grep {$_->[1] =~ /^Subject: once$/m} $t->mailbox($_)), 1, "MTA-1517: one copy for $_") for qw(alice bob);
$t->send_mail(%mail, to => "carol\@$d", text => "Subject: hidden\n\n");
ok($t->wait_mail('alice', qr/^Subject: hidden$/m), 'MTA-1518: an alias hides the account of its name');
is(scalar(grep {$_->[1] =~ /^Subject: hidden$/m} $t->mailbox('carol')), 0, 'which gets nothing');

# MTA-1519: who hears of what
sub dsn_of {
	my ($to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_)
	    for 'EHLO client.test', "MAIL FROM:<bob\@$d> ENVID=names", "RCPT TO:<$to> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;$to", 'DATA';
	print $s "Subject: notify $to\r\n\r\n.\r\n";
	return $t->smtp_reply($s);
}
$t->file('etc/aliases/dsn', "one: alice\nmany: alice, nosuchuser\nlast: carol\n");
make();
ok($t->wait_for(15, sub { rcpt("many\@$d") =~ /^250 / }), 'aliases for reports');
like(dsn_of("one\@$d"), qr/^250 /, 'one address');
my $report = $t->wait_mail('bob', qr/^Original-Recipient: rfc822; ?one\@/m);
like($report || '', qr/^Action: delivered\r?$/m, 'MTA-1519: one address: the report is its own') or diag $t->log;
like(dsn_of("many\@$d"), qr/^250 /, 'several');
$report = $t->wait_mail('bob', qr/^Original-Recipient: rfc822; ?many\@/m);
like($report || '', qr/^Action: (?:delivered|expanded)\r?$/m, 'MTA-1519: several: success is told for the list') or diag $t->log;
ok($t->wait_empty_queue, 'and that is all');
is(scalar(grep {$_->[1] =~ /nosuchuser/ && $_->[1] =~ /^Action:/m} $t->mailbox('bob')), 0, 'MTA-1519: nothing for a member that fails');
is(scalar(grep {$_->[1] =~ /notify many/ && $_->[1] =~ /^Action:/m} $t->mailbox('bob')), 1, 'one report');

# MTA-1503: -chk
($code, $out) = make('-chk');
ok($code == 1 && $out =~ /^<nosuchuser\@\S+>: 550 /m, 'MTA-1503: -chk names the member that is nobody') or diag $out;
unlike($out, qr/alice/, 'and no other of the kind');
unlink "$etc/aliases/dsn";
$t->file('etc/aliases/more', "team: alice, bob\n");
unlink "$etc/aliases/hide";
($code, $out) = make('-chk');
is($code, 0, 'MTA-1503: all is well') or diag $out;
is(sorted(look('many')), sorted("alice\@$d nosuchuser\@$d"), 'MTA-1503: and nothing was built');

# MTA-1523 MTA-1524: the shipped file, and root
make();
is(look('root'), look('postmaster'), 'MTA-1523 MTA-1524: root is the postmaster');
is(look($_), look('postmaster'), "MTA-1523: $_") for 'mailer-daemon', 'MAILER-DAEMON', 'uucp', 'POSTMASTER';

done_testing;
