package Courier::Accounts;

# What the tests of accounts in directories and databases share: homes, logins over each protocol,
# the text protocol of authdaemond, and what is asked of each database alike.
use strict;
use warnings;
use IO::Socket::SSL;
use IO::Socket::UNIX;
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes qw(time);

# Who owns the mailboxes.
sub ids {
	my ($t) = @_;
	my @st = stat $t->path('mail/' . $t->domain . '/alice');
	return @st[4, 5];
}

# A home with a Maildir; its path.
sub home {
	my ($t, $name) = @_;
	my ($uid, $gid) = ids($t);
	my $home = $t->path("mail/$name");
	for my $d ($home, "$home/Maildir", map {"$home/Maildir/$_"} qw(tmp new cur)) {
		mkdir $d, 0700 or die "$d: $!";
		chown $uid, $gid, $d if $> == 0;
	}
	return $home;
}

# Under TLS from the first byte.
sub secure {
	my ($t, $service) = @_;
	my $s = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port($service), Timeout => 20, SSL_verify_mode => 0)
	    or die "cannot connect to $service: $@";
	$s->autoflush(1);
	return $s;
}

sub line_of {
	my ($s, $command, $end) = @_;
	print $s "$command\r\n" if defined $command;
	local $SIG{ALRM} = sub { die "no answer in time\n" };
	alarm 60;
	my $line;
	eval {
		while (defined($line = <$s>)) { last if $line =~ $end }
	};
	alarm 0;
	$line = '' if !defined $line;
	$line =~ s/\r?\n//;
	return $line;
}

