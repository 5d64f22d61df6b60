#!/usr/bin/perl
# The whole way to a shared folder with programs that were not written here: accounts of an instance, authenumerate and
# sharedindexinstall, a delivery, a login, and Mail::IMAPClient, curl and mutt.
# SHR-0001 SHR-0005 SHR-0006 IMAP-0107 IMAP-0162 IMAP-0163 IMAP-0166 IMAP-0192
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run slurp write_file);
use Courier::Test;
use File::Path qw(make_path);

my $t = Courier::Test->new(users => [qw(alice bob carol)], config => {authdaemonrc => {AUTH_FAIL_DELAY => 0}})->start;
my $password = $Courier::Test::PASSWORD;
my $dir = $t->scratch;
my $domain = $t->domain;
(my $shown = "alice\@$domain") =~ tr/./ /;
my $box = "#shared.$shown.Pub";
$ENV{HOME} = $dir;

sub index_again {
	mkdir $t->path('etc/shared');
	mkdir $t->path('etc/shared.tmp') or die $!;
	my $list = $t->command('authenumerate', '-s', '-o');
	write_file($t->path('etc/shared.tmp/index'), $list, 0644);
	return $t->command('sharedindexinstall');
}

my $pub = $t->maildir('alice') . '/.Pub';
$t->command('maildirmake', '-f', 'Pub', $t->maildir('alice')) if -d $t->maildir('alice') . '/cur';
make_path(map {"$pub/$_"} qw(tmp new cur)) unless -d "$pub/cur";
make_path(map { $t->maildir('alice') . "/$_" } qw(tmp new cur));
write_file("$pub/maildirfolder", '');
if ($> == 0) {
	my ($uid, $gid) = (stat $t->path('mail/' . $domain . '/alice'))[4, 5];
	system 'chown', '-R', "$uid:$gid", $t->maildir('alice');
}
my $userdb = $t->command('userdb', "carol\@$domain", 'set', 'options=disableshared=1');
$t->command('makeuserdb');
index_again();
like(slurp($t->path('etc/shared/index')), qr/^alice\@\Q$domain\E\t/m, 'the index has alice');
unlike(slurp($t->path('etc/shared/index')), qr/^carol/m, 'but not carol, who has disableshared');

# mail straight into the shared folder
write_file($t->path("mail/$domain/alice/.courier-pub"), "./Maildir/.Pub\n");
if ($> == 0) {
	my ($uid, $gid) = (stat $t->path('mail/' . $domain . '/alice'))[4, 5];
	chown $uid, $gid, $t->path("mail/$domain/alice/.courier-pub");
}
for my $n (1 .. 2) {
	my $r = $t->send_mail(from => 'sender@far.example', to => "alice-pub\@$domain", text => "From: sender\@far.example\nSubject: pub $n\n\nbody of $n\n");
	like($r, qr/^250/, 'a message for the shared folder');
}
for (1 .. 200) { last if 2 == (() = glob "$pub/{new,cur}/*"); select undef, undef, undef, 0.1 }
is(scalar(() = glob "$pub/{new,cur}/*"), 2, 'is delivered there') or diag $t->log;

