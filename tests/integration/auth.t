#!/usr/bin/perl
# authdaemond in a running instance: its tools, its socket, changes of accounts, death and return.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {authdaemonrc => {authmodulelist => 'authuserdb', AUTH_FAIL_DELAY => 1}})->start;
my $password = $Courier::Test::PASSWORD;
my $domain = $t->domain;

sub ask {
	my ($request) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $t->path('var/authdaemon/socket')) or return undef;
	print $s $request;
	local $/;
	my $answer = <$s>;
	return defined $answer ? $answer : '';
}

like($t->command('authtest', 'alice'), qr/Authenticated as: alice\@$domain/, 'authtest finds an account');
is($?, 0, 'and says so');
like($t->command('authtest', "alice\@$domain", $password), qr/Home directory: .*alice/, 'authtest with the right password');
my $began = time;
like($t->command('authtest', 'alice', 'wrong'), qr/refused/, 'authtest with a wrong one');
isnt($?, 0, 'fails');
cmp_ok(time - $began, '>=', 0.9, 'and takes its time');
$began = time;
$t->command('authtest', 'nobody-here', 'wrong');
cmp_ok(time - $began, '>=', 0.9, 'as it does for a name that is not there');

my @list = grep { /\S/ } split /\n/, $t->command('authenumerate');
is(scalar(@list), 2, 'authenumerate lists all accounts');
like($list[0], qr/^(alice|bob)\@$domain\t\d+\t\d+\t\S+\t\S+$/, 'in the form of an index');

$t->command('userdb', "bob\@$domain", 'set', 'options=disableshared=1');
@list = grep { /\S/ } split /\n/, $t->command('authenumerate', '-s');
is(scalar(@list), 1, 'a change counts at once; -s leaves accounts out');
like(ask("PRE . imap bob\n"), qr/\nOPTIONS=disableshared=1\n\.\n\z/, 'options are told');

# Wrong requests from many, while others log in.
my @open = map { IO::Socket::UNIX->new(Peer => $t->path('var/authdaemon/socket')) } 1 .. 50;
print $_ "AUTH 900\nimap\n" for @open;
my $body = "imap\nlogin\nalice\n$password";
like(ask('AUTH ' . length($body) . "\n$body"), qr/^UID=/, 'idle connections hold up nobody');
is(ask("GARBAGE\n"), "FAIL\n", 'garbage is refused');
@open = ();

# It dies; the supervisor starts it again, and the tools find it.
my @ps = grep { @$_ == 3 } map { [/^\s*(\d+)\s+(\d+)\s+(.*)/] } `ps axww -o pid,ppid,args`;
my $home = $t->scratch . '/i';
my ($supervisor) = map { $_->[0] } grep { $_->[2] =~ /supervisor of \Q$home\E/ } @ps;
my ($pid) = map { $_->[0] } grep { $_->[1] eq ($supervisor // '') && $_->[2] =~ /^courier auth 0/ } @ps;
ok($pid, 'authdaemond is there') or diag(map { "@$_\n" } @ps);
my $verifiers = grep { $_->[1] eq ($pid // '') && $_->[2] =~ /^courier auth: verifier$/ } @ps;
cmp_ok($verifiers, '>=', 1, "with its verifiers: $verifiers of at most 5, the others come when they are needed");
cmp_ok($verifiers, '<=', 5, '... and no more');
kill 'KILL', $pid if $pid;
my $answer;
for (1 .. 100) {
	sleep 0.1;
	$answer = ask("PRE . imap alice\n");
	last if $answer;
}
like($answer, qr/^UID=/, 'back after a crash');
is($t->stop, '', 'stops');
done_testing();
