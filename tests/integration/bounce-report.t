#!/usr/bin/perl
# Two instances that relay to each other; what a sender gets to read, taken apart by a MIME parser
# that was not written here.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

eval { require MIME::Parser; 1 } or plan skip_all => 'MIME::Parser is not installed';

# Each needs the other's port before it is made.
my %common = (config => {esmtpd => {TARPIT => 0}, courierd => {ESMTP_BLOCKBACKSCATTER => ''}, submit => {BOFHSUPPRESSBACKSCATTER => 'none'}});
my $here = Courier::Test->new(%common, users => ['alice', 'bob'], domain => 'here.test');
my $there = Courier::Test->new(%common, users => ['carol'], domain => 'there.test');
my $dead = do {
	my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 1) or die "cannot listen: $!";
	$s->sockport;
};
sub settings {
	my ($t, %routes) = @_;
	$t->file('etc/esmtproutes', join '', map {"$_:[127.0.0.1],$routes{$_}\n"} sort keys %routes);
	$t->file("etc/$_->[0]", "$_->[1]\n") for ['esmtpdelay', '0'], ['retryalpha', '1s'], ['retrybeta', '1'], ['queuetime', '3s'], ['warntime', '0'];
	return $t->start;
}
settings($here, 'there.test' => $there->port('smtp'), 'loop.test' => $there->port('smtp'), 'dead.test' => $dead);
settings($there, 'here.test' => $here->port('smtp'), 'loop.test' => $here->port('smtp'));

