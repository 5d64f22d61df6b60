package Courier::Storm;

# A storm of messages with known ids against one instance, and the audit afterwards.
#
#	my $storm = Courier::Storm->new($t, clients => 4, each => 100);
#	$storm->prepare;                 # settings, the sink and its route; before the start
#	$storm->send;                    # children that send; $storm->sending, $storm->wait_sent
#	$storm->kill_role('gate');  $storm->kill_all;
#	$storm->drain(60);
#	my $a = $storm->audit;           # accepted, lost => [...], extra => {...}, undecided, ...
#
# Every message has a subject that names it and where copies must turn up: "a" in alice's mailbox, "b"
# in bob's, "s" at the sink by relay, "f" at the sink by a forward of alice-fwd, "r" in alice's mailbox
# as the report about a recipient the sink does not want.  With `filters`, "m" and "x" pass a filter of
# bob's into a Maildir with a quota and into an mbox.  The sink notes a message, on disk, before it
# says 250.

use strict;
use warnings;
use Courier::Test ();
use File::Temp ();
use IO::Socket::INET;
use MIME::Base64 qw(encode_base64);
use POSIX ();
use Socket qw(SOL_SOCKET SO_REUSEADDR);
use Time::HiRes qw(sleep time);

# Recipients by what they lead to; message i has the kinds at i modulo their number.
my @KINDS = ('a', 'ab', 'b', 's', 'as', 'f', 'a', 'bf', 'r', 'b');
my %ADDRESS = (a => 'alice@DOMAIN', b => 'bob@DOMAIN', s => 'relayed@far.test', f => 'alice-fwd@DOMAIN', r => 'no-such@far.test',
	m => 'bob-filter@DOMAIN', x => 'bob-mbox@DOMAIN');

sub new {
	my ($class, $t, %o) = @_;
	my $self = bless {t => $t, clients => 4, each => 100, kinds => \@KINDS, big_every => 25, kills => {},
		pid => $$, dir => File::Temp::tempdir('courier-storm-XXXXXX', TMPDIR => 1, CLEANUP => 1), %o}, $class;
	return $self;
}

# ---- the instance --------------------------------------------------------------------------------

sub prepare {
	my ($self) = @_;
	my $t = $self->{t};
	$self->start_sink;
	$t->file('etc/retryalpha', "1s\n");
	$t->file('etc/retrybeta', "1000\n");
	$t->file('etc/esmtproutes', ": [127.0.0.1],$self->{sink_port}\n");
	$t->file('etc/smtpaccess/default', "127.0.0.1\tallow,RELAYCLIENT\n");
	$t->configure(esmtpd => {TARPIT => 0, ESMTPAUTH => 'PLAIN', MAXPERIP => 200, MAXDAEMONS => 200},
		submit => {BOFHSUPPRESSBACKSCATTER => 'none'});
	my ($home) = $t->maildir('alice') =~ m,(.*)/Maildir$,;
	open my $f, '>', "$home/.courier-fwd" or die "$home: $!";
	print $f "&forwarded\@far.test\n";
	close $f;
	chown +(stat $home)[4, 5], "$home/.courier-fwd" if $> == 0;
	chmod 0600, "$home/.courier-fwd";
	$self->prepare_filters if $self->{filters};
	my $out = $t->command('makesmtpaccess');
	die "makesmtpaccess: $out" if $?;
	return $self;
}

sub prepare_filters {
	my ($self) = @_;
	my ($home) = $self->{t}->maildir('bob') =~ m,(.*)/Maildir$,;
	$self->{filtered} = $home;
	mkdir $_ or die "$_: $!" for map {"$home/Filtered$_"} '', '/tmp', '/new', '/cur';
	my %files = ('.courier-filter' => "| maildrop filter-maildir\n", '.courier-mbox' => "| maildrop filter-mbox\n",
		'filter-maildir' => "MAILDIRQUOTA=\"900000000S,1000000C\"\nif (/^Subject: storm/)\n{\n to \"./Filtered\"\n}\n",
		'filter-mbox' => "to \"box\"\n");
	for (sort keys %files) {
		open my $f, '>', "$home/$_" or die "$home/$_: $!";
		print $f $files{$_};
		close $f;
		chmod 0600, "$home/$_";
	}
	return;
}

