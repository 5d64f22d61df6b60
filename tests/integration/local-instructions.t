#!/usr/bin/perl
# slow
# Local delivery against the rows of the parity list: which file holds the instructions, whose they
# are, the default ways of delivery, forwards, homes that are missing, mailboxes that are full.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my @users = qw(alice bob joe joe-blow carol dave full);
my $t = Courier::Test->new(users => \@users, files => {locallowercase => "\n", retryalpha => "1h\n", locals => "local.test\n"},
	config => {submit => {BOFHSUPPRESSBACKSCATTER => 'none'}, courierd => {LOCAL_WORD => 'known to all'}});
my $domain = $t->domain;
my $archive = $t->path('var/queue/archive');
mkdir $archive or die "$archive: $!";
chown +(stat $t->path('var/queue'))[4, 5], $archive if $> == 0;
$t->configure(courierd => {ARCHIVEDIR => $archive});

sub home { my $m = $t->maildir($_[0]); $m =~ s,/Maildir$,,; return $m }
sub owned { my ($user, @paths) = @_; chown +(stat home($user))[4, 5], @paths if $> == 0; return }

sub instructions {
	my ($user, $name, $text) = @_;
	my $file = $t->file(substr(home($user), length $t->path('')) . "/$name", $text);
	owned($user, $file);
	chmod 0600, $file;
	return;
}

sub slurp { my ($file) = @_; open my $f, '<', $file or return; local $/; return scalar <$f> }