# One message to one recipient, with parameters; the reply to each command that failed, or to the text.
sub send_to {
	my ($to, $subject, $rcpt, $from) = @_;
	my $s = $here->connect('smtp');
	$here->smtp_reply($s);
	my $r = '';
	for my $cmd ('EHLO client.test', 'MAIL FROM:<' . ($from // 'alice@here.test') . '>', "RCPT TO:<$to>" . ($rcpt // ''), 'DATA') {
		$r = $here->smtp($s, $cmd);
		return $r unless $r =~ /^[23]/;
	}
	print $s "Subject: $subject\r\nFrom: <alice\@here.test>\r\nTo: <$to>\r\n\r\ntext of $subject\r\n";
	return $here->smtp($s, '.');
}

# The report about the message with this subject, in parts.
sub report {
	my ($subject, $user, $seconds) = @_;
	my ($text) = $here->wait_for($seconds || 20, sub {
		my ($m) = grep {$_->[1] =~ m{^Content-Type: multipart/report}m && $_->[1] =~ /^Subject: \Q$subject\E$/m} $here->mailbox($user || 'alice');
		return $m && $m->[1];
	});
	return unless $text;
	my $parser = MIME::Parser->new;
	$parser->output_to_core(1);
	my $top = $parser->parse_data($text);
	my @blocks;
	for my $block (split /\n\n+/, $top->parts(1) && $top->parts(1)->bodyhandle ? $top->parts(1)->bodyhandle->as_string : '') {
		$block =~ s/\n[ \t]+/ /g;
		push @blocks, {map {/^([\w-]+):\s*(.*)$/ ? (lc $1 => $2) : ()} split /\n/, $block};
	}
	return {text => $text, top => $top, message => $blocks[0] || {}, recipients => [@blocks[1 .. $#blocks]]};
}

# What RFC 3462 and 3464 ask of every report.
sub well_formed {
	my ($r, $name, %expected) = @_;
	subtest $name => sub {
		ok($r, 'there is one') or return diag $here->log;
		my $top = $r->{top};
		is($top->mime_type, 'multipart/report', 'multipart/report');
		is($top->head->mime_attr('content-type.report-type'), 'delivery-status', 'report-type');
		is(join(' ', map {$_->mime_type} $top->parts), "text/plain message/delivery-status $expected{third}", 'its three parts');
		like($r->{text}, qr/^Return-Path: <>$/m, 'from nobody');
		like($top->head->get('From'), qr/\S\@\S/, 'From');
		ok($top->head->get($_), $_) for qw(Date Message-ID Subject To);
		like($r->{message}{'reporting-mta'} // '', qr/^dns; ?\S+$/i, 'Reporting-MTA');
		is(scalar @{$r->{recipients}}, 1, 'one recipient');
		my $rcpt = $r->{recipients}[0] || {};
		is($rcpt->{'final-recipient'}, "rfc822; $expected{recipient}", 'Final-Recipient');
		is($rcpt->{action}, $expected{action}, 'Action');
		like($rcpt->{status} // '', $expected{status}, 'Status');
		like($rcpt->{'diagnostic-code'} // '', $expected{diagnostic}, 'Diagnostic-Code') if $expected{diagnostic};
		like($top->parts(0)->bodyhandle->as_string, qr/\Q$expected{recipient}\E/, 'the text for people names the recipient') unless $rcpt->{'original-recipient'};
	};
}

# ---- an unknown user at the other host ----------------------------------------------------

like(send_to('nobody@there.test', 'unknown'), qr/^250/, 'mail for an unknown user elsewhere');
my $r = report('unknown');
well_formed($r, 'is bounced at once', recipient => 'nobody@there.test', action => 'failed', status => qr/^5\.1\.1$/,
	diagnostic => qr/^smtp; 550 5\.1\.1 /, third => 'message/rfc822');
like($r->{recipients}[0]{'remote-mta'} // '', qr/^dns; ?\S+/, 'Remote-MTA');
like($r->{top}->parts(2)->as_string, qr/text of unknown/, 'the message comes back');

# ---- a host that is dead ------------------------------------------------------------------

like(send_to('x@dead.test', 'patience'), qr/^250/, 'mail for a dead host');
ok($here->wait_for(10, sub { $here->log_lines(qr/x\@dead\.test.*deferred/) }), 'is deferred');
$r = report('patience', 'alice', 30);
well_formed($r, 'and bounced when the time is over', recipient => 'x@dead.test', action => 'failed', status => qr/^[45]\.4\.[17]$/, third => 'message/rfc822');

# ---- what the sender asked for ------------------------------------------------------------

like(send_to('nobody@there.test', 'never', ' NOTIFY=NEVER'), qr/^250/, 'NOTIFY=NEVER');
like(send_to('nobody@there.test', 'delay', ' NOTIFY=DELAY'), qr/^250/, 'NOTIFY=DELAY');
like(send_to('bob@here.test', 'success', ' NOTIFY=SUCCESS'), qr/^250/, 'NOTIFY=SUCCESS');
well_formed(report('success'), 'a delivery here is reported', recipient => 'bob@here.test', action => 'delivered', status => qr/^2\.\d+\.\d+$/, third => 'text/rfc822-headers');
like(send_to('carol@there.test', 'far', ' NOTIFY=SUCCESS ORCPT=rfc822;Old+2BName@there.test'), qr/^250/, 'NOTIFY=SUCCESS for the other host');
$r = report('far');
well_formed($r, 'the other host reports its delivery', recipient => 'carol@there.test', action => 'delivered', status => qr/^2\.\d+\.\d+$/, third => 'text/rfc822-headers');
is($r->{recipients}[0]{'original-recipient'}, 'rfc822;Old+Name@there.test', 'with ORCPT as it was')
    or diag $r->{text};
like($r->{message}{'reporting-mta'}, qr/mail\.there\.test/, '... in its own name');

# ---- nobody's mail ------------------------------------------------------------------------

like(send_to('nobody@there.test', 'null', '', ''), qr/^250/, 'mail with the null sender that can\'t be delivered');
like(send_to('nobody@there.test', 'double', '', 'nosuch@here.test'), qr/^250|^5\d\d/, 'mail of a sender who is not there');
ok($here->wait_for(20, sub { $here->log_lines(qr/courierdsn.*from=<#\@\[\]>,to=<postmaster.*\n?/) }), 'the report that can\'t be delivered goes to postmaster');

# ---- a loop -------------------------------------------------------------------------------

like(send_to('x@loop.test', 'loop'), qr/^250/, 'mail that goes in circles');
$r = report('loop', 'alice', 60);
ok($r, 'comes to an end');
is($r->{recipients}[0]{status}, '5.4.6', 'routing loop') or diag $r->{text};
my $hops = () = ($r->{text} // '') =~ /^Received:/mg;
cmp_ok($hops, '>', 20, 'after some hops');
cmp_ok($hops, '<=', 102, '... not more than a hundred');

ok($_->wait_empty_queue(30), 'the queue of ' . $_->domain . ' is empty') for $here, $there;
for my $subject ('never', 'delay') {
	ok(!(grep {$_->[1] =~ /text of \Q$subject\E|^Subject: \Q$subject\E$/m} map {$here->mailbox($_)} 'alice', 'bob'), "no report about '$subject'");
}
for my $subject ('null', 'double') {
	my @found = grep {$_->[1] =~ /text of $subject/} map {$here->mailbox($_)} 'alice', 'bob';
	is(scalar @found, 1, "what nobody can be told of ($subject) comes to postmaster, once") or diag $here->log;
	like($found[0][1] // '', qr/^Return-Path: <#\@\[\]>$/m, '... with the sender that ends it');
	like($found[0][1] // '', qr/^To: <postmaster\@\S+>$/m, '... and a whole address in To');
}
done_testing;
