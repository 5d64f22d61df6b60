package Interop::Exim;
use strict;
use warnings;
use parent 'Interop::Peer';
use Interop::Peer;

sub configure {
	my ($self) = @_;
	$self->user('Debian-exim' => 2001);
	$self->mechanism('PLAIN');
	$self->put('/etc/exim4/exim4.conf', <<"END");
primary_hostname = mail.peer.test
domainlist local_domains = peer.test
hostlist relay_from_hosts = 192.0.2.40
daemon_smtp_ports = 25 : 587
exim_user = Debian-exim
exim_group = Debian-exim
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim-%slog
log_selector = +smtp_confirmation +tls_peerdn +received_recipients
tls_advertise_hosts = *
tls_certificate = /etc/mail.pem
dsn_advertise_hosts = *
chunking_advertise_hosts = *
smtputf8_advertise_hosts = *
pipelining_advertise_hosts = *
prdr_enable = true
message_size_limit = 25000000
accept_8bitmime = true
auth_advertise_hosts = \${if eq{\$received_port}{587}{*}{}}
acl_smtp_rcpt = rcpt
acl_smtp_data = accept
acl_smtp_data_prdr = prdr
smtp_accept_queue_per_connection = 0
ignore_bounce_errors_after = 1h
never_users =
keep_environment =
begin acl
rcpt:
  accept authenticated = *
  deny condition = \${if eq{\$received_port}{587}}
       message = authentication required
  deny domains = +local_domains
       !verify = recipient
       message = no such user
  accept domains = +local_domains
  accept hosts = +relay_from_hosts
  deny message = relay not permitted
prdr:
  deny condition = \${if and{{def:h_x-not-for-u2:}{eq{\$local_part}{u2}}}}
       message = not for you
  accept
begin routers
via:
  driver = manualroute
  domains = viaours.test
  route_list = * 192.0.2.10
  transport = submission
  self = send
secure:
  driver = dnslookup
  domains = secure.ours.test
  transport = verified
  no_more
remote:
  driver = dnslookup
  domains = ! +local_domains
  transport = remote
  no_more
box:
  driver = accept
  domains = +local_domains
  local_parts = dsearch;/srv/mail
  transport = box
begin transports
remote:
  driver = smtp
  hosts_try_prdr = *
  hosts_try_chunking = *
  message_linelength_limit = 100000
verified:
  driver = smtp
  hosts_require_tls = *
  tls_verify_hosts = *
  tls_verify_certificates = /etc/ca.pem
submission:
  driver = smtp
  port = 587
  hosts_require_auth = *
  hosts_require_tls = *
  tls_verify_certificates = /etc/ca.pem
  tls_verify_cert_hostnames =
box:
  driver = appendfile
  directory = /srv/mail/\$local_part_data
  maildir_format
  delivery_date_add
  envelope_to_add
  return_path_add
  user = vmail
  group = vmail
begin retry
* * F,1h,1m
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  client_condition = \${if eq{\${readfile{/etc/mechanism}}}{PLAIN}}
  client_send = ^alice^$Courier::Test::PASSWORD
  server_prompts = :
  server_condition = \${if and{{eq{\$auth2}{relay\@peer.test}}{eq{\$auth3}{secret}}}}
  server_set_id = \$auth2
login:
  driver = plaintext
  public_name = LOGIN
  client_condition = \${if eq{\${readfile{/etc/mechanism}}}{LOGIN}}
  client_send = : alice : $Courier::Test::PASSWORD
cram:
  driver = cram_md5
  public_name = CRAM-MD5
  client_condition = \${if eq{\${readfile{/etc/mechanism}}}{CRAM-MD5}}
  client_name = alice
  client_secret = $Courier::Test::PASSWORD
END
	$self->shell('mkdir -p /var/spool/exim4 /var/log; chown Debian-exim:Debian-exim /var/spool/exim4; chmod 1777 /var/log; chown root:Debian-exim /etc/mail.pem; chmod 640 /etc/mail.pem');
}

sub prdr { 1 }
sub mechanisms { qw(PLAIN LOGIN CRAM-MD5) } # Debian's has no SCRAM
sub mechanism { my ($self, $name) = @_; $self->put('/etc/mechanism', $name) }
sub run { my ($self) = @_; $self->daemon('exim4 -bdf -q1h') }
sub halt { $_[0]->kill_pids }
sub flush { $_[0]->shell('exim4 -qff') }
sub log { return join '', map {Interop::Peer::slurp($_)} glob "$_[0]{root}/var/log/exim-*" }
sub version { ($_[0]->shell('exim4 -bV') =~ /version ([\d.]+)/)[0] }

1;
