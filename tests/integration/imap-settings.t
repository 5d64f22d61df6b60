#!/usr/bin/perl
# The settings of IMAP sessions and the environment of the login, one after the other, over a pipe:
# what the original's imapd file says must do here what it did there.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(slurp);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IPC::Open3;

my $imapd = ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests") unless -x $imapd;
delete @ENV{qw(MAILDIR AUTHENTICATED AUTHADDR AUTHFULLNAME IMAP_LOGIN_TAG IMAP_INITIAL IMAP_TLS OPTIONS MAILDIRQUOTA)};
my $top = tempdir(CLEANUP => 1);
make_path("$top/etc", "$top/var");
$ENV{COURIER_HOME} = $top;
$SIG{PIPE} = 'IGNORE';
$SIG{ALRM} = sub { BAIL_OUT('no end in sight') };
alarm 250;

sub spew {
	my ($path, $text) = @_;
	open my $f, '>:raw', $path or die "$path: $!";
	print $f $text;
	close $f or die;
	return $path;
}
my $homes = 0;

# A home with a Maildir of some messages.
sub home {
	my ($n) = @_;
	my $home = "$top/h" . ++$homes;
	make_path(map {"$home/Maildir/$_"} qw(tmp new cur));
	spew("$home/Maildir/new/170000000$_.M1P1.host", "From: a\@example.test\nSubject: message $_\n\nbody $_\n") for 1 .. ($n || 0);
	return $home;
}
sub settings { my (%s) = @_; spew("$top/etc/imapd", join '', map {"$_=\"$s{$_}\"\n"} sort keys %s) }

package Client {

	sub new {
		my ($class, $env, @argv) = @_;
		my $self = bless {n => 0, log => "$top/stderr" . ++$homes}, $class;
		local %ENV = (%ENV, %$env);
		open my $err, '>', $self->{log} or die;
		$self->{pid} = IPC::Open3::open3($self->{in}, $self->{out}, '>&' . fileno $err, @argv);
		$self->{in}->autoflush(1);
		$self->{greeting} = $self->line // '';
		return $self;
	}
	sub line { my ($self) = @_; my $out = $self->{out}; return scalar <$out> }

	# The untagged lines and the tagged one.
	sub cmd {
		my ($self, $text, $end) = @_;
		my $tag = 't' . ++$self->{n};
		print {$self->{in}} "$tag $text\r\n";
		my $said = '';
		while (defined(my $line = $self->line)) { $said .= $line; last if $line =~ ($end || qr/^$tag /) }
		return $said =~ s/^$tag //mr;
	}
	sub end {
		my ($self) = @_;
		close $self->{in};
		1 while defined $self->line;
		waitpid $self->{pid}, 0;
		return $? >> 8;
	}
	sub log { my ($self) = @_; return Courier::Client::slurp($self->{log}) }
}

package main;

# A session of an account, as the broker starts it.
sub session {
	my ($home, %env) = @_;
	return Client->new({HOME => $home, AUTHENTICATED => 'me@example.test', AUTHADDR => 'me@example.test', AUTHFULLNAME => 'My Self',
		IMAP_LOGIN_TAG => 'x', TCPREMOTEIP => '::ffff:192.0.2.7', TCPREMOTEPORT => 4711, TCPLOCALPORT => 143, OPTIONS => '', MAILDIRQUOTA => '', %env},
		$imapd, 'Maildir');
}

