#!/usr/bin/perl
# slow
# Accounts in a directory, on a slapd of the test's own.
# AUTH-0086 AUTH-0087 AUTH-0088 AUTH-0089 AUTH-0090 AUTH-0091 AUTH-0092 AUTH-0093 AUTH-0094 AUTH-0095 AUTH-0096 AUTH-0097
# AUTH-0098 AUTH-0099 AUTH-0100 AUTH-0101 AUTH-0102 AUTH-0103 AUTH-0104 AUTH-0105 AUTH-0106 AUTH-0107 AUTH-0108 AUTH-0109
# AUTH-0110 AUTH-0111 AUTH-0112 AUTH-0113 AUTH-0114 AUTH-0115 AUTH-0116 AUTH-0117 AUTH-0118
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Accounts;
use Courier::Server;
use Courier::Test;
use Test::More;

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
plan skip_all => 'built without LDAP' if !-x Courier::Test::prefix() . '/libexec/courier/courierauthldap';
my $slapd = Courier::Server::find('slapd', '/usr/sbin', '/usr/libexec', '/usr/local/libexec');
my $slapadd = Courier::Server::find('slapadd', '/usr/sbin', '/usr/local/sbin');
plan skip_all => 'no slapd' if !$slapd || !$slapadd;

my $t = Courier::Test->new(users => ['alice'], files => {'smtpaccess/default' => "127.0.0.1\tallow\n"},
	config => {authdaemonrc => {authmodulelist => 'authuserdb authldap', AUTH_FAIL_DELAY => 0}, esmtpd => {TARPIT => 0}});
my $d = $t->domain;
my ($uid, $gid) = Courier::Accounts::ids($t);
my %home = map { $_ => Courier::Accounts::home($t, $_) } qw(dora emil fritz);

# ---- the directory -----------------------------------------------------------------------------

my $dir = $t->scratch . '/l';
my $port = Courier::Server::free_port();
my $server = Courier::Server->new(dir => $dir, test => $t);
my $cert = Courier::Server::certificate($server, 'localhost');
mkdir "$dir/db";
my ($modules) = grep {-d} '/usr/lib/ldap', '/usr/libexec/openldap';
my ($schemas) = grep {-d} '/etc/ldap/schema', '/etc/openldap/schema';

sub write_file {
	my ($path, $text) = @_;
	open my $fh, '>', $path or die "$path: $!";
	print $fh $text;
	close $fh;
}
write_file("$dir/slapd.conf", <<"END");
include $schemas/core.schema
include $schemas/cosine.schema
include $schemas/nis.schema
include $source/authdb/authldap.schema
pidfile $dir/slapd.pid
modulepath $modules
moduleload back_mdb
sizelimit unlimited
TLSCertificateFile $cert.crt
TLSCertificateKeyFile $cert.key
allow bind_v2
database mdb
maxsize 10485760
suffix "dc=test"
rootdn "cn=admin,dc=test"
rootpw penguin
directory $dir/db
access to attrs=userPassword,clearPassword by dn.base="cn=courier,dc=test" write by self write by anonymous auth by * none
access to dn.subtree="ou=secret,dc=test" by dn.base="cn=courier,dc=test" read by * none
access to * by * read
END
my $hash = Courier::Accounts::hash($t, 'dora-secret');
my $many = join '', map {"dn: mail=m$_\@many.test,ou=many,dc=test\nobjectClass: account\nobjectClass: CourierMailAccount\nuid: m$_\nmail: m$_\@many.test\nhomeDirectory: /nowhere/m$_\nuidNumber: 5000\ngidNumber: 5000\n\n"} 1 .. 1200;
write_file("$dir/data.ldif", <<"END");
dn: dc=test
objectClass: domain
dc: test

dn: ou=people,dc=test
objectClass: organizationalUnit
ou: people

dn: ou=secret,dc=test
objectClass: organizationalUnit
ou: secret

dn: ou=many,dc=test
objectClass: organizationalUnit
ou: many

dn: ou=map,dc=test
objectClass: organizationalUnit
ou: map

dn: cn=courier,dc=test
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: courier
userPassword: secret

