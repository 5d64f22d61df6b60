#!/usr/bin/perl
# Mailboxes of a group: accounts with uids of their own deliver into one Maildir, by the module, by
# filters and by deliverquota, with a quota that they share; each of them can read and keep what
# the others' mail left.  And what a filter's UMASK and MAILDROPMODE allow.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Test::More;

plan skip_all => 'only root has accounts of several uids' if $> != 0;
plan skip_all => 'there is no setpriv' if !-x '/usr/bin/setpriv';
my ($ANN, $BEN, $EVE, $TEAM) = (64101, 64102, 64103, 64200);
my $t = Courier::Test->new(users => ['alice']);
my $domain = $t->domain;
my $base = $t->scratch;
my $box = "$base/team/Maildir";
my $bin = Courier::Test::prefix() . '/bin';

sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }
sub put {
	my ($uid, $gid, $file, $text) = @_;
	unlink $file;
	open my $fh, '>', $file or die "$file: $!";
	print $fh $text;
	close $fh;
	chmod 0600, $file;
	chown $uid, $gid, $file;
	return;
}
sub mode { return sprintf '%o', (stat $_[0])[2] & 07777 }

mkdir "$base/team" or die;
chmod 0755, $base, "$base/team";
for ($box, map {"$box/$_"} qw(tmp new cur)) {
	mkdir $_ or die;
	chown 0, $TEAM, $_;
	chmod 02770, $_;
}
my %uid = (ann => $ANN, ben => $BEN, eve => $EVE);
my %gid = (ann => $TEAM, ben => $TEAM, eve => $EVE);
for my $who (sort keys %uid) {
	my $home = "$base/$who";
	mkdir $home or die;
	chown $uid{$who}, $gid{$who}, $home;
	chmod 0700, $home;
	put($uid{$who}, $gid{$who}, "$home/.courier-filter", "| $bin/maildrop\n");
	put($uid{$who}, $gid{$who}, "$home/.mailfilter", "to \"$box\"\n");
	$t->command('userdb', "$who\@$domain", 'set', "home=$home", "mail=$box", "uid=$uid{$who}", "gid=$gid{$who}", 'quota=100000S,12C');
	is($?, 0, "account $who") or BAIL_OUT('no accounts');
}
$t->command('makeuserdb');
$t->configure(courierd => {QUOTAWARN => 0});
$t->start;

my $n = 0;
sub send_to {
	my ($to) = @_;
	my $subject = 'shared ' . ++$n;
	my $r = $t->send_mail(from => "alice\@$domain", to => "$to\@$domain", text => "Subject: $subject\n\ntext\n");
	like($r, qr/^250/, "$to: accepted");
	return $subject;
}
sub find { my ($subject) = @_; my ($f) = grep { slurp($_) =~ /^Subject: \Q$subject\E$/m } glob "$box/new/*"; return $f }
# As an account; the output.
sub as {
	my ($who, $command) = @_;
	return scalar `/usr/bin/setpriv --reuid $uid{$who} --regid $gid{$who} --clear-groups sh -c '$command' 2>&1`;
}

my $all = 0;
for my $to ('ann', 'ben', 'ann-filter', 'ben-filter', 'ann') {
	my $subject = send_to($to);
	my $file;
	ok($t->wait_for(30, sub { $file = find($subject) }), "$to: delivered into the Maildir of the group") or diag $t->log;
	next if !$file;
	$all++;
	my ($who) = $to =~ /^(\w+)/;
	my @st = stat $file;
	is_deeply([@st[4, 5], mode($file)], [$uid{$who}, $TEAM, '660'], "$to: a file of the group");
	my $other = $who eq 'ann' ? 'ben' : 'ann';
	like(as($other, "cat \"$file\""), qr/^Subject: \Q$subject\E$/m, "$to: $other reads it");
	like(as('eve', "cat \"$file\""), qr/denied/i, 'and nobody else');
}
is_deeply([(stat "$box/maildirsize")[5], mode("$box/maildirsize")], [$TEAM, '660'], 'the quota file is the group\'s');
my ($sum, $count) = (0, 0);
for (split /\n/, slurp("$box/maildirsize") =~ s/\A.*\n//r) {
	my ($b, $c) = split;
	$sum += $b;
	$count += $c;
}
is($count, $all, 'and counts the mail of all');
my $size = 0;
$size += -s $_ for glob "$box/new/*";
is($sum, $size, 'and its size');

