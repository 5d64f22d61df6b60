package Differ::Setup;

# The configuration, accounts and next hops that both servers get.

use strict;
use warnings;
use Differ::Edge;

our %sinks = (
	full   => {port => 2701, ehlo => ['PIPELINING', '8BITMIME', 'SIZE', 'DSN', 'SMTPUTF8']},
	bits   => {port => 2702, ehlo => ['8BITMIME']},
	plain  => {port => 2703, ehlo => ['SIZE']},
	helo   => {port => 2704, no_ehlo => 1},
	verp   => {port => 2705, ehlo => ['8BITMIME', 'XVERP=Courier', 'DSN']},
	nobody => {port => 2706, ehlo => ['8BITMIME'], rcpt => '550 no such user here'},
	spam   => {port => 2707, ehlo => ['8BITMIME'], data => '554 we do not like it'},
);

our %files = (
	me                      => "mx.example.test\n",
	defaultdomain           => "example.test\n",
	locals                  => "localhost\nmx.example.test\nexample.test\n",
	hosteddomains           => "hosted.test\nother.test\thosted.test\n.wild.test\n",
	'esmtpacceptmailfor.dir/default' => "example.test\nmx.example.test\nhosted.test\nother.test\n.wild.test\nvirtual.test\n",
	'smtpaccess/default'    => "127.0.0.1\tallow\n127.0.0.2\tallow,RELAYCLIENT\n127.0.0.3\tdeny\n127.0.0.4\tallow,BLOCK=\"550 go away\"\n"
	    . "127.0.0.5\tallow,SIZELIMIT=1000\n" . $Differ::Edge::table,
	esmtproutes             => join('', map {"$_.test: [127.0.0.1],$sinks{$_}{port}\n"} sort keys %sinks),
	bofh                    => "badfrom spammer\@bad.test\nbadfrom \@evil.test\nbadfrom \@.sub.test\nmaxrcpts 5\nspamtrap trap\@example.test\n",
	'aliases/system'        => "postmaster: alice\nmailer-daemon: postmaster\nroot: postmaster\n",
	'aliases/more'          => "team: alice, bob\nsingle: alice\nnested: team, carol\@hosted.test\nself: self, bob\nout: someone\@full.test\n"
	    . "far: a\@full.test, b\@bits.test\n\@virtual.test: virt\nhostalias\@hosted.test: carol\@hosted.test\n"
	    . "twice: alice, team\nquoted: \"alice\"\ncontinued: alice,\n  bob\n# a comment\ntrap: alice\nself: bob\n",
	dsnfrom                 => "\"Mail Delivery\" <mailer-daemon\@example.test>\n",
	sizelimit               => "100000\n",
	warntime                => "4h\n",
	enablefiltering         => "\n",
);
delete $files{enablefiltering};
# an account may not be an alias of its own twice
$files{'aliases/more'} =~ s/\nself: bob\n/\n/;

sub instruction { return "$_[0]\n" }

my %exit = map {(".courier-exit$_" => "| exit $_\n")} 0, 1, 2, 64 .. 78, 99, 100, 111, 112, 120, 127;
our %accounts = (
	alice => {'.courier-default' => "./Maildir\n"},
	bob   => {
		'.courier-default'     => "./Maildir\n",
		'.courier-void'        => "# nothing at all\n",
		'.courier-empty'       => '',
		'.courier-two'         => "./Maildir\n./Maildir\n",
		'.courier-fwd'         => "alice-from-bob\@example.test\n",
		'.courier-fwdamp'      => "&alice-from-amp\@example.test, alice-from-amp2\@example.test\n",
		'.courier-fwdbang'     => "!alice-from-bang\@example.test\n",
		'.courier-out'         => "x\@full.test\n",
		'.courier-stop'        => "| exit 99\n./Maildir\n",
		'.courier-env'         => "| env | sort | egrep '^(HOME|USER|SENDER|RECIPIENT|HOST|LOCAL|EXT.?|DEFAULT|RPLINE|DTLINE)=' >>\$HOME/environment\n",
		'.courier-env-default' => "| env | sort | egrep '^(HOME|USER|SENDER|RECIPIENT|HOST|LOCAL|EXT.?|DEFAULT|RPLINE|DTLINE)=' >>\$HOME/environment\n",
		'.courier-head'        => "| head -2 >>\$HOME/head\n",
		'.courier-preline'     => "| preline egrep '^(From |Return-Path|Delivered-To|Subject)' | sed 's/ [A-Z][a-z][a-z] [A-Z][a-z][a-z] .*/ DATE/' >>\$HOME/head\n",
		'.courier-say'         => "| echo this went wrong; echo twice; exit 77\n",
		'.courier-dyn'         => "|| echo ./Maildir\n",
		'.courier-dyn2'        => "|| echo '| exit 100'\n",
		'.courier-mbox'        => "./mbox\n",
		'.courier-a:b'         => "./Maildir\n",
		'.courier-way-default' => "./Maildir\n",
		'.courier-way-out-default' => "| echo \"\$EXT \$EXT2 \$EXT3 \$DEFAULT\" >>\$HOME/head\n",
		'.courier-comment'     => "# one\n\n  \n./Maildir\n# two\n",
		'.courier-both'        => "./Maildir\nalice-both\@example.test\n",
		'.courier-list'        => "alice-list1\@example.test, alice-list2\@example.test\n",
		'.courier-toself'      => "bob-toself\@example.test\n",
		'.courier-tonobody'    => "nobody-at-all\@example.test\n",
		'.courier-toboth'      => "nobody-at-all\@example.test, alice-toboth\@example.test\n",
		'.courier-bare'        => "alice-bare\n",
		'.courier-path'        => "./nosuch/Maildir\n",
		'.courier-missing'     => "| /nosuch/program\n",
		'.courier-signal'      => "| kill -9 \$\$\n",
		'.courier-stderr'      => "| echo on stderr >&2; exit 77\n",
		'.courier-long'        => "| for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line \$i; done; exit 77\n",
		'.courier-order'       => "./Maildir\n| exit 100\n",
		'.courier-join'        => "| echo one \\\ntwo >>\$HOME/head\n",
		%exit,
	},
	carol              => {},
	virt               => {'.courier-default' => "./Maildir\n", '.courier-special' => "# gone\n"},
	'carol@hosted.test' => {'.courier-box' => "./Maildir\n"},
	'alias@hosted.test' => {'.courier-default' => "./Maildir\n"},
	'dan@.wild.test'    => {},
);
# files besides Maildirs that deliveries leave
our @leavings = ('bob/environment', 'bob/head', 'bob/mbox');

1;
