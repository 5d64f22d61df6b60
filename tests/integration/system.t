# The installation itself, without -C: prepared by courier init --system, started on the usual ports in
# a network of its own.
use strict;
use warnings;
use lib 'tests/lib';
use Courier::Test;
use Test::More;

plan skip_all => 'needs root' if $> != 0;
plan skip_all => 'needs network namespaces' if system('unshare -n true 2>/dev/null') != 0;

my $prefix = Courier::Test::prefix();
my $courier = Courier::Test::program('courier');
delete $ENV{COURIER_HOME};

sub slurp { my ($f) = @_; local $/; open my $fh, '<', $f or return; return scalar <$fh> }

my $out = `$courier init --system --domain system.test 2>&1`;
is($?, 0, 'init --system') or diag($out);
ok(-d "$prefix/var/queue" && -d "$prefix/var/drop", 'its folders are there');
my $pem = slurp("$prefix/etc/esmtpd.pem");
like($pem, qr/PRIVATE KEY/, 'and a certificate');
open my $own, '>>', "$prefix/etc/courierd" or die;
print $own "# mine\n";
close $own;
`$courier init --system --domain system.test 2>&1`;
is($?, 0, 'again, as after an upgrade');
is(slurp("$prefix/etc/esmtpd.pem"), $pem, 'the certificate stays');
like(slurp("$prefix/etc/courierd"), qr/# mine/, 'and the settings too');
`$courier check 2>&1`;
is($?, 0, 'check');
`$courier init --system /tmp/x 2>&1`;
is($? >> 8, 64, 'a folder is too much');

$out = `unshare -n sh -c '
	ip link set lo up
	$courier start || exit 1
	$courier status
	$courier security
	(sleep 1; echo QUIT; sleep 1) | curl -s --max-time 5 telnet://127.0.0.1:25
	$courier stop' 2>&1`;
is($?, 0, 'started and stopped') or diag($out);
like($out, qr/^sched\s+0\s+\d+ ready/m, 'the scheduler runs');
like($out, qr/^as promised/m, 'MTA-3002: with the promised users and rights');
like($out, qr/^220 /m, 'and port 25 answers');
done_testing;
