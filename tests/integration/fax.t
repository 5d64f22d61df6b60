#!/usr/bin/perl
# slow
# Mail for NUMBER@fax: who may dial what, pages, the modem, and what goes wrong (MTA-0207 MTA-1128
# MTA-2601 MTA-2602 MTA-2603 MTA-2604 MTA-2605 MTA-2606 MTA-2607 MTA-2608 MTA-2609 MTA-2610 MTA-2612
# MTA-2613 MTA-2614 MTA-2615 MTA-2616).
use strict;
use warnings;
use Test::More;
use FindBin;
use lib "$FindBin::Bin/../lib";
use Courier::Test;
use MIME::Base64;

my $source = $ENV{COURIER_TEST_SOURCE} || "$FindBin::Bin/../..";
plan skip_all => 'ghostscript and groff are not there' if grep {system("command -v $_ >/dev/null 2>&1") != 0} qw(gs groff preconv);
my $netpbm = !grep {system("command -v $_ >/dev/null 2>&1") != 0} qw(pngtopnm pnmtops pnmtopng);

my $t = Courier::Test->new(domain => 'example.test', files => {retryalpha => "1s\n"},
	config => {submit => {BOFHSUPPRESSBACKSCATTER => 'none'}});
my $modem = $t->scratch . '/modem';
mkdir $modem;
chmod 01777, $modem;
my $send = $t->scratch . '/send';
sub modem { $t->script($send, @_) }
my $good = "d=`mktemp -d $modem/XXXXXXXX` && chmod 755 \$d && echo \"\$*\" >\$d/args && shift 2 && cp \"\$@\" \$d && chmod 644 \$d/* && touch \$d/done; echo pages \$#\n";
modem($good);
$t->file('etc/module.fax', "NAME=fax\nPRIORITY=45\nPROG=./courierfax\nMAXDELS=1\nMAXHOST=1\nMAXRCPT=1\n"
	. "FAXSEND=$send\nFAXLOCK=$modem/lock\nFAXWAIT=0\nFAXPAGES=7\nFAXCONVERTTIME=20s\n");
$t->file('etc/esmtpacceptmailfor', "example.test\n");
$t->file('etc/smtpaccess/default', "127.0.0.1\tallow\n127.0.0.2\tallow,FAXRELAYCLIENT\n");
$t->command('makesmtpaccess');
$t->start;

sub sendmail {
	my ($from, $text, @rcpts) = @_;
	local $ENV{COURIER_HOME} = $t->path('');
	my $pid = open my $p, '|-';
	if (!$pid) {
		open STDOUT, '>', $t->scratch . '/said';
		open STDERR, '>&', \*STDOUT;
		exec Courier::Test::program('sendmail'), '-f', $from, @rcpts or exit 127;
	}
	print $p $text;
	close $p;
	open my $fh, '<', $t->scratch . '/said';
	local $/;
	return scalar <$fh> // '';
}

my %seen;
# The next fax: its arguments and the folder of its pages.
sub fax {
	my ($seconds) = @_;
	return @{$t->wait_for($seconds || 60, sub {
		for my $d (glob "$modem/*") {
			next if !-e "$d/done" || $seen{$d}++;
			open my $fh, '<', "$d/args" or next;
			chomp(my $args = <$fh>);
			return [$args, $d];
		}
		return;
	}) || ['', '']};
}
sub pages { my ($d) = @_; return scalar(my @p = glob "$d/*.[0-9][0-9][0-9]") }
sub rcpt {
	my ($to, $from) = @_;
	my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->port('smtp'), LocalAddr => $from || '127.0.0.1', Timeout => 10) or die;
	$t->smtp_reply($s);
	$t->smtp($s, 'EHLO c.test');
	$t->smtp($s, 'MAIL FROM:<alice@example.test>');
	my $r = $t->smtp($s, "RCPT TO:<$to>");
	print $s "QUIT\r\n";
	return $r;
}

# ---- rules --------------------------------------------------------------------------------------

like(sendmail('alice@example.test', "Subject: x\n\nx\n", '5558888@fax'), qr/513 5\.7\.1 Faxes to this number are not sent/,
	'MTA-2607 the rules that are shipped let nothing pass');

