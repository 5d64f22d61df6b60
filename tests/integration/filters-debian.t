#!/usr/bin/perl
# Two filters of Debian run unchanged, with the paths that are built into them: couriergrey (C++) and
# courier-filter-perl.  MTA-1901 MTA-1904 MTA-1905 MTA-1907 MTA-1908 MTA-1912
#
# The packages are fetched with apt-get download and unpacked into the folder of the test build; they
# depend on another mail server, so they can't be installed.  The test runs in a mount namespace of
# its own, in which /var/lib/courier and /etc/courier are the instance's.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";

my @packages = qw(couriergrey courier-filter-perl);
my $prefix = $ENV{COURIER_TEST_PREFIX} or BAIL_OUT('COURIER_TEST_PREFIX is not set: run the tests with ./runtests');
my $debs = "$prefix/../debs";

sub fetch {
	my ($p) = @_;
	return 1 if -d "$debs/$p/usr";
	mkdir $debs;
	system "cd $debs && apt-get download -q $p >$p.log 2>&1 && dpkg -x ${p}_*.deb $p.new && mv $p.new $p";
	return -d "$debs/$p/usr";
}

if (!$ENV{COURIER_TEST_IN_NAMESPACE}) {
	plan skip_all => 'mounting needs root' if $>;
	for my $p (@packages) {
		plan skip_all => "the package $p cannot be downloaded (see $debs/$p.log)" if !fetch($p);
	}
	my @unshare = ('unshare', '-m', '--propagation', 'private');
	plan skip_all => 'no mount namespaces here' if system "@unshare mount -t tmpfs x /mnt 2>/dev/null";
	$ENV{COURIER_TEST_IN_NAMESPACE} = 1;
	exec @unshare, $^X, $0 or die "unshare: $!";
}
require Courier::Test;
my $t = Courier::Test->new(users => [qw(alice bob)], config => {submit => {FILTERTIME => 20}, esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow\n"});
my $stage = $t->scratch . '/stage';

sub run { system(@_) == 0 or BAIL_OUT("@_ failed") }
sub over {
	my ($where, @extra) = @_;
	(my $low = "$stage$where") =~ s,/+,/,g;
	run('mkdir', '-p', map {"$low/$_"} @extra);
	run('mount', '-t', 'overlay', 'overlay', '-o', "lowerdir=$low:$where", $where);
}
over('/etc', 'courier', 'couriergrey');
over('/var/lib', 'courier');
over('/usr/share', 'courier-filter-perl');
run('mount', '--bind', $t->path('etc'), '/etc/courier');
run('mount', '--bind', $t->path('var'), '/var/lib/courier');
run('cp', '-r', "$debs/couriergrey/etc/couriergrey", $t->scratch);
open my $grey, '>', $t->scratch . '/couriergrey/whitelist_ip' or die; # its own has this host
print $grey "10.0.0.0/8\n";
close $grey;
run('mount', '--bind', $t->scratch . '/couriergrey', '/etc/couriergrey');
run('mount', '--bind', "$debs/courier-filter-perl/usr/share/courier-filter-perl", '/usr/share/courier-filter-perl');
run('mount', '-t', 'tmpfs', 'tmpfs', '/var/cache');
mkdir '/var/cache/couriergrey';
chmod 0777, '/var/cache/couriergrey';

my @dir = ('-C', $t->path(''));
my $alice = 'alice@' . $t->domain;
my $status = sub { my ($l) = grep {/^filter/} split /\n/, $t->command('courier', @dir, 'status'); $l || '' };
sub mail { my ($text) = @_; return $t->send_mail(from => 'x@client.test', to => $alice, text => $text) }

# courier-filter-perl
$t->file('etc/filters/courier-filter-perl.conf', <<'E2');
use Courier::Filter::Logger::IOHandle;
use Courier::Filter::Module::Header;
use Courier::Filter::Module::Envelope;
$options = {
	logger => Courier::Filter::Logger::IOHandle->new(handle => \*STDERR),
	mandatory => 1,
	modules => [
		Courier::Filter::Module::Header->new(fields => {subject => qr/banjo/i}, response => 'Oh no, not those banjos'),
		Courier::Filter::Module::Envelope->new(fields => {remote_host_helo => 'nobody.test', recipient => 'nobody'}, response => 'no'),
	],
};
E2
symlink "$debs/courier-filter-perl/usr/lib/courier/filters/courier-filter-perl", $t->path('etc/filters/active/courier-filter-perl');
$t->start;
like($status->(), qr/courier-filter-perl=ready/, 'courier-filter-perl is ready after the start (MTA-1905)') or diag $t->log;
like(mail("Subject: fine\n\nx\n"), qr/^250 /, 'it lets a message pass');
ok($t->wait_mail('alice', qr/^Subject: fine/m), 'which is delivered');
like(mail("Subject: Dueling Banjos\n\nx\n"), qr/^5\d\d .*Oh no, not those banjos/, 'and refuses another by its header') or diag $t->log;
unlink $t->path('etc/filters/active/courier-filter-perl');
$t->command('courierfilter', @dir, 'restart');
ok($t->wait_for(10, sub { $status->() !~ /courier-filter-perl/ }), 'it ends with its input');
ok(!-e $t->path('var/allfilters/courier-filter-perl'), 'with its socket');

# couriergrey
symlink "$debs/couriergrey/usr/lib/courier/filters/couriergrey", $t->path('etc/filters/active/couriergrey');
$t->command('courierfilter', @dir, 'restart');
ok($t->wait_for(20, sub { $status->() =~ /couriergrey=ready/ }), 'couriergrey is ready') or diag $t->log;
like(mail("Subject: grey\n\nx\n"), qr/^4\d\d .*grey/i, 'a stranger is told to come again') or diag $t->log;
like(mail("Subject: grey\n\nx\n"), qr/^4\d\d /, 'too early');
ok(-s '/var/cache/couriergrey/deliveryattempts.gdbm', 'it has noted that');
ok(!grep({$_->[1] =~ /^Subject: grey/m} $t->mailbox('alice')), 'nothing was delivered');
is($t->stop, '', 'all ends');
done_testing;
