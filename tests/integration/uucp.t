#!/usr/bin/perl
# slow
# Mail to UUCP neighbours, with a uux that writes down what it is told (MTA-0514 MTA-1421 MTA-2501
# MTA-2502 MTA-2503 MTA-2504 MTA-2505 MTA-2506 MTA-2507 MTA-2508 MTA-2509 MTA-2510 MTA-2513).
# uucp-real.t has two instances with the real thing between them.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $t = Courier::Test->new(domain => 'example.test', files => {retryalpha => "1s\n"});
my $log = $t->scratch . '/calls';
mkdir $log;
chmod 01777, $log;
my $uux = $t->scratch . '/uux';
sub uux { $t->script($uux, @_) }
my $good = "f=`mktemp $log/XXXXXXXX`\n{ for a; do echo \"[\$a]\"; done; echo; cat; } >\$f && mv \$f \$f.done\n";
uux($good);

sub put { my ($file, $text) = @_; $t->file("etc/$file", $text) }
put('me', "mx.example.test\n");
put('defaultdomain', "example.test\n");
put('locals', "localhost\nmx.example.test\n");
put('uucpme', "example\n");
put('module.uucp', "NAME=uucp\nPRIORITY=5\nPROG=./courieruucp\nMAXDELS=4\nMAXHOST=4\nMAXRCPT=16\n");
$t->configure(courierd => {UUX => $uux, UUXFLAGS => '-r -g M', UUXTIME => '2s'});
put('uucpneighbors/one', "# neighbours\n\napple\nfood\tF\ngate\tG\n");
put('uucpneighbors/two', "rel!two\nrel\tR\n");
put('smtpaccess/default', "127.0.0.1\tallow\n");
$t->command('makesmtpaccess');
like($t->command('makeuucpneighbors'), qr/\A\z/, 'MTA-1421 MTA-2503 the table is made');
is($?, 0, '... of a folder of files (MTA-2502)');
put('uucpneighbors/bad', "x y z\n");
like($t->command('makeuucpneighbors'), qr/line \d+ is not NODE/, 'a line that is none');
isnt($?, 0, '... makes no table');
unlink $t->path('etc/uucpneighbors/bad');
put('aliases/system', "postmaster: root\@localhost\n\@virtual.test: food!fruits!\n");
is($t->command('makealiases'), '', 'aliases are made');
$t->start;

sub sendmail {
	my ($from, $text, @rcpts) = @_;
	local $ENV{COURIER_HOME} = $t->path('');
	my $pid = open my $p, '|-';
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		open STDOUT, '>', $t->scratch . '/said';
		open STDERR, '>&', \*STDOUT;
		exec Courier::Test::program('sendmail'), '-f', $from, @rcpts or exit 127;
	}
	print $p $text;
	close $p;
	my $status = $? >> 8;
	open my $fh, '<', $t->scratch . '/said';
	local $/;
	return ($status, scalar <$fh> // '');
}

my %seen;
sub call {
	my ($re) = @_;
	return $t->wait_for(15, sub {
		for my $f (glob "$log/*.done") {
			open my $fh, '<', $f or next;
			local $/;
			my $text = <$fh>;
			next if $seen{$f} || $text !~ $re;
			$seen{$f} = 1;
			return $text;
		}
		return;
	}) // '';
}
sub args { my ($text) = @_; my ($head) = split /\n\n/, $text; return join ' ', $head =~ /^\[(.*)\]$/mg }

# ---- what uux is told --------------------------------------------------------------------------

my $headers = "From: Some One <someone\@domain.test>\nTo: apple!kim, bob\@example.test\nCc: joe\@remote.test\nSubject: %s\n\nbody\n";
my @cases = (
	['someone@domain.test', ['apple!john'], 'example!domain.test!someone', 'apple', '(john)', 'MTA-2507 a listed node'],
	['alice@example.test', ['food!fruits!apple@example.test'], 'example!alice', 'food!fruits', '(apple)', 'MTA-2504 F: beyond it'],
	['apple!john', ['gate!a!b'], 'example!apple!john', 'gate', '(a!b)', 'MTA-2505 G: rmail runs there'],
	['alice@example.test', ['rel!two!u', 'rel!u'], 'example!alice', 'rel', '(two!u) (u)', 'MTA-2506 R: rmail runs there, both in one call'],
);
for (@cases) {
	my ($from, $to, $sender, $node, $rest, $what) = @$_;
	my ($status) = sendmail($from, sprintf($headers, "to $node"), @$to);
	is($status, 0, "$what: taken");
	my $got = call(qr/^Subject: to \Q$node\E$/m);
	is(args($got), "-p -z -a $sender -r -g M $node!rmail -f ($sender) $rest",
		'MTA-0514 MTA-2508 MTA-2510 and given to uux');
	like($got, qr/^From: Some One <someone\@domain\.test>$/m, 'headers are left alone');
}
my ($status, $said) = sendmail('', "Subject: null\n\nx\n", 'apple!john');
is(args(call(qr/^Subject: null$/m)), '-p -n -r -g M apple!rmail (john)', 'a report names no sender, and asks for none');

