package Differ::Ours;

# This suite: an instance made for the comparison.

use strict;
use warnings;
use parent -norequire, 'Differ::Side';
use Differ::Side;
use Courier::Test;
use File::Path qw(make_path);

sub new {
	my ($class) = @_;
	my $t = Courier::Test->new(users => [], domain => 'example.test');
	my $self = bless {name => 'ours', t => $t, root => '', homes => $t->scratch . '/homes', uid => 2000, etc => $t->path('etc')}, $class;
	make_path($self->{homes});
	return $self;
}

sub port { return $_[0]{t}->port('smtp') }

sub argv {
	my ($self, $env, $name, @args) = @_;
	my $path = eval { Courier::Test::program($name) } // "/no/$name";
	return ('/usr/bin/env', '-i', 'PATH=/usr/bin:/bin:/usr/sbin', 'COURIER_HOME=' . $self->{t}->path(''), (map {"$_=$env->{$_}"} sort keys %$env), $path, @args);
}

sub inner_etc { return $_[0]{etc} }

sub configure {
	my ($self, $files, $accounts) = @_;
	$self->{t}->file("etc/$_", $files->{$_}) for sort keys %$files;
	$self->{t}->configure(esmtpd => {TARPIT => 0, BOFHCHECKDNS => 0, BOFHNOEXPN => 0, BOFHNOVRFY => 0, ESMTPAUTH => 'LOGIN PLAIN CRAM-MD5', MAXDAEMONS => 50, MAXPERC => 50, MAXPERIP => 50});
	$self->{t}->configure(authdaemonrc => {AUTH_FAIL_DELAY => 0, authmodulelist => 'authuserdb'});
	$self->{t}->file('etc/userdb', $self->userdb($accounts));
	chmod 0600, "$self->{etc}/userdb";
	$self->{t}->file('etc/resolver', "127.0.0.1\@53\n");
	$self->make_homes($accounts);
	chmod 0755, $self->{homes};
}

sub start {
	my ($self) = @_;
	for my $tool (qw(makeuserdb makeacceptmailfor makehosteddomains makesmtpaccess makealiases)) {
		my ($status, $out) = $self->command({}, '', $tool);
		print "$tool: $out" if $status;
	}
	$self->{t}->start;
}

sub queued {
	my ($self) = @_;
	my (undef, $out) = $self->command({}, '', 'courier', 'status', '--json');
	return $out =~ /"messages":(\d+)/ ? $1 : -1;
}
sub idle { return $_[0]->queued == 0 }
sub stop {
	my ($self) = @_;
	Differ::Side::write_file($ENV{DIFFER_LOG}, $self->{t}->log) if $ENV{DIFFER_LOG};
	$self->{t}->stop;
	Test::More::plan(tests => 1);
	Test::More::pass('compared');
}

1;
