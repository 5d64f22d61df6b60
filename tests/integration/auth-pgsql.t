#!/usr/bin/perl
# slow
# Accounts in PostgreSQL, on a server of the test's own.
# AUTH-0151 AUTH-0152 AUTH-0153 AUTH-0154 AUTH-0155 AUTH-0156 AUTH-0157 AUTH-0158 AUTH-0159 AUTH-0160 AUTH-0161 AUTH-0162
# AUTH-0163 AUTH-0164 AUTH-0165 AUTH-0166 AUTH-0167 AUTH-0168
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Accounts;
use Courier::Server;
use Courier::Test;
use Test::More;

plan skip_all => 'built without PostgreSQL' if !-x Courier::Test::prefix() . '/libexec/courier/courierauthpgsql';
my @bin = reverse sort glob '/usr/lib/postgresql/*/bin';
my $initdb = Courier::Server::find('initdb', @bin);
my $program = Courier::Server::find('postgres', @bin);
my $client = Courier::Server::find('psql', @bin);
plan skip_all => 'no PostgreSQL server' if !$initdb || !$program || !$client;

my $t = Courier::Test->new(users => ['alice'], files => {'smtpaccess/default' => "127.0.0.1\tallow\n"},
	config => {authdaemonrc => {authmodulelist => 'authuserdb authpgsql', AUTH_FAIL_DELAY => 0}, esmtpd => {TARPIT => 0}});
my $d = $t->domain;

# ---- the server --------------------------------------------------------------------------------

