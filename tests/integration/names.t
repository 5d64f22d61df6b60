#!/usr/bin/perl
# slow
# The names of a mail system: its own, local and hosted domains, wildcards, what is accepted for others,
# and the tools that make tables of them.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Time::HiRes qw(sleep);

my $t = Courier::Test->new(users => ['alice', 'bob', 'alias'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow\n"});
my ($etc, $d) = ($t->path('etc'), $t->domain);
chomp(my $host = `hostname`);
$host = lc $host;

# further accounts: with the mailbox of one that there is
sub account {
	my ($name, $like) = @_;
	my $line = quotemeta "$like\@$d";
	my ($fields) = grep {s/^$line\t//} split /\n/, do { local (@ARGV, $/) = "$etc/userdb"; <> };
	(my $home = $fields) =~ s/.*\bhome=([^|]+).*/$1/;
	open my $fh, '>>', "$etc/userdb" or die;
	print $fh "$name\t$fields\n";
	close $fh;
	return $home;
}
account('root', 'alice');          # mailboxes of this machine
account('shell', 'bob');
account('w@.wild.test', 'alice');
account('w@.deep.wild.test', 'bob');
account('w@whole.wild.test', 'alice');
account("u\@b\xc3\xbccher.test", 'bob');
my $catch = $t->maildir('alias');
$catch =~ s,/Maildir$,,;

$t->file('etc/locals', "Local.Test\n.sub.test\n!not.sub.test\n*\n*.mail\n");
unlink "$etc/hosteddomains";
$t->file('etc/hosteddomains/one', "$d\nalias.test\t$d\n.wild.test\n.all.test\t$d");    # no newline at its end
$t->file('etc/hosteddomains/two', "B\xc3\xbccher.test\n*.hosted\n");
$t->file('etc/hosteddomains/.three', "hidden.test\n");
$t->file('etc/hosteddomains/two~', "backup.test\n");
$t->file('etc/esmtpacceptmailfor', "$d\nMX.Test\n.below.test\n!except.below.test\n*.accepted\nxn--bcher-kva.example\n");
$t->file('etc/esmtpacceptmailfor.dir/one', 'first.dir.test');
$t->file('etc/esmtpacceptmailfor.dir/two', "second.dir.test\n");
$t->file('etc/esmtppercentrelay', "percent.test\n");
$t->file('etc/esmtppercentrelay.dir', "dir.percent.test\n");
$t->file('etc/aliases/names', "sales\@$d: alice\@$d\nm\@virtual.test: bob\@$d\n");
for my $tool (qw(makeacceptmailfor makepercentrelay makealiases)) {
	my $out = $t->command($tool);
	is($?, 0, "MTA-1601 MTA-1603: $tool") or diag $out;
}
ok(-s "$etc/esmtpacceptmailfor.dat", 'MTA-0107: its table');
$t->start;

sub rcpts {
	my @to = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@far.example> SMTPUTF8';
	return map {$t->smtp($s, "RCPT TO:<$_>")} @to;
}
sub takes { my ($to, $what) = @_; my ($r) = rcpts($to); like($r, qr/^250 /, $what || $to) }
sub refuses { my ($to, $re, $what) = @_; my ($r) = rcpts($to); like($r, $re, $what || $to) }
my ($unknown, $relay) = (qr/^550 5\.1\.1 /, qr/^513 5\.7\.1 /);

# ---- local domains: MTA-0104 MTA-0122 --------------------------------------------------------

takes('shell@local.test', 'MTA-0104: the domain is taken off');
takes('shell@LOCAL.TEST', 'MTA-0104: in any case');
takes('shell@a.b.sub.test', 'MTA-0104: every domain below .sub.test');
refuses('shell@sub.test', $relay, 'MTA-0104: but not itself');
refuses('shell@not.sub.test', $relay, 'MTA-0104: and not what is excepted');
takes("shell\@$host", 'MTA-0122: * is the name of this host');
takes("shell\@$host.mail", 'MTA-0122: *.mail is that with .mail');
refuses('nosuchone@local.test', $unknown, 'nobody');
refuses('shell@far.example', $relay, 'elsewhere');

# ---- hosted domains: MTA-0105 MTA-0117 MTA-1602 MTA-1607 MTA-1608 ---------------------------------

takes("alice\@$d", 'MTA-0105: the whole address is the account');
takes('alice@alias.test', 'MTA-1607: another name for a domain');
takes('alice@x.y.all.test', 'MTA-1607: and for all below one');
takes('sales@alias.test', 'MTA-1607: an alias of the domain counts for its other name');
refuses('shell@alias.test', $unknown, 'MTA-0105: accounts of the machine are none of it');
takes('w@whole.wild.test', 'MTA-1608: first the whole domain');
takes('w@x.deep.wild.test', 'MTA-1608: then .deep.wild.test');
takes('w@x.y.wild.test', 'MTA-1608: then .wild.test');
refuses('v@x.wild.test', $unknown, 'MTA-1608: then there is nobody');
refuses('w@wild.test', $relay, 'MTA-1607: .wild.test is not wild.test');
for my $m (['w@whole.wild.test', 'alice'], ['w@x.deep.wild.test', 'bob'], ['w@x.y.wild.test', 'alice'], ['bob@alias.test', 'bob']) {
	$t->send_mail(from => 'x@far.example', to => $m->[0], text => "Subject: to $m->[0]\n\n");
	ok($t->wait_mail($m->[1], qr/^Subject: to \Q$m->[0]\E$/m), "MTA-1608 MTA-1607: $m->[0] is $m->[1]'s");
}
$t->send_mail(from => 'x@far.example', to => ['alice@alias.test', "alice\@$d"], text => "Subject: both names\n\n");
ok($t->wait_mail('alice', qr/^Subject: both names$/m) && $t->wait_empty_queue, 'two names of a mailbox');
is(scalar(grep {$_->[1] =~ /^Subject: both names$/m} $t->mailbox('alice')), 1, 'MTA-1607: one copy');
takes("u\@B\xc3\x9cCHER.test", 'MTA-0117: a domain in UTF-8');
takes('u@xn--bcher-kva.test', 'MTA-0117: and as it stands on the wire');
refuses("alice\@$host.hosted", $unknown, 'MTA-0122: *.hosted is one of ours');
refuses("alice\@$_", $relay, "MTA-0119 MTA-0120: $_ stands in a file that takes no part") for qw(hidden.test backup.test);

# ---- what is accepted: MTA-0106 MTA-0107 MTA-0108 MTA-0109 MTA-0103 -------------------------------

takes('y@mx.test', 'MTA-0106: for another server');
takes('y@x.below.test', 'MTA-0106: all below');
refuses('y@except.below.test', $relay, 'MTA-0106: but for an exception');
takes("y\@$host.accepted", 'MTA-0122: a host-dependent line');
takes("y\@b\xc3\xbccher.example", 'MTA-0117: an A-label in a file');
takes('y@first.dir.test', 'MTA-0107 MTA-0119: out of the table');
takes('y@second.dir.test', 'MTA-0107: both forms count');
takes("alice\@[127.0.0.1]", 'MTA-0103 MTA-0844: our address as the domain');
refuses('alice@[127.0.0.9]', $relay, 'MTA-0103: another one');
takes('y%percent.test@local.test', 'MTA-0108 MTA-0843: the percent hack');
takes('y%dir.percent.test@local.test', 'MTA-0109: from the table');
refuses('y%other.test@local.test', $unknown, 'MTA-0108 MTA-0843: for no other domain');
refuses("y%percent.test\@$d", $unknown, 'MTA-0108: and through local domains alone');
takes('m@virtual.test', 'an alias of a domain that is nowhere else');

# ---- tables: MTA-1611 MTA-1612 ---------------------------------------------------------------

$t->file('etc/hosteddomains/two', "late.test\t$d\n");
is(($t->command('makehosteddomains'), $?)[1], 0, 'MTA-1602: makehosteddomains');
ok($t->wait_for(15, sub { (rcpts('alice@late.test'))[0] =~ /^250 / }), 'MTA-1611: seen without a restart');
ok($t->wait_for(15, sub { (rcpts('u@xn--bcher-kva.test'))[0] =~ $relay }), 'MTA-1602: what has gone is gone');
sleep 6;    # the other gates too
$t->file('etc/esmtpacceptmailfor.dir/three', "third.dir.test\n");
is(($t->command('makeacceptmailfor'), $?)[1], 0, 'MTA-1601: again');
ok($t->wait_for(15, sub { (rcpts('y@third.dir.test'))[0] =~ /^250 / }), 'MTA-1611 MTA-0118: at once');
for my $bad (["three domains in a\n", qr/'three domains in a' is no/], ["a..b\n", qr/'a\.\.b' is no/], ["fine.test\nuser\@dom\n", qr/'user\@dom' is no/]) {
	$t->file('etc/hosteddomains/three', $bad->[0]);
	my $out = $t->command('makehosteddomains');
	ok($? && $out =~ $bad->[1], 'MTA-1607: a line that is no entry is told') or diag $out;
}
takes('alice@late.test', 'and the old table stays');
unlink "$etc/hosteddomains/three";
$t->file('etc/hosteddomains/one.rpmnew', "x\n");
my $out = $t->command('makehosteddomains');
ok($? && $out =~ /leftover/, 'MTA-0120 MTA-1602: leftovers of upgrades are faults') or diag $out;
unlink "$etc/hosteddomains/one.rpmnew";
my @running = map {
	my $pid = fork // die;
	if (!$pid) {
		$t->{pid} = 0;
		$t->command('makehosteddomains');
		require POSIX;
		POSIX::_exit($? ? 1 : 0);
	}
	$pid
} 1 .. 8;
my $failed = 0;
for (@running) { waitpid $_, 0; $failed += $? != 0 }
is($failed, 0, 'MTA-1612: eight at a time wait for each other');
takes('alice@late.test', 'MTA-1612: and leave a good table');
is_deeply([glob "$etc/*.dat?*"], [], 'MTA-1612: and nothing else');
open my $dat, '<', "$etc/hosteddomains.dat" or die;
read $dat, my $head, 16;
is(substr($head, 12, 4) eq pack('L', 0x61561) ? 1 : 0, 1, 'MTA-1610: tables are Berkeley DB files');

# ---- the account alias@domain: MTA-1609 ------------------------------------------------------

refuses("whoever\@$d", $unknown, 'MTA-1609: without instructions it catches nothing');
open my $dot, '>', "$catch/.courier-default" or die;
print $dot "$catch/Maildir\n";
close $dot;
my ($uid, $gid) = (stat $catch)[4, 5];
chown $uid, $gid, "$catch/.courier-default" if $> == 0;
takes("whoever\@$d", 'MTA-1609: an unknown user');
$t->send_mail(from => 'x@far.example', to => "some-one\@alias.test", text => "Subject: caught\n\n");
ok($t->wait_mail('alias', qr/^Subject: caught$/m), 'MTA-1609: is delivered as .courier-default says, by another name of the domain too') or diag $t->log;
refuses('whoever@local.test', $unknown, 'MTA-1609: in hosted domains alone');
refuses('whoever@x.wild.test', $unknown, 'MTA-1609: and in this one');
open $dot, '>', "$catch/.courier-special" or die;
print $dot "$catch/Maildir\n";
close $dot;
chown $uid, $gid, "$catch/.courier-special" if $> == 0;
$t->send_mail(from => 'x@far.example', to => "special\@$d", text => "Subject: special\n\n");
ok($t->wait_mail('alias', qr/^Subject: special$/m), 'MTA-1609: other .courier files count too');

# ---- extensions: MTA-0114 MTA-0116 -------------------------------------------------------------

sub instructions {
	my ($name) = @_;
	(my $home = $t->maildir('bob')) =~ s,/Maildir$,,;
	open my $f, '>', "$home/$name" or die;
	print $f "./Maildir\n";
	close $f;
	chown $uid, $gid, "$home/$name" if $> == 0;
}
sub reload { $t->command('courier', '-C', $t->path(''), 'reload') }
unlink "$catch/.courier-default";
instructions('.courier-ext');
takes("bob-ext\@$d", 'MTA-0116: - is a separator');
takes("bob+ext\@$d", 'MTA-0116: without the file, + is another');
refuses("bob=ext\@$d", $unknown, 'MTA-0116: and = is none');
$t->file('etc/defaultsep', "=\n");
reload();
ok($t->wait_for(15, sub { (rcpts("bob=ext\@$d"))[0] =~ /^250 / }), 'MTA-0116: characters of the file');
refuses("bob+ext\@$d", $unknown, 'MTA-0116: and no others');
takes("bob-ext\@$d", 'MTA-0116: but -');
$t->file('etc/defaultsep', "\n");
reload();
ok($t->wait_for(15, sub { (rcpts("bob=ext\@$d"))[0] =~ $unknown }), 'MTA-0116: an empty line: nothing but -');
refuses("bob+ext\@$d", $unknown, 'MTA-0116: not even +');
instructions('.qmail-other');
refuses("bob-other\@$d", $unknown, 'MTA-0114: another kind of files');
$t->file('etc/dotextension', "qmail\n");
reload();
ok($t->wait_for(15, sub { (rcpts("bob-other\@$d"))[0] =~ /^250 / }), 'MTA-0114: dotextension');
refuses("bob-ext\@$d", $unknown, 'MTA-0114: in place of .courier');
unlink "$etc/dotextension";

# ---- the name of the host: MTA-0101 MTA-0102 MTA-0110 MTA-0111 MTA-0121 MTA-0115 MTA-0116 --------------

sub greeting { my $s = $t->connect('smtp'); return $t->smtp_reply($s) }
$t->file('etc/me', "*.own.test\n");
reload();
ok($t->wait_for(15, sub { greeting() =~ /^220 \Q$host\E\.own\.test ESMTP/ }), 'MTA-0121 MTA-0111: "*." in me') or diag greeting();
$t->file('etc/me', "Named.Test\nnot this\n");
reload();
ok($t->wait_for(15, sub { greeting() =~ /^220 named\.test ESMTP/ }), 'MTA-0101: the first line') or diag greeting();
unlink "$etc/me";
reload();
ok($t->wait_for(15, sub { greeting() =~ /^220 \Q$host\E ESMTP/ }), 'MTA-0101: without it, the system\'s name');
$t->file('etc/esmtpgreeting', "hello there ESMTP\n");
$t->file('etc/msgidhost', "ids.test\n");
$t->file('etc/defaultdomain', "local.test\n");
$t->file('etc/locallowercase', '');
reload();
ok($t->wait_for(15, sub { greeting() =~ /^220 hello there ESMTP/ }), 'MTA-0111: esmtpgreeting is the whole text');
open my $sm, '|-', 'env', 'COURIER_HOME=' . $t->path(''), Courier::Test::program('sendmail'), 'shell' or die;
print $sm "Subject: bare\nTo: shell\n\n";
close $sm;
my $bare = $t->wait_mail('bob', qr/^Subject: bare$/m);
like($bare || '', qr/^To: shell\@local\.test$/m, 'MTA-0102: bare addresses get defaultdomain') or diag $t->log;
like($bare || '', qr/^Message-ID: <\S+\@ids\.test>$/mi, 'MTA-0110: Message-IDs are msgidhost\'s');
takes('SHELL@local.test', 'MTA-0115: locallowercase');
unlink "$etc/locallowercase";
reload();
ok($t->wait_for(15, sub { (rcpts('SHELL@local.test'))[0] =~ $unknown }), 'MTA-0115: without it, case counts');
takes('PostMaster', 'MTA-0115: but for the postmaster');
$t->send_mail(from => 'X@Far.Example', to => 'shell@local.test', text => "Subject: case\n\n");
like($t->wait_mail('bob', qr/^Subject: case$/m) || '', qr/^Return-Path: <X\@far\.example>$/m, 'MTA-0115: other systems\' names keep theirs');

done_testing;