# What bob's filters have made: [kind, text].
sub filtered {
	my ($self) = @_;
	my $home = $self->{filtered} or return;
	return ((map { ['m', slurp($_)] } glob "$home/Filtered/new/*"),
		map { ['x', s/\n\n\z/\n/r] } split /^(?=From \S+ \w{3} \w{3} )/m, slurp("$home/box"));
}

sub slurp { my ($path) = @_; open my $f, '<:raw', $path or return ''; local $/; return scalar(<$f>) // '' }

# Every living process of the instance: role or program => [pids].
sub processes {
	my ($self) = @_;
	my %p;
	for (split /\n/, $self->{t}->command('courier', '-C', $self->{t}->path(''), 'status')) {
		push @{$p{$1}}, $2 if /^(\w+) +\d+ +([1-9]\d*) /;
	}
	my $home = 'COURIER_HOME=' . $self->{t}->path('');
	$home =~ s,/+$,,;
	for my $pid (map { m,(\d+), } glob '/proc/[0-9]*') {
		my ($name) = slurp("/proc/$pid/cmdline") =~ m,^(courierlocal-worker|imapd|pop3d), or next;
		push @{$p{$name}}, $pid if slurp("/proc/$pid/environ") =~ m,(?:^|\0)\Q$home\E/*\0,;
	}
	return \%p;
}

# Kills one process of the role; how many died.
sub kill_role {
	my ($self, $role) = @_;
	my @pids = @{$self->processes->{$role} || []} or return 0;
	my $n = kill 'KILL', $pids[rand @pids];
	$self->{kills}{$role} += $n;
	return $n;
}

# As if the power had failed (for all that is not in the kernel): nobody gets to say goodbye.
sub kill_all {
	my ($self) = @_;
	my $p = $self->processes;
	my @first = @{delete $p->{supervisor} || []};
	kill 'KILL', @first, map {@$_} values %$p;
	$self->{kills}{instance}++;
	return @first;
}

# The supervisor alone: its children see the end of their channel.
sub kill_supervisor {
	my ($self) = @_;
	$self->{kills}{supervisor}++;
	return kill 'KILL', @{$self->processes->{supervisor} || []};
}

# ---- the sink ------------------------------------------------------------------------------------

sub start_sink {
	my ($self) = @_;
	my $l = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 128, ReuseAddr => 1) or die "sink: $@";
	$self->{sink_port} = $l->sockport;
	defined(my $pid = fork) or die "fork: $!";
	if (!$pid) {
		$SIG{CHLD} = 'IGNORE';
		$SIG{TERM} = 'DEFAULT';
		while (1) {
			my $c = $l->accept or next;
			defined(my $child = fork) or next;
			if (!$child) {
				close $l;
				eval { $self->sink_session($c) };
				POSIX::_exit(0);
			}
			close $c;
		}
	}
	$self->{sink} = $pid;
}

sub sink_session {
	my ($self, $c) = @_;
	$SIG{PIPE} = 'DEFAULT';
	alarm 300;
	my @rcpt;
	my $say = sub { syswrite $c, "$_[0]\r\n" };
	$say->('220 sink.test ESMTP');
	while (defined(my $line = <$c>)) {
		$line =~ s/\r\n\z//;
		if ($line =~ /^EHLO/i) { $say->('250 sink.test') }
		elsif ($line =~ /^MAIL/i) { @rcpt = (); $say->('250 2.1.0 Ok') }
		elsif ($line =~ /^RCPT TO:<no-such/i) { $say->('550 5.1.1 No such user') }
		elsif ($line =~ /^RCPT TO:<([^@>]*)/i) { push @rcpt, $1; $say->('250 2.1.5 Ok') }
		elsif ($line =~ /^DATA/i && @rcpt) {
			$say->('354 go on');
			my ($subject, $last) = ('?', '');
			while (defined(my $text = <$c>)) {
				last if $text eq ".\r\n";
				$subject = $1 if $text =~ /^Subject: (\S+)/ && $subject eq '?';
				$last = $text;
				undef $text;
			}
			return if $last !~ /^end of the text/;
			open my $f, '>>', "$self->{dir}/sink" or die;
			syswrite $f, join '', map {"$subject $_\n"} @rcpt;
			close $f;
			$say->('250 2.0.0 Ok');
		}
		elsif ($line =~ /^QUIT/i) { $say->('221 2.0.0 Bye'); return }
		else { $say->('250 2.0.0 Ok') }
	}
}

# ---- clients -------------------------------------------------------------------------------------

sub put { syswrite $_[0], $_[1] }

sub text {
	my ($self, $id, $i) = @_;
	my $size = $i % $self->{big_every} == 0 ? 150_000 : $i % 7 == 0 ? 9_000 : 700;
	return "From: <alice\@$self->{t}{domain}>\r\nSubject: $id\r\n\r\n" . ('x' x 70 . "\r\n") x ($size / 72) . "end of the text\r\n";
}

# The text as BDAT, in chunks; each but the last is answered.
sub chunks {
	my ($self, $s, $text) = @_;
	while ((my $chunk = substr $text, 0, 40_000, '') ne '') {
		put($s, 'BDAT ' . length($chunk) . ($text eq '' ? ' LAST' : '') . "\r\n$chunk");
		my $r = $self->{t}->smtp_reply($s);
		return ($r, $text eq '') if $text eq '' || $r !~ /^250/;
	}
}

# One message on an open connection: what the server said of it at last, '' for a closed connection.
sub one {
	my ($self, $s, $id, $kinds, $i) = @_;
	my $t = $self->{t};
	my $r = '';
	my $chunks = $i % 3 == 2;
	for my $line ("MAIL FROM:<alice\@$t->{domain}>", (map {"RCPT TO:<$ADDRESS{$_}>"} split //, $kinds), $chunks ? () : 'DATA') {
		(my $cmd = $line) =~ s/DOMAIN/$t->{domain}/;
		put($s, "$cmd\r\n");
		$r = $t->smtp_reply($s);
		return ($r, 0) if $r !~ /^[23]/;
	}
	return $self->chunks($s, $self->text($id, $i)) if $chunks;
	put($s, $self->text($id, $i) . ".\r\n");
	return ($t->smtp_reply($s), 1);
}

sub greet {
	my ($self) = @_;
	my $t = $self->{t};
	my $s = eval { $t->connect('smtp') } or return;
	return if $t->smtp_reply($s) !~ /^220/ || (put($s, "EHLO client.test\r\n"), $t->smtp_reply($s))[1] !~ /^250/;
	return $s if !$self->{login};
	put($s, 'AUTH PLAIN ' . encode_base64("\0alice\@$t->{domain}\0" . $Courier::Test::PASSWORD, '') . "\r\n");
	return $t->smtp_reply($s) =~ /^235/ ? $s : undef;
}

# Notes of a client: "id kinds REPLY": 250, a code, or "-" for no answer to the message's end.
sub client {
	my ($self, $k) = @_;
	local $SIG{PIPE} = 'IGNORE';
	open my $notes, '>', "$self->{dir}/client.$k" or die;
	local $self->{login} = $k % 2 == 1 && $k < 1000; # every other one of a storm logs in
	my $s;
	for my $i (1 .. $self->{each}) {
		my $id = "storm-$k-$i";
		my $kinds = $self->{kinds}[$i % @{$self->{kinds}}];
		for my $try (1 .. $self->{tries} || 400) {
			$s ||= $self->greet;
			if (!$s) {
				sleep 0.1;
				next;
			}
			my ($r, $whole) = $self->one($s, "$id.$try", $kinds, $i);
			my $code = $r =~ /^(\d{3}) .*\n\z/m ? $1 : '-';
			syswrite $notes, "$id.$try $kinds $code\n" if $whole || $code =~ /^5/;
			last if $code eq '250' || $code =~ /^5/;
			my $alive = $code =~ /^4/ && $code ne '421' && (put($s, "RSET\r\n"), $self->{t}->smtp_reply($s))[1] =~ /^250/;
			undef $s if !$alive;
			sleep 0.05;
		}
		sleep $self->{pause} if $self->{pause};
	}
	put($s, "QUIT\r\n") if $s;
	return 0;
}

# Some messages from this process; each is tried so often at most.  How many were accepted.
sub burst {
	my ($self, $n, $tries) = @_;
	my $k = ++$self->{bursts} + 1000;
	local @$self{qw(each tries)} = ($n, $tries);
	$self->client($k);
	return scalar grep {/ 250$/} split /\n/, slurp("$self->{dir}/client.$k");
}

# Before another round: what was found in this one goes.
sub forget {
	my ($self) = @_;
	my $home = $self->{filtered};
	unlink "$home/box", glob "$home/Filtered/new/*" if $home;
	unlink glob("$self->{dir}/client.*"), "$self->{dir}/sink", map {$_->[0]} map {$self->{t}->mailbox($_)} 'alice', 'bob';
}

sub send {
	my ($self) = @_;
	for my $k (1 .. $self->{clients}) {
		defined(my $pid = fork) or die "fork: $!";
		if (!$pid) {
			my $status = eval { $self->client($k) };
			print STDERR $@ if $@;
			POSIX::_exit($@ ? 1 : 0);
		}
		$self->{sending}{$pid} = 1;
	}
}

# The number of clients that still send.
sub sending {
	my ($self) = @_;
	while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) {
		$self->{client_failed}++ if delete $self->{sending}{$pid} && $?;
	}
	return scalar keys %{$self->{sending}};
}

# Ends the clients wherever they are.
sub stop_sending {
	my ($self) = @_;
	for my $pid (keys %{$self->{sending}}) {
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
	$self->{sending} = {};
}

sub wait_sent {
	my ($self, $seconds) = @_;
	return $self->{t}->wait_for($seconds, sub { !$self->sending });
}

# Until nothing is queued; what waits is tried at once, again and again.
sub drain {
	my ($self, $seconds) = @_;
	my $t = $self->{t};
	my $until = time + $seconds;
	while (1) {
		return 1 if $t->wait_empty_queue($self->{patience} || 2);
		return if time > $until;
		$t->command('courier', '-C', $t->path(''), 'flush');
	}
}

# ---- the audit -----------------------------------------------------------------------------------

# "id kind" => number of copies found.
sub found {
	my ($self) = @_;
	my (%n, @torn);
	for my $user ('alice', 'bob') {
		for my $m ($self->{t}->mailbox($user)) {
			my ($subject) = $m->[1] =~ /^Subject: (storm-\S+)/m or next;
			my $report = $m->[1] =~ m,^Content-Type: multipart/report,mi;
			$n{"$subject " . ($report ? 'r' : substr $user, 0, 1)}++;
			push @torn, $m->[0] if !$report && $m->[1] !~ /\nend of the text\n\z/;
		}
	}
	for my $m ($self->filtered) {
		my ($subject) = $m->[1] =~ /^Subject: (storm-\S+)/m;
		$n{($subject // 'without subject') . " $m->[0]"}++;
		push @torn, "filter $m->[0]" if $m->[1] !~ /\nend of the text\n\z/;
	}
	for (split /\n/, slurp("$self->{dir}/sink")) {
		my ($id, $rcpt) = split / /;
		$n{"$id " . ($rcpt =~ /^forwarded/ ? 'f' : 's')}++;
	}
	return (\%n, \@torn);
}

sub audit {
	my ($self) = @_;
	my ($found, $torn) = $self->found;
	my %a = (accepted => 0, refused => 0, undecided => 0, lost => [], torn => $torn, permanent => [],
		doubled => 0, refused_but_there => [], unknown => []);
	my %known;
	for (map { split /\n/ } map { slurp($_) } glob "$self->{dir}/client.*") {
		my ($id, $kinds, $code) = split / /;
		$known{$id} = 1;
		$a{$code eq '250' ? 'accepted' : $code eq '-' ? 'undecided' : 'refused'}++;
		push @{$a{permanent}}, "$id $code" if $code =~ /^5/;
		for my $kind (split //, $kinds) {
			my $n = $found->{"$id $kind"} || 0;
			push @{$a{lost}}, "$id $kind" if $code eq '250' && !$n;
			$a{doubled} += $n - 1 if $n > 1;
			push @{$a{refused_but_there}}, "$id $kind" if $code =~ /^[45]/ && $n;
		}
	}
	push @{$a{unknown}}, grep { !$known{(split / /)[0]} } sort keys %$found;
	return \%a;
}

sub total_kills { my ($self) = @_; my $n = 0; $n += $_ for values %{$self->{kills}}; return $n }

sub DESTROY {
	my ($self) = @_;
	return if $self->{pid} != $$;
	local ($?, $@, $!);
	for my $pid (grep {$_} $self->{sink}, keys %{$self->{sending} || {}}) {
		kill 'KILL', $pid;
		waitpid $pid, 0;
	}
}

1;