subtest 'starting' => sub {
	my $version = `$imapd --version`;
	like $version, qr/^courier \S+ imapd$/, 'IMAP-0005: --version tells the build';
	my $home = home(1);
	my $c = Client->new({}, $imapd, "$home/Maildir");
	like $c->{greeting}, qr/^\* PREAUTH \[CAPABILITY IMAP4rev1/, 'IMAP-0004 IMAP-0091: from a shell: PREAUTH';
	like $c->cmd('STATUS INBOX (MESSAGES)'), qr/MESSAGES 1\b/, 'IMAP-0004: the Maildir is the argument';
	$c->end;
	is $c->log, '', 'IMAP-0007: without AUTHENTICATED there are no lines of a login';
	my $other = home(2);
	$c = Client->new({MAILDIR => "$other/Maildir"}, $imapd, "$home/Maildir");
	like $c->cmd('STATUS INBOX (MESSAGES)'), qr/MESSAGES 2\b/, 'IMAP-0006: MAILDIR goes before the argument';
	$c->end;
	rename "$other/Maildir", "$other/Elsewhere";
	$c = session($other, MAILDIR => './Elsewhere');
	like $c->cmd('STATUS INBOX (MESSAGES)'), qr/^\* .*MESSAGES 2\b/m, '... of an account, too';
	$c->end;
	settings(MAILDIRPATH => 'Post');
	rename "$other/Elsewhere", "$other/Post";
	$c = Client->new({HOME => $other, AUTHENTICATED => 'me'}, $imapd);
	like $c->cmd('STATUS INBOX (MESSAGES)'), qr/^\* .*MESSAGES 2\b/m, 'IMAP-0061: MAILDIRPATH: the Maildir of who names none';
	$c->end;
	settings();
};

subtest 'log lines' => sub {
	my $home = home(2);
	my $c = session($home);
	like $c->{greeting}, qr/^x OK \[CAPABILITY IMAP4rev1/, 'IMAP-0091: the login is answered with the capabilities';
	$c->cmd('SELECT INBOX');
	$c->cmd('FETCH 1 BODY.PEEK[HEADER]');
	$c->cmd('FETCH 1 BODY.PEEK[TEXT]');
	like $c->cmd('LOGOUT'), qr/^\* BYE .*\r\nOK LOGOUT/, 'IMAP-0094: LOGOUT says BYE and OK';
	$c->end;
	like $c->log, qr/LOGIN, user=me\@example\.test, ip=\[::ffff:192\.0\.2\.7\], port=\[4711\], protocol=IMAP$/m, 'IMAP-0090 IMAP-0012: LOGIN, with address and port';
	like $c->log, qr/LOGOUT, user=me\@example\.test, ip=\[::ffff:192\.0\.2\.7\], port=\[4711\], headers=[1-9]\d*, body=[1-9]\d*, rcvd=[1-9]\d*, sent=[1-9]\d*, time=\d+$/m, 'IMAP-0090 IMAP-0094: LOGOUT, with its counts';
	$c = session($home, IMAP_TLS => 1);
	$c->end;
	like $c->log, qr/LOGIN, .*protocol=IMAP, starttls=1$/m, 'IMAP-0090: under TLS';
	like $c->log, qr/DISCONNECTED, user=me\@example\.test, .*headers=0, body=0, .*starttls=1$/m, 'IMAP-0090: DISCONNECTED';
	settings(IMAP_AUTOLOGOUT => 1);
	for my $command ('', 'IDLE') {
		$c = session($home);
		$c->cmd($command, qr/^\+/) if $command;
		1 while defined(my $line = $c->line);
		$c->end;
		like $c->log, qr/TIMEOUT, user=me\@example\.test, ip=\[::ffff:192\.0\.2\.7\], port=\[4711\], headers=0, body=0, rcvd=\d+, sent=\d+, time=\d+$/m, 'IMAP-0090: TIMEOUT ' . lc $command;
		unlike $c->log, qr/DISCONNECTED/, '... in its place';
	}
	settings();
};

subtest 'who may enter' => sub {
	my $home = home(1);
	like session($home, OPTIONS => 'a=b,disableimap=1')->{greeting}, qr/^x NO \[UNAVAILABLE\]/, 'IMAP-0010 IMAP-0089: disableimap=1';
	like session($home, OPTIONS => 'a=b,disableimap=0')->{greeting}, qr/^x OK/, '... 0 does not';
	chmod 01700, $home;
	my $c = session($home);
	like $c->{greeting}, qr/^x NO \[UNAVAILABLE\] .*temporarily unavailable/, 'IMAP-0088: the sticky bit on the home holds the mailbox';
	is $c->end, 75, '... for now';
	like $c->log, qr/temporarily unavailable, user=me\@example\.test/, '... and the log has it';
	chmod 0700, $home;
	like session($home)->{greeting}, qr/^x OK/, '... until it is gone';
	SKIP: {
		skip 'only root gives files away', 5 if $>;
		chown 12345, 12345, "$home/Maildir";
		like session($home)->{greeting}, qr/^x NO .*mailbox belongs to another user/, "IMAP-0040: another's Maildir is refused";
		settings(IMAP_MAILBOX_SANITY_CHECK => 0);
		like session($home)->{greeting}, qr/^x OK/, 'IMAP-0040: IMAP_MAILBOX_SANITY_CHECK=0 lets it pass';
		settings();
		chmod 02770, "$home/Maildir/tmp";
		like session($home)->{greeting}, qr/^x OK/, '... and a Maildir that a group shares';
		chmod 0700, "$home/Maildir/tmp";
		chown 0, 0, "$home/Maildir";
		chown 12345, 12345, $home;
		like session($home)->{greeting}, qr/^x NO .*home directory belongs to another user/, "IMAP-0040: another's home";
		chown 0, 0, $home;
		like session($home)->{greeting}, qr/^x OK/, '... is our own again';
	}
};

# IMAP-0007 IMAP-0008 IMAP-0009 IMAP-0012: what the hook finds in its environment
subtest 'loginexec' => sub {
	my $home = home(1);
	my $script = sub { chmod 0755, spew("$home/Maildir/loginexec", "#!/bin/sh\npwd >ran\nenv >env\nexit $_[0]\n") };
	$script->(3);
	session($home)->end;
	like slurp("$home/Maildir/ran"), qr/Maildir$/, 'IMAP-0194: loginexec is run, in the Maildir';
	ok -e "$home/Maildir/loginexec", 'IMAP-0194: ... and again while it fails';
	my $env = slurp("$home/Maildir/env");
	for (['0007', 'AUTHENTICATED=me@example.test'], ['0008', 'AUTHADDR=me@example.test'], ['0009', 'AUTHFULLNAME=My Self'], ['0012', 'TCPREMOTEIP=::ffff:192.0.2.7'],
		['0012', 'TCPREMOTEPORT=4711'], ['0012', 'TCPLOCALPORT=143']) {
		my ($row, $line) = @$_;
		like $env, qr/^\Q$line\E$/m, "IMAP-$row: $line is there for it";
	}
	$script->(0);
	session($home)->end;
	ok !-e "$home/Maildir/loginexec", 'IMAP-0194: it goes when it has succeeded';
	unlink "$home/Maildir/ran";
	chmod 0644, spew("$home/Maildir/loginexec", "#!/bin/sh\npwd >ran\n");
	session($home)->end;
	ok !-e "$home/Maildir/ran", 'what is not executable is no hook';
};

subtest 'quota' => sub {
	my $home = home(1);
	my $c = session($home, MAILDIRQUOTA => '100000S,50C');
	like $c->cmd('GETQUOTAROOT INBOX'), qr/STORAGE \d+ 98 MESSAGE 1 50/, 'IMAP-0011: MAILDIRQUOTA';
	$c->end;
	like slurp("$home/Maildir/maildirsize"), qr/^100000S,50C$/m, 'IMAP-0011: is written down';
	session($home, MAILDIRQUOTA => '200000S')->end;
	like slurp("$home/Maildir/maildirsize"), qr/^200000S$/m, 'IMAP-0011: ... and changed when it differs';
};

subtest 'capabilities and commands' => sub {
	my $home = home(3);
	settings(IMAP_CAPABILITY => 'IMAP4rev1 IDLE XONE AUTH=PLAIN', IMAP_CAPABILITY_TLS => '$IMAP_CAPABILITY XTWO');
	my $c = session($home);
	like $c->cmd('CAPABILITY'), qr/^\* CAPABILITY IMAP4rev1 IDLE XONE ACL ACL2=UNION ID\r/m, 'IMAP-0029: IMAP_CAPABILITY';
	$c->end;
	$c = session($home, IMAP_TLS => 1);
	like $c->cmd('CAPABILITY'), qr/^\* CAPABILITY IMAP4rev1 IDLE XONE XTWO ACL ACL2=UNION ID\r/m, 'IMAP-0030: IMAP_CAPABILITY_TLS, with the other in it';
	$c->end;
	settings(IMAP_KEYWORDS => 0);
	$c = session($home);
	unlike $c->cmd('SELECT INBOX'), qr/\\\*/, 'IMAP-0033: IMAP_KEYWORDS=0: no flags of one\'s own';
	$c->cmd('STORE 1 +FLAGS (Mine)');
	unlike $c->cmd('FETCH 1 FLAGS'), qr/Mine/, '... are kept';
	$c->end;
	for (1, 2) {
		settings(IMAP_KEYWORDS => $_);
		$c = session($home);
		like $c->cmd('SELECT INBOX'), qr/PERMANENTFLAGS \(.*\\\*/, "IMAP-0033: IMAP_KEYWORDS=$_";
		$c->cmd("STORE $_ +FLAGS (Mine)");
		like $c->cmd("FETCH $_ FLAGS"), qr/Mine/, '... they are';
		$c->end;
	}
	settings(IMAP_DISABLETHREADSORT => 1);
	$c = session($home);
	like $c->{greeting}, qr/ SORT /, 'IMAP-0041: SORT stays in the list';
	$c->cmd('SELECT INBOX');
	like $c->cmd('SORT (SUBJECT) UTF-8 ALL'), qr/^NO/m, 'IMAP-0041: IMAP_DISABLETHREADSORT: SORT is refused';
	like $c->cmd('THREAD REFERENCES UTF-8 ALL'), qr/^NO/m, '... THREAD, too';
	$c->end;
	settings();
	$c = session($home);
	$c->cmd('SELECT INBOX');
	like $c->cmd('SORT (SUBJECT) UTF-8 ALL'), qr/^\* SORT 1 2 3\r/m, '... not otherwise';
	spew("$home/Maildir/new/1700000009.M1P1.host", "Subject: new\n\n");
	like $c->cmd('NOOP'), qr/^\* 4 EXISTS\r.*^OK NOOP/ms, 'IMAP-0093: NOOP tells of what others did';
	spew("$home/Maildir/new/1700000010.M1P1.host", "Subject: new\n\n");
	like $c->cmd('CHECK'), qr/^\* 5 EXISTS\r.*^OK/ms, 'IMAP-0095: CHECK looks again';
	$c->end;
};

subtest 'lists' => sub {
	my $home = home(1);
	make_path(map {"$home/Maildir/$_"} qw(.Full/tmp .Full/new .Full/cur .Empty.Sub/tmp .Empty.Sub/new .Empty.Sub/cur .Empty/tmp .Empty/new .Empty/cur));
	spew("$home/Maildir/.Full/new/1.host", "Subject: x\n\n");
	my $c = session($home);
	my $list = $c->cmd('LIST "" *');
	like $list, qr/\(\\Marked [^)]*\) "\." "INBOX"/, 'IMAP-0042: new mail of INBOX is always looked for';
	unlike $list, qr/ked [^)]*\) "\." "INBOX\.Full"/, 'IMAP-0042: ... not of others';
	like $list, qr/\(\\HasNoChildren\) "\." "INBOX\.Full"/, 'IMAP-0043: \HasNoChildren';
	$c->end;
	settings(IMAP_CHECK_ALL_FOLDERS => 1, IMAP_OBSOLETE_CLIENT => 1);
	$c = session($home);
	$list = $c->cmd('LIST "" *');
	like $list, qr/\(\\Marked [^)]*\) "\." "INBOX\.Full"/, 'IMAP-0042: IMAP_CHECK_ALL_FOLDERS: of every folder';
	like $list, qr/(?i)\(\\UnMarked [^)]*\) "\." "INBOX\.Empty\.Sub"/, '... or that there is none';
	like $list, qr/\(\\Marked \\NoInferiors\) "\." "INBOX\.Full"/, 'IMAP-0043: IMAP_OBSOLETE_CLIENT: \NoInferiors';
	like $list, qr/(?i)\(\\UnMarked \\HasChildren\) "\." "INBOX\.Empty"/, '... where there are no folders below';
	like $c->cmd('CREATE "INBOX.J&APw-rgen"'), qr/^OK/, 'a name in modified UTF-7';
	ok -d "$home/Maildir/.J\xc3\xbcrgen", 'IMAP-0193: is UTF-8 on the disk';
	for my $wrong ('INBOX.J&APw', 'INBOX.A&AGE-', "INBOX.J\xc3\xbcrg", 'INBOX.a&&-') {
		like $c->cmd("CREATE \"$wrong\""), qr/^NO/, "IMAP-0193: '$wrong' is none, and refused";
	}
	$c->end;
	settings();
};

