#!/usr/bin/perl
# slow
# Accounts in MariaDB, on a server of the test's own.
# AUTH-0119 AUTH-0120 AUTH-0121 AUTH-0122 AUTH-0123 AUTH-0124 AUTH-0125 AUTH-0126 AUTH-0127 AUTH-0128 AUTH-0129 AUTH-0130
# AUTH-0131 AUTH-0132 AUTH-0133 AUTH-0134 AUTH-0135 AUTH-0136 AUTH-0137 AUTH-0138 AUTH-0139 AUTH-0140 AUTH-0141 AUTH-0142
# AUTH-0143 AUTH-0144 AUTH-0145 AUTH-0146 AUTH-0147 AUTH-0148 AUTH-0149 AUTH-0150
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Accounts;
use Courier::Server;
use Courier::Test;
use Test::More;
use Time::HiRes qw(time sleep);

plan skip_all => 'built without MySQL' if !-x Courier::Test::prefix() . '/libexec/courier/courierauthmysql';
my $program = Courier::Server::find('mariadbd', '/usr/sbin', '/usr/libexec');
my $install = Courier::Server::find('mariadb-install-db', '/usr/bin');
my $client = Courier::Server::find('mariadb', '/usr/bin');
plan skip_all => 'no MariaDB server' if !$program || !$install || !$client;

my $t = Courier::Test->new(users => ['alice'], files => {'smtpaccess/default' => "127.0.0.1\tallow\n"},
	config => {authdaemonrc => {authmodulelist => 'authuserdb authmysql', AUTH_FAIL_DELAY => 0}, esmtpd => {TARPIT => 0}});
my $d = $t->domain;

# ---- the server --------------------------------------------------------------------------------

my $dir = $t->scratch . '/m';
my $socket = "$dir/s";
my $port = Courier::Server::free_port();
my $user = Courier::Server::user('mysql');
my $server = Courier::Server->new(dir => $dir, user => $user, test => $t);
is($server->run($install, '--no-defaults', "--datadir=$dir/data", '--auth-root-authentication-method=normal', '--skip-test-db'), 0, 'a database') or diag $server->log;
my ($cert) = Courier::Server::certificate($server, 'localhost');
my @arguments = ($program, '--no-defaults', "--datadir=$dir/data", "--socket=$socket", "--port=$port", '--bind-address=127.0.0.1', "--pid-file=$dir/pid",
	'--skip-log-bin', '--innodb-buffer-pool-size=16M', '--innodb-log-file-size=8M', '--performance-schema=OFF', '--innodb-flush-method=fsync',
	"--ssl-ca=$cert.crt", "--ssl-cert=$cert.crt", "--ssl-key=$cert.key", '--loose-innodb-use-native-aio=0');
my $alive = sub { system("$client --no-defaults -uroot -S $socket -e 'SELECT 1' >/dev/null 2>&1") == 0 };
ok($server->start($alive, @arguments), 'a server') or BAIL_OUT($server->log);

sub run_sql {
	for my $s (@_) {
		my $pid = open my $fh, '|-', $client, '--no-defaults', '-uroot', '-S', $socket, '--default-character-set=utf8mb4', 'mail' or die "mariadb: $!";
		print $fh "$s;\n";
		close $fh or die "mariadb failed: $s";
	}
}
system($client, '--no-defaults', '-uroot', '-S', $socket, '-e', 'CREATE DATABASE mail CHARACTER SET utf8mb4') == 0 or BAIL_OUT($server->log);
my $columns = 'crypt VARCHAR(255), clear VARCHAR(255), name VARCHAR(255), uid INT UNSIGNED, gid INT UNSIGNED, home VARCHAR(255), maildir VARCHAR(255), defaultdelivery VARCHAR(255), quota VARCHAR(255), options VARCHAR(255), server VARCHAR(255)';
run_sql("CREATE TABLE passwd (id VARCHAR(190), $columns, KEY(id))",
	'CREATE TABLE mailbox (local_part VARCHAR(100), domain VARCHAR(100), password VARCHAR(255), hash VARCHAR(255), uid INT, gid INT, home VARCHAR(255), service VARCHAR(20))',
	"CREATE USER courier\@localhost IDENTIFIED BY 'penguin'", "CREATE USER courier\@'127.0.0.1' IDENTIFIED BY 'penguin'",
	'GRANT SELECT, UPDATE ON mail.* TO courier@localhost', "GRANT SELECT, UPDATE ON mail.* TO courier\@'127.0.0.1'",
	"CREATE USER secured\@'127.0.0.1' IDENTIFIED BY 'penguin' REQUIRE SSL", "GRANT SELECT ON mail.* TO secured\@'127.0.0.1'");

# ---- accounts ----------------------------------------------------------------------------------

my %id = (FILE => 'AUTH-0119 AUTH-0121 AUTH-0122', DATABASE => 'AUTH-0123 AUTH-0126', TABLE => 'AUTH-0133', CRYPT => 'AUTH-0134', CLEAR => 'AUTH-0135',
	DOMAIN => 'AUTH-0136', UID => 'AUTH-0137', GID => 'AUTH-0138', LOGIN => 'AUTH-0139', HOME => 'AUTH-0140', NAME => 'AUTH-0141', MAILDIR => 'AUTH-0142',
	DELIVERY => 'AUTH-0143', QUOTA => 'AUTH-0144', OPTIONS => 'AUTH-0145', WHERE => 'AUTH-0146', SELECT => 'AUTH-0147 AUTH-0150',
	ENUMERATE => 'AUTH-0148', CHPASS => 'AUTH-0149');
