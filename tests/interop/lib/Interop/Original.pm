package Interop::Original;
use strict;
use warnings;
use parent 'Interop::Peer';
use Interop::Peer;

sub configure {
	my ($self) = @_;
	$self->{uses_syslog} = 1;
	$self->syslog;
	my %files = (
		me => "mail.peer.test\n", defaultdomain => "peer.test\n", locals => "localhost\n", hosteddomains => "peer.test\n",
		'esmtpacceptmailfor.dir/default' => "peer.test\n", 'smtpaccess/default' => "127.0.0.1\tallow,RELAYCLIENT\n192.0.2.40\tallow,RELAYCLIENT\n",
		esmtproutes => "viaours.test: [192.0.2.10],587\n", esmtpauthclient => "[192.0.2.10],587 alice $Courier::Test::PASSWORD\n",
		sizelimit => "25000000\n", 'aliases/system' => "postmaster: bob\@peer.test\nroot: postmaster\n", bofh => '', esmtpdelay => "0\n",
		userdb => join('', map {"$_\@peer.test\tuid=2000|gid=2000|home=/srv/mail/$_|mail=/srv/mail/$_\n"} @Interop::Peer::BOXES)
		    . "relay\@peer.test\tuid=2000|gid=2000|home=/srv/mail/bob|mail=/srv/mail/bob|systempw=" . crypt('secret', '$1$interop') . "\n",
	);
	unlink "$self->{root}/etc/courier/esmtpacceptmailfor.dat";
	$self->put("/etc/courier/$_", $files{$_}) for sort keys %files;
	chmod 0600, "$self->{root}/etc/courier/userdb", "$self->{root}/etc/courier/esmtpauthclient";
	my $common = "BOFHCHECKDNS=0\nTARPIT=0\nESMTP_USE_STARTTLS=1\nTLS_CERTFILE=/etc/mail.pem\nTCPDOPTS=\"-stderrlogger=/usr/sbin/courierlogger -noidentlookup -nodnslookup\"\n";
	$self->put('/etc/courier/esmtpd', Interop::Peer::slurp("$self->{root}/etc/courier/esmtpd") . "PORT=25\nADDRESS=0\n$common");
	$self->put('/etc/courier/esmtpd-msa', Interop::Peer::slurp("$self->{root}/etc/courier/esmtpd-msa")
		. "PORT=587\nADDRESS=0\nAUTH_REQUIRED=1\nESMTPAUTH=\"PLAIN LOGIN\"\nESMTPAUTH_TLS=\"PLAIN LOGIN\"\n");
	$self->put('/etc/courier/courierd', Interop::Peer::slurp("$self->{root}/etc/courier/courierd")
		. "ESMTP_USE_STARTTLS=1\nESMTP_BLOCKBACKSCATTER=\nTLS_TRUSTCERTS=/etc/ca.pem\nTLS_TRUSTSECURITYCERTS=/etc/ca.pem\n");
	$self->shell(q(sed -i "s/^authmodulelist=.*/authmodulelist=\"authuserdb\"/" /etc/courier/authdaemonrc;)
		. ' chown -R courier:courier /etc/courier/userdb /etc/courier/esmtpauthclient /etc/mail.pem; chmod 640 /etc/mail.pem');
}

sub run {
	my ($self) = @_;
	$self->shell('mkdir -p /run/courier/authdaemon; chown -R courier:courier /run/courier; makeuserdb; makeacceptmailfor; makehosteddomains; makesmtpaccess;'
		. ' makesmtpaccess-msa; makealiases; (authdaemond start; courier start; esmtpd start; esmtpd-msa start) >/dev/null 2>&1 </dev/null');
}
sub halt { my ($self) = @_; $self->shell('esmtpd-msa stop; esmtpd stop; courier stop; authdaemond stop'); $self->kill_pids }
sub flush { $_[0]->shell('courier flush') }
sub version { ($_[0]->shell('dpkg-query -W courier-mta') =~ /\s([\d.]+)/)[0] // '?' }

1;
