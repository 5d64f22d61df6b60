#!/usr/bin/perl
# Virtual hosts: settings NAME.KEY for mail that came in on one address, or from the users of one domain.
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Courier::FakeSMTP;
use MIME::Base64;

my $far = Courier::FakeSMTP->new;
my $t = Courier::Test->new(
	users  => ['alice', 'bob'],
	config => {esmtpd => {TARPIT => 0}},
	files  => {
		'smtpaccess/default' => "127\tallow,RELAYCLIENT\n",
		esmtproutes          => ':[127.0.0.1],' . $far->port . "\n",
		ipout                => "127.0.0.1\n",
		me                   => "general.test\n",
		hosteddomains        => "example.test\n",
	});
my ($etc, $d) = ($t->path('etc'), $t->domain);
# the SMTP port on further addresses of the loopback
my $port = $t->port('smtp');
$t->configure(esmtpd => {PORT => "127.0.0.1.$port,127.0.0.2.$port,127.0.0.3.$port,127.0.0.6.$port"});
my $more = IO::Socket::INET->new(LocalAddr => '127.0.0.2', LocalPort => 0, Listen => 1);
plan skip_all => 'no further addresses on the loopback' if !$more;
close $more;

# MTA-0402 MTA-0405: a virtual host by address
$t->file('etc/vhost.127.0.0.2', '');
$t->file('etc/me.127.0.0.2', "second.test\n");
$t->file('etc/esmtpgreeting.127.0.0.2', "second.test says hello ESMTP\n");
$t->file('etc/esmtphelo.127.0.0.2', "helo.second.test\n");
$t->file('etc/msgidhost.127.0.0.2', "ids.second.test\n");
$t->file('etc/defaultdomain.127.0.0.2', "default.second.test\n");
$t->file('etc/sizelimit.127.0.0.2', "5000\n");
$t->file('etc/dsnfrom.127.0.0.2', "\"Second\" <reports\@second.test>\n");
# MTA-0404: empty: the same address
$t->file('etc/ipout.127.0.0.2', '');
# somebody's copy
$t->file('etc/sizelimit.bak', "no number at all\n");
# without vhost.127.0.0.3 this is not looked at
$t->file('etc/me.127.0.0.3', "third.test\n");
$t->file('etc/ipout.127.0.0.3', "127.0.0.9\n");
# MTA-0403: by the domain of the login
$t->file("etc/vhost.$d", '');
$t->file("etc/ipout.$d", "127.0.0.5\n");
$t->file("etc/me.$d", "users.test\n");
$t->file("etc/esmtpgreeting.$d", "never said\n");
# ways, passwords and times of its own
my $own = Courier::FakeSMTP->new(ehlo => ['AUTH PLAIN'], on => {RCPT => sub { $_[0] =~ /wait/ ? '450 4.2.0 later' : '250 2.1.5 Ok' }});
$t->file('etc/vhost.127.0.0.6', '');
$t->file('etc/esmtproutes.127.0.0.6', ':[127.0.0.1],' . $own->port . "\n");
chmod 0600, $t->file('etc/esmtpauthclient.127.0.0.6', '[127.0.0.1],' . $own->port . " joe secret\n");
$t->file('etc/queuetime.127.0.0.6', "2h\n");
$t->file('etc/warntime.127.0.0.6', "30m\n");
$t->start;

sub session {
	my ($ip, @commands) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => $ip, PeerPort => $port, LocalAddr => '127.0.0.1', Timeout => 10) or die "$ip: $@";
	$s->autoflush(1);
	my @r = ($t->smtp_reply($s));
	push @r, $t->smtp($s, $_) for @commands;
	return ($s, @r);
}