subtest 'files' => sub {
	my $home = home(1);
	my $mode = sub { my ($path) = glob "$home/Maildir/$_[0]"; return sprintf '%04o', (stat $path)[2] & 07777 };
	settings(IMAP_UMASK => '077', IMAPDEBUGFILE => 'imaplog.dat', IMAP_ULIMITD => 300000);
	my $c = session($home);
	is sprintf('%s', slurp("/proc/$c->{pid}/status") =~ /^Umask:\s+(\S+)/m), '0077', 'IMAP-0044: IMAP_UMASK';
	SKIP: {
		skip 'no limit under sanitizers', 1 if slurp("/proc/$c->{pid}/maps") =~ /lib[au]san/ || `nm -D $imapd 2>/dev/null` =~ /__asan_/;
		like slurp("/proc/$c->{pid}/limits"), qr/^Max data size\s+307200000\s/m, 'IMAP-0045: IMAP_ULIMITD';
	}
	$c->end;
	ok !-e "$home/Maildir/imaplog.dat", 'IMAP-0054: IMAPDEBUGFILE is not made';
	spew("$home/Maildir/imaplog.dat", "old\n");
	$c = session($home);
	$c->cmd('STATUS INBOX (MESSAGES)');
	$c->end;
	is slurp("$home/Maildir/imaplog.dat"), "old\nt1 STATUS INBOX (MESSAGES)\r\n", 'IMAP-0054: who has it gets all commands appended';
	settings(IMAPDEBUGFILE => '../outside');
	spew("$home/outside", '');
	$c = session($home);
	$c->cmd('NOOP');
	$c->end;
	is slurp("$home/outside"), '', '... in the Maildir alone';
	settings();
	$c = session($home);
	is sprintf('%s', slurp("/proc/$c->{pid}/status") =~ /^Umask:\s+(\S+)/m), '0022', 'IMAP-0044: 022 unless set';
	$c->end;

	# the lock that other programs know
	my $lock = spew("$home/Maildir/tmp/courier.lock", '');
	settings(IMAP_USELOCKS => 0);
	spew("$home/Maildir/new/1700000099.M1P1.host", "Subject: new\n\n");
	$c = session($home);
	like $c->cmd('SELECT INBOX'), qr/^\* 2 EXISTS/m, 'IMAP-0046: IMAP_USELOCKS=0: a lock file stops nobody';
	$c->end;
	settings(IMAP_USELOCKS => 1);
	spew("$home/Maildir/new/1700000100.M1P1.host", "Subject: new\n\n");
	$c = session($home);
	my $start = time;
	my $pid = fork // die;
	if (!$pid) { sleep 2; unlink $lock; require POSIX; POSIX::_exit(0) }
	like $c->cmd('SELECT INBOX'), qr/^\* 3 EXISTS/m, 'IMAP-0046: 1: its holder is waited for';
	ok !-e $lock, '... until it is gone';
	waitpid $pid, 0;
	$c->end;
	settings();
};

