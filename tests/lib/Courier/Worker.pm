package Courier::Worker;

# A delivery worker of one account, without the rest of the house (tests/tools/worker-ask).
#
#	my $w = Courier::Worker->new(preload => '...');    # COURIER_HOME of the environment counts
#	my $r = $w->deliver(home => $dir, message => $file, instructions => '| maildrop',
#		quota => '1000S', env => ['NAME=value']);  # {outcome, status, text, place}

use strict;
use warnings;
use Courier::Module ();
use Courier::Test;
use IPC::Open2;

sub new {
	my ($class, %o) = @_;
	my $build = Courier::Module::build_dir();
	my $self = bless {}, $class;
	local $ENV{LD_PRELOAD} = $o{preload} if $o{preload};
	$self->{pid} = open2($self->{out}, $self->{in}, "$build/tests/tools/worker-ask", Courier::Test::prefix() . '/libexec/courier/courierlocal-worker');
	return $self;
}

sub deliver {
	my ($self, %o) = @_;
	my $in = $self->{in};
	print $in join("\t", @o{qw(home message instructions)}, $o{quota} // '', @{$o{env} || []}), "\n";
	$in->flush;
	my $line = readline $self->{out};
	defined $line && $line =~ /^(\S+) (\S+) (\d+) (.*)$/ or die 'worker-ask has ended';
	my %r = (outcome => $1, status => $2, place => $4);
	my $n = $3;
	read $self->{out}, $r{text}, $n;
	readline $self->{out};
	return \%r;
}

sub DESTROY {
	my ($self) = @_;
	local $?;
	close $self->{in};
	close $self->{out};
	waitpid $self->{pid}, 0;
	return;
}

1;