# ---- deliverquota, as the original's users call it, with the quota that is there
put(0, 0, "$base/in", "Subject: by hand\n\ntext\n");
chmod 0644, "$base/in";
is(as('ben', "$bin/deliverquota $box <$base/in; echo \$?"), "0\n", 'deliverquota of a member');
my $file = find('by hand');
is_deeply([(stat $file)[4, 5], mode($file)], [$BEN, $TEAM, '660'], 'a file of the group');
isnt(as('eve', "$bin/deliverquota $box <$base/in >/dev/null 2>&1; echo \$?"), "0\n", 'a stranger delivers nothing');
# Folders that a member makes are everybody's.
is(as('ann', "$bin/maildirmake -f Old $box; echo \$?"), "0\n", 'a folder');
is_deeply([map { mode("$box/.Old$_") } '', '/tmp', '/new', '/cur'], [('2770') x 4], 'is the group\'s');
is(as('ben', "$bin/deliverquota $box/.Old <$base/in; echo \$?"), "0\n", 'another member delivers into it');
$file = (glob "$box/.Old/new/*")[0];
is(as('ann', "rm \"$file\"; echo \$?"), "0\n", 'and the first one removes that');
($file) = glob "$box/new/*";
(my $name = $file) =~ s{.*/}{};
is(as('ben', "$bin/maildirkw -a $box \"$name\" Mine; echo \$?"), "0\n", 'keywords of one member');
is(as('ann', "$bin/maildirkw -a $box \"$name\" Yours; echo \$?"), "0\n", 'and of another');

# ---- all of them are stopped by the quota they share
for (1 .. 12) {
	last if as('ann', "$bin/deliverquota $box <$base/in >/dev/null 2>&1; echo \$?") ne "0\n";
}
my $subject = send_to('ben');
ok($t->wait_for(30, sub { grep {/over its quota/} $t->log_lines(qr/\Qben\E/) }), 'mail for a full mailbox waits, whoever filled it') or diag $t->log;
is(find($subject), undef, 'nothing is added');

# ---- what a filter allows: MAILDROPMODE, UMASK
my %wanted = ('' => ['600', '600'], 'UMASK=007' => ['660', '660'], 'UMASK=022' => ['644', '644'], 'UMASK=0777' => ['600', '0']);
my $home = "$base/ann";
mkdir $_ for "$home/md", map {"$home/md/$_"} qw(tmp new cur);
system 'chown', '-R', "$ANN:$TEAM", "$home/md";
for my $mask (sort keys %wanted) {
	put($ANN, $TEAM, "$home/filter", "$mask\ncc \"./md\"\nto \"box\"\n");
	unlink "$home/box", glob "$home/md/new/*";
	is(as('ann', "cd $home && COURIER_HOME=$base/i HOME=$home LOGNAME=ann $bin/maildrop filter <$base/in; echo \$?"), "0\n", "DROP-0059 $mask");
	is_deeply([mode("$home/box"), map { mode($_) } glob "$home/md/new/*"], $wanted{$mask}, "DROP-0059 modes with '$mask'");
}
open my $settings, '>', $t->path('etc/maildropsettings') or die;
print $settings "MAILDROPMODE=660\n";
close $settings;
put($ANN, $TEAM, "$home/filter", "to \"box\"\n");
unlink "$home/box";
is(as('ann', "cd $home && COURIER_HOME=$base/i HOME=$home LOGNAME=ann $bin/maildrop filter <$base/in; echo \$?"), "0\n", 'DROP-0225 MAILDROPMODE');
is(mode("$home/box"), '660', 'DROP-0225 allows the group');
is($t->stop, '', 'stops');
done_testing();
