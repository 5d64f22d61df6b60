package Differ::Edge;

# The edge: what the address of a client decides, keywords of EHLO, TLS, couriertcpd, faulty access tables.
#
#	keywords  client                      the keywords of EHLO, in alphabetical order
#	encrypted client, name, lines         STARTTLS; the certificate's name, keywords, then codes of replies
#	server    args, client                couriertcpd with a script that prints its environment
#	access    text                        status of makesmtpaccess with this table

use strict;
use warnings;
use IO::Socket::INET;
use MIME::Base64 ();
use Time::HiRes qw(sleep);

my $entries = <<'E';
127.10 deny
127.10.5 allow
127.10.5.9 deny
127.10.5.10 allow,RELAYCLIENT
127.11.0.0/16 deny
127.11.3.0/24 allow
127.11.3.128/25 deny
127.12.0.4-127.12.0.7 deny
127.13.0.1 allow,BLOCK
127.13.0.2 allow,BLOCK=
127.13.0.3 allow,BLOCK="571 not you"
127.13.0.4 allow,BLOCK="451 come later"
127.13.0.5 allow,BLOCK=words
127.13.0.6 allow,BLOCK="211 no code"
127.14.0.1 allow,AUTH_REQUIRED=1
127.14.0.2 allow,ESMTP_TLS_REQUIRED=1
127.14.0.3 allow,SIZELIMIT=0
127.14.0.4 allow,BOFHNOVRFY=1,BOFHNOEXPN=1
127.14.0.5 allow,RELAYCLIENT=@relayed.test
127.14.0.6 allow,RELAYCLIENT,SIZELIMIT=500
127.14.0.7 allow,ESMTP_TLS_REQUIRED=1,AUTH_REQUIRED=1
127.14.0.8 allow,BOFHCHECKHELO=2
127.14.0.9 allow,SIZELIMIT=2000,BLOCK="553 both"
127.14.0.10 allow,BADNAME
E
our $table = $entries =~ s/^(\S+) /$1\t/mgr;

my ($hello, $mail, $here, $away) = ('EHLO client.test', 'MAIL FROM:<sender@far.test>', 'RCPT TO:<alice@example.test>', 'RCPT TO:<x@elsewhere.test>');
sub login { return 'AUTH PLAIN ' . MIME::Base64::encode_base64("\0alice\0secret", '') }

