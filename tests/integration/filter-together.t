#!/usr/bin/perl
# The filters that ship, started by courierfilter and asked by the gate: mail by ESMTP and by sendmail
# (MTA-2001, MTA-2003, MTA-2006, MTA-2011).
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
eval { require Net::DNS; 1 } or plan skip_all => 'Net::DNS is missing';
require Courier::FakeDNS;
require Courier::FakeSMTP;

my $prefix = $ENV{COURIER_TEST_PREFIX};
my $perl = -x "$prefix/libexec/courier/filters/perlfilter";
my $host = Courier::FakeSMTP->new(host => '127.0.0.2', on => {RCPT => sub {$_[0] =~ /<no/ ? '550 5.1.1 nobody' : '250 2.1.5 fine'}});
my $dns = Courier::FakeDNS->new('good.example MX' => ['10 mx.good.example.'], 'mx.good.example A' => ['127.0.0.2']);
my $t = Courier::Test->new(users => ['alice'], config => {esmtpd => {TARPIT => 0}},
	files => {resolver => $dns->resolver, esmtproutes => ':,' . $host->port . "\n", enablefiltering => "esmtp local\n",
		'filters/ratefilter-maxrcpts' => "3\n", 'filters/ratefilter-minuid' => "0\n",
		'filters/perlfilter' => "$prefix/share/courier/perlfilter-example.pl\n", 'filters/perlfilter-numprocs' => "2\n",
		map {("filters/$_-mode" => "all\n")} qw(dupfilter ratefilter verifyfilter perlfilter)});
$t->start;
my @dir = ('-C', $t->path(''));
my $alice = 'alice@' . $t->domain;
my $n = 0;

sub mail {
	my ($from, $body, $header) = @_;
	$n++;
	return $t->send_mail(from => $from, to => $alice, text => ($header || '') . "Subject: number $n\n\n$body\n");
}
sub state_of { my ($l) = grep {/^filter/} split /\n/, $t->command('courier', @dir, 'status'); return $l || '' }
sub use_filter {
	my ($name) = @_;
	my $out = $t->command('filterctl', @dir, 'start', $name);
	ok($t->wait_for(20, sub {state_of() =~ /\b$name=ready/}), "$name is ready") or diag $out, $t->log;
}
sub drop_filter {
	my ($name) = @_;
	$t->command('filterctl', @dir, 'stop', $name);
	ok($t->wait_for(20, sub {state_of() !~ /\b$name=/}), "$name has ended") or diag $t->log;
}

like(mail('nobody@good.example', 'no filter yet'), qr/^250 /, 'without filters everything passes');

use_filter('dupfilter');
my @answers = map {mail('joe@good.example', "Buy one of $_ now")} 1 .. 4;
is(scalar(grep {/^250 /} @answers), 3, 'dupfilter: three copies pass');
is($answers[3], "550 5.7.1 Duplicate message rejected.\r\n", 'dupfilter: the fourth does not');
like(mail('joe@good.example', 'something else'), qr/^250 /, 'dupfilter: another message does');
ok($t->wait_for(5, sub {$t->log_lines(qr/dupfilter.*id=[0-9A-F.]+,refused,from=<joe\@good\.example>: a copy too many/)}), 'dupfilter: its log is in the log');
drop_filter('dupfilter');
like(mail('joe@good.example', 'Buy one of 5 now'), qr/^250 /, 'without it everything passes again');

use_filter('verifyfilter');
like(mail('joe@good.example', 'verified'), qr/^250 /, 'verifyfilter: a sender who can be told');
like(mail('nobody@good.example', 'not verified'), qr/\A550-5\.1\.8 mx\.good\.example \[127\.0\.0\.2\]:\r\n.*550 5\.1\.8 <nobody\@good\.example> verification failed\.\r\n\z/s, 'verifyfilter: one who cannot');
like(mail('', 'a report'), qr/^250 /, 'verifyfilter: a report');
ok(-d $t->path('var/filters/.verified'), 'verifyfilter: what it knows is kept');
ok(!$t->log_lines(qr/verifyfilter.*cannot use the folder/), 'in a folder that it may use');
drop_filter('verifyfilter');

use_filter('ratefilter');
sub sendmail {
	$n++;
	my $message = $t->file('message', "To: $alice\nSubject: number $n\n\nfrom here\n");
	local $ENV{COURIER_HOME} = $t->path('');
	my $out = `$prefix/bin/sendmail -f me\@good.example $alice <$message 2>&1`;
	return ($? >> 8) . " $out";
}
my @sent = map {sendmail()} 1 .. 4;
is(scalar(grep {/^0 /} @sent), 3, 'ratefilter: three recipients pass');
like($sent[3], qr/^[1-9]\d* .*exceeded administrative limit/s, 'ratefilter: the fourth does not');
like(mail('joe@good.example', 'from elsewhere'), qr/^250 /, 'ratefilter: strangers are not counted');
drop_filter('ratefilter');

# alice has no filter of her own, so her mail is shown to those alone who see everything
unlink $t->path('etc/filters/dupfilter-mode');
use_filter('dupfilter');
@answers = map {mail('joe@good.example', "Buy two of $_ now")} 1 .. 5;
is(scalar(grep {/^250 /} @answers), 5, 'a filter among the others is not asked about it');
drop_filter('dupfilter');

SKIP: {
	skip 'built without Perl', 6 if !$perl;
	use_filter('perlfilter');
	ok(-S $t->path('var/allfilters/perlfilter'), 'perlfilter: among those who see everything');
	like(mail('joe@good.example', 'x', "Date: Thu, 26 Nov 2026 10:00:00 +0000\n"), qr/^250 /, 'perlfilter: a message passes');
	like(mail('joe@good.example', 'y', 'Date: ' . ('9' x 200) . "\n"), qr/^550 5\.6\.0 The Date: of the message is longer/, 'perlfilter: a harmful one does not');
	is($t->stop, '', 'all ends');
	$t->start;
	ok($t->wait_for(20, sub {state_of() =~ /perlfilter=ready/}), 'and comes back with the next start');
}
$t->wait_empty_queue(20);
ok($t->wait_mail('alice', qr/^Subject: number 1$/m), 'what passed is delivered');
is(scalar(grep {$_->[1] =~ /not verified|9{200}/} $t->mailbox('alice')), 0, 'what was refused is not');
is($t->stop, '', 'all ends');
done_testing;
