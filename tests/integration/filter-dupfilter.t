#!/usr/bin/perl
# dupfilter: the fourth copy of a body is refused, and nothing else (MTA-2001, MTA-2002).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FilterRun;

my $ok = "200 Ok.\n";
my $no = "550 5.7.1 Duplicate message rejected.\n";

sub body {
	my ($n) = @_;
	return join ' ', map {join '', map {chr(97 + ($n * 7 + $_ * $_ + length $n) % 26)} $_ .. $_ + 9} $n .. $n + 9;
}

# MTA-2001: with what it does out of the box
{
	my $f = Courier::FilterRun->new('dupfilter');
	ok(-S $f->path('var/filters/dupfilter'), 'the socket stands in filters');
	is((stat $f->path('var/filters/dupfilter'))[2] & 07777, 0660, 'its group may ask, others may not');
	my @answers = map {$f->judge("Subject: number $_\n\n" . body(1) . "\n")} 1 .. 6;
	is("@answers", join(' ', $ok, $ok, $ok, $no, $no, $no), 'the fourth copy and all behind it are refused');
	is($f->judge("Subject: other\n\n" . body(2) . "\n"), $ok, 'another body passes');

	@answers = map {$f->judge("Subject: x\n\nDear customer no. $_$_,\n  buy  now, only \$$_.99" . '!' x $_ . "\n")} 1 .. 4;
	is($answers[3], $no, 'numbers, blanks and punctuation make no difference');
	@answers = map {$f->judge("Subject: x\n\n" . ($_ % 2 ? uc body(3) : body(3)) . "\n")} 1 .. 4;
	is($answers[3], $no, 'nor does the case of letters');
	@answers = map {$f->judge("Subject: a secret plan\n\n" . ("12 34\n" x $_))} 1 .. 6;
	is($answers[5], $ok, 'a body without a letter has no copies');
	@answers = map {$f->judge("Subject: only a header\n")} 1 .. 6;
	is($answers[5], $ok, 'nor has a message without a body');
	@answers = map {$f->judge("Subject: x\n\n" . body(4) . ' ' . ('x' x $_) . "\n")} 1 .. 6;
	is($answers[5], $ok, 'bodies that differ in letters are different');

	my @many = map {[$f->connect, $f->message("Subject: x\n\n" . body(5) . "\n")]} 1 .. 40;
	syswrite $_->[0], join '', map {"$_\n"} @{$_->[1]}, '' for @many;
	@answers = map {$f->rest($_->[0])} @many;
	is(scalar(grep {$_ eq $ok} @answers), 3, 'of forty copies that come at once three pass');
	is($f->stop, 0, 'the end of its input ends it');
	like($f->log, qr/id=[0-9A-F]{16}\.[0-9A-F]{16}\.00000001,refused,from=<sender\@s\.example>: a copy too many/, 'a refusal stands in the log');
}

# MTA-2002: ring, level, mode, threads
{
	my $f = Courier::FilterRun->new('dupfilter', config => {'dupfilter-hashsize' => 5, 'dupfilter-duplevel' => 2,
		'dupfilter-mode' => 'all', 'dupfilter-nthreads' => 1});
	ok(-S $f->path('var/allfilters/dupfilter') && !-e $f->path('var/filters/dupfilter'), 'mode all: the socket stands in allfilters alone');
	is($f->judge("A: b\n\n" . body(1)), $ok, 'duplevel 2: the first passes');
	is($f->judge("A: b\n\n" . body(1)), $no, 'the second does not');
	is($f->judge("A: b\n\n" . body(10 + $_)), $ok, "another one, $_") for 1 .. 5;
	is($f->judge("A: b\n\n" . body(1)), $ok, 'hashsize 5: five others on, it is forgotten');
	is($f->stop, 0, 'ends');

	unlink $f->path('etc/filters/dupfilter-mode');
	ok($f->start, 'started again without its mode');
	ok(-S $f->path('var/filters/dupfilter') && !-e $f->path('var/allfilters/dupfilter'), 'the socket has moved to filters');
	is($f->judge("A: b\n\n" . body(1)), $ok, 'and nothing is remembered');
	$f->stop;

	for my $n (1, 3) {
		my $g = Courier::FilterRun->new('dupfilter', config => {'dupfilter-nthreads' => $n});
		my @tasks = glob "/proc/$g->{pid}/task/*";
		is(scalar @tasks, $n + 1, "nthreads $n: so many threads, and the loop");
		$g->stop;
	}
	my $bad = Courier::FilterRun->new('dupfilter', config => {'dupfilter-hashsize' => 'many'}, idle => 1);
	ok(!$bad->start, 'a setting that means nothing: it does not start');
	like($bad->log, qr/dupfilter-hashsize/, 'and says which');
}

done_testing;
