#!/usr/bin/perl
# Moving over from the original, as README tells it: its configuration folder with an administrator's
# changes, its accounts and its queue come along; check says what has no effect and what can't be read;
# then mail flows, people log in, and the queue drains.  MTA-2201
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use File::Path qw(make_path);
use IO::Socket::INET;
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;

my $root = $> == 0;
my $next = Courier::FakeSMTP->new(ehlo => ['PIPELINING', '8BITMIME', 'AUTH PLAIN LOGIN']);
my $t = Courier::Test->new(users => []);
my ($etc, $homes) = ($t->path('etc'), $t->scratch . '/homes');
my %port = map {($_ => $t->port($_))} qw(smtp submission imap pop3);
my ($uid, $gid) = $root ? (getpwnam 'courier-mail')[2, 3] : ($>, $) + 0);

# ---- the folder of the original, with the settings and marks its package has ------------------------
unlink "$etc/$_" for qw(esmtpd esmtpd-msa esmtpd-ssl imapd imapd-ssl pop3d pop3d-ssl authdaemonrc courierd userdb
	locals hosteddomains me defaultdomain esmtpacceptmailfor);
unlink glob "$etc/*.dat";
my %files = (
	esmtpd => <<"E",
##NAME: PATH:0
PATH=/usr/bin:/bin
##NAME: ULIMIT:0
ULIMIT=32768
##NAME: BOFHCHECKDNS:0
BOFHCHECKDNS=0
##NAME: BOFHNOEXPN:1
BOFHNOEXPN=1
##NAME: BOFHNOVRFY:1
BOFHNOVRFY=1
##NAME: TARPIT:1
TARPIT=0
##NAME: NOADDDATE:0
NOADDMSGID=1
NOADDDATE=1
##NAME: COURIERTLS:0
COURIERTLS=/usr/bin/couriertls
TLS_CERTFILE=$etc/esmtpd.pem
TLS_VERIFYPEER=NONE
##NAME: MAILUSERGROUP:0
MAILUSER=daemon
MAILGROUP=daemon
##NAME: PORT:1
PORT=127.0.0.1.$port{smtp}
BLACKLISTS=""
##NAME: ACCESSFILE:1
ACCESSFILE=\${sysconfdir}/smtpaccess
##NAME: MAXDAEMONS:0
MAXDAEMONS=40
MAXPERC=20
MAXPERIP=20
##NAME: PIDFILE:0
PIDFILE=/run/courier/esmtpd.pid
##NAME: TCPDOPTS:3
TCPDOPTS="-stderrlogger=/usr/sbin/courierlogger -noidentlookup -nodnslookup"
##NAME: ESMTPAUTH:4
ESMTPAUTH="PLAIN LOGIN"
##NAME: ESMTPDSTART:0
ESMTPDSTART=YES
E
	'esmtpd-msa' => "##NAME: AUTH_REQUIRED:0\nAUTH_REQUIRED=1\n##NAME: ADDRESS:1\nADDRESS=127.0.0.1\n##NAME: PORT:1\nPORT=$port{submission}\nESMTPDSTART=YES\n",
	'esmtpd-ssl' => "SSLPORT=465\nESMTPDSSLSTART=NO\n",
	imapd => "ADDRESS=127.0.0.1\nPORT=$port{imap}\n##NAME: MAXDAEMONS:0\nMAXDAEMONS=40\nMAXPERIP=20\nTCPDOPTS=\"-nodnslookup -noidentlookup\"\n"
	    . "IMAP_CAPABILITY=\"IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE\"\nIMAP_EMPTYTRASH=Trash:7\nIMAP_SHAREDINDEXFILE=$etc/shared/index\nIMAPDSTART=YES\nMAILDIRPATH=Maildir\n",
	'imapd-ssl' => "SSLPORT=993\nIMAPDSSLSTART=NO\nIMAPDSTARTTLS=YES\n##NAME: IMAP_TLS_REQUIRED:1\nIMAP_TLS_REQUIRED=0\nTLS_CERTFILE=$etc/imapd.pem\nTLS_CACHEFILE=/var/lib/courier/cache\n",
	pop3d => "ADDRESS=127.0.0.1\n##NAME: PORT:1\nPORT=$port{pop3}\nMAXDAEMONS=40\nPOP3AUTH=\"\"\nPOP3DSTART=YES\nMAILDIRPATH=Maildir\n",
	'pop3d-ssl' => "SSLPORT=995\nPOP3DSSLSTART=NO\nPOP3_STARTTLS=YES\n##NAME: POP3_TLS_REQUIRED:1\nPOP3_TLS_REQUIRED=0\nTLS_CERTFILE=$etc/pop3d.pem\n",
	authdaemonrc => "##NAME: authmodulelist:3\nauthmodulelist=\"authuserdb\"\n##NAME: daemons:0\ndaemons=5\nDEBUG_LOGIN=0\n",
	courierd => "prefix=\"/usr\"\n##NAME: DYNAMICDELIVERIES:0\nDYNAMICDELIVERIES=1\nDEFAULTDELIVERY=\"| $ENV{COURIER_TEST_PREFIX}/bin/maildrop\"\nMAILDROPDEFAULT=./Maildir\n"
	    . "ESMTP_USE_STARTTLS=1\n##NAME: SOURCE_ADDRESS:0\nSOURCE_ADDRESS=127.0.0.1\n##NAME: TLS_VERIFYPEER:1\nTLS_VERIFYPEER=NONE\n",
	me => "mx.example.test\n", defaultdomain => "example.test\n", locals => "localhost\nexample.test\n",
	'hosteddomains/ours' => "hosted.test\n", 'esmtpacceptmailfor.dir/ours' => "example.test\nhosted.test\n",
	'aliases/system' => "postmaster: alice\nmailer-daemon: postmaster\n", 'aliases/lists' => "team: alice, carol\@hosted.test\n",
	'smtpaccess/ours' => "127.0.0.7\tallow,RELAYCLIENT\n127.0.0.9\tdeny\n", bofh => "badfrom spammer\@bad.test\nmaxrcpts 50 hard\n",
	esmtproutes => "far.test: [127.0.0.1]," . $next->port . "\n", esmtpauthclient => "[127.0.0.1]," . $next->port . " joe sesame\n",
	'shared/index' => '', 'module.local' => "NAME=local\nPRIORITY=10\nPROG=./courierlocal\nMAXDELS=10\nMAXHOST=4\n",
	'module.esmtp' => "NAME=esmtp\nPRIORITY=50\nPROG=./courieresmtp\nMAXDELS=40\nMAXHOST=4\nMAXRCPT=100\n",
	'module.dsn' => "NAME=dsn\nPRIORITY=99\nPROG=./courierdsn\nMAXDELS=4\nMAXHOST=4\nMAXRCPT=1\n",
	'filters/active/.keep' => '', 'modules.ctl' => '', 'aliasdir/.courier-info' => "alice\@example.test\n",
);
my $secret = crypt 'sesame', '$6$move$';
$files{userdb} = join '', map {"$_\tuid=$uid|gid=$gid|home=$homes/$_|mail=$homes/$_/Maildir|systempw=$secret\n"} 'alice', 'bob', 'carol@hosted.test';
$t->file("etc/$_", $files{$_}) for sort keys %files;
my %home = (
	'alice/.mailfilter' => "if (/^Subject: *for the folder/)\n\tto \"Maildir/.Sorted\"\n",
	'bob/.courier' => "./Maildir\n! alice\@example.test\n", 'bob/.courier-box' => "./Maildir\n",
);
for my $u ('alice', 'alice/Maildir/.Sorted', 'bob', 'carol@hosted.test') {
	make_path(map {$u =~ m{/} ? "$homes/$u/$_" : "$homes/$u/Maildir/$_"} qw(new cur tmp));
}
$t->file("../homes/$_", $home{$_}) for sort keys %home;
chmod 0600, glob "$homes/*/.mailfilter";
system 'chown', '-R', "$uid:$gid", $homes if $root;
system 'chmod', '-R', 'go-w', $homes;
chmod 0755, $homes;

