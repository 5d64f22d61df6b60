#!/usr/bin/perl
# slow
# Every option and variable of sendmail, and its SMTP on standard input.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {courierd => {}}, files => {submitdelay => "1000\n"});
$t->start;

# ({NAME => VALUE; undef: unset}, input, arguments): (exit status, output)
sub sendmail {
	my ($env, $text, @args) = @_;
	my $in = $t->scratch . '/input';
	open my $fh, '>:raw', $in or die;
	print $fh $text;
	close $fh;
	my $pid = open my $out, '-|';
	if (!$pid) {
		delete @ENV{qw(MAILSUSER MAILUSER LOGNAME LOGUSER USER MAILSHOST MAILHOST MAILNAME NAME)};
		for (keys %$env) { if (defined $env->{$_}) { $ENV{$_} = $env->{$_} } else { delete $ENV{$_} } }
		$ENV{COURIER_HOME} = $t->path('');
		open STDIN, '<', $in;
		open STDERR, '>&', \*STDOUT;
		exec Courier::Test::program('sendmail'), @args or exit 127;
	}
	local $/;
	my $said = <$out>;
	close $out;
	return ($? >> 8, defined $said ? $said : '');
}
# What waits in the queue with this sender: its control text and its message.
sub queued {
	my ($sender) = @_;
	my $found = '';
	for my $path (grep {-f && !/spare/} glob($t->path('var/queue/*/*')), glob($t->path('var/queue/msgs/*/*'))) {
		open my $f, '<:raw', $path or next;
		local $/;
		my $text = <$f> // '';
		my ($it) = $text =~ /s(\Q$sender\E\n(?:[^\0\n]*\n)*?W\d+\n[^\0]*?)(?:\0|\z)/ or next;
		if ((my $data = $path) =~ s,/C(\d+)\z,/D$1,) { # by now it has files of its own
			open my $d, '<:raw', $data or next;
			$it .= <$d>;
		}
		$found = $it if length $it > length $found;
	}
	return $found;
}
my $n = 0;
# Sends with this environment and options; what waits then.
sub sent {
	my ($env, $header, @options) = @_;
	my $from = 's' . ++$n . '@far.example';
	my ($rc, $out) = sendmail($env, "${header}Subject: x\n\nhi\n", '-f', $from, @options);
	is($rc, 0, "sendmail @options") or diag $out;
	return queued($from);
}
sub shown { my ($env, $header, @options) = @_; return (sendmail($env, "${header}Subject: x\n\nhi\n", '-n', @options, 'alice'))[1] }

my $me = getpwuid $>;
my ($rc, $out);

# ---- options ---------------------------------------------------------------------------------