subtest 'Mail::IMAPClient' => sub {
	eval { require Mail::IMAPClient; require IO::Socket::SSL; 1 } or plan skip_all => 'Mail::IMAPClient is not installed';
	my $login = sub {
		my ($user) = @_;
		return Mail::IMAPClient->new(Server => '127.0.0.1', User => "$user\@$domain", Password => $password, Timeout => 15, Uid => 1, Peek => 1, Port => $t->port('imaps'), Ssl => [SSL_verify_mode => 0]);
	};
	my ($alice, $bob, $carol) = map { $login->($_) or BAIL_OUT("no login: $@") } qw(alice bob carol);
	ok($alice->has_capability('ACL'), 'the server has access lists');
	ok(!$bob->select($box), 'not shared yet');
	my $nothing = $bob->LastError;
	$bob->select("#shared.$shown.None");
	is($bob->LastError =~ s/^\d+ //r, $nothing =~ s/^\d+ //r, 'and as if it were not there');
	ok($alice->setacl('INBOX.Pub', "bob\@$domain", 'lrs'), 'SETACL') or diag $alice->LastError;
	my $acl = $alice->getacl('INBOX.Pub');
	is($acl->{"bob\@$domain"} // $acl->{qq{"bob\@$domain"}}, '"lrs"', 'GETACL') or diag explain $acl;
	like(join('', $bob->tag_and_run(qq{MYRIGHTS "$box"})), qr/\* MYRIGHTS .* "lrs"\r?$/m, 'MYRIGHTS');
	ok(scalar(grep {/Pub/} $bob->folders('#shared.')), 'LIST') or diag join ' ', $bob->folders('#shared.');
	ok($bob->select($box), 'SELECT') or diag $bob->LastError;
	my @all = $bob->messages;
	is(scalar(@all), 2, 'two messages');
	like($bob->message_string($all[0]), qr/body of \d/, 'a message');
	ok($bob->set_flag('Seen', $all[0]), 'a flag that may be set');
	$alice->select('INBOX.Pub');
	is(scalar(@{[$alice->seen]}), 1, 'shows to the owner');
	ok(!$bob->set_flag('Flagged', $all[0]), 'one that may not');
	ok(!$bob->append_string($box, "Subject: x\r\n\r\ny\r\n"), 'APPEND may not');
	ok($alice->setacl('INBOX.Pub', "bob\@$domain", '+i'), 'more rights');
	ok($bob->append_string($box, "Subject: x\r\n\r\ny\r\n"), 'APPEND may') or diag $bob->LastError;
	ok(!$carol->select($box), 'disableshared sees nothing');
	$alice->setacl('INBOX.Pub', 'anyone', 'lr');
	ok(!$carol->select($box), 'not even what is for anyone');
	$_->logout for $alice, $bob, $carol;
};

my $list = $t->command('maildiracl', '-set', $t->maildir('alice'), 'INBOX.Pub', "user=bob\@$domain", 'aceilrstwx');
system 'chown', '-R', join(':', (stat $t->path('mail/' . $domain . '/alice'))[4, 5]), $t->maildir('alice') if $> == 0;
(my $escaped = $box) =~ s/([^A-Za-z0-9.])/sprintf '%%%02X', ord $1/ge;

subtest 'curl' => sub {
	plan skip_all => 'curl is not installed' unless have('curl');
	my ($rc, $out) = run({}, 'curl', '-sSk', '--max-time', 20, '-u', "bob\@$domain:$password", "imaps://127.0.0.1:" . $t->port('imaps') . "/$escaped;MAILINDEX=1");
	is($rc, 0, 'a message of the shared folder') or diag $out;
	like($out, qr/Subject: pub 1/, 'is the first');
	my ($rc2, $out2) = run({}, 'curl', '-sSk', '--max-time', 20, '-u', "bob\@$domain:$password", "imaps://127.0.0.1:" . $t->port('imaps'), '-X', 'NAMESPACE');
	like($out2, qr/#shared\./, 'NAMESPACE');
};

subtest 'mutt' => sub {
	plan skip_all => 'mutt or script is not installed' unless have('mutt') && have('script') && have('openssl');
	my $url = 'imap://localhost/';
	write_file("$dir/muttrc", <<"END");
set tunnel="openssl s_client -quiet -connect 127.0.0.1:@{[$t->port('imaps')]} 2>/dev/null"
set ssl_starttls=no
set imap_user="bob\@$domain"
set imap_pass="$password"
set folder="$url"
set spoolfile="$url$box"
set header_cache=""
set copy=no
set move=no
set quit=yes
set delete=yes
set sort=mailbox-order
set confirmappend=no
set confirmcreate=no
set crypt_use_gpgme=no
push "<first-entry><copy-message>${url}INBOX.FromShared<enter><first-entry><flag-message><sync-mailbox><quit>"
END
	local $ENV{TERM} = 'vt100';
	my $out = `timeout 40 script -qec 'mutt -n -F $dir/muttrc' /dev/null < /dev/null 2>&1`;
	my $mine = $t->maildir('bob') . '/.FromShared';
	is(scalar(() = glob "$mine/cur/*"), 1, 'copied to a folder of bob\'s that mutt made') or diag $out;
	ok(scalar(grep {/:2,\w*F/} glob "$pub/cur/*"), 'flagged in the shared one');
};

$t->stop;
unlike($t->log, qr/Sanitizer: |runtime error:/, 'nothing for the sanitizers');
done_testing;
