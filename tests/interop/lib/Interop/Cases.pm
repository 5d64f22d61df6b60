package Interop::Cases;

# What is sent from one server to the other.  A case gets the world ($w: from, to, mode and calls of
# Interop::World) and returns '' when all is well, else what is not.

use strict;
use warnings;
use MIME::Base64;
use MIME::QuotedPrint;

my $n = 0;

sub message {
	my ($body, @headers) = @_;
	my $token = sprintf 'interop-%d-%d', $$, ++$n;
	return ($token, join "\r\n", "Subject: $token", 'Message-ID: <' . $token . '@client.test>', 'Date: Thu, 01 Jan 2026 10:00:00 +0000',
		'From: sender <' . $token . '@client.test>', 'To: undisclosed-recipients:;', @headers, '', $body);
}

sub lf { my ($text) = @_; $text =~ s/\r\n/\n/g; return $text }

# The body of a message as it was meant: transfer encoding undone.
sub body_of {
	my ($text) = @_;
	my ($head, $body) = split /\n\n/, lf($text), 2;
	return decode_base64($body) if $head =~ /^Content-Transfer-Encoding: *base64/mi;
	return decode_qp($body) if $head =~ /^Content-Transfer-Encoding: *quoted-printable/mi;
	return $body // '';
}

# Sends a body and compares what arrives.
sub same {
	my ($w, $body, %m) = @_;
	my ($token, $data) = message($body, @{$m{headers} || []});
	my $r = $w->inject(%m, data => $data);
	return "refused: $r" if $r !~ /^250/;
	my ($got) = $w->arrives($m{box} // 'bob', $token);
	return 'nothing arrived' if !defined $got;
	my ($was, $is) = (lf($body), body_of($got));
	$_ =~ s/\n*\z/\n/ for $was, $is;
	return '' if $was eq $is;
	my $at = 0;
	$at++ while substr($was, $at, 1) eq substr($is, $at, 1);
	return "the body differs at byte $at: " . length($was) . ' became ' . length($is) . ': ' . (substr($is, $at, 30) =~ s/[^ -~]/?/gr);
}

my $line = join('', map {chr(97 + $_ % 26)} 1 .. 70) . "\r\n";

my @all = (
	[plain => sub { same($_[0], "one line\r\n") }],
	[encrypted => sub {
		my ($w) = @_;
		my ($token, $data) = message("x\r\n");
		$w->inject(data => $data);
		my ($got) = $w->arrives('bob', $token);
		return 'nothing arrived' if !defined $got;
		my ($by) = lf($got) =~ /^(Received: .*\n(?:[ \t].*\n)*)/m;
		my $tls = $by =~ /ESMTPS|TLS|\(.*cipher/i ? 'tls' : 'clear';
		return $tls eq ($w->{mode} eq 'clear' ? 'clear' : 'tls') ? '' : "it came $tls: " . ($by =~ s/\s+/ /gr);
	}],
	[dots => sub { same($_[0], ".\r\n..\r\n...\r\n.x\r\n\r\n.\r\nlast\r\n.\r\n") }],
	[noeol => sub { same($_[0], "a\r\n\r\n\r\n", bdat => 0) }],
	[lines998 => sub { same($_[0], ('x' x 998) . "\r\n" . ('.' x 998) . "\r\n") }],
	[lines5000 => sub { same($_[0], ('y' x 5000) . "\r\nz\r\n") }],
	['8bitmime' => sub { same($_[0], "gr\xc3\xbc\xc3\x9fe\r\n", mail => 'BODY=8BITMIME', headers => ['MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', 'Content-Transfer-Encoding: 8bit']) }],
	[size => sub { same($_[0], $line x 100, mail => 'SIZE=7500') }],
	[big20 => sub { same($_[0], $line x 290000) }],
	[toobig => sub {
		my ($w) = @_;
		my ($token, $data) = message($line x 380000);
		my $r = $w->inject(data => $data, mail => 'SIZE=' . length $data);
		return $r =~ /^552/ ? '' : "not refused by SIZE: $r";
	}],
	[many => sub {
		my ($w) = @_;
		my ($token, $data) = message("for fifty\r\n");
		my $r = $w->inject(data => $data, to => [map {["u$_\@$w->{domain}"]} 1 .. 50]);
		return "refused: $r" if $r !~ /^250/;
		my @missing = grep {!$w->arrives("u$_", $token)} 1 .. 50;
		return @missing ? 'missing: ' . join ' ', @missing : '';
	}],
	[chunking => sub {
		my ($w) = @_;
		return '-' if $w->offers !~ /CHUNKING/;
		return same($w, $line x 1000, bdat => 1);
	}],
	[binarymime => sub {
		my ($w) = @_;
		return '-' if $w->offers !~ /BINARYMIME/;
		return same($w, join('', map {chr} 1 .. 9, 11, 12, 14 .. 255) x 20 . "\0\1\2end", bdat => 1, mail => 'BODY=BINARYMIME',
			headers => ['MIME-Version: 1.0', 'Content-Type: application/octet-stream', 'Content-Transfer-Encoding: binary']);
	}],
	[smtputf8 => sub {
		my ($w) = @_;
		return '-' if $w->offers !~ /SMTPUTF8/;
		my ($token, $data) = message("x\r\n", "Comments: gr\xc3\xbc\xc3\x9fe");
		my $r = $w->inject(data => $data, mail => 'SMTPUTF8 BODY=8BITMIME', from => "j\xc3\xb6rg\@client.test");
		return "refused: $r" if $r !~ /^250/;
		my ($got) = $w->arrives('bob', $token);
		return 'nothing arrived' if !defined $got;
		return $got =~ /^Comments: gr\xc3\xbc\xc3\x9fe/m ? '' : 'the header has changed';
	}],
	[dsn_success => sub {
		my ($w) = @_;
		return '-' if $w->offers !~ /DSN/;
		my ($token, $data) = message("x\r\n");
		my $r = $w->inject(data => $data, mail => "RET=HDRS ENVID=env+2B$token", to => [["bob\@$w->{domain}", 'NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first+2Bname@old.test']]);
		return "refused: $r" if $r !~ /^250/;
		my ($report) = $w->comes_back($token, qr/^Action: (?:delivered|relayed)/mi);
		return 'no report of success' if !defined $report;
		return 'ENVID is lost' if $report !~ /^Original-Envelope-Id: env\+$token/mi;
		return 'ORCPT is lost' if $report !~ /^Original-Recipient: rfc822; *first\+name\@old\.test/mi;
		return 'no Status' if $report !~ /^Status: 2\.\d+\.\d+/mi;
		return $report =~ /^Action: delivered/mi ? '' : 'only relayed: ' . ($report =~ /^(Reporting-MTA:.*)/mi)[0];
	}],
	[dsn_failure => sub {
		my ($w) = @_;
		my ($token, $data) = message("the text\r\n");
		my $r = $w->inject(data => $data, to => [["nobody-at-all\@$w->{domain}"]]);
		return "refused: $r" if $r !~ /^250/;
		my ($report) = $w->comes_back($token, qr/^Action: failed/mi);
		return 'no report of failure' if !defined $report;
		return 'no Status 5' if $report !~ /^Status: 5\.\d+\.\d+/mi;
		return 'no multipart/report' if $report !~ /^Content-Type: multipart\/report/mi;
		return $report =~ /^Final-Recipient: rfc822; *nobody-at-all\@/mi ? '' : 'no Final-Recipient';
	}],
	[dsn_never => sub {
		my ($w) = @_;
		return '-' if $w->offers !~ /DSN/;
		my ($token, $data) = message("x\r\n");
		$w->inject(data => $data, to => [["nobody-at-all\@$w->{domain}", 'NOTIFY=NEVER']]);
		my ($second, $more) = message("x\r\n");
		$w->inject(data => $more, to => [["nobody-at-all\@$w->{domain}"]]);
		return 'no report of failure' if !$w->comes_back($second, qr/^Action: failed/mi);
		return $w->comes_back($token, qr/./, 0.5) ? 'a report in spite of NEVER' : '';
	}],
	[prdr => sub { # of two recipients one does not want the message
		my ($w) = @_;
		return '-' if !$w->{taker}->can('prdr');
		my ($token, $data) = message("x\r\n", 'X-Not-For-U2: yes');
		my $r = $w->inject(data => $data, to => [map {["$_\@$w->{domain}"]} 'bob', 'u2']);
		return "refused: $r" if $r !~ /^250/;
		return 'nothing arrived' if !$w->arrives('bob', $token);
		my ($report) = $w->comes_back($token, qr/^Action: failed/mi);
		return 'no report of failure' if !defined $report;
		return 'the report is not of the one' if $report !~ /^Final-Recipient: rfc822; *u2\@/mi || $report =~ /^Final-Recipient: rfc822; *bob\@/mi;
		return (grep {/\Q$token\E/} $w->{taker}->mailbox('u2')) ? 'it came to who does not want it' : '';
	}],
	[retry => sub {
		my ($w) = @_;
		my ($token, $data) = message("later\r\n");
		my $asked = $w->busy_while(sub { $w->inject(data => $data) });
		return 'the busy server was not asked' if !$asked;
		return $w->arrives('bob', $token) ? '' : 'it did not come later';
	}],
	[auth => sub {
		my ($w) = @_;
		my ($token, $data) = message("by submission\r\n");
		my $r = $w->inject(data => $data, to => [[$w->{domain} eq 'peer.test' ? 'x@viapeer.test' : 'x@viaours.test']]);
		return "refused: $r" if $r !~ /^250/;
		return $w->sunk($token) ? '' : 'it did not come through the other server';
	}],
	[mechanisms => sub { # each that the sender has: what the taker says of it in Received
		my ($w) = @_;
		my @wrong;
		return '-' if !$w->{sender}->can('mechanisms');
		for my $mechanism ($w->{sender}->mechanisms) {
			$w->{sender}->mechanism($mechanism);
			my ($token, $data) = message("by $mechanism\r\n");
			my $r = $w->inject(data => $data, to => [['x@viaours.test']]);
			my $got = $r =~ /^250/ && $w->sunk($token);
			push @wrong, $mechanism if !$got || $got !~ /AUTH: \Q$mechanism\E/;
		}
		return @wrong ? "not by @wrong" : '';
	}],
);

# Those that need not be seen in clear as well.
my %once = map {$_ => 1} qw(auth mechanisms toobig retry dsn_never);

sub names {
	my ($mode) = @_;
	return qw(plain encrypted) if $mode eq 'verified';
	return grep {$mode eq 'tls' || !$once{$_}} map {$_->[0]} @all;
}

sub play { my ($name, $w) = @_; my ($case) = grep {$_->[0] eq $name} @all; return $case->[1]->($w) }

1;
