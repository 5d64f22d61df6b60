#!/usr/bin/perl
# slow
# Two instances with a real UUCP between them: uux, uucico over a pipe, uuxqt, and our rmail
# (MTA-1321 MTA-2508 MTA-2510 MTA-2511 MTA-2514).
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

plan skip_all => 'needs root, who may become uucp' if $> != 0;
plan skip_all => 'the package uucp is not there' if !-x '/usr/sbin/uucico' || !getpwnam('uucp');

my $as_uucp = 'setpriv --reuid uucp --regid uucp --clear-groups';
my %node;
for (['alpha', 'alpha.test'], ['beta', 'beta.test']) {
	my ($name, $domain) = @$_;
	my $t = Courier::Test->new(domain => $domain, files => {retryalpha => "1s\n"});
	my $d = $t->scratch . '/uucp';
	mkdir $_ for $d, "$d/spool", "$d/bin", "$d/pub";
	my $other = $name eq 'alpha' ? 'beta' : 'alpha';
	my $other_dir = '';
	$t->file('etc/me', "mx.$domain\n");
	$t->file('etc/defaultdomain', "$domain\n");
	$t->file('etc/uucpme', "$name\n");
	$t->file('etc/uucpneighbors', "$other\tF\n");
	$t->file('etc/uucprewriteheaders', '');
	$t->file('etc/module.uucp', "NAME=uucp\nPRIORITY=5\nPROG=courieruucp\nUSER=uucp\nMAXRCPT=16\n");
	$t->configure(courierd => {UUX => "$d/bin/uux"});
	$t->command('makeuucpneighbors');
	$node{$name} = {t => $t, d => $d, other => $other};
}

sub put {
	my ($path, $text, $mode) = @_;
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
	chmod $mode || 0644, $path;
}

for my $name (sort keys %node) {
	my ($t, $d, $other) = @{$node{$name}}{qw(t d other)};
	my $od = $node{$other}{d};
	put("$d/config", <<"EOF");
nodename $name
spool $d/spool
lockdir $d/spool
pubdir $d/pub
logfile $d/log
statfile $d/stats
sysfile $d/sys
portfile $d/port
EOF
	put("$d/sys", "system $other\ntime any\nport pipe\nchat \"\" \\d\ncommands rmail\ncommand-path $d/bin\nremote-send ~\n");
	put("$d/port", "port pipe\ntype pipe\ncommand /usr/sbin/uucico -I $od/config\n");
	put("$d/bin/uux", "#!/bin/sh\nexec /usr/bin/uux -I $d/config \"\$@\"\n", 0755);
	put("$d/bin/rmail", "#!/bin/sh\nCOURIER_HOME=" . $t->path('') . "\nexport COURIER_HOME\nexec "
		. Courier::Test::program('rmail') . " \"\$@\"\n", 0755);
	my ($uid, $gid) = (getpwnam 'uucp')[2, 3];
	chown $uid, $gid, $d, glob "$d/*";
	$t->start;
}

# One call of alpha, and then both carry out what has come.
sub poll {
	my $out = `$as_uucp /usr/sbin/uucico -I $node{alpha}{d}/config -r1 -f -s beta 2>&1`;
	$out .= `$as_uucp /usr/sbin/uuxqt -I $node{$_}{d}/config 2>&1` for qw(alpha beta);
	return $out;
}

sub wait_mail {
	my ($name, $user, $re) = @_;
	my $text = $node{$name}{t}->wait_for(30, sub {
		poll();
		my ($m) = grep {$_->[1] =~ $re} $node{$name}{t}->mailbox($user);
		return $m && $m->[1];
	});
	if (!$text) { diag(`cat $_->{d}/log`) for values %node }
	return $text // '';
}

sub sendmail {
	my ($name, $from, $text, @rcpts) = @_;
	local $ENV{COURIER_HOME} = $node{$name}{t}->path('');
	open my $p, '|-', Courier::Test::program('sendmail'), '-f', $from, @rcpts or die;
	print $p $text;
	close $p;
	return $? >> 8;
}

# ---- there and back -----------------------------------------------------------------------------

