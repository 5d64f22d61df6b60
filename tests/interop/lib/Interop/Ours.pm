package Interop::Ours;

# This suite as mail.ours.test, 192.0.2.10, with the same calls as a peer.

use strict;
use warnings;
use Interop::Peer;

sub new {
	my ($class, $lab) = @_;
	my $host = $lab->courier('ours.test', ['192.0.2.10', '2001:db8::10'], users => ['alice', @Interop::Peer::BOXES],
		config => {
			esmtpd => {BOFHCHECKDNS => 0, ESMTPAUTH_TLS => 'PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256'},
			'esmtpd-msa' => {ESMTPDSTART => 'YES', PORT => 587, ADDRESS => 0, AUTH_REQUIRED => 1},
		},
		files => {
			sizelimit => "25000000\n", esmtpdelay => "0\n", esmtpacceptmailfor => "ours.test\nsecure.ours.test\n",
			hosteddomains => "ours.test\nsecure.ours.test\tours.test\n",
			esmtproutes => "viapeer.test:[192.0.2.20],587 /SECURITY=REQUIRED\n",
			esmtpauthclient => "[192.0.2.20],587 relay\@peer.test secret\n",
		});
	chmod 0600, $host->path('etc/esmtpauthclient');
	secrets($host);
	return bless {name => 'ours', host => $host}, $class;
}

# What CRAM and SCRAM need is kept of alice.
sub secrets {
	my ($host) = @_;
	my $db = $host->path('etc/userdb');
	my $program = Courier::Test::program('userdbpw');
	my ($hmac, $scram) = map {my $r = `printf '%s\\n' '$Courier::Test::PASSWORD' | $program $_`; $r =~ s/\n//r} '-hmac-md5', '-p scram-sha-256';
	my $text = Interop::Peer::slurp($db);
	$text =~ s/^(alice\@.*\|)systempw=\S+/$1hmac-md5pw=$hmac|systempw=$scram/m or die "no line of alice in '$db'";
	open my $f, '>', $db or die "$db: $!"; # owner and mode stay
	print $f $text;
	close $f;
	$host->command('makeuserdb');
}

sub put_certificate {
	my ($self, $pem) = @_;
	my $path = $self->{host}->path('etc/esmtpd.pem');
	my @own = (stat $path)[4, 5];
	open my $f, '>', $path or die;
	print $f $pem;
	close $f;
	chown @own, $path;
	chmod 0600, $path;
}

# How mail leaves, and comes in: opportunistic TLS, none, or verified.
sub mode {
	my ($self, $mode, $ca) = @_;
	$self->{courierd} //= Interop::Peer::slurp($self->{host}->path('etc/courierd'));
	my %set = (clear => "ESMTP_USE_STARTTLS=0\n", tls => '', verified => "ESMTP_TLS_VERIFY_DOMAIN=1\nTLS_TRUSTCERTS=$ca\n");
	$self->{host}->file('etc/courierd', "$self->{courierd}\nESMTP_BLOCKBACKSCATTER=\n$set{$mode}");
	my ($pem, $away) = map {$self->{host}->path($_)} 'etc/esmtpd.pem', 'certificate';
	rename $away, $pem if -e $away;
	rename $pem, $away if $mode eq 'clear';
	$self->{host}{mail}{running} ? $self->{host}->restart : $self->{host}->start;
}

# The next server has the address of the one before: nothing that was learnt of that one counts, neither
# that its TLS is broken nor where it lay on the network.
sub forget {
	my ($self) = @_;
	my $host = $self->{host};
	$host->stop if $host->{mail}{running};
	unlink $host->path('var/sts/.no-tls');
	$host->sh('ip', 'neigh', 'flush', 'dev', 'eth0');
}

sub start { $_[0]{host}->start }
sub stop { $_[0]{host}->stop }
sub flush { $_[0]{host}->command('courier', 'flush') }
sub log { $_[0]{host}->log }
sub version { 'this one' }
sub mailbox { my ($self, $box) = @_; return map {$_->[1]} $self->{host}->mailbox($box) }

1;