my $n = 0;
my $subject;
sub give { # its subject, or the refusal
	my ($to, %o) = @_;
	my $subject = 'n' . ++$n;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	my $r;
	for my $cmd ('EHLO client.test', 'MAIL FROM:<' . ($o{from} // "bob\@$domain") . '>' . ($o{mail} // ''),
		'RCPT TO:<' . ($to =~ /\@/ ? $to : "$to\@$domain") . '>' . ($o{rcpt} // ''), 'DATA') {
		$r = $t->smtp($s, $cmd);
		return $r if $r !~ /^[23]/;
	}
	print $s "Subject: $subject\r\nFrom: <x\@far.example>\r\n\r\ntext of $subject\r\n", $o{text} // '', ".\r\n";
	$r = $t->smtp_reply($s);
	return $r =~ /^250/ ? $subject : $r;
}
sub arrives {
	my ($subject, $user, $seconds) = @_;
	return $t->wait_mail($user, qr/^Subject: \Q$subject\E$/m, $seconds || 20);
}
sub reload { my $out = $t->command('courier', '-C', $t->path(''), 'reload'); is($?, 0, 'reload') or diag $out; return }
# What a record of the archived control file says.
sub record {
	my ($to, $re) = @_;
	return $t->wait_for(10, sub {
		for my $f (glob "$archive/*/C*") {
			my $c = slurp($f) // '';
			return $1 if $c =~ /^r\Q$to\E/m && $c =~ $re;
		}
		return;
	});
}
# The report about a message.
sub report { my ($subject, $user) = @_; return $t->wait_mail($user || 'bob', qr{^Content-Type: multipart/report.*^Subject: \Q$subject\E$}ms, 30) }

$t->file("etc/aliasdir/.courier-$_->[0]", $_->[1])
    for ['help', "&alice\@$domain\n"], ['team-default', "|id -u; exit 67\n"];
$t->start;

# ---- which file ---------------------------------------------------------------------------

for my $row (
	['MTA-1702', 'alice-one', '.courier-one'], ['MTA-1703', 'alice-two-x-y', '.courier-two-default'],
	['MTA-1705', 'ALICE-Foo.Bar', '.courier-foo:bar'], ['MTA-1705', 'alice+plus', '.courier-plus'],
	['MTA-1706', 'joe-blow-ext', '.courier-ext', 'joe-blow'], ['MTA-1704', 'joe-else', '.courier-default', 'joe']) {
	my ($id, $address, $file, $user) = @$row;
	$user ||= 'alice';
	instructions($user, $file, "./Maildir/.$n-$id/\n");
	my $folder = "$n-$id";
	my $subject = give($address);
	like($subject, qr/^n\d+$/, "$id: $address is taken with $file");
	ok($t->wait_for(20, sub { grep {$_->[1] =~ /^Subject: $subject$/m} $t->mailbox($user, $folder) }), "$id: and delivered by it") or diag $t->log;
}
like(give('alice-two'), qr/^550/, 'MTA-1703: -default does not stand for the name before it');
like(give('alice-none'), qr/^550/, 'MTA-1702: without a file there is no such address');
like(give('.xalias/x'), qr/^5/, 'MTA-1708: a first period is refused');
instructions('alice', '.courier-quiet', "# nothing\n");
give('alice-quiet');
ok(record("alice-quiet\@$domain", qr/^S0 (\d+ l)$/m), 'MTA-1701: comments alone: thrown away, with success');
is(record("alice-quiet\@$domain", qr/^I0 R (.*)$/m), 'Message delivered.', 'MTA-1738: the record says so');
instructions('alice', '.courier-empty', '');
$subject = give('alice-empty');
ok(arrives($subject, 'alice'), 'MTA-1701: an empty file is the default way');
my ($stored) = grep {$_->[1] =~ /^Subject: $subject$/m} $t->mailbox('alice');
like($stored->[0], qr{/new/\d+\.M\d{6}P\d+V[0-9A-F]{16}I[0-9A-F]{16}(?:_\d+)?\.[^,/]+,S=@{[length $stored->[1]]}$}, 'MTA-1728: the name of its file');
like($stored->[1], qr/\ADelivered-To: alice-empty\@\Q$domain\E\nReturn-Path: <bob\@\Q$domain\E>\nReceived: /, 'MTA-1728: what stands on top');
ok(arrives(give('help@local.test'), 'alice'), 'MTA-1707: aliasdir is the last resort');
give('team-one@local.test');
my $who = $t->wait_for(20, sub { ($t->log_lines(qr/addr=<team-one\@local\.test>: \d+$/))[0] });
my ($uid) = ($who // '') =~ /: (\d+)$/;
ok($uid, 'MTA-1707: -default there, too, and not as root');
is($uid, $> == 0 ? scalar getpwnam 'courier-filter' : $>, 'MTA-1707: but as the mail system\'s user for such programs');
like(give('Alice'), qr/^n/, 'locallowercase');
my ($line) = @{$t->wait_for(10, sub { my @l = $t->log_lines(qr/started,.*module=local.*addr=<alice\@/); return @l && \@l }) || []};
like($line // '', qr/host=alice\@\Q$domain\E!!\d+!\d+!\S+!\S*Maildir!,/, 'MTA-1739: the log has the route as one field');

# ---- programs -----------------------------------------------------------------------------

instructions('alice', '.courier-prog', "|id -u > ids; id -G >> ids; env > env; echo hello; echo there >&2\n");
$subject = give('alice-prog');
ok($t->wait_for(20, sub { -s home('alice') . '/env' }), 'a program runs');
my @st = stat home('alice');
is(slurp(home('alice') . '/ids'), $> == 0 ? "$st[4]\n$st[5]\n" : "$>\n" . join(' ', (split ' ', $))[1 .. split(' ', $)) - 1]) . "\n", 'MTA-1732: with the account\'s ids alone') if $> == 0;
my %env = map {/^(\w+)=(.*)/ ? ($1 => $2) : ()} split /\n/, slurp(home('alice') . '/env');
is($env{LOCAL_WORD}, 'known to all', 'MTA-1726: what courierd sets is seen');
is($env{MAILDROPDEFAULT}, $t->maildir('alice'), 'MTA-0511: MAILDROPDEFAULT is the account\'s Maildir');
is($env{COURIER_HOME}, $t->path('') =~ s{/\z}{}r, 'MTA-1726: and where the instance is');
is($env{EXT}, 'prog', 'MTA-1722: EXT');
ok(!exists $env{BOUNCE} && !exists $env{LD_PRELOAD} && !exists $env{LISTEN_FDS}, 'nothing of ours leaks');
is(record("alice-prog\@$domain", qr/^I0 R (hello)$/m), 'hello', 'MTA-1720: what it says is recorded');
# Accounts of one uid: a process that runs one's program is never used for another's.
instructions($_, '.courier-parent', "|echo \$PPID > parent\n") for 'alice', 'carol';
give("$_-parent") for 'alice', 'carol', 'alice';
ok($t->wait_for(20, sub { -s home('carol') . '/parent' && $t->log_lines(qr/addr=<(?:alice|carol)-parent.*success/) == 3 }), 'programs of two accounts');
isnt(slurp(home('alice') . '/parent'), slurp(home('carol') . '/parent'), 'run in workers of their own');
ok($t->wait_for(10, sub { $t->log_lines(qr/addr=<alice-prog\@[^,]*: there$/) }), 'MTA-1720: and logged');
instructions('alice', '.courier-no', "&carol\@$domain\n|echo one; echo two; exit 70\n");
$subject = give('alice-no');
my $report = report($subject);
like($report // '', qr/^ one\n two\n/m, 'MTA-1720 MTA-1716: a failure comes with what the program said');
like($report // '', qr/^Status: 5\.3\.0$/m, '... and its status');
ok(arrives($subject, 'carol'), 'MTA-1719: an address before the failure has its copy');
instructions('alice', '.courier-no', "|echo one; exit 67\n");
give('alice-no');
ok($t->wait_for(20, sub { $t->log_lines(qr/addr=<alice-no.*status: failure/) >= 2 }), 'both have failed');

# ---- forwards -----------------------------------------------------------------------------

instructions('alice', '.courier-fwd', "carol\@$domain, dave\@$domain\n");
$subject = give('alice-fwd', rcpt => ' NOTIFY=SUCCESS,FAILURE');
like(arrives($subject, 'carol') // '', qr/^Delivered-To: alice-fwd\@\Q$domain\E$/m, 'MTA-1721: forwarded, marked');
like(arrives($subject, 'dave') // '', qr/^Return-Path: <bob\@\Q$domain\E>$/m, 'MTA-1721: with the sender as it was');
$report = report($subject);
like($report // '', qr/^Final-Recipient: rfc822; alice-fwd\@\Q$domain\E\nAction: delivered$/m, 'several addresses: delivered by that');
instructions('alice', '.courier-one-to-one', "&carol\@$domain\n");
$subject = give('alice-one-to-one', rcpt => ' NOTIFY=SUCCESS ORCPT=rfc822;old+2Bname@x.test', mail => ' ENVID=e+2B1');
$report = report($subject);
like($report // '', qr/^Original-Recipient: rfc822;old\+name\@x\.test\nFinal-Recipient: rfc822; carol\@\Q$domain\E\nAction: delivered$/m, 'one address: who has it in the end reports');
like($report // '', qr/^Original-Envelope-Id: e\+1$/m, 'with the envelope id');
ok($t->wait_empty_queue(30), 'all is done');
is(scalar(grep {$_->[1] =~ /^Subject: $subject$/m} $t->mailbox('bob')), 1, 'one report, not two');
instructions('alice', '.courier-two-ways', "./Maildir\n&carol\@$domain\n");
$subject = give('alice-two-ways', rcpt => ' NOTIFY=SUCCESS');
like(report($subject) // '', qr/alice-two-ways\@.*\nAction: delivered$/m, 'a copy stays: delivered here');

# ---- default ways (MTA-0510 MTA-1733) -----------------------------------------------------

sub default_way { $t->configure(courierd => {DEFAULTDELIVERY => $_[0]}); reload(); return }

default_way('./Mailbox');
$subject = give('dave');
ok($t->wait_for(20, sub { (slurp(home('dave') . '/Mailbox') // '') =~ /^From bob.*^Subject: $subject$/ms }), 'MTA-0510: an mbox') or diag $t->log;
my $accounts = slurp($t->path('etc/userdb'));
sub accounts { open my $f, '>', $t->path('etc/userdb') or die $!; print $f $_[0]; close $f; $t->command('makeuserdb'); is($?, 0, 'makeuserdb'); return }
accounts($accounts =~ s{^(carol\@.*)$}{$1|options=defaultdelivery=./own-box}mr);
$subject = give('carol');
ok($t->wait_for(20, sub { (slurp(home('carol') . '/own-box') // '') =~ /^Subject: $subject$/m }), 'MTA-1733 MTA-0510: the account\'s own wish comes first') or diag $t->log;
accounts($accounts);
default_way("|| dotforward\n./Maildir");
ok(arrives(give('dave'), 'dave'), 'MTA-1415: without .forward the next line counts') or diag $t->log;
instructions('dave', '.forward', "\\dave, \"|cat > by-forward\"\nalice\@$domain\n");
$subject = give('dave');
ok(arrives($subject, 'alice'), 'MTA-1736: forwarded');
ok($t->wait_for(20, sub { (slurp(home('dave') . '/by-forward') // '') =~ /^Subject: $subject$/m }), 'MTA-1736: its program has it');
ok(arrives($subject, 'dave'), 'MTA-1415: and, its own address being there, dave himself');
instructions('dave', '.forward', "alice\@$domain\n");
$subject = give('dave');
ok(arrives($subject, 'alice'), 'MTA-1415: forwarded alone');
ok($t->wait_empty_queue(20) && !(grep {$_->[1] =~ /^Subject: $subject$/m} $t->mailbox('dave')), 'MTA-1415: exit 99, no copy');
unlink home('dave') . '/.forward';

default_way('| maildrop');
instructions('carol', '.mailfilter', "if (/^Subject: n/)\n{\nto \"./Maildir/.Filtered\"\n}\n");
$t->command('maildirmake', '-f', 'Filtered', $t->maildir('carol'));
system 'chown', '-R', "$st[4]:$st[5]", $t->maildir('carol') if $> == 0;
$subject = give('carol');
ok($t->wait_for(20, sub { grep {$_->[1] =~ /^Subject: $subject$/m} $t->mailbox('carol', 'Filtered') }), 'MTA-1730, DROP-0030: maildrop files it, the message on a descriptor') or diag $t->log;
my ($filed) = grep {$_->[1] =~ /^Subject: $subject$/m} $t->mailbox('carol', 'Filtered');
like($filed->[1] // '', qr/^Return-Path: <bob\@\Q$domain\E>$/m, 'MTA-1730: Return-Path without preline');
like($filed->[1] // '', qr/^Delivered-To: carol\@\Q$domain\E$/m, 'MTA-1730: Delivered-To, too');
ok(arrives(give('dave'), 'dave'), 'MTA-0511: without a filter it is the account\'s Maildir') or diag $t->log;
$t->file('etc/maildroprc', "xfilter \"sed 's/^text of/TEXT OF/'\"\n");
$subject = give('dave');
like(arrives($subject, 'dave') // '', qr/^TEXT OF $subject$/m, 'MTA-1731: the system\'s maildroprc comes first') or diag $t->log;
unlink $t->path('etc/maildroprc');

SKIP: {
	skip 'procmail is not installed', 2 if !-x '/usr/bin/procmail';
	default_way("| preline /usr/bin/procmail \\\$HOME/.procmailrc");
	instructions('alice', '.procmailrc', "MAILDIR=" . home('alice') . "\n:0\n* ^Subject: n\nproc-box\n");
	$subject = give('alice');
	ok($t->wait_for(20, sub { (slurp(home('alice') . '/proc-box') // '') =~ /^Subject: $subject$/m }), 'MTA-1414: procmail by way of preline') or diag $t->log;
	like(slurp(home('alice') . '/proc-box') // '', qr/\AFrom bob\@\Q$domain\E .*\nReturn-Path: <bob\@\Q$domain\E>\nDelivered-To: alice\@\Q$domain\E\n/, 'MTA-1414: in this order');
}
default_way('./Maildir');

# ---- a word instead of "courier" ----------------------------------------------------------

$t->file('etc/dotextension', "qmail\n");
reload();
instructions('bob', '.qmail-list', "&alice\@$domain\n");
ok(arrives(give('bob-list'), 'alice'), 'MTA-0114: .qmail files');
like(give('alice-one'), qr/^550/, 'MTA-0114: and no others');
unlink $t->path('etc/dotextension');
reload();

# ---- no extensions (MTA-1735) -------------------------------------------------------------

instructions('alice', '.courier-there', "./Maildir\n");
like(give('alice-there'), qr/^n/, 'an extension');
$t->configure(submit => {LOCALEXTENSIONS => 0});
reload();
like(give('alice-there'), qr/^550/, 'MTA-1735: LOCALEXTENSIONS=0: none any more');
like(give('joe-blow'), qr/^n/, 'MTA-1735: a name with a dash is an account as before');
$t->configure(submit => {LOCALEXTENSIONS => 1});
reload();

# ---- dynamic instructions off -------------------------------------------------------------

$t->configure(courierd => {DYNAMICDELIVERIES => 0, DSNNOTIFY => 'N'});
reload();
instructions('alice', '.courier-dyn', "||echo ./Maildir\n");
give('alice-dyn');
ok($t->wait_for(20, sub { $t->log_lines(qr/alice-dyn.*switched off/) }), 'MTA-0508: "||" is switched off');
instructions('alice', '.courier-lost', "&nobody-there\@$domain\n&carol-x\@$domain\n&carol\@$domain\n");
instructions('carol', '.courier-x', "|exit 67\n");
$subject = give('alice-lost');
ok($t->wait_for(20, sub { $t->log_lines(qr/addr=<carol-x.*failure/) }), 'a forward that fails');
my $about_carol = sub { grep {$_->[1] =~ /carol-x/ && $_->[1] =~ /^Subject: $subject$/m} $t->mailbox('bob') };
sleep 1;
is(scalar($about_carol->()), 0, 'MTA-0505: DSNNOTIFY=N: nobody hears of it');

# ---- a full mailbox (T11) -----------------------------------------------------------------

$t->file('etc/quotawarnmsg', "From: <post\@x.test>\nSubject: nearly full\n\nTidy up.\n");
$t->configure(courierd => {OVERQUOTA => 'fail', QUOTAWARN => 50});
reload();
my $userdb = $accounts;
$userdb =~ s/^(full\@.*)$/$1|quota=20000S/m;
accounts($userdb);
my $lines = "some text of a line\r\n" x 300; # 6300 bytes
ok(arrives(give('full', text => $lines), 'full'), 'a first message');
ok(arrives(give('full', text => $lines), 'full'), 'a second one');
ok($t->wait_mail('full', qr/^Subject: nearly full$/m), 'MTA-0131: the warning is there');
ok(arrives(give('full', text => $lines), 'full'), 'a third one');
$subject = give('full', text => $lines);
$report = report($subject);
like($report // '', qr/^Status: 5\.2\.2$/m, 'MTA-1729 T11: over quota, for good by setting') or diag $t->log;
like($report // '', qr/the mailbox is over its quota/, 'T11: and in words');
is(scalar(grep {$_->[1] =~ /^Subject: nearly full$/m} $t->mailbox('full')), 1, 'MTA-0131: warned once');
ok(arrives(give('dave'), 'dave'), 'T11: others get theirs');
$t->configure(courierd => {OVERQUOTA => 'defer'});
reload();
give('full', text => $lines);
ok($t->wait_for(20, sub { $t->log_lines(qr/addr=<full\@.*: status: deferred|addr=<full\@.*status: deferred/) }), 'MTA-1729: it waits, by default');

# ---- a home that is missing (MTA-0509 MTA-1734) -------------------------------------------

my $dave = home('dave');
rename $dave, "$dave.away" or die $!;
$subject = give('dave');
like($subject, qr/^n\d+$/, 'MTA-1734: mail for a home that is missing is taken');
ok($t->wait_for(20, sub { $t->log_lines(qr/addr=<dave\@.*cannot enter the home folder/) }), 'and waits');
my $skel = $t->scratch . '/skel';
$t->file("../skel/$_", 'x') for 'Maildir/new/.keep', 'Maildir/cur/.keep', 'Maildir/tmp/.keep', 'deep/er/file';
symlink 'deep/er', "$skel/link";
chmod 0750, $skel;
chmod 0640, "$skel/deep/er/file";
$t->configure(courierd => {AUTH_MKHOMEDIR_SKEL => $skel});
chown 0, 0, $t->scratch if $> == 0;
chmod 0755, $t->scratch;
SKIP: {
	reload();
	$subject = give('dave');
	my $done = $t->wait_for(20, sub { arrives($subject, 'dave', 0.1) });
	# a skeleton below /tmp may be changed by others, says the broker of root's instances
	skip 'the skeleton lies in /tmp', 6 if $> == 0 && !$done && $t->log =~ /others than root may change/;
	ok($done, 'MTA-0509: with a skeleton the home is made') or diag $t->log;
	is(slurp("$dave/deep/er/file"), 'x', 'all of it');
	is(readlink "$dave/link", 'deep/er', 'links as they are');
	is((stat "$dave/deep/er/file")[2] & 0777, 0640, 'with its rights');
	is((stat "$dave/deep/er/file")[4], $> == 0 ? $st[4] : $>, 'and its owner\'s');
	is((stat $dave)[2] & 0777, 0750, 'the home itself, too');
}
is($t->stop, '', 'stops');
done_testing;