subtest 'trash' => sub {
	my $home = home(3);
	settings(IMAP_TRASHFOLDERNAME => 'Bin', IMAP_EMPTYTRASH => 'Bin:3,Old:1', IMAP_MOVE_EXPUNGE_TO_TRASH => 1, IMAP_LOG_DELETIONS => 1);
	my $c = session($home);
	like $c->{greeting}, qr/ XMAGICTRASH\b/, 'IMAP-0051: XMAGICTRASH';
	$c->cmd("CREATE INBOX.$_") for 'Old', 'Other';
	$c->cmd('SELECT INBOX');
	$c->cmd('STORE 1 +FLAGS (\Deleted)');
	$c->cmd('EXPUNGE');
	my @bin = glob "$home/Maildir/.Bin/cur/*";
	is scalar(@bin), 1, 'IMAP-0049 IMAP-0051: what is expunged moves to the folder of that name';
	like $c->log, qr/DELETED, user=me\@example\.test, mailbox=INBOX, file=1700000001\.M1P1\.host/, 'IMAP-0052: IMAP_LOG_DELETIONS';
	$c->cmd('COPY 1 INBOX.Old');
	$c->cmd('COPY 1 INBOX.Other');
	$c->cmd('SELECT INBOX.Bin');
	$c->cmd('STORE 1 +FLAGS (\Deleted)');
	$c->cmd('EXPUNGE');
	is scalar(@{[glob "$home/Maildir/.Bin/cur/*"]}), 0, 'IMAP-0051: in the trash it is gone';
	$c->cmd('LOGOUT');
	$c->end;
	is scalar(@{[glob "$home/Maildir/.Old/cur/*"]}), 1, 'IMAP-0050: what is young stays';
	settings(IMAP_EMPTYTRASH => 'Old:0');
	sleep 1 while time <= (stat((glob "$home/Maildir/.Old/cur/*")[0]))[10];
	$c = session($home);
	$c->cmd('NOOP');
	is scalar(@{[glob "$home/Maildir/.Old/cur/*"]}), 0, 'IMAP-0050: IMAP_EMPTYTRASH: what is older goes at the login';
	is scalar(@{[glob "$home/Maildir/.Other/cur/*"]}), 1, '... of the folders it names';
	$c->end;
	settings(IMAP_EMPTYTRASH => '');
	$c = session($home);
	$c->cmd('SELECT INBOX');
	$c->cmd('STORE 1 +FLAGS (\Deleted)');
	$c->cmd('EXPUNGE');
	unlike $c->log, qr/DELETED/, 'IMAP-0052: off unless set';
	unlike $c->{greeting}, qr/XMAGICTRASH/, 'IMAP-0051: off unless set';
	$c->end;
	settings();
};

