package Interop::Opensmtpd;
use strict;
use warnings;
use parent 'Interop::Peer';
use Interop::Peer;

sub configure {
	my ($self) = @_;
	$self->user(opensmtpd => 2001);
	$self->user(opensmtpq => 2002);
	$self->put('/etc/smtpd.conf', <<'END');
pki mail.peer.test cert "/etc/mail.crt"
pki mail.peer.test key "/etc/mail.key"
table boxes file:/etc/boxes
table creds file:/etc/creds
table labels file:/etc/labels
smtp max-message-size "25000000"
listen on 192.0.2.20 port 25 tls pki mail.peer.test hostname mail.peer.test
listen on 192.0.2.20 port 587 tls-require pki mail.peer.test auth <creds> hostname mail.peer.test
action box maildir "/srv/mail/%{rcpt.user}" virtual <boxes>
action via relay host "smtp+tls://ours@192.0.2.10:587" auth <labels> tls no-verify helo mail.peer.test
action out relay helo mail.peer.test
match from any for domain peer.test action box
match from src 192.0.2.40 for domain viaours.test action via
match auth from any for any action out
match from src 192.0.2.40 for any action out
END
	$self->put('/etc/boxes', join '', map {"$_\@peer.test: vmail\n"} @Interop::Peer::BOXES);
	$self->put('/etc/labels', "ours alice:$Courier::Test::PASSWORD\n", 0640);
	$self->shell('mkdir -p /var/spool/smtpd /var/lib/opensmtpd/empty; chmod 711 /var/spool/smtpd; chgrp opensmtpq /usr/sbin/smtpctl; chmod 2555 /usr/sbin/smtpctl; chmod 600 /etc/mail.key; mkdir -p /run/opensmtpd; ln -sf /var/lib/opensmtpd/empty /var/empty;'
		. ' echo "relay@peer.test $(smtpctl encrypt secret)" >/etc/creds; chown root:opensmtpd /etc/labels /etc/creds');
}

sub run { my ($self) = @_; $self->daemon('smtpd -d -v >>/var/log/peer.log 2>&1') }
sub halt { $_[0]->kill_pids }
sub flush { $_[0]->shell('smtpctl schedule all') }
sub version { ($_[0]->shell('smtpd -h') =~ /version: OpenSMTPD ([\w.]+)/)[0] // '?' }

1;