sub send_by {
	my ($ip, $subject, %o) = @_;
	my @login = $o{login} ? ('AUTH PLAIN ' . encode_base64("\0$o{login}\0$Courier::Test::PASSWORD", '')) : ();
	my ($s, @r) = session($ip, 'EHLO client.test', @login, 'MAIL FROM:<' . ($o{from} // "bob\@$d") . '>' . ($o{mail} // ''),
		'RCPT TO:<' . ($o{to} // 'x@far.example') . '>', 'DATA');
	return $r[-1] if $r[-1] !~ /^354/;
	print $s "Subject: $subject\r\n\r\n" . ('x' x 70 . "\r\n") x ($o{lines} // 1) . ".\r\n";
	return $t->smtp_reply($s);
}

# what the far server saw of the message with that subject: source address, EHLO, text
sub seen {
	my ($subject) = @_;
	my $text = $t->wait_for(20, sub { my ($m) = grep {/^Subject: \Q$subject\E\r?$/m} $far->messages; $m }) or return;
	my ($from, $helo) = $far->sender_of(qr/^Subject: \Q$subject\E\r?$/m);
	return ($from, $helo, $text);
}

my ($s, $greeting) = session('127.0.0.1');
like($greeting, qr/^220 general\.test /, 'MTA-0405: the general greeting');
(undef, $greeting) = session('127.0.0.2');
like($greeting, qr/^220 second\.test says hello/, 'MTA-0402 MTA-0405 MTA-0111: one of its own');
(undef, $greeting) = session('127.0.0.3');
like($greeting, qr/^220 general\.test /, 'MTA-0402: me.IP counts only beside vhost.IP');

like(send_by('127.0.0.1', 'general'), qr/^250 /, 'a message to the general address');
my ($from, $helo, $text) = seen('general');
is($from, '127.0.0.1', 'MTA-0401: leaves from ipout');
is($helo, 'general.test', 'MTA-0112: in the name me');
like($text, qr/\bby general\.test /, 'MTA-0405: Received');

like(send_by('127.0.0.2', 'second'), qr/^250 /, 'a message to the other address');
($from, $helo, $text) = seen('second');
is($from, '127.0.0.2', 'MTA-0404 MTA-0407: leaves from there, over a connection of its own');
is($helo, 'helo.second.test', 'MTA-0405 MTA-0112: in its own name');
like($text, qr/\bby second\.test /, 'MTA-0405: Received');
like(send_by('127.0.0.2', 'large', lines => 100), qr/^5(?:23|52) /, 'MTA-0405: its own size limit');
like(send_by('127.0.0.1', 'large', lines => 100), qr/^250 /, 'which others have not');
like(send_by('127.0.0.2', 'bare', from => 'someone'), qr/^250 /, 'a sender without a domain');
ok($t->wait_for(10, sub { grep {/MAIL FROM:<someone\@default\.second\.test>/} $far->commands }), 'MTA-0102 MTA-0405: gets its default domain');

like(send_by('127.0.0.3', 'third'), qr/^250 /, 'an address without vhost file');
($from) = seen('third');
is($from, '127.0.0.1', 'MTA-0402 MTA-0404: has the general settings');

# what stands in the control file of the one message for that address
sub record {
	my ($to, $letter) = @_;
	my ($c) = grep { /^r.*\Q$to\E/m } map { local (@ARGV, $/) = $_; scalar <> } glob $t->path('var/queue/msgs/*/C*') or return;
	return $c =~ /^$letter(\d+)/m ? $1 : undef;
}
like(send_by('127.0.0.6', 'ways'), qr/^250 /, 'a message to an address with ways of its own');
ok($t->wait_for(20, sub { grep { /^Subject: ways\r?$/m } $own->messages }), 'MTA-0405: esmtproutes.KEY');
ok((grep { $_ eq 'AUTH PLAIN ' . encode_base64("\0joe\0secret", '') } $own->commands), 'MTA-0405: esmtpauthclient.KEY');
like(send_by('127.0.0.1', 'no such way'), qr/^250 /, 'another');
ok(seen('no such way'), 'goes the general way');
ok(!(grep { /no such way/ } $own->messages), '... alone');
like(send_by('127.0.0.6', 'times', to => 'wait@far.example'), qr/^250 /, 'one that waits');
ok($t->wait_for(20, sub { record('wait@far.example', 'E') }), '... in the queue');
my $arrival = record('wait@far.example', 'a');
is(record('wait@far.example', 'E') - $arrival, 7200, 'MTA-0405: queuetime.KEY');
is(record('wait@far.example', 'W') - $arrival, 1800, 'MTA-0405: warntime.KEY');

# a login decides where no address does
{
	my $out = '';
	for my $ip ('127.0.0.1', '127.0.0.2') {
		$out .= `swaks --server $ip --port $port --tls --auth PLAIN --auth-user alice\@$d --auth-password '$Courier::Test::PASSWORD' --from alice\@$d --to y\@far.example --header 'Subject: login at $ip' --silent 2 2>&1`;
	}
	ok(($from, $helo, $text) = seen('login at 127.0.0.1'), 'mail of a user') or diag $out;
	is($from, '127.0.0.5', 'MTA-0403: leaves from the address of the domain');
	like($text, qr/\bby users\.test /, 'MTA-0403 MTA-0405: with its settings');
	($from) = seen('login at 127.0.0.2');
	is($from, '127.0.0.2', 'MTA-0403: an address goes before a domain');
}
(undef, $greeting) = session('127.0.0.1');
unlike($greeting, qr/never said/, 'MTA-0406: a greeting can\'t depend on who will log in');

# MTA-0407: the record, and the report
my $queued = Courier::FakeSMTP->new(on => {RCPT => '550 5.1.1 no'});
$t->file('etc/esmtproutes', "no.example:[127.0.0.1]," . $queued->port . "\n:[127.0.0.1]," . $far->port . "\n");
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(15, sub { send_by('127.0.0.2', 'bounces', to => 'x@no.example'); $queued->connections }), 'mail that bounces');
my $report = $t->wait_mail('bob', qr/^From: "?Second"? <reports\@second\.test>/m);
ok($report, 'MTA-0407 MTA-0405 MTA-0113: the report is from the virtual host') or diag join "\n", map {$_->[1]} $t->mailbox('bob');
like($report || '', qr/^Reporting-MTA: dns; ?second\.test/m, 'and in its name');
my $slow = Courier::FakeSMTP->new(on => {RCPT => '450 4.2.0 later'});
$t->file('etc/esmtproutes', ":[127.0.0.1]," . $slow->port . "\n");
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(15, sub { send_by('127.0.0.2', 'waits', to => 'x@later.example'); $slow->connections }), 'mail that waits');
ok($t->wait_for(15, sub { my @c = glob $t->path('var/queue/msgs/*/C*'); grep {/^v127\.0\.0\.2$/m} map {local (@ARGV, $/) = $_; scalar <>} @c }),
	'MTA-0407: the key stands in the control file');

is(($t->command('courier', '-C', $t->path(''), 'check'), $?)[1], 0, 'MTA-0405: files with other names behind the dot are none of its business');

# MTA-0409: the names of old are known, and told of
my $warned = do { $t->configure(courierd => {SOURCE_ADDRESS => '127.0.0.9'}); $t->command('courier', '-C', $t->path(''), 'check') };
like($warned, qr/SOURCE_ADDRESS.*ipout/, 'MTA-0409: SOURCE_ADDRESS is not read; the check says what is');
# a second spelling of an address would make two virtual hosts of one
$t->file('etc/vhost.::ffff:127.0.0.2', '');
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(15, sub { $t->log_lines(qr/virtual host .* second spelling/) }), 'MTA-0402: two spellings of one address are a fault');
like(send_by('127.0.0.2', 'still'), qr/^250 /, 'with which the old settings stay in force');

done_testing;
