#!/usr/bin/perl
# The tools for Maildirs: maildirmake, deliverquota, maildirkw, maildiracl, maildirwatch,
# sharedindexinstall.  Ids are those of the parity list.
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Time::HiRes qw(sleep);

my $prefix = $ENV{COURIER_TEST_PREFIX} || BAIL_OUT('COURIER_TEST_PREFIX is not set');
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;
$ENV{PATH} = "$prefix/bin:$prefix/sbin:$ENV{PATH}";
delete @ENV{qw(MM_CHARSET CHARSET LC_ALL LC_CTYPE)};

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }
our ($out, $err, $rc);

sub run {
	my ($in, @words) = @_;
	spew('in', $in);
	my $status = system('/bin/sh', '-c', 'exec timeout 30 "$@" <in >out 2>err', 'sh', @words);
	($out, $err, $rc) = (slurp('out'), slurp('err'), $status >> 8);
	return $rc;
}
sub mode { return sprintf '%o', (stat $_[0])[2] & 07777 }

# ---- maildirmake
is(run('', qw(maildirmake md)), 0, 'MDIR-0001 maildirmake');
is_deeply([map {mode("md$_")} '', qw(/tmp /new /cur)], [('700') x 4], 'MDIR-0001,MDIR-0034 tmp, new, cur, mode 0700');
is(run('', 'maildirmake', '-q', '100S,3C', 'fresh'), 0, 'MDIR-0002 -q makes the Maildir');
like(slurp('fresh/maildirsize'), qr/^100S,3C\n/, 'MDIR-0002 with the quota');
run('', qw(maildirmake -q 200S fresh));
like(slurp('fresh/maildirsize'), qr/^200S\n/, 'MDIR-0002 and replaces it');
is(run('', qw(maildirmake -f Sent.Old md)), 0, 'MDIR-0003 -f');
ok(-f 'md/.Sent.Old/maildirfolder' && -d 'md/.Sent.Old/cur', 'MDIR-0003,MDIR-0036 a folder and its mark');
is(run('', qw(maildirmake -f), "R\xc3\xa9sum\xc3\xa9", 'md'), 0, 'MDIR-0003,MDIR-0035 a UTF-8 name');
for my $bad ('../x', '.x', 'a..b', "a\nb", 'a/b', "\xff") {
	is(run('', qw(maildirmake -f), $bad, 'md'), 1, 'MDIR-0035 no name of a folder');
}
{
	local $ENV{MM_CHARSET} = 'iso-8859-1';
	is(run('', qw(maildirmake -F), "Caf\xe9", 'md'), 0, 'MDIR-0004,MDIR-0053 -F');
	ok(-d "md/.Caf\xc3\xa9", 'MDIR-0004 is UTF-8 on the disk');
	$ENV{MM_CHARSET} = 'us-ascii';
	is(run('', qw(maildirmake -F), "X\xe9", 'md'), 0 + (-d "md/.X\xc3\xa9" ? 0 : 1), 'MDIR-0053 a byte that the set does not have');
	delete $ENV{MM_CHARSET};
	local $ENV{CHARSET} = 'koi8-r';
	run('', qw(maildirmake -F), "\xd4\xc5\xd3\xd4", 'md');
	ok(-d "md/.\xd1\x82\xd0\xb5\xd1\x81\xd1\x82", 'MDIR-0053 CHARSET');
}
is(run('', qw(maildirmake -S shared)), 0, 'MDIR-0005 -S');
is(mode('shared'), '755', 'MDIR-0005 others can enter');
run('', 'maildirmake', '-s', @$_, 'shared') for ['write', '-f', 'W'], ['read', '-f', 'R'], ["write\x2cgroup", '-f', 'G'];
is(mode('shared/.W/cur'), '1777', 'MDIR-0006 write');
is(mode('shared/.R/cur'), '755', 'MDIR-0006 read');
is(mode('shared/.G/new'), '1770', 'MDIR-0006 group');
run('', 'maildirmake', '--add', "n=$dir/shared", 'md');
is(slurp('md/shared-maildirs'), "n\t$dir/shared\n", 'MDIR-0007,SHR-0010 --add');
run('', qw(maildirmake --del n md));
is(slurp('md/shared-maildirs'), '', 'MDIR-0008 --del');
run('', qw(maildirmake old));
run('', qw(maildirmake -f), $_, 'old') for 'R&AOk-sum&AOk-', 'Plain';
spew('old/courierimapsubscribed', "INBOX.Plain\nINBOX.R&AOk-sum&AOk-\n");
is(run('', qw(maildirmake --checkutf8 old)), 0, 'MDIR-0009 --checkutf8');
like($out, qr/^Rename INBOX\.R&AOk-sum&AOk- to INBOX\.R\xc3\xa9sum\xc3\xa9$/m, 'MDIR-0009 tells what would be');
ok(-d 'old/.R&AOk-sum&AOk-', 'MDIR-0009 and changes nothing');
is(run('', qw(maildirmake --convutf8 old)), 0, 'MDIR-0010 --convutf8');
ok(-d "old/.R\xc3\xa9sum\xc3\xa9" && !-e 'old/.R&AOk-sum&AOk-', 'MDIR-0010 the folder');
is(slurp('old/courierimapsubscribed'), "INBOX.Plain\nINBOX.R\xc3\xa9sum\xc3\xa9\n", 'MDIR-0010,MDIR-0042 the subscription');
mkdir "old/.Bad&name" and mkdir "old/.Bad&name/$_" for '', qw(cur new tmp);
mkdir "old/.Bad&name/$_" for qw(cur new tmp);
is(run('', qw(maildirmake --checkutf8 old)), 1, 'MDIR-0009 a bad name');
like($err, qr/Bad&name/, 'MDIR-0009 is told');