my $text = "From: Alice <alice\@alpha.test>\nTo: beta!bob, beta!far.test!joe\nSubject: over the wire\n\nhello\n";
is(sendmail('alpha', 'alice@alpha.test', $text, 'beta!bob'), 0, 'alpha takes mail for beta!bob');
my $got = wait_mail('beta', 'bob', qr/^Subject: over the wire$/m);
like($got, qr/^Received: from alpha\n  \(uid \d+\)\n  by mx\.beta\.test with uucp\n/m, 'MTA-2511 it comes in from node alpha');
like($got, qr/^Return-Path: <alpha!alice\@/m, 'its sender is a path back');
like($got, qr/^From: Alice <alpha!alice>\nTo: bob\@beta\.test, joe\@far\.test$/m, 'MTA-2510 and so are its addresses');
my ($control) = $node{alpha}{t}->log_lines(qr/module=uucp,host=beta,addr=<bob>/);
ok($control, 'MTA-2508 the module was uucp, the host beta');

my ($back) = $got =~ /^Return-Path: <([^>]*)>/m;
is(sendmail('beta', 'bob@beta.test', "From: bob\@beta.test\nTo: $back\nSubject: an answer\n\nhi\n", $back), 0,
	'an answer to the return path');
like(wait_mail('alpha', 'alice', qr/^Subject: an answer$/m), qr/^From: beta!bob$/m, '... comes back to alice');

# a sender of the internet
is(sendmail('alpha', 'someone@domain.test', "From: someone\@domain.test\nSubject: foreign\n\nx\n", 'beta!bob'), 0, 'mail of a third');
like(wait_mail('beta', 'bob', qr/^Subject: foreign$/m), qr/^Return-Path: <alpha!domain\.test!someone\@beta\.test>/m,
	'goes back by the way it came');

# unknown there: a report comes back through UUCP
is(sendmail('alpha', 'alice@alpha.test', "Subject: nobody there\n\nx\n", 'beta!nobody'), 0, 'mail for nobody');
like(wait_mail('alpha', 'alice', qr/nobody there/), qr/Action: failed/, 'the failure is reported over UUCP');

# ---- aliases and identity -----------------------------------------------------------------------

my $status = $node{alpha}{t}->command('courier', '-C', $node{alpha}{t}->path(''), 'status');
my ($pid) = $status =~ /^uucp +\d+ +([1-9]\d*) /m;
my $uid = -1;
if ($pid && open my $fh, '<', "/proc/$pid/status") {
	($uid) = join('', <$fh>) =~ /^Uid:\s+(\d+)/m;
}
is($uid, scalar getpwnam('uucp'), 'MTA-2514 the module runs as uucp');
like($node{alpha}{t}->command('courier', '-C', $node{alpha}{t}->path(''), 'security'), qr/^as promised$/m, 'courier security agrees');

sub rmail {
	my ($env, @args) = @_;
	my $out = `echo 'Subject: x' | $as_uucp env COURIER_HOME=@{[$node{beta}{t}->path('')]} $env @{[Courier::Test::program('rmail')]} @args 2>&1`;
	return ($? >> 8, $out);
}
is((rmail('UU_MACHINE=alpha UU_USER=x', '-f', 'joe', 'bob'))[0], 0, 'MTA-1321 rmail as uucp');
is((rmail('', '-f', 'joe', 'bob'))[0], 77, 'MTA-1321 without UU_MACHINE and UU_USER');
is((rmail('UU_MACHINE=alpha UU_USER=x', '-bs'))[0], 64, 'MTA-1321 another option');
is((rmail('UU_MACHINE=alpha UU_USER=x', '-f', 'joe'))[0], 64, 'MTA-1321 without recipients');
like((rmail('UU_MACHINE=alpha UU_USER=x', '-f', 'joe', 'unknown!x'))[1], qr/550/, 'a path that leads nowhere');
{
	my $out = `echo x | UU_MACHINE=alpha UU_USER=x @{[Courier::Test::program('rmail')]} -f joe bob 2>&1`;
	is($? >> 8, 77, 'MTA-1321 as somebody else');
	like($out, qr/only uucp/, '... with the reason');
}
# Nobody else says that mail is from another node.
is($node{beta}{t}->stop, '', 'beta is down');
is((rmail('UU_MACHINE=alpha UU_USER=x', '-f', 'joe', 'bob'))[0], 75, 'uuxqt is told to keep the mail');
is($node{alpha}{t}->stop, '', 'stopped');
done_testing;
