package Courier::Tls;

# What tests of TLS share: certificates made by openssl, files of an instance that only the key
# process can read, and conversations of openssl s_client.
#
#	my $c = Courier::Tls::certificate($t->scratch, 'mail.example', key => 'ec');  # {cert, key, pem}
#	Courier::Tls::install($t, 'esmtpd.pem', $c->{pem});
#	my $out = Courier::Tls::s_client($t, 'smtp', '-servername', 'mail.example');
#	Courier::Tls::subject($out);  # "mail.example"

use strict;
use warnings;
use POSIX ();
use Test::More ();

my $serial = 0;

sub slurp {
	my ($path) = @_;
	open my $fh, '<', $path or die "$path: $!";
	local $/;
	return scalar <$fh>;
}

sub run {
	my (@command) = @_;
	my $pid = open my $fh, '-|';
	defined $pid or die "fork: $!";
	if (!$pid) {
		open STDERR, '>&', \*STDOUT;
		open STDIN, '<', '/dev/null';
		exec 'timeout', '20', @command or POSIX::_exit(127);
	}
	local $/;
	my $out = <$fh>;
	close $fh;
	return defined $out ? $out : '';
}

# key: rsa, ec, or an openssl word.  names: for subjectAltName.  from, until: "20200101000000Z".
# ca: what this returned for the one who signs.
sub certificate {
	my ($folder, $name, %o) = @_;
	my $base = "$folder/certificate-$$-" . ++$serial;
	my %kind = (ec => ['ec', '-pkeyopt', 'ec_paramgen_curve:P-256'], rsa => ['rsa:2048']);
	my @new = @{$kind{$o{key} || 'ec'}};
	my @more = map {('-addext', $_)} $o{names} ? "subjectAltName=$o{names}" : ();
	my $subject = $o{subject} || "/CN=$name";
	if ($o{from} || $o{ca}) {
		my $issuer = $o{ca} || {};
		run('openssl', 'req', '-new', '-newkey', @new, '-nodes', '-subj', $subject, @more, '-keyout', "$base.key", '-out', "$base.csr");
		open my $fh, '>', "$base.cnf" or die $!;
		print $fh "[ca]\ndefault_ca=x\n[x]\ndatabase=$base.db\nnew_certs_dir=$folder\nserial=$base.serial\n",
		    "default_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n[p]\nCN=optional\nO=optional\nemailAddress=optional\n";
		close $fh;
		for (['db', ''], ['serial', sprintf "%04d\n", $serial + 1000], ['db.attr', '']) {
			open my $f, '>', "$base.$_->[0]" or die $!;
			print $f $_->[1];
			close $f;
		}
		my @signer = $o{ca} ? ('-cert', $issuer->{cert_file}, '-keyfile', $issuer->{key_file}) : ('-selfsign', '-keyfile', "$base.key");
		my $out = run('openssl', 'ca', '-batch', '-config', "$base.cnf", @signer, '-in', "$base.csr", '-out', "$base.crt", '-notext',
			$o{from} ? ('-startdate', $o{from}, '-enddate', $o{until}) : ('-days', 30));
		-s "$base.crt" or die "openssl ca: $out";
	} else {
		my $out = run('openssl', 'req', '-x509', '-newkey', @new, '-nodes', '-days', $o{days} || 30, '-subj', $subject,
			@more, '-keyout', "$base.key", '-out', "$base.crt");
		-s "$base.crt" or die "openssl req: $out";
	}
	my ($cert, $key) = (slurp("$base.crt"), slurp("$base.key"));
	return {cert => $cert, key => $key, pem => $cert . $key, cert_file => "$base.crt", key_file => "$base.key"};
}

# A file of the configuration folder, in one step; mode 0600 of the key process unless said otherwise.
sub install {
	my ($t, $name, $text, %o) = @_;
	my $path = $name =~ m,^/, ? $name : $t->path("etc/$name");
	open my $fh, '>', "$path.tmp" or die "$path: $!";
	print $fh $text;
	close $fh;
	chmod defined $o{mode} ? $o{mode} : 0600, "$path.tmp";
	chown((getpwnam 'courier-key')[2, 3], "$path.tmp") if $> == 0 && !$o{root};
	rename "$path.tmp", $path or die "$path: $!";
	return $path;
}

sub reload {
	my ($t) = @_;
	my $out = $t->command('courier', '-C', $t->path(''), 'reload');
	Test::More::diag($out) if $?;
	return !$?;
}

my %starttls = (smtp => 'smtp', submission => 'smtp', imap => 'imap', pop3 => 'pop3');

# What s_client says of a connection that ends at once.
sub s_client {
	my ($t, $service, @args) = @_;
	my $host = '127.0.0.1';
	$host = splice @args, 0, 1 if @args && $args[0] =~ /^[\[\d]/;
	my @start = $starttls{$service} ? ('-starttls', $starttls{$service}) : ();
	return run('openssl', 's_client', '-connect', "$host:" . $t->port($service), @start, @args);
}

# The common name of the server's certificate, "" without TLS.
sub subject {
	my ($out) = @_;
	return $out =~ /^subject=.*?CN ?= ?([^,\n]+)/m ? $1 : '';
}
sub protocol { my ($out) = @_; return $out =~ /^(?:New|Reused), (TLSv[\d.]+), Cipher is (?!\(NONE)/m ? protocol_name($out) : '' }

# The first line names the cipher's version, this one the session's.
sub protocol_name {
	my ($out) = @_;
	return $out =~ /^\s*Protocol\s*: (TLSv[\d.]+)/m ? $1 : $out =~ /^(?:New|Reused), (TLSv[\d.]+)/m ? $1 : '';
}
sub cipher { my ($out) = @_; return $out =~ /^(?:New|Reused), TLSv[\d.]+, Cipher is (\S+)/m && $1 ne '(NONE)' ? $1 : '' }

1;
