package Differ::Sink;

# Mail hosts that take what is relayed to them and write it down, each with abilities of its own.
#
#	my $sinks = Differ::Sink->start($folder, \%kinds);   kind => {port, ehlo => [...], no_ehlo, rcpt, data}
#	$sinks->taken;   (kind, {mail, rcpt => [...], text})...
#	$sinks->stop;

use strict;
use warnings;
use IO::Socket::INET;

sub start {
	my ($class, $folder, $kinds) = @_;
	mkdir $folder;
	my $self = bless {folder => $folder, pids => []}, $class;
	for my $name (sort keys %$kinds) {
		my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $kinds->{$name}{port}, Listen => 50, ReuseAddr => 1)
		    or die "sink $name: $!";
		my $pid = fork // die "fork: $!";
		if (!$pid) {
			accept_loop($listener, $name, $kinds->{$name}, $folder);
			exit 0;
		}
		push @{$self->{pids}}, $pid;
	}
	push @{$self->{pids}}, name_server();
	return $self;
}

# A name server that knows a list of addresses (bl.test: what ends in .7) and the name of one, 127.0.0.8.
sub answer {
	my ($name, $type) = @_;
	return if $type != 1 && $type != 12 && $type != 16;
	return pack 'C4', 127, 0, 0, 8 if $type == 1 && $name eq 'known.test';
	return "\5known\4test\0" if $type == 12 && $name eq '8.0.0.127.in-addr.arpa';
	return if $name !~ /^7\.[\d.]+\.bl\.test$/;
	return $type == 1 ? pack('C4', 127, 0, 0, 2) : $type == 16 ? "\x0blisted here" : undef;
}

sub name_server {
	my $dns = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 53, Proto => 'udp') or die "name server: $!";
	my $pid = fork // die "fork: $!";
	return $pid if $pid;
	while (defined $dns->recv(my $q, 4096)) {
		next if length $q < 12;
		my ($id, $flags) = unpack 'nn', $q;
		my $at = 12;
		$at += 1 + ord(substr $q, $at, 1) while $at < length $q && ord(substr $q, $at, 1);
		my $question = substr $q, 12, $at + 5 - 12;
		my $name = lc join '.', unpack '(C/a)*', substr $q, 12, $at - 12;
		my $type = unpack 'n', substr $q, $at + 1, 2;
		my $data = answer($name, $type);
		my $there = defined $data || $name eq 'known.test' || $name =~ /^7\.[\d.]+\.bl\.test$/;
		$dns->send(pack('n6', $id, ($there ? 0x8180 : 0x8183) | ($flags & 0x100), 1, defined $data ? 1 : 0, 0, 0) . $question
			. (defined $data ? pack('nnnNn/a*', 0xc00c, $type, 1, 60, $data) : ''));
	}
	exit 0;
}

sub accept_loop {
	my ($listener, $name, $kind, $folder) = @_;
	local $SIG{CHLD} = 'IGNORE';
	my $n = 0;
	while (my $c = $listener->accept) {
		$n++;
		my $pid = fork // next;
		if (!$pid) {
			$c->autoflush(1);
			session($c, $kind, "$folder/$name.$n");
			exit 0;
		}
		close $c;
	}
}

sub session {
	my ($c, $kind, $file) = @_;
	my (%m, $count);
	my $say = sub { print $c "$_[0]\r\n" };
	$say->('220 sink.test ESMTP');
	while (defined(my $line = <$c>)) {
		$line =~ s/\r?\n\z//;
		if ($line =~ /^EHLO/i) {
			if ($kind->{no_ehlo}) { $say->('502 what?'); next }
			my @words = ('sink.test', @{$kind->{ehlo} || []});
			my $last = pop @words;
			$say->("250-$_") for @words;
			$say->("250 $last");
		} elsif ($line =~ /^HELO/i) {
			$say->('250 sink.test');
		} elsif ($line =~ /^MAIL/i) {
			%m = (mail => $line, rcpt => []);
			$say->('250 ok');
		} elsif ($line =~ /^RCPT/i) {
			push @{$m{rcpt}}, $line if !$kind->{rcpt};
			$say->($kind->{rcpt} || '250 ok');
		} elsif ($line =~ /^DATA/i) {
			if (!@{$m{rcpt} || []}) { $say->('554 nobody'); next }
			$say->('354 go on');
			my $text = '';
			while (defined(my $l = <$c>)) {
				last if $l eq ".\r\n";
				$l =~ s/^\.//;
				$text .= $l;
			}
			if (!$kind->{data}) {
				$count++;
				open my $fh, '>', "$file.$count" or die;
				print $fh join("\n", $m{mail}, @{$m{rcpt}}, '', $text);
				close $fh;
			}
			$say->($kind->{data} || '250 taken');
		} elsif ($line =~ /^QUIT/i) {
			$say->('221 bye');
			return;
		} else {
			$say->($line =~ /^(?:RSET|NOOP)/i ? '250 ok' : '502 what?');
		}
	}
}

# One text for each message: the commands, an empty line, the message.
sub taken {
	my ($self) = @_;
	my @all;
	for my $path (sort glob "$self->{folder}/*") {
		open my $fh, '<', $path or next;
		local $/;
		push @all, [$path =~ m{([^/.]+)[^/]*$}, scalar <$fh>];
	}
	return @all;
}

sub stop {
	my ($self) = @_;
	kill 'TERM', @{$self->{pids}};
	waitpid $_, 0 for @{$self->{pids}};
	unlink glob "$self->{folder}/*";
	rmdir $self->{folder};
}

1;