for (['nobody!x', qr/550 5\.1\.2 Unknown UUCP bang path/], ['apple!x!john', qr/550 5\.1\.2 Unknown/],
	['food!$(reboot)', qr/550 5\.1\.3/], ['food!-oQ/tmp', qr/550 5\.1\.3/]) {
	my ($to, $re) = @$_;
	($status, $said) = sendmail('alice@example.test', "Subject: no\n\nx\n", $to);
	like($said, $re, "MTA-2507 $to is refused");
	isnt($status, 0, '... at once');
}

# ---- headers, too -------------------------------------------------------------------------------

put('uucprewriteheaders', '');
$t->command('courier', '-C', $t->path(''), 'reload');
$t->wait_for(10, sub { $t->log =~ /reloading/ });
sleep 1;
sendmail('someone@domain.test', sprintf($headers, 'rewritten'), 'apple!john');
my $got = call(qr/^Subject: rewritten$/m);
like($got, qr/^From: Some One <example!domain\.test!someone>\nTo: kim, example!bob\nCc: example!remote\.test!joe$/m,
	'MTA-2509 MTA-2510 addresses of the header are paths, too');

# ---- from the network ---------------------------------------------------------------------------

like($t->send_mail(from => 's@sender.test', to => 'apple!john@mx.example.test', text => "Subject: net\n\nx\n"), qr/^250/,
	'MTA-2507 anybody reaches a listed node');
is(args(call(qr/^Subject: net$/m)), '-p -z -a example!sender.test!s -r -g M apple!rmail -f (example!sender.test!s) (john)',
	'MTA-2501 with our node name before the sender');
like($t->send_mail(from => 's@sender.test', to => 'food!x!john@mx.example.test', text => "Subject: net\n\nx\n"),
	qr/^513 5\.7\.1 Relaying denied/, 'but nothing beyond it');

# ---- a domain whose mail goes to a path -----------------------------------------------------------

sendmail('alice@example.test', "Subject: virtual\n\nx\n", 'kim@virtual.test');
is(args(call(qr/^Subject: virtual$/m)), '-p -z -a example!alice -r -g M food!fruits!rmail -f (example!alice) (kim)',
	'MTA-2512 @domain: path! sends kim@domain to path!kim');
like($t->send_mail(from => 's@sender.test', to => 'joe.x@virtual.test', text => "Subject: virtual net\n\nx\n"), qr/^250/,
	'MTA-2512 from the network, too');
is(args(call(qr/^Subject: virtual net$/m)), '-p -z -a example!sender.test!s -r -g M food!fruits!rmail -f (example!sender.test!s) (joe.x)',
	'... though strangers reach nothing beyond a neighbour by themselves');

# ---- faults -------------------------------------------------------------------------------------

uux("echo 'uux: system is busy' >&2\nexit 1\n");
sendmail('alice@example.test', "Subject: busy\n\nx\n", 'apple!john');
ok($t->wait_for(10, sub { $t->command('mailq') =~ /apple!john/ }), 'uux fails: the mail waits');
uux("exec sleep 60\n");
sendmail('alice@example.test', "Subject: slow\n\nx\n", 'apple!john');
sleep 3;
uux($good);
for my $what (qw(busy slow)) {
	$t->wait_for(20, sub { $t->command('courier', '-C', $t->path(''), 'flush'); sleep 1; my @f = glob "$log/*.done"; grep { open my $h, '<', $_; local $/; <$h> =~ /^Subject: $what$/m } @f });
	like(call(qr/^Subject: $what$/m), qr/Subject: $what/, "... and goes when it is $what no more");
}
uux("exit 68\n");
sendmail('alice@example.test', "Subject: nohost\n\nx\n", 'apple!john');
like($t->wait_mail('alice', qr/Subject: nohost/) // '', qr/exit status 68/, 'an exit code that says never is believed');
unlink $uux;
sendmail('alice@example.test', "Subject: absent\n\nx\n", 'apple!john');
like($t->wait_mail('alice', qr/Subject: absent/) // '', qr/there is no program '\Q$uux\E' on this mail system/,
	'T57 without uux mail comes back with the reason');
is($t->stop, '', 'stopped');
done_testing;
