#!/usr/bin/perl
# A client that has logged in and means harm: what it sends has limits, and the session stays small.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::ImapPipe;

# Kilobytes the session has had at most; undef under a sanitizer, which takes terabytes of addresses.
sub most {
	my ($c) = @_;
	my $status = slurp("/proc/$c->{pid}/status") // return undef;
	return undef if $status =~ /^VmSize:\s+(\d+)/m && $1 > 100_000_000;
	return $status =~ /^VmHWM:\s+(\d+)/m ? $1 : undef;
}

sub small {
	my ($c, $what) = @_;
	my $kb = most($c);
	ok(!defined $kb || $kb < 100_000, "$what: no memory to speak of") or diag("$kb KB");
}

# Long input is written by a child, so that neither side waits for the other.
sub pour {
	my ($c, $head, $piece, $times, $tail) = @_;
	defined(my $pid = fork) or die "fork: $!";
	if (!$pid) {
		$c->put($head);
		$c->put($piece) for 1 .. $times;
		$c->put($tail);
		require POSIX;
		POSIX::_exit(0);
	}
	return $pid;
}

my $dir = maildir();
put($dir, message(Subject => 'x'), flags => '');
my $parts = "Content-Type: multipart/mixed; boundary=b\n\n";
put($dir, join('', map {"Content-Type: multipart/mixed; boundary=b$_\n\n--b$_\n"} 1 .. 5000) . "\nx\n", flags => '');
put($dir, "Content-Type: message/rfc822\n\n" x 5000 . "x\n", flags => '');
put($dir, "${parts}--b\n" . "\n\n--b\n" x 30000, flags => '');
put($dir, "Subject: x\nContent-Type: text/html\n\n" . '<' x 300_000 . '&' x 300_000, flags => '');

subtest 'lines and parentheses' => sub {
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	my $pid = pour($c, 'p1 SEARCH ', '(' x 100_000, 100, "\r\n");
	like(($c->reply('p1'))[-1], qr/^BAD \[TOOBIG\]/, 'ten million parentheses');
	waitpid $pid, 0;
	small($c, 'parentheses');
	$pid = pour($c, 'p2 LIST "" (', 'a ' x 50_000, 100, ")\r\n");
	like(($c->reply('p2'))[-1], qr/^BAD \[TOOBIG\]/, 'ten million bytes of patterns');
	waitpid $pid, 0;
	like(($c->cmd('SEARCH ' . '(' x 30_000))[-1], qr/^(NO|BAD)/, 'as many as a line holds');
	like(($c->cmd('SEARCH ' . 'OR ' x 20_000 . 'ALL'))[-1], qr/^(NO|BAD)/, 'OR of OR');
	like(($c->cmd('FETCH 1 (' . '(' x 30_000))[-1], qr/^BAD/, 'in FETCH');
	like(($c->cmd('FETCH ' . '1,' x 30_000 . '1 UID'))[-1], qr/^BAD/, 'a set of thirty thousand');
	like(($c->cmd('FETCH 1 BODY.PEEK[' . '1.' x 30_000 . '1]'))[-1], qr/^BAD/, 'a path of parts');
	like(($c->cmd('FETCH 1 BODY.PEEK[HEADER.FIELDS (' . 'a ' x 30_000 . 'a)]'))[-1], qr/^BAD/, 'names of fields');
	like(($c->cmd('STORE 1 FLAGS (' . 'a ' x 30_000 . 'a)'))[-1], qr/^BAD/, 'flags');
	like(($c->cmd('SORT (' . 'REVERSE DATE ' x 4_000 . 'DATE) UTF-8 ALL'))[-1], qr/^BAD/, 'criteria');
	like(($c->cmd('SELECT INBOX (QRESYNC (1 2 ' . '1,' x 30_000 . '1))'))[-1], qr/^BAD/, 'known uids');
	like(($c->cmd('CREATE INBOX.x (USE (' . '\Sent ' x 9_000 . '\Sent))'))[-1], qr/^BAD/, 'uses');
	like(($c->cmd('ID (' . '"a" "b" ' x 8_000 . '"a" "b")'))[-1], qr/^(OK|BAD)/, 'ID');
	is(($c->cmd('NOOP'))[-1], 'OK NOOP completed', 'the session goes on');
	small($c, 'all of it');
	$c->end;
};

subtest 'literals' => sub {
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	for my $size ('9223372036854775807', '9223372036854775808', '18446744073709551616', '99999999999999999999999') {
		$c->put("n1 SEARCH SUBJECT {$size}\r\n");
		like(($c->reply('n1'))[-1], qr/^BAD/, "a literal of $size is not asked for");
	}
	is(($c->cmd('NOOP'))[-1], 'OK NOOP completed', 'the session goes on');
	$c->put('n2 SEARCH SUBJECT {9223372036854775807+}' . "\r\n");
	my $pid = pour($c, '', 'x' x 100_000, 100, '');
	waitpid $pid, 0;
	small($c, 'ten million bytes of a literal without end');
	$c->end;
	$c = client($dir);
	my $p = pour($c, '', "n3 LIST \"\" {5+}\r\nabcde ", 1, "{5+}\r\nabcde{5+}\r\nabcde\r\n");
	like(($c->reply('n3'))[-1], qr/^(BAD|OK|NO)/, 'literals in a row');
	waitpid $p, 0;
	$c->put("n4 LIST \"\" ~{3+}\r\na\0b\r\n");
	like(($c->reply('n4'))[-1], qr/^(OK|NO|BAD)/, 'a NUL in a name');
	$c->end;
};

subtest 'messages' => sub {
	my $c = client($dir);
	$c->cmd('SELECT INBOX');
	for my $items ('BODYSTRUCTURE', 'BODY', 'ENVELOPE', 'PREVIEW', 'BINARY.SIZE[1]', 'BODY.PEEK[1.1.1.1.1.1.1.1.1.1]', 'MODSEQ') {
		like(($c->cmd("FETCH 1:* ($items)"))[-1], qr/^(OK|NO)/, $items);
	}
	like(($c->cmd('SEARCH BODY nothing'))[-1], qr/^OK/, 'search');
	like(($c->cmd('THREAD REFERENCES UTF-8 ALL'))[-1], qr/^OK/, 'thread');
	is(($c->cmd('NOOP'))[-1], 'OK NOOP completed', 'the session goes on');
	is($c->end, 0, 'and ends as it should');
};

done_testing;
