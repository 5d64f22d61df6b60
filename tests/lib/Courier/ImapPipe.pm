package Courier::ImapPipe;

# imapd over a pipe, without login, on Maildirs of the test's own.
#
#	my $dir = maildir();                      # a new empty Maildir
#	put($dir, message(Subject => 'x', body => "y\n"), flags => 'S', time => 1000000000);
#	my $c = client($dir);
#	my @r = $c->cmd('SELECT INBOX');          # untagged lines, then the tagged one without its tag
#	$c->put("x1 IDLE\r\n"); $c->line; $c->reply('x1');
#	has('what', qr/^OK/, @r);
#	$c->end;
#
# settings("NAME=value\n") writes etc/imapd for the sessions that start after it; top() is the folder of
# everything.

use strict;
use warnings;
use Exporter 'import';
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Courier::ImapTalk;
use IPC::Open2;
use Test::More;

our @EXPORT = qw(maildir put message client has spew slurp settings top);

my $imapd = $ENV{IMAPD} || ($ENV{COURIER_TEST_PREFIX} || '') . '/libexec/courier/imapd';
BAIL_OUT("no $imapd: run the tests with ./runtests, or set IMAPD") unless -x $imapd;
$ENV{TZ} = 'UTC';
delete @ENV{qw(MAILDIR AUTHENTICATED IMAP_LOGIN_TAG IMAP_INITIAL OPTIONS MAILDIRQUOTA)};
$SIG{ALRM} = sub { die "no answer in time\n" };
$SIG{PIPE} = 'IGNORE';
alarm 120;

my $top = tempdir(CLEANUP => 1);
make_path("$top/etc", "$top/var");
$ENV{COURIER_HOME} = $top;
my ($count, $serial) = (0, 0);

sub top { return $top }

sub spew {
	my ($path, $text) = @_;
	open my $f, '>:raw', $path or die "$path: $!";
	print $f $text;
	close $f or die;
}

sub slurp {
	open my $f, '<:raw', $_[0] or return undef;
	local $/;
	return scalar <$f>;
}

sub settings { spew("$top/etc/imapd", $_[0]) }

sub maildir {
	my $dir = "$top/M" . ++$count;
	make_path(map {"$dir/$_"} qw(tmp new cur));
	return $dir;
}

sub put {
	my ($dir, $text, %o) = @_;
	my $n = ++$serial;
	my $name = sprintf '%d.M%dP1.host,S=%d', 1700000000 + $n, $n, length $text;
	my $path = defined $o{flags} ? "$dir/cur/$name:2,$o{flags}" : "$dir/new/$name";
	spew($path, $text);
	utime $o{time}, $o{time}, $path if $o{time};
	return $path;
}

sub message {
	my (%h) = @_;
	my $body = delete $h{body} // "text\n";
	return join('', map {"$_: $h{$_}\n"} sort keys %h) . "\n$body";
}

sub client { return Courier::ImapPipe::Client->new($imapd, @_) }

sub has {
	my ($what, $pattern, @lines) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	ok(scalar(grep {/$pattern/} @lines), $what) or diag(join "\n", "no $pattern in:", @lines);
}

package Courier::ImapPipe::Client;

our @ISA = ('Courier::ImapTalk');

sub new {
	my ($class, @argv) = @_;
	my $pid = IPC::Open2::open2(my $out, my $in, @argv);
	return $class->talk($out, $in, $pid);
}

1;
