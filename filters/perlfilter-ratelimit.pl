# A filter for perlfilter(8): a client that sends too much in too short a time is told to slow down.
#
# etc/filters/perlfilter-ratelimit may hold, one a line:
#
#	WINDOW=3600        seconds that count
#	MESSAGES=1000      how many of the last messages are remembered
#	LIMIT=100          what a client may send in that time, and no more
#	COUNT=m            m: messages; r: their recipients
#	EXCLUDE=127.0.0.1  addresses that are not limited, parted by commas or blanks
#	EXTERNAL=0         0: clients that may relay (RELAYCLIENT is set) are limited; 1: all are
#
# Make an empty file etc/filters/perlfilter-dump that the filter may write: with the next message what
# is remembered will stand in it.
#
# All processes share one memory, a file without a name.  It begins empty when the filter starts.

use strict;
use warnings;
use Fcntl qw(:flock SEEK_SET);

our (%limit, $etc, $memory, $opened);

BEGIN {
	my $record = 72;    # bytes: time, count, address
	$etc = $ENV{sysconfdir} || ($ENV{COURIER_HOME} ? "$ENV{COURIER_HOME}/etc" : 'etc');
	%limit = (WINDOW => 3600, MESSAGES => 1000, LIMIT => 100, COUNT => 'm', EXCLUDE => '127.0.0.1', EXTERNAL => 0, record => $record);
	if (open my $in, '<', "$etc/filters/perlfilter-ratelimit") {
		while (my $line = <$in>) {
			next if $line =~ /^\s*(?:#|$)/;
			$line =~ /^\s*(WINDOW|MESSAGES|LIMIT|EXTERNAL)\s*=\s*(\d{1,9})\s*$/ || $line =~ /^\s*(COUNT)\s*=\s*([rm])\s*$/ || $line =~ /^\s*(EXCLUDE)\s*=\s*(.*?)\s*$/
			    or die "$etc/filters/perlfilter-ratelimit: line $. is not understood\n";
			$limit{$1} = $2;
		}
	}
	$limit{MESSAGES} = 1 if $limit{MESSAGES} < 1;
	$limit{MESSAGES} = 100_000 if $limit{MESSAGES} > 100_000;
	open $memory, '+>', undef or die "no memory for all processes: $!\n";
}

# The memory by a description of our own, so that a lock keeps the other processes out.
sub shared {
	return $opened if $opened;
	open $opened, '+<', '/proc/self/fd/' . fileno $memory or die "cannot open the memory: $!\n";
	binmode $opened;
	return $opened;
}

# The records, the oldest first: [time, count, address].
sub recall {
	my ($file) = @_;
	seek $file, 0, SEEK_SET;
	local $/;
	my $text = readline($file) // '';
	return map {[unpack 'q L A60', $_]} unpack "(a$limit{record})*", $text;
}

sub remember {
	my ($file, @records) = @_;
	seek $file, 0, SEEK_SET;
	print $file map {pack 'q L A60', @$_} @records;
	truncate $file, @records * $limit{record};
	$file->flush;
}

sub dump_state {
	my ($now, @records) = @_;
	my $file = "$etc/filters/perlfilter-dump";
	return if !-f $file || -s _;
	open my $out, '>', $file or return;
	my %sum;
	for my $r (@records) {
		$sum{$r->[2]} += $r->[1] if $r->[0] > $now - $limit{WINDOW};
	}
	print $out map {"$_=$limit{$_}\n"} qw(WINDOW MESSAGES LIMIT COUNT EXCLUDE EXTERNAL);
	print $out map {"sum $_ $sum{$_}\n"} sort keys %sum;
	print $out map {"message $_->[0] $_->[2] $_->[1]\n"} @records;
}

# Counts the message; true when that is too much.
sub too_much {
	my ($address, $count) = @_;
	my $now = time;
	my $file = shared();
	flock $file, LOCK_EX or die "cannot lock the memory: $!\n";
	my @records = grep {$_->[0] > $now - $limit{WINDOW}} recall($file);
	my $sum = 0;
	if (length $address) {
		push @records, [$now, $count, $address];
		shift @records while @records > $limit{MESSAGES};
		$sum += $_->[1] for grep {$_->[2] eq $address} @records;
		remember($file, @records);
	}
	dump_state($now, @records);
	flock $file, LOCK_UN;
	return $sum > $limit{LIMIT};
}

# The client's address, whether it may relay, and how many recipients there are.
sub read_envelope {
	my ($e, $file) = @_;
	open my $in, '<', $file or die "cannot read '$file': $!\n";
	while (my $line = <$in>) {
		chomp $line;
		$e->{rcpts}++ if $line =~ /^r/;
		$e->{relay} = 1 if $line =~ /^ORELAYCLIENT(?:=|$)/;
		$e->{address} = $1 if $line =~ /^OTCPREMOTEIP=(.+)/ || ($line =~ /^f.*\[([^\]]+)\]/ && !defined $e->{address});
	}
}

sub limited {
	my ($e) = @_;
	return '' if !defined $e->{address} || !($e->{relay} || $limit{EXTERNAL});
	(my $address = $e->{address}) =~ s/^::ffff:(?=\d+\.)//i;
	return (grep {$_ eq $address} split /[\s,]+/, $limit{EXCLUDE}) ? '' : $address;
}

sub talk {
	my ($number) = @_;
	open my $server, '+<&=', $number or die "cannot use descriptor $number: $!\n";
	my ($data, @controls) = ();
	while (defined(my $line = readline $server)) {
		chomp $line;
		last if $line eq '';
		defined $data ? push(@controls, $line) : ($data = $line);
	}
	my %e = (rcpts => 0);
	my $answer = '200 Ok';
	eval {
		read_envelope(\%e, $_) for @controls;
		my $address = limited(\%e);
		my $full = too_much($address, $limit{COUNT} eq 'r' ? $e{rcpts} : 1);
		$answer = "552 $address is sending too much mail, slow down." if $full;
		1;
	} or do {
		warn $@;
		$answer = '451 4.3.0 The mail cannot be counted right now.';
	};
	syswrite $server, "$answer\n";
	close $server;
}

talk($ARGV[0]);
