package Differ::Play;

# Plays all cases on one side; what comes of each: {replies, status, output, arrived => [...]}.

use strict;
use warnings;
use Differ::Edge;
use Differ::Setup;
use Differ::Sink;
use File::Temp qw(tempdir);
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

sub fill { my ($text, $c) = @_; $text =~ s/%TAG%/$c->{tag}/g; return $text }

sub reply {
	my ($s) = @_;
	my $r = '';
	local $SIG{ALRM} = sub { die "no reply\n" };
	alarm 12;
	eval {
		while (defined(my $line = <$s>)) {
			$r .= $line;
			last if $line =~ /^\d{3}(?: |\r)/;
		}
		1;
	} or $r = "no reply\r\n";
	alarm 0;
	$r =~ s/\r//g;
	return $r eq '' ? "closed\n" : $r;
}

sub hello {
	my ($side, $c) = @_;
	my $s;
	for (1 .. 50) {
		$s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $side->port, LocalAddr => $c->{client} || '127.0.0.1') and last;
		sleep 0.2;
	}
	die "$side->{name} does not answer\n" if !$s;
	$s->autoflush(1);
	return ($s, reply($s));
}

sub say_line { my ($s, $line) = @_; print $s "$line\r\n"; return reply($s) }

sub dialog {
	my ($side, $c) = @_;
	my ($s, $r) = hello($side, $c);
	my @replies = ($r);
	for my $line (@{$c->{lines}}) {
		last if $replies[-1] =~ /^(?:no reply|closed)/;
		push @replies, say_line($s, fill($line, $c));
	}
	return {replies => \@replies};
}

sub message {
	my ($side, $c) = @_;
	my ($s) = hello($side, $c);
	my @replies = say_line($s, 'EHLO client.test') && ();
	my $params = $c->{params} ? " $c->{params}" : '';
	my $body = $c->{text} =~ /[\x80-\xff]/ ? ' BODY=8BITMIME' : '';
	push @replies, say_line($s, 'MAIL FROM:<' . fill($c->{sender}, $c) . ">$body$params");
	push @replies, say_line($s, 'RCPT TO:<' . fill($_, $c) . '>' . ($c->{rcpt_params} ? " $c->{rcpt_params}" : '')) for @{$c->{rcpt}};
	push @replies, say_line($s, 'DATA');
	if ($replies[-1] =~ /^354/) {
		my $text = fill($c->{text}, $c);
		$text =~ s/\r?\n/\r\n/g;
		$text =~ s/^\./../mg;
		$text .= "\r\n" if $text !~ /\r\n\z/;
		print $s $text;
		push @replies, say_line($s, '.');
	}
	print $s "QUIT\r\n";
	return {replies => \@replies};
}

sub submission {
	my ($side, $c) = @_;
	my ($status, $out) = $side->command($c->{env}, fill($c->{text}, $c), 'sendmail', map {fill($_, $c)} @{$c->{args}});
	return {status => $status, output => $out};
}

sub command {
	my ($side, $c) = @_;
	my ($status, $out) = $side->command({}, '', $c->{command}, @{$c->{args}});
	return {status => $status, output => $out};
}

sub talk_to_submit {
	my ($side, $c) = @_;
	my ($status, $out) = $side->command({}, fill($c->{text}, $c), 'submit', @{$c->{args}});
	return {status => $status, replies => [$out =~ /^\d{3} .*/mg]};
}

my %kinds = (dialog => \&dialog, message => \&message, sendmail => \&submission, command => \&command, submit => \&talk_to_submit,
	keywords => \&Differ::Edge::keywords, encrypted => \&Differ::Edge::encrypted, server => \&Differ::Edge::server, access => \&Differ::Edge::access);

sub settle {
	my ($side) = @_;
	my $until = time + 120;
	my $quiet = 0;
	my $last = -1;
	while ($quiet < 12 && time < $until) {
		sleep 0.5;
		my $n = $side->queued;
		$quiet = $n == $last ? $quiet + 1 : 0;
		$quiet = 12 if $n == 0 && $quiet > 3;
		$last = $n;
	}
}

sub collect {
	my ($side, $result, $sinks, @cases) = @_;
	my @arrived;
	for my $user (sort keys %Differ::Setup::accounts) {
		push @arrived, ["mailbox $user", $_] for $side->mailbox($user);
	}
	push @arrived, ["next hop $_->[0]", $_->[1]] for $sinks->taken;
	for my $path (@Differ::Setup::leavings) {
		open my $fh, '<', "$side->{root}$side->{homes}/$path" or next;
		local $/;
		$result->{"file $path"} = {output => scalar <$fh>};
	}
	my %by_tag = map {($_->{tag} => $_)} @cases;
	for my $a (@arrived) {
		my ($tag) = $a->[1] =~ /(tag\d{3}x)/;
		my $c = defined $tag && $by_tag{$tag};
		push @{$result->{$c ? $c->{name} : 'without a name'}{arrived}}, "$a->[0]\n$a->[1]";
	}
}

sub play {
	my ($side, @cases) = @_;
	my %result;
	my $sinks = Differ::Sink->start(tempdir(CLEANUP => 1) . '/sinks', \%Differ::Setup::sinks);
	$side->configure(\%Differ::Setup::files, \%Differ::Setup::accounts);
	$side->start;
	# commands last, when nothing is on its way
	for my $c ((grep {$_->{kind} !~ /^(?:command|access)$/} @cases), undef, grep {$_->{kind} =~ /^(?:command|access)$/} @cases) {
		if (!$c) { settle($side); next }
		print STDERR "$c->{name}\n" if $ENV{DIFFER_VERBOSE};
		$result{$c->{name}} = $kinds{$c->{kind}}->($side, $c);
	}
	collect($side, \%result, $sinks, @cases);
	$side->stop;
	$sinks->stop;
	return \%result;
}

1;
