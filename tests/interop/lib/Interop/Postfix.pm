package Interop::Postfix;
use strict;
use warnings;
use parent 'Interop::Peer';
use Interop::Peer;

sub configure {
	my ($self) = @_;
	$self->user(postfix => 2001);
	$self->user(postdrop => 2002);
	$self->shell('cp /usr/share/postfix/master.cf.dist /etc/postfix/master.cf; cp /usr/share/postfix/main.cf.dist /etc/postfix/main.cf') if !-e "$self->{root}/etc/postfix/master.cf";
	$self->put('/etc/postfix/main.cf', <<'END');
compatibility_level = 3.6
maillog_file = /var/log/peer.log
myhostname = mail.peer.test
mydomain = peer.test
mydestination =
inet_protocols = all
mynetworks = 192.0.2.40/32 127.0.0.0/8
virtual_mailbox_domains = peer.test
virtual_mailbox_base = /srv/mail
virtual_mailbox_maps = regexp:/etc/postfix/boxes
virtual_uid_maps = static:2000
virtual_gid_maps = static:2000
virtual_mailbox_limit = 0
transport_maps = texthash:/etc/postfix/transport
message_size_limit = 25000000
smtputf8_enable = yes
alias_maps =
smtpd_tls_security_level = may
smtpd_tls_cert_file = /etc/mail.pem
smtpd_tls_key_file = /etc/mail.pem
smtp_tls_security_level = may
smtp_tls_CAfile = /etc/ca.pem
smtp_tls_policy_maps = texthash:/etc/postfix/policy
smtp_sasl_auth_enable = yes
smtp_sasl_password_maps = texthash:/etc/postfix/passwords
smtp_sasl_security_options = noanonymous
smtp_connection_cache_on_demand = no
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = peer.test
smtpd_forbid_bare_newline = no
delay_warning_time = 0
END
	$self->put('/etc/postfix/boxes', join '', map {"/^$_\@/ $_/\n"} @Interop::Peer::BOXES);
	$self->put('/etc/postfix/transport', "viaours.test relay:[192.0.2.10]:587\n");
	$self->put('/etc/postfix/policy', "secure.ours.test verify\n");
	$self->put('/etc/postfix/passwords', "[192.0.2.10]:587 alice:$Courier::Test::PASSWORD\n");
	$self->put('/etc/postfix/sasl/smtpd.conf', "pwcheck_method: auxprop\nauxprop_plugin: sasldb\nmech_list: PLAIN LOGIN\n");
	$self->shell('saslpasswd2 -p -c -u peer.test relay; chmod 644 /etc/sasldb2', 'secret');
	$self->shell('postconf -F "*/*/chroot = n"; postconf -M postlog/unix-dgram="postlog unix-dgram n - n - 1 postlogd"');
	$self->shell('postconf -M submission/inet="submission inet n - n - - smtpd -o smtpd_tls_security_level=encrypt'
		. ' -o smtpd_sasl_auth_enable=yes -o smtpd_relay_restrictions=permit_sasl_authenticated,reject"');
	$self->shell('mkdir -p /var/spool/postfix /var/lib/postfix; chown postfix /var/lib/postfix; postfix set-permissions; postfix check');
}

sub run { my ($self) = @_; print STDERR $self->shell('postfix start') =~ s/^postfix\/postfix-script: starting.*\n//r }
sub mechanisms { qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256) }
sub mechanism { my ($self, $name) = @_; $self->shell("postconf -e smtp_sasl_mechanism_filter=$name; postfix reload") }
sub halt { my ($self) = @_; $self->shell('postfix stop'); $self->kill_pids }
sub flush { $_[0]->shell('postqueue -f') }
sub version { ($_[0]->shell('postconf -d mail_version') =~ /([\d.]+)/)[0] }

1;
