#!/usr/bin/perl
# Mail handed in while everything is stopped (MTA-1133); what users see of the queue, and what they may cancel.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(run slurp);
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'],
	files => {esmtproutes => "far.test:[127.0.0.1],1\n", esmtpdelay => "0\n"});
my $home = $t->path('');
$ENV{COURIER_HOME} = $home;
my %program = map {($_ => Courier::Test::program($_))} qw(sendmail mailq cancelmsg);

# As this system user (root can be anybody), or as ourselves.
sub as {
	my ($user, $o, @command) = @_;
	my @as = $> == 0 && $user ? ('setpriv', "--reuid=$user", '--regid=nogroup', '--clear-groups') : ();
	return run($o, @as, @command);
}

sub files { my @f = grep {-f} glob $t->path('var/drop/*'); return @f }

# ---- everything is down -------------------------------------------------------------------

my $big = join '', map {"line $_ of a text that does not fit into any buffer of sendmail\n"} 1 .. 30000;
my ($rc, $out) = run({in => "From: alice\@example.test\nTo: bob\@example.test\nSubject: down one\n\n.\nafter the dot\n"}, $program{sendmail}, '-t', '-oi');
is($rc, 0, 'sendmail takes mail while all is down') or diag $out;
($rc, $out) = run({in => "Subject: down big\n\n$big"}, $program{sendmail}, '-f', 'alice@example.test', 'bob', 'alice');
is($rc, 0, 'a large one too') or diag $out;
($rc, $out) = run({in => "Subject: down far\n\nx\n"}, $program{sendmail}, '-f', 'alice@example.test', '-N', 'never', 'x@far.test');
is($rc, 0, 'and one for another host') or diag $out;
is(scalar(files()), 3, 'they wait in the drop folder');
my @open = grep {(stat $_)[2] & 022} files();
is("@open", '', 'where nobody else writes');
($rc, $out) = run({}, $program{mailq});
isnt($rc, 0, 'mailq without a scheduler fails');
like($out, qr{does not answer}, '... and says why') or diag $out;
($rc, $out) = run({}, $program{cancelmsg}, '0000000000000001.0000000000000001.00000001');
isnt($rc, 0, 'cancelmsg too');

$t->start;
my $text = $t->wait_mail('bob', qr/^Subject: down one$/m) // '';
like($text, qr/\n\n\.\nafter the dot\n\z/, 'after the start it is delivered, whole');
like($text, qr/^Received: from localhost.*\n\s+\(uid $>\)/m, '... with whose it was');
my $want = substr $big, -200;
like($t->wait_mail($_, qr/^Subject: down big$/m) // '', qr/\n\n\Q$big\E\z/, "the large one is whole at $_") for 'alice', 'bob';
ok($t->wait_for(10, sub { !files() }), 'the drop folder is empty');
is(scalar(grep {$_->[1] =~ /^Subject: down/m} $t->mailbox('bob')), 2, 'each came once');

# ---- the queue ----------------------------------------------------------------------------

my $list = $t->wait_for(10, sub { my ($r, $o) = run({}, $program{mailq}); $o =~ /x\@far\.test/ && $o });
like($list // '', qr/alice\@example\.test.*x\@far\.test/s, 'mailq shows what waits, sender and recipient');
my ($id) = ($list // '') =~ /([0-9A-F]{16}\.[0-9A-F]{16}\.[0-9A-F]{8})/;
ok($id, '... and its id') or BAIL_OUT($list);

SKIP: {
	skip 'needs root to be two people', 9 if $>;
	# The folder of the instance is of everybody; its parts look after themselves.
	($rc, $out) = as('nobody', {in => "Subject: of nobody\n\nx\n"}, $program{sendmail}, '-f', 'bob@example.test', 'y@far.test');
	is($rc, 0, 'another user sends') or diag $out;
	my $theirs = $t->wait_for(10, sub { my ($r, $o) = as('nobody', {}, $program{mailq}); $o =~ /y\@far\.test/ && $o }) // '';
	like($theirs, qr/y\@far\.test/, 'and sees that');
	unlike($theirs, qr/x\@far\.test/, '... not what is root\'s');
	($rc, $out) = run({}, $program{mailq});
	like($out, qr/x\@far\.test/, 'root sees both');
	like($out, qr/y\@far\.test/, '... both');
	($rc, $out) = as('nobody', {}, $program{cancelmsg}, $id);
	isnt($rc, 0, 'nobody may not cancel what is root\'s') or diag $out;
	($rc, $out) = run({}, $program{mailq});
	like($out, qr/\Q$id\E/, '... and it is still there');
	my ($own) = $theirs =~ /([0-9A-F]{16}\.[0-9A-F]{16}\.[0-9A-F]{8})/;
	($rc, $out) = as('nobody', {}, $program{cancelmsg}, $own);
	is($rc, 0, 'but their own') or diag $out;
	ok($t->wait_mail('bob', qr/y\@far\.test/), '... of which the sender is told');
	($rc, $out) = as('daemon', {}, 'cat', glob $t->path('var/queue/msgs/*/D*'));
	isnt($rc, 0, 'the queue\'s files are not for others');
}
($rc, $out) = run({}, $program{cancelmsg}, $id);
is($rc, 0, 'cancelmsg') or diag $out;
ok($t->wait_empty_queue(20), 'nothing waits any more');
($rc, $out) = run({}, $program{mailq});
unlike($out, qr/far\.test/, 'mailq agrees');
ok(!(grep {$_->[1] =~ /text\/rfc822|x\@far\.test/ && $_->[1] =~ /^Content-Type: multipart\/report/m} $t->mailbox('alice')), 'NOTIFY=NEVER holds through the drop folder and cancelmsg');

# ---- down again, in the middle ------------------------------------------------------------

is($t->stop, '', 'stop');
for my $n (1 .. 20) {
	($rc) = run({in => "Subject: many $n\n\ntext\n"}, $program{sendmail}, '-f', 'alice@example.test', 'bob');
	last if $rc;
}
is($rc, 0, 'twenty messages while it is down');
$t->start;
ok($t->wait_for(20, sub { (grep {$_->[1] =~ /^Subject: many/m} $t->mailbox('bob')) == 20 }), 'all are delivered');
is($t->stop, '', 'stop');
is(scalar(grep {$_->[1] =~ /^Subject: many/m} $t->mailbox('bob')), 20, 'each once');
done_testing;
