#!/usr/bin/perl
# Users of the system: by PAM, whose service is the one that asks (MTA-0647: that of SMTP AUTH is
# "esmtp"), by shadow and by passwd.  In a mount namespace of its own, where PAM's folder and the two
# files are the test's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(b64);
use Courier::Test;
use IO::Socket::UNIX;

plan skip_all => 'only root can put files in the place of PAM\'s' if $>;
my ($permit) = glob('/lib/*/security/pam_permit.so /usr/lib/*/security/pam_permit.so');
plan skip_all => 'PAM is not here' if !$permit || !-d '/etc/pam.d';
if (!$ENV{COURIER_TEST_INSIDE}) {
	$ENV{COURIER_TEST_INSIDE} = 1;
	plan skip_all => 'no mount namespaces here' if system('unshare -m true 2>/dev/null');
	exec 'unshare', '-m', $^X, $0 or die "unshare: $!";
}
my $t = Courier::Test->new(
	users => ['alice'],
	config => {
		esmtpd => {TARPIT => 0, ESMTPAUTH => 'PLAIN', BOFHCHECKDNS => 0},
		authdaemonrc => {AUTH_FAIL_DELAY => 0, authmodulelist => 'authpam'},
	},
	files => {'smtpaccess/default' => ''},
);
my $pam = $t->scratch . '/pam.d';
mkdir $pam or die;
sub service {
	my ($name, $module) = @_;
	open my $f, '>', "$pam/$name" or die "$pam/$name: $!";
	print $f "$_ required $module\n" for qw(auth account);
	close $f;
}
service('other', 'pam_deny.so');
system('mount', '--bind', $pam, '/etc/pam.d') == 0 or BAIL_OUT('mount --bind failed');
$t->start;
# some account of this system that may log in as far as its number goes
my ($user) = grep {(getpwnam $_)[2]} qw(games nobody daemon bin);
sub slurp { my ($f) = @_; open my $fh, '<', $f or return ''; local $/; return scalar <$fh> // '' }
sub login {
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c');
	return $t->smtp($s, 'AUTH PLAIN ' . b64("\0$user\0anything"));
}
like login(), qr/^535 /, 'no service of that name: PAM says no';
service('smtp', 'pam_permit.so');
service('esmtpd', 'pam_permit.so');
like login(), qr/^535 /, '... other names do not count';
service('esmtp', 'pam_permit.so');
like login(), qr/^235 /, 'MTA-0647: pam.d/esmtp is the one' or diag $t->log;
service('esmtp', 'pam_deny.so');
like login(), qr/^535 /, '... it can refuse';
# other services, and what PAM is told
sub check { my ($service, $module) = @_; return $t->command('authtest', '-s', $service, $module ? ('-m', $module) : (), $user, 'anything') }
for my $name ('pop3', 'imap', 'webmail', 'calendar') {
	service($name, 'pam_deny.so');
	like check($name), qr/refused/, "POP-0065 AUTH-0058 AUTH-0189: pam.d/$name is asked for $name";
	service($name, 'pam_permit.so');
	like check($name), qr/Authenticated as: $user\b/, '... and counts';
}
like check('pop3'), qr/UID: @{[(getpwnam $user)[2]]}\n.*Home directory: \Q@{[(getpwnam $user)[7]]}\E$/ms, 'AUTH-0058: the rest comes from passwd';
my ($exec) = glob('/lib/*/security/pam_exec.so /usr/lib/*/security/pam_exec.so');
SKIP: {
	skip 'pam_exec is not here', 1 if !$exec;
	my $told = $t->scratch . '/told';
	$t->script($t->scratch . '/tell', 'echo "$PAM_SERVICE $PAM_USER $PAM_RHOST" >' . "$told\n");
	open my $f, '>', "$pam/imap" or die $!;
	print $f "auth required pam_exec.so @{[$t->scratch]}/tell\naccount required pam_permit.so\n";
	close $f;
	my $s = IO::Socket::UNIX->new(Peer => $t->path('var/authdaemon/socket')) or die $!;
	my $body = "imap\nlogin\n$user\nanything\n";
	print $s "TCPREMOTEIP=192.0.2.77\nAUTH " . length($body) . "\n$body";
	like join('', <$s>), qr/^USERNAME=/, 'a login by a program';
	is slurp($told), "imap $user 192.0.2.77\n", 'AUTH-0058 AUTH-0012: PAM_RHOST is the client';
}
my $shipped = Courier::Test::prefix() . '/share/courier/pam.d';
for my $name (qw(imap pop3 esmtp webmail calendar)) {
	like slurp("$shipped/$name"), qr/^auth\s+required\s+pam_unix\.so$/m, "AUTH-0059: a file for $name is shipped";
}
is $t->stop, '', 'stops';

# ---- shadow and passwd
my $hash = crypt 'secret', '$6$salt$';
my $today = int(time / 86400);
my %shadow = (good => "$hash:$today:0:99999:7:::", over => "$hash:$today:0:99999:7::@{[$today - 2]}:", stale => "$hash:@{[$today - 200]}:0:90:7:10::", locked => "!$hash:$today:0:99999:7:::");
my $etc = $t->scratch . '/etc';
system('cp', '-a', '/etc', $etc) == 0 or BAIL_OUT('no copy of /etc');
for my $name ('passwd', 'shadow') {
	my $text = slurp("/etc/$name");
	$text .= $name eq 'passwd' ? "$_:x:4711:4711:A $_,room:/home/$_:/bin/sh\n" : "$_:$shadow{$_}\n" for sort keys %shadow;
	$text .= "old:$hash:4712:4712::/home/old:/bin/sh\n" if $name eq 'passwd';
	open my $f, '>', "$etc/$name" or die $!;
	print $f $text;
	close $f;
}
{
	open my $f, '>', "$etc/pam.d/passwd" or die $!;
	print $f "$_ required pam_unix.so\n" for qw(auth account password);
}
system('mount', '--bind', $etc, '/etc') == 0 or BAIL_OUT('mount --bind failed');
$t->configure(authdaemonrc => {authmodulelist => 'authshadow authpwd'});
$t->start;
sub tries { my ($who, $password, @more) = @_; return $t->command('authtest', @more, $who, $password) }
like tries('good', 'secret'), qr/Authenticated as: good\b/, 'AUTH-0057: the password of the shadow file';
like tries('good', 'wrong'), qr/refused/, '... wrong';
like tries($_, 'secret'), qr/refused/, "AUTH-0057: $_" for qw(over stale locked);
like $t->command('authtest', 'good'), qr/Full name: A good\n/, 'AUTH-0021: the name, to its comma';

# a change: passwd(1), as the user, by the script; or by the administrator's own
like tries('good', 'wrong', '-s', 'imap'), qr/refused/, 'a wrong password';
sub change { my ($old, $new) = @_; return $t->command('authtest', 'good', $old, $new) }
like change('wrong', 'Fresh-Word-17'), qr/refused/, 'AUTH-0060: the old one must be right';
SKIP: {
	my ($passwd) = grep {-u} '/usr/bin/passwd', '/bin/passwd';
	skip 'passwd is not here', 4 if !$passwd;
	like change('secret', 'Fresh-Word-17'), qr/Password changed/, 'AUTH-0060: a change' or diag $t->log;
	like slurp('/etc/shadow'), qr/^good:(?!\Q$hash\E)\$/m, 'AUTH-0060: ... in the shadow file';
	like tries('good', 'Fresh-Word-17'), qr/Authenticated as: good\b/, 'AUTH-0060: ... counts';
	like change('Fresh-Word-17', 'x'), qr/refused/, 'AUTH-0060: what passwd does not take';
}
my $out = $t->scratch . '/out';
mkdir $out or die $!;
chmod 0777, $out;
my $now = tries('good', 'secret') =~ /Authenticated/ ? 'secret' : 'Fresh-Word-17';
$t->script($t->path('etc/authsystem.passwd'), "{ id -un; pwd; cat; } >$out/said\n[ ! -e $out/no ]\n");
like change($now, "it's \$new"), qr/Password changed/, 'AUTH-0060: another script in its place' or diag $t->log;
is slurp("$out/said"), "good\n/\n$now\nit's \$new\n", 'AUTH-0060: ... runs as the user, and reads both';
open my $no, '>', "$out/no" or die $!;
like change($now, 'other-word'), qr/refused/, 'AUTH-0060: ... can refuse';
chmod 0777, $t->path('etc/authsystem.passwd');
unlink "$out/said";
change($now, 'y');
ok !-e "$out/said", 'AUTH-0060: one that others may change is not run';
like $t->command('authenumerate'), qr{^good\t4711\t4711\t/home/good$}m, 'AUTH-0056: the list';
is $t->stop, '', 'stops';
$t->configure(authdaemonrc => {authmodulelist => 'authpwd'});
$t->start;
like tries('old', 'secret'), qr/Authenticated as: old\b/, 'AUTH-0056: a password that stands in passwd';
like tries('old', 'wrong'), qr/refused/, '... wrong';
like tries('good', 'x'), qr/refused/, '... an x is none';
is $t->stop, '', 'stops';
done_testing;
