#!/usr/bin/perl
# ARCHIVEDIR keeps a copy of what is finished; when it can't, mail goes on.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;

my $t = Courier::Test->new(users => ['alice']);
my $dir = $t->path('var/queue/archive');
mkdir $dir or die "$dir: $!";
chown +(stat $t->path('var/queue'))[4, 5], $dir if $> == 0;
$t->configure(courierd => {ARCHIVEDIR => $dir});
$t->start;

sub give { my ($s, $text) = @_; return $t->send_mail(from => 'x@far.example', to => 'alice@example.test', text => "Subject: $s\n\n$text") }
sub slurp { my ($f) = @_; open my $h, '<', $f or return ''; local $/; return <$h> // '' }

like(give('small', "few words\n"), qr/^250/, 'a small message');
like(give('large', "many words\n" x 10000), qr/^250/, 'a large message');
ok($t->wait_mail('alice', qr/^Subject: $_$/m), "$_ is delivered") for qw(small large);
ok($t->wait_for(10, sub { (() = glob "$dir/????.??.??/C*") == 2 }), 'MTA-0515 MTA-2240: both are in the archive');
my %text;
for my $d (glob "$dir/????.??.??/D*") {
	(my $c = $d) =~ s,/D(\d+)\z,/C$1,;
	my ($subject) = slurp($d) =~ /^Subject: (\w+)$/m;
	$text{$subject} = [slurp($c), slurp($d)];
}
is(join(' ', sort keys %text), 'large small', 'with their contents');
like($text{small}[0], qr/^sx\@far\.example$/m, 'the control file has the sender');
like($text{small}[0], qr/^ralice\@example\.test$/m, 'the recipient');
like($text{small}[0], qr/^S0 \d+ l$/m, 'and what became of it');
like($text{large}[1], qr/(?:many words\n){10000}\z/, 'the large one is whole');

# ---- a folder that is not there -----------------------------------------------------------

$t->configure(courierd => {ARCHIVEDIR => "$dir/none"});
$t->restart;
like(give('later', "x\n"), qr/^250/, 'without the folder');
ok($t->wait_mail('alice', qr/^Subject: later$/m), 'MTA-0515: mail is delivered');
ok($t->wait_empty_queue, 'and leaves the queue');
ok($t->wait_for(5, sub { $t->log_lines(qr/cannot be put into the archive/) }), 'the log says so');

done_testing;
