package Courier::Filter;

# Toy filters in Perl for tests: processes of their own that speak the protocol of courierfilter(8)
# and do what a file tells them for each message.
#
#	my $f = Courier::Filter->new($t, 'toy', folder => 'allfilters');   # linked as active
#	$f->answer("550 no\n");          # or a word: hang, die, close, babble:N, part:TEXT, slow:SECONDS
#	$f->append("S0 1\n");            # to the control file, before the answer
#	$f->requests;                    # [{data, control => [...], paths => [...]}, ...] so far

use strict;
use warnings;

my $program = <<'END';
use strict;
use warnings;
use IO::Select;
use IO::Socket::UNIX;
use POSIX ();
my ($name, $folder, $dir) = @ARGV;
$| = 1;
my $told = sub { open my $f, '<', "$dir/$_[0]" or return ''; local $/; my $x = <$f>; defined $x ? $x : '' };
if ($told->('start') eq 'fail') { print STDERR "toy does not want\n"; exit 3 }
open my $facts, '>', "$dir/facts";
print $facts "$_=$ENV{$_}\n" for sort keys %ENV;
print $facts "argv0=", (split /\0/, do { open my $c, '<', '/proc/self/cmdline'; local $/; <$c> })[2], "\n";
print $facts "uid=$> gid=", (split ' ', $))[0], " pid=$$\n";
close $facts;
# the current folder is var: paths of sockets are short
unlink "filters/$name", "allfilters/$name", "$folder/.$name";
my $s = IO::Socket::UNIX->new(Local => "$folder/.$name", Listen => 50) or die "socket: $!";
chmod 0660, "$folder/.$name";
select undef, undef, undef, 0.05 while $told->('start') eq 'wait';
rename "$folder/.$name", "$folder/$name" or die "rename: $!";
POSIX::close(3);
print "toy listens\n";
$SIG{CHLD} = 'IGNORE';
my $select = IO::Select->new($s, \*STDIN);
while (1) {
	for my $ready ($select->can_read) {
		if ($ready == \*STDIN) {
			next if sysread STDIN, my $x, 10;
			exit 0;
		}
		my $c = $s->accept or next;
		my $pid = fork;
		next if $pid;
		serve($c);
		POSIX::_exit(0);
	}
}
sub serve {
	my ($c) = @_;
	my @paths;
	while (defined(my $line = <$c>)) {
		chomp $line;
		last if $line eq '';
		push @paths, $line;
	}
	open my $out, '>', "$dir/request.tmp$$";
	for my $p (@paths) {
		my @st = stat $p;
		open my $f, '<', $p;
		local $/;
		my $text = $f ? <$f> : "unreadable: $!";
		print $out "$p\n", length $text, "\n$text\n";
	}
	close $out;
	my $n = 0;
	$n++ while !link "$dir/request.tmp$$", sprintf "$dir/request.%05d", $n;
	unlink "$dir/request.tmp$$";
	my $append = $told->('append');
	if ($append ne '') {
		open my $f, '>>', $paths[1] or die "append: $!";
		print $f $append;
		close $f;
	}
	my $answer = $told->('answer');
	if ($answer eq 'hang') { sleep 600 }
	elsif ($answer eq 'die') { kill KILL => getppid; select undef, undef, undef, 0.2; POSIX::_exit(1) }
	elsif ($answer eq 'close') { }
	elsif ($answer =~ /^babble:(\d+)/) { $SIG{PIPE} = 'IGNORE'; print $c "250-babble\n" x $1; print $c "250 ok\n" }
	elsif ($answer =~ /^part:(.*)/s) { print $c $1; $c->flush; POSIX::_exit(9) }
	elsif ($answer =~ /^slow:([\d.]+)/) { select undef, undef, undef, $1; print $c "250 slow\n" }
	else { print $c $answer }
	$c->flush;
	close $c;
}
END

sub new {
	my ($class, $t, $name, %arg) = @_;
	my $dir = $t->scratch . "/toy-$name";
	mkdir $dir or die "$dir: $!";
	chmod 0777, $dir;
	my $self = bless {t => $t, name => $name, dir => $dir, folder => $arg{folder} || 'allfilters'}, $class;
	$self->{script} = $self->put('script', "#!/bin/sh\nexec perl $dir/program $name $self->{folder} $dir\n");
	$self->put('program', $program);
	chmod 0755, $self->{script};
	$self->answer("250 Ok\n");
	$self->link if !$arg{unlinked};
	return $self;
}

sub put {
	my ($self, $file, $text) = @_;
	my $path = "$self->{dir}/$file";
	open my $fh, '>', "$path.new" or die "$path: $!";
	print $fh $text;
	close $fh;
	chmod 0644, "$path.new";
	rename "$path.new", $path or die "$path: $!";
	return $path;
}

sub answer { my ($self, $text) = @_; $self->put('answer', $text); return $self }
sub append { my ($self, $text) = @_; $self->put('append', $text); return $self }
sub at_start { my ($self, $word) = @_; $self->put('start', $word); return $self }

sub link {
	my ($self) = @_;
	symlink $self->{script}, $self->{t}->path("etc/filters/active/$self->{name}") or die "link: $!";
	return $self;
}
sub unlink { my ($self) = @_; CORE::unlink $self->{t}->path("etc/filters/active/$self->{name}"); return $self }
sub socket { my ($self) = @_; return $self->{t}->path("var/$self->{folder}/$self->{name}") }

sub read_file {
	my ($path) = @_;
	open my $fh, '<', $path or return '';
	local $/;
	my $text = <$fh>;
	return defined $text ? $text : '';
}

# What it has seen of itself: NAME => value, uid, gid, pid.
sub facts {
	my ($self) = @_;
	my $text = read_file("$self->{dir}/facts");
	my %f = map {/^([^=]+)=(.*)/ ? ($1, $2) : ()} split /\n/, $text;
	($f{uid}, $f{gid}, $f{pid}) = $text =~ /^uid=(\d+) gid=(\d+) pid=(\d+)$/m;
	return \%f;
}

sub requests {
	my ($self) = @_;
	my @all;
	for my $file (sort glob "$self->{dir}/request.[0-9]*") {
		my $text = read_file($file);
		my (%r, @parts);
		while ($text =~ /\G(\/[^\n]*)\n(\d+)\n/gc) {
			push @{$r{paths}}, $1;
			push @parts, substr $text, pos $text, $2;
			pos($text) += $2 + 1;
		}
		$r{data} = shift @parts;
		$r{control} = [@parts];
		push @all, \%r;
	}
	return @all;
}
sub forget { my ($self) = @_; CORE::unlink glob "$self->{dir}/request.*"; return $self }

1;