sub dialogs {
	my @c;
	my $add = sub { my ($name, $client, @lines) = @_; push @c, {name => "edge $name", kind => 'dialog', client => $client, lines => [@lines]} };
	$add->("entry for $_", $_, $hello, $mail, $here, $away) for qw(127.10.1.1 127.10.5.1 127.10.5.9 127.10.5.10 127.10.50.1 127.11.0.1 127.11.3.1 127.11.3.129 127.11.255.255
		127.12.0.3 127.12.0.4 127.12.0.6 127.12.0.7 127.12.0.8 127.99.0.1);
	$add->("BLOCK $_", "127.13.0.$_", $hello, $mail, $here, 'RCPT TO:<postmaster@example.test>', 'DATA', 'RSET', 'NOOP', 'QUIT') for 1 .. 6;
	$add->("BLOCK and login $_", "127.13.0.$_", $hello, login(), $mail, $here, $away) for 1, 3;
	$add->('AUTH_REQUIRED', '127.14.0.1', $hello, $mail, $here);
	$add->('AUTH_REQUIRED, other words', '127.14.0.1', $hello, 'NOOP', 'RSET', 'HELP', 'VRFY alice');
	$add->('AUTH_REQUIRED, login', '127.14.0.1', $hello, login(), $mail, $here, $away);
	$add->('AUTH_REQUIRED, HELO', '127.14.0.1', 'HELO client.test', $mail);
	$add->('TLS required', '127.14.0.2', $hello, $mail, $here);
	$add->('TLS required, other words', '127.14.0.2', $hello, 'NOOP', 'RSET', 'VRFY alice', 'EXPN team', 'QUIT');
	$add->('TLS required, login', '127.14.0.2', $hello, login());
	$add->('TLS required, HELO', '127.14.0.2', 'HELO client.test', $mail);
	$add->('both required', '127.14.0.7', $hello, $mail, login());
	$add->('no limit', '127.14.0.3', $hello, "$mail SIZE=99999999", $here);
	$add->('no VRFY', '127.14.0.4', $hello, 'VRFY alice', 'VRFY nobody', 'EXPN team', 'EXPN nobody');
	$add->('RELAYCLIENT with a domain', '127.14.0.5', $hello, $mail, $away, 'RCPT TO:<bare>', $here);
	$add->('relay and limit', '127.14.0.6', $hello, "$mail SIZE=400", $away);
	$add->('relay and beyond the limit', '127.14.0.6', $hello, "$mail SIZE=600", $away);
	$add->('limit and BLOCK', '127.14.0.9', $hello, "$mail SIZE=3000", $here);
	$add->('a name that means nothing', '127.14.0.10', $hello, $mail, $here);
	$add->("SECURITY=$_", '127.0.0.2', $hello, "$mail SECURITY=$_", 'RCPT TO:<x@plain.test>') for 'STARTTLS', 'starttls', 'NONE', 'STARTTLS,X';
	$add->("XVERP $_", '127.0.0.2', $hello, "$mail $_", 'RCPT TO:<x@plain.test>') for 'VERP', 'VERP=Courier', 'XVERP', 'VERP RET=HDRS';
	$add->("EXDATA $_", '127.0.0.1', $hello, "$mail $_", $here) for 'XEXDATA', 'EXDATA=1';
	return @c;
}

sub messages {
	my $text = "From: a\@far.test\nTo: b\@far.test\nSubject: %TAG%\n\nx\n";
	return map {{kind => 'message', sender => 'sender@far.test', text => $text, %$_}}
	    {name => 'edge message beyond a limit', client => '127.14.0.6', rcpt => ['alice-%TAG%@example.test'], text => $text . 'more ' x 200},
	    {name => 'edge message without a limit', client => '127.14.0.3', rcpt => ['alice-%TAG%@example.test'], text => $text . ("line of text\n" x 9000)},
	    {name => 'edge message of a relay', client => '127.10.5.10', rcpt => ['x-%TAG%@plain.test']},
	    {name => 'edge message to two, one unknown', client => '127.0.0.1', rcpt => ['alice-%TAG%@example.test', 'nobody@example.test']};
}

