#!/usr/bin/perl
# IMAP-0196: what APPEND, COPY and MOVE have been answered OK for is on the disk, the folder's entry, too.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(slurp);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IPC::Open2;

my $imapd = ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests") unless -x $imapd;
delete @ENV{qw(MAILDIR AUTHENTICATED AUTHADDR IMAP_LOGIN_TAG IMAP_INITIAL OPTIONS MAILDIRQUOTA)};
plan skip_all => 'sanitizers want to be loaded first' if `nm $imapd 2>/dev/null` =~ /__asan_init/;
my $top = tempdir(CLEANUP => 1);
make_path("$top/etc", "$top/var", map {("$top/M/$_", "$top/M/.Box/$_")} qw(tmp new cur));
my $cc = $ENV{CC} || 'cc';
$cc =~ s/^ccache //;
plan skip_all => "no compiler ($cc)" if system("$cc -shared -fPIC -o $top/sync-log.so $FindBin::Bin/../tools/sync-log.c -ldl") != 0;
$ENV{COURIER_HOME} = $top;
# the session may write below its Maildir alone
my $log = $ENV{SYNC_LOG} = "$top/M/sync.log";
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 60;

my ($out, $in, $pid, $n);
{
	local $ENV{LD_PRELOAD} = "$top/sync-log.so";
	$pid = open2($out, $in, $imapd, "$top/M");
}
$in->autoflush(1);
readline $out;

# What was renamed and synced, in order, when the answer was there.
sub steps {
	my ($command) = @_;
	open my $f, '>', $log or die;
	close $f;
	my $tag = 'x' . ++$n;
	print $in "$tag $command\r\n";
	my $said = '';
	while (defined(my $l = readline $out)) { $said .= $l; last if $l =~ /^$tag / }
	like $said, qr/^$tag OK/m, (split ' ', $command)[0] or diag $said;
	return slurp($log) =~ s/\Q$top\E//gr;
}
my $done = steps("APPEND INBOX.Box {14+}\r\nSubject: a\r\n\r\n");
like $done, qr{^sync /M/\.Box/tmp/\S+\n}m, 'IMAP-0196: APPEND: the file is synced';
like $done, qr{^rename cur/\S+\n(?:.*\n)*?sync /M/\.Box/cur$}m, 'IMAP-0196: ... and after the rename its folder' or diag $done;
steps('SELECT INBOX.Box');
$done = steps('COPY 1 INBOX');
like $done, qr{^rename cur/\S+\n(?:.*\n)*?sync /M/cur$}m, 'IMAP-0196: COPY: the folder it comes to' or diag $done;
$done = steps('MOVE 1 INBOX');
like $done, qr{^rename cur/\S+\n(?:.*\n)*?sync /M/cur$}m, 'IMAP-0196: MOVE: the same' or diag $done;
close $in;
waitpid $pid, 0;
done_testing;