dn: mail=dora\@$d,ou=people,dc=test
objectClass: account
objectClass: CourierMailAccount
uid: dora
cn: Dora D
mail: dora\@$d
mail: dora.d\@$d
userPassword: {CRYPT}$hash
homeDirectory: $home{dora}
uidNumber: $uid
gidNumber: $gid
quota: 1000000S
disablewebmail: 1
sharedgroup: blue

dn: mail=emil\@$d,ou=people,dc=test
objectClass: account
objectClass: CourierMailAccount
uid: emil
mail: emil\@$d
clearPassword: emil-secret
homeDirectory: emil
mailbox: $home{fritz}/Maildir
defaultdelivery: |cat >>./piped
uidNumber: $uid
gidNumber: $gid

dn: mail=fritz\@$d,ou=people,dc=test
objectClass: account
objectClass: CourierMailAccount
uid: fritz
mail: fritz\@$d
homeDirectory: $home{fritz}
description: no ids, no password

dn: mail=twice\@$d,ou=people,dc=test
objectClass: account
objectClass: CourierMailAccount
uid: twice
mail: twice\@$d
homeDirectory: $home{fritz}

dn: mail=twice\@$d,ou=many,dc=test
objectClass: account
objectClass: CourierMailAccount
uid: twice
mail: twice\@$d
homeDirectory: $home{fritz}

dn: mail=hidden\@$d,ou=secret,dc=test
objectClass: account
objectClass: CourierMailAccount
uid: hidden
mail: hidden\@$d
userPassword: hidden-secret
homeDirectory: $home{fritz}

dn: uid=handle,ou=map,dc=test
objectClass: account
uid: handle
host: $d
description: emil

dn: uid=other,ou=map,dc=test
objectClass: alias
objectClass: extensibleObject
uid: other
aliasedObjectName: mail=dora\@$d,ou=people,dc=test

$many
END
is($server->run($slapadd, '-q', '-f', "$dir/slapd.conf", '-l', "$dir/data.ldif"), 0, 'AUTH-0118: the schema and entries of its object class') or BAIL_OUT($server->log);
like(do { open my $fh, '<', "$source/authdb/authldap.ldif" or die; local $/; <$fh> }, qr/1\.3\.6\.1\.4\.1\.10018\.1\.1\.14 NAME 'mailhost'/, 'AUTH-0118: and as entries of cn=config');
my @arguments = ($slapd, '-d', '0', '-h', "ldap://127.0.0.1:$port", '-f', "$dir/slapd.conf");
my $alive = sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) };
ok($server->start($alive, @arguments), 'a directory') or BAIL_OUT($server->log);

# ---- accounts ----------------------------------------------------------------------------------

my %rc = (LDAP_URI => "ldap://127.0.0.1:$port", LDAP_PROTOCOL_VERSION => 3, LDAP_BASEDN => 'dc=test', LDAP_BINDDN => 'cn=courier,dc=test', LDAP_BINDPW => 'secret',
	LDAP_TIMEOUT => 2, LDAP_MAIL => 'mail', LDAP_FILTER => '(objectClass=CourierMailAccount)', LDAP_DOMAIN => $d, LDAP_HOMEDIR => 'homeDirectory',
	LDAP_MAILROOT => $t->path('mail'), LDAP_MAILDIR => 'mailbox', LDAP_DEFAULTDELIVERY => 'defaultDelivery', LDAP_MAILDIRQUOTA => 'quota',
	LDAP_FULLNAME => 'cn', LDAP_CLEARPW => 'clearPassword', LDAP_CRYPTPW => 'userPassword', LDAP_UID => 'uidNumber', LDAP_GID => 'gidNumber',
	LDAP_GLOB_UID => $uid, LDAP_GLOB_GID => scalar(getgrgid $gid) || $gid,
	LDAP_AUXOPTIONS => 'disablewebmail=disablewebmail,sharedgroup=sharedgroup', LDAP_DEREF => 'never', LDAP_TLS => 0);
