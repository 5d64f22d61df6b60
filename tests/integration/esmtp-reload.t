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
use Test::More;
use Time::HiRes qw(time);

# The host takes a message of which its subject says so only after 20 seconds: longer than any stop waits.
my $s = Courier::FakeSMTP->new(on => {MAIL => sub { sleep 20 if $_[0] =~ /slow/; '250 2.1.0 Ok' }}, ehlo => []);
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
sub modules { my $out = $t->command('courier', '-C', $t->path(''), 'status'); return scalar(() = $out =~ /^\s*esmtp\b/mg) }

give('slow', 1);
ok $t->wait_for(20, sub { grep { /^MAIL FROM:<slow/ } $s->commands }), 'a session is under way';
my $began = time;
$t->command('courier', '-C', $t->path(''), 'reload');
give('quick', 2);
ok $t->wait_for(15, sub { at($s, 2) }), 'mail behind the reload';
cmp_ok time - $began, '<', 12, '... does not wait for the session' or diag $t->log;
is at($s, 1), 0, '... which is still under way';
# another one, by a file that counts at once
$t->file('etc/esmtproutes', routes(['', $new->port]));
ok $t->wait_for(20, sub { $t->log_lines(qr/reloading/) >= 2 }), 'new routes';
my $n = 2;
ok $t->wait_for(40, sub { give('quick', ++$n); sleep 1; at($new, $n) }), '... are used';
ok $t->wait_for(40, sub { $t->log_lines(qr/addr=<x1\@far\.test>,status: success/) }), 'the session comes to its end' or diag $t->log;
is at($s, 1) + at($new, 1), 1, '... and its mail is there once';
is scalar(grep { /^MAIL FROM:<slow/ } $s->commands, $new->commands), 1, '... after one attempt';
is scalar($t->log_lines(qr/under way|graceful stop is over/)), 0, 'nothing was cut off' or diag $t->log;
ok $t->wait_for(30, sub { $t->command('courier', '-C', $t->path(''), 'security') !~ /^esmtp .*\n(?:.*\n)*esmtp /m }), 'one process is left';
is $t->stop, '', 'stops';
done_testing;