my $q = sent({}, "To: bob\n", 'alice');
like($q, qr/^ralice\@example\.test$/m, 'MTA-1301: recipients of the command line');
unlike($q, qr/^rbob/m, 'and no others');
like($q, qr/^ulocal$/m, 'the source');
($rc, $out) = sendmail({}, "Subject: x\n\n");
is($rc, 67, 'MTA-1301: no recipients: 67');
like($q, qr/^To: bob\@example\.test$/m, 'MTA-1201: the header in canonical form');
($rc) = sendmail({}, "Subject: x\n\n.\nhi\n", '-f', 'dot@far.example', 'alice');
like(queued('dot@far.example'), qr/\n\n\.\nhi\n/, 'MTA-1301: a dot is text, as with -oi');
like(sent({}, '', '-F', 'Foo B. Bar', 'alice'), qr/^From: "Foo B\. Bar" <\Q$me\E\@example\.test>$/m, 'MTA-1303: -F, separate');
like(sent({}, "From: Old <o\@x.example>\n", '-FNew', 'alice'), qr/^From: New <o\@x\.example>$/m, 'MTA-1303: -F, attached, in place of a name');
($rc) = sendmail({}, "Subject: x\n\n", '-fatt@far.example', 'alice');
ok(queued('att@far.example'), 'MTA-1302: -f, attached');
for (['-N', 'success,delay', 'NSD'], ['-Nfail', undef, 'NF'], ['-N', 'never', 'NN'], ['-N', 'success,fail,delay', 'NSFD']) {
	my ($opt, $value, $want) = @$_;
	like(sent({}, '', grep({defined} $opt, $value), 'alice'), qr/^$want$/m, "MTA-1304: $opt");
}
like(sent({}, '', '-R', 'hdrs', 'alice'), qr/^tH$/m, 'MTA-1307: -R hdrs');
like(sent({}, '', '-Rfull', 'alice'), qr/^tF$/m, 'MTA-1307: -R full');
like(sent({}, '', '-V', 'env id', 'alice'), qr/^eenv(?: |\+20)id$/m, 'MTA-1308: -V');
like(sent({}, '', '-S', 'STARTTLS', 'alice'), qr/^USTARTTLS$/m, 'MTA-1309: -S');
unlike(sent({}, '', '-S', 'NONE', 'alice'), qr/^USTARTTLS$/m, 'MTA-1309: -S NONE');
is((sendmail({}, "\n", '-S', 'SOME', 'alice'))[0], 64, 'a wrong level');
like(sent({}, '', '-verp', 'alice'), qr/^V$/m, 'MTA-1312: -verp');
$q = sent({}, "To: alice\nCc: alice\nBcc: bob\n", '-bcc');
like($q, qr/^rbob\@example\.test$/m, 'MTA-1310: -bcc');
unlike($q, qr/^ralice|^Bcc/m, 'Bcc alone, and it is gone');
$q = sent({}, "To: alice\nBcc: bob\n", 'alice');
like($q, qr/^Bcc: bob/m, 'MTA-1117: Bcc stays when recipients were given');
$q = sent({}, "To: alice, \"A, B\" <bob>\nResent-To: bob\@far.example\n");
like($q, qr/^rbob\@far\.example$/m, 'MTA-1204: Resent- fields go before');
unlike($q, qr/^ralice/m, 'the others');
$q = sent({}, "To: g: alice, \"A, B\" (c) <bob>;\n");
like($q, qr/^ralice\@example\.test\n(?:.*\n)*rbob\@example\.test$/m, 'MTA-1204: groups, quotes and comments');
like(sent({}, "To: bob\n", '-oem', '-t', '-q', '-q30m', '-i', '-m', '-em', '-odb', '-oQ', '-oi', 'alice'), qr/^ralice\@/m,
	'MTA-1306: options without a meaning here');
like(sent({}, "To: bob\n", '-Z', '-xyz', '-B8BITMIME', '-O', 'foo=bar', '-G', 'alice'), qr/^ralice\@example\.test\nN?\n?(?:.*\n)*?ulocal/m,
	'MTA-1314: unknown options are passed over');
unlike(queued("s$n\@far.example"), qr/foo=bar/, 'with their values');
($rc) = sendmail({}, "Subject: x\n\n", '-f', 'dash@far.example', '--', '-alice', 'alice');
like(queued('dash@far.example'), qr/^r-alice\@example\.test$/m, 'MTA-1313: --');
($rc, $out) = sendmail({}, "To: bob\nSubject: x\n\nhi\n", '-n', 'alice');
like($out, qr/\ATo: bob\nSubject: x\nFrom: .*\n\nhi\n\z/, 'MTA-1305: -n prints');
($rc) = sendmail({}, "Subject: x\n\nhi\n", '-f', 'un@far.example', 'nobody-here');
is($rc, 0, 'MTA-1320: unknown users are no matter here');
like(queued('un@far.example'), qr/^rnobody-here\@example\.test$/m, 'but are queued');
like((sendmail({}, '', '-bp'))[1], qr/messages\./, '-bp shows the queue');

# ---- variables -------------------------------------------------------------------------------

