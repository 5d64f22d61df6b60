package Courier::Timeshift;

# The time of day of a living instance (tests/lib/timeshift.c, preloaded; not for root's instances, see
# Courier::Faults::become_ordinary).
#
#	my $clock = Courier::Timeshift->new;
#	$clock->start($t);
#	$clock->set(-3600);	# seconds from the real time
#	$clock->now;		# what the instance takes for now

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More ();
use Time::HiRes ();

sub new {
	my ($class) = @_;
	my $self = bless {dir => tempdir('courier-clock-XXXXXX', TMPDIR => 1, CLEANUP => 1), shift => 0}, $class;
	my $lib = dirname(abs_path(__FILE__)) . '/..';
	my $cc = $ENV{CC} || 'cc';
	$cc =~ s/^ccache //;
	$self->{so} = "$self->{dir}/timeshift.so";
	system("$cc -O1 -fPIC -shared -o $self->{so} $lib/timeshift.c -ldl") == 0
	    or Test::More::plan(skip_all => "no compiler ($cc)");
	$self->set(0);
	return $self;
}

sub set {
	my ($self, $seconds) = @_;
	$self->{shift} = $seconds;
	open my $f, -e "$self->{so}.ctl" ? '+<' : '>', "$self->{so}.ctl" or die "$self->{so}.ctl: $!";
	syswrite $f, pack 'q', $seconds * 1e6;
	close $f;
}

sub set_to { my ($self, $when) = @_; $self->set($when - Time::HiRes::time()) }
sub now { return Time::HiRes::time() + $_[0]{shift} }
sub start { my ($self, $t) = @_; local $ENV{LD_PRELOAD} = $self->{so}; return $t->start }

1;