subtest 'ID' => sub {
	my $home = home();
	my ($os, $release) = split ' ', `uname -sr`;
	for ([0, qr/\("name" "Courier-IMAP"\)/], [1, qr/\("name" "Courier-IMAP" "version" "[\d.]\S*"\)/], [2, qr/\("name" "Courier-IMAP" "os" "\Q$os\E"\)/],
		[7, qr/\("name" "Courier-IMAP" "version" "\S+" "os" "\Q$os\E" "os-version" "\Q$release\E"\)/]) {
		my ($fields, $said) = @$_;
		settings(IMAP_ID_FIELDS => $fields);
		my $c = session($home);
		like $c->{greeting}, qr/ ID\b/, "IMAP-0059: IMAP_ID_FIELDS=$fields: ID is announced";
		like $c->cmd('ID ("name" "a client" "version" NIL)'), qr/^\* ID $said\r.*^OK/ms, '... and answered';
		$c->end;
		like $c->log, qr/ID, user=me\@example\.test, name="a client"/, '... and what the client says logged';
	}
	settings(IMAP_ID_FIELDS => '');
	my $c = session($home);
	unlike $c->{greeting}, qr/ ID\b/, 'IMAP-0059: empty: it is not';
	like $c->cmd('ID NIL'), qr/^BAD/, '... and not known';
	$c->end;
	settings();
};

