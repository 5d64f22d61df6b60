# A filter for perlfilter(8) to begin with: copy it, change judge_message() and judge_envelope(), and put the
# path of the copy into etc/filters/perlfilter.
#
# This text runs once for every message, in one of several processes that live on.  Its only argument is
# the number of a descriptor: the connection to the mail server.  It must not change the current folder.

use strict;
use warnings;

our $date_max = 80;    # a Date: of more characters is meant to do harm

# The text of the message: '' when it may pass, else a reply as in SMTP, "550 Why." or "450 Why.".
sub judge_message {
	my ($file) = @_;
	open my $in, '<', $file or return '451 4.3.0 The filter cannot read the message.';
	while (my $line = <$in>) {
		last if $line eq "\n";
		next if $line !~ /^Date:/i;
		chomp $line;
		return "550 5.6.0 The Date: of the message is longer than $date_max characters." if length $line > $date_max;
	}
	return '';
}

# One control file: a record a line, its first letter says what it is.  s is the sender, r a recipient,
# i the login of a sender who has one, u where the message came from.
sub judge_envelope {
	my ($file) = @_;
	open my $in, '<', $file or return '451 4.3.0 The filter cannot read the envelope.';
	my %record;
	while (my $line = <$in>) {
		chomp $line;
		push @{$record{substr $line, 0, 1}}, substr $line, 1;
	}
	return '';
}

# The request is a line with the data file, one for each control file, and an empty one; the answer is
# the first objection, else 200.
sub talk {
	my ($number) = @_;
	open my $server, '+<&=', $number or die "cannot use descriptor $number: $!\n";
	chomp(my $data = readline($server) // '');
	my @controls;
	while (defined(my $line = readline $server)) {
		chomp $line;
		last if $line eq '';
		push @controls, $line;
	}
	my $answer = judge_message($data);
	for my $file (@controls) {
		$answer ||= judge_envelope($file);
	}
	syswrite $server, ($answer || '200 Ok') . "\n";
	close $server;
}

talk($ARGV[0]);