# ---- deliverquota
my $mail = "Subject: x\n\n" . 'y' x 80 . "\n";
is(run($mail, qw(deliverquota box)), 75, 'MDIR-0027 no Maildir');
is(run($mail, qw(deliverquota -c box)), 0, 'MDIR-0028 -c');
my @files = glob 'box/new/*';
is(slurp($files[0]), $mail, 'MDIR-0027 the message');
like($files[0], qr{^box/new/\d+\.M\d+P\d+V[0-9A-F]{16}I[0-9A-F]{16}(_\d+)?\.[^/,]+,S=93$}, 'MDIR-0037 its file name');
is(mode($files[0]), '600', 'MDIR-0037 its owner\'s alone');
{
	local $ENV{HOSTNAME} = 'other.example';
	run('', qw(deliverquota -c named));
	is(scalar(grep {/\.other\.example$/} glob 'named/new/*'), 1, 'MDIR-0052,MDIR-0037 HOSTNAME; an empty message has no size');
}
is(run($mail, qw(deliverquota box 250S)), 0, 'MDIR-0032 a quota');
like(slurp('box/maildirsize'), qr/^250S\n\s*186\s+2\n$|^250S\n(\s*93\s+1\n){2}$/, 'MDIR-0032,MDIR-0039 is noted');
is(run($mail, qw(deliverquota box)), 77, 'MDIR-0031 over quota');
is(scalar(@{[glob 'box/new/*']}), 2, 'MDIR-0031 and nothing is left');
run('', qw(maildirmake -f Trash box));
is(run($mail, qw(deliverquota box/.Trash)), 0, 'MDIR-0040 Trash does not count');
run('', qw(maildirmake -f Sub box));
is(run($mail, qw(deliverquota box/.Sub)), 77, 'MDIR-0036 a folder counts for its Maildir');
spew('warning', "Subject: nearly full\n\nClean up.\n");
run('', qw(maildirmake -q 300S wbox));
run($mail, qw(deliverquota wbox));
is(scalar(grep {slurp($_) =~ /nearly/} glob 'wbox/new/*'), 0, 'MDIR-0029 no -w, no warning');
run($mail, qw(deliverquota -w 50 -W warning wbox));
my @warnings = grep {slurp($_) =~ /nearly/} glob 'wbox/new/*';
is(scalar @warnings, 1, 'MDIR-0029,MDIR-0030 -w, -W');
like(slurp($warnings[0]), qr/^Date: .*^Message-Id: /ims, 'MDIR-0030,MDIR-0033 has a date and an id');
is(-s 'wbox/quotawarn', 1, 'MDIR-0045 the time is noted');
unlink glob 'wbox/new/*';
unlink 'wbox/maildirsize';
run('', qw(maildirmake -q 300S wbox));
run($mail, qw(deliverquota wbox));
run($mail, qw(deliverquota -w 50 -W warning wbox));
is(scalar(grep {slurp($_) =~ /nearly/} glob 'wbox/new/*'), 0, 'MDIR-0029 not twice a day');
is(run($mail, qw(deliverquota -w 200 wbox)), 75, 'deliverquota: no percentage');

