#!/usr/bin/perl
# slow
# Aliases in a directory: courierldapaliasd against a slapd of the test's own.
# MTA-2701 MTA-2702 MTA-2703 MTA-2704 MTA-2705 MTA-2706 MTA-2707 MTA-2708 MTA-2709 MTA-2710  AUTH-0192
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use IO::Socket::INET;
use Time::HiRes qw(sleep time);

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
my ($slapd) = grep {-x} '/usr/sbin/slapd', '/usr/libexec/slapd', '/usr/local/libexec/slapd';
plan skip_all => 'no slapd' if !$slapd;
plan skip_all => 'built without LDAP' if !-x Courier::Test::prefix() . '/sbin/courierldapaliasd';

my $t = Courier::Test->new(users => ['alice', 'bob', 'carol'], config => {esmtpd => {TARPIT => 0}},
	files => {'smtpaccess/default' => "127.0.0.1\tallow\n", 'aliases/more' => "table: alice\n"});
my $d = $t->domain;
my $ldap = $t->scratch . '/ldap';
mkdir $ldap;
mkdir "$ldap/db";

# ---- the directory ---------------------------------------------------------------------------

sub write_file {
	my ($path, $text) = @_;
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
}

my ($modules) = grep {-d} '/usr/lib/ldap', '/usr/libexec/openldap';
my ($schemas) = grep {-d} '/etc/ldap/schema', '/etc/openldap/schema';
write_file("$ldap/slapd.conf", <<"END");
include $schemas/core.schema
include $schemas/cosine.schema
include $source/ldapaliasd/courier.schema
pidfile $ldap/slapd.pid
modulepath $modules
moduleload back_mdb
database mdb
maxsize 10485760
suffix "dc=test"
rootdn "cn=admin,dc=test"
rootpw penguin
directory $ldap/db
access to * by dn.base="cn=reader,dc=test" read by * auth
END
my $domain_entries = join '', map {"dn: virtualdomain=$_->[0],dc=test\nobjectClass: CourierDomainAlias\n"
	    . "virtualdomain: $_->[0]\nvirtualdomainuser: $_->[1]\n\n"} ['virtual.example', 'alice'];
my $big = join '', map {"maildrop: m$_\@far.example\n"} 1 .. 6000;
write_file("$ldap/data.ldif", <<"END");
dn: dc=test
objectClass: domain
dc: test

dn: cn=reader,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: secret

dn: mail=info\@$d,dc=test
objectClass: CourierMailAlias
mail: info\@$d
maildrop: alice\@$d

dn: mail=bare,dc=test
objectClass: CourierMailAlias
mail: bare
maildrop: bob\@$d

dn: mail=team\@$d,dc=test
objectClass: CourierMailAlias
mail: team\@$d
maildrop: alice\@$d
maildrop: bob\@$d

dn: mail=staff\@$d,dc=test
objectClass: CourierMailAlias
mail: staff\@$d
mailsource: local
maildrop: bob\@$d

dn: mail=both\@$d+mailsource=esmtp,dc=test
objectClass: CourierMailAlias
mail: both\@$d
mailsource: esmtp
maildrop: alice\@$d

dn: mail=both\@$d,dc=test
objectClass: CourierMailAlias
mail: both\@$d
maildrop: bob\@$d

dn: mail=table\@$d,dc=test
objectClass: CourierMailAlias
mail: table\@$d
maildrop: bob\@$d

dn: mail=big\@$d,dc=test
objectClass: CourierMailAlias
mail: big\@$d
$big
$domain_entries
END
system("slapadd -f $ldap/slapd.conf -l $ldap/data.ldif >$ldap/slapadd.log 2>&1");
is($?, 0, 'the schema and entries of its object classes') or diag do { local (@ARGV, $/) = "$ldap/slapadd.log"; <> };

my ($port, $slapd_pid) = (Courier::Test::free_port());

sub start_slapd {
	$slapd_pid = fork;
	defined $slapd_pid or die "fork: $!";
	if (!$slapd_pid) {
		open STDOUT, '>>', "$ldap/slapd.log";
		open STDERR, '>&', \*STDOUT;
		exec $slapd, '-d', '0', '-h', "ldap://127.0.0.1:$port", '-f', "$ldap/slapd.conf" or exit 127;
	}
	return $t->wait_for(15, sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) });
}

sub stop_slapd {
	return if !$slapd_pid;
	kill CONT => $slapd_pid;
	kill TERM => $slapd_pid;
	$t->wait_for(10, sub { waitpid($slapd_pid, 1) }) or kill KILL => $slapd_pid;
	$slapd_pid = undef;
}
END { local $?; stop_slapd() if $slapd_pid && $t && $t->{pid} == $$ }
ok(start_slapd(), 'a directory');

