package Courier::ImapShell;
# imapd over a pipe as an account's session, without a login in front, and what tests of folders of several accounts need.
#   my $house = Courier::ImapShell->house($imapd, 'alice', 'bob');   accounts with Maildirs and an index
#   my $bob = $house->session('bob', options => 'group=staff', set => {IMAP_ACL => 0});
#   my @lines = $bob->cmd('SELECT INBOX');                           untagged lines, then the tagged one without tag
use strict;
use warnings;
use File::Path qw(make_path remove_tree);
use File::Temp qw(tempdir);
use Courier::ImapTalk;
use IPC::Open2;

our @ISA = ('Courier::ImapTalk');

sub house {
	my ($class, $imapd, @users) = @_;
	my $self = bless {imapd => $imapd, top => tempdir(CLEANUP => 1), n => 0}, $class . '::House';
	make_path("$self->{top}/etc/shared", "$self->{top}/var");
	make_path(map { my $u = $_; map {"$self->{top}/home/$u/Maildir/$_"} qw(tmp new cur) } @users);
	$self->spew('etc/shared/index', join '', map {"$_\t1\t1\t$self->{top}/home/$_\n"} @users);
	return $self;
}

# Only the tagged reply.
sub last { my ($self, $text) = @_; return ($self->cmd($text))[-1] }

sub append {
	my ($self, $mailbox, $text, $flags) = @_;
	$text =~ s/\n/\r\n/g;
	return $self->cmd(sprintf 'APPEND "%s" %s{%d+}' . "\r\n%s", $mailbox, $flags ? "($flags) " : '', length $text, $text);
}

package Courier::ImapShell::House;

sub path { my ($self, $rel) = @_; return "$self->{top}/$rel" }

sub spew {
	my ($self, $rel, $text) = @_;
	open my $f, '>:raw', $self->path($rel) or die "$rel: $!";
	print $f $text;
	close $f or die;
	return $self->path($rel);
}

sub slurp {
	my ($self, $rel) = @_;
	open my $f, '<:raw', $self->path($rel) or return undef;
	local $/;
	return scalar <$f>;
}

sub dir { my ($self, $user, $folder) = @_; return "home/$user/Maildir" . ($folder ? "/.$folder" : '') }

# A folder, fresh, with n messages and an access list.
sub folder {
	my ($self, $user, $folder, $n, $acl) = @_;
	my $dir = $self->dir($user, $folder);
	File::Path::remove_tree($self->path($dir)) if $folder;
	File::Path::make_path(map { $self->path("$dir/$_") } qw(tmp new cur));
	$self->spew("$dir/maildirfolder", '') if $folder;
	for my $i (1 .. ($n || 0)) {
		my $text = "From: a\@example.com\nSubject: message $i of $user\n\nbody $i\n";
		$self->spew(sprintf('%s/cur/17%08d.M%dP1.host,S=%d:2,', $dir, ++$self->{n}, $i, length $text), $text);
	}
	$self->acl($user, $folder, $acl) if defined $acl;
	return $self->path($dir);
}

# "user=bob lr; anyone l" besides what the owner and the administrators have anyway
sub acl {
	my ($self, $user, $folder, $acl) = @_;
	my $text = join '', map {"$_\n"} 'owner aceilrstwx', grep({ /\S/ } split /\s*;\s*/, $acl), 'administrators aceilrstwx';
	return $self->spew($self->dir($user, $folder) . '/courierimapacl', $text);
}

sub files { my ($self, $user, $folder) = @_; return map { s{.*/}{}r } glob $self->path($self->dir($user, $folder) . '/{new,cur}/*') }

sub session {
	my ($self, $user, %o) = @_;
	$self->spew('etc/imapd', join '', map {"$_=\"$o{set}{$_}\"\n"} sort keys %{$o{set} || {}});
	local %ENV = (%ENV, COURIER_HOME => $self->{top}, AUTHENTICATED => $user, HOME => $self->path("home/$user"), MAILDIR => 'Maildir', OPTIONS => $o{options} || '', TZ => 'UTC');
	delete @ENV{qw(IMAP_LOGIN_TAG IMAP_INITIAL MAILDIRQUOTA)};
	$ENV{MAILDIRQUOTA} = $o{quota} if $o{quota};
	# as under the broker: without new privileges, which is what lets the sandbox work
	my @shut = grep({ -x "$_/setpriv" } split /:/, $ENV{PATH}) ? qw(setpriv --no-new-privs) : ();
	open my $kept, '>&', \*STDERR or die $!;
	open STDERR, '>>', $self->path('log') or die $!;
	my $pid = IPC::Open2::open2(my $out, my $in, @shut, $self->{imapd});
	open STDERR, '>&', $kept or die $!;
	return Courier::ImapShell->talk($out, $in, $pid);
}

1;
