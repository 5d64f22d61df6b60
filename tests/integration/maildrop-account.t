#!/usr/bin/perl
# maildrop -d beside a running authdaemond, and in the lines by which other mail servers call it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Test::More;

plan skip_all => 'only root can deliver for others' if $> != 0;
my $t = Courier::Test->new(users => ['alice', 'bob'], config => {authdaemonrc => {authmodulelist => 'authuserdb'}})->start;
my $domain = $t->domain;
my $maildrop = Courier::Test::prefix() . '/bin/maildrop';
my $scratch = $t->scratch;
my $home = $t->maildir('alice') =~ s{/Maildir$}{}r;
my ($uid, $gid) = (stat $home)[4, 5];
$ENV{COURIER_HOME} = $t->path('');
$ENV{COURIER_HOME} =~ s{/$}{};
my ($err, $n) = ('', 0);

sub spew { my ($file, $text, $mode) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh; chmod $mode // 0600, $file }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }

# Delivers one message; its subject and the exit status.
sub drop {
	my ($command) = @_;
	my $subject = 'number ' . ++$n;
	spew("$scratch/in", "Subject: $subject\n\ntext\n", 0644);
	my $status = system("cd / && timeout 60 $command <$scratch/in >$scratch/out 2>$scratch/err");
	$err = slurp("$scratch/err");
	return ($subject, $status >> 8);
}
sub there { my ($user, $subject) = @_; return scalar grep {$_->[1] =~ /^Subject: \Q$subject\E$/m} $t->mailbox($user) }

my ($subject, $rc) = drop("$maildrop -d alice\@$domain");
is($rc, 0, 'DROP-0005,DROP-0028 an account of authdaemond') or diag $err;
is(there('alice', $subject), 1, 'DROP-0028 its Maildir is the default mailbox');
my ($new) = glob $t->maildir('alice') . '/new/*';
is((stat $new)[4], $uid, 'DROP-0028 and the message its own');
spew("$home/.mailfilter", "cc \"\$HOME/copy\"\nsystem \"echo '\$LOGNAME' >\$HOME/who; id -u >>\$HOME/who\"\n");
chown $uid, $gid, "$home/.mailfilter";
($subject, $rc) = drop("$maildrop -d alice\@$domain");
is($rc, 0, 'DROP-0028 its filter') or diag $err;
like(slurp("$home/copy"), qr/^Subject: $subject$/m, 'DROP-0028 is followed');
like(slurp("$home/who"), qr/^alice\@\Q$domain\E\n$uid\n/, 'DROP-0028 in its name');
unlink "$home/.mailfilter";
is((drop("$maildrop -d nobody-here\@$domain"))[1], 67, 'DROP-0005 no such account');
is((drop("$maildrop -a -d nobody-here\@$domain"))[1], 67, 'DROP-0003 authdaemond says so');
($subject, $rc) = drop("$maildrop -a -d alice\@$domain");
is($rc, 0, 'DROP-0003 -a: authdaemond knows it');
$t->command('userdb', "alice\@$domain", 'set', 'quota=1S');
is((drop("$maildrop -d alice\@$domain"))[1], 75, 'DROP-0028 the quota of the account');
like($err, qr/quota/, 'DROP-0028 is told');
$t->command('userdb', "alice\@$domain", 'set', 'quota=10000000S');
is((drop("$maildrop -d alice\@$domain"))[1], 0, 'DROP-0028 a larger one counts at once') or diag $err;

# ---- how others call it
SKIP: {
	skip 'there is no setpriv', 4 if !-x '/usr/bin/setpriv';
	my $as = "/usr/bin/setpriv --reuid $uid --regid $gid --clear-groups";
	my $may_ask = (stat $t->path('var/authdaemon'))[5];
	# Postfix, master.cf: maildrop unix - n n - - pipe
	#   flags=DRXhu user=vmail argv=/usr/bin/maildrop -d ${recipient} ${extension}
	($subject, $rc) = drop(($as =~ s/--clear-groups/--groups $may_ask/r) . " env -i COURIER_HOME=$ENV{COURIER_HOME} MAIL_CONFIG=/etc/postfix PATH=/usr/bin:/bin $maildrop -d alice\@$domain ext");
	is($rc, 0, 'DROP-0228 Postfix: a pipe with user=') or diag $err;
	is(there('alice', $subject), 1, 'DROP-0228 Postfix: delivered');
	is((drop("$as env -i COURIER_HOME=$ENV{COURIER_HOME} PATH=/usr/bin:/bin $maildrop -d alice\@$domain"))[1], 75, 'DROP-0228 who may not ask authdaemond bounces nothing');
	# Postfix, mailbox_command = /usr/bin/maildrop -d "$USER"; -f is given by others
	($subject, $rc) = drop("$as env -i COURIER_HOME=$ENV{COURIER_HOME} HOME=$home USER=alice LOGNAME=alice\@$domain SHELL=/bin/sh MAILDROPDEFAULT=$home/Maildir PATH=/usr/bin:/bin $maildrop");
	is($rc, 0, 'DROP-0228 mailbox_command, .forward and preline: as the user') or diag $err;
	is(there('alice', $subject), 1, 'DROP-0228 delivered');
	is((drop("$as env -i COURIER_HOME=$ENV{COURIER_HOME} PATH=/usr/bin:/bin $maildrop -d root"))[1], 75, 'DROP-0223 nobody becomes somebody else');
}
# sendmail: Mlocal, P=/usr/bin/maildrop, F=lsDFMAw5:/|@qSPfhn9, A=maildrop -d $u
($subject, $rc) = drop("$maildrop -f 'from\@here' -d bob\@$domain");
is($rc, 0, 'DROP-0228 sendmail: a local mailer');
is(there('bob', $subject), 1, 'DROP-0228 sendmail: delivered');

# ---- homes
mkdir "$scratch/skel" and mkdir "$scratch/skel/$_" for qw(. Maildir Maildir/cur Maildir/new Maildir/tmp);
mkdir "$scratch/skel/$_" for qw(Maildir Maildir/cur Maildir/new Maildir/tmp);
spew("$scratch/skel/.welcome", "hello\n");
my $fresh = $t->path("mail/$domain/carol");
$t->command('userdb', "carol\@$domain", 'set', "home=$fresh", "uid=$uid", "gid=$gid", "mail=$fresh/Maildir");
is((drop("$maildrop -d carol\@$domain"))[1], 75, 'DROP-0028 no home, no skeleton: mail waits');
ok(!-e $fresh, 'DROP-0028 nothing is made');
open my $fh, '>>', $t->path('etc/courierd') or die;
print $fh "\nAUTH_MKHOMEDIR_SKEL=$scratch/skel\n";
close $fh;
($subject, $rc) = drop("$maildrop -d carol\@$domain");
is($rc, 0, 'DROP-0028 a home from the skeleton') or diag $err;
is(slurp("$fresh/.welcome"), "hello\n", 'DROP-0028 with what is in it');
is(join(' ', (stat $fresh)[4, 5]), "$uid $gid", 'DROP-0028 is its owner\'s');
is(scalar(() = glob "$fresh/Maildir/new/*"), 1, 'DROP-0028 and has the message');

$t->stop;
is((drop("$maildrop $_ -d alice\@$domain"))[1], 75, "DROP-0003 nobody can tell: mail waits ($_)") for '-a', '';
done_testing();
