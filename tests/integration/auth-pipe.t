#!/usr/bin/perl
# slow
# authpipe: accounts that a program of the administrator's knows; what happens when it ends, hangs,
# babbles or is missing (AUTH-0186, AUTH-0187).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::UNIX;
use Test::More;
use Time::HiRes qw(sleep time);

my $t = Courier::Test->new(users => ['alice'], config => {authdaemonrc => {authmodulelist => 'authuserdb authpipe', AUTH_FAIL_DELAY => 0, DEFAULTOPTIONS => 'x=default'},
	'imapd-ssl' => {IMAP_TLS_REQUIRED => 0}});
my $password = $Courier::Test::PASSWORD;
my $log = $t->scratch . '/asked';
my ($uid, $gid) = (stat $t->maildir('alice'))[4, 5];
my $home = $t->path('mail/example.test/alice');
like($t->command('courier', 'check'), qr/authProg: .*no program/, 'a program that is missing is a fault');
my $program = $t->path('etc/authProg');
sub program {
	my ($text) = @_;
	open my $f, '>', "$program.new" or die $!;
	print $f "#!$^X\n", <<"EOT", $text;
use strict;
\$| = 1;
sub note { open my \$l, '>>', '$log' or return; syswrite \$l, "\$\$ \$_[0]\\n" }
note('start');
my \%word = (tim => 'sesame', slow => 'x', end => 'x', bye => 'x', crash => 'x', odd => 'x', sys => 'x', half => 'x');
sub account { my (\$n) = \@_; "UID=$uid\\nGID=$gid\\nHOME=$home\\nADDRESS=\$n\\nNAME=The \$n,x\\nMAILDIR=./Maildir\\nQUOTA=1000000S\\nOPTIONS=y=own,pid=\$\$\\n" . (\$n eq 'tim' ? "PASSWD2=sesame\\n" : '') . ".\\n" }
while (defined(my \$line = <STDIN>)) {
	chomp \$line;
	my \$answer = "FAIL\\n";
	note(\$line);
	if (\$line =~ /^PRE \\. (\\S+) (.*)\$/) {
		sleep 60 if \$2 eq 'slow';
		exit 0 if \$2 eq 'end';
		\$answer = account(\$2) if \$word{\$2};
		\$answer = "hello\\n" if \$2 eq 'odd';
		\$answer = "UID=1\\n.\\n" if \$2 eq 'half';
		\$answer = "USERNAME=games\\nGID=60\\nHOME=/x\\nADDRESS=sys\\n.\\n" if \$2 eq 'sys';
		syswrite STDOUT, \$answer;
		exit 0 if \$2 eq 'bye';
		next;
	} elsif (\$line =~ /^AUTH (\\d+)\$/) {
		read STDIN, my \$body, \$1;
		my (\$service, \$type, \$user, \$pass) = split /\\n/, \$body;
		note("\$service \$type \$user");
		\$answer = account(\$user) if \$type eq 'login' && \$word{\$user} && \$pass eq \$word{\$user};
	} elsif (\$line =~ /^PASSWD (\\S+)\\t(\\S+)\\t(\\S+)\\t(\\S+)\$/) {
		\$answer = "OK\\n" if \$word{\$2} eq \$3;
		\$word{\$2} = \$4 if \$answer eq "OK\\n";
	} elsif (\$line eq 'ENUMERATE') {
		\$answer = join('', map {"\$_\\t$uid\\t$gid\\t$home\\t./Maildir\\ty=own\\n"} 'sys', 'tim') . ".\\n";
	}
	syswrite STDOUT, \$answer;
}
note('end of input');
EOT
	close $f;
	chmod 0755, "$program.new";
	rename "$program.new", $program or die $!;
}
program('');
if ($> == 0) { chmod 01777, $t->scratch; }
$t->command('courier', 'check');
is($?, 0, 'now it is well');
chmod 0777, $program;
like($t->command('courier', 'check'), qr/authProg: .*others may change it/, 'a program that others may change is a fault');
chmod 0755, $program;
$t->start;

