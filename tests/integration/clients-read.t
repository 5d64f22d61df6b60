#!/usr/bin/perl
# Programs that were not written here read mail over the network: mbsync, fetchmail, curl,
# Mail::IMAPClient, Net::POP3.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Test::More;
use Courier::Client qw(have run slurp write_file);
use Courier::Test;
use File::Path qw(make_path);
use IO::Socket::SSL ();
use Net::POP3;
use Time::HiRes qw(time);

my $t = Courier::Test->new(users => [qw(mb fetch curl perl pop)], config => {authdaemonrc => {AUTH_FAIL_DELAY => 0}})->start;
my $password = $Courier::Test::PASSWORD;
my $dir = $t->scratch;
$ENV{HOME} = $dir;

# Messages by the front door, as anybody's mail comes.
sub deliver {
	my ($user, @subjects) = @_;
	for (@subjects) {
		my $r = $t->send_mail(from => 'sender@far.example', to => "$user\@example.test",
			text => "From: sender\@far.example\nSubject: $_\nMessage-ID: <$_\@far.example>\n\nbody of $_\n.dotted\n");
		BAIL_OUT("no mail: $r") unless $r =~ /^250/;
		$t->wait_mail($user, qr/^Subject: $_$/m) or BAIL_OUT("not delivered: " . $t->log);
	}
}

sub subjects {
	my @found;
	for my $file (map {glob "$_/{new,cur}/*"} @_) { push @found, slurp($file) =~ /^Subject: (.*?)\r?$/m }
	return join ' ', sort @found;
}

