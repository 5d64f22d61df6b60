#!/usr/bin/perl
# slow
# Filters of mailboxes' owners, in the SMTP dialogue: MTA-0850 MTA-1801 MTA-1802 MTA-1803 MTA-1804
# MTA-1805 MTA-1806 MTA-1807 MTA-1808 MTA-1809 MTA-1810 MTA-1811 MTA-1812 MTA-1813 MTA-1814 MTA-1815
use strict;
use warnings;
use Test::More;
use FindBin;
use Time::HiRes qw(sleep time);
use lib "$FindBin::Bin/../lib";
use Courier::Filter;
use Courier::Test;

my $t = Courier::Test->new(
	users => [qw(alice bob carol dave)],
	config => {esmtpd => {TARPIT => 0}, broker => {LOCALFILTERTIME => 2, LOCALFILTERENV => 'MINE'}},
	files => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT,BLOCK2=listed here,MINE=yes,LD_PRELOAD=/no/where,OTHER=hidden\n",
		'aliases/test' => "team: alice, bob\nsolo: carol\n",
	},
);
my @dir = ('-C', $t->path(''));
my $domain = $t->domain;
my %home = map {my $d = $t->maildir($_); $d =~ s,/Maildir\z,,; ($_ => $d)} qw(alice bob carol dave);
my ($uid, $gid) = (stat $t->maildir('alice'))[4, 5];
my $n = 0;

sub put {
	my ($path, $text, $mode) = @_;
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
	chmod $mode || 0600, $path;
	chown $uid, $gid, $path if !$>;
}
sub recipe {
	my ($user, $name, $text) = @_;
	mkdir "$home{$user}/.mailfilters";
	chmod 0700, "$home{$user}/.mailfilters";
	chown $uid, $gid, "$home{$user}/.mailfilters" if !$>;
	put("$home{$user}/.mailfilters/$name", $text);
}
sub dialog {
	my (%m) = @_;
	$n++;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	my @r = ($t->smtp($s, 'EHLO client.test'));
	push @r, $t->smtp($s, "MAIL FROM:<x\@client.test>" . ($m{mail} || ''));
	my @to = map {my $a = /@/ ? $_ : "$_\@$domain"; $t->smtp($s, "RCPT TO:<$a>")} @{$m{to}};
	my $end = '';
	if (grep {/^2/} @to) {
		$t->smtp($s, 'DATA');
		print $s "Subject: number $n\r\n" . ($m{header} || '') . "\r\nbody\r\n";
		$end = $t->smtp($s, '.');
	}
	print $s "QUIT\r\n";
	return (@to, $end);
}
sub has {
	my ($user, $yes) = @_;
	$t->wait_empty_queue;
	my $got = grep {$_->[1] =~ /^Subject: number $n$/m} $t->mailbox($user);
	return $got ? 1 : 0;
}

$t->command('makesmtpaccess');
$t->command('makealiases');
$t->start;
my ($ehlo) = do { my $s = $t->connect('smtp'); $t->smtp_reply($s); $t->smtp($s, 'EHLO x') };
like($ehlo, qr/^250-XEXDATA\r$/m, 'EHLO offers XEXDATA (MTA-1810)');
recipe('alice', 'rcptfilter', "EXITCODE=1\necho \"never\"\n");
is((dialog(to => ['alice']))[0] =~ /^250/, 1, 'without the file maildropfilter nothing is asked (MTA-1801)');
$t->file('etc/maildropfilter', Courier::Test::program('maildrop') . "\n");
$t->command('courier', @dir, 'reload');
ok($t->wait_for(10, sub { (dialog(to => ['alice']))[0] =~ /^511 5\.7\.1 never\r/ }), 'with it a rcptfilter refuses at RCPT: 511 and its output (MTA-1803, MTA-1807, MTA-1813, DROP-0031)');

