#!/usr/bin/perl
# slow
# Accounts in a file of SQLite.
# AUTH-0169 AUTH-0170 AUTH-0171 AUTH-0172 AUTH-0173 AUTH-0174 AUTH-0175 AUTH-0176 AUTH-0177 AUTH-0178
# AUTH-0179 AUTH-0180 AUTH-0181 AUTH-0182 AUTH-0183 AUTH-0184 AUTH-0185
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Accounts;
use Courier::Server;
use Courier::Test;
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'built without SQLite' if !-x Courier::Test::prefix() . '/libexec/courier/courierauthsqlite';
my ($sqlite) = grep {-x} map {"$_/sqlite3"} split /:/, $ENV{PATH};
plan skip_all => 'no program sqlite3' if !$sqlite;

my $t = Courier::Test->new(users => ['alice'], files => {'smtpaccess/default' => "127.0.0.1\tallow\n"},
	config => {authdaemonrc => {authmodulelist => 'authuserdb', AUTH_FAIL_DELAY => 0}, esmtpd => {TARPIT => 0}});
my $d = $t->domain;
my $folder = $t->path('sqlite');
my $base = "$folder/users.db";
mkdir $folder;

sub owner_of { my ($name) = @_; return $> == 0 ? (getpwnam($name))[2, 3] : ($>, $) + 0) }

sub run_sql {
	for my $s (@_) {
		my $pid = open my $fh, '|-', $sqlite, '-bail', $base or die "sqlite3: $!";
		print $fh ".timeout 5000\n$s;\n";
		close $fh or die "sqlite3 failed: $s";
	}
}
my $columns = 'crypt TEXT, clear TEXT, name TEXT, uid INT, gid INT, home TEXT, maildir TEXT, defaultdelivery TEXT, quota TEXT, options TEXT, server TEXT';
run_sql("CREATE TABLE passwd (id TEXT, $columns)",
	'CREATE TABLE mailbox (local_part TEXT, domain TEXT, password TEXT, hash TEXT, uid INT, gid INT, home TEXT, service TEXT)');
chown owner_of('courier-auth'), $_ for $folder, $base;

my %id = (FILE => 'AUTH-0169', DATABASE => '', TABLE => 'AUTH-0170', CRYPT => 'AUTH-0171', CLEAR => 'AUTH-0172', UID => 'AUTH-0173',
	GID => 'AUTH-0174', LOGIN => 'AUTH-0175', HOME => 'AUTH-0176', NAME => 'AUTH-0177', MAILDIR => 'AUTH-0178', DELIVERY => 'AUTH-0179',
	QUOTA => 'AUTH-0180', OPTIONS => 'AUTH-0181', WHERE => 'AUTH-0182', SELECT => 'AUTH-0183', ENUMERATE => 'AUTH-0184',
	CHPASS => 'AUTH-0185', DOMAIN => '');
my $db = {t => $t, prefix => 'SQLITE', id => \%id, rc => {SQLITE_DATABASE => $base}, do => \&run_sql,
	concat => sub { join ' || ', @_ }};
# the module comes while all runs: a reload starts its process
$t->start;
is(Courier::Server::role_pid($t, 'authsqlite'), 0, 'no process that nobody wants');
Courier::Accounts::configure($t, 'authsqliterc', {%{$db->{rc}}, SQLITE_USER_TABLE => 'mailbox', SQLITE_LOGIN_FIELD => 'local_part', SQLITE_CLEAR_PWFIELD => 'password'});
$t->configure(authdaemonrc => {authmodulelist => 'authuserdb authsqlite'});
$t->command('courier', '-C', $t->path(''), 'reload');
ok($t->wait_for(20, sub { Courier::Server::role_pid($t, 'authsqlite') }), 'AUTH-0169: a reload starts it') or diag $t->log;
Courier::Accounts::common($db);
SKIP: {
	skip 'an instance of one user', 1 if $> != 0;
	like($t->command('courier', '-C', $t->path(''), 'security'), qr/^authsqlite .*user courier-auth.*^as promised$/ms, 'AUTH-0169: with the rights of its role');
}
Courier::Accounts::clauses($db);
Courier::Accounts::faults($db,
	SQLITE_DATABASE => ['users.db', qr/authsqliterc.*whole path/],
	SQLITE_SELECT_CLAUSE => ["SELECT 'x", qr/authsqliterc.*_SELECT_CLAUSE: a quote that is not closed/],
	SQLITE_CHPASS_CLAUSE => ["UPDATE x SET y = '\$(nothing)'", qr/_CHPASS_CLAUSE: a \$\(variable\) that is not known/]);