# ---- maildirkw
run('', qw(maildirmake kw));
run($mail, qw(deliverquota kw)) for 1, 2;
my ($m) = map {s{.*/}{}r} glob 'kw/new/*';
is(run('', qw(maildirkw kw), $m, 'foo', 'Bar'), 0, 'MDIR-0012 maildirkw');
is(slurp("kw/courierimapkeywords/$m"), "foo\nBar\n", 'MDIR-0012,MDIR-0043 the store');
run('', qw(maildirkw -L kw));
is($out, "$m Bar foo\n", 'MDIR-0016 -L');
like(slurp('kw/courierimapkeywords/:list'), qr/^foo\nBar\n\n\Q$m\E:0 1\n$/, 'MDIR-0016,MDIR-0043 merges the store');
ok(!-e "kw/courierimapkeywords/$m", 'MDIR-0016 the update is used up');
ok(-e "kw/new/$m", 'MDIR-0016 messages stay where they are');
run('', qw(maildirkw -a kw), $m, 'FOO', 'baz');
run('', qw(maildirkw -L kw));
is($out, "$m Bar baz foo\n", 'MDIR-0013 -a');
run('', qw(maildirkw -r kw), $m, 'FOO', 'nope');
run('', qw(maildirkw -L kw));
is($out, "$m Bar baz\n", 'MDIR-0013 -r');
run('', qw(maildirkw -c -a kw), $m, 'BAR');
run('', qw(maildirkw -c -L kw));
is($out, "$m BAR Bar baz\n", 'MDIR-0015 -c');
run('', qw(maildirkw -l kw), "$m:2,S", 'one');
run('', qw(maildirkw -L kw));
is($out, "$m one\n", 'MDIR-0012 replaces the set; flags do not matter');
ok(!-e 'kw/tmp/courier.lock', 'MDIR-0014 the lock goes');
symlink 'nowhere', 'kw/tmp/courier.lock';
my $waiting = fork // die;
if (!$waiting) { exec qw(timeout 30 maildirkw -l kw), $m, 'late' }
sleep 1.5;
is(slurp("kw/courierimapkeywords/$m"), '', 'MDIR-0014,MDIR-0050 -l waits for the lock file');
unlink 'kw/tmp/courier.lock';
waitpid $waiting, 0;
run('', qw(maildirkw -L kw));
is($out, "$m late\n", 'MDIR-0014 and then goes on');
run('', qw(maildirkw kw), $m);
run('', qw(maildirkw -L kw));
is($out, '', 'MDIR-0012 no keywords');
is(run('', qw(maildirkw kw nosuch x)), 1, 'MDIR-0012 no such message');
is(run('', qw(maildirkw kw), "new/$m", 'x'), 1, 'MDIR-0012 a path is no name');
is(run('', qw(maildirkw kw), $m, 'a b'), 1, 'MDIR-0012 no keyword');
is(run('', qw(maildirkw nowhere), $m, 'x'), 1, 'MDIR-0012 no Maildir');
is(run('', qw(maildirkw -a -r kw), $m, 'x'), 1, 'MDIR-0013 not both');