# Debian's modes: closed to all but the mail system's group there, which is none of ours.
sub mode { my ($m, @names) = @_; chmod $m, map {"$etc/$_"} @names; return }
mode(0640, qw(esmtpauthclient esmtpd.pem bofh));
mode(0600, 'userdb');
chown 0, 0, "$etc/userdb" if $root;
mode(0750, qw(aliases esmtpacceptmailfor.dir hosteddomains shared aliasdir filters filters/active));

# ---- check ------------------------------------------------------------------------------------------------
sub check { return $t->command('courier', 'check') }
my $out = check();
isnt($?, 0, 'check: what can\'t work as it is stands in the way');
my %silent;
$silent{"$1 $2"} = 1 while $out =~ m{^\Q$etc\E/?(\S+?):\d+: warning: (\w+) has no effect}mg;
is(join(', ', sort keys %silent), 'esmtpd MAILGROUP, esmtpd MAILUSER, esmtpd PATH, esmtpd PIDFILE, esmtpd ULIMIT, imapd-ssl TLS_CACHEFILE',
	'it names precisely what has no effect');
like($out, qr{SOURCE_ADDRESS is not read: use the file ipout}, 'and what is done elsewhere now');
like($out, qr{modules\.ctl: .*not read}, 'and files');
like($out, qr{esmtpd\.pem: holds secrets but others can read it}, 'a key that is open to others');
like($out, qr{esmtpauthclient: it holds passwords and others can read it}, 'passwords, too');
SKIP: {
	skip 'an ordinary user is all users', 4 if !$root;
	like($out, qr{/bofh: the user courier-gate, who needs it, can't read it; chmod o\+rX \Q$etc\E/bofh$}m, 'a file that is closed to its reader');
	like($out, qr{/filters: the user courier-filter, who needs it}, 'a folder');
	like($out, qr{/aliasdir: the user courier-gate}, 'another');
	my @advice = $out =~ /chmod o\+rX (\S+)/g;
	is(system('chmod', 'o+rX', @advice), 0, 'the advice can be followed as it stands');
}
mode(0600, qw(esmtpauthclient esmtpd.pem));
$out = check();
is($?, 0, 'then all is well') or diag $out;

# ---- new settings beside the old ones -----------------------------------------------------------------
sub settings {
	my ($component, @names) = @_;
	my $all = $t->command('courier', 'config', $component);
	return join "\n", map {my $n = $_; $all =~ /^(\Q$n\E: .*?)(?: \(default\))?$/m ? $1 : "no $n"} @names;
}
my %ask = (esmtpd => ['BOFHNOVRFY', 'BOFHNOEXPN', 'TARPIT', 'ESMTPAUTH', 'MAXPERC', 'PORT'], imapd => ['MAXDAEMONS', 'IMAP_TLS_REQUIRED', 'PORT'],
	pop3d => ['POP3_TLS_REQUIRED', 'PORT']);
my %before = map {($_ => settings($_, @{$ask{$_}}))} keys %ask;
like($before{esmtpd}, qr/BOFHNOVRFY: 1\n/, 'settings are read');
$t->command('sysconftool');
is($?, 0, 'sysconftool');
is(settings($_, @{$ask{$_}}), $before{$_}, "$_: what was set is set") for sort keys %ask;
sub slurp { my ($f) = @_; open my $h, '<', $f or return ''; local $/; return scalar <$h> }
like(slurp("$etc/authdaemonrc"), qr/^authmodulelist="authuserdb"$/m, 'and who knows the accounts');
like(slurp("$etc/esmtpd"), qr/^##NAME: HAPROXY/m, 'new settings are there');
$out = check();
is($?, 0, 'and check is content') or diag $out;
$t->configure(submit => {BOFHSUPPRESSBACKSCATTER => 'none'});

# ---- tables, and the queue ----------------------------------------------------------------------------
for my $tool (qw(makeuserdb makealiases makesmtpaccess makehosteddomains makeacceptmailfor)) {
	$out = $t->command($tool);
	is($?, 0, $tool) or diag $out;
}
my $old = $t->scratch . '/old';
my ($now, $inode) = (time, 20988029);
sub queued {
	my ($subject, $rcpt, $when) = @_;
	my $nr = $inode++;
	my $id = sprintf '%016X.%016X.%08X', $nr, $now - 7200, 75;
	my $folder = "$old/msgs/" . $nr % 100;
	make_path($folder, "$old/msgq/" . int($when / 10000));
	my %text = ("$folder/C$nr" => "salice\@example.test\nfdns; localhost (localhost [127.0.0.1])\ne\nt\nM$id\nr$rcpt\nR\nN\nulocal\nE" . ($now + 600000)
		. "\nW" . ($now + 9000) . "\nI0 R Connection refused\nD0 $now\nC$now\nA$when\n", "$folder/D$nr" => "Subject: $subject\nFrom: alice\@example.test\n\nwaited\n");
	for my $p (keys %text) {
		open my $f, '>', $p or die "$p: $!";
		print $f $text{$p};
		close $f;
	}
	link "$folder/C$nr", "$old/msgq/" . int($when / 10000) . "/C$nr.$when";
	return;
}
queued('old and far', 'friend@far.test', $now - 10);
queued('old and near', 'carol@hosted.test', $now + 3000);
like($t->command('courier', 'import-queue', $old), qr/2 messages imported/, 'the queue comes along');
$t->start;
ok($t->wait_for(30, sub { grep {/^RCPT TO:<friend\@far\.test>/} $next->commands }), 'what waited for another host goes there');
ok((grep {/^AUTH/} $next->commands), 'with the name and password for it');
sub arrives {
	my ($what, $user, $folder) = @_;
	my $at = "$homes/$user/Maildir/" . ($folder // 'new');
	return $t->wait_for(20, sub { scalar grep {slurp($_) =~ /^Subject: \Q$what\E$/m} glob "$at/*" });
}
$t->command('courier', 'flush');
ok(arrives('old and near', 'carol@hosted.test'), 'what was not due goes with courier flush');
ok($t->wait_for(20, sub { $t->command('courier', 'status', '--json') =~ /"messages":0\b/ }), 'the queue is empty') or diag $t->command('mailq');

# ---- mail ------------------------------------------------------------------------------------------------
sub mail { my ($subject, $to, %more) = @_; return $t->send_mail(from => 'x@else.test', to => $to, text => "Subject: $subject\n\ntext\n", %more) }
like(mail('plain', 'alice@example.test'), qr/^250/, 'mail for an account');
ok(arrives('plain', 'alice'), 'arrives');
like(mail('for the folder', 'alice@example.test'), qr/^250/, 'mail her filter sorts');
ok(arrives('for the folder', 'alice', '.Sorted/new'), 'is sorted');
mail('to the team', 'team@example.test');
ok(arrives('to the team', 'alice') && arrives('to the team', 'carol@hosted.test'), 'aliases and hosted domains');
mail('two ways', 'bob@example.test');
ok(arrives('two ways', 'bob') && arrives('two ways', 'alice'), 'the .courier file of bob');
mail('in a box', 'bob-box@example.test');
ok(arrives('in a box', 'bob'), 'its extensions');
mail('for information', 'info@example.test');
ok(arrives('for information', 'alice'), 'aliasdir');
like(mail('x', 'alice@example.test', from => 'spammer@bad.test'), qr/^5/, 'bofh');
like(mail('x', 'nobody@hosted.test'), qr/^5/, 'who is not known is refused');
sub from { my ($ip) = @_; my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{smtp}, LocalAddr => $ip); return ($s, $t->smtp_reply($s)) }
my ($s) = from('127.0.0.5');
$t->smtp($s, $_) for 'EHLO c', 'MAIL FROM:<x@else.test>';
like($t->smtp($s, 'RCPT TO:<friend@far.test>'), qr/^5/, 'strangers do not relay');
($s) = from('127.0.0.7');
$t->smtp($s, $_) for 'EHLO c', 'MAIL FROM:<x@else.test>';
like($t->smtp($s, 'RCPT TO:<friend@far.test>'), qr/^250/, 'smtpaccess: who may relay may');
like((from('127.0.0.9'))[1], qr/^5/, 'and who may not connect may not');
$s = $t->connect('submission');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO c');
like($t->smtp($s, 'MAIL FROM:<alice@example.test>'), qr/^530/, 'submission wants a login');

# ---- logins ----------------------------------------------------------------------------------------------
sub talk {
	my ($service, @lines) = @_;
	my $c = $t->connect($service);
	my $all = readline $c;
	for (@lines) {
		print $c "$_\r\n";
		while (defined(my $l = readline $c)) {
			$all .= $l;
			last if $service eq 'pop3' ? $l =~ /^[+-]/ : $l =~ /^[a-z] (?:OK|NO|BAD)/;
		}
	}
	return $all;
}
my $imap = talk('imap', 'a LOGIN alice sesame', 'b LIST "" *', 'c SELECT INBOX', 'd LOGOUT');
like($imap, qr/^a OK/m, 'IMAP: a login in clear, as the files allow it');
like($imap, qr/^\* LIST .*INBOX.Sorted/m, 'her folders');
like($imap, qr/^\* [1-9]\d* EXISTS/m, 'her mail');
like(talk('imap', 'a LOGIN carol@hosted.test sesame', 'b LOGOUT'), qr/^a OK/m, 'an account of a hosted domain');
like(talk('imap', 'a LOGIN alice wrong', 'b LOGOUT'), qr/^a NO/m, 'not with another password');
like(talk('pop3', 'USER bob', 'PASS sesame', 'STAT', 'QUIT'), qr/^\+OK [1-9]\d* \d+/m, 'POP3');
done_testing;
