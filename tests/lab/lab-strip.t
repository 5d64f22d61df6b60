# slow
# T34: a box in the middle that takes STARTTLS out of what the server offers, or spoils it.
use strict;
use warnings;
use lib 'tests/lib', 'tests/lab/lib';
use IO::Select;
use IO::Socket::IP;
use Lab;
use Test::More;

my $lab = Lab->new;
$lab->zone('a.test', '@ MX 10 mail', 'mail A 192.0.2.10');
# all of b.test is reached through the box
$lab->zone('b.test', '@ MX 10 mail', 'mail A 192.0.2.99', 'direct MX 10 true', 'true A 192.0.2.20');
$lab->zone('must.test', '@ MX 10 mail.b.test.');
$lab->dns;
my %domains = (esmtpacceptmailfor => "b.test\ndirect.b.test\nmust.test\n", hosteddomains => "b.test\nmust.test\tb.test\ndirect.b.test\tb.test\n");
my $b = $lab->courier('b.test', '192.0.2.20', files => {%domains}, config => {esmtpd => {BOFHCHECKDNS => 0}})->start;

# The box: line by line both ways, until somebody really speaks TLS.
my $box = $lab->host('192.0.2.99');
my $mode = "$ENV{TMPDIR}/box";
sub mode { open my $f, '>', $mode or die; print $f $_[0]; close $f }
mode('strip');
$box->background(sub {
	my $l = IO::Socket::IP->new(LocalHost => '192.0.2.99', LocalPort => 25, Listen => 20, Type => Socket::SOCK_STREAM(), ReuseAddr => 1) or die $@;
	$SIG{CHLD} = 'IGNORE';
	while (my $c = $l->accept) {
		next if fork;
		open my $f, '<', $mode;
		my $how = <$f>;
		my $s = IO::Socket::IP->new(PeerHost => '192.0.2.20', PeerPort => 25, Type => Socket::SOCK_STREAM()) or die $@;
		my $select = IO::Select->new($c, $s);
		while (my @ready = $select->can_read(30)) {
			for my $from (@ready) {
				my $to = $from == $c ? $s : $c;
				sysread $from, my $text, 65536 or exit 0;
				$text =~ s/^250([ -])STARTTLS\r\n/250$1XXXXXXXX\r\n/m if $how eq 'strip' && $from == $s;
				if ($how eq 'refuse' && $from == $c && $text =~ /^STARTTLS/) {
					syswrite $c, "454 4.7.0 TLS not available\r\n";
					next;
				}
				syswrite $to, $text;
			}
		}
		require POSIX;
		POSIX::_exit(0);
	}
});
my $a = $lab->courier('a.test', '192.0.2.10', config => {esmtpd => {BOFHCHECKDNS => 0}},
	files => {esmtpdelay => "0\n", esmtproutes => "must.test: /SECURITY=REQUIRED\n", esmtptimeoutkeepalive => "0\n"})->start;
sub mail_to {
	my ($to, $subject) = @_;
	$a->send('alice@a.test', $to, "Subject: $subject\n\n1\n");
	return join "\n", $a->settled($to);
}
like(mail_to('bob@direct.b.test', 'direct'), qr/status: success/, 'without the box');
like($b->wait_mail('bob', qr/^Subject: direct$/m) // '', qr/with (?:UTF8)?ESMTPS/, 'TLS');
like(mail_to('bob@b.test', 'stripped'), qr/status: success/, 'stripped: mail that wants no more goes');
unlike($b->wait_mail('bob', qr/^Subject: stripped$/m) // 'ESMTPS', qr/with \S*ESMTPS/, 'in clear');
my $log = mail_to('bob@must.test', 'secret');
like($log, qr/status: deferred/, 'mail that must have TLS waits') or diag($log);
like($log, qr/TLS is required|STARTTLS/i, 'and the log says what is missing');
mode('refuse');
like(mail_to('alice@b.test', 'refused'), qr/status: (?:success|deferred)/, 'STARTTLS refused: by the rule of broken TLS');
$a->command('courier', 'flush');
sleep 2;
ok(!(grep {$_->[1] =~ /^Subject: secret$/m} $b->mailbox('bob')), 'the secret has not left in clear');
mode('honest');
ok($a->flush_until(20, sub { grep {$_->[1] =~ /^Subject: secret$/m} $b->mailbox('bob') }), 'the box is gone: it leaves') or diag(join "\n", $a->settled('bob@must.test'));
like($b->wait_mail('bob', qr/^Subject: secret$/m, 1) // '', qr/with \S*ESMTPS/, 'over TLS');
done_testing;
