#!/usr/bin/perl
# ratefilter: so many recipients for each of our own users (MTA-2003, MTA-2004, MTA-2005).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FilterRun;

my $ok = "200 Ok\n";
my $no = "550 5.7.1 Number of messages exceeded administrative limit.\n";
my $text = "Subject: x\n\nbody\n";

sub rcpts { return [map {"r$_\@r.example"} 1 .. $_[0]] }

# MTA-2004: the defaults
{
	my $f = Courier::FilterRun->new('ratefilter');
	ok(-S $f->path('var/filters/ratefilter'), 'the socket stands in filters');
	is($f->judge($text, login => 'ann', rcpts => rcpts(100)), $ok, 'a hundred recipients are fine');
	is($f->judge($text, login => 'ann'), $no, 'one more is not');
	is($f->judge($text, source => 'local', uid => 99, rcpts => rcpts(500)), $ok, 'users below 100 are not counted');
	is($f->judge($text, source => 'local', uid => 100, rcpts => rcpts(101)), $no, 'others are');
	is($f->stop, 0, 'the end of its input ends it');
}

# MTA-2003, MTA-2005: who counts, and for how much
{
	my $f = Courier::FilterRun->new('ratefilter', config => {'ratefilter-maxrcpts' => 5, 'ratefilter-minuid' => 1000,
		'ratefilter-mode' => 'all', 'ratefilter-interval' => 7200});
	ok(-S $f->path('var/allfilters/ratefilter'), 'mode all: the socket stands in allfilters');
	is($f->judge($text, rcpts => rcpts(50)), $ok, 'mail from elsewhere is not counted') for 1 .. 2;
	is($f->judge($text, login => 'joe', source => 'authsmtp', rcpts => rcpts(5)), $ok, 'five recipients');
	is($f->judge($text, login => 'joe', source => 'authsmtp'), $no, 'the sixth');
	is($f->judge($text, login => 'mary', rcpts => rcpts(6)), $no, 'six in one message');
	is($f->judge($text, login => 'mary', rcpts => rcpts(1)), $no, 'those count although they were refused');
	is($f->judge($text, login => 'zoe', sender => 'joe@s.example', rcpts => rcpts(5)), $ok, 'the login counts, not the address');
	is($f->judge($text, source => 'local', uid => 999, rcpts => rcpts(50)), $ok, 'minuid 1000: user 999 is free');
	is($f->judge($text, source => 'local', uid => 1000, rcpts => rcpts(4)), $ok, 'user 1000 is not');
	is($f->judge($text, source => 'local', uid => 1001, rcpts => rcpts(5)), $ok, 'nor 1001, who counts alone');
	is($f->judge($text, source => 'local', uid => 1000, rcpts => rcpts(2)), $no, 'user 1000 again');

	my $m = $f->message($text, login => 'split', rcpts => rcpts(3));
	my $more = $f->message($text, login => 'split', rcpts => rcpts(3));
	is($f->ask([@$m, $more->[1]]), $no, 'a message with two control files has the recipients of both');

	my $broken = $f->file('var/tmp/broken', "this is no control file\n");
	like($f->ask([$m->[0], $broken]), qr/^451 4\.3\.0 /, 'a control file that is none: later');
	like($f->log, qr/cannot use the control file '\Q$broken\E'/, 'and a line in the log');

	is($f->kill('KILL') & 127, 9, 'killed');
	ok(-S $f->path('var/allfilters/ratefilter') && !$f->connect, 'its socket stays, and nobody listens: mail has to wait');
	ok($f->start, 'started again');
	is($f->judge($text, login => 'joe'), $ok, 'it serves');
	is($f->stop, 0, 'and ends');
}

# The interval, with a clock that is ahead.
{
	my $f = Courier::FilterRun->new('ratefilter', config => {'ratefilter-maxrcpts' => 5, 'ratefilter-interval' => 59}, idle => 1);
	ok(!$f->start, 'an interval below 60 is refused');
	like($f->log, qr/ratefilter-interval/, 'by name');
}

done_testing;