sub settle { # a new file is in force when its process has another number
	my (%change) = @_;
	my %all = (%rc, %change);
	defined $all{$_} or delete $all{$_} for keys %all;
	my $before = Courier::Server::role_pid($t, 'authldap');
	Courier::Accounts::configure($t, 'authldaprc', \%all);
	return $t->wait_for(30, sub { my $now = Courier::Server::role_pid($t, 'authldap'); $now && $now != $before });
}
sub pre { return Courier::Accounts::pre($t, @_) }
sub login { return Courier::Accounts::login($t, @_) }

Courier::Accounts::configure($t, 'authldaprc', \%rc);
$t->start;
ok($t->wait_for(20, sub { pre("dora\@$d") =~ /^UID=/ }), 'AUTH-0086 AUTH-0087 AUTH-0088 AUTH-0089: accounts are found') or diag $t->log;
SKIP: {
	skip 'an instance of one user', 1 if $> != 0;
	like($t->command('courier', '-C', $t->path(''), 'security'), qr/^authldap .*user courier-auth.*^as promised$/ms, 'AUTH-0086: with the rights of its role');
}
is(login("dora\@$d", 'dora-secret'), 'yes', 'AUTH-0107 AUTH-0095: a hash, over IMAP, POP3 and SMTP');
is(login("dora\@$d", 'dora-wrong'), 'no', 'AUTH-0107: the wrong password');
is(login('emil', 'emil-secret'), 'yes', 'AUTH-0106 AUTH-0097: the password itself, a name without domain');
is(login("fritz\@$d", ''), 'no', 'an empty password is none');
is(login("fritz\@$d", 'x'), 'no', '... whatever is said');
is(login("nobody\@$d", 'x'), 'no', 'nobody');
is(login('alice', $Courier::Test::PASSWORD), 'yes', 'another module beside it');
like(Courier::Accounts::esmtp_cram($t, "emil\@$d", 'emil-secret'), qr/^UID=/, 'AUTH-0106: CRAM-MD5');
like(pre("dora\@$d"), qr/^UID=$uid\nGID=$gid\nHOME=\Q$home{dora}\E\nADDRESS=dora\@$d\nNAME=Dora D\nQUOTA=1000000S\nPASSWD=.*\nOPTIONS=disablewebmail=1,sharedgroup=blue\n\.\n\z/,
	'AUTH-0100 AUTH-0104 AUTH-0105 AUTH-0108 AUTH-0109 AUTH-0110: the attributes');
like(pre("dora.d\@$d"), qr/^ADDRESS=dora\.d\@$d$/m, 'one of two names');
like(pre("DORA\@$d"), qr/^ADDRESS=dora\@$d$/m, 'in letters of another kind');
like(pre('emil'), qr/^HOME=\Q$home{emil}\E\n.*MAILDIR=\Q$home{fritz}\E\/Maildir$/ms, 'AUTH-0101 AUTH-0102: a home below MAILROOT, a maildir');
like(pre('emil', 'courier'), qr/^MAILDIR=\|cat >>\.\/piped$/m, 'AUTH-0103: instructions take its place for deliveries');
like(pre('fritz'), qr/^UID=$uid\nGID=$gid\n/, 'AUTH-0098 AUTH-0099: ids for who has none');
is(login("twice\@$d", 'x'), 'later', 'two entries: later');
for my $name ('*', "*\@$d", "dora\@$d)(mail=*", ')(|(mail=*', "d*\@$d", '\\2a', "\xff\@$d", 'a' x 10000) {
	is(pre($name), "FAIL\n", 'no name: ' . substr($name =~ s/[^ -~]/?/gr, 0, 30));
}
like($t->send_mail(from => 'x@far.example', to => "dora\@$d", text => "Subject: to an entry\n\nx\n"), qr/^250 /, 'mail');
ok($t->wait_for(20, sub { glob("$home{dora}/Maildir/new/*") }), '... is delivered') or diag $t->log;
$t->send_mail(from => 'x@far.example', to => "emil\@$d", text => "Subject: by instruction\n\nx\n");
ok($t->wait_for(20, sub { -s "$home{emil}/piped" }), 'AUTH-0103: mail is delivered by instructions of its own') or diag $t->log;