Courier::Server::settled($t, 'authsqlite');
ok($t->wait_for(20, sub { Courier::Accounts::pre($t, "dora\@$d") =~ /^UID=/ }), 'the fields again');

# left out and named again before its process has ended
my $had = Courier::Server::role_pid($t, 'authsqlite');
kill 'STOP', $had;
for my $list ('authuserdb', 'authuserdb authsqlite') {
	$t->configure(authdaemonrc => {authmodulelist => $list});
	$t->command('courier', '-C', $t->path(''), 'reload');
}
kill 'CONT', $had;
ok($t->wait_for(30, sub { my $p = Courier::Server::role_pid($t, 'authsqlite'); $p && $p != $had && Courier::Accounts::login($t, "dora\@$d", 'dora-secret') eq 'yes' }),
	'AUTH-0169: a module that is named again comes back') or diag $t->log;

# trouble
rename $base, "$base.away";
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'later', 'no file: later');
is(Courier::Accounts::login($t, 'alice', $Courier::Test::PASSWORD), 'yes', '... but not for accounts of the module before it');
like(Courier::Accounts::rcpt($t, "dora\@$d"), qr/^4/, '... mail waits');
ok(!-e $base, '... none is made');
rename "$base.away", $base;
ok($t->wait_for(15, sub { Courier::Accounts::login($t, "dora\@$d", 'dora-secret') eq 'yes' }), '... and it is used again');
is(scalar($t->log_lines(qr/SQLite file of accounts can't be asked/)), 1, '... the log has it once');
ok(scalar($t->log_lines(qr/SQLite file of accounts answers again/)), '... and the end');
run_sql('ALTER TABLE passwd RENAME TO old');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'later', 'no table: later');
ok(scalar($t->log_lines(qr/SQLite file of accounts: no such table: passwd/)), '... and why');
run_sql('ALTER TABLE old RENAME TO passwd');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'yes', '... and it is there again');

# a lock that stays
my $pid = open my $lock, '|-', $sqlite, $base or die "sqlite3: $!";
$lock->autoflush(1);
print $lock "BEGIN EXCLUSIVE;\n.shell touch $folder/locked\n";
$t->wait_for(10, sub { -e "$folder/locked" });
my $began = time;
is(Courier::Accounts::pre($t, "dora\@$d"), '', 'locked: later');
cmp_ok(time - $began, '<', 15, '... within a bounded time');
is(Courier::Accounts::login($t, 'alice', $Courier::Test::PASSWORD), 'yes', '... for nobody else');
print $lock "ROLLBACK;\n.quit\n";
close $lock;
ok($t->wait_for(15, sub { Courier::Accounts::login($t, "dora\@$d", 'dora-secret') eq 'yes' }), '... and then it goes on');

# what the process may not open, even of its own user
SKIP: {
	skip 'a kernel without Landlock', 3 if syscall(444, 0, 0, 1) < 2;
	rename $base, "$base.away";
	mkdir "$folder.other";
	system 'cp', "$base.away", "$folder.other/users.db";
	chown owner_of('courier-auth'), "$folder.other", "$folder.other/users.db";
	symlink "$folder.other/users.db", $base;
	is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'later', 'a link to a file of its user in another folder');
	ok($t->wait_for(5, sub { $t->log_lines(qr/SQLite file of accounts can't be asked: .*unable to open database file/) }), '... is not even opened') or diag $t->log;
	unlink $base;
	rename "$base.away", $base;
	ok($t->wait_for(15, sub { Courier::Accounts::login($t, "dora\@$d", 'dora-secret') eq 'yes' }), '... and the file in its place is');
}
done_testing;
