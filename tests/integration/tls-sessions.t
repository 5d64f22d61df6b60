#!/usr/bin/perl
# slow
# Sessions are resumed by tickets: with any process of a service, after the restart of one, in TLS 1.2
# and 1.3; not across services, not where certificates are asked for, never with early data.
# MTA-0622
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use Time::HiRes qw(sleep);

my $t = Courier::Test->new(config => {
	esmtpd => {TARPIT => 0},
	courierd => {ESMTPD_WORKERS => 2},
	'esmtpd-msa' => {TLS_CACHESIZE => 0},
	'pop3d-ssl' => {TLS_VERIFYPEER => 'PEER', TLS_TRUSTCERTS => 'esmtpd.pem'},
});
$t->start;
my $file = $t->scratch . '/session';
my %goodbye = (smtp => 'QUIT', smtps => 'QUIT', submission => 'QUIT', imaps => 'a LOGOUT', pop3s => 'QUIT');

# A conversation to its end (a ticket of TLS 1.3 comes behind the handshake): what s_client says.
sub talk {
	my ($service, @args) = @_;
	my $port = $t->port($service);
	my $start = $service =~ /^(?:smtp|submission)\z/ ? '-starttls smtp' : '';
	return scalar qx((sleep 0.3; printf '$goodbye{$service}\\r\\n'; sleep 0.1) | timeout 10 openssl s_client -ign_eof -connect 127.0.0.1:$port $start @args 2>&1);
}
sub resumed { my ($out) = @_; return $out =~ /^Reused, / ? 'resumed' : $out =~ /^Reused, /m ? 'resumed' : $out =~ /^New, TLS/m ? 'new' : "no TLS: $out" }
sub session { my ($service, @args) = @_; unlink $file; return talk($service, @args, '-sess_out', $file) }

for my $version ('-tls1_2', '-tls1_3') {
	is resumed(session('smtps', $version)), 'new', "$version: a new session";
	my %by;
	for (1 .. 12) {
		is resumed(talk('smtps', $version, '-sess_in', $file)), 'resumed', '... resumed';
	}
	$by{$_}++ for map {/courieresmtpd\[(\d+)\]/} $t->log_lines(qr/resumed=1/);
	cmp_ok scalar(keys %by), '>=', 2, 'MTA-0622: by both processes' or diag(join "\n", $t->log_lines(qr/tls,relay/));
}
session('smtps', '-tls1_3');
my $next = "$file.next";
is resumed(talk('smtps', '-tls1_3', '-sess_in', $file, '-sess_out', $next)), 'resumed', 'TLS 1.3: a session resumed';
is -s $next ? resumed(talk('smtps', '-tls1_3', '-sess_in', $next)) : 'no ticket', 'resumed', '... gives the ticket for the next time';
like session('smtps', '-tls1_3'), qr/Max Early Data: 0\b|Early data was not sent/, 'no early data';
unlike talk('smtps', '-tls1_3', '-sess_in', $file), qr/Early data was accepted/, '... later either';

# ---- a process dies
my @workers = map {/^esmtpd\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'security');
SKIP: {
	skip 'processes not found', 3 unless @workers == 2;
	is resumed(session('smtps')), 'new', 'a session';
	kill 'KILL', @workers;
	ok $t->wait_for(20, sub {
		my @now = map {/^esmtpd\s+(\d+) / ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'security');
		return @now == 2 && !grep {my $n = $_; grep {$_ == $n} @workers} @now;
	}), 'new processes';
	my $out;
	ok $t->wait_for(10, sub {($out = resumed(talk('smtps', '-sess_in', $file))) eq 'resumed'}), 'MTA-0622: it is resumed with one that has never seen it' or diag($out);
}

# ---- the key process dies: full handshakes, no errors
my ($key) = map {/^key\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'security');
kill 'KILL', $key;
my $after;
ok $t->wait_for(20, sub {($after = resumed(talk('smtps', '-sess_in', $file))) eq 'new'}), 'tickets of a key process that is gone: a full handshake' or diag($after);

# ---- limits
ok $t->wait_for(15, sub {session('smtps'); -s $file}), 'both processes have found the new key process';
is resumed(talk('smtp', '-sess_in', $file)), 'new', 'not with another service';
ok $t->wait_for(15, sub {session('imaps'); -s $file}), '... IMAP too';
is resumed(talk('imaps', '-sess_in', $file)), 'resumed', 'IMAP-0082: IMAP resumes its own';
is resumed(talk('smtps', '-sess_in', $file)), 'new', '... which SMTP does not take';
for my $version ('-tls1_2', '-tls1_3') {
	session('submission', $version);
	is -s $file ? resumed(talk('submission', '-sess_in', $file)) : 'new', 'new', "MTA-0622: TLS_CACHESIZE=0: no $version session is resumed";
	session('pop3s', $version);
	is -s $file ? resumed(talk('pop3s', '-sess_in', $file)) : 'new', 'new', 'nor where certificates are asked for';
}
is $t->stop, '', 'stops';
done_testing;