# ---- with maildrop
is((dialog(to => ['bob']))[0] =~ /^250/, 1, 'a user without ~/.mailfilters takes everything (MTA-1808)');
is(has('bob'), 1, 'and gets it');
recipe('alice', 'rcptfilter', "import SENDER\nif (\$SENDER eq \"x\@client.test\")\n{\n  EXITCODE=0\n}\nelse\n{\n  EXITCODE=1\n}\n");
my @r = dialog(to => ['alice']);
like($r[1], qr/^250 /, 'exit status 0 takes the message (MTA-1803); SENDER was imported (DROP-0032)') or diag $t->log;
is(has('alice'), 1, 'it is delivered');
{
	# Recipients that are refused: nothing is delivered, so all workers are those that ask filters.
	(my $house = $t->path('')) =~ s,/\z,,;
	my $proc = sub { open my $f, '<', "/proc/$_[0]" or return ''; local $/; return scalar(<$f>) // '' };
	my $workers = sub {
		return join ' ', sort grep { $proc->("$_/cmdline") =~ /^courierlocal-worker/ && $proc->("$_/environ") =~ /COURIER_HOME=\Q$house\E\0/ }
		    map { m{(\d+)} ? $1 : () } glob '/proc/[0-9]*';
	};
	recipe('alice', 'rcptfilter', "echo \"not today\"\nEXITCODE=1\n");
	like((dialog(to => ['alice']))[0], qr/^5\S+ .*not today/, 'refused by the filter');
	my $first = $workers->();
	dialog(to => ['alice']) for 1 .. 5;
	isnt($first, '', 'a worker has asked it');
	is($workers->(), $first, 'and stays: five more questions start no process');
	recipe('alice', 'rcptfilter', "echo \"not tomorrow\"\nEXITCODE=1\n");
	like((dialog(to => ['alice']))[0], qr/not tomorrow/, 'a changed filter counts at once');
}
recipe('alice', 'rcptfilter', "EXITCODE=99\n");
recipe('alice', 'smtpfilter', "if (/^X-Bad:.*yes/)\n{\n  echo \"550 5.7.0 bad content\"\n  EXITCODE=1\n  exit\n}\nEXITCODE=0\n");
@r = dialog(to => ['alice']);
like($r[1], qr/^250 /, '99, and the content is fine (MTA-1804)');
is(has('alice'), 1, 'delivered');
@r = dialog(to => ['alice'], header => "X-Bad: yes\r\n");
like($r[0], qr/^250 /, 'the recipient is taken');
is($r[1], "550-5.7.0 alice\@$domain:\r\n550 5.7.0 bad content\r\n", 'and the content refused: account, then the output with its own code (MTA-1804, MTA-1814)');
is(has('alice'), 0, 'nothing is delivered');

# permissions (MTA-1808)
chmod 0750, "$home{alice}/.mailfilters";
like((dialog(to => ['alice']))[0], qr/^450 4\.3\.0 /, 'others may look into ~/.mailfilters: for now no mail (MTA-1808)');
chmod 0700, "$home{alice}/.mailfilters";
chmod 0640, "$home{alice}/.mailfilters/rcptfilter";
like((dialog(to => ['alice']))[0], qr/^450 4\.3\.0 /, 'or into the file (MTA-1808)');
recipe('alice', 'rcptfilter', "if (\n");
like((dialog(to => ['alice']))[0], qr/^450 4\.3\.0 /, 'an error in a recipe is temporary');
ok($t->wait_for(5, sub { $t->log_lines(qr/account=alice\S+its rcptfilter can't judge mail: .*rcptfilter:/) }), 'and stands in the log');
# extensions
put("$home{alice}/.courier-lists", "./Maildir\n");
recipe('alice', 'rcptfilter-lists', "echo \"lists are full\"\nEXITCODE=1\n");
recipe('alice', 'rcptfilter', "EXITCODE=0\n");
like((dialog(to => ['alice-lists']))[0], qr/^511 5\.7\.1 lists are full/, 'rcptfilter-ext (MTA-1803)');
like((dialog(to => ['alice']))[0], qr/^250 /, 'is not asked for the plain address');
recipe('alice', 'rcptfilter-lists', "EXITCODE=99\n");
recipe('alice', 'smtpfilter-lists', "echo \"lists have a filter\"\nEXITCODE=1\n");
like((dialog(to => ['alice-lists']))[1], qr/450 4\.7\.1 lists have a filter/, 'smtpfilter-ext; 450 without a code of its own (MTA-1804, MTA-1814)');

# ---- a filter of our own: arguments, environment
my $note = $t->scratch . '/note';
mkdir $note;
chmod 0777, $note;
my $script = $t->scratch . '/filter.sh';
put($script, <<"END", 0755);
#!/bin/sh
who=\$(basename "\$HOME")
{ echo "args:"; for a; do echo "[\$a]"; done; echo "cwd: \$(pwd)"; echo "uid: \$(id -u)"; echo env:; env | sort; } > $note/\$who.\$4
case \$4 in smtpfilter*) cat > $note/\$who.message ;; esac
f=$note/\$who.do-\$4
[ -f "\$f" ] || exit 0
. "\$f"
END
chmod 0755, $script;
$t->file('etc/maildropfilter', "$script\n");
$t->command('courier', @dir, 'reload');
ok($t->wait_for(10, sub { dialog(to => ['dave']); -f "$note/dave.rcptfilter" }), 'another program (MTA-1801)');
sub told { my ($user, $name, $text) = @_; my $f = "$note/$user.do-$name"; defined $text ? put($f, $text, 0644) : unlink $f }
sub noted { my ($file) = @_; open my $fh, '<', "$note/$file" or return ''; local $/; return scalar <$fh> }
told('dave', 'rcptfilter', "exit 99\n");
@r = dialog(to => ['dave']);
my $seen = noted('dave.rcptfilter');
my ($own) = $seen =~ /^uid: (\d+)$/m;
like($seen, qr/\Aargs:\n\[-D\]\n\[$uid\/$gid\]\n\[-M\]\n\[rcptfilter\]\n\[localhost\]\n\[127\.0\.0\.1\]\n\[x\@client\.test\]\n\[.*\]\n\[\]\ncwd/, 'arguments (MTA-1802, MTA-1812)');
is($own, $uid, 'it runs as the owner of the mailbox, no set-uid program is needed (MTA-1802)');
like($seen, qr/^cwd: \Q$home{dave}\E$/m, 'in the home folder (MTA-1815)');
my ($env) = $seen =~ /^env:\n(.*)\z/ms;
my %env = map {/^(\w+)=(.*)/ ? ($1, $2) : ()} split /\n/, $env;
delete @env{qw(PWD OLDPWD SHLVL _)};
is(join(' ', sort keys %env), join(' ', sort qw(BLOCK2 COURIER_HOME DEFAULT ESMTPHELO HOME MINE PATH RELAYCLIENT SENDER SHELL TCPLOCALIP TCPLOCALPORT
    TCPREMOTEHOST TCPREMOTEIP TCPREMOTEPORT)), 'the documented environment and nothing else (MTA-1806, MTA-1815)');
is($env{SENDER}, 'x@client.test', 'SENDER (MTA-1806)');
is($env{BLOCK2}, 'listed here', 'BLOCK2 of smtpaccess');
is($env{HOME}, $home{dave}, 'HOME');
is($env{TCPREMOTEIP}, '127.0.0.1', 'TCPREMOTEIP');
like(noted('dave.message'), qr/\AReceived: .*\nSubject: number $n\n.*\n\nbody\n\z/s, 'smtpfilter has the message on standard input (MTA-1804)');

my $rcpt = sub { told('dave', 'rcptfilter', $_[0]); return (dialog(to => ['dave']))[0] };
is($rcpt->("exit 1\n"), "571 5.7.1 Delivery is not wanted by the recipient\r\n", 'refusal without a word (MTA-1813)');
is($rcpt->("echo 450 later; exit 1\n"), "450 4.7.1 later\r\n", 'a code in the output is the code (MTA-1813)');
is($rcpt->("printf '553 a\\nb\\n'; exit 3\n"), "553-5.7.1 a\r\n553 5.7.1 b\r\n", 'several lines (MTA-1807)');
is($rcpt->("printf 'a\\033[1mb\\r\\n'; exit 3\n"), "511 5.7.1 a?[1mb\r\n", 'nothing unprintable passes');
like($rcpt->("exit 75\n"), qr/^450 4\.3\.0 /, 'status 75 is a fault, not a refusal');
like($rcpt->("kill -9 \$\$\n"), qr/^450 4\.3\.0 /, 'so is a death');
my $begin = time;
like($rcpt->("sleep 60\n"), qr/^450 4\.3\.0 /, 'and a program that hangs');
cmp_ok(time - $begin, '<', 8, 'it is ended after LOCALFILTERTIME');
like($rcpt->("yes; exit 1\n"), qr/^450 4\.3\.0 /, 'endless output');
like($rcpt->("yes no | head -c 100000; exit 1\n"), qr/\A(?:511-5\.7\.1 no\r\n)+511 5\.7\.1 no\r\n\z/, 'much output is cut');
my $end = sub { told('dave', 'smtpfilter', $_[0]); return (dialog(to => ['dave']))[1] };
$rcpt->("exit 99\n");
is($end->("exit 1\n"), "450-4.7.1 dave\@$domain:\r\n450 4.7.1 Access denied.\r\n", 'smtpfilter without a word: 450 (MTA-1814)');
is($end->("printf '550-bad\\n550 worse\\n'; exit 1\n"), "550-5.7.1 dave\@$domain:\r\n550-5.7.1 bad\r\n550 5.7.1 worse\r\n", 'with its code and lines (MTA-1814)');
like($end->("exit 75\n"), qr/^450 4\.3\.0 /, 'a fault');
told('dave', 'smtpfilter');

# ---- whitelisting (MTA-0850, MTA-1809)
told('alice', 'rcptfilter', "exit 99\n");
told('bob', 'rcptfilter', "exit 0\n");
@r = dialog(to => [qw(alice bob dave)]);
like($r[0], qr/^250 /, 'one that wants to see the content');
like($r[1], qr/^412 4\.5\.3 /, 'one that has whitelisted the sender comes separately (MTA-0850, MTA-1809)');
like($r[2], qr/^250 /, 'one like the first is taken');
is(has('bob'), 0, 'not for him');
@r = dialog(to => [qw(bob alice carol)]);
like("@r", qr/^250 .*412 .*250 /s, 'the first decides');
is(has('bob') + has('carol'), 2, 'those who agree get it');
is(has('alice'), 0, 'the other does not');
@r = dialog(to => [qw(alice team)]);
like($r[1], qr/^412 /, 'an alias without a filter counts as whitelisted (MTA-1811)');

# ---- MTA-2209: global filters: filters/ for those who have not whitelisted, allfilters/ always
my $all = Courier::Filter->new($t, 'all');
my $opt = Courier::Filter->new($t, 'opt', folder => 'filters');
$t->command('courierfilter', @dir, 'restart');
$t->wait_for(10, sub { -S $all->socket && -S $opt->socket });
dialog(to => ['bob']);
is(scalar $all->requests, 1, 'a whitelisted message is shown to allfilters');
is(scalar $opt->requests, 0, 'not to filters');
dialog(to => ['alice']);
is(scalar $all->requests, 2, 'one that is not');
is(scalar $opt->requests, 1, 'to both');
$_->unlink for $all, $opt;
$t->command('courierfilter', @dir, 'restart');
$t->wait_for(10, sub { !-e $all->socket && !-e $opt->socket });

# ---- EXDATA (MTA-1810, MTA-1005, MTA-1006, MTA-1007), PRDR
told($_, 'rcptfilter', "exit 99\n") for qw(alice bob carol dave);
told('alice', 'smtpfilter', "echo 550 content no; exit 1\n");
told('dave', 'smtpfilter', "exit 1\n");
@r = dialog(to => [qw(alice bob dave)], mail => ' EXDATA');
is(join('', @r[0 .. 2]) =~ /\A(?:250 [^\n]*\n){3}\z/, 1, 'three recipients');
like($r[3], qr/\A558-550-5\.7\.1 alice\@\Q$domain\E:\r\n558-550 5\.7\.1 content no\r\n558-250 2\.0\.0 Ok\. [0-9A-F]+\.[0-9A-F]+\r\n558-450-4\.7\.1 dave\@\Q$domain\E:\r\n558 450 4\.7\.1 Access denied\.\r\n\z/, 'one reply for each (MTA-1810)');
is(has('bob'), 1, 'who accepts gets the message');
is(has('alice') + has('dave'), 0, 'the others do not');
@r = dialog(to => [qw(alice dave alice)], mail => ' XEXDATA');
like($r[3], qr/\A558-550-\S+ alice.*558-450-\S+ dave.*558-550-\S+ alice.*558 550 \S+ content no\r\n\z/s, 'nobody accepts; XEXDATA is the same word; one who is named twice is answered twice');
is(has('alice') + has('dave'), 0, 'nothing is delivered');
@r = dialog(to => [qw(bob carol)], mail => ' EXDATA');
like($r[2], qr/^250 2\.0\.0 Ok/, 'all accept: a plain 250');
is(has('bob') + has('carol'), 2, 'delivered');
@r = dialog(to => [qw(bob alice)]);
is($r[2], "550-5.7.1 alice\@$domain:\r\n550 5.7.1 content no\r\n", 'a client that has not said EXDATA: one reply for all (MTA-1810)');
is(has('bob') + has('alice'), 0, 'and nobody gets it');
like((dialog(to => ['bob'], mail => ' EXDATA=1'))[0], qr/^503/, 'EXDATA has no value');
for my $how (['DATA', "Subject: prdr\r\n\r\nx\r\n.\r\n"], ['BDAT 20 LAST', "Subject: prdr\r\n\r\nx\r\n"]) {
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@client.test> PRDR', map {"RCPT TO:<$_\@$domain>"} qw(alice bob dave);
	if ($how->[0] eq 'DATA') {
		$t->smtp($s, 'DATA');
		print $s $how->[1];
	} else {
		print $s "$how->[0]\r\n$how->[1]";
	}
	my @each = map {$t->smtp_reply($s)} 1 .. 5;
	like(join('', @each), qr/\A353 [^\n]+\n550-5\.7\.1 alice.*550 5\.7\.1 content no\r\n250 2\.0\.0 Ok\. \S+\r\n450-4\.7\.1 dave.*450 4[^\n]+\n250 2\.0\.0 [^\n]+\n\z/s,
		"PRDR, $how->[0]: 353, one reply for each, one for all");
	like($t->smtp($s, 'NOOP'), qr/^250 /, '... and no more');
}
SKIP: {
	skip 'swaks is not here', 1 if system('which swaks >/dev/null 2>&1');
	my $to = join ',', map {"$_\@$domain"} qw(alice bob dave);
	my $out = qx(swaks --server 127.0.0.1:@{[$t->port('smtp')]} --prdr --from x\@client.test --to $to --h-Subject swaks 2>&1);
	like($out, qr/353 .*\n.*550-5\.7\.1 alice.*250 2\.0\.0 Ok\. .*450-4\.7\.1 dave.*250 2\.0\.0 /s, 'PRDR as swaks knows it');
}

# ---- aliases and other hosts (MTA-1805, MTA-1811)
$_ && unlink for glob "$note/*";
told('carol', 'rcptfilter', "exit 1\n");
@r = dialog(to => [qw(solo team)]);
like($r[0], qr/^250 /, 'the filter of a mailbox is not asked when an alias leads to it (MTA-1811)');
is(has('carol'), 1, 'delivered');
is(join(' ', grep {!/do-/} glob "$note/*rcptfilter*"), '', 'no filter was called') or diag `ls $note`;
$t->file('etc/aliasfilteracct', "$home{dave}\n");
ok($t->wait_for(10, sub { dialog(to => ['team']); -f "$note/dave.rcptfilter-alias-team\@$domain" }), 'rcptfilter-alias-ADDRESS as the owner of aliasfilteracct (MTA-1805, MTA-1526); MTA-0118: that file counts at once')
    or diag $t->log;
$seen = noted("dave.rcptfilter-alias-team\@$domain");
like($seen, qr/^\[-D\]\n\[$uid\/$gid\]\n\[-M\]\n\[rcptfilter-alias-team\@\Q$domain\E\]$/m, 'uid and gid are the owner\'s (MTA-1805)');
told('dave', "rcptfilter-alias-team\@$domain", "echo no team; exit 1\n");
like((dialog(to => ['team']))[0], qr/^511 5\.7\.1 no team/, 'it can refuse (MTA-1805)');
told('dave', "rcptfilter-alias-team\@$domain", "exit 99\n");
@r = dialog(to => [qw(team solo)]);
like($r[0], qr/^250 /, '99 takes it');
like($r[1], qr/^412 /, 'as one that is not whitelisted');
like($r[2], qr/^250 /, 'the content is not filtered (MTA-1811)');
ok(!-f "$note/dave.message", 'no smtpfilter was called');
is(has('alice') + has('bob'), 2, 'the members get it');

# ---- other hosts (nothing waits for these any more: they stay in the queue)
unlink glob "$note/*rcptfilter*";
told('alice', 'rcptfilter', "exit 99\n");
@r = dialog(to => ['z@remote.invalid', 'alice']);
like($r[0], qr/^250 /, 'a recipient elsewhere is taken');
ok(!(grep {/remote/} map {noted((m,([^/]+)\z,)[0])} glob "$note/*.rcptfilter*"), 'no filter is asked for it (MTA-1811)');
like($r[1], qr/^412 /, 'it counts as whitelisted');

# ---- only for sources in enablefiltering
told($_, 'rcptfilter', "exit 1\n") for qw(alice bob);
$t->file('etc/enablefiltering', "local\n");
$t->command('courier', @dir, 'reload');
ok($t->wait_for(10, sub { (dialog(to => ['alice']))[0] =~ /^250 / }), 'a source that is not filtered is not filtered here either');
my $mime = do {
	$ENV{COURIER_HOME} = $t->path('');
	open my $in, '|-', Courier::Test::program('sendmail') . " -f bob\@$domain alice\@$domain > $note/out 2>&1" or die;
	print $in "Subject: by hand\n\nx\n";
	close $in;
	$?;
};
isnt($mime, 0, 'with the word local mail of programs is (MTA-1803)');
is($t->stop, '', 'stop');
ok(!$t->log_lines(qr/\bfatal\b|AddressSanitizer/), 'nothing has broken');
done_testing;