# ---- maildiracl
my $all = 'aceilrstwx';
run('', qw(maildirmake acl));
run('', qw(maildirmake -f), $_, 'acl') for qw(Sub Sub.Deep);
sub list { run('', qw(maildiracl -list acl), $_[0]); return $out }
is(list('INBOX'), "owner\t$all\nadministrators\t$all\n", 'MDIR-0017 -list');
is(run('', qw(maildiracl -set acl INBOX.Sub user=john lr)), 0, 'MDIR-0018 -set');
is(slurp('acl/.Sub/courierimapacl'), "owner $all\nadministrators $all\nuser=john lr\n", 'MDIR-0018,MDIR-0044 the file');
is(list('INBOX.Sub.Deep'), list('INBOX.Sub'), 'MDIR-0025 a folder has the list of the one above');
run('', qw(maildiracl -set acl INBOX.Sub user=john +w));
run('', qw(maildiracl -set acl INBOX.Sub -user=mary +r));
run('', qw(maildiracl -set acl INBOX.Sub anyone lr));
run('', qw(maildiracl -set acl INBOX.Sub anonymous s));
is(list('INBOX.Sub'), "owner\t$all\nadministrators\t$all\nuser=john\tlrw\n-user=mary\tr\nanyone\tlr\nanonymous\ts\n", 'MDIR-0018,MDIR-0023 +, negative entries');
for (['owner', $all], ['user=john', 'lrsw'], ['user=mary', 'ls'], ['user=nobody', 'lrs'], ['administrators', $all],
	['group=administrators', $all]) {
	run('', qw(maildiracl -compute acl INBOX.Sub), $_->[0]);
	is($out, "$_->[1]\n", "MDIR-0020,MDIR-0022,MDIR-0023 -compute $_->[0]");
}
run('', qw(maildiracl -compute acl INBOX.Sub user=mary user=john));
is($out, "lsw\n", 'MDIR-0020 the union, less what is taken');
run('', qw(maildiracl -set acl INBOX.Sub user=john -w));
like(list('INBOX.Sub'), qr/^user=john\tlr$/m, 'MDIR-0018 -');
for (['owner', 'lr'], ['-owner', 'a'], ['owner', '-a'], ['-anyone', 'a'], ['administrators', 'lr'], ['-administrators', 'r'], ['-anyone', 't']) {
	is(run('', qw(maildiracl -set acl INBOX.Sub), @$_), 1, "MDIR-0024 $_->[0] $_->[1] is refused");
}
is(run('', qw(maildiracl -delete acl INBOX.Sub owner)), 1, 'MDIR-0024 the owner stays');
is(run('', qw(maildiracl -set acl INBOX.Sub john lr)), 1, 'MDIR-0023 nobody');
is(run('', qw(maildiracl -set acl INBOX.Sub user=x lrq)), 1, 'MDIR-0022 no right');
run('', qw(maildiracl -set acl INBOX.Sub user=z d));
like(list('INBOX.Sub'), qr/^user=z\tetx$/m, 'MDIR-0022 d of old lists');
is(run('', qw(maildiracl -delete acl INBOX.Sub user=john)), 0, 'MDIR-0019 -delete');
unlike(list('INBOX.Sub'), qr/john/, 'MDIR-0019 is gone');
is(run('', qw(maildiracl -delete acl INBOX.Sub user=john)), 0, 'MDIR-0019 twice');
is(run('', qw(maildiracl -set acl INBOX.A.B user=q lr)), 0, 'MDIR-0044 a name that is no folder');
like(slurp('acl/courierimaphieracl/A.B'), qr/^user=q lr$/m, 'MDIR-0044 has its list in the Maildir');
run('', qw(maildiracl -set acl INBOX.Up user=q lr));
run('', qw(maildirmake -f Up.Down acl));
run('', qw(maildiracl -set acl INBOX.Come user=q lr));
run('', qw(maildirmake -f Come acl));
is(run('', qw(maildiracl -reset acl)), 0, 'MDIR-0021 -reset');
ok(!-e 'acl/courierimaphieracl/A.B', 'MDIR-0021 nothing below: gone');
ok(-e 'acl/courierimaphieracl/Up', 'MDIR-0021 a folder below: kept');
like(slurp('acl/.Come/courierimapacl'), qr/^user=q lr$/m, 'MDIR-0025,MDIR-0044 the folder has come: its list moves in');
is(run('', qw(maildiracl -list acl Sub)), 1, 'MDIR-0017 no folder');
is(run('', qw(maildiracl -list nowhere INBOX)), 1, 'MDIR-0017 no Maildir');
is(run('', qw(maildiracl -set acl INBOX.Sub)), 1, 'MDIR-0018 too few words');