my %local = (MYSQL_SOCKET => $socket, MYSQL_USERNAME => 'courier', MYSQL_PASSWORD => 'penguin', MYSQL_DATABASE => 'mail', MYSQL_OPT => 0, MYSQL_PORT => 0);
my $db = {t => $t, prefix => 'MYSQL', id => \%id, rc => \%local, do => \&run_sql, concat => sub { 'CONCAT(' . join(', ', @_) . ')' }};
Courier::Accounts::common($db);
SKIP: {
	skip 'an instance of one user', 1 if $> != 0;
	like($t->command('courier', '-C', $t->path(''), 'security'), qr/^authmysql .*user courier-auth.*^as promised$/ms, 'AUTH-0119: with the rights of its role');
}
Courier::Accounts::clauses($db);

sub with { return Courier::Accounts::fields_with($db, @_) }
sub works { return Courier::Accounts::pre($t, "dora\@$d") =~ /^UID=/ }
sub settle { return Courier::Accounts::settle($t, 'authmysql', @_) }
my %tcp = (MYSQL_SOCKET => undef, MYSQL_SERVER => '127.0.0.1', MYSQL_PORT => $port);
settle(with(%tcp, MYSQL_CHARACTER_SET => 'utf8mb4', MYSQL_OPT => 32));
ok(works(), 'AUTH-0120 AUTH-0124 AUTH-0125 AUTH-0132: host and port, flags, character set');
run_sql("INSERT INTO passwd (id, clear, uid, gid, home, server) SELECT 'd\xc3\xb6rte\@$d', 'x', uid, gid, home, server FROM passwd WHERE id = 'emil\@$d'");
like(Courier::Accounts::pre($t, "d\xc3\xb6rte\@$d"), qr/^ADDRESS=d\xc3\xb6rte\@/m, 'AUTH-0132: a name that is not ASCII');
settle(with(%tcp, MYSQL_CHARACTER_SET => 'latin1'));
is(Courier::Accounts::pre($t, "d\xc3\xb6rte\@$d"), "FAIL\n", 'AUTH-0132: another one sees another name');
is(Courier::Accounts::pre($t, "\xbf' OR 1=1 -- "), "FAIL\n", 'and no way around a quote');
settle(with(%tcp, MYSQL_USERNAME => 'secured'));
is(Courier::Accounts::pre($t, "dora\@$d"), '', 'a server that wants TLS: later') or diag Courier::Accounts::pre($t, "dora\@$d");
settle(with(%tcp, MYSQL_USERNAME => 'secured', MYSQL_SERVER => 'localhost', MYSQL_SSL_CACERT => "$cert.crt", MYSQL_SSL_CIPHERS => 'HIGH'));
is(Courier::Accounts::pre($t, "dora\@$d"), '', 'localhost is a socket, which this user may not use');
settle(with(%tcp, MYSQL_USERNAME => 'secured', MYSQL_SSL_CACERT => "$cert.crt", MYSQL_SSL_CIPHERS => 'HIGH', MYSQL_SSL_KEY => "$cert.key", MYSQL_SSL_CERT => "$cert.crt"));
ok(works(), 'AUTH-0127 AUTH-0128 AUTH-0129 AUTH-0131: TLS') or diag $t->log;
my $other = Courier::Server::certificate($server, 'other');
settle(with(%tcp, MYSQL_USERNAME => 'secured', MYSQL_SSL_CACERT => "$other.crt"));
is(Courier::Accounts::pre($t, "dora\@$d"), '', 'AUTH-0129: an authority that does not know the server');
mkdir "$dir/ca";
system("cp $cert.crt $dir/ca/ && openssl rehash $dir/ca >/dev/null 2>&1 && chmod -R a+rX $dir/ca");
settle(with(%tcp, MYSQL_USERNAME => 'secured', MYSQL_SSL_CAPATH => "$dir/ca"));
ok(works(), 'AUTH-0130: a folder of authorities') or diag $t->log;

Courier::Accounts::faults($db,
	MYSQL_PORT => ['many', qr/authmysqlrc:\d+: MYSQL_PORT is a number/],
	MYSQL_DATABASE => ['', qr/MYSQL_DATABASE is missing/],
	MYSQL_SELECT_CLAUSE => ['SELECT `$(local_part)` FROM x', qr/in the name of a column/]);
chmod 0644, $t->path('etc/authmysqlrc');
like($t->command('courier', '-C', $t->path(''), 'check'), qr/authmysqlrc.*holds a password but others can read it/, 'AUTH-0122: a password for everybody to see');
chmod 0600, $t->path('etc/authmysqlrc');
Courier::Server::settled($t, 'authmysql');
ok($t->wait_for(20, \&works), 'the socket again');

# ---- trouble -----------------------------------------------------------------------------------

Courier::Accounts::trouble($db, $server, sub { $server->start($alive, @arguments) }, qr/MySQL server of accounts/);
run_sql('RENAME TABLE passwd TO old');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'later', 'no table: later');
ok(scalar($t->log_lines(qr/MySQL server of accounts: Table 'mail.passwd' doesn't exist/)), '... and why');
run_sql('RENAME TABLE old TO passwd', 'ALTER TABLE passwd DROP COLUMN quota');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'later', 'another schema: later');
run_sql('ALTER TABLE passwd ADD COLUMN quota TEXT');
is(Courier::Accounts::login($t, "dora\@$d", 'dora-secret'), 'yes', '... and it is there again, a column with long values now');
run_sql("UPDATE passwd SET quota = REPEAT('9', 10000) WHERE id = 'dora\@$d'");
is(Courier::Accounts::pre($t, "dora\@$d"), '', 'a value of 10 KB: later');
$server->stop;
done_testing;
