package Differ::Side;

# One of the two servers under comparison.  Both get the same configuration and accounts; what
# differs is how they are started, and how a program of theirs is run.
#
#	port, start, stop, command(\%env, $stdin, name, args...) = (exit status, output), mailbox(user) = texts

use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use IPC::Open3;
use Symbol qw(gensym);

sub write_file {
	my ($path, $text) = @_;
	(my $folder = $path) =~ s{/[^/]+$}{};
	remove_tree($path) if -d $path;
	make_path($folder);
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
}

sub run {
	my ($stdin, @argv) = @_;
	local $SIG{PIPE} = 'IGNORE';
	my $pid = open3(my $in, my $out, undef, @argv);
	print $in $stdin;
	close $in;
	local $/;
	my $text = <$out>;
	waitpid $pid, 0;
	return ($? >> 8, defined $text ? $text : '');
}

sub command { my ($self, $env, $stdin, $name, @args) = @_; return run($stdin, $self->argv($env, $name, @args)) }

# Homes of the accounts below $home, each with files of its own.
sub make_homes {
	my ($self, $accounts) = @_;
	for my $name (sort keys %$accounts) {
		my $home = "$self->{root}$self->{homes}/$name";
		remove_tree($home);
		make_path(map {"$home/Maildir/$_"} qw(new cur tmp));
		for my $file (sort keys %{$accounts->{$name}}) {
			write_file("$home/$file", $accounts->{$name}{$file});
			chmod 0644, "$home/$file";
		}
		system 'chown', '-R', "$self->{uid}:$self->{uid}", $home;
		system 'chmod', '-R', 'go-w', $home;
		chmod 0700, glob("$home/Maildir"), glob("$home/Maildir/*");
	}
	return;
}

sub userdb {
	my ($self, $accounts) = @_;
	return join '', map {"$_\tuid=$self->{uid}|gid=$self->{uid}|home=$self->{homes}/$_|mail=$self->{homes}/$_/Maildir|systempw=@{[crypt 'secret', '$6$differ$']}\n"}
	    sort keys %$accounts;
}

sub mailbox {
	my ($self, $user) = @_;
	my @texts;
	for my $path (glob "$self->{root}$self->{homes}/$user/Maildir/new/*") {
		open my $fh, '<', $path or next;
		local $/;
		push @texts, scalar <$fh>;
	}
	return @texts;
}

1;