sub rules {
	my ($text) = @_;
	$t->file('etc/faxrc', $text);
	my $before = () = $t->log =~ /reloading/g;
	$t->command('courier', '-C', $t->path(''), 'reload');
	$t->wait_for(10, sub { (() = $t->log =~ /reloading/g) > $before });
	sleep 1;
}
rules("rw^* 1 \$9\nrw (nnn)(nnnn) 0-\$2-\$1~\nreject^ 9 local\naccept^ . local\naccept^ 0 esmtp\n");
my $long = join '', map {"line $_ of a long text\n"} 1 .. 90;
is(sendmail('alice@example.test', "From: Alice A <alice\@example.test>\nTo: Mr X <1115558888\@fax>\nSubject: Hello\n\nShort.\n",
	'1115558888@fax'), '', 'MTA-2601 a number is taken');
my ($args, $d) = fax();
is($args, 'high 0,8888,555# 000.001', 'MTA-2602 MTA-2603 MTA-2606 and dialled as the rules have it');
is(pages($d), 1, 'MTA-2613 a text is a cover page');
open my $tiff, '<:raw', "$d/000.001";
read $tiff, my $magic, 4;
is($magic, "II*\0", '... a TIFF');
ok($t->wait_for(10, sub { !(my @left = glob $t->path('var/faxtmp/*')) }), 'the work folder is empty again');

like(sendmail('alice@example.test', "Subject: x\n\nx\n", '91234@fax'), qr/^sendmail: recipient 91234\@fax: 513/, 'MTA-2605 a rejected one is not');
like(sendmail('alice@example.test', "Subject: x\n\nx\n", '5551234@fax-fast'), qr/550 5\.1\.3/, 'an unknown option');
like(sendmail('alice@example.test', "Subject: x\n\nx\n", 'call-me@fax'), qr/550 5\.1\.3/, 'no number');

like(rcpt('5551234@fax'), qr/^513 5\.7\.1 Relaying denied/, 'MTA-2608 MTA-1128 the network may not');
like(rcpt('5551234@fax', '127.0.0.2'), qr/^250/, 'MTA-1128 MTA-0738: unless FAXRELAYCLIENT says so');
like(rcpt('777@fax', '127.0.0.2'), qr/^513 5\.7\.1 Faxes to this/, 'MTA-2604 and only what is accepted for esmtp');

# ---- pages --------------------------------------------------------------------------------------

my $ps = "%!PS-Adobe-3.0\n/Helvetica findfont 20 scalefont setfont 100 400 moveto (page one) show showpage 100 400 moveto (two) show showpage\n";
my $png = decode_base64('iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAAAAABX3VL4AAAADklEQVR4nGNgYPj/HwIABgwD/aHTBGIAAAAASUVORK5CYII=');
if ($netpbm) {
	# a picture that is surely right
	open my $pnm, '|-', "pnmtopng >" . $t->scratch . '/x.png 2>/dev/null' or die;
	print $pnm "P2\n8 8\n255\n", join(' ', map {$_ * 4} 0 .. 63), "\n";
	close $pnm;
	open my $in, '<:raw', $t->scratch . '/x.png' or die;
	local $/;
	$png = <$in>;
}
sub part { my ($type, $data) = @_; return "--b\nContent-Type: $type\nContent-Transfer-Encoding: base64\n\n" . encode_base64($data) }
sub mail { my ($subject, @parts) = @_; return "From: alice\@example.test\nSubject: $subject\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n"
	. join('', @parts) . "--b--\n" }
my $pdf = `gs -q -dSAFER -dBATCH -dNOPAUSE -sDEVICE=pdfwrite -sOutputFile=- - <<'EOF'\n$ps\nEOF`;
my @all = (part('text/plain', "the cover\n"), part('application/postscript', $ps), part('application/pdf', $pdf),
	($netpbm ? part('image/png', $png) : ()));
