#!/usr/bin/perl
# Hosts that refuse reports are listed by themselves; mail from their domains may be refused then.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use IO::Socket::INET;
use Test::More;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
use Courier::Test;
require Courier::FakeDNS;
require Courier::FakeSMTP;

sub server_of { my ($mail) = @_; return (MAIL => sub { my $r = $mail->(@_); $_[1]{good} = $r =~ /^2/; return $r },
	RCPT => sub { $_[1]{good} ? '250 2.1.5 Ok' : '503 5.5.1 MAIL first' },
	DATA => sub { $_[1]{good} ? '354 go on' : '503 5.5.1 MAIL first' }) }
sub no_null { return $_[0] =~ /<>/ ? '550 5.7.1 no reports please' : '250 2.1.0 Ok' }
my %server = (refuses => Courier::FakeSMTP->new(host => '127.0.0.11', on => {server_of(\&no_null)}));
my $port = $server{refuses}->port;
my @more = (
	[step => 12, on => {server_of(\&no_null)}, ehlo => ['8BITMIME']],
	[nobody => 13, on => {server_of(sub { '554 5.7.1 nothing from you' })}],
	[leaves => 14, on => {server_of(sub { $_[0] =~ /<>/ ? '550 5.7.1 no' : 'CLOSE' })}],
	[silly => 15, on => {MAIL => \&no_null, RCPT => '250 2.1.5 Ok', DATA => '354 go on'}],
	[good => 16], [relayed => 17, on => {server_of(\&no_null)}],
	[dead => 18, on => {RCPT => '550 5.1.1 no such user'}]);
my %zone = ('refuses.example A' => ['127.0.0.11']);
for (@more) {
	my ($name, $ip, %m) = @$_;
	$server{$name} = Courier::FakeSMTP->new(host => "127.0.0.$ip", port => $port, %m);
	$zone{"$name.example A"} = ["127.0.0.$ip"];
}
my $dns = Courier::FakeDNS->new(%zone);
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n127.0.0.2\tallow\n127.0.0.3\tallow,BLOCK\n",
		bofh => "opt BOFHCHECKBOUNCES=1\n", esmtpdelay => "0\n", resolver => $dns->resolver,
		esmtproutes => "relayed.example:[127.0.0.17],$port\n:,$port\n"});
$t->command('makesmtpaccess');
$t->start;

sub listed { return grep { /^@/ } split /\n/, $t->command('courier', '-C', $t->path(''), 'show', 'all') }
sub from {
	my ($ip, $sender) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => $ip, Timeout => 10) or die $@;
	$s->autoflush(1);
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO client.test');
	return $t->smtp($s, "MAIL FROM:<$sender>");
}
# A message that comes back to its sender; ends when the report has been tried.
my $n = 0;
sub report_to {
	my ($d) = @_;
	my $before = () = $t->log_lines(qr/from=<>,addr=<x\@\Q$d\E\.example>,status: /);
	$n++;
	$t->send_mail(from => "x\@$d.example", to => "none\@dead.example", text => "Subject: $n\n\nx\n");
	return $t->wait_for(40, sub { $before < (() = $t->log_lines(qr/from=<>,addr=<x\@\Q$d\E\.example>,status: /)) });
}
sub mails { my ($d) = @_; return join ' ', map { /^MAIL FROM:<(.*?)>/ ? "<$1>" : () } $server{$d}->commands }

like(from('127.0.0.2', 'y@refuses.example'), qr/^250/, 'nobody is listed at first');
ok(report_to('refuses'), 'a report that its host refuses');
like(mails('refuses'), qr/^<> <postmaster\@\S+>$/, 'another sender is tried behind it');
ok($t->wait_for(10, sub { grep { $_ eq '@refuses.example' } listed() }), 'its domain is listed by itself');
like(from('127.0.0.2', 'y@refuses.example'), qr/^517.*refuses\.example/s, '... and mail from there is refused');
like(from('127.0.0.2', 'y@REFUSES.example'), qr/^517/, '... however it is spelled');
like(from('127.0.0.2', 'y@good.example'), qr/^250/, '... from others it is not');
like(from('127.0.0.1', 'y@refuses.example'), qr/^250/, '... who may relay may send it');
like(from('127.0.0.3', 'y@refuses.example'), qr/^250/, '... and who is on a list of good ones');
report_to('refuses');
is(() = mails('refuses') =~ /postmaster/g, 1, 'what is known is not asked again at once');

report_to($_) for qw(step nobody leaves silly good relayed);
ok((grep { $_ eq '@step.example' } listed()), 'without PIPELINING');
like(mails('nobody'), qr/^<> <postmaster/, 'a host that wants nothing of us');
is(join(' ', sort(listed())), '@refuses.example @step.example', '... is not listed, nor one that leaves, nor a relay\'s domain');
like(($t->log_lines(qr/addr=<x\@leaves\.example>/))[-1], qr/status: failure/, 'the refusal stays the result when the host leaves');
is(mails('relayed'), '<>', 'a relay is not asked');

# taken off by hand; kept over a restart
$t->command('courier', '-C', $t->path(''), 'clear', '@step.example');
is(join(' ', listed()), '@refuses.example', 'it can be taken off');
$t->restart;
is(join(' ', listed()), '@refuses.example', 'the list is kept');
like(from('127.0.0.2', 'y@refuses.example'), qr/^517/, '... and counts');
# the host has mended its ways
$server{refuses}->stop;
$server{refuses} = Courier::FakeSMTP->new(host => '127.0.0.11', port => $port);
report_to('refuses');
ok($t->wait_for(10, sub { !listed() }), 'a report that is taken takes it off');
like(from('127.0.0.2', 'y@refuses.example'), qr/^250/, '... at once');
is($t->stop, '', 'stops');
done_testing;
