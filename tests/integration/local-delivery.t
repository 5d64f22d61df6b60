#!/usr/bin/perl
# Local delivery in a running instance: Maildirs, .courier files, extensions, forwards, programs,
# loops, quotas, mail for accounts that do not exist.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'],
	config => {submit => {BOFHSUPPRESSBACKSCATTER => 'none'}});
my $domain = $t->domain;
$t->start;

sub send_to {
	my ($to, $subject, $from) = @_;
	my $reply = $t->send_mail(from => $from // "alice\@$domain", to => $to,
		text => "Subject: $subject\nFrom: <alice\@$domain>\nTo: <$to>\nDate: Mon, 1 Jan 2024 00:00:00 +0000\n"
			. "Message-ID: <$subject\@x>\n\nFrom here\n");
	return $reply =~ /^(\d+)/ ? $1 : 0;
}

sub messages { # texts in new
	my ($maildir) = @_;
	return map { local $/; open my $f, '<', $_ or die; <$f> } glob "$maildir/new/*";
}

sub wait_for {
	my ($what, $seconds) = @_;
	return $t->wait_for($seconds || 15, $what);
}

sub home { my $m = $t->maildir($_[0]); $m =~ s,/Maildir$,,; return $m }

sub instructions {
	my ($user, $name, $text) = @_;
	my $file = home($user) . "/$name";
	open my $f, '>', $file or die "$file: $!";
	print $f $text;
	close $f;
	my @st = stat home($user);
	chown $st[4], $st[5], $file if $> == 0;
	chmod 0600, $file;
}

my ($alice, $bob) = map { $t->maildir($_) } 'alice', 'bob';

is send_to("alice\@$domain", 'plain'), 250, 'accepted';
ok wait_for(sub { messages($alice) == 1 }), 'delivered to the Maildir';
my ($text) = messages($alice);
like $text, qr/\ADelivered-To: alice\@\Q$domain\E\nReturn-Path: <alice\@\Q$domain\E>\nReceived: /, 'its header';
like $text, qr/\n\nFrom here\n\z/, 'its body';
is scalar(my @tmp = glob "$alice/tmp/*"), 0, 'nothing is left in tmp';

like send_to("alice-none\@$domain", 'noext'), qr/^5/, 'an extension without instructions is refused';
instructions('alice', '.courier-list-default', "./Maildir/.Lists/\n");
is send_to("alice-list-x.y\@$domain", 'ext'), 250, 'with them it is taken';
ok wait_for(sub { -d "$alice/.Lists" && messages("$alice/.Lists") == 1 }), 'and delivered to the folder';

instructions('alice', '.courier', "&bob\@$domain\n./Maildir\n");
is send_to("alice\@$domain", 'forward'), 250, 'a forward is accepted';
ok wait_for(sub { grep { /Subject: forward/ } messages($bob) }), 'it arrives';
my ($forwarded) = grep { /Subject: forward/ } messages($bob);
like $forwarded, qr/\ADelivered-To: bob\@.*\nReturn-Path: <alice\@/, 'with the sender kept';
like $forwarded, qr/^Delivered-To: alice\@/m, 'and the first account named';
ok wait_for(sub { grep { /Subject: forward/ } messages($alice) }), 'the copy is kept';

instructions('bob', '.courier', "&alice\@$domain\n");
instructions('alice', '.courier', "&bob\@$domain\n");
is send_to("alice\@$domain", 'loop'), 250, 'a loop is accepted';
ok wait_for(sub { $t->log =~ /mail loop/ }), 'and cut';

# (the reports of the loop may come late: their senders are empty and "#@[]")
instructions('bob', '.courier', "");
instructions('alice', '.courier', "|cat > got; test \"\${SENDER%@*}\" != alice || echo \"\$SENDER \$RECIPIENT \$HOME\" > env\n");
is send_to("alice\@$domain", 'program'), 250, 'a program gets mail';
ok wait_for(sub { -s home('alice') . '/env' }), 'it runs';
my $env = do { local $/; open my $f, '<', home('alice') . '/env'; <$f> };
is $env, "alice\@$domain alice\@$domain " . home('alice') . "\n", 'in its environment';

my $preline = Courier::Test::program('preline');
instructions('alice', '.courier', "|$preline sh -c 'cat > lines; exit 99'\n./Maildir\n");
is send_to("alice\@$domain", 'preline'), 250, 'preline';
ok wait_for(sub { -e home('alice') . '/lines' && $t->log =~ /size=\d+,success/ }), 'runs its program';
ok wait_for(sub { open my $f, '<', home('alice') . '/lines'; local $/; ($text = <$f>) =~ /From here/ }), 'with the message';
like $text, qr/\AFrom alice\@\Q$domain\E .*\nReturn-Path: <alice\@\Q$domain\E>\nDelivered-To: alice\@\Q$domain\E\nReceived:/, 'and the lines before it';
ok !(grep { /Subject: preline/ } messages($alice)), 'exit status 99 ends the instructions';

instructions('alice', '.courier', "|echo go away; exit 67\n");
is send_to("alice\@$domain", 'refused', "bob\@$domain"), 250, 'a program refuses';
ok wait_for(sub { grep { /go away/ && /Subject: refused/ } messages($bob) }, 30), 'its words are in the report';

instructions('alice', '.courier', "./mbox\n");
is send_to("alice\@$domain", "mbox$_"), 250, "mbox $_" for 1, 2;
my $mbox = home('alice') . '/mbox';
ok wait_for(sub { -e $mbox && (() = do { local $/; open my $f, '<', $mbox; <$f> } =~ /^From alice/mg) == 2 }), 'both are in the mbox';
like do { local $/; open my $f, '<', $mbox; <$f> }, qr/\n\n>From here\n\n/, 'From is quoted';

like send_to("nobody\@$domain", 'unknown'), qr/^5/, 'an unknown account is refused';
is $t->stop, '', 'stops';
done_testing;
