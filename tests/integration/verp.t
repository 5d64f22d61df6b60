#!/usr/bin/perl
# Variable envelope return paths: MTA-1001, MTA-3201 from the command line and by SMTP, MTA-1003 at the final
# delivery, each recipient by itself toward another host, MTA-1004 reports to the plain sender.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Test;

my $host = Courier::FakeSMTP->new(on => {RCPT => sub { $_[0] =~ /<bad/ ? '550 5.1.1 nobody' : '250 2.1.5 Ok' }});
my $t = Courier::Test->new(users => ['alice', 'list'],
	config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}, courierd => {ESMTP_BLOCKBACKSCATTER => ''}},
	files => {
		'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n",
		esmtproutes => ':[127.0.0.1],' . $host->port . "\n",
		resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n",
	});
my $domain = $t->domain;
$t->start;
my ($home) = $t->maildir('alice') =~ m,(.*)/Maildir$,;

sub instructions {
	my ($name, $text) = @_;
	my $file = $t->file(substr($home, length $t->path('')) . "/$name", $text);
	chown +(stat $home)[4, 5], $file if $> == 0;
	chmod 0600, $file;
}
instructions('.courier-env', "|echo \"\$SENDER\" > sender; echo \"\$UFLINE\" > ufline; echo \"\$RPLINE\" > rpline\n");
instructions('.courier-box', "./box\n");

sub slurp { my ($f) = @_; open my $h, '<', $f or return ''; local $/; return scalar(<$h>) // '' }
sub by_smtp {
	my ($params, @to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	$t->smtp($s, $_) for 'EHLO client.test', "MAIL FROM:<list\@$domain>$params", map {"RCPT TO:<$_>"} @to;
	$t->smtp($s, 'DATA');
	print $s "Subject: by smtp\r\nFrom: <list\@$domain>\r\n\r\nx\r\n.\r\n";
	return $t->smtp_reply($s);
}

# ---- the command line ---------------------------------------------------------------------

{
	local $ENV{COURIER_HOME} = $t->path('');
	open my $p, '|-', Courier::Test::program('sendmail'), '-verp', '-f', "list\@$domain", "alice\@$domain", "alice-env\@$domain",
	    "one+x\@far.test", "two\@far-away.test" or die $!;
	print $p "Subject: by hand\nFrom: <list\@$domain>\n\nx\n";
	close $p;
	is($?, 0, 'MTA-3201: sendmail -verp');
}
like($t->wait_mail('alice', qr/^Subject: by hand$/m) // '', qr/^Return-Path: <list-alice=example\.test\@\Q$domain\E>$/m, 'MTA-1003: Return-Path');
ok($t->wait_for(20, sub { -s "$home/rpline" }), 'a program has it');
my $encoded = "list-alice+2Denv=example.test\@$domain"; # the dash is encoded, too
is(slurp("$home/sender"), "$encoded\n", 'MTA-1003: SENDER');
like(slurp("$home/ufline"), qr/^From \Q$encoded\E /, 'MTA-1003: UFLINE');
is(slurp("$home/rpline"), "Return-Path: <$encoded>\n", 'MTA-1003: RPLINE');
sub senders { return sort map {/^MAIL FROM:<([^>]*)>/ ? $1 : ()} $host->commands }
ok($t->wait_for(20, sub { scalar(my @a = senders()) >= 2 }), 'another host gets two messages') or diag $t->log;
is(join(' ', senders()), "list-one+2Bx=far.test\@$domain list-two=far+2Daway.test\@$domain", 'MTA-0919: ... each from its own sender');

# ---- by SMTP ------------------------------------------------------------------------------

for my $params (' VERP', ' XVERP', ' XVERP=Courier') {
	unlink "$home/box";
	like(by_smtp($params, "alice-box\@$domain"), qr/^250/, "MAIL FROM with$params");
	ok($t->wait_for(20, sub { slurp("$home/box") =~ /^From list-alice\+2Dbox=example\.test\@\Q$domain\E .*\n.*\nReturn-Path: <list-alice\+2Dbox=/ }), 'an mbox') or diag slurp("$home/box");
}
like(by_smtp(' VERP', "bad\@far.test", "bad2\@far.test"), qr/^250/, 'addresses that fail');
my $report = $t->wait_mail('list', qr{^Content-Type: multipart/report}m, 30);
like($report // '', qr/^Delivered-To: list\@\Q$domain\E$/m, 'MTA-1004: the report goes to the plain address');
like($report // '', qr/^Final-Recipient: rfc822; $_\@far\.test$/m, "MTA-1004: and names $_") for 'bad', 'bad2';
ok($t->wait_empty_queue(20), 'nothing is left');
is(scalar(grep {$_->[1] =~ m{multipart/report}} $t->mailbox('list')), 1, 'one report');
is($t->stop, '', 'stops');
done_testing;