my %list = map { (split /\t/)[0, 3] } grep {/\t/} split /\n/, $t->command('authenumerate');
is($list{"dora\@$d"}, $home{dora}, 'AUTH-0096 AUTH-0111: authenumerate lists them');
is(scalar(grep {/\@many\.test$/} keys %list), 1200, '... all of them, in pages');
is(Courier::Accounts::passwd($t, "dora\@$d", 'dora-secret', 'dora-new'), "OK\n", 'AUTH-0107: a password is changed');
is(login("dora\@$d", 'dora-new'), 'yes', '... at once');
is(login("dora\@$d", 'dora-secret'), 'no', '... and the old one is none');
is(Courier::Accounts::passwd($t, 'emil', 'emil-secret', 'emil-new'), "OK\n", 'AUTH-0106: also where it stands itself');
like(pre('emil'), qr/^PASSWD2=emil-new$/m, '... and stays so');
is(Courier::Accounts::passwd($t, 'emil', 'emil-secret', 'x'), "FAIL\n", '... only with the old one');

# ---- other settings ----------------------------------------------------------------------------

settle(LDAP_AUTHBIND => 1, LDAP_INITBIND => 0, LDAP_DEREF => 'always', LDAP_BASEDN => 'ou=people, dc=test', LDAP_PROTOCOL_VERSION => 2);
is(login("dora\@$d", 'dora-new'), 'yes', 'AUTH-0093 AUTH-0094 AUTH-0088: a login as the user, whom nobody looked for');
is(login("dora\@$d", 'dora-wrong'), 'no', 'AUTH-0093: the wrong password');
is(login("dora\@$d", ''), 'no', 'AUTH-0093: an empty one is no login as nobody');
is(login("fritz\@$d", 'x'), 'no', 'AUTH-0093: one without a password');
unlike(pre("dora\@$d"), qr/^PASSWD/m, 'AUTH-0093: no hash is read');
is(Courier::Accounts::esmtp_cram($t, "emil\@$d", 'emil-new'), "FAIL\n", 'AUTH-0093: no CRAM');
is(Courier::Accounts::passwd($t, "dora\@$d", 'dora-new', 'dora-third'), "OK\n", 'AUTH-0093: a change as the user');
is(login("dora\@$d", 'dora-third'), 'yes', '... has the new password');
is(Courier::Accounts::passwd($t, "dora\@$d", 'dora-new', 'x'), "FAIL\n", '... only with the old one');
settle(LDAP_BASEDN => 'ou=secret,dc=test');
like(pre("hidden\@$d"), qr/^ADDRESS=/m, 'AUTH-0090 AUTH-0091: who has logged in sees more');
settle(LDAP_BASEDN => 'ou=secret,dc=test', LDAP_INITBIND => 0);
isnt(pre("hidden\@$d") =~ /^UID/, 1, 'AUTH-0094: than nobody');
settle(LDAP_BINDPW => 'wrong');
is(pre("dora\@$d"), '', 'AUTH-0091: a wrong password of ours: later');
settle(LDAP_MAIL => 'uid', LDAP_BASEDN => 'ou=map,dc=test', LDAP_FILTER => undef, LDAP_DOMAIN => undef);
is(pre('dora'), "FAIL\n", 'AUTH-0112: an alias is not followed');
settle(LDAP_MAIL => 'uid', LDAP_BASEDN => 'ou=map,dc=test', LDAP_FILTER => undef, LDAP_DOMAIN => undef, LDAP_DEREF => 'always');
like(pre('dora'), qr/^HOME=\Q$home{dora}\E$/m, 'AUTH-0112: and followed');
settle(LDAP_DOMAIN => undef, LDAP_EMAILMAP => '(&(uid=@user@)(host=@realm@))', LDAP_EMAILMAP_BASEDN => 'ou=map,dc=test', LDAP_EMAILMAP_ATTRIBUTE => 'description',
	LDAP_EMAILMAP_MAIL => 'uid', LDAP_BASEDN => 'ou=people,dc=test');
