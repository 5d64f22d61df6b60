# slow
# A lab that is killed in the middle, politely or not, leaves nothing: no process, no namespace, no folder.
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Temp qw(tempdir);
use lib 'tests/lib', 'tests/lab/lib';
use Test::More;
use Time::HiRes qw(sleep time);
require Lab;

my $why = Lab::missing();
plan skip_all => $why if $why;
# short: the lab's folders and sockets below it have names of at most 107 bytes
my $dir = abs_path(tempdir('k-XXXXXX', -w '/tmp' ? (DIR => '/tmp') : (TMPDIR => 1), CLEANUP => 1));
chmod 0755, $dir;
open my $f, '>', "$dir/victim.t" or die;
print $f <<'END';
use strict;
use warnings;
use Lab;
my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
my $sink = $lab->smtp('192.0.2.20');
$lab->dns;
my $a = $lab->courier('a.test', '192.0.2.10')->start;
open my $f, '>', "$ENV{TMPDIR}/running" or die;
close $f;
sleep 600;
END
close $f;

# Processes of this lab, and the network namespaces that they live in.
sub alive {
	my (@pids, %ns);
	for my $pid (map {m,(\d+)$,} glob '/proc/[0-9]*') {
		open my $e, '<', "/proc/$pid/environ" or next;
		local $/;
		next if (<$e> // '') !~ /(?:^|\0)(?:LAB_INSIDE|TMPDIR)=\Q$dir\E/ || $pid == $$;
		push @pids, $pid;
		$ns{readlink("/proc/$pid/ns/net") // ''} = 1;
	}
	return (\@pids, \%ns);
}
sub wait_for { my ($code) = @_; my $until = time + 60; while (time < $until) { return 1 if $code->(); sleep 0.1 } return 0 }

for my $how (['TERM'], ['KILL'], ['KILL', 'group']) {
	my ($signal, $group) = @$how;
	defined(my $pid = fork) or die "fork: $!";
	if (!$pid) {
		setpgrp 0, 0;
		$ENV{TMPDIR} = $dir;
		open STDOUT, '>', "$dir/said";
		open STDERR, '>&', \*STDOUT;
		exec $^X, (map {('-I', abs_path($_))} 'tests/lib', 'tests/lab/lib'), "$dir/victim.t" or die;
	}
	my $label = $signal . ($group ? ' for all of its group' : '');
	ok(wait_for(sub { my @running = glob "$dir/courier-lab-*/running"; @running }), "$label: a lab with name servers and a mail system runs") or diag `cat '$dir/said'`;
	my ($pids, $ns) = alive();
	cmp_ok(scalar @$pids, '>', 8, '... in many processes');
	cmp_ok(scalar keys %$ns, '>', 3, '... and namespaces');
	kill $signal, $group ? -$pid : $pid;
	waitpid $pid, 0;
	ok(wait_for(sub { !@{(alive())[0]} }), '... no process is left') or diag join ' ', @{(alive())[0]};
	is(join(' ', grep {$ns->{readlink("/proc/$_/ns/net") // ''} && $_ != $$ && readlink("/proc/$_/ns/net") ne readlink('/proc/self/ns/net')} map {m,(\d+)$,} glob '/proc/[0-9]*'),
		'', '... nor one in a namespace of it, so that there is none');
	ok(wait_for(sub { my @left = glob "$dir/courier-lab-*"; !@left }), '... nor its folder') or diag join ' ', glob "$dir/courier-lab-*";
}
is(join(' ', grep {/\Q$dir\E/} do { open my $m, '<', '/proc/mounts'; <$m> }), '', 'nor a mount');
done_testing;
