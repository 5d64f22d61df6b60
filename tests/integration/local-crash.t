#!/usr/bin/perl
# slow
# Workers, the local module and the broker are killed while mail flows: afterwards every accepted
# message is in its mailbox, whole, and the queue is empty.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use POSIX ();

my ($CLIENTS, $EACH) = (4, 100);
my $t = Courier::Test->new(users => ['alice', 'bob', 'carol'],
	config => {submit => {BOFHSUPPRESSBACKSCATTER => 'none'}}, files => {retryalpha => "1s\n", retrybeta => "1000\n"});
my $domain = $t->domain;
$t->start;

# One delivery in ten runs a program, which appends the message's number to a file.
my ($home) = $t->maildir('bob') =~ m,(.*)/Maildir$,;
open my $f, '>', "$home/.courier-program" or die $!;
print $f "|sed -n 's/^Subject: //p' >> numbers\n";
close $f;
chown +(stat $home)[4, 5], "$home/.courier-program" if $> == 0;

# One in ten passes a filter inside a worker.
($home = $t->maildir('carol')) =~ s,/Maildir$,,;
for (['.courier', "|maildrop\n"], ['.mailfilter', "if (/^Subject: n/)\n{\n to ./Maildir\n}\n"]) {
	open $f, '>', "$home/$_->[0]" or die $!;
	print $f $_->[1];
	close $f;
	chmod 0600, "$home/$_->[0]";
	chown +(stat $home)[4, 5], "$home/$_->[0]" if $> == 0;
}
($home) = $t->maildir('bob') =~ m,(.*)/Maildir$,;

sub client {
	my ($k) = @_;
	my $s = $t->connect('smtp');
	my $ok = $t->smtp_reply($s) =~ /^220/ && $t->smtp($s, 'EHLO client.test') =~ /^250/;
	for my $i (1 .. $EACH) {
		my $to = $i % 10 == 0 ? 'bob-program' : $i % 10 == 5 ? 'carol' : $i % 2 ? 'alice' : 'bob';
		for my $line ("MAIL FROM:<alice\@$domain>", "RCPT TO:<$to\@$domain>", 'DATA') {
			my $r;
			# What can't be accepted now is said so; it is tried again.
			for (1 .. 100) {
				$r = $t->smtp($s, $line);
				last if $r !~ /^4/;
				select undef, undef, undef, 0.1;
			}
			$ok &&= $r =~ /^[23]/;
		}
		print $s "Subject: n$k.$i\r\nFrom: <alice\@$domain>\r\n\r\n", 'x' x 3000, "\r\nend\r\n";
		$ok &&= $t->smtp($s, '.') =~ /^250/;
	}
	return $ok;
}

my @pids = map {
	my $k = $_;
	my $pid = fork;
	POSIX::_exit(client($k) ? 0 : 1) if defined $pid && !$pid;
	$pid;
} 1 .. $CLIENTS;

sub slurp { local (@ARGV, $/) = $_[0]; return -r $_[0] ? scalar <> // '' : '' }

sub workers {
	return grep { slurp("/proc/$_/cmdline") =~ /^courierlocal-worker/ && slurp("/proc/$_/environ") =~ m,COURIER_HOME=\Q$t->{dir}\E/, }
	    map { m,(\d+), ? $1 : () } glob '/proc/[0-9]*';
}

sub service {
	my ($role) = @_;
	return $t->command('courier', '-C', $t->path(''), 'status') =~ /^$role +\d+ +(\d+)/m ? $1 : ();
}

my $killed = 0;
for my $round (1 .. 12) {
	select undef, undef, undef, 0.1;
	my ($victim) = $round % 4 == 0 ? service('local') : $round % 4 == 2 ? service('broker') : workers();
	$killed += kill 'KILL', $victim if $victim;
}
my $sent = 0;
for (@pids) { waitpid $_, 0; $sent++ if $? == 0 }
is $sent, $CLIENTS, 'every message was accepted';
cmp_ok $killed, '>=', 6, "killed $killed processes";

sub seen {
	my %n;
	for my $user ('alice', 'bob', 'carol') {
		$n{$_}++ for map { $_->[1] =~ /^Subject: (n\S+)/m ? $1 : () } $t->mailbox($user);
	}
	if (open my $f, '<', "$home/numbers") {
		while (<$f>) { $n{$1}++ if /^(n\S+)/ }
	}
	return \%n;
}
ok $t->wait_for(90, sub { keys %{seen()} == $CLIENTS * $EACH }), 'all of them are delivered';
my $n = seen();
is scalar(keys %$n), $CLIENTS * $EACH, 'none is missing';
my @broken = grep { $_->[1] !~ /\nend\n\z/ } map { $t->mailbox($_) } 'alice', 'bob', 'carol';
is scalar(@broken), 0, 'all are whole';
my $twice = grep { $_ > 1 } values %$n;
diag "$twice of " . keys(%$n) . " were delivered again";
ok $t->wait_empty_queue(30), 'the queue is empty';
is $t->stop, '', 'stops';
done_testing;
