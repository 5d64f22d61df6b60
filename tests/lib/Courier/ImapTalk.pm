package Courier::ImapTalk;

# What is said to an imapd whose pipes a test holds: a base for Courier::ImapPipe and Courier::ImapShell.
#
#	my $c = Courier::ImapTalk->talk($out, $in, $pid);   # reads the greeting
#	my @lines = $c->cmd('SELECT INBOX');                # untagged lines, then the tagged one without its tag

use strict;
use warnings;
use IO::Handle;

sub talk {
	my ($class, $out, $in, $pid) = @_;
	my $self = bless {in => $in, out => $out, pid => $pid, n => 0}, $class;
	binmode $in;
	binmode $out;
	$in->autoflush(1);
	$self->{greeting} = $self->line;
	return $self;
}

sub line {
	my ($self) = @_;
	my $out = $self->{out};
	my $line = <$out>;
	return undef unless defined $line;
	while ($line =~ /\{(\d+)\}\r\n\z/) {
		my $n = $1;
		(read($out, my $literal, $n) // -1) == $n or die "literal cut off\n";
		$line .= $literal . <$out>;
	}
	return $line;
}

sub put { print {$_[0]{in}} $_[1] }

# The untagged lines, then the tagged one without its tag.
sub cmd {
	my ($self, $text) = @_;
	my $tag = 't' . ++$self->{n};
	$self->put("$tag $text\r\n");
	return $self->reply($tag);
}

sub reply {
	my ($self, $tag) = @_;
	my @got;
	while (defined(my $line = $self->line)) {
		$line =~ s/\r\n\z//;
		return (@got, $line) if $line =~ s/^\Q$tag\E //;
		push @got, $line;
	}
	return (@got, 'closed');
}

sub end {
	my ($self) = @_;
	close $self->{in};
	1 while defined $self->line;
	waitpid $self->{pid}, 0;
	return $?;
}

1;
