#!/usr/bin/perl
# One worker serves all accounts of a uid, and makes no process for a message: its number stays, and
# neither it nor the broker nor the module has buried a child or had a new one.
use strict;
use warnings;
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob', 'carol'], config => {courierd => {LOCALIDLE => 3600}});
my $domain = $t->domain;
my $root = $t->path('') =~ s{/\z}{}r;

sub home { return $t->maildir($_[0]) =~ s,/Maildir$,,r }
sub slurp { my ($file) = @_; open my $f, '<', $file or return ''; local $/; return scalar <$f> // '' }
# All processes of the instance, with what Linux has noted of the children they have waited for:
# page faults and time.
my %says; # for people: who it is
sub family {
	my ($top) = @_;
	my (%parent, %stat);
	%says = ();
	for my $dir (glob '/proc/[0-9]*') {
		my ($pid) = $dir =~ /(\d+)\z/;
		my $s = slurp("$dir/stat");
		$s =~ s/\A\d+ \((.*)\) //s or next;
		my $name = $1;
		my @f = split ' ', $s;
		next if $f[0] eq 'Z';
		my $args = slurp("$dir/cmdline") =~ s/[\0 ]+\z//r;
		$args =~ tr/\0/ /;
		($parent{$pid}, $stat{$pid}, $says{$pid}) = ($f[1], "$name: $f[8] $f[10] $f[13] $f[14]", "$pid $name of $f[1]: $args");
	}
	my %all = ($top => 1);
	for (1 .. 10) { $all{$_} = 1 for grep {$all{$parent{$_}}} keys %parent }
	return {map {$_ => $stat{$_}} grep {$stat{$_}} keys %all};
}

my $n = 0;
sub give {
	my ($count) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	for (1 .. $count) {
		my $user = ('alice', 'bob', 'carol')[$n++ % 3];
		for my $cmd ("MAIL FROM:<bob\@$domain>", "RCPT TO:<$user\@$domain>", 'DATA') {
			my $r = $t->smtp($s, $cmd);
			$r =~ /^[23]/ or die $r;
		}
		print $s "Subject: n$n\r\n\r\ntext\r\n.\r\n";
		$t->smtp_reply($s) =~ /^250/ or die;
	}
	$t->smtp($s, 'QUIT');
	return $t->wait_for(60, sub { $n == grep {1} map {$t->mailbox($_)} 'alice', 'bob', 'carol' });
}

# Two kinds of instructions that call no program.
for my $file (['bob', "./Maildir/.In/\n./Maildir\n"], ['carol', "./Maildir\n"]) {
	my $path = $t->file(substr(home($file->[0]), length $t->path('')) . '/.courier', $file->[1]);
	chown +(stat home($file->[0]))[4, 5], $path if $> == 0;
	chmod 0600, $path;
}
$t->start;
my ($top) = slurp("$root/var/run/courierd.pid") =~ /(\d+)/ or BAIL_OUT('no supervisor');
ok(give(6), 'the first messages') or diag $t->log;
ok($t->wait_empty_queue(30), 'are done');
my $before = family($top);
my @workers = grep {$before->{$_} =~ /^courierlocal-wo/} keys %$before;
ok(scalar @workers, 'a worker is there') or diag join "\n", values %$before;
cmp_ok(scalar(@workers), '<=', 2, 'not one for each account');
ok(give(120), '120 messages more') or diag $t->log;
ok($t->wait_empty_queue(60), 'are done');
my $after = family($top);
# (where the machine is slow a second worker may come, or a helper of another part)
my @new = grep {!$before->{$_}} keys %$after;
cmp_ok(scalar(@new), '<', 6, 'no process is made for a message');
diag("a new process: $says{$_}") for @new;
is($after->{$_} // 'gone', $before->{$_}, "process $_ has had no child: $before->{$_}") for sort {$a <=> $b} grep {$before->{$_} =~ /^courier(?:local| local| broker| sched| gate)/} keys %$before;
is($t->stop, '', 'stops');
done_testing();
