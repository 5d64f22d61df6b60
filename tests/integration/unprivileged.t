#!/usr/bin/perl
# Two instances side by side, made and run by an ordinary user: the first relays to the second.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use IO::Socket::SSL ();
use JSON::PP ();

# root becomes somebody who owns nothing
if ($> == 0) {
	my @as = ('setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--inh-caps=-all');
	my @needs = (Courier::Test::program('courier'), Courier::Test::program('courierlogin'), "$FindBin::Bin/$FindBin::Script");
	for (@needs) {
		plan skip_all => "nobody may not read $_" if system(@as, 'test', '-r', $_);
	}
	exec @as, 'env', 'HOME=/nonexistent', $^X, "-I$FindBin::Bin/../lib", "$FindBin::Bin/$FindBin::Script"
	    or die "setpriv: $!";
}

isnt($>, 0, 'an ordinary user');
my $there = Courier::Test->new(users => ['carol'], domain => 'there.test')->start;
my $here = Courier::Test->new(users => ['alice', 'bob'], domain => 'here.test',
	files => {esmtproutes => 'there.test:[127.0.0.1],' . $there->port('smtp') . "\n"})->start;

for my $t ($here, $there) {
	my $status = JSON::PP::decode_json($t->command('courier', 'status', '--json'));
	my @pids = map {$_->{pid}} @{$status->{processes}};
	is(join(' ', grep {(stat "/proc/$_")[4] != $>} grep {-e "/proc/$_"} @pids), '', 'all processes of ' . $t->domain . ' are this user\'s');
	like($t->command('courier', 'status'), qr/ordinary user.*not\s+separated/, 'status says what that means');
	$t->command('courier', 'security');
	isnt($?, 0, 'courier security claims nothing');
}

# mail: in, across, and back
like($here->send_mail(from => 'x@far.example', to => 'bob@here.test', text => "Subject: one\n\nx\n"), qr/^250/, 'mail');
ok($here->wait_mail('bob', qr/^Subject: one$/m), 'delivered');
$ENV{COURIER_HOME} = $here->path('');
open my $p, '|-', Courier::Test::program('sendmail'), '-f', 'alice@here.test', 'carol@there.test' or die $!;
print $p "Subject: across\nTo: carol\@there.test\n\nto the neighbour\n";
close $p;
is($?, 0, 'sendmail');
my $text = $there->wait_mail('carol', qr/^Subject: across$/m) // '';
like($text, qr/^Return-Path: <alice\@here\.test>$/m, 'the second instance has it');
like($text, qr/^Received: from mail\.here\.test/m, 'from the first');
like($text, qr/^Received: from localhost.*\n\s+\(uid $>\)/m, 'which had it from this user');

# one file each, made by the worker under the user's umask
my ($file) = map {$_->[0]} $there->mailbox('carol');
is((stat $file)[2] & 077, 0, 'mail is private');

# read it
my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $there->port('imaps'), SSL_verify_mode => 0, Timeout => 10);
ok($s, 'IMAP under TLS') or BAIL_OUT($there->log);
my $said = readline $s;
print $s "a LOGIN carol $Courier::Test::PASSWORD\r\nb SELECT INBOX\r\nc FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT)]\r\nd LOGOUT\r\n";
$said .= $_ while <$s>;
like($said, qr/^a OK.*^\* 1 EXISTS.*^Subject: across\r\n.*^d OK/ms, 'is read');

is($here->stop, '', 'the first stops');
like($there->send_mail(from => 'x@far.example', to => 'carol@there.test', text => "Subject: two\n\nx\n"), qr/^250/, 'the second does not mind');
ok($there->wait_mail('carol', qr/^Subject: two$/m), '... and delivers');
is($there->stop, '', 'the second stops');
done_testing;