is(sendmail('alice@example.test', mail('all kinds', @all), '5551111@fax-lowres'), '', 'attachments');
($args, $d) = fax(90);
like($args, qr/^low 0,1111,555# 000\.001 001\.001 001\.002 002\.001 002\.002/, 'MTA-2612 -lowres, all in one fax');
is(pages($d), $netpbm ? 6 : 5, '... with a page for each image');

sendmail('alice@example.test', mail('cover alone', @all), '5552222@fax-cover');
($args, $d) = fax();
is($args, 'high 0,2222,555# 000.001', '-cover: the cover page alone');

sendmail('alice@example.test', mail('sound', part('text/plain', "hear\n"), part('audio/mpeg', "\1\2\3")), '5553333@fax');
like($t->wait_mail('alice', qr/Subject: sound/) // '', qr,an attachment of type audio/mpeg cannot be faxed here,, 'MTA-2614 an unknown attachment bounces');
sendmail('alice@example.test', mail('sound ignored', part('text/plain', "hear\n"), part('audio/mpeg', "\1\2\3")), '5554444@fax-ignore-lowres');
($args, $d) = fax();
is($args, 'low 0,4444,555# 000.001', 'MTA-2601 MTA-2614 unless -ignore is said, together with -lowres');

sendmail('alice@example.test', mail('broken', part('text/plain', "x\n"), part('application/pdf', "no pdf at all")), '5555555@fax');
like($t->wait_mail('alice', qr/Subject: broken/) // '', qr,application/pdf cannot be made into fax pages:.*damaged,s, 'a damaged one bounces with the reason');
sendmail('alice@example.test', mail('endless', part('text/plain', $long), part('application/postscript', "%!PS\n{showpage} loop\n")), '5556666@fax');
like($t->wait_mail('alice', qr/Subject: endless/, 60) // '', qr/took too long|signal|the fax would have|exit status/, 'one without end does, too');
sendmail('alice@example.test', "Subject: template\n\n.so /etc/passwd\n\\n(.z\n'pi reboot\n", '5557777@fax');
($args, $d) = fax();
is($args, 'high 0,7777,555# 000.001', 'text is no troff');
sendmail('alice@example.test', mail('texts', part('text/plain', $long), part('text/plain', "$long\f$long")), '5558888@fax');
($args, $d) = fax();
cmp_ok(pages($d), '>=', 4, 'long texts have several pages');

# ---- the modem ----------------------------------------------------------------------------------

{
	local $ENV{COURIER_HOME} = $t->path('');
	open my $p, '|-', Courier::Test::program('sendmail'), '-f', 'alice@example.test', '-Nsuccess', '5559999@fax' or die;
	print $p "Subject: receipt\n\nx\n";
	close $p;
}
fax();
like($t->wait_mail('alice', qr/Subject: receipt/) // '', qr/Action: delivered/, 'MTA-2615 a receipt, if one is asked for');
modem("echo pages 2; echo 'the line was cut'; exit 1\n");
sendmail('alice@example.test', mail('cut', @all), '5551111@fax');
like($t->wait_mail('alice', qr/Subject: cut/, 60) // '', qr/2 of \d pages were sent:.*the line was cut/, 'MTA-2615 a failure tells the pages that went');
modem("exit 75\n");
sendmail('alice@example.test', "Subject: busy\n\nx\n", '5551111@fax');
ok($t->wait_for(15, sub { $t->command('mailq') =~ /5551111\@fax/ }), 'an engaged line: the fax waits');
sleep 1;
modem($good);
$t->command('courier', '-C', $t->path(''), 'flush');
($args, $d) = fax();
is($args, 'high 0,1111,555# 000.001', '... and goes later');

open my $lock, '>', "$modem/lock";
close $lock;
sendmail('alice@example.test', "Subject: locked\n\nx\n", '5551112@fax');
ok($t->wait_for(20, sub {
	for my $f (glob $t->path('var/queue/msgs/*/C*')) {
		open my $fh, '<', $f or next;
		local $/;
		return 1 if (<$fh> // '') =~ /the modem is in use/;
	}
	return;
}), 'MTA-2616 a lock is respected');
unlink "$modem/lock";
$t->command('courier', '-C', $t->path(''), 'flush');
($args, $d) = fax();
is($args, 'high 0,1112,555# 000.001', '... until it is gone');

# it dies while it sends: the fax is sent again, and nothing is left lying about
modem("touch $modem/sending; sleep 3; $good");
sendmail('alice@example.test', "Subject: death\n\nx\n", '5551116@fax');
ok($t->wait_for(20, sub { -e "$modem/sending" }), 'a fax is being sent');
modem($good);
my ($victim) = $t->command('courier', '-C', $t->path(''), 'status') =~ /^fax +\d+ +([1-9]\d*) /m;
ok($victim && kill(9, $victim), 'the module is killed');
($args, $d) = fax();
is($args, 'high 0,1116,555# 000.001', '... and its successor sends it');
ok($t->wait_for(10, sub { !(my @left = glob $t->path('var/faxtmp/*')) }), '... and clears the work folder');

# ---- time, and what is not there ----------------------------------------------------------------

$t->file('etc/faxqueuetime', "1s\n");
rules("accept^ . local\n");
modem("sleep 1; exit 75\n");
sendmail('alice@example.test', "Subject: old\n\nx\n", '5551113@fax');
like($t->wait_mail('alice', qr/Subject: old/) // '', qr/could not be sent in time/, 'MTA-0207 MTA-2609 after faxqueuetime it comes back');
unlink $send;
sendmail('alice@example.test', "Subject: absent\n\nx\n", '5551114@fax');
like($t->wait_mail('alice', qr/Subject: absent/) // '', qr/there is no program 'the fax program' on this mail system/, 'T57 without a fax program: a clear reason');
rules("accept^ . local\nnonsense\n");
ok($t->wait_for(10, sub { $t->log =~ /faxrc', line 2: not rw/ }), 'faulty rules are told');
modem($good);
sendmail('alice@example.test', "Subject: still\n\nx\n", '5551115@fax');
($args, $d) = fax();
is($args, 'high 5551115 000.001', '... and the old ones stay in force');
like($t->command('courier', '-C', $t->path(''), 'security'), qr/^as promised$/m, 'courier security agrees') if $> == 0;
is($t->stop, '', 'stopped');

# a converter whose programs are missing says which
my $said = `cd @{[$t->scratch]} && PATH=/nonexistent FAX_FORMAT=tiffg3 FAX_RESOLUTION=204x98 FAX_PAPER=a4 /bin/sh @{[Courier::Test::prefix()]}/libexec/courier/faxmail/text-plain.filter x y 2>&1`;
is($? >> 8, 69, 'T57 without its programs a converter gives up');
like($said, qr/the program groff is not installed on this mail system/, '... and says what is missing');

# ---- MTA-2612, MTA-2611: faxes that come in -----------------------------------------------------

sub new_fax {
	my (%o) = @_;
	open my $s, '>', $t->scratch . '/sendmail' or die;
	print $s "#!/bin/sh\n{ echo \"\$*\"; cat; } >" . $t->scratch . "/mailed\n";
	close $s;
	chmod 0755, $t->scratch . '/sendmail';
	open my $g3, '>', $t->scratch . '/page.g3' or die;
	print $g3 "not really a fax";
	close $g3;
	my $etc = $o{etc} || $t->path('etc');
	system("COURIER_ETC=$etc COURIER_SENDMAIL=@{[$t->scratch]}/sendmail sh @{[Courier::Test::prefix()]}/libexec/courier/faxmail/new_fax 0 '+49 30 \$(x)' 1 @{[$t->scratch]}/page.g3");
	open my $m, '<', $t->scratch . '/mailed' or return '';
	local $/;
	return scalar <$m>;
}
my $mail = new_fax();
like($mail, qr/^-f  postmaster\nFrom: "Fax" <postmaster>\nTo: "Fax" <postmaster>\nSubject: A fax has come\n/, 'MTA-2611 MTA-2612 new_fax mails what has come');
like($mail, qr/A fax of 1 pages has come from \+49 30 x/, '... with the number, and nothing else of it');
like($mail, qr/@{[substr encode_base64('not really a fax'), 0, 15]}/, '... and the page');
ok(!-e $t->scratch . '/page.g3', 'DODELETE');
mkdir $t->scratch . '/etc2';
open my $rc, '>', $t->scratch . '/etc2/faxnotifyrc';
print $rc "DODELETE=0\nMAILFROM=\"\"\nRCPTTO=\"fax\@example.test\"\nFROMHDR=\"`touch @{[$t->scratch]}/executed`\"\nTOHDR=x\nSUBJECTHDR=\"s\"\n";
close $rc;
like(new_fax(etc => $t->scratch . '/etc2'), qr/^-f  fax\@example\.test\n/, 'another recipient');
ok(!-e $t->scratch . '/executed', 'the file is never executed');
ok(-e $t->scratch . '/page.g3', '... and the page stays');
done_testing;
