#!/usr/bin/perl
# POP3 in a running instance: login, listing, deletion, identifiers that stay, a clear-text client
# and one on the TLS port.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Net::POP3;

my $t = Courier::Test->new(users => ['alice'], config => {'pop3d-ssl' => {POP3_TLS_REQUIRED => 0}});
my $maildir = $t->maildir('alice');
my @owner = (stat $maildir)[4, 5];

sub put {
	my ($name, $text) = @_;
	open my $f, '>', "$maildir/new/$name" or die $!;
	print $f $text;
	close $f;
	chown @owner, "$maildir/new/$name" if $> == 0;
}

put("170000000$_.M1P1.h", "Subject: m$_\n\n.line $_\n") for 1 .. 3;
$t->start;

sub login {
	my %tls = @_;
	my $p = Net::POP3->new('127.0.0.1', Port => $t->port(%tls ? 'pop3s' : 'pop3'), Timeout => 20, %tls)
	    or return undef;
	return defined $p->login('alice', $Courier::Test::PASSWORD) ? $p : undef;
}

my $p = login();
ok $p, 'log in with the bare name' or BAIL_OUT($t->log);
is scalar(keys %{$p->list}), 3, 'three messages';
my $ids = $p->uidl;
is join('', @{$p->get(1)}), "Subject: m1\n\n.line 1\n", 'the first';
is join('', @{$p->top(2, 0)}), "Subject: m2\n\n", 'the header of the second';
ok $p->delete(1), 'delete';
ok $p->quit, 'quit';
is scalar(my @left = glob "$maildir/{new,cur}/*"), 2, 'it is removed';

$p = login(SSL => 1, SSL_verify_mode => 0);
ok $p, 'log in on the TLS port';
my $again = $p->uidl;
is $again->{1}, $ids->{2}, 'identifiers stay';
is $again->{2}, $ids->{3}, '... both';
$p->delete(1);
$p->reset;
$p->quit;
is scalar(@left = glob "$maildir/{new,cur}/*"), 2, 'RSET undoes DELE';

my $wrong = Net::POP3->new('127.0.0.1', Port => $t->port('pop3'), Timeout => 20);
ok !defined $wrong->login('alice', 'wrong'), 'a wrong password is refused';
is $t->stop, '', 'stops';
done_testing;
