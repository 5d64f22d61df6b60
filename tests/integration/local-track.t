#!/usr/bin/perl
# MTA-1716 MTA-1717 MTA-3203: a program's EX_SOFTWARE sends the message back and says nothing about the
# address; its other failures put the address on the delivery track, where mail for it is refused.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'], config => {esmtpd => {TARPIT => 0}, submit => {BOFHSUPPRESSBACKSCATTER => 'smtp,authsmtp'}});
my $domain = $t->domain;
my ($home) = $t->maildir('alice') =~ m,(.*)/Maildir$,;
my @codes = (64, 65, 67, 68, 69, 70, 76, 77, 78, 100, 112);
for my $code (@codes) {
	my $file = $t->file(substr($home, length $t->path('')) . "/.courier-$code", "|echo says $code; exit $code\n");
	chown +(stat $home)[4, 5], $file if $> == 0;
	chmod 0600, $file;
}
$t->start;
sub give { return $t->send_mail(from => "bob\@$domain", to => "alice-$_[0]\@$domain", text => "Subject: x$_[0]\n\n") }
sub listed { return join '', sort map {"$_\n"} split /\n/, $t->command('courier', '-C', $t->path(''), 'show', 'all') }
like(give($_), qr/^250/, "mail for a program that will end with $_") for @codes;
ok($t->wait_mail('bob', qr/says $_$/m), "it comes back ($_)") for @codes;
is(listed(), join('', map {"alice-$_\@$domain\n"} sort grep {$_ != 70} @codes), 'all but the one with 70 are listed');
like(give(67), qr/^5/, 'a listed one is refused');
like(give(70), qr/^250/, 'the other is not');

# MTA-1221: anybody can write a Delivered-To, which must not close a mailbox for two hours.
like($t->send_mail(from => "bob\@$domain", to => "alice\@$domain", text => "Delivered-To: alice\@$domain\nSubject: forged\n\n"), qr/^250/, 'mail that has been here');
ok($t->wait_mail('bob', qr/^Subject: forged$/m), 'MTA-1221: comes back');
unlike(listed(), qr/^alice\@/m, 'MTA-3101: but its address is not listed');
is($t->stop, '', 'stops');
done_testing;
