package Courier::Clock;

# The clock of a living instance, set at will: tests/lib/clockshift.c, preloaded.
#
#	Courier::Faults::become_ordinary();	# root's instances take no LD_PRELOAD
#	my $c = Courier::Clock->new;
#	$c->start($t);
#	$c->jump(86400);			# seconds from the true time, 0 is the true time

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use Test::More ();

sub new {
	my ($class) = @_;
	my $self = bless {dir => tempdir('courier-clock-XXXXXX', TMPDIR => 1, CLEANUP => 1)}, $class;
	my $lib = dirname(abs_path(__FILE__)) . '/..';
	my $cc = $ENV{CC} || 'cc';
	$cc =~ s/^ccache //;
	$self->{so} = "$self->{dir}/clockshift.so";
	system("$cc -O1 -fPIC -shared -o $self->{so} $lib/clockshift.c -ldl") == 0
	    or Test::More::plan(skip_all => "no compiler ($cc)");
	$self->jump(0);
	return $self;
}

sub jump {
	my ($self, $seconds) = @_;
	my $ctl = "$self->{so}.ctl";
	open my $f, -e $ctl ? '+<' : '>', $ctl or die "$ctl: $!";
	syswrite $f, pack 'q', $seconds;
	close $f;
}

sub start { my ($self, $t) = @_; local $ENV{LD_PRELOAD} = $self->{so}; return $t->start }
sub restart { my ($self, $t) = @_; $t->stop; return $self->start($t) }

1;