# ---- off, then on ----------------------------------------------------------------------------

sub configure_ldap {
	my (%change) = @_;
	my %rc = (LDAP_ALIAS => 1, LDAP_URI => "ldap://127.0.0.1:$port", LDAP_BASEDN => 'dc=test', LDAP_BINDDN => 'cn=reader,dc=test',
		LDAP_BINDPW => 'secret', LDAP_TIMEOUT => 2, LDAP_NUMPROCS => 3, LDAP_SOURCE => 'mailsource',
		LDAP_VDOMAIN => 'virtualdomain', LDAP_VUSER => 'virtualdomainuser', %change);
	chmod 0600, $t->file('etc/ldapaliasrc', "# the test's\n" . join '', map {"$_\t\t$rc{$_}\n"} sort keys %rc);
}
my @daemon = ('courierldapaliasd', '-C', $t->path(''));

sub query { my $out = $t->command(@daemon, 'query', @_); return wantarray ? ($out, $? >> 8) : $out }
sub sorted { return join ' ', sort split ' ', $_[0] }

sub rcpt {
	my ($to) = @_;
	my $s = $t->connect('smtp');
	$t->smtp_reply($s);
	my @r = map {$t->smtp($s, $_)} 'EHLO client.test', 'MAIL FROM:<x@far.example>', "RCPT TO:<$to>";
	return $r[2];
}

is(($t->command('makealiases'), $? >> 8)[1], 0, 'a table of aliases beside it');
configure_ldap(LDAP_ALIAS => 0);
$t->start;
my @status = grep {/ldapalias/} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
is(scalar @status, 0, 'MTA-2704: with LDAP_ALIAS 0 nothing runs');
like(rcpt("info\@$d"), qr/^550 /, 'MTA-2704: and nothing is asked');
my ($out, $code) = query('esmtp', "info\@$d");
ok($code == 75 && $out =~ /is it started/, 'MTA-2702: a query says that nothing runs');
like($t->command(@daemon, 'start'), qr/LDAP_ALIAS is not 1/, 'MTA-2701: start says why it does nothing');

configure_ldap();
$t->command(@daemon, 'start');
is($?, 0, 'MTA-2701: start');
ok($t->wait_for(10, sub { (query('esmtp', "info\@$d"))[1] == 0 }), 'MTA-2701: it runs');
SKIP: {
	skip 'an instance of one user', 1 if $> != 0;
	like($t->command('courier', '-C', $t->path(''), 'security'), qr/^ldapalias .*user courier-auth.*^as promised$/ms, 'with the rights of its role');
}

# ---- what it knows ---------------------------------------------------------------------------

