#!/usr/bin/perl
# slow
# "| maildrop" of local delivery, carried out inside the delivery worker: every case of the language
# and the ways of delivery come to the same there as through the program, in one worker that lives
# through all of them; and it is killed, and its system calls fail, at every step.
use strict;
use warnings;
use Cwd qw(getcwd);
use Errno qw(ENOSPC EIO);
use File::Temp qw(tempdir);
use POSIX ();
use Test::More;
use Courier::FilterCases;
use Courier::Faults;
use Courier::Test;
use Courier::Worker;

my $bin = Courier::Test::prefix() . '/bin';
my $house = tempdir(CLEANUP => 1);
mkdir "$house/$_" for qw(etc var log mail);
chmod 0755, $house, glob "$house/*";
$ENV{COURIER_HOME} = $house;

sub spew { my ($file, $text) = @_; open my $fh, '>', $file or die "$file: $!"; print $fh $text; close $fh; chmod 0600, $file; return }
sub slurp { my ($file) = @_; local $/; open my $fh, '<', $file or return ''; return scalar <$fh> // '' }

# What no filter disposes of stays below the case's folder.
spew("$house/etc/maildropsettings", "MAILDROPDEFAULT=./default-box\n");
chmod 0644, "$house/etc/maildropsettings";

# Not recognised, since it does not begin with the program's name: what the worker would run.
my $outside = "exec $bin/maildrop -f \"\$SENDER\" -A \"\$RPLINE\" -A \"\$DTLINE\"";
my $worker = Courier::Worker->new;

# All files below, without what changes from one moment to the next.
sub files {
	my @all;
	for my $f (sort split /\n/, `find . -type f`) {
		(my $name = $f) =~ s{/(new|cur|courierimapkeywords)/[^:]*}{/$1/};
		my $text = $name =~ /db$/ ? 'a table' : slurp($f); # has a number of its own
		$text =~ s/\w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}/DATE/g;
		push @all, "$name: $text";
	}
	return join "\n", sort @all;
}

# In the folder in which we are: outcome, status, what was said, what is there.
sub outcome {
	my ($instructions, %o) = @_;
	my $r = $worker->deliver(home => getcwd(), message => getcwd() . '/message', instructions => "| $instructions", %o);
	$r->{text} =~ s/\d\d:\d\d:\d\d/TIME/g;
	return join "\n", @$r{qw(outcome status text)}, files();
}

my $back = getcwd();
my $n = 0;
my $place = tempdir(CLEANUP => 1);
sub both {
	my ($case, $options, %o) = @_;
	my @r;
	for my $program ("$bin/maildrop", $outside) {
		chdir '/';
		system 'rm', '-rf', $place;
		mkdir $place, 0700 or die;
		chdir $place or die;
		Courier::FilterCases::prepare($case);
		$case->{setup}->() if $case->{setup};
		push @r, outcome("$program $options", env => ['OUTER=from outside', "TOOLS=$bin", 'MAILDROPDEFAULT=./md'], %o);
	}
	chdir $back;
	$r[$_] =~ s/ *\n\z// for 0, 1;
	return @r;
}

for my $c (Courier::FilterCases::all()) {
	# seconds, and what a process's own number is part of
	next if $c->{filter} =~ /\btime\b|\$\$/;
	my ($inside, $program) = both($c, "$c->{opts} f arg1 arg2");
	$n++;
	is($inside, $program, "inside as outside: $c->{ids} $c->{title}");
}
cmp_ok($n, '>', 500, "$n cases of the language");