like(pre("handle\@$d"), qr/^HOME=\Q$home{emil}\E\nADDRESS=handle\@$d$/m, 'AUTH-0114 AUTH-0115 AUTH-0116 AUTH-0117: by a handle');
is(login("handle\@$d", 'emil-new'), 'yes', 'AUTH-0114: with its password');
is(pre("*\@$d"), "FAIL\n", 'AUTH-0114: no joker');
is(pre("emil\@$d"), "FAIL\n", 'AUTH-0114: by no other name');
settle(LDAP_ENUMERATE_FILTER => '(&(objectClass=CourierMailAccount)(disablewebmail=1))');
is(scalar(grep {/\t/ && /$d/ && !/^alice/} split /\n/, $t->command('authenumerate')), 1, 'AUTH-0111: a filter of the list\'s own');
settle(LDAP_FILTER => '(&(objectClass=CourierMailAccount)(disablewebmail=1))', LDAP_URI => undef, LDAP_SERVER => '127.0.0.1', LDAP_PORT => $port);
like(pre("dora\@$d"), qr/^UID=/, 'AUTH-0087 AUTH-0096: the older names of the server; a filter');
is(pre("emil\@$d"), "FAIL\n", 'AUTH-0096: who does not meet it');
settle(LDAP_URI => "ldap://127.0.0.1:1, ldap://127.0.0.1:$port");
like(pre("dora\@$d"), qr/^UID=/, 'AUTH-0087: the second of two servers');
settle(LDAP_TLS => 1);
is(pre("dora\@$d"), '', 'AUTH-0113: TLS with a server that nobody vouches for: later');
ok($t->wait_for(20, sub { $t->log_lines(qr/directory of accounts can't be asked: .*STARTTLS/) }), '... and the log says why');
$t->configure(authdaemonrc => {LDAPTLS_CACERT => "$cert.crt"});
$t->restart;
ok($t->wait_for(20, sub { pre("dora\@$d") =~ /^UID=/ }), 'AUTH-0113: and with one that is vouched for (LDAPTLS_CACERT, AUTH-0010)') or diag $t->log;

# ---- faults of the file ------------------------------------------------------------------------

my @check = ('courier', '-C', $t->path(''), 'check');
for (['LDAP_TIMEOUT', 'soon', qr/authldaprc:\d+: LDAP_TIMEOUT is a number/], ['LDAP_FILTER', '(a=b', qr/are filters in parentheses/], ['LDAP_DEREF', 'maybe', qr/LDAP_DEREF is never/],
	['LDAP_AUXOPTIONS', 'a = b', qr/LDAP_AUXOPTIONS is/], ['LDAP_MAIL', 'm)(a', qr/no name of an attribute/], ['LDAP_EMAILMAP', '(a=@user@)', qr/LDAP_EMAILMAP needs/]) {
	my ($name, $value, $re) = @$_;
	Courier::Accounts::configure($t, 'authldaprc', {%rc, $name => $value});
	my $out = $t->command(@check);
	ok($? && $out =~ $re, "AUTH-0086: courier check on $name") or diag $out;
}
Courier::Accounts::configure($t, 'authldaprc', {%rc, LDAP_TIMEOUT => 20});
my $slow = $t->command(@check);
ok(!$? && $slow =~ /authldaprc: (?:warning: )?LDAP_TIMEOUT: authdaemond waits 25 seconds .* at most 8 fits/, 'AUTH-0092: courier check on a time that is longer than anybody waits') or diag $slow;
Courier::Accounts::configure($t, 'authldaprc', \%rc);
chmod 0644, $t->path('etc/authldaprc');
like($t->command(@check), qr/authldaprc.*holds a password but others can read it/, 'AUTH-0091: a password for everybody to see');
chmod 0600, $t->path('etc/authldaprc');
is(($t->command(@check), $?)[1], 0, 'a sound file');
Courier::Server::settled($t, 'authldap');

# ---- trouble -----------------------------------------------------------------------------------

ok($t->wait_for(20, sub { pre("dora\@$d") =~ /^UID=/ }), 'AUTH-0086: the file counts again');
is(Courier::Accounts::passwd($t, "dora\@$d", 'dora-third', 'dora-secret'), "OK\n", 'the password of before');
Courier::Accounts::trouble({t => $t}, $server, sub { $server->start($alive, @arguments) }, qr/directory of accounts/);
$server->stop;
done_testing;