is(query('esmtp', "info\@$d"), "alice\@$d\n", 'MTA-2702 MTA-2705 MTA-2707: one address, after a login');
is(sorted(query('esmtp', "team\@$d")), sorted("alice\@$d bob\@$d"), 'MTA-2707: several are a list');
is(query('esmtp', "staff\@$d"), '', 'MTA-2708: an entry for another source');
is(query('local', "staff\@$d"), "bob\@$d\n", 'MTA-2708: and for this one');
is(query('esmtp', "both\@$d"), "alice\@$d\n", 'MTA-2708: the source\'s own entry');
is(query('uucp', "both\@$d"), "bob\@$d\n", 'MTA-2708: else the one without a source');
like(query('esmtp', 'x@virtual.example'), qr/^alice-x\@\S+\n\z/, 'MTA-2709: a virtual domain');
is(query('esmtp', "nobody\@$d"), '', 'nothing for what it does not know');
is((query('esmtp', "*\@$d"))[0], '', 'an asterisk is no joker');
is((query('esmtp', "big\@$d"))[0] =~ tr/\n//, 6000, 'a list that is longer than a frame');

ok($t->wait_for(30, sub { rcpt("info\@$d") =~ /^250 / }), 'the gate has found out that there is a directory');
like(rcpt("staff\@$d"), qr/^550 /, 'MTA-2708: a private list is unknown to the network');
like(rcpt("nobody\@$d"), qr/^550 /, 'an address that neither knows');
like($t->send_mail(from => 'x@far.example', to => "team\@$d", text => "Subject: by LDAP\n\n"), qr/^250 /, 'mail for a list');
ok($t->wait_mail($_, qr/^Subject: by LDAP$/m), "MTA-2701: reaches $_") for qw(alice bob);
$t->send_mail(from => 'x@far.example', to => "table\@$d", text => "Subject: order\n\n");
ok($t->wait_mail('alice', qr/^Subject: order$/m), 'MTA-2710: the tables go first');
is(scalar(grep {$_->[1] =~ /^Subject: order$/m} $t->mailbox('bob')), 0, 'alone');

# a connection for each of LDAP_NUMPROCS, kept open
query('esmtp', "info\@$d") for 1 .. 9;
my $established = grep {/127\.0\.0\.1:$port\s.*ESTAB|ESTAB.*127\.0\.0\.1:$port\s/} `ss -tn 2>/dev/null`;
cmp_ok($established, '>', 0, 'MTA-2706: connections last');
cmp_ok($established, '<=', 2 * 3, 'MTA-2706: no more than are allowed');

# ---- trouble ---------------------------------------------------------------------------------

my ($pid) = map {/^\s*ldapalias\s+\S+\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'status');
stop_slapd();
like(rcpt("info\@$d"), qr/^450 4\.3\.0/, 'MTA-2710: a dead server is a temporary trouble');
like(rcpt("nobody\@$d"), qr/^450 /, 'MTA-2710: also for what it might not have known');
like(rcpt("table\@$d"), qr/^250 /, 'MTA-2710: what the tables know needs no server');
($out, $code) = query('esmtp', "info\@$d");
ok($code == 75 && $out =~ /no answer: /, 'MTA-2702: query tells of it');
is(scalar($t->log_lines(qr/directory of aliases can't be asked/)), 1, 'the log has it once');
ok(start_slapd(), 'it comes back');
ok($t->wait_for(15, sub { rcpt("info\@$d") =~ /^250 / }), 'MTA-2705: and is asked again');
ok($t->log_lines(qr/answers again/), 'which the log says');

kill STOP => $slapd_pid;
my $begin = time;
like(rcpt("info\@$d"), qr/^450 /, 'MTA-2705: a server that hangs');
my $waited = time - $begin;
cmp_ok($waited, '<', 15, 'is not waited for longer than LDAP_TIMEOUT says');
$begin = time;
like(rcpt("info\@$d"), qr/^450 /, 'the next');
cmp_ok(time - $begin, '<', $waited, 'need not wait at all');
kill CONT => $slapd_pid;
ok($t->wait_for(15, sub { rcpt("info\@$d") =~ /^250 / }), 'it goes on');

$t->command(@daemon, 'stop');
ok($t->wait_for(10, sub { rcpt("info\@$d") =~ /^450 / }), 'MTA-2701: stopped: mail waits');
configure_ldap(LDAP_BINDPW => 'wrong');
$t->command(@daemon, 'start');
ok($t->wait_for(10, sub { (query('esmtp', "info\@$d"))[0] =~ /login/ }), 'MTA-2705: a wrong password');
like(rcpt("info\@$d"), qr/^450 /, 'MTA-2710: is a temporary trouble');
configure_ldap(LDAP_SOURCE => '', LDAP_VDOMAIN => '', LDAP_VUSER => '', LDAP_MAILDROP => 'mail');
$t->command(@daemon, 'restart');
ok($t->wait_for(15, sub { query('esmtp', "staff\@$d") eq "staff\@$d\n" }), 'MTA-2701 MTA-2707: restart reads the file: other attributes, no sources');
is(query('esmtp', 'x@virtual.example'), '', 'MTA-2709: no virtual domains');

# MTA-2703: faults of the file
my @check = ('courier', '-C', $t->path(''), 'check');
is(($t->command(@check), $? >> 8)[1], 0, 'a sound file');
configure_ldap(LDAP_TIMEOUT => 'soon');
$out = $t->command(@check);
ok($? && $out =~ /ldapaliasrc:\d+: LDAP_TIMEOUT/, 'MTA-2703: a fault is told with its line') or diag $out;
$t->command(@daemon, 'restart');
ok($t->wait_for(10, sub { rcpt("info\@$d") =~ /^450 / && $t->log_lines(qr/ldapaliasrc:\d+: LDAP_TIMEOUT/) }),
	'MTA-2710: a faulty file is no file without aliases: mail waits') or diag rcpt("info\@$d");
configure_ldap();
chmod 0644, $t->path('etc/ldapaliasrc');
like($t->command(@check), qr/ldapaliasrc.*password/, 'MTA-2703: a password for everybody to see');
is(($t->command(@daemon, 'dance'), $? >> 8)[1], 1, 'MTA-2701: an unknown word');

done_testing;
