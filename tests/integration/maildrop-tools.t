#!/usr/bin/perl
# The tools beside maildrop, one check for each option; ids are those of the parity list.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;

my $bin = ($ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set')) . '/bin';
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;

sub run {
	my ($in, $command) = @_;
	open my $fh, '>', 'in' or die;
	print $fh $in;
	close $fh;
	my $status = system('/bin/sh', '-c', "PATH=$bin:\$PATH; export PATH; timeout 20 $command <in >out 2>err");
	open $fh, '<', 'out' or die;
	local $/;
	my $out = <$fh> // '';
	return wantarray ? ($out, $status >> 8) : $out;
}

my $head = "From joe\@x Sun Nov 22 08:16:33 2026\n";
my $fields = "To: a\nTo: b\nSubject: hello\n  world\nX-A:one\nMessage-ID: <1\@x>\n";
my $mail = "$head$fields\nb\n";
sub reformail { my ($args) = @_; return run($mail, "reformail $args") }

is(reformail('-x To: -x Subject:'), "a\nb\nhello world\n", 'DROP-0140 -x');
is(reformail('-X Subject: -X X-A:'), "Subject: hello world\nX-A:one\n", 'DROP-0140 -X');
is(reformail("-a 'X-B: 1' -a 'X-A: 2'"), "$head${fields}X-B: 1\n\nb\n", 'DROP-0141 -a');
is(reformail("-A 'X-A: 2'"), "$head${fields}X-A: 2\n\nb\n", 'DROP-0141 -A');
like(reformail("-A 'Message-ID:'"), qr/^Message-ID: <1\@x>\nMessage-ID: <[^<>@ ]+@[^<>@ ]+>\n\n/m, 'DROP-0141 an id is made');
(my $joined = $fields) =~ s/\n  / /;
is(reformail('-c'), "$head$joined\nb\n", 'DROP-0142 -c');
is(run("To: a\n\nb\n", 'reformail -d1'), "To: a\r\n\r\nb\r\n", 'DROP-0143 -d1');
is(run("To: a\r\n\r\nb\r\n", 'reformail -d0'), "To: a\n\nb\n", 'DROP-0143 -d0');
is(reformail('-f0'), "${fields}Return-Path: <joe\@x>\n\nb\n", 'DROP-0144 -f0');
is(run("\n\nSubject: x\n\nb", 'reformail -f0'), "Subject: x\n\nb", 'DROP-0144 empty lines');
is(reformail('-f1'), $mail, 'DROP-0145 -f1 leaves what is there');
like(run("Subject: x\nFrom: J <j\@k>\n\nb", 'reformail -f1'), qr/^From j\@k \w{3} \w{3} .*\nSubject/, 'DROP-0145 -f1');
like(run("Subject: x\n\nb", 'reformail -f1'), qr/^From root /, 'DROP-0145 nobody known');
is(reformail("-i 'To: new'"), $head . "Old-To: a\nOld-To: b\n" . substr($fields, 12) . "To: new\n\nb\n", 'DROP-0146 -i');
is(reformail("-I 'To: new'"), $head . substr($fields, 12) . "To: new\n\nb\n", 'DROP-0147 -I');
is(reformail('-I To:'), $head . substr($fields, 12) . "\nb\n", 'DROP-0147 -I deletes');
is(reformail('-R To: Cc:'), $head . "Cc: a\nCc: b\n" . substr($fields, 12) . "\nb\n", 'DROP-0148 -R');
is(reformail('-u To:'), $head . "To: a\n" . substr($fields, 12) . "\nb\n", 'DROP-0149 -u');
is(reformail('-U To:'), $head . "To: b\n" . substr($fields, 12) . "\nb\n", 'DROP-0149 -U');
is((reformail('-D 100 cache'))[1], 1, 'DROP-0139 a new message');
is((reformail('-D 100 cache'))[1], 0, 'DROP-0139 a message seen before');
run("Message-ID: <$_" . 'x' x 20 . "\@y>\n\n", 'reformail -D 100 cache') for 1 .. 9;
cmp_ok(-s 'cache', '<=', 101, 'DROP-0139 the cache keeps its size');
is((reformail('-D 100 cache'))[1], 1, 'DROP-0139 old ones are forgotten');
is(run("$mail\n$mail", q(env FILENO=007 reformail -s sh -c 'echo "$FILENO"; cat')), "007\n${mail}008\n$mail", 'DROP-0138 -s');
is(run($mail, q(reformail -s sh -c 'echo "$FILENO"')), "000\n", 'DROP-0138 begins at 000');
is((run($mail, 'reformail -s false'))[1], 1, 'DROP-0138 a failing program ends it');
is((run('', 'reformail -a nocolon'))[1], 64, 'reformail: wrong use');

is((run('', 'maildirmake md'))[1], 0, 'maildirmake');
ok(-d "md/$_", "maildirmake: md/$_") for qw(tmp new cur);
is((run('', 'maildirmake md'))[1], 1, 'maildirmake: there already');
is((run('', 'maildirmake -f Sent.Old md'))[1], 0, 'maildirmake -f');
ok(-f 'md/.Sent.Old/maildirfolder', 'maildirmake -f marks a folder');
is((run('', 'maildirmake -f ../x md'))[1], 1, 'maildirmake -f: not a name');
is((run('', 'maildirmake -q 100S,3C md; grep -q "^100S,3C" md/maildirsize'))[1], 0, 'maildirmake -q');
is((run('', 'maildirmake -q nonsense md'))[1], 1, 'maildirmake -q: not a quota');
run('', 'maildirmake -S shared; maildirmake -s write -f W shared; maildirmake -s read -f R shared; maildirmake -s write,group -f G shared');
my %mode = map {$_ => sprintf '%o', (stat "shared/$_")[2] & 07777} qw(.W .W/cur .R .R/cur .G .G/new);
is_deeply(\%mode, {'.W' => '1755', '.W/cur' => '1777', '.R' => '755', '.R/cur' => '755', '.G' => '1750', '.G/new' => '1770'},
	'maildirmake -S, -s');
run('', "maildirmake --add n=$dir/shared md");
is(run('', 'cat md/shared-maildirs'), "n\t$dir/shared\n", 'maildirmake --add');
is((run('', "maildirmake --add n=$dir/other md"))[1], 1, 'maildirmake --add: the name is taken');
is(run('', 'sh -c "maildirmake --del n md; cat md/shared-maildirs"'), '', 'maildirmake --del');

run('', 'maildirmake box');
is((run("Subject: x\n\ny\n", 'deliverquota box 1000S'))[1], 0, 'deliverquota');
is(run('', 'cat box/new/*'), "Subject: x\n\ny\n", 'deliverquota: the message');
is((run('x' x 2000, 'deliverquota box 1000S'))[1], 77, 'MTA-1419 deliverquota: over quota');
is((run('x', 'deliverquota nothere'))[1], 75, 'deliverquota: no Maildir');
is((run('x', 'deliverquota -c made'))[1], 0, 'deliverquota -c');

run('', 'touch mbox');
is(run('', q(lockmail mbox sh -c 'ls mbox.lock; cat mbox.lock | wc -w; flock -n mbox true || echo kernel')), "mbox.lock\n2\nkernel\n", 'DROP-0213 MTA-1417 locks');
ok(!-e 'mbox.lock', 'DROP-0213 the lock goes');
is((run('', "lockmail mbox sh -c 'exit 5'"))[1], 5, 'DROP-0213 the status');
is((run('', "lockmail mbox sh -c 'kill -9 \$\$'"))[1], 75, 'DROP-0213 a program that is killed');
is((run('', 'lockmail -t 0 mbox lockmail -t 0 mbox true'))[1], 75, 'DROP-0215 -t');
my $dead = fork // die;
exit 0 if !$dead;
waitpid $dead, 0;
chomp(my $host = `uname -n`);
run('', "sh -c 'echo $dead $host >mbox.lock'");
is((run('', 'lockmail -t 0 mbox true'))[1], 0, 'DROP-0216 a dead owner');
run('', "sh -c 'echo 1 elsewhere >mbox.lock; touch -d \"1 hour ago\" mbox.lock'");
is((run('', 'lockmail -t 10 mbox true'))[1], 0, 'DROP-0216 an old lock');
my ($dev, $inode) = (stat 'mbox')[0, 1];
my $client = sprintf '/tmp/.%x.%x', $dev, $inode;
is(run('', "lockmail mbox test -s $client && echo there"), "there\n", 'DROP-0216 the C-Client lock');
ok(!-e $client, 'DROP-0216 goes as well');
run('', "sh -c 'printf $dead >$client'");
is((run('', 'lockmail -t 0 mbox true'))[1], 0, 'DROP-0216 its owner is dead');
run('', "touch $client");
is((run('', 'lockmail -t 0 mbox true'))[1], 75, 'DROP-0216 an empty one counts');
run('', "touch -d '10 minutes ago' $client");
is((run('', 'lockmail -t 0 mbox true'))[1], 0, 'DROP-0216 but not for ever');
is(run('', q(lockmail mbox sh -c 'touch -d "1 hour ago" mbox.lock; for i in `seq 25`; do sleep 1; test -n "`find mbox.lock -mmin -10`" && { echo young; break; }; done')), "young\n", 'DROP-0213 a lock that is held long stays young, so that nobody takes it for a dead one\'s');
is((run('', 'lockmail nothere true'))[1], 75, 'DROP-0213 no mailbox');
SKIP: {
	my $as = $> == 0 ? 'setpriv --reuid 65534 --regid 65534 --clear-groups' : '';
	skip 'there is no setpriv', 2 if $as && !-x '/usr/bin/setpriv';
	chmod 0755, $dir;
	chmod 0444, 'mbox';
	is((run('', "$as lockmail -t 0 mbox true"))[1], 75, 'DROP-0214 an mbox that cannot be written');
	is((run('', "$as lockmail -r mbox true"))[1], 0, 'DROP-0214 -r');
	chmod 0600, 'mbox';
}
run("# comment\nexample.com\ndomain.com\tok\n\nfoo\tbad\n", 'makedat -src=- -tmp=t.new -file=t.dat');
sub fetch {
	my ($key, $options) = @_;
	open my $fh, '>', 'filter' or die;
	print $fh "gdbmopen(\"t.dat\")\necho gdbmfetch(\"$key\", \"$options\", \"none\")\nexit\n";
	close $fh;
	chmod 0600, 'filter';
	return run("Subject: x\n\n", 'maildrop filter');
}
is(fetch('example.com', ''), "1\n", 'DROP-0220 no value is 1');
is(fetch('a@x.domain.com', 'D'), "ok\n", 'DROP-0220 a value');
is((run("foo\tbetter\nfoo\tworse\n", 'makedat -src=- -tmp=t.new -file=t.dat'))[1], 65, 'DROP-0220 MTA-1604 a key twice is a fault');
is(fetch('foo', ''), "bad\n", 'DROP-0220 MTA-1604 which changes nothing');
is(fetch('# comment', ''), "none\n", 'DROP-0220 comments');
run("10.1.0.0/15\tnet\n192.168.7.9\thost\n", 'sh -c "cat >text; makedat -cidr text t.new t.dat"');
is(fetch('10.1.2.3', 'I'), "net\n", 'DROP-0220,DROP-0221 -cidr and bare arguments');
is(fetch('10.2.2.3', 'I'), "none\n", 'DROP-0220 another network');
is(fetch('192.168.7.9', 'I'), "host\n", 'DROP-0220 a host');
mkdir 'sources';
for my $f ([one => "a\tA"], [two => "b\tB\n"], ['.hidden' => "c\tC\n"], ['two~' => "d\tD\n"]) {
	open my $fh, '>', "sources/$f->[0]" or die;
	print $fh $f->[1];
}
is((run('', 'makedat -src=sources -tmp=t.new -file=t.dat'))[1], 0, 'DROP-0220 MTA-1604 MTA-0119 a folder');
is(fetch('a', '') . fetch('b', '') . fetch('c', '') . fetch('d', ''), "A\nB\nnone\nnone\n", 'MTA-0119 MTA-0120 its files that count');
run('', 'touch sources/two.rpmsave');
is((run('', 'makedat -src=sources -tmp=t.new -file=t.dat'))[1], 65, 'DROP-0220 MTA-0120 a leftover is a fault');
is((run('', 'makedat'))[1], 1, 'MTA-1604 usage');
run("2001:db8::/31\tsix\n2001:db8:0:1::1\tone\n10.2.0.0-10.2.2.255\trange\n", 'sh -c "cat >text; makedat -cidr -src=text -tmp=t.new -file=t.dat"');
is(fetch($_->[0], ''), "$_->[1]\n", "MTA-1605 -cidr: $_->[0]")
    for [':2001:0db9', 'six'], [':2001:0db8:0000:0001:0000:0000:0000:0001', 'one'], ['10.2.2', 'range'], ['10.2.3', 'none'];
my $hupped = fork // die;
if (!$hupped) { local $SIG{HUP} = sub { exit 7 }; sleep 30; exit 1 }
run('', "sh -c 'sleep 0.3; echo $hupped > daemon.pid'");
run("10.1.0.0/15\tnet\n192.168.7.9\thost\n", 'sh -c "cat >text; makedat -cidr -hup=daemon.pid text t.new t.dat"');
waitpid $hupped, 0;
is($? >> 8, 7, 'MTA-1606 -hup: the daemon hears of it');
is((run("nonsense\n", 'makedat -cidr -src=- -tmp=t.new -file=t.dat'))[1], 65, 'DROP-0220 MTA-1420 not a network');
is(fetch('192.168.7.9', ''), "host\n", 'DROP-0220 a fault changes nothing');
done_testing();
