# A transport module run alone, through tests/tools/module-driver: no instance is needed.
package Courier::Module;
use strict;
use warnings;
use Exporter 'import';
use File::Temp ();

our @EXPORT_OK = qw(home config deliver build_dir);

# COURIER_TEST_BUILD is runtests'; COURIER_BUILD any build folder; else this is one.
my $build = $ENV{COURIER_BUILD} //
    ($ENV{COURIER_TEST_BUILD} ? "$ENV{COURIER_TEST_BUILD}/obj" : '.');

sub build_dir { $build }

# An instance's folders with nothing in them but these files of etc.
sub home {
	my (%etc) = @_;
	my $dir = File::Temp->newdir('courier.XXXXXX', TMPDIR => 1);
	mkdir "$dir/$_" for qw(etc var var/run log mail);
	config($dir, %etc);
	return $dir;
}

sub config {
	my ($dir, %etc) = @_;
	while (my ($name, $text) = each %etc) {
		open my $f, '>', "$dir/etc/$name" or die "$name: $!";
		print $f $text;
		close $f;
	}
}

sub unescape { my $s = shift; my %c = (t => "\t", n => "\n", r => "\r", 0 => "\0", '\\' => '\\');
	$s =~ s/\\(.)/$c{$1}/g; return $s }

# deliver($home, 'esmtp', message => TEXT, host =>, sender =>, rcpts => [...], options => [...]):
# the results, as hashes; ->{log} of the first is what the module logged.
sub deliver {
	my ($home, $role, %o) = @_;
	my $file = "$home/message";
	open my $f, '>:raw', $file or die;
	print $f $o{message} // "Subject: test\n\nbody\n";
	close $f;
	my @cmd = ("$build/tests/tools/module-driver", @{$o{options} // []}, "$home",
		$o{program} // "$build/courier$role", $role, $file, $o{host}, $o{sender} // 'a@s.example',
		@{$o{rcpts} // ['b@r.example']});
	my $pid = open my $out, '-|';
	defined $pid or die "fork: $!";
	if (!$pid) {
		open STDERR, '>', "$home/log/module" or die;
		alarm($o{patience} // 30);
		exec @cmd or die "exec $cmd[0]: $!";
	}
	my @results;
	while (<$out>) {
		chomp;
		my @f = map { unescape($_) } split /\t/, $_, -1;
		my %r;
		@r{qw(delivery rcpt outcome code status remote command diagnostic flags)} = @f;
		push @results, \%r;
	}
	close $out;
	return @results;
}

1;