# ---- maildirwatch
run('', qw(maildirmake watched));
spew('count.sh', "echo x >>runs\ntest \$(wc -l <runs) -lt 3 || exit 7\n");
my $watcher = fork // die;
if (!$watcher) {
	open STDOUT, '>', 'watch.out';
	exec qw(timeout 60 maildirwatch watched sh count.sh);
}
sub runs { return scalar(() = slurp('runs') =~ /x/g) }
sub wait_for { my ($n) = @_; for (1 .. 200) { return 1 if runs() >= $n; sleep 0.05 } return 0 }
ok(wait_for(1), 'MDIR-0026 at the start');
run($mail, qw(deliverquota watched));
ok(wait_for(2), 'MDIR-0026 a delivery');
my ($w) = glob 'watched/new/*';
(my $read = $w) =~ s{/new/(.*)}{/cur/$1:2,S};
sleep 0.5;
rename $w, $read or die;
ok(wait_for(3), 'MDIR-0026 a flag');
waitpid $watcher, 0;
is($? >> 8, 0, 'MDIR-0026 ends with 0');
is(slurp('watch.out'), "7\n", 'MDIR-0026 and shows the status');
is(run('', qw(maildirwatch nowhere true)), 1, 'MDIR-0026 no Maildir');

# ---- sharedindexinstall
mkdir $_ or die for 'i', map {"i/$_"} qw(etc var log mail etc/shared.tmp);
chmod 0755, 'i', glob 'i/*';
chmod 0755, $dir;
is(run('', 'sharedindexinstall', '-C', "$dir/i"), 1, 'SHR-0006 no target');
mkdir 'i/etc/shared';
is(run('', 'sharedindexinstall', '-C', "$dir/i"), 1, 'SHR-0006 an empty source');
spew('i/etc/shared/obsolete', "x\n");
spew("i/etc/shared.tmp/$_", "$_\n") for qw(index indexa);
is(run('', 'sharedindexinstall', '-C', "$dir/i"), 0, 'SHR-0006 files are moved') or diag $err;
is_deeply([sort map {s{.*/}{}r} glob 'i/etc/shared/*'], [qw(index indexa)], 'SHR-0006 obsolete ones go');
is_deeply([glob 'i/etc/shared.tmp/*'], [], 'SHR-0006 the source is empty');
{
	local $ENV{COURIER_HOME} = "$dir/i";
	spew('i/etc/shared.tmp/index', "new\n");
	is(run('', 'sharedindexinstall'), 0, 'SHR-0006 COURIER_HOME');
	is(slurp('i/etc/shared/index'), "new\n", 'SHR-0006 replaced');
}

# ---- sharedindexsplit, and what it makes put in place
my $accounts = join '', map {"$_\n"} '# all of them', '', "al\t1\t2\t/h/al\t./Maildir\tsharedgroup=west,x=1",
    "bob\t1\t2\t/h/bob\tMail\t", "c\t1\t2\t/h/c\t\tfoo=1,sharedgroup=east", "alice\@x\t1\t2\t/h/a", "\xc3\xa9ric\t1\t2\t/h/e", "/x\t1\t2\t/h";