sub sender_of {
	my ($env) = @_;
	my $subject = 'sender ' . ++$n;
	my ($rc, $out) = sendmail($env, "Subject: $subject\n\nhi\n", 'alice');
	for my $path (grep {-f && !/spare/} glob($t->path('var/queue/*/*')), glob($t->path('var/queue/msgs/*/*'))) {
		open my $f, '<:raw', $path or next;
		local $/;
		my $text = <$f> // '';
		return $1 if $text =~ /.*[^\w.]s([\w.-]+\@\S+)\nf(?:[^\0\n]*\n)*?Subject: \Q$subject\E$/ms;
	}
	return "nothing: $out";
}
my @users = qw(MAILSUSER MAILUSER LOGNAME LOGUSER USER);
for my $i (0 .. $#users) {
	my %env = map {$users[$_] => lc $users[$_]} $i .. $#users;
	is(sender_of(\%env), lc($users[$i]) . '@example.test', "MTA-1315: $users[$i] goes before those behind it");
}
is(sender_of({}), "$me\@example.test", 'MTA-1315: none of them: the account');
is(sender_of({MAILSHOST => 's.example', MAILHOST => 'h.example'}), "$me\@s.example", 'MTA-1316: MAILSHOST');
is(sender_of({MAILHOST => 'h.example'}), "$me\@h.example", 'MTA-1316: MAILHOST');
my $from = "From: \"Old N\" <old\@host.example>\n";
like(shown({MAILUSER => 'mu'}, $from), qr/^From: (?:"Old N"|Old N) <mu\@host\.example>$/m, 'MTA-1317: MAILUSER');
like(shown({MAILHOST => 'mh.example'}, $from), qr/^From: (?:"Old N"|Old N) <old\@mh\.example>$/m, 'MTA-1317: MAILHOST');
like(shown({MAILNAME => 'New', NAME => 'Other'}, $from), qr/^From: New <old\@host\.example>$/m, 'MTA-1317: MAILNAME');
like(shown({NAME => 'New'}, $from), qr/^From: New <old\@host\.example>$/m, 'MTA-1317: NAME');
like(shown({MAILHOST => 'mh.example', NAME => 'N'}, "From: a\@x.example, b\@y.example\n"), qr/^From: N <a\@mh\.example>, N <b\@mh\.example>$/m,
	'MTA-1317: each address');
like(shown({LOGNAME => 'ln', USER => 'us'}, $from), qr/^\Q$from\E/m, 'MTA-1317: the others leave it alone');
for (['MAILUSER', 'LOGNAME', 'USER'], ['LOGNAME', 'USER'], ['USER']) {
	my %env = map {$_ => lc} @$_;
	like(shown(\%env, ''), qr/^From: (?:.* <)?\L$_->[0]\E(?:\@\S+)?>?$/m, "MTA-1318, MTA-1208: From is made of $_->[0]");
}
like(shown({MAILHOST => 'mh.example', MAILNAME => 'M N', NAME => 'N'}, ''), qr/^From: M N <\Q$me\E\@mh\.example>$/m, 'MTA-1318: MAILHOST and MAILNAME');
like(shown({NAME => 'N'}, ''), qr/^From: N <\Q$me\E/m, 'MTA-1318: NAME');
my ($gecos) = split /,/, (getpwuid $>)[6];
SKIP: {
	skip 'the account has no real name', 1 if !$gecos || $gecos =~ /[&\x80-\xff]/;
	like(shown({}, ''), qr/^From: "?\Q$gecos\E"? <\Q$me\E/m, 'MTA-1318: the account\'s name');
}
$q = sent({MIME => '7bit', BLOCK => 'no', SIZELIMIT => 1, NOADDDATE => 1, NOADDMSGID => 1, DSNRET => 'H', DSNNOTIFY => 'N', DSNENVID => 'z',
	RELAYCLIENT => '', CHARSET => 'x', MM_CHARSET => 'x', LC_ALL => 'de_DE', LANG => 'de_DE', SHELL => '/bin/false', LD_LIBRARY_PATH => '/nowhere'},
	"X: 1\n", 'alice');
like($q, qr/^Date: \w{3}, \d\d \w{3} \d{4} /m, 'MTA-1319: nothing else of the environment has a meaning');
unlike($q, qr/^(?:tH|NN|ez|ORELAYCLIENT.*)$/m, 'neither for reports nor for filters');
is($q =~ /^To: undisclosed-recipients: ;$/m ? 1 : 0, 1, 'MTA-1205: nobody is named');