sub cases {
	my $n = 2800;
	my @c = (dialogs(), messages());
	$_->{client} //= '127.0.0.1' for @c;
	push @c, {name => "edge keywords for $_", kind => 'keywords', client => $_} for qw(127.0.0.1 127.0.0.5 127.14.0.1 127.14.0.2 127.14.0.3);
	my @tls = (
		['plain', '127.0.0.1', undef, $hello, $mail, $here, $away], ['login', '127.0.0.1', undef, $hello, login(), $mail, $away], ['STARTTLS again', '127.0.0.1', undef, $hello, 'STARTTLS'],
		['without EHLO', '127.0.0.1', undef, $mail], ['TLS required', '127.14.0.2', undef, $hello, $mail, $here], ['both required', '127.14.0.7', undef, $hello, $mail, login(), $mail],
		['SECURITY', '127.0.0.2', undef, $hello, "$mail SECURITY=STARTTLS", 'RCPT TO:<x@plain.test>'], ['HELO', '127.0.0.1', undef, 'HELO client.test', $mail, $here],
		['BLOCK', '127.13.0.3', undef, $hello, $mail, $here], ['unknown name', '127.0.0.1', 'nosuch.test', $hello],
	);
	push @c, {name => "edge TLS $_->[0]", kind => 'encrypted', client => $_->[1], sni => $_->[2], lines => [@$_[3 .. $#$_]]} for @tls;
	my @quiet = ('-nodnslookup', '-noidentlookup');
	my @servers = (
		['quiet', \@quiet], ['-address', [@quiet, '-address=127.0.0.1']], ['with names', ['-noidentlookup']], ['a client with a name', ['-noidentlookup'], '127.0.0.8'],
		['-nodnslookup with a name', \@quiet, '127.0.0.8'], ['-user', [@quiet, '-user=nobody']], ['-user and -group', [@quiet, '-user=nobody', '-group=nogroup']],
		['-access allows', [@quiet, '-access=ETC/smtpaccess.dat']], ['-access denies', [@quiet, '-access=ETC/smtpaccess.dat'], '127.0.0.3'],
		['-denymsg', [@quiet, '-access=ETC/smtpaccess.dat', '-denymsg=keep out'], '127.0.0.3'], ['-access sets', [@quiet, '-access=ETC/smtpaccess.dat'], '127.0.0.5'],
		['-access sets two', [@quiet, '-access=ETC/smtpaccess.dat'], '127.14.0.6'], ['-access BLOCK', [@quiet, '-access=ETC/smtpaccess.dat'], '127.13.0.3'],
		['-access empty BLOCK', [@quiet, '-access=ETC/smtpaccess.dat'], '127.13.0.2'], ['-access unset BLOCK', [@quiet, '-access=ETC/smtpaccess.dat'], '127.13.0.1'],
		['-access most specific', [@quiet, '-access=ETC/smtpaccess.dat'], '127.10.5.9'], ['-access nothing', [@quiet, '-access=ETC/smtpaccess.dat'], '127.99.0.1'],
		['-accesslocal', [@quiet, '-accesslocal', '-access=ETC/smtpaccess.dat'], '127.0.0.2'], ['no such -access', [@quiet, '-access=ETC/nosuch.dat']],
		['-block, not listed', [@quiet, '-block=bl.test']], ['-block, listed', [@quiet, '-block=bl.test'], '127.0.0.7'], ['-block with a variable', [@quiet, '-block=bl.test,LISTED'], '127.0.0.7'],
		['-block with a text', [@quiet, '-block=bl.test,BLOCK,go away'], '127.0.0.7'], ['-block for one address', [@quiet, '-block=bl.test,LISTED/127.0.0.2'], '127.0.0.7'],
		['-block for another address', [@quiet, '-block=bl.test,LISTED/127.0.0.9'], '127.0.0.7'], ['-block zone for one address', [@quiet, '-block=bl.test/127.0.0.2'], '127.0.0.7'], ['-allow', [@quiet, '-allow=bl.test'], '127.0.0.7'],
		['-allow and -block', [@quiet, '-allow=bl.test', '-block=bl.test'], '127.0.0.7'], ['-allow with a variable', [@quiet, '-allow=bl.test,LISTED'], '127.0.0.7'],
		['-maxperip', [@quiet, '-maxperip=1']], ['-maxperc and -maxprocs', [@quiet, '-maxperc=2', '-maxprocs=3']], ['unknown option', [@quiet, '-nosuch=1']], ['-warn', [@quiet, '-maxprocs=10', '-warn=5']],
	);
	push @c, {name => "edge server $_->[0]", kind => 'server', port => $n++, args => $_->[1], client => $_->[2]} for @servers;
	my %tables = (
		'sound' => "127.0.0.1\tallow\n", 'empty' => '', 'comments' => "# one\n\n#two\n127.0.0.1\tallow\n", 'twice' => "127.0.0.1\tallow\n127.0.0.1\tdeny\n", 'blanks' => "127.0.0.1 allow\n",
		'two tabs' => "127.0.0.1\t\tallow\n", 'no value' => "127.0.0.1\n", 'no address' => "\tallow\n", 'a word' => "here\tallow\n", 'too large a byte' => "127.0.0.300\tallow\n",
		'five bytes' => "1.2.3.4.5\tallow\n", 'range backwards' => "10.0.0.9-10.0.0.1\tdeny\n", 'range of two kinds' => "10.0.0.1-::1\tdeny\n", 'prefix too long' => "10.0.0.0/33\tdeny\n",
		'bits outside' => "10.0.0.1/8\tdeny\n", 'IPv6' => ":2001:0db8\tallow\n", 'IPv6 netblock' => "2001:db8::/32\tallow\n", 'IPv6 too long' => "2001:db8::/129\tallow\n", 'all' => "*\tallow\n",
		'unknown word' => "127.0.0.1\tmaybe\n", 'open quote' => "127.0.0.1\tallow,BLOCK=\"no\n", 'no end of line' => "127.0.0.1\tallow", 'CRLF' => "127.0.0.1\tallow\r\n",
	);
	push @c, {name => "edge table: $_", kind => 'access', text => $tables{$_}} for sort keys %tables;
	return @c;
}

sub words_of { my ($r) = @_; return join "\n", sort grep {!/^(?:mx|client|$)/} map {/^250[- ](.*)/ ? $1 : ()} split /\n/, $r }

sub keywords {
	my ($side, $c) = @_;
	my ($s) = Differ::Play::hello($side, $c);
	return {output => words_of(Differ::Play::say_line($s, $hello))};
}

sub encrypted {
	my ($side, $c) = @_;
	require IO::Socket::SSL;
	my ($s, $r) = Differ::Play::hello($side, $c);
	my @replies = ($r, Differ::Play::say_line($s, $hello), Differ::Play::say_line($s, 'STARTTLS'));
	return {replies => \@replies} if $replies[-1] !~ /^220/;
	IO::Socket::SSL->start_SSL($s, SSL_verify_mode => 0, Timeout => 20, $c->{sni} ? (SSL_hostname => $c->{sni}) : ()) or return {replies => \@replies, output => 'no TLS'};
	my $words = '';
	for my $line (@{$c->{lines}}) {
		push @replies, Differ::Play::say_line($s, $line);
		$words .= words_of($replies[-1]) . "\n" if $line =~ /^EHLO/;
	}
	return {replies => \@replies, output => $words};
}

sub server {
	my ($side, $c) = @_;
	my $show = "$side->{homes}/show";
	Differ::Side::write_file("$side->{root}$show", "#!/bin/sh\nenv | grep -E '^(TCP|BLOCK|RELAY|SIZE|LISTED|ALLOW)' | sed 's/PORT=.*/PORT=N/' | sort\necho \"\$# arguments, \$(id -un):\$(id -gn)\"\n");
	chmod 0755, "$side->{root}$show";
	my @args = map {s/ETC/$side->inner_etc/er} @{$c->{args}};
	my $log = "$side->{root}$side->{homes}/server.log";
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		exec $side->argv({}, 'couriertcpd', @args, $c->{port}, $show, 'one') or exit 127;
	}
	my ($s, $out);
	for (1 .. 25) {
		$s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $c->{port}, LocalAddr => $c->{client} || '127.0.0.1') and last;
		sleep 0.1;
	}
	if ($s) {
		local $SIG{ALRM} = sub { die "no end\n" };
		alarm 20;
		eval { local $/; $out = <$s>; 1 } or $out = 'no end';
		alarm 0;
	}
	kill 'TERM', $pid;
	sleep 0.1;
	kill 'KILL', $pid;
	waitpid $pid, 0;
	return {output => defined $out ? $out : $s ? 'nothing' : 'no server'};
}

sub access {
	my ($side, $c) = @_;
	my $path = "$side->{etc}/smtpaccess/default";
	rename $path, "$side->{etc}/kept" or die "$path: $!";
	Differ::Side::write_file($path, $c->{text});
	my ($status) = $side->command({}, '', 'makesmtpaccess');
	rename "$side->{etc}/kept", $path;
	return {status => $status ? 1 : 0};
}

1;
