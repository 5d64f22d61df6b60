#!/usr/bin/perl
# slow
# T42 V4, at each step of the client: replies with NUL, CR, ESC, tabs and line ends of every kind, a line
# without an end, a million lines. Whatever a host says, there is one result a recipient, of moderate
# size and printable; one line in the log for each thing that is said; nothing is sent behind it.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Module qw(home config deliver);
use Courier::Test;

my $home = home(me => "me.example\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n",
	esmtptimeout => "2s\n", esmtptimeouthelo => "2s\n", esmtptimeoutdata => "2s\n", esmtptimeoutquit => "1s\n");

# What is said, with this code; no text of it may become a line, a field or a result of ours.
my $record = "\tr0\tdelivered\tstatus: success\t";
my %hostile = (
	'NUL' => sub { "RAW $_[0] 5.1.1 a\0b\0\r\n" },
	'CR alone' => sub { "RAW $_[0] 5.1.1 a\rid=1,status: success\rb\r\n" },
	'LF alone' => sub { "RAW $_[0]-5.1.1 a\n$_[0] 5.1.1 id=1,status: success\n" },
	'LF in a line' => sub { "RAW $_[0] 5.1.1 a\nid=1,status: success\r\n" },
	'ESC' => sub { "RAW $_[0] 5.1.1 \e]0;title\a\e[2J\x9b2J\r\n" },
	'tabs' => sub { "RAW $_[0] 5.1.1${record}x\r\n" },
	'all bytes' => sub { "RAW $_[0] 5.1.1 " . join('', map {chr} grep {$_ != 10 && $_ != 13} 0 .. 255) . "\r\n" },
	'many long lines' => sub { 'RAW ' . ("$_[0]-" . 'x' x 500 . "\r\n") x 90 . "$_[0] 5.1.1 end\r\n" },
	'a line of a million bytes' => sub { "RAW $_[0] " . 'x' x 1_000_000 . "\r\n" },
	'a million lines' => sub { "FLOOD $_[0]" },
);
my @steps = ('greeting', 'EHLO', 'STARTTLS', 'AUTH', 'MAIL', 'RCPT', 'DATA', 'end');
my $log = "$home/log/module";

for my $step (@steps) {
	for my $what (sort keys %hostile) {
		my $say = $hostile{$what}->(550);
		my $s = Courier::FakeSMTP->new(ehlo => [$step eq 'STARTTLS' ? 'STARTTLS' : (), $step eq 'AUTH' ? 'AUTH PLAIN' : (), '8BITMIME'],
			$step =~ /^[a-z]/ ? ($step => $say) : (on => {$step => $say, $step eq 'EHLO' ? (HELO => $say) : ()}));
		my $port = $s->port;
		config($home, esmtproutes => ":[127.0.0.1],$port\n", esmtpauthclient => $step eq 'AUTH' ? "[127.0.0.1],$port joe secret\n" : '');
		my @r = deliver($home, 'esmtp', host => 'r.example');
		subtest "T42 V4: $what at $step" => sub {
			is(scalar @r, 1, 'one result') or return;
			my $r = $r[0];
			like($r->{outcome}, $step eq 'STARTTLS' ? qr/^(?:deferred|failed|relayed)$/ : qr/^(?:deferred|failed)$/, 'its outcome');
			like($r->{status}, qr/^[245]\.\d{1,3}\.\d{1,3}$/, 'its status');
			unlike($r->{diagnostic}, qr/[\x00-\x09\x0b-\x1f\x7f]/, 'its text has no control bytes');
			unlike($r->{diagnostic}, qr/^id=1/m, 'and no line of theirs');
			cmp_ok(length $r->{diagnostic}, '<', 20000, 'and is of moderate size');
			open my $f, '<:raw', $log or die "$log: $!";
			my @lines = <$f>;
			cmp_ok(scalar @lines, '<', 20, 'a few lines in the log');
			ok(!(grep {!/\A[\x20-\x7e\x80-\xff]*\n\z/ || /^(?:id=1|status)/ || length > 2000} @lines), 'each is one line, printable') or diag @lines;
			is(scalar(grep {/^\*bare\*$/} $s->commands), 0, 'no bare line end');
			my @text = grep {length} $s->messages;
			is(scalar @text, $step eq 'end' || $r->{outcome} eq 'relayed' ? 1 : 0, 'the message goes when it may');
		};
	}
}

# In the whole system: queue file, log, mailq and the report.
my $s = Courier::FakeSMTP->new(on => {RCPT => sub {
	my ($line) = @_;
	my ($n, $code) = $line =~ /<k(\d+)-(\d)/ or return '250 2.1.5 Ok';
	return $hostile{(sort keys %hostile)[$n]}->("${code}50");
}});
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {esmtpdelay => "0\n", resolver => "127.0.0.1\@9\n", retryalpha => "1h\n", 'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $s->port . "\n"});
$t->command('makesmtpaccess');
$t->start;
my @kinds = sort keys %hostile;
for my $n (0 .. $#kinds) {
	$t->send_mail(from => 'alice@' . $t->domain, to => "k$n-$_\@far.test", text => "Subject: k$n-$_\n\nx\n") for 4, 5;
}
ok($t->wait_for(60, sub {
	my $all = join '', $t->log_lines(qr/courieresmtp.*addr=<k\d+-\d\@far\.test>.*status: /);
	return !grep {my $n = $_; grep {$all !~ /<k$n-$_\@/} 4, 5} 0 .. $#kinds;
}), 'T42 V4: each message was tried');
my @lines = $t->log_lines(qr/./);
ok(!(grep {/[\x00-\x08\x0b-\x1f\x7f]/ || length > 2100} @lines), 'T42 V4: the log is printable, line by line');
ok(!(grep {/^(?:id=1|status)/} @lines), '... and none of them is theirs');
my @queue = split /\n/, $t->command('mailq', '-batch');
ok(!(grep {/[\x00-\x08\x0b-\x1f\x7f]/} @queue), 'T42 V4: mailq -batch is printable');
my @left = grep {/far\.test/} @queue;
cmp_ok(scalar @left, '>=', scalar @kinds, '... a line for each that waits');
ok(!(grep {!/^\d+ *;[0-9A-Za-z.]+;[^;]*;/ && /far\.test/} @queue), '... and each well formed') or diag join "\n", @left;
is($t->stop, '', 'stops');
$t->start;
is(join("\n", sort grep {/far\.test/} split /\n/, $t->command('mailq', '-batch')), join("\n", sort @left), 'T42 V4: a restart reads the queue files back as they were');
is($t->stop, '', 'stops');
done_testing;