my $dir = $t->scratch . '/p';
my $port = Courier::Server::free_port();
my $user = Courier::Server::user('postgres');
my $server = Courier::Server->new(dir => $dir, user => $user, test => $t);
is($server->run($initdb, '-D', "$dir/data", '-U', 'admin', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'), 0, 'a database') or diag $server->log;
{
	open my $fh, '>', "$dir/data/pg_hba.conf" or die "pg_hba.conf: $!";
	print $fh "local all admin trust\nlocal all courier trust\nhost all courier 127.0.0.1/32 scram-sha-256\n";
}
my $cert = Courier::Server::certificate($server, 'localhost');
chmod 0600, "$cert.key";
$server->give("$cert.key");
my @arguments = ($program, '-D', "$dir/data", '-k', $dir, '-p', $port, '-h', '127.0.0.1', '-c', 'fsync=off', '-c', 'shared_buffers=16MB', '-c', 'max_connections=30',
	'-c', 'ssl=on', '-c', "ssl_cert_file=$cert.crt", '-c', "ssl_key_file=$cert.key", '-c', 'dynamic_shared_memory_type=mmap');
my @psql = ($client, '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $dir, '-p', $port, '-U', 'admin');
my $alive = sub { system("@psql -c 'SELECT 1' postgres >/dev/null 2>&1") == 0 };
ok($server->start($alive, @arguments), 'a server') or BAIL_OUT($server->log);

sub run_sql {
	local $ENV{PGCLIENTENCODING} = 'UTF8';
	for my $s (@_) {
		my $pid = open my $fh, '|-', @psql, 'mail' or die "psql: $!";
		print $fh "$s;\n";
		close $fh or die "psql failed: $s";
	}
}
system(@psql, '-c', 'CREATE DATABASE mail', 'postgres') == 0 or BAIL_OUT($server->log);
my $columns = 'crypt TEXT, clear TEXT, name TEXT, uid INT, gid INT, home TEXT, maildir TEXT, defaultdelivery TEXT, quota TEXT, options TEXT, server TEXT';
run_sql("CREATE TABLE passwd (id TEXT, $columns)",
	'CREATE TABLE mailbox (local_part TEXT, domain TEXT, password TEXT, hash TEXT, uid INT, gid INT, home TEXT, service TEXT)',
	"CREATE USER courier PASSWORD 'penguin'", 'GRANT SELECT, UPDATE ON passwd, mailbox TO courier');

# ---- accounts ----------------------------------------------------------------------------------

my %id = (FILE => 'AUTH-0151', DATABASE => 'AUTH-0151', TABLE => 'AUTH-0153', CRYPT => 'AUTH-0154', CLEAR => 'AUTH-0155', UID => 'AUTH-0156',
	GID => 'AUTH-0157', LOGIN => 'AUTH-0158', HOME => 'AUTH-0159', NAME => 'AUTH-0160', MAILDIR => 'AUTH-0161', DELIVERY => 'AUTH-0162',
	QUOTA => 'AUTH-0163', OPTIONS => 'AUTH-0164', WHERE => 'AUTH-0165', SELECT => 'AUTH-0166', ENUMERATE => 'AUTH-0167',
	CHPASS => 'AUTH-0168', DOMAIN => '');
my %local = (PGSQL_CONNECTION => "host=$dir \\\n\tport=$port user=courier", PGSQL_DATABASE => 'mail');
my $db = {t => $t, prefix => 'PGSQL', id => \%id, rc => \%local, do => \&run_sql, concat => sub { join ' || ', @_ }};
Courier::Accounts::common($db);
SKIP: {
	skip 'an instance of one user', 1 if $> != 0;
	like($t->command('courier', '-C', $t->path(''), 'security'), qr/^authpgsql .*user courier-auth.*^as promised$/ms, 'AUTH-0151: with the rights of its role');
}
Courier::Accounts::clauses($db);

sub with { return Courier::Accounts::fields_with($db, @_) }
sub works { return Courier::Accounts::pre($t, "dora\@$d") =~ /^UID=/ }
sub settle { return Courier::Accounts::settle($t, 'authpgsql', @_) }
settle(with(PGSQL_CONNECTION => undef, PGSQL_HOST => '127.0.0.1', PGSQL_PORT => $port, PGSQL_USERNAME => 'courier', PGSQL_PASSWORD => 'penguin',
	PGSQL_OPT => '-c statement_timeout=5000', PGSQL_CHARACTER_SET => 'UTF8'));
ok(works(), 'AUTH-0151: the older settings, with a password') or diag $t->log;
run_sql("INSERT INTO passwd (id, clear, uid, gid, home, server) SELECT 'd\xc3\xb6rte\@$d', 'x', uid, gid, home, server FROM passwd WHERE id = 'emil\@$d'");
like(Courier::Accounts::pre($t, "d\xc3\xb6rte\@$d"), qr/^ADDRESS=d\xc3\xb6rte\@/m, 'AUTH-0152: a name that is not ASCII');
is(Courier::Accounts::pre($t, "d\xf6rte\@$d"), "FAIL\n", 'AUTH-0152: bytes that are no characters are nobody');
settle(with(PGSQL_CONNECTION => "host=127.0.0.1 port=$port user=courier password=penguin", PGSQL_CHARACTER_SET => 'LATIN1'));
is(Courier::Accounts::pre($t, "d\xc3\xb6rte\@$d"), "FAIL\n", 'AUTH-0152: another character set sees another name');
settle(with(PGSQL_CONNECTION => "host=127.0.0.1 port=$port user=courier password=penguin sslmode=verify-full sslrootcert=$cert.crt"));
ok(works(), 'AUTH-0151: TLS by the connection string') or diag $t->log;
my $other = Courier::Server::certificate($server, 'other');
settle(with(PGSQL_CONNECTION => "host=127.0.0.1 port=$port user=courier password=penguin sslmode=verify-full sslrootcert=$other.crt"));
is(Courier::Accounts::pre($t, "dora\@$d"), '', '... and an authority that does not know the server: later');

Courier::Accounts::faults($db,
	PGSQL_PORT => ['many', qr/authpgsqlrc:\d+: PGSQL_PORT is a number/],
	PGSQL_USER_TABLE => ['', qr/_USER_TABLE\) is missing/],
	PGSQL_SELECT_CLAUSE => ['SELECT "$(local_part)" FROM x', qr/in the name of a column/]);
Courier::Server::settled($t, 'authpgsql');
ok($t->wait_for(20, \&works), 'the socket again');

# ---- trouble -----------------------------------------------------------------------------------

Courier::Accounts::trouble($db, $server, sub { $server->start($alive, @arguments) }, qr/PostgreSQL server of accounts/);
run_sql('ALTER TABLE passwd RENAME TO old');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'later', 'no table: later');
ok(scalar($t->log_lines(qr/PostgreSQL server of accounts: .*relation "passwd" does not exist/)), '... and why');
run_sql('ALTER TABLE old RENAME TO passwd');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'yes', '... and it is there again');
run_sql("UPDATE passwd SET quota = REPEAT('9', 10000) WHERE id = 'dora\@$d'");
is(Courier::Accounts::pre($t, "dora\@$d"), '', 'a value of 10 KB: later');
$server->stop('INT');
done_testing;
