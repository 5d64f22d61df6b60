#!/usr/bin/perl
# The delivery track: an address whose mail has failed or waits is refused while the client is still
# connected, for two hours, until mail for it is delivered or somebody takes it off the list.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;

my $host = Courier::FakeSMTP->new(on => {RCPT => sub {
	my ($line, $self) = @_;
	return $line =~ /<bad/ ? '550 5.1.1 nobody' : $line =~ /<slow/ && !-e "$self->{dir}/healed" ? '450 4.2.0 later' : '250 2.1.5 Ok';
}});
my $t = Courier::Test->new(users => ['alice'], domain => 'here.test',
	config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'smtp,authsmtp'}},
	files => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $host->port . "\n",
		resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n", retryalpha => "1h\n",
	});
$t->start;

# The answer to RCPT; the message is not sent.
sub asked {
	my ($rcpt) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@far.example>';
	return $t->smtp($s, "RCPT TO:<$rcpt>");
}
sub give { my ($rcpt) = @_; return $t->send_mail(from => 'x@far.example', to => $rcpt, text => "Subject: x\n\n") }
sub listed { return join ',', sort split /\n/, $t->command('courier', '-C', $t->path(''), 'show', 'all') }
sub clear { return $t->command('courier', '-C', $t->path(''), 'clear', @_) }
sub track { my $s = ''; for my $f (sort glob $t->path('var/queue/track/*')) { open my $h, '<', $f or next; local $/; $s .= <$h> } return $s }

is(listed(), '', 'nothing is listed at first');
like(give($_), qr/^250/, "mail for $_ is taken") for 'bad@far.test', 'slow@far.test', 'good@far.test';
ok($t->wait_for(20, sub { listed() eq 'bad@far.test,slow@far.test' }), 'MTA-0006 MTA-3101 MTA-3107: those that failed and wait are listed, hosts elsewhere or not') or diag listed();
like(asked('bad@far.test'), qr/^556 5\./, 'MTA-3102, MTA-0831: after a failure');
like(asked('slow@far.test'), qr/^456 4\./, 'MTA-3103, MTA-0831: after a deferral');
like(asked('good@far.test'), qr/^250/, 'after a success');
like(track(), qr/^\d{10} Fbad\@far\.test$/m, 'MTA-2207: the file says failed');
like(track(), qr/^\d{10} Dslow\@far\.test$/m, 'and deferred');
unlike(track(), qr/good/, 'what went well from the start is not written');

my ($id) = $t->command('courier', '-C', $t->path(''), 'show') =~ /^(\S+)/;
like($id // '', qr/^[0-9A-F]{16}\./, 'MTA-3105: the message that waits stays in the queue');

# ---- a restart ----------------------------------------------------------------------------

$t->restart;
ok($t->wait_for(20, sub { asked('bad@far.test') =~ /^556/ }), 'a restart forgets nothing');
is(listed(), 'bad@far.test,slow@far.test', 'of the list');

# ---- off the list -------------------------------------------------------------------------

is(clear('bad@far.test'), "bad\@far.test cleared.\n", 'MTA-0007: one is taken off');
is($?, 0, 'with success');
is(clear('unknown@far.test'), "unknown\@far.test cleared.\n", 'MTA-0007: one that was not there, too');
is($?, 0, 'with success');
is(listed(), 'slow@far.test', 'the other one stays');
ok($t->wait_for(5, sub { asked('bad@far.test') =~ /^250/ }), 'and mail for it is taken again');
like(track(), qr/^\d{10} Abad\@far\.test$/m, 'which is written down');

open my $f, '>', "$host->{dir}/healed" or die;
close $f;
$t->command('courier', '-C', $t->path(''), 'flush');
ok($t->wait_for(20, sub { listed() eq '' }), 'a success takes an address off');
ok($t->wait_for(5, sub { asked('slow@far.test') =~ /^250/ }), 'and the gates know');
like(track(), qr/^\d{10} Sslow\@far\.test$/m, 'and it is written down');

like(give('bad@far.test'), qr/^250/, 'another failure');
ok($t->wait_for(20, sub { listed() eq 'bad@far.test' }), 'is listed');
like(give('slow2@far.test'), qr/^250/, 'one that waits');
unlink "$host->{dir}/healed";
like(give('slow3@far.test'), qr/^250/, 'and another');
ok($t->wait_for(20, sub { listed() =~ /slow3/ }), 'is listed');
($id) = $t->command('courier', '-C', $t->path(''), 'show') =~ /^(\S+)\t.*slow3/m;
is($t->command('cancelmsg', $id), "Message scheduled for cancellation.\n", 'it is cancelled');
ok($t->wait_for(20, sub { $t->command('courier', '-C', $t->path(''), 'show') !~ /slow3/ }), 'and gone');
like(listed(), qr/slow3/, 'MTA-3106: but stays on the list');
clear('all');
is($?, 0, 'MTA-0008: clear all');
is(listed(), '', 'MTA-0008: leaves nothing');

# ---- the setting --------------------------------------------------------------------------

$t->configure(submit => {BOFHSUPPRESSBACKSCATTER => 'smtp'});
$t->restart;
ok($t->wait_for(10, sub { give('bad@far.test') =~ /^250/ }), 'MTA-3104: with smtp alone, from a client that may relay');
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/bad\@far\.test.*550/)) >= 3 }), 'a failure');
is(listed(), '', 'MTA-0320: is not listed: such a client counts as authsmtp');

$t->configure(submit => {BOFHSUPPRESSBACKSCATTER => 'none'});
$t->restart;
ok($t->wait_for(10, sub { give('bad@far.test') =~ /^250/ }), 'MTA-3104: with the setting none');
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/bad\@far\.test.*550/)) >= 4 }), 'a failure');
is(listed(), '', 'is not listed');
like(asked('bad@far.test'), qr/^250/, 'and refuses nothing');

# The same in the file bofh, which stands above the setting.
$t->configure(submit => {BOFHSUPPRESSBACKSCATTER => 'smtp'});
$t->file('etc/bofh', "opt BOFHSUPPRESSBACKSCATTER=none\n");
$t->restart;
ok($t->wait_for(10, sub { give('bad@far.test') =~ /^250/ }), 'MTA-0320: none in bofh');
ok($t->wait_for(20, sub { scalar($t->log_lines(qr/bad\@far\.test.*550/)) >= 4 }), 'a failure');
is(listed(), '', 'is not listed');
$t->file('etc/bofh', "opt BOFHSUPPRESSBACKSCATTER=authsmtp,smtp\n");
$t->restart;
ok($t->wait_for(10, sub { give('bad@far.test') =~ /^250/ }), 'MTA-0320: smtp in bofh');
ok($t->wait_for(20, sub { listed() eq 'bad@far.test' }), 'is listed');

done_testing;