subtest mbsync => sub {
	plan skip_all => 'mbsync (isync) is not installed' unless have('mbsync');
	deliver('mb', 'mb1', 'mb2', 'mb3');
	my $far = $t->maildir('mb');
	for my $way (['STARTTLS', 'imap'], ['IMAPS', 'imaps']) {
		my ($type, $service) = @$way;
		my $near = "$dir/near-$type";
		make_path("$near/INBOX");
		my $config = write_file("$dir/mbsyncrc-$type", <<"END");
IMAPAccount far
Host 127.0.0.1
Port @{[$t->port($service)]}
User mb
Pass $password
SSLType $type
CertificateFile @{[$t->path('etc/esmtpd.pem')]}
SystemCertificates no

IMAPStore far
Account far

MaildirStore near
Path $near/
Inbox $near/INBOX
SubFolders Verbatim

Channel all
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
END
		my ($rc, $out) = run({}, 'mbsync', '-c', $config, '-a');
		is($rc, 0, "$type: first run") or diag $out;
		is(subjects("$near/INBOX"), subjects($far), '... all is here');
		make_path("$near/$type.d", map {"$near/Work$type/$_"} qw(new cur tmp));
		rmdir "$near/$type.d";
		write_file("$near/Work$type/new/1.$type.host", "Subject: up-$type\n\nuploaded\n");
		my ($file) = sort grep {slurp($_) =~ /Subject: mb1/} glob "$near/INBOX/{new,cur}/*";
		(my $seen = $file) =~ s,/new/,/cur/,;
		$seen =~ s/(:2,\w*)?$/:2,RS/;
		rename $file, $seen or die;
		($rc, $out) = run({}, 'mbsync', '-c', $config, '-a');
		is($rc, 0, 'changes of this side') or diag $out;
		is(subjects("$far/.Work$type"), "up-$type", 'a new folder with its message is there');
		my ($theirs) = grep {slurp($_) =~ /Subject: mb1/} glob "$far/cur/*";
		like($theirs // '', qr/:2,\w*S\w*$/, 'flags are there');
		($rc, $out) = run({}, 'mbsync', '-c', $config, '-a');
		is($rc, 0, 'a third run') or diag $out;
		is(subjects("$near/INBOX"), subjects($far), '... changes nothing');
	}
	my $bad = slurp("$dir/mbsyncrc-IMAPS");
	$bad =~ s/^Pass .*/Pass wrong/m;
	my ($rc, $out) = run({}, 'mbsync', '-c', write_file("$dir/mbsyncrc-bad", $bad), '-a');
	isnt($rc, 0, 'a wrong password');
	like($out, qr/LOGIN|AUTHENTIC|NO /i, '... is what it says');
};

subtest fetchmail => sub {
	plan skip_all => 'fetchmail is not installed' unless have('fetchmail');
	deliver('fetch', 'f1', 'f2', 'f3');
	write_file("$dir/mda", "#!/bin/sh\ncat >> $dir/fetched\n", 0755);
	my $fetch = sub {
		my ($poll, $options) = @_;
		unlink "$dir/fetched";
		my $rc_file = write_file("$dir/fetchmailrc", "poll 127.0.0.1 $poll user fetch password \"$password\" $options no sslcertck mda \"$dir/mda\"\n");
		return run({env => {FETCHMAILHOME => $dir}}, 'fetchmail', '--nosyslog', '-f', $rc_file, '--pidfile', "$dir/fetchmail.pid");
	};
	my ($rc, $out) = $fetch->('proto pop3 uidl port ' . $t->port('pop3s'), 'ssl keep');
	is($rc, 0, 'POP3 over TLS') or diag $out;
	is(join(' ', slurp("$dir/fetched") =~ /^Subject: (.*)$/mg), 'f1 f2 f3', '... all three');
	($rc, $out) = $fetch->('proto pop3 uidl port ' . $t->port('pop3s'), 'ssl keep');
	is($rc, 1, 'a second look: nothing new, so UIDs are the same') or diag $out;
	deliver('fetch', 'f4');
	($rc, $out) = $fetch->('proto pop3 uidl port ' . $t->port('pop3'), q{sslproto '' sslproto TLS1.2+ keep});
	is($rc, 0, 'POP3 with STLS') or diag $out;
	is(join(' ', slurp("$dir/fetched") =~ /^Subject: (.*)$/mg), 'f4', '... the new one only');
	($rc, $out) = $fetch->('proto imap port ' . $t->port('imaps'), 'ssl keep');
	is($rc, 0, 'IMAP over TLS') or diag $out;
	is(join(' ', slurp("$dir/fetched") =~ /^Subject: (.*)$/mg), 'f1 f2 f3 f4', '... all');
	like(slurp("$dir/fetched"), qr/^body of f3\r?\n\.dotted\r?$/m, '... as they were');
	($rc, $out) = $fetch->('proto pop3 port ' . $t->port('pop3s'), 'ssl fetchall no keep');
	is($rc, 0, 'POP3, and delete') or diag $out;
	is(subjects($t->maildir('fetch')), '', '... nothing is left');
	$password = 'wrong';
	($rc, $out) = $fetch->('proto pop3 port ' . $t->port('pop3s'), 'ssl keep');
	is($rc, 3, 'a wrong password') or diag $out;
	($rc, $out) = $fetch->('proto imap port ' . $t->port('imaps'), 'ssl keep');
	is($rc, 3, '... with IMAP') or diag $out;
	$password = $Courier::Test::PASSWORD;
};

subtest curl => sub {
	plan skip_all => 'curl is not installed' unless have('curl');
	deliver('curl', 'c1', 'c2');
	my $curl = sub { my $url = shift; run({}, 'curl', '-sS', '-k', '-u', "curl:$password", @_, $url) };
	my $imaps = 'imaps://127.0.0.1:' . $t->port('imaps');
	my $imap = 'imap://127.0.0.1:' . $t->port('imap');
	my ($rc, $out) = $curl->("$imap/", '--ssl-reqd');
	is($rc, 0, 'LIST after STARTTLS') or diag $out;
	like($out, qr/^\* LIST \([^)]*\) "\." "?INBOX"?\r$/m, '... names INBOX');
	($rc, $out) = $curl->("$imaps/INBOX;MAILINDEX=1");
	like($out, qr/^Subject: c1\r\n.*\r\n\r\nbody of c1\r\n\.dotted\r\n/ms, 'fetch') or diag $out;
	($rc, $out) = $curl->("$imaps/INBOX", '-X', 'SEARCH SUBJECT c2');
	like($out, qr/^\* SEARCH 2\r$/m, 'SEARCH');
	($rc, $out) = $curl->("$imaps/INBOX", '-T', write_file("$dir/appended", "Subject: c3\r\n\r\nfrom curl\r\n"));
	is($rc, 0, 'APPEND') or diag $out;
	is(subjects($t->maildir('curl')), 'c1 c2 c3', '... is in the Maildir');
	($rc, $out) = $curl->("$imaps/INBOX", '-X', 'STORE 1 +FLAGS (\\Deleted)');
	is($rc, 0, 'STORE') or diag $out;
	($rc, $out) = $curl->("$imaps/INBOX", '-X', 'EXPUNGE');
	is(subjects($t->maildir('curl')), 'c2 c3', 'EXPUNGE');
	my $pop3s = 'pop3s://127.0.0.1:' . $t->port('pop3s');
	($rc, $out) = $curl->("$pop3s/");
	is($rc, 0, 'POP3 LIST') or diag $out;
	is(scalar(() = $out =~ /^\d+ \d+\r$/mg), 2, '... two');
	($rc, $out) = $curl->("$pop3s/1");
	like($out, qr/^Subject: c2\r\n.*\r\n\.dotted\r\n/ms, 'POP3 RETR');
	($rc, $out) = $curl->('pop3://127.0.0.1:' . $t->port('pop3') . '/', '--ssl-reqd', '-X', 'UIDL');
	is(scalar(() = $out =~ /^\d+ \S+\r$/mg), 2, 'UIDL after STLS') or diag $out;
	($rc, $out) = $curl->('pop3://127.0.0.1:' . $t->port('pop3') . '/');
	isnt($rc, 0, 'no login in clear') or diag $out;
	($rc, $out) = $curl->("$imaps/INBOX", '-u', 'curl:wrong');
	is($rc, 67, 'a wrong password') or diag $out;
};