# ---- names -----------------------------------------------------------------------------------

my $prefix = Courier::Test::prefix();
ok(-x "$prefix/$_", "MTA-1323: $_ is there") for qw(bin/sendmail sbin/sendmail lib/sendmail bin/rmail);
$t->command('newaliases');
is($?, 0, 'MTA-1322: newaliases');
ok(-e $t->path('etc/aliases.dat'), 'makes the table');
unlink $t->path('etc/aliases.dat');
is((sendmail({}, '', '-bi'))[0], 0, 'MTA-1322: sendmail -bi too');
ok(-e $t->path('etc/aliases.dat'), 'makes it');
SKIP: {
	skip 'groups are root\'s', 2 if $> != 0 || !getgrnam('courier-drop');
	my @st = stat "$prefix/bin/sendmail";
	is($st[4], 0, 'MTA-1324: sendmail is root\'s');
	is($st[2] & 04000, 0, 'and not set-uid');
}

# ---- SMTP on standard input ------------------------------------------------------------------

sub smtp {
	my ($rc, $out) = sendmail({MAILUSER => 'forged', MAILNAME => 'forged'}, join('', map {"$_\r\n"} @_), '-bs');
	$out =~ s/\r\n/\n/g;
	return ($rc, $out, [$out =~ /^(\d{3}) /mg]);
}
my $codes;
($rc, $out, $codes) = smtp('EHLO x', 'MAIL FROM:<bs@far.example> BODY=8BITMIME RET=HDRS', 'RCPT TO:<bob> NOTIFY=SUCCESS', 'RCPT TO:<w@elsewhere.example>',
	'DATA', 'Subject: bs', '', '..hi', '.', 'QUIT');
is($rc, 0, 'MTA-1311, MTA-0849: SMTP on standard input') or diag $out;
is("@$codes", '220 250 250 250 250 354 250 221', 'its codes');
$q = queued('bs@far.example');
like($q, qr/^rbob\@example\.test$/m, 'a bare name is of this domain');
like($q, qr/^rw\@elsewhere\.example$/m, 'MTA-0849: relaying is allowed');
like($q, qr/\(uid \d+\)/, 'MTA-0849: it is the local user\'s');
like($q, qr/^tH$/m, 'DSN parameters');
unlike($q, qr/forged/, 'the environment does not count');
like($q, qr/\n\n\.hi\n/, 'dots are taken off');
(undef, $out, $codes) = smtp('MAIL FROM:<a@b.example>', 'HELO', 'HELO x', 'RCPT TO:<alice>', 'DATA', 'MAIL FROM:<a@b.example>', 'MAIL FROM:<a@b.example>',
	'DATA', 'RCPT TO:<@>', 'RCPT TO:<alice>', 'RSET', 'DATA', 'RCPT TO:<alice>', 'FOO', 'NOOP', 'VRFY alice', 'VRFY nobody-here', 'EXPN nobody-here', 'HELP', 'QUIT');
is("@$codes", '220 503 501 250 503 503 250 503 503 501 250 250 503 503 500 250 250 550 500 214 221', 'MTA-0849: states as on the network') or diag $out;
($rc, $out) = sendmail({}, "EHLO x\nMAIL FROM:<lf\@far.example>\nRCPT TO:<alice>\nDATA\nSubject: x\n\nhi\n.\nQUIT\n", '-bs');
ok(queued('lf@far.example'), 'LF alone ends a line, since this is a pipe');
($rc, $out) = sendmail({}, "EHLO x\r\nMAIL FROM:<cut\@far.example>\r\nRCPT TO:<alice>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n", '-bs');
is(queued('cut@far.example'), '', 'input that ends in the message is no message');
$t->stop;
($rc, $out) = sendmail({}, "EHLO x\r\n", '-bs');
like("$rc $out", qr/^75 421 /, 'without the system: 421');
done_testing;
