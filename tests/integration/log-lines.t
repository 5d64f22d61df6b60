#!/usr/bin/perl
# The log as programs read it: every line of the mail transfer agent has one of the forms of the
# original (MTA-2401..2418), and from the lines alone an analyser finds out what became of each
# message: one id from the connection to the delivery.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;
use MIME::Base64;

my $host = Courier::FakeSMTP->new(on => {RCPT => sub {
	my ($line) = @_;
	return $line =~ /<bad/ ? "550-5.1.1 nobody\n550 5.1.1 of this name" : $line =~ /<slow/ ? '450 4.2.0 later' : '250 2.1.5 Ok';
}});
my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {esmtpd => {TARPIT => 0, ESMTPAUTH => 'PLAIN', ESMTP_LOG_DIALOG => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}},
	files => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $host->port . "\n",
		resolver => "127.0.0.1\@9\n",
	});
$t->start;

# ---- what happens -------------------------------------------------------------------------

sub give { my ($subject, @to) = @_; return $t->send_mail(from => 'alice@example.test', to => \@to, text => "Subject: $subject\n\n") }
like(give('one', 'bob@example.test', 'good@far.test'), qr/^250/, 'a message for here and there');
like(give('two', 'bad@far.test'), qr/^250/, 'one that is refused there');
like(give('three', 'slow@far.test'), qr/^250/, 'one that waits');
like(give('four', 'nobody-here@example.test'), qr/^550/, 'one that is refused here');
my $s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'NONSENSE');
$t->smtp($s, 'EHLO client.test');
like($t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$Courier::Test::PASSWORD", '')), qr/^235/, 'a login');
$t->smtp($s, $_) for 'MAIL FROM:<alice@example.test>', 'RCPT TO:<bob@example.test>', 'DATA';
like($t->smtp($s, "Subject: five\r\n\r\n."), qr/^250/, 'and its message');
$t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\0wrong", ''));
close $s;
ok($t->wait_mail('bob', qr/^Subject: (?:one|five)$/m), 'bob has mail');
ok($t->wait_mail('alice', qr/of this name/), 'alice has a report');
ok($t->wait_for(20, sub { $t->command('mailq') =~ /slow\@far\.test.*1 messages/s }), 'one waits');
my ($waits) = $t->command('mailq', '-batch') =~ /;([0-9A-F.]{42});/;
is($t->command('cancelmsg', $waits, 'changed', 'my mind'), "Message scheduled for cancellation.\n", 'it is cancelled');
ok($t->wait_empty_queue, 'nothing waits');
$t->stop;

# ---- a dialogue ---------------------------------------------------------------------------

$t->configure(esmtpd => {ESMTP_LOG_DIALOG => 1});
$t->start;
$s = $t->connect('smtp');
$t->smtp_reply($s);
$t->smtp($s, 'EHLO dialogue.test');
$t->smtp($s, 'AUTH PLAIN ' . encode_base64("\0alice\@example.test\0$Courier::Test::PASSWORD", ''));
$t->smtp($s, 'QUIT');
ok($t->wait_for(5, sub { $t->log_lines(qr/courieresmtpd.*dialog,session=\S+ < 221 /) }), 'MTA-2415: replies are logged') or diag $t->log;
ok(scalar($t->log_lines(qr/dialog,session=\S+ > EHLO dialogue\.test$/)), 'MTA-2415: and commands');
ok(!$t->log_lines(qr/dialog.*@{[encode_base64("\0alice\@example.test\0$Courier::Test::PASSWORD", '')]}/), 'but no password');
$t->stop;

# ---- the forms ----------------------------------------------------------------------------

my $id = qr/[0-9A-F]{16}\.[0-9A-F]{16}\.[0-9A-F]{8}/;
my $what = qr/id=(?<id>$id),from=<(?<from>[^>]*)>,addr=<(?<addr>[^>]*)>/;
my $when = qr/(?:none|[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})/;
my $relay = qr/relay=(?<ip>[0-9a-f.:]+),port=(?<port>\d+)/;
my @forms = (
	['courierd', newmsg => qr/^newmsg,id=(?<id>$id)(?:, auth=(?<auth>[^:]+))?: (?<type>\w+); (?<host>.*)$/],
	['courierd', started => qr/^started,id=(?<id>$id),from=<(?<from>[^>]*)>,module=(?<module>\w+),host=(?<host>[^,]*),addr=<(?<addr>[^>]*)>$/],
	['courierd', completed => qr/^completed,id=(?<id>$id)$/],
	['courierd', waiting => qr/^Waiting\.  shutdown time=$when, wakeup time=$when, queuedelivering=\d+, inprogress=\d+$/],
	['courierd', installing => qr/^Installing \w+$/],
	['courierd', installed => qr/^Installed: module\.\w+ - Courier /],
	['courierd', module => qr/^Started courier\w+, maxdels=\d+, maxhost=\d+, maxrcpt=\d+$/],
	['courierd', marks => qr/^queuelo=\d+, queuehi=\d+$/],
	['courierd', purging => qr/^Purging \//],
	['courierd', shutdown => qr/^SHUTDOWN: (?:Stopping|Restarting)\.\.\.$/],
	['courierd', status => qr/^$what,status: (?<status>success|failure|deferred)$/],
	['courierd', diagnostic => qr/^$what: (?<text>.*)$/],
	['courierd', supervisor => qr/^(?:starting|stopping|stopped|all services answer|started with \d+ messages in the queue)$/],
	['courierlocal', localsuccess => qr/^$what,size=(?<size>\d+),success: (?<text>.*)$/],
	['courierlocal', status => qr/^$what,status: (?<status>failure|deferred)$/],
	['courierlocal', diagnostic => qr/^$what: (?<text>.*)$/],
	# MTA-0923
	['courieresmtp', delivered => qr/^$what,success: delivered: (?:(?<host>\S+) )?\[(?<ip>[0-9a-f.:]+)\]$/],
	['courieresmtp', status => qr/^$what,status: (?<status>success|failure|deferred)$/],
	['courieresmtp', diagnostic => qr/^$what: (?<text>.*)$/],
	['courieresmtpd', connected => qr/^started,ip=\[(?<ip>::ffff:127\.0\.0\.1)\],port=\[(?<port>\d+)\],session=(?<session>\S+)$/],
	['courieresmtpd', rejected => qr/^error,$relay,from=<(?<from>[^>]*)>(?:,to=<(?<to>[^>]*)>)?: (?<reply>[45]\d\d .*),session=(?<session>\S+)$/],
	['courieresmtpd', protocol => qr/^error,$relay,msg="(?<reply>[45]\d\d [^"]*)",cmd: (?<cmd>.*),session=(?<session>\S+)$/],
	['courieresmtpd', accepted => qr/^accepted,id=(?<id>$id),$relay,session=(?<session>\S+)$/],
	['courieresmtpd', dialogue => qr/^dialog,session=\S+ [<>] .*$/],
	['courieresmtpd', login => qr/^auth,$relay,session=(?<session>\S+),user=(?<user>\S+)/],
);
my (@seen, @strange);
LINE: for my $line (split /\n/, $t->log) {
	my ($program, $text) = $line =~ /^\S+Z (\w+)\[\d+\]: (.*)$/ or next;
	next if $program !~ /^(?:courierd|courierlocal|courieresmtp|courieresmtpd)$/;
	for my $f (grep {$_->[0] eq $program} @forms) {
		if ($text =~ $f->[2]) {
			push @seen, {program => $program, form => $f->[1], %+};
			next LINE;
		}
	}
	push @strange, "$program: $text";
}
is(join("\n", @strange), '', 'every line has one of the forms');

sub seen { my ($program, $form, %w) = @_; return grep { my $l = $_; $l->{program} eq $program && $l->{form} eq $form && !grep {($l->{$_} // '') ne $w{$_}} keys %w } @seen }
my ($one) = map {$_->{id}} seen('courierd', 'started', addr => 'good@far.test');
my ($two) = map {$_->{id}} seen('courierd', 'started', addr => 'bad@far.test');
ok($one && $two, 'messages by their recipients') or BAIL_OUT($t->log);

is(scalar(seen('courierd', 'newmsg', id => $one, type => 'dns')), 1, 'MTA-2401: newmsg');
is(scalar(seen('courierd', 'newmsg', auth => 'alice@example.test')), 1, 'MTA-2401: newmsg of a login');
is(scalar(seen('courierd', 'started', id => $one, module => 'esmtp', host => 'far.test', from => 'alice@example.test')), 1, 'MTA-2402: started');
is(scalar(seen('courierd', 'started', id => $one, module => 'local')), 1, 'MTA-2402: once for each recipient');
is(scalar(seen('courierd', 'completed', id => $one)), 1, 'MTA-2403: completed');
ok(scalar(seen('courierd', 'waiting')), 'MTA-2404: waiting');
ok(scalar(seen('courierd', $_)), "MTA-2405: $_") for qw(installing installed module marks purging);
is(scalar(seen('courierd', 'shutdown')), 2, 'MTA-2406: shutdown');
is(join('|', map {$_->{text}} seen('courieresmtp', 'diagnostic', id => $two)), '550 5.1.1 nobody|550 5.1.1 of this name', 'MTA-2407: a line for each line of the reply');
is(scalar(seen('courieresmtp', 'status', id => $two, status => 'failure')), 1, 'MTA-2408: failure');
is(scalar(seen('courieresmtp', 'status', addr => 'slow@far.test', status => 'deferred')), 1, 'MTA-2408: deferred');
is(scalar(seen('courieresmtp', 'status', id => $one, status => 'success')), 1, 'MTA-2408: success');
is(scalar(seen('courierlocal', 'localsuccess', id => $one, addr => 'bob@example.test')), 1, 'MTA-2409: local success');
is(scalar(seen('courieresmtp', 'delivered', id => $one, addr => 'good@far.test')), 1, 'MTA-2410: delivered there');
cmp_ok(scalar(seen('courieresmtpd', 'connected')), '>=', 5, 'MTA-2411 MTA-2416: started, with the port');
is(scalar(seen('courieresmtpd', 'rejected', to => 'nobody-here@example.test', from => 'alice@example.test')), 1, 'MTA-2412: a rejection');
is(scalar(seen('courieresmtpd', 'protocol', cmd => 'NONSENSE')), 1, 'MTA-2413: a protocol error');
is(join('|', map {$_->{text}} seen('courierd', 'diagnostic', id => $waits)), 'changed my mind', 'MTA-2417: the reason of a cancellation');
is(scalar(seen('courierd', 'status', id => $waits, status => 'failure', addr => 'slow@far.test')), 1, 'MTA-2417: is a failure');

# ---- an analyser --------------------------------------------------------------------------

# Connection -> session -> id -> recipients and what became of them: nothing but the lines.
my ($taken) = seen('courieresmtpd', 'accepted', id => $one);
is(scalar(seen('courieresmtpd', 'connected', session => $taken->{session}, port => $taken->{port})), 1, 'MTA-2418: the connection of a message');
my %fate;
for my $l (@seen) {
	$fate{$l->{id}}{$l->{addr}} = $l->{status} eq 'success' ? 'done' : $l->{status} if $l->{form} eq 'status';
	$fate{$l->{id}}{$l->{addr}} = 'done' if $l->{form} =~ /^(?:localsuccess|delivered)$/;
}
is_deeply($fate{$one}, {'bob@example.test' => 'done', 'good@far.test' => 'done'}, 'MTA-2418: what became of one');
is_deeply($fate{$two}, {'bad@far.test' => 'failure'}, 'of another');
is_deeply($fate{$waits}, {'slow@far.test' => 'failure'}, 'and of the one that was cancelled');
my %new = map {$_->{id} => 1} grep {$_->{form} eq 'newmsg'} @seen;
is_deeply([sort keys %fate], [sort keys %new], 'and all that came in ended');
done_testing;
