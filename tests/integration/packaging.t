#!/usr/bin/perl
# The start script and the units: they are installed, name programs that are there, and the script
# starts, reloads and stops a system, making first what a first start needs.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $prefix = Courier::Test::prefix();
my $folder = "$prefix/share/courier/packaging";
my $script = "$folder/courier.sysvinit";
ok(-x $script, 'MTA-0017: the start script is installed');

my @units = map {"$folder/$_.service"} qw(courier courier-mta courier-imap courier-pop courier-authdaemon);
for my $unit (@units) {
	my ($name) = $unit =~ m,([^/]+)$,;
	my $text = do { local (@ARGV, $/) = $unit; <> };
	my @programs = $text =~ /^Exec\w+=(\S+)/mg;
	ok(@programs >= 3 && !(grep {!-x} @programs), "MTA-0019: $name runs programs that are there") or diag "@programs";
	unlike($text, qr/\@/, "MTA-0019: $name is complete");
	like($text, qr/^ExecReload=\S+ reload$/m, "MTA-0019: $name can be reloaded");
}
SKIP: {
	skip 'no systemd-analyze here', 1 if !-x '/usr/bin/systemd-analyze';
	my $out = qx(/usr/bin/systemd-analyze verify --man=no @units 2>&1);
	is(join('', grep {m,\Q$folder\E/\S+:\d+:, || /Unknown|Invalid/} split /^/, $out), '', 'MTA-0019: systemd understands them');
}

my $t = Courier::Test->new;
sub script {
	local $ENV{COURIER_HOME} = $t->path('');
	chop $ENV{COURIER_HOME} if $ENV{COURIER_HOME} =~ m,/\z,;
	my $out = qx($script @_ 2>&1);
	return $out;
}
like(script('nonsense'), qr/^usage: /, 'an unknown word');
is($? >> 8, 2, 'is an error');
unlink map {$t->path("etc/$_")} 'aliases.dat', 'smtpaccess.dat', 'esmtpd.pem';
my $out = script('start');
is($?, 0, 'MTA-0017: start') or BAIL_OUT($out . $t->log);
$t->{running} = 1;
ok(-s $t->path("etc/$_"), "MTA-0018: $_ is made first") for 'aliases.dat', 'smtpaccess.dat', 'esmtpd.pem';
like($t->send_mail(from => 'alice@example.test', to => 'bob@example.test', text => "Subject: started\n\n"), qr/^250/, 'mail is taken');
like(script('status'), qr/^sched\s/m, 'MTA-0017: status');
my $marked = -M $t->path('etc/aliases.dat');
script('reload');
is($?, 0, 'MTA-0017: reload');
script('restart');
is($?, 0, 'MTA-0017: restart');
is(-M $t->path('etc/aliases.dat'), $marked, 'MTA-0018: what is there is left alone');
script('stop');
is($?, 0, 'MTA-0017: stop');
$t->{running} = 0;
isnt(system("COURIER_HOME=@{[$t->path('')]} $prefix/sbin/courier status >/dev/null 2>&1"), 0, 'and it is gone');

# A server that its file switches off is not started (MTA-0017).
$t->configure(esmtpd => {ESMTPDSTART => 'NO'});
script('start');
is($?, 0, 'start without ESMTP');
$t->{running} = 1;
ok(!IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp')), 'MTA-0017 MTA-3006: nobody answers there');
ok(IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('imap')), 'but IMAP does');
script('stop');
$t->{running} = 0;
done_testing;