my $socket = $t->path('var/authdaemon/socket');
sub ask {
	my ($request, $seconds) = @_;
	my $s = IO::Socket::UNIX->new(Peer => $socket) or return undef;
	print $s $request;
	local $/;
	my $answer = <$s>;
	return defined $answer ? $answer : '';
}
sub login { my ($user, $pass) = @_; my $body = "imap\nlogin\n$user\n$pass\n"; return ask('AUTH ' . length($body) . "\n$body") }
sub asked { open my $f, '<', $log or return ''; local $/; return scalar <$f> // '' }
sub pids { my %p = map {/^(\d+) start/ ? ($1 => 1) : ()} split /\n/, asked(); return sort keys %p }

# ---- what it says is what is known
my $tim = ask("PRE . imap tim\n");
like($tim, qr/^UID=$uid\nGID=$gid\nHOME=\Q$home\E\nADDRESS=tim\nNAME=The tim\n?.*MAILDIR=\.\/Maildir\nQUOTA=1000000S\n(?:PASSWD=\S+\n)?PASSWD2=sesame\nOPTIONS=y=own,pid=\d+,x=default\n\.\n\z/s, 'AUTH-0186: an account') or diag asked();
like(ask("PRE authpipe imap tim\n"), qr/^UID=/, 'AUTH-0186: ... by the name of the module');
is(ask("PRE . imap nobody-here\n"), "FAIL\n", 'AUTH-0186: nobody');
like(ask("PRE . imap alice\@example.test\n"), qr/^UID=/, 'AUTH-0018: what the module before knows');
unlike(asked(), qr/alice/, '... it is not asked about');
like(login('tim', 'sesame'), qr/^UID=/, 'AUTH-0186: a right password');
is(login('tim', 'sesam'), "FAIL\n", 'AUTH-0186: a wrong one');
like(asked(), qr/^\d+ AUTH \d+\n\d+ imap login tim$/m, 'AUTH-0186: the program decides about passwords');
is(ask("PASSWD imap\ttim\tsesame\tfresh\n"), "OK\n", 'AUTH-0186: a change');
like(asked(), qr/^\d+ PASSWD imap\ttim\tsesame\tfresh$/m, 'AUTH-0186: ... by the program');
my $list = ask("ENUMERATE\n");
like($list, qr/^# authpipe\n\nsys\t$uid\t$gid\t\Q$home\E\t\.\/Maildir\ty=own\ntim\t.*\n\.\n\z/m, 'AUTH-0186: its list');
my $games = (getpwnam 'games')[2];
SKIP: {
	skip 'no user games', 1 if !defined $games;
	like(ask("PRE . imap sys\n"), qr/^USERNAME=games\nUID=$games\n/, 'AUTH-0186: USERNAME alone will do');
}
my $s = $t->connect('imap');
readline $s;
print $s "a LOGIN end2 x\r\n";
like(readline($s) // '', qr/^a NO/, 'nobody at the IMAP port');
is(scalar(my @few = pids()) <= 4 ? 1 : 0, 1, 'AUTH-0186: a program for each worker, not for each question') or diag asked();

my $security = $t->command('courier', 'security');
is($?, 0, 'courier security finds nothing wrong') or diag $security;
like($security, qr/authpipe/, '... and knows the role');

# ---- it ends
is(ask("PRE . imap end\n"), '', 'AUTH-0186: one that ends without an answer: later');
like(ask("PRE . imap tim\n"), qr/^UID=/, 'AUTH-0186: ... and is started again');
like(ask("PRE . imap bye\n"), qr/^UID=/, 'one that ends after its answer');
like(ask("PRE . imap bye\n"), qr/^UID=/, '... each time') for 1 .. 6;
is(ask("PRE . imap odd\n"), '', 'an answer that is none');
is(ask("PRE . imap half\n"), '', 'an account that lacks something');
like(ask("PRE . imap tim\n"), qr/^UID=/, '... and on');
ok(scalar($t->log_lines(qr/authProg': (?:account 'end': it has ended without an answer|its answer about 'odd' is none|account 'half': its answer)/)) >= 3, 'each has its line in the log') or diag $t->log;

# ---- it hangs
my $began = time;
my @slow = map { my $c = IO::Socket::UNIX->new(Peer => $socket) or die $!; print $c "PRE . imap slow\n"; $c } 1 .. 2;
sleep 0.5;
like(ask("PRE . imap tim\n"), qr/^UID=/, 'one that hangs does not hold up others');
cmp_ok(time - $began, '<', 10, '... not at all');
for my $c (@slow) { local $/; is(scalar(readline $c) // '', '', 'AUTH-0186: no answer in time: later') }
cmp_ok(time - $began, '<', 60, 'AUTH-0187: ... and it is ended');
my ($slow) = asked() =~ /^(\d+) PRE \. imap slow$/m;
ok($t->wait_for(15, sub { !kill 0, $slow }), 'AUTH-0187: ... is gone');
like(ask("PRE . imap tim\n"), qr/^UID=/, '... another one answers') for 1 .. 4;

# ---- the end
my @all = pids();
is($t->stop, '', 'stops');
ok($t->wait_for(15, sub { !grep { kill 0, $_ } @all }), 'AUTH-0187: all of them have ended with it') or diag "@all";
like(asked(), qr/ end of input$/m, 'AUTH-0187: ... asked to by the end of their input');

# ---- missing, later
rename $program, "$program.away" or die $!;
my $out = $t->command('courier', 'check');
isnt($?, 0, 'missing: a fault');
rename "$program.away", $program or die $!;
$t->start;
rename $program, "$program.away" or die $!;
is(ask("PRE . imap tim\n"), '', 'it has gone: later');
like(ask("PRE . imap alice\@example.test\n"), qr/^UID=/, '... others are served');
rename "$program.away", $program or die $!;
ok($t->wait_for(20, sub { ask("PRE . imap tim\n") =~ /^UID=/ }), '... and when it is there again, so is the account');
is(join("\n", $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/)), '', 'nothing died');
is($t->stop, '', 'stops');
done_testing;
