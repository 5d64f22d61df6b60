#!/usr/bin/perl
# slow
# A certificate is renewed as certbot does it (files of root's, behind links), step by step, while
# connections last and nobody reloads anything.  MTA-0616
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Test;
use Courier::Tls;
use IO::Socket::SSL;

my $t = Courier::Test->new(config => {esmtpd => {TARPIT => 0}});
my $scratch = $t->scratch;
sub certificate { return Courier::Tls::certificate($scratch, @_) }
sub install { return Courier::Tls::install($t, @_) }
sub key_process { return (map {/^key\s+(\d+)/ ? $1 : ()} split /\n/, $t->command('courier', '-C', $t->path(''), 'security'))[0] }
sub seen { my ($service, @args) = @_; return Courier::Tls::subject(Courier::Tls::s_client($t, $service, @args)) }
sub asks { my ($service, $name) = @_; return seen($service, '-servername', $name) }

# ---- certbot: links into archive/, in folders that only root may enter
my $letsencrypt = "$scratch/letsencrypt";
mkdir $_ for $letsencrypt, map {"$letsencrypt/$_"} 'archive', 'live', 'archive/bot.example', 'live/bot.example';
sub archive {
	my ($n, $pair) = @_;
	install("$letsencrypt/archive/bot.example/fullchain$n.pem", $pair->{cert}, mode => 0644, root => 1);
	install("$letsencrypt/archive/bot.example/privkey$n.pem", $pair->{key}, root => 1);
}
sub link_to {
	my ($what, $n) = @_;
	my $link = "$letsencrypt/live/bot.example/$what.pem";
	symlink "../../archive/bot.example/$what$n.pem", "$link.new" or die $!;
	rename "$link.new", $link or die $!;
}
archive(1, certificate('bot1.example'));
link_to($_, 1) for 'fullchain', 'privkey';
chmod 0700, "$letsencrypt/$_" for 'archive', 'live';
$t->configure('esmtpd-ssl' => {TLS_CERTFILE => "$letsencrypt/live/bot.example/fullchain.pem", TLS_PRIVATE_KEYFILE => "$letsencrypt/live/bot.example/privkey.pem"});
install('esmtpd.pem.one.example', certificate('one.example')->{pem});
$t->start;
ok $t->wait_for(15, sub {seen('smtps') eq 'bot1.example'}), "certbot's files are used as they are" or diag($t->log);

my $lasting = IO::Socket::SSL->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtps'), SSL_verify_mode => 0, Timeout => 10);
$t->smtp_reply($lasting);
like $t->smtp($lasting, 'EHLO lasting'), qr/^250/, 'a connection';
archive(2, certificate('bot2.example'));
link_to('fullchain', 2);
ok $t->wait_for(25, sub {$t->log_lines(qr/esmtpd-ssl: the private key does not fit .* stays in use/)}), 'T35: half a renewal is noticed';
is seen('smtps'), 'bot1.example', '... and the old pair stays';
link_to('privkey', 2);
ok $t->wait_for(25, sub {seen('smtps') eq 'bot2.example'}), 'T35: the whole renewal is used';
install("$letsencrypt/archive/bot.example/fullchain2.pem", substr(certificate('bot3.example')->{cert}, 0, 300), mode => 0644, root => 1);
ok $t->wait_for(25, sub {$t->log_lines(qr/esmtpd-ssl: no certificate in .* stays in use/)}), 'T35: half a file is noticed';
is seen('smtps'), 'bot2.example', '... and the old pair stays';
unlink "$letsencrypt/live/bot.example/fullchain.pem";
install('esmtpd.pem.one.example', certificate('one.example', names => 'DNS:fresh.example')->{pem});
ok $t->wait_for(25, sub {asks('submission', 'fresh.example') eq 'one.example'}), 'another renewal meanwhile';
is seen('smtps'), 'bot2.example', '... the pair whose file is gone is there still';
like $t->smtp($lasting, 'NOOP'), qr/^250/, 'no connection was lost by all that';
SKIP: {
	skip 'only root has the helper', 7 unless $> == 0;
	archive(2, certificate('bot4.example'));
	my ($opener) = map {/^\s*(\d+) .*courier key: opener/ ? $1 : ()} split /\n/, qx(ps -o pid=,args= --ppid @{[key_process()]});
	ok $opener, 'the helper';
	kill 'KILL', $opener;
	link_to('fullchain', 1);
	link_to('privkey', 1);
	ok $t->wait_for(40, sub {seen('smtps') eq 'bot1.example'}), '... dies, and the key process gets another one';
	chown((getpwnam 'courier-net')[2, 3], "$letsencrypt/live/bot.example");
	link_to('fullchain', 2);
	link_to('privkey', 2);
	ok $t->wait_for(25, sub {$t->log_lines(qr/cannot read '\S+fullchain.pem': it is root's, and others than root may change/)}), 'a folder where others can write: no rights of root for it';
	is seen('smtps'), 'bot1.example', '... what was there stays';
	chown 0, 0, "$letsencrypt/live/bot.example";
	ok $t->wait_for(25, sub {seen('smtps') eq 'bot4.example'}), '... until the folder is root\'s again';
	# the folder of the files themselves is root's, but who can write above it can put another in its place
	chmod 0777, $letsencrypt;
	archive(3, certificate('bot5.example'));
	my $told = () = $t->log_lines(qr/others than root may change/);
	link_to('fullchain', 3);
	link_to('privkey', 3);
	ok $t->wait_for(25, sub {$told < (() = $t->log_lines(qr/others than root may change/))}), 'so with a folder further up';
	is seen('smtps'), 'bot4.example', '... what was there stays';
}
is $t->stop, '', 'stops';
done_testing;