# ---- delivery mode
my %rules = (
	'the default mailbox' => '',
	'to a Maildir' => "to \"./md\"\n",
	'to an mbox' => "to \"box\"\n",
	'several' => "cc \"box\"\ncc \"./md\"\ncc \"|cat >piped\"\nto \"./md\"\n",
	'a program that refuses' => "to \"|echo no thanks; exit 77\"\n",
	'a program that is not there' => "to \"|/no/such/program\"\n",
	'a program that is killed' => "to \"|kill -9 \\\$\\\$\"\n",
	'a status' => "EXITCODE=67\nexit\n",
	'the status 99' => "EXITCODE=99\nexit\n",
	'a status out of range' => "EXITCODE=1000\nexit\n",
	'xfilter' => "xfilter \"sed s/hello/hallo/\"\nto \"./md\"\n",
	'xfilter that fails' => "xfilter \"cat; exit 1\"\nto \"./md\"\n",
	'backquotes' => "X=`cat | wc -l`\necho \"\$X\"\nto \"box\"\n",
	'flags and keywords' => "FLAGS=\"SR\"\nKEYWORDS=\"one,two\"\nto \"./md\"\n",
	'a log file' => "logfile \"log\"\nlog \"a word\"\ncc \"box\"\nto \"./md\"\n",
	'variables' => "echo \"\$HOME \$LOGNAME \$SHELL \$FROM \$DEFAULT \$SIZE \$LINES \$MAILFILTER \$HOSTNAME\"\nto \"box\"\n",
	'the environment of programs' => "system \"env | sort | grep -v ^_=\"\nto \"box\"\n",
	'a syntax error' => "to (\n",
	'an error' => "include \"nothing-there\"\n",
	'an exception' => "exception {\n include \"nothing-there\"\n}\nto \"box\"\n",
	'a database' => "if (gdbmopen(\"db\", \"C\") == 0)\n{\n gdbmstore(\"k\", \"v\")\n gdbmclose\n}\nif (gdbmopen(\"db\") == 0)\n{\n echo gdbmfetch(\"k\")\n}\nto \"box\"\n",
	'no permission' => "to \"/proc/version/box\"\n",
	'two lines on standard error' => "system \"echo one >&2; echo two\"\nto \"box\"\n",
	'more words than there is room for' => "system \"seq 10000\"\necho \"end\"\nto \"box\"\n",
);
for my $title (sort keys %rules) {
	my %c = (filter => '', setup => sub { spew('.mailfilter', $rules{$title}) });
	my ($inside, $program) = both(\%c, '');
	is($inside, $program, "delivery mode inside as outside: $title");
	($inside, $program) = both(\%c, '--why');
	is($inside, $program, "and its --why: $title");
}
my %c = (filter => '', setup => sub { spew('.mailfilter', "to \"./md\"\n") });
my ($inside, $program) = both(\%c, '', quota => '100S');
is($inside, $program, 'over a quota');
like($inside, qr/over its quota/, 'is told');
$c{setup} = sub { chmod 01700, '.' };
($inside, $program) = both(\%c, '');
is($inside, $program, 'a sticky home');
$c{setup} = sub { spew('.mailfilter', "to \"./md\"\n"); chmod 0644, '.mailfilter' };
($inside, $program) = both(\%c, '');
is($inside, $program, 'a filter that others may read');
spew("$house/etc/maildroprc", "echo \"house rule\"\n");
chmod 0644, "$house/etc/maildroprc";
($inside, $program) = both({filter => ''}, '');
is($inside, $program, 'maildroprc');
like($inside, qr/house rule/, 'is followed');
unlink "$house/etc/maildroprc";
spew("$house/etc/maildropsettings", "MAILDROPMODE=660\n");
chmod 0644, "$house/etc/maildropsettings";
($inside, $program) = both({filter => '', setup => sub { spew('.mailfilter', "to \"box\"\nsystem \"true\"\n") }}, '');
is($inside, $program, 'settings');
is(sprintf('%o', (stat "$place/box")[2] & 0777), '660', 'are read again when they change');
spew("$house/etc/maildropsettings", "MAILDROPMODE=777\n");
chmod 0644, "$house/etc/maildropsettings";
my $r = $worker->deliver(home => $place, message => "$place/message", instructions => '| maildrop');
is($r->{outcome}, 'defer', 'wrong settings defer mail');
like($r->{text}, qr/settings of maildrop are wrong/, 'and are named');

# ---- whose filter it is: local delivery says so, in every mode
spew("$house/etc/maildropsettings", '');
chmod 0644, "$house/etc/maildropsettings";
%c = (filter => "echo \"\$HOME \$LOGNAME \$SHELL \$DEFAULT \$MAILDIRQUOTA\"\nsystem \"echo \\\$HOME \\\$LOGNAME\"\n");
($inside, $program) = both(\%c, 'f', quota => '90000S');
is($inside, $program, 'DROP-0029 a filter that the command names');
like($inside, qr{^\Q$place\E joe /\S+ \./md 90000S$}m, 'DROP-0029 has the account');
like($inside, qr{^\Q$place\E joe$}m, 'DROP-0029 so have its programs');
like($inside, qr{^\./md/new/: Return-Path: }m, 'DROP-0029 and what it leaves goes to the account\'s mailbox');

