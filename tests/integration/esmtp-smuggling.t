#!/usr/bin/perl
# slow
# T40 V1, the client's half: a message whose text holds every form of a false end and the commands of a
# second message behind it, as a program on this host or a filter may make one. Whatever the form, the
# next server gets one message: no CR or LF that stands alone, no line that begins with a single dot.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::FakeSMTP;
use Courier::Module qw(home config deliver);
use Courier::Test;

my %name = ("\r\n" => 'CRLF', "\n" => 'LF', "\r" => 'CR', '' => 'nothing', "\r\r\n" => 'CRCRLF', "\n\r" => 'LFCR', "\r\0\n" => 'CR-NUL-LF');
my @ends = ("\r\n", "\n", "\r", '', "\r\r\n", "\n\r", "\r\0\n");
my $second = "MAIL FROM:<smuggler\@client.test>\r\nRCPT TO:<bob\@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\n!\r\n.\r\n";
my $piece = 64 * 1024; # the client reads a message in pieces of this size

# What is wrong with a message as it came to a server, "" when nothing is.
sub fault {
	my ($s) = @_;
	my @said = $s->commands;
	my ($text, @more) = $s->messages;
	return 'no message' unless defined $text;
	return 'more than one message' if @more || 1 != grep {/^MAIL/i} @said;
	return 'commands of the text' if grep {/smuggle|bob\@/i} @said;
	return 'a bare CR or LF' if grep({$_ eq '*bare*'} @said) || $text =~ /\r(?!\n)|(?<!\r)\n/;
	return 'a dot that is not doubled' if $text =~ /^\.(?!\.)/m;
	return 'text is missing' if $text !~ /^.*MAIL FROM:<smuggler.*^!\r\n/ms;
	return '';
}

my $home = home(me => "me.example\n", resolver => "127.0.0.1\@9\n", esmtpdelay => "0\n");
my @ways = (
	['as it is', ['PIPELINING', '8BITMIME', 'SIZE'], [], "Subject: carrier\n\n", 0],
	['made 7-bit', [], ['-8'], "Subject: carrier\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\xc3\xbc\n", 0],
	['between two pieces', ['PIPELINING', '8BITMIME', 'SIZE 1000000'], ['-f'], "Subject: carrier\n\n", 1],
);
for my $way (@ways) {
	my ($how, $ehlo, $options, $head, $split) = @$way;
	for my $before (@ends) {
		for my $after (@ends) {
			my $mark = "$before.$after";
			my @cuts = $split ? (length($before) || 1) : (0); # at each byte: tests/unit/smtp-stuff
			my @wrong;
			for my $cut (@cuts) {
				my $fill = $split ? ('x' x 69 . "\n") x 937 : '';
				$fill .= 'y' x ($piece - $cut - length "$head$fill") if $split;
				my $s = Courier::FakeSMTP->new(ehlo => $ehlo);
				config($home, esmtproutes => ':[127.0.0.1],' . $s->port . "\n");
				my ($r) = deliver($home, 'esmtp', host => 'r.example', options => $options,
					message => "$head${fill}x$mark$second");
				my $f = $r->{outcome} eq 'relayed' ? fault($s) : "$r->{outcome}: $r->{diagnostic}";
				push @wrong, "cut at $cut: $f" if $f;
			}
			is(join('; ', @wrong), '', "T40 V1: $name{$before} . $name{$after}, $how");
		}
	}
}

# All the way: a program on this host hands one in, and the queue passes it on.
my $next = Courier::FakeSMTP->new(ehlo => ['PIPELINING', '8BITMIME']);
my $t = Courier::Test->new(files => {esmtpdelay => "0\n", resolver => "127.0.0.1\@9\n",
	esmtproutes => ':[127.0.0.1],' . $next->port . "\n"});
$t->start;
my $all = join '', map {my $b = $_; map {"x$b.$_$second"} @ends} @ends;
{
	local $ENV{COURIER_HOME} = $t->path('');
	local $SIG{PIPE} = 'IGNORE';
	open my $p, '|-', Courier::Test::program('sendmail'), '-i', '-f', 'alice@' . $t->domain, 'x@far.test' or die $!;
	binmode $p;
	print $p "Subject: all of them\n\n$all";
	close $p;
	is($?, 0, 'T40 V1: sendmail takes it');
}
ok($t->wait_for(20, sub {$next->messages}), 'T40 V1: it is passed on');
ok($t->wait_empty_queue(20), '... and done with');
is(fault($next), '', '... as one message');
is($t->stop, '', 'stops');
done_testing;