sub fresh { my ($d) = @_; system 'rm', '-rf', $d; mkdir $d or die; return $d }
sub parts { my ($d) = @_; return {map { s{.*/}{}r => slurp($_) } glob "$d/*"} }
is(run($accounts, 'sharedindexsplit', fresh('split')), 0, 'SHR-0007 by sharedgroup') or diag $err;
is_deeply(parts('split'), {indexwest => "al\t1\t2\t/h/al\t./Maildir\n", indexeast => "c\t1\t2\t/h/c\t\n",
	index => "bob\t1\t2\t/h/bob\tMail\nalice\@x\t1\t2\t/h/a\t\n\xc3\xa9ric\t1\t2\t/h/e\t\n/x\t1\t2\t/h\t\n"},
	'SHR-0007 a file for each group; who has none stays in index');
is(run($accounts, 'sharedindexsplit', fresh('split'), 1), 0, 'SHR-0007 by the first letter') or diag $err;
is_deeply(parts('split'), {index => "a\t*\tindexa\nb\t*\tindexb\nc\t*\tindexc\n\xc3\xa9\t*\tindex\xc3\xa9\n_\t*\tindex_\n",
	indexa => "al\t1\t2\t/h/al\t./Maildir\nalice\@x\t1\t2\t/h/a\t\n", indexb => "bob\t1\t2\t/h/bob\tMail\n", indexc => "c\t1\t2\t/h/c\t\n",
	"index\xc3\xa9" => "\xc3\xa9ric\t1\t2\t/h/e\t\n", index_ => "/x\t1\t2\t/h\t\n"}, 'SHR-0007 index names the others');
is(mode('split/index'), '644', 'SHR-0007 all sessions may read them');
is(run($accounts, 'sharedindexsplit', 'split', 1), 1, 'SHR-0007 files that are there are not added to');
is(run($accounts, 'sharedindexsplit', fresh('split'), 3), 0, 'SHR-0007 by three letters') or diag $err;
is(slurp('split/indexc__'), "c\t1\t2\t/h/c\t\n", 'SHR-0007 short names are filled up');
is(slurp('split/index'), "al_\t*\tindexal_\nbob\t*\tindexbob\nc__\t*\tindexc__\nali\t*\tindexali\n\xc3\xa9ri\t*\tindex\xc3\xa9ri\n_x_\t*\tindex_x_\n", 'SHR-0007 and named so');
is(run('', 'sharedindexsplit', fresh('split'), 1), 0, 'SHR-0007 no accounts');
is_deeply(parts('split'), {}, 'SHR-0007 no files: sharedindexinstall changes nothing then');
for my $bad ("al\t1\t2\n", "al 1 2 /h\n", "x\t*\tindexx\n", "\t1\t2\t/h\n", "al\t1\t2\t/h\t\tsharedgroup=../evil\n", "al\0\t1\t2\t/h\n") {
	is(run("bob\t1\t2\t/h\n$bad", 'sharedindexsplit', fresh('split')), 1, 'SHR-0007 what is no account');
	like($err, qr/^sharedindexsplit: line 2 /, 'SHR-0007 is told');
}
is(run($accounts, 'sharedindexsplit', @$_), 1, "SHR-0007 not so: @$_") for [], ['nowhere', 1], ['split', 0], ['split', 'x'], ['split', 17], ['split', 1, 1];
fresh('i/etc/shared.tmp');
is(run(join('', map {"user$_\t1\t2\t/h\n"} 1 .. 5000), 'sharedindexsplit', 'i/etc/shared.tmp', 5), 0, 'SHR-0007 many, in the order of their numbers');
is(run('', 'sharedindexinstall', '-C', "$dir/i"), 0, 'SHR-0006,SHR-0007 and put in place') or diag $err;
is(join('', map {"user$_\t*\tindexuser$_\n"} 1 .. 9), slurp('i/etc/shared/index'), 'SHR-0006,SHR-0007 the new index');
done_testing();
