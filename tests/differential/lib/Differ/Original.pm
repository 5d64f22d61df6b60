package Differ::Original;

# The original, installed in a root folder of its own (a Debian root with courier-mta and
# courier-authlib-userdb).

use strict;
use warnings;
use parent -norequire, 'Differ::Side';
use Differ::Side;
use File::Path qw(remove_tree);
use IO::Socket::UNIX;

sub new {
	my ($class, $root) = @_;
	die "no original in '$root'\n" if !-x "$root/usr/sbin/esmtpd";
	return bless {name => 'original', root => $root, homes => '/srv/differ', uid => 2000, etc => "$root/etc/courier"}, $class;
}

sub port { return 2525 }

sub argv {
	my ($self, $env, $name, @args) = @_;
	my ($path) = grep {-x "$self->{root}$_"} map {"$_/$name"} qw(/usr/sbin /usr/bin /usr/lib/courier/courier);
	return ('chroot', $self->{root}, '/usr/bin/env', '-i', 'PATH=/usr/bin:/bin:/usr/sbin', (map {"$_=$env->{$_}"} sort keys %$env), $path // "/no/$name", @args);
}

sub inner_etc { return '/etc/courier' }

sub shell { my ($self, $text) = @_; return Differ::Side::run('', 'chroot', $self->{root}, '/bin/sh', '-c', "$text 2>&1") }

sub configure {
	my ($self, $files, $accounts) = @_;
	my $etc = $self->{etc};
	system 'cp', '-a', $etc, "$etc.shipped" if !-d "$etc.shipped";
	remove_tree($etc);
	system 'cp', '-a', "$etc.shipped", $etc;
	Differ::Side::write_file("$etc/$_", $files->{$_}) for sort keys %$files;
	open my $fh, '>>', "$etc/esmtpd" or die;
	print $fh "PORT=2525\nADDRESS=127.0.0.1\nBOFHCHECKDNS=0\nTARPIT=0\nBOFHNOEXPN=0\nBOFHNOVRFY=0\n",
	    "ESMTPAUTH=\"LOGIN PLAIN CRAM-MD5\"\n",
	    "MAXDAEMONS=50\nMAXPERC=50\nMAXPERIP=50\n",
	    "TCPDOPTS=\"-stderrlogger=/usr/sbin/courierlogger -noidentlookup -nodnslookup\"\n";
	close $fh;
	Differ::Side::write_file("$etc/userdb", $self->userdb($accounts));
	chmod 0600, "$etc/userdb";
	system "sed -i 's/^authmodulelist=.*/authmodulelist=\"authuserdb\"/' $etc/authdaemonrc";
	Differ::Side::write_file("$self->{root}/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
	$self->make_homes($accounts);
}

# What it logs comes to /dev/log of its root.
sub listen_log {
	my ($self) = @_;
	my $path = "$self->{root}/dev/log";
	unlink $path;
	my $log = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $path) or die "$path: $!";
	chmod 0666, $path;
	open my $out, '>', "$self->{root}/var/log/differ.log" or die;
	$out->autoflush(1);
	$self->{logger} = fork // die;
	return if $self->{logger};
	while (defined $log->recv(my $line, 8192)) {
		print $out "$line\n";
	}
	exit 0;
}

sub start {
	my ($self) = @_;
	for my $d (qw(msgq msgs tmp track)) {
		system 'find', "$self->{root}/var/lib/courier/$d", '-mindepth', 1, '-type', 'f', '-delete';
	}
	$self->listen_log;
	my (undef, $out) = $self->shell('mkdir -p /run/courier/authdaemon; chown -R courier:courier /run/courier; rm -f /run/courier/*.pid;'
		    . ' makeuserdb; makeacceptmailfor; makehosteddomains; makesmtpaccess; makealiases;'
		    . ' (authdaemond start; courier start; esmtpd start) >/dev/null 2>&1 </dev/null; sleep 2');
	print $out;
}

sub idle {
	my ($self) = @_;
	my @files = glob "$self->{root}/var/lib/courier/msgs/*/C*";
	return !@files;
}

sub queued { my ($self) = @_; return scalar(my @f = glob "$self->{root}/var/lib/courier/msgs/*/C*") }

sub stop {
	my ($self) = @_;
	$self->shell('esmtpd stop; courier stop; authdaemond stop');
	kill 'TERM', $self->{logger};
	waitpid $self->{logger}, 0;
	unlink "$self->{root}/dev/log";
}

1;
