#!/usr/bin/perl
# slow
# Modules of administrators die while mail flows: a toy and uucp are killed again and again, and
# every message that was accepted arrives.  At last, how many uux run at a time (MTA-2305 MTA-2306).
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::Module qw(build_dir);
use Time::HiRes qw(sleep);

my $t = Courier::Test->new(domain => 'example.test', files => {retryalpha => "1s\n", retrybeta => "1000\n"});
my $box = $t->scratch . '/box';
mkdir $box;
chmod 01777, $box;
my $toy = $t->scratch . '/toy-module';
system('cp', build_dir() . '/tests/tools/toy-module', $toy) == 0 or die;
chmod 0755, $toy;
my $uux = $t->scratch . '/uux';
open my $fh, '>', $uux or die;
print $fh <<"EOF";
#!/bin/sh
node=other
for a; do case \$a in apple*) node=apple ;; food*) node=food ;; esac; done
touch $box/run.\$node.\$\$
ls $box | grep -c '^run\\.' >>$box/total
ls $box | grep -c "^run\\.\$node\\." >>$box/same
[ ! -e $box/slow ] || sleep 0.4
f=`mktemp $box/uux.XXXXXXXX` && cat >\$f && mv \$f \$f.done
code=\$?
rm -f $box/run.\$node.\$\$
exit \$code
EOF
close $fh;
chmod 0755, $uux;
$t->file('etc/module.toy', "PROG=$toy\nPRIORITY=20\nCLAIM='\@toy.test'\nTOYBOX=$box\n");
$t->file('etc/module.uucp', "PROG=courieruucp\nMAXDELS=3\nMAXHOST=2\n");
$t->file('etc/uucpneighbors', "apple\nfood\n");
$t->configure(courierd => {UUX => $uux});
$t->command('makeuucpneighbors');
$t->start;

my $MESSAGES = 120;
sub send_all {
	my ($tag, $n, @to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	my $accepted = 0;
	for my $i (1 .. $n) {
		my $to = $to[$i % @to];
		my $good;
		for (1 .. 200) {
			$t->smtp($s, 'RSET');
			my $r = '';
			for my $line ('MAIL FROM:<alice@example.test>', "RCPT TO:<$to>", 'DATA') {
				$r = $t->smtp($s, $line);
				last if $r !~ /^[23]/;
			}
			if ($r =~ /^3/) {
				$good = $t->smtp($s, "Subject: $tag$i.\r\n\r\nx\r\n.") =~ /^250/;
				last if $good;
			}
			sleep 0.1;
		}
		$accepted += $good ? 1 : 0;
	}
	return $accepted;
}

sub there {
	my ($tag) = @_;
	my %n;
	for my $f (glob "$box/*") {
		next if $f =~ m,/(?:run\.|uux\.[^.]*$|total|same|slow),;
		open my $h, '<', $f or next;
		local $/;
		$n{$1}++ if (<$h> // '') =~ /^Subject: \Q$tag\E(\d+)\.$/m;
	}
	return \%n;
}

my $pid = fork;
if (!$pid) {
	my $n = send_all('m', $MESSAGES, 'a@toy.test', 'apple!kim@mail.example.test', 'b@toy.test', 'food!joe@mail.example.test');
	require POSIX;
	POSIX::_exit($n == $MESSAGES ? 0 : 1);
}
my $kills = 0;
for (1 .. 12) {
	sleep 0.3;
	my $role = $_ % 2 ? 'toy' : 'uucp';
	my ($victim) = $t->command('courier', '-C', $t->path(''), 'status') =~ /^$role +\d+ +([1-9]\d*) /m;
	$kills += kill 9, $victim if $victim;
}
cmp_ok($kills, '>=', 6, "$kills deaths");
waitpid $pid, 0;
is($?, 0, 'all messages were accepted in the end');
ok($t->wait_for(90, sub { keys %{there('m')} == $MESSAGES }), 'none is lost') or diag(scalar(keys %{there('m')}), " of $MESSAGES arrived");
ok($t->wait_empty_queue(60), 'and the queue is empty');
my $copies = 0;
$copies += $_ for values %{there('m')};
cmp_ok($copies, '<=', $MESSAGES + 10 * $kills, ($copies - $MESSAGES) . ' copies too many');

sub most { my ($file) = @_; my $m = 0; if (open my $h, '<', "$box/$file") { while (<$h>) { $m = $_ if $_ > $m } } return $m + 0 }
unlink glob("$box/run.*"), "$box/total", "$box/same";
open my $slow, '>', "$box/slow";
close $slow;
is(send_all('s', 16, 'apple!kim@mail.example.test', 'food!joe@mail.example.test'), 16, 'more than there are slots');
ok($t->wait_for(60, sub { keys %{there('s')} == 16 }), 'all go');
cmp_ok(most('total'), '<=', 3, 'MTA-2305 MAXDELS at a time at the most');
cmp_ok(most('same'), '<=', 2, 'MTA-2306 MAXHOST of them to one node');
cmp_ok(most('total'), '>', 1, '... but not one after the other');
is($t->stop, '', 'stopped');
done_testing;
