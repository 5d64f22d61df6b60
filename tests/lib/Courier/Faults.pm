package Courier::Faults;

# System calls of a living instance that fail or kill: tests/lib/failsys.h, preloaded.
#
#	Courier::Faults::become_ordinary();       # skips the test when that is impossible
#	my $f = Courier::Faults->new;
#	$f->start($t);
#	$f->arm(program => 'couriersched', at => 3, error => ENOSPC);   # error 0 kills
#	...; my $met = $f->disarm;

use strict;
use warnings;
use Cwd qw(abs_path);
use Errno ();
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use POSIX ();
use Test::More ();

my %CLASS = (write => 1, sync => 2, name => 4, create => 8, files => 15, open => 16, fork => 32, accept => 64,
	socket => 128, read => 256, memory => 512);
my $CONTROL = 'l7 Z64'; # struct failsys

# Test::More gives no exit status in a process that it did not begin in.
my $child = 0;
END { $? ||= 1 if $child == $$ && !Test::More->builder->is_passing }

# Root goes on as nobody; tests of faults need LD_PRELOAD, which root's instances do not take.
sub become_ordinary {
	return if $> != 0;
	my $prefix = Courier::Test::prefix();
	my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
	Test::More::plan(skip_all => 'there is no user nobody') if !$uid;
	my $tmp = tempdir('courier-faults-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chown $uid, $gid, $tmp;
	$ENV{TMPDIR} = $tmp;
	$ENV{HOME} = $tmp;
	defined(my $pid = fork) or die "fork: $!";
	if ($pid) { # stays root to clean up
		$SIG{$_} = sub { kill 'TERM', $pid } for 'TERM', 'INT';
		1 while waitpid($pid, 0) < 0 && $!{EINTR};
		my $status = $?;
		File::Temp::cleanup();
		POSIX::_exit($status & 127 ? 1 : $status >> 8);
	}
	$SIG{TERM} = sub { exit 1 }; # what was started is stopped
	$child = $$;
	$) = "$gid $gid";
	$( = $gid;
	POSIX::setuid($uid);
	Test::More::plan(skip_all => "an ordinary user cannot run $prefix/sbin/courier") if !-x "$prefix/sbin/courier";
}

sub new {
	my ($class) = @_;
	my $self = bless {dir => tempdir('courier-failsys-XXXXXX', TMPDIR => 1, CLEANUP => 1)}, $class;
	my $lib = dirname(abs_path(__FILE__)) . '/..';
	my $cc = $ENV{CC} || 'cc';
	$cc =~ s/^ccache //;
	$self->{so} = "$self->{dir}/failsys.so";
	system("$cc -O1 -fPIC -shared -DFAILSYS_PRELOAD -o $self->{so} $lib/failsys.c -ldl") == 0
	    or Test::More::plan(skip_all => "no compiler ($cc)");
	$self->control(0);
	return $self;
}

sub control {
	my ($self, @words) = @_;
	my $program = @words > 1 ? pop @words : '';
	open my $f, -e "$self->{so}.ctl" ? '+<' : '>', "$self->{so}.ctl" or die "$self->{so}.ctl: $!";
	syswrite $f, pack $CONTROL, @words, (0) x (7 - @words), $program;
	close $f;
}

sub start { my ($self, $t) = @_; local $ENV{LD_PRELOAD} = $self->{so}; return $t->start }
sub restart { my ($self, $t) = @_; $t->stop; return $self->start($t) }

sub arm {
	my ($self, %o) = @_;
	my $classes = 0;
	$classes |= $CLASS{$_} for split / /, $o{classes} || 'files';
	$self->control(0); # nobody is armed with half of it
	$self->control(1, $o{at}, $o{error}, $o{forever} || 0, $classes, 0, 0, $o{program});
}

# How often the fault was met.
sub met {
	my ($self) = @_;
	open my $f, '<', "$self->{so}.ctl" or die;
	sysread $f, my $text, 92;
	$self->{count} = (unpack $CONTROL, $text)[5];
	return (unpack $CONTROL, $text)[6];
}

sub disarm {
	my ($self) = @_;
	my $met = $self->met;
	$self->control(0);
	return $met;
}

1;
