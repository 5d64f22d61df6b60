#!/usr/bin/perl
# MTA-0647: the PAM service of SMTP AUTH is "esmtp".  In a mount namespace of its own, where PAM's
# folder is the test's.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Sasl qw(b64);
use Courier::Test;

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
is $t->stop, '', 'stops';
done_testing;