# ---- a trace
%c = (filter => '', setup => sub {
	spew('.mailfilter', "if (/^Subject: hello/)\n{\n to \"./md\"\n}\n");
	spew('.mailtrace', "earlier\n");
});
($inside, $program) = both(\%c, '');
is($inside, $program, 'a trace of a delivery');
my $told = slurp("$place/.mailtrace");
like($told, qr/\Aearlier\n--- \w{3} \w{3} +\d+ \d\d:\d\d:\d\d \d{4}, from from\@example\.net, \d+ bytes\n/, 'is added to the file');
like($told, qr/^\.mailfilter:1: if: yes$/m, 'names what each line did');
like($told, qr/^--- exit status 0\n\z/m, 'and what came of it');
unlike($inside, qr/^if: yes/m, 'and nobody else is told');
%c = (filter => '', setup => sub { spew('.mailfilter', "include \"nothing-there\"\n"); spew('.mailtrace', '') });
($inside, $program) = both(\%c, '');
is($inside, $program, 'a trace of an error');
like(slurp("$place/.mailtrace"), qr/^--- exit status 75: .*nothing-there/m, 'has the reason');
my %untrusted = (
	'is a link' => sub { spew('elsewhere', ''); symlink 'elsewhere', '.mailtrace' },
	'has two names' => sub { spew('elsewhere', ''); link 'elsewhere', '.mailtrace' },
	'others may write' => sub { spew('.mailtrace', ''); chmod 0620, '.mailtrace' },
	'is a folder' => sub { mkdir '.mailtrace' },
	'is a FIFO' => sub { POSIX::mkfifo('.mailtrace', 0600) },
);
for my $why (sort keys %untrusted) {
	%c = (filter => '', setup => sub { spew('.mailfilter', "to \"./md\"\n"); $untrusted{$why}->() });
	($inside, $program) = both(\%c, '');
	is($inside, $program, "a file for a trace that $why");
	unlike($inside, qr/exit status/, 'is not written');
	like($inside, qr/\Aok\n/, 'and mail arrives');
}
%c = (filter => '', setup => sub { spew('.mailfilter', "to \"./md\"\n"); spew('.mailtrace', 'x' x 1040000 . "\n") });
($inside, $program) = both(\%c, '');
like($inside, qr/exit status 0/, 'there is room for one more');
%c = (filter => '', setup => sub { spew('.mailfilter', "N=0\nwhile (\$N < 2000)\n{\n N=\$N + 1\n}\nto \"./md\"\n"); spew('.mailtrace', 'x' x 1040000 . "\n") });
($inside, $program) = both(\%c, '');
is(substr($inside, 0, 3), "ok\n", 'a trace that is longer than the file may be harms nothing');
cmp_ok(-s "$place/.mailtrace", '<=', 1 << 20, 'and has an end');
like($inside, qr/--- this file is full: remove it$/m, 'which is told');

# ---- time and limits
my $nap = "78.$$"; # seconds, and the name of these processes alone
spew("$house/etc/maildropsettings", "MAILDROPTIME=2\n");
chmod 0644, "$house/etc/maildropsettings";
for my $rule ("while (1)\n{\n X=1\n}\n", "exception {\n while (1)\n {\n  X=1\n }\n}\nto \"box\"\n", "to \"| sleep $nap\"\n", "xfilter \"cat >/dev/null; exec sleep $nap\"\n", "X=`sleep $nap & sleep $nap`\n", "system \"sleep $nap\"\n") {
	spew("$place/.mailfilter", $rule);
	$r = $worker->deliver(home => $place, message => "$place/message", instructions => '| maildrop');
	is($r->{outcome}, 'defer', "DROP-0026 time is over: $rule");
	like($r->{text}, qr/too (?:long|many steps)/, 'in words, by a worker that lives on');
}
spew("$house/etc/maildropsettings", "MAILDROPTIME=5m\n");
chmod 0644, "$house/etc/maildropsettings";
my $left = 1;
for (my $until = time + 20; time < $until && ($left = `ps -eo args` =~ /^sleep \Q$nap\E$/m);) { sleep 1 }
is($left ? 1 : 0, 0, 'DROP-0026 no program is left');

