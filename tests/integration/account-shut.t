#!/usr/bin/perl
# What an account's programs can see of the worker that runs them: it holds an edge to the delivery
# module, by which it could say that mail is delivered, or send some.
use strict;
use warnings;
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice', 'bob'])->start;
my $domain = $t->domain;

sub home { my $m = $t->maildir($_[0]); $m =~ s,/Maildir$,,; return $m }
sub put {
	my ($user, $name, $text) = @_;
	my $file = $t->file(substr(home($user), length $t->path('')) . "/$name", $text);
	chown +(stat home($user))[4, 5], $file if $> == 0;
	chmod 0600, $file;
	return;
}
sub slurp { my ($file) = @_; open my $f, '<', $file or return ''; local $/; return scalar <$f> // '' }
# The program's output is read while its worker lives.
sub tries {
	my ($user) = @_;
	put($user, '.courier', qq{| ( ls \$(printf /proc/%s/fd \$PPID) && echo open; head -c 1 /proc/\$PPID/environ && echo seen; echo done ) > saw 2>&1\n});
	like($t->send_mail(from => "x\@far.example", to => "$user\@$domain", text => "Subject: s\n\nx\n"), qr/^250/, "mail for $user");
	my $saw = '';
	$t->wait_for(20, sub { ($saw = slurp(home($user) . '/saw')) =~ /^done$/m });
	return $saw;
}
# The sanitizers look at processes in the same way: there it is not forbidden.
my $sanitized = ($ENV{COURIER_TEST_CONFIGURE} // '') =~ /sanitizers/;
my $saw = tries('alice');
like($saw, qr/^done$/m, 'the program has run');
SKIP: {
	skip 'a build that looks for faults', 1 if $sanitized;
	unlike($saw, qr/^(open|seen)$/m, 'and could not look into its worker') or diag $saw;
}
SKIP: {
	skip 'only root\'s instances are compared', 4 if $>;
	my $out = $t->command('courier', '-C', $t->path(''), 'security');
	like($out, qr/^as promised$/m, 'courier security says so') or diag $out;
	like($out, qr/^broker .*\n(  .*\n)*  courierlocal-wo\s+\d+ uid [1-9]\d* caps 0 /m, '... of workers, too') or diag $out;
	like($out, qr/^key .*\n  courier key\s+\d+ uid 0 .* no_new_privs 1\n/m, '... and of the helper that opens certificates') or diag $out;
	like($out, qr/^auth .*\n(  .*\n)*  auth helper\s+\d+ uid 0 /m, '... and of the one that looks at passwords of the system') or diag $out;
}
done_testing;