subtest 'Mail::IMAPClient' => sub {
	eval { require Mail::IMAPClient; 1 } or plan skip_all => 'Mail::IMAPClient is not installed';
	deliver('perl', 'p1', 'p2', 'p3', 'p4');
	my $login = sub {
		my (%o) = @_;
		return Mail::IMAPClient->new(Server => '127.0.0.1', User => 'perl@example.test', Password => $password, Timeout => 15,
			Uid => 1, Peek => 1, Port => $t->port('imaps'), Ssl => [SSL_verify_mode => 0], %o);
	};
	my $imap = $login->() or BAIL_OUT("no login: $@");
	my $other = $login->(Port => $t->port('imap'), Ssl => 0, Starttls => [SSL_verify_mode => 0], Authmechanism => 'PLAIN');
	ok($other, 'STARTTLS and AUTHENTICATE PLAIN') or diag $@;
	ok($imap->select('INBOX') && $other->select('INBOX'), 'both select INBOX');
	my @all = $imap->messages;
	is(scalar(@all), 4, 'four messages');
	is_deeply([$imap->search('SUBJECT', 'p3')], [$all[2]], 'search');
	ok($imap->create('INBOX.Saved') && $imap->exists('INBOX.Saved'), 'create');
	is_deeply([sort $other->folders], ['INBOX', 'INBOX.Saved'], 'the other session lists it');
	ok($imap->copy('INBOX.Saved', $all[0]), 'copy');
	ok($imap->move('INBOX.Saved', $all[1]), 'move');
	$imap->expunge;
	is($imap->message_count('INBOX.Saved'), 2, 'two are there');
	ok($imap->set_flag('Flagged', $all[2]) && $imap->set_flag('$Label1', $all[2]), 'a flag and a keyword');
	$other->noop;
	is(join(' ', sort grep {!/Recent/} $other->flags($all[2])), '$Label1 \\Flagged', 'the other session sees them');
	ok($imap->delete_message($all[3]) && $imap->expunge, 'expunge');
	$other->noop;
	is_deeply([$other->messages], [@all[0, 2]], 'the other session sees what is left');
	my $text = "Subject: appended\r\n\r\ntext \xc3\xa9\r\n";
	my $uid = $imap->append_string('INBOX.Saved', $text, '\\Seen');
	ok($uid, 'append, with its UID in the answer');
	ok($imap->select('INBOX.Saved'), 'select');
	is($imap->message_string($uid), $text, 'byte for byte');
	like($imap->fetch_hash('RFC822.SIZE')->{$uid}{'RFC822.SIZE'}, qr/^@{[length $text]}$/, 'RFC822.SIZE');

	# news from a delivery, and from the other session, while idling
	$imap->select('INBOX');
	my $tag = $imap->idle or diag $imap->LastError;
	my $now = time;
	deliver('perl', 'p5');
	my $news = $imap->idle_data(10) || [];
	like("@$news", qr/\* 3 EXISTS/, 'IDLE tells of a delivery');
	cmp_ok(time - $now, '<', 5, '... soon');
	$other->set_flag('Answered', $all[0]);
	$news = $imap->idle_data(10) || [];
	like("@$news", qr/FETCH \(.*\\Answered/, 'and of a flag');
	ok($imap->done($tag), 'DONE');
	ok($imap->logout && $other->logout, 'logout');
	my $wrong = $login->(Password => 'wrong');
	ok(!$wrong, 'a wrong password');
	like($@ // '', qr/AUTHENTICATIONFAILED|failed/i, '... says so');
};

subtest POP3 => sub {
	deliver('pop', 'q1', 'q2', 'q3');
	my $login = sub {
		my $p = Net::POP3->new('127.0.0.1', Port => $t->port('pop3s'), Timeout => 15, SSL => 1, SSL_verify_mode => 0) or return;
		return defined $p->login('pop', $password) ? $p : undef;
	};
	my $p = $login->();
	ok($p, 'login') or return;
	my $first = $p->uidl;
	is(scalar(keys %$first), 3, 'three UIDs');
	$p->quit;
	deliver('pop', 'q4');
	$p = $login->();
	my $second = $p->uidl;
	is_deeply([@$second{1 .. 3}], [@$first{1 .. 3}], 'are the same in the next session');
	ok($second->{4} && !(grep {$_ eq $second->{4}} values %$first), 'a new message has its own');
	$p->delete(2);
	$p->quit;
	$p = $login->();
	is_deeply([@{$p->uidl}{1 .. 3}], [@$first{1, 3}, $second->{4}], 'and after one is removed');
	$p->quit;
	$t->restart;
	$p = $login->();
	is_deeply([@{$p->uidl}{1 .. 3}], [@$first{1, 3}, $second->{4}], 'and after a restart');
	my $got = join '', @{$p->get(1)};
	like($got, qr{^body of q1\r?\n\.dotted\r?\n\z}m, 'RETR') or diag unpack 'H*', $got;
	$p->quit;
	my $wrong = Net::POP3->new('127.0.0.1', Port => $t->port('pop3s'), Timeout => 15, SSL => 1, SSL_verify_mode => 0);
	ok(!defined $wrong->login('pop', 'wrong'), 'a wrong password');
	like($wrong->message, qr/^\[AUTH\]/, '... is [AUTH]');
};

my @faults = $t->log_lines(qr/died of signal|Sanitizer: |runtime error:/);
is("@faults", '', 'nothing died');
done_testing;
