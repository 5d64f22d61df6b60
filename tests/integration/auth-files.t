#!/usr/bin/perl
# The shipped authldaprc, authmysqlrc, authpgsqlrc and authsqliterc: sound as they are and with every
# example in force; each setting that is read is told about.  AUTH-0086 AUTH-0119 AUTH-0151 AUTH-0169
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use Test::More;

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
my $t = Courier::Test->new(users => ['alice']);
my %module = map { $_ => "auth\L$_" } grep { -x Courier::Test::prefix() . "/libexec/courier/courierauth\L$_" } qw(LDAP MYSQL PGSQL SQLITE);
plan skip_all => 'built without all of them' if !%module;
my @check = ('courier', '-C', $t->path(''), 'check');

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!";
	local $/;
	return scalar <$fh>;
}

$t->configure(authdaemonrc => {authmodulelist => join ' ', 'authuserdb', sort values %module});
my $out = $t->command(@check);
is($?, 0, 'the shipped files are sound') or diag $out;
unlike($out, qr/auth\w+rc/, '... without a word about them');

# exclude each other, or are not there on this machine
my %not = map { $_ => 1 } qw(LDAP_DOMAIN LDAP_GLOB_UID LDAP_GLOB_GID);
for my $kind (sort keys %module) {
	my $file = "$module{$kind}rc";
	my $text = slurp("$source/etc/$file");
	my $code = slurp("$source/authdb/" . ($kind eq 'LDAP' ? 'ldaprc.c' : 'sqlrc.c'));
	my %read = map { $_ => 1 } $code =~ /"(${kind}_[A-Z_]+|DEFAULT_DOMAIN)"/g;
	if ($kind ne 'LDAP') { $read{"$kind$_"} = 1 for $code =~ /prefix "(_[A-Z_]+)"/g }
	delete $read{"${kind}_$_"} for qw(AUXOPTIONS DEFAULTDELIVERY_FIELD SSL_CIPHER); # other names of settings that are told
	$read{LDAP_AUXOPTIONS} = 1 if $kind eq 'LDAP';
	delete $read{DEFAULT_DOMAIN} if $kind eq 'LDAP';
	my @silent = grep { $text !~ /^#.*\b$_\b|^$_\s/m } sort keys %read;
	is("@silent", '', "$file tells about everything that is read");
	(my $all = $text) =~ s/^# (?=(?:${kind}_[A-Z_]+|DEFAULT_DOMAIN)\t)(\S+)/$not{$1} ? "# $1" : $1/gme;
	$all =~ s/^#\t\t(?=[^#\t]*(?:\\|')$)/\t\t/gm;
	open my $fh, '>', $t->path("etc/$file") or die $!;
	print $fh $all;
	close $fh;
	chmod 0600, $t->path("etc/$file");
	$out = $t->command(@check);
	is($?, 0, '... every example is good') or diag $out;
	unlike($out, qr/no setting of this file/, '... and of a setting that there is') or diag $out;
}
done_testing;