subtest 'IDLE without the kernel' => sub {
	my $without = "echo 0 >/proc/sys/user/max_inotify_instances || exit 9; exec $imapd Maildir";
	plan skip_all => 'no user namespaces' if system("unshare -U -r sh -c 'echo 0 >/proc/sys/user/max_inotify_instances' 2>/dev/null") != 0;
	settings(IMAP_IDLE_TIMEOUT => 1);
	my $home = home(1);
	my $c = Client->new({HOME => $home, AUTHENTICATED => 'me@example.test', IMAP_LOGIN_TAG => 'x'}, 'unshare', '-U', '-r', 'sh', '-c', $without);
	like $c->{greeting}, qr/^x OK/, 'a session without inotify';
	$c->cmd('SELECT INBOX');
	$c->cmd('IDLE', qr/^\+/);
	spew("$home/Maildir/new/1700000200.M1P1.host", "Subject: new\n\n");
	like $c->line, qr/^\* 2 EXISTS/, 'IMAP-0039 IMAP-0197: IDLE looks again after IMAP_IDLE_TIMEOUT';
	$c->end;
	like $c->log, qr/IDLE looks every 1 seconds, user=me\@example\.test: .*max_user_instances/, 'IMAP-0197: the log tells the administrator';
	settings();
};

done_testing;
