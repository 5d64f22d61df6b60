#!/usr/bin/perl
# slow
# A reload cuts no session with another host and doubles no mail: the old process finishes what it has begun, a
# new one with the new settings serves at once.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::FakeSMTP;
use Courier::Test;
use File::Temp;
use Test::More;
use Time::HiRes qw(sleep time);

# The host lets the mail of one sender wait until it is told otherwise.
my $hold = File::Temp->new(TMPDIR => 1);
my $s = Courier::FakeSMTP->new(ehlo => [], on => {MAIL => sub {
	for (my $until = time + 180; $_[0] =~ /slow/ && -s "$hold" && time < $until;) { sleep 0.1 }
	return '250 2.1.0 Ok';
}});
print $hold "wait\n";
$hold->flush;
my $new = Courier::FakeSMTP->new;
sub routes { return join '', map { "$_->[0]:[127.0.0.1],$_->[1]\n" } @_ }
my $t = Courier::Test->new(users => ['slow', 'quick'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127\tallow,RELAYCLIENT\n", retryalpha => "1h\n", esmtproutes => routes(['', $s->port])});
$t->command('makesmtpaccess');
$t->start;
sub give {
	my ($from, $n) = @_;
	like $t->send_mail(from => "$from\@" . $t->domain, to => "x$n\@far.test", text => "Subject: number $n\n\nx\n"), qr/^250/, "mail $n";
}
sub at { my ($host, $n) = @_; return scalar grep { /^Subject: number $n\r?$/m } $host->messages }

give('slow', 1);
ok $t->wait_for(60, sub { grep { /^MAIL FROM:<slow/ } $s->commands }), 'a session is under way';
my $began = time;
$t->command('courier', '-C', $t->path(''), 'reload');
give('quick', 2);
ok $t->wait_for(60, sub { at($s, 2) }), 'mail behind the reload does not wait for the session' or diag $t->log;
is at($s, 1), 0, '... which is still under way';
# another one, by a file that counts at once
$t->file('etc/esmtproutes', routes(['', $new->port]));
ok $t->wait_for(60, sub { $t->log_lines(qr/reloading/) >= 2 }), 'new routes';
my $n = 2;
ok $t->wait_for(60, sub { give('quick', ++$n); $t->wait_for(2, sub { at($new, $n) }) }), '... are used';
# longer than a stop would wait
sleep 0.1 while time < $began + 13;
truncate $hold, 0;
ok $t->wait_for(60, sub { $t->log_lines(qr/addr=<x1\@far\.test>,status: success/) }), 'the session comes to its end' or diag $t->log;
is at($s, 1) + at($new, 1), 1, '... and its mail is there once';
is scalar(grep { /^MAIL FROM:<slow/ } $s->commands, $new->commands), 1, '... after one attempt';
is scalar($t->log_lines(qr/under way|graceful stop is over/)), 0, 'nothing was cut off' or diag $t->log;
ok $t->wait_for(60, sub { $t->command('courier', '-C', $t->path(''), 'security') !~ /^esmtp .*\n(?:.*\n)*esmtp /m }), 'one process is left';
is $t->stop, '', 'stops';
done_testing;