sub quoted { my ($s) = @_; $s =~ s/(["\\])/\\$1/g; return "\"$s\"" }

# The line that answers; "a OK ...".
sub imap {
	my ($t, $user, $password) = @_;
	my $s = secure($t, 'imaps');
	line_of($s, undef, qr/^\* /);
	return line_of($s, 'a LOGIN ' . quoted($user) . ' ' . quoted($password), qr/^a /);
}

sub pop3 {
	my ($t, $user, $password) = @_;
	my $s = secure($t, 'pop3s');
	line_of($s, undef, qr/^\+/);
	line_of($s, "USER $user", qr/^[-+]/);
	return line_of($s, "PASS $password", qr/^[-+]/);
}

sub esmtp {
	my ($t, $user, $password) = @_;
	my $s = secure($t, 'smtps');
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	return $t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0$user\0$password", ''));
}

# Three protocols in one word: yes, no, later, or what they say when they differ.
sub login {
	my ($t, $user, $password) = @_;
	my @said = (imap($t, $user, $password), pop3($t, $user, $password), esmtp($t, $user, $password));
	my @word = map {
		    /^(?:a OK|\+OK|235 )/                                                ? 'yes'
		    : /^(?:454 |a NO \[UNAVAILABLE\]|-ERR \[SYS\/TEMP\])/ ? 'later'
		    : 'no'
	} @said;
	return $word[0] eq $word[1] && $word[1] eq $word[2] ? $word[0] : "@said";
}

sub ask {
	my ($t, $request) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $t->path('var/authdaemon/socket')) or return undef;
	print $s $request;
	local $/;
	my $answer = <$s>;
	return defined $answer ? $answer : '';
}

# The fields of a database's tables, over another connection; undef takes a setting away.
sub fields_with {
	my ($db, %rc) = @_;
	my %all = (%{$db->{fields}}, %rc);
	defined $all{$_} or delete $all{$_} for keys %all;
	return \%all;
}

# A new file is in force when its process has another number.
sub settle {
	my ($t, $role, $rc) = @_;
	my $before = Courier::Server::role_pid($t, $role);
	configure($t, "${role}rc", $rc);
	$t->wait_for(30, sub { my $now = Courier::Server::role_pid($t, $role); $now && $now != $before });
	return;
}

sub pre {
	my ($t, $user, $service) = @_;
	return ask($t, 'PRE . ' . ($service || 'imap') . " $user\n");
}

sub passwd {
	my ($t, $user, $old, $new) = @_;
	return ask($t, "PASSWD imap\t$user\t$old\t$new\n");
}

sub rcpt {
	my ($t, $to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', 'MAIL FROM:<x@far.example>';
	return $t->smtp($s, "RCPT TO:<$to>");
}

# A file "NAME value", which must be in force before this returns: probe() says so.
sub configure {
	my ($t, $file, $rc, $probe) = @_;
	my $path = $t->path("etc/$file");
	open my $fh, '>', "$path.new" or die "$path: $!";
	print $fh "# the test's\n", map {"$_\t\t$rc->{$_}\n"} sort keys %$rc;
	close $fh;
	chmod 0600, "$path.new";
	rename "$path.new", $path or die "$path: $!";
	return $probe ? $t->wait_for(30, $probe) : 1;
}

sub hash {
	my ($t, $password) = @_;
	open my $fh, '-|', 'sh', '-c', 'printf "%s\n" "$1" | "$2" sha512-crypt', 'sh', $password, Courier::Test::program('authpasswd') or die "authpasswd: $!";
	chomp(my $line = <$fh>);
	close $fh;
	return $line;
}

# ---- the databases -----------------------------------------------------------------------------

# The same questions to each: $db has t, prefix, rc (of its connection), do(statements), ids => MTA ids by name.
sub common {
	my ($db) = @_;
	my ($t, $P, $id) = ($db->{t}, $db->{prefix}, $db->{id});
	my $file = "auth\L$db->{prefix}rc";
	my $d = $t->domain;
	my ($uid, $gid) = ids($t);
	my %home = map { $_ => home($t, $_) } qw(dora emil fritz);
	my $crypt = hash($t, 'dora-secret');
	$db->{do}->(
		"INSERT INTO passwd (id, crypt, clear, name, uid, gid, home, maildir, defaultdelivery, quota, options, server) VALUES
			('dora\@$d', '$crypt', NULL, 'Dora D', $uid, $gid, '$home{dora}', NULL, NULL, '1000000S', 'disablewebmail=1', 'here'),
			('emil\@$d', '', 'emil-secret', 'Emil', $uid, $gid, '$home{emil}', '', '', '', '', 'here'),
			('fritz\@$d', '', '', 'no password', $uid, $gid, '$home{fritz}', '', '', NULL, '', 'here'),
			('null\@$d', NULL, 'x', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'here'),
			('away\@$d', '', 'away-secret', '', $uid, $gid, '$home{fritz}', '', '', '', '', 'there'),
			('twice\@$d', '', 'twice-secret', '', $uid, $gid, '$home{fritz}', '', '', '', '', 'here'),
			('twice\@$d', '', 'twice-other', '', $uid, $gid, '$home{fritz}', '', '', '', '', 'here'),
			('box\@$d', '', 'box-secret', '', $uid, $gid, '$home{fritz}', '$home{emil}/Maildir', '|cat >>./piped', '', '', 'here')");
	my %rc = (%{$db->{rc}}, "${P}_USER_TABLE" => 'passwd', "${P}_CRYPT_PWFIELD" => 'crypt', "${P}_CLEAR_PWFIELD" => 'clear',
		"${P}_UID_FIELD" => 'uid', "${P}_GID_FIELD" => 'gid', "${P}_LOGIN_FIELD" => 'id', "${P}_HOME_FIELD" => 'home',
		"${P}_NAME_FIELD" => 'name', "${P}_MAILDIR_FIELD" => 'maildir', "${P}_DEFAULTDELIVERY" => 'defaultdelivery',
		"${P}_QUOTA_FIELD" => 'quota', "${P}_AUXOPTIONS_FIELD" => 'options', "${P}_WHERE_CLAUSE" => "server = 'here'",
		DEFAULT_DOMAIN => $d);
	$db->{fields} = \%rc;
	configure($t, $file, \%rc);
	$t->start if !$t->{running};
	ok($t->wait_for(20, sub { pre($t, "dora\@$d") =~ /^UID=/ }), "$id->{FILE} $id->{DATABASE} $id->{TABLE}: accounts are found") or diag $t->log;

	is(login($t, "dora\@$d", 'dora-secret'), 'yes', "$id->{CRYPT} $id->{LOGIN}: a hash, over IMAP, POP3 and SMTP");
	is(login($t, "dora\@$d", 'dora-wrong'), 'no', "$id->{CRYPT}: the wrong password");
	is(login($t, 'emil', 'emil-secret'), 'yes', "$id->{CLEAR} $id->{DOMAIN}: the password itself, a name without domain");
	is(login($t, "fritz\@$d", ''), 'no', 'an empty password is none');
	is(login($t, "fritz\@$d", 'x'), 'no', '... whatever is said');
	is(login($t, "away\@$d", 'away-secret'), 'no', "$id->{WHERE}: accounts that do not meet the condition");
	is(login($t, "nobody\@$d", 'x'), 'no', 'nobody');
	is(login($t, 'alice', $Courier::Test::PASSWORD), 'yes', 'another module beside it');
	like(pre($t, "dora\@$d"), qr/^UID=$uid\nGID=$gid\nHOME=\Q$home{dora}\E\nADDRESS=dora\@$d\nNAME=Dora D\nQUOTA=1000000S\nPASSWD=.*\nOPTIONS=disablewebmail=1\n\.\n\z/,
		"$id->{UID} $id->{GID} $id->{HOME} $id->{NAME} $id->{QUOTA} $id->{OPTIONS} $id->{MAILDIR}: the fields; no maildir when it is empty");
	like(pre($t, "box\@$d"), qr/^MAILDIR=\Q$home{emil}\E\/Maildir$/m, "$id->{MAILDIR}: a maildir");
	like(pre($t, "box\@$d", 'courier'), qr/^MAILDIR=\|cat >>\.\/piped$/m, "$id->{DELIVERY}: instructions take its place for deliveries");
	like(esmtp_cram($t, "emil\@$d", 'emil-secret'), qr/^UID=/, "$id->{CLEAR}: CRAM-MD5");

	# what is wrong with a row
	is(pre($t, "null\@$d"), '', 'NULLs instead of uid and home: later');
	is(login($t, "twice\@$d", 'twice-secret'), 'later', 'two rows that differ: later');
	ok($t->log_lines(qr/twice\@$d': more than one row/), '... and the log says why');

	# names that are no names
	for my $name ("dora\@$d' OR '1'='1", "x' OR id='emil\@$d", "\\' OR 1=1 -- ", "dora\@$d\\", '"; DROP TABLE passwd; --', "\xbf\x27 OR 1=1 -- ",
		'%', '_', "\$(domain)", 'a' x 300, 'a' x 10000) {
		my $said = pre($t, $name);
		is($said, "FAIL\n", 'no name: ' . substr($name =~ s/[^ -~]/?/gr, 0, 30));
	}
	is(login($t, "dora\@$d' OR '1'='1", 'emil-secret'), 'no', 'nor a login');
	is(passwd($t, 'emil', "x' OR '1'='1", "x', clear='y"), "FAIL\n", 'nor a password');

	# delivery, list, change
	like($t->send_mail(from => 'x@far.example', to => "dora\@$d", text => "Subject: to a row\n\nx\n"), qr/^250 /, "$id->{FILE}: mail");
	ok($t->wait_for(20, sub { glob("$home{dora}/Maildir/new/*") }), '... is delivered') or diag $t->log;
	like($t->send_mail(from => 'x@far.example', to => "box\@$d", text => "Subject: by instruction\n\nx\n"), qr/^250 /, "$id->{DELIVERY}: mail with instructions of its own");
	ok($t->wait_for(20, sub { -s "$home{fritz}/piped" }), '... is delivered by them') or diag $t->log;
	my %list = map { (split /\t/)[0, 3] } grep {/\t/} split /\n/, $t->command('authenumerate');
	is($list{"dora\@$d"}, $home{dora}, "$id->{ENUMERATE}: authenumerate lists them");
	ok(!$list{"away\@$d"} && $list{"alice\@$d"}, '... and no others, with those of other modules');
	is(passwd($t, "dora\@$d", 'dora-secret', 'it\'s "new" \\ $(domain) -- x'), "OK\n", "$id->{CHPASS}: a password is changed");
	is(login($t, "dora\@$d", 'dora-secret'), 'no', '... the old one is none');
	is(login($t, "dora\@$d", 'it\'s "new" \\ $(domain) -- x'), 'yes', '... the new one is, as it is');
	is(passwd($t, "dora\@$d", 'dora-secret', 'other'), "FAIL\n", '... only with the old one');
	is(passwd($t, "emil", 'emil-secret', 'emil-new'), "OK\n", "$id->{CHPASS}: also where it stands itself");
	is(login($t, "emil\@$d", 'emil-new'), 'yes', '... at once');
	$db->{do}->("UPDATE passwd SET clear='emil-secret', crypt='' WHERE id='emil\@$d'", "UPDATE passwd SET clear=NULL, crypt='$crypt' WHERE id='dora\@$d'");
	return;
}

sub esmtp_cram {
	my ($t, $user, $password) = @_;
	my $challenge = '<1.2@test>';
	my $request = join "\n", 'imap', 'cram-md5', encode_base64($challenge, ''), encode_base64("$user " . hmac_md5($challenge, $password), '');
	return ask($t, 'AUTH ' . length($request) . "\n$request");
}

sub hmac_md5 {
	my ($text, $key) = @_;
	require Digest::MD5;
	$key = Digest::MD5::md5($key) if length $key > 64;
	my $pad = sub { my ($byte) = @_; return ($key . "\0" x (64 - length $key)) ^ (chr($byte) x 64) };
	return Digest::MD5::md5_hex($pad->(0x5c), Digest::MD5::md5($pad->(0x36), $text));
}

# Statements of one's own.
sub clauses {
	my ($db) = @_;
	my ($t, $P, $id) = ($db->{t}, $db->{prefix}, $db->{id});
	my $file = "auth\L$db->{prefix}rc";
	my $d = $t->domain;
	my ($uid, $gid) = ids($t);
	my $home = home($t, 'gerda');
	$db->{do}->("INSERT INTO mailbox (local_part, domain, password, uid, gid, home, service) VALUES ('gerda', '$d', 'gerda-secret', $uid, $gid, '$home', 'imap'),
		('o''neil', '$d', 'o-secret', $uid, $gid, '$home', 'imap')");
	my $name = $db->{concat}->('local_part', "'\@'", 'domain');
	my %rc = (%{$db->{rc}}, DEFAULT_DOMAIN => $d,
		"${P}_SELECT_CLAUSE" => "SELECT $name, '', password, uid, gid, \\\n\t\thome, '', '', 'Gerda', " . $db->{concat}->("'service='", "'\$(service)'") . " \\\n\t\tFROM mailbox WHERE local_part = '\$(local_part)' \\\n\t\tAND domain = '\$(domain)'",
		"${P}_ENUMERATE_CLAUSE" => "SELECT $name, uid, gid, home, '', 'sharedgroup=all' FROM mailbox",
		"${P}_CHPASS_CLAUSE" => "UPDATE mailbox SET password = '\$(newpass)', hash = '\$(newpass_crypt)' \\\n\tWHERE local_part = '\$(local_part)' AND domain = '\$(domain)'");
	ok(configure($t, $file, \%rc, sub { pre($t, "gerda\@$d") =~ /^UID=/ }), "$id->{SELECT} $id->{FILE}: a statement of one's own, at once") or diag $t->log;
	is(login($t, 'gerda', 'gerda-secret'), 'yes', "$id->{SELECT} $id->{DOMAIN}: a login without a domain");
	is(login($t, "dora\@$d", 'dora-secret'), 'no', '... the fields count no more');
	like(pre($t, 'gerda', 'pop3'), qr/^NAME=Gerda\nPASSWD=.*\nPASSWD2=gerda-secret\nOPTIONS=service=pop3\n/m, "$id->{SELECT}: service and the columns at the end");
	is(login($t, "o'neil\@$d", 'o-secret'), 'yes', 'an apostrophe in a name');
	is(pre($t, "gerda' OR 'a'='a\@$d"), "FAIL\n", 'and one that is none');
	is(pre($t, "\\\@$d"), "FAIL\n", 'nor a backslash');
	my $list = $t->command('authenumerate', '-o');
	like($list, qr/^gerda\@$d\t$uid\t$gid\t\Q$home\E\t\tsharedgroup=all$/m, "$id->{ENUMERATE}: a list of one's own");
	is(passwd($t, 'gerda', 'gerda-secret', "it's '); --\\"), "OK\n", "$id->{CHPASS}: a change of one's own");
	is(login($t, 'gerda', "it's '); --\\"), 'yes', '... has the new password');
	is(passwd($t, 'gerda', "it's '); --\\", 'gerda-secret'), "OK\n", '... and back');
	delete $rc{"${P}_CHPASS_CLAUSE"};
	delete $rc{"${P}_SELECT_CLAUSE"} and $rc{"${P}_SELECT_CLAUSE"} = "SELECT $name, '', password, uid, gid, home FROM mailbox WHERE local_part = \$(local_part) AND domain = \$(domain)";
	ok(configure($t, $file, \%rc, sub { pre($t, 'gerda') !~ /^NAME=/m }), "$id->{SELECT}: six columns, and variables without quotes");
	is(login($t, 'gerda', 'gerda-secret'), 'yes', '... are enough');
	is(passwd($t, 'gerda', 'gerda-secret', 'x'), "FAIL\n", "$id->{CHPASS}: without it there is no change");
	return;
}

# What courier check says of the file; and that a faulty one changes nothing.
sub faults {
	my ($db, %bad) = @_;
	my ($t, $id) = ($db->{t}, $db->{id});
	my $file = "auth\L$db->{prefix}rc";
	my @check = ('courier', '-C', $t->path(''), 'check');
	for my $name (sort keys %bad) {
		my %rc = (%{$db->{fields}}, $name => $bad{$name}[0]);
		configure($t, $file, \%rc);
		my $out = $t->command(@check);
		ok($? && $out =~ $bad{$name}[1], "$id->{FILE}: courier check on $name $bad{$name}[0]") or diag $out;
	}
	configure($t, $file, $db->{fields});
	my $out = $t->command(@check);
	is($?, 0, '... a sound file') or diag $out;
	configure($t, $file, {%{$db->{fields}}, NO_SUCH_SETTING => 1});
	like($t->command(@check), qr/$file:\d+: (?:warning: )?'NO_SUCH_SETTING' is no setting/, '... and one that is not known is told');
	configure($t, $file, $db->{fields});
	return;
}

# The server goes, comes back, hangs.
sub trouble {
	my ($db, $server, $start, $what) = @_;
	my ($t, $d) = ($db->{t}, $db->{t}->domain);
	my $was = () = $t->log_lines(qr/$what can't be asked/);
	my $alice = sub { return login($t, 'alice', $Courier::Test::PASSWORD) };
	is(login($t, "dora\@$d", 'dora-secret'), 'yes', 'before');
	$server->stop('KILL');
	is(login($t, "dora\@$d", 'dora-secret'), 'later', 'a server that has gone: later');
	is($alice->(), 'yes', '... but not for accounts of the module before it');
	like(rcpt($t, "dora\@$d"), qr/^4/, '... mail waits');
	like(rcpt($t, "alice\@$d"), qr/^250 /, '... for who needs the server alone');
	is(scalar($t->log_lines(qr/$what can't be asked/)), $was + 1, '... the log has it once');
	isnt(($t->command('authenumerate'), $?)[1], 0, '... a list is not whole, and says so');
	ok($start->(), 'it comes back') or diag $server->log;
	ok($t->wait_for(15, sub { login($t, "dora\@$d", 'dora-secret') eq 'yes' }), '... and is used again, without a restart');
	ok(scalar($t->log_lines(qr/$what answers again/)), '... which the log says');
	$server->pause;
	my $began = time;
	is(pre($t, "dora\@$d"), '', 'a server that hangs: later');
	cmp_ok(time - $began, '<', 28, '... within a bounded time');
	$began = time;
	is(pre($t, "dora\@$d"), '', '... the next');
	cmp_ok(time - $began, '<', 28, '... no longer');
	is($alice->(), 'yes', '... while others log in');
	$server->resume;
	ok($t->wait_for(20, sub { login($t, "dora\@$d", 'dora-secret') eq 'yes' }), '... and it goes on');
	return;
}

1;