# ---- killed and failing at every step
my $faults = Courier::Faults->new;
my $dir = tempdir(CLEANUP => 1);
chdir $dir or die;
mkdir $_ for 'md', map {"md/$_"} qw(tmp new cur);
sub mail { my ($id) = @_; return "Subject: $id\n\n" . "line of $id\nFrom here\n" x 5000 . "end of $id\n" }

sub faulty {
	my ($at, $error, $id) = @_;
	spew("$dir/in", mail($id));
	my $w = Courier::Worker->new(preload => $faults->{so});
	$faults->arm(program => 'courierlocal-worker', at => $at, error => $error) if $at;
	my $r = $w->deliver(home => $dir, message => "$dir/in", instructions => '| maildrop', quota => '900000000S,10000C');
	my $met = $at ? $faults->disarm : 0;
	return ($r, $met);
}

# How often each message is there, whole; dies of others.
sub whole {
	my %n;
	my @texts = map { slurp($_) } glob "$dir/md/new/*";
	push @texts, map { s/\AFrom .*\n//r =~ s/^>(>*From )/$1/mgr =~ s/\n\n\z/\n/r } split /^(?=From \S+ \w{3} \w{3} )/m, slurp("$dir/box");
	for my $text (@texts) {
		my ($id) = $text =~ /^Subject: (.*)/m or die 'a message without subject';
		$text eq "Return-Path: <from\@example.net>\nDelivered-To: joe\@example.com\n" . mail($id) or die "'$id' is not whole";
		$n{$id}++;
	}
	return \%n;
}

# After all that the sum may count what is not there, or not what is: who finds the mailbox over its
# quota, in an old file, counts anew.
sub heals {
	my @there = glob "$dir/md/new/*";
	my $bytes = 0;
	$bytes += -s $_ for @there;
	spew("$dir/in", mail('healed'));
	my $limit = $bytes + 2 * -s "$dir/in"; # it fits, by what is there
	open my $fh, '>', "$dir/md/maildirsize" or die;
	print $fh "${limit}S\n$limit 1\n"; # and not by what the file says
	close $fh;
	utime time - 7200, time - 7200, "$dir/md/maildirsize";
	my $w = Courier::Worker->new;
	my $r = $w->deliver(home => $dir, message => "$dir/in", instructions => '| maildrop', quota => "${limit}S");
	is($r->{outcome}, 'ok', 'MDIR-0039 a wrong quota file is counted anew') or diag $r->{text};
	my ($b, $c) = (0, 0);
	for (split /\n/, slurp("$dir/md/maildirsize") =~ s/\A.*\n//r) { my @f = split; $b += $f[0]; $c += $f[1] }
	my @now = glob "$dir/md/new/*";
	my $now = 0;
	$now += -s $_ for @now;
	is("$b $c", "$now " . @now, 'MDIR-0039 and is right again');
	return;
}

for my $where ('./md', 'box') {
	unlink 'box', glob 'md/new/*';
	spew('.mailfilter', "to \"$where\"\n");
	my (%met, %bad);
	for my $error (0, ENOSPC, EIO) {
		for my $at (1 .. 60) {
			my $id = "m$error-$at";
			my ($r, $met) = faulty($at, $error, $id);
			last if !$met;
			$met{$error}++;
			unlink 'box.lock'; # of a killed one
			my ($next) = faulty(0, 0, "n$error-$at");
			my $n = eval { whole() } or do { $bad{"$error-$at: $@"}++; last };
			my $there = $n->{$id} // 0;
			$bad{"$error-$at: the next one: $next->{text}"}++ if $next->{outcome} ne 'ok' || ($n->{"n$error-$at"} // 0) != 1;
			$bad{"$error-$at: done, and there $there times"}++ if $r->{outcome} eq 'ok' && $there != 1;
			$bad{"$error-$at: $r->{outcome}, and there"}++ if $r->{outcome} eq 'defer' && $there;
			$bad{"$error-$at: $r->{outcome}"}++ if $r->{outcome} !~ /^(?:ok|defer|gone)$/;
			unlink 'box', glob 'md/new/*' if $at % 10 == 0;
		}
	}
	heals() if $where eq './md';
	cmp_ok($met{$_} // 0, '>=', 3, "$where, error $_: calls that were hurt") for 0, ENOSPC, EIO;
	is(join("\n", sort keys %bad), '', "DROP-0106 $where holds whole messages only");
}
chdir '/';
done_testing();
