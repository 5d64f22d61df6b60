package Differ::Compare;

# Holds two results against each other, with what must differ (dates, ids, boundaries) made equal.

use strict;
use warnings;

my @meant;    # transformations of the file `known`: [pattern, replacement, reason, times used]
my $day = qr/(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/;

# A report's first part is prose of the administrator's templates: of it the blocks of recipients count.
sub prose {
	my ($text) = @_;
	return $text if $text !~ /report-type=.?delivery-status/;
	$text =~ s{(\n\n.*?\nContent-Type: text/plain[^\n]*\n(?:Content-[^\n]*\n)*\n)(.*?)(?=\n--[^\n]+\nContent-Type: message/)}
		{"\n" . join "\n", grep {/^(?:<.*>:?$| [^ -]| +\[)/} split /\n/, $2}se;
	return $text;
}

# A replacement, with $1 and $2 in it.
sub with {
	my ($text, @caught) = @_;
	$text =~ s/\$([12])/$caught[$1 - 1] \/\/ ''/ge;
	return $text;
}

sub level {
	my ($text) = @_;
	$text =~ s/\r//g;
	$text = prose($text);
	$text =~ s/$day, *\d+ \w{3} (?!2001)\d{4} \d\d:\d\d:\d\d [+-]\d{4}/DATE/g;
	$text =~ s/$day \w{3} [ \d]\d \d\d:\d\d:\d\d (?!2001)\d{4}/DATE/g;
	$text =~ s/\b[0-9A-F]{16}\.[0-9A-F]{16}\.[0-9A-F]{8}\b/QID/g;
	$text =~ s/\b[0-9A-F]{16}\.[0-9A-F]{8}\b/ID/g;
	$text =~ s{/(?:srv/differ|[\w./-]*courier-test-\w+/homes)/}{/HOMES/}g;
	for my $m (@meant) {
		$m->[3] += $text =~ s/$m->[0]/with($m->[1], $1, $2)/ge;
	}
	my ($n, %name) = (0);
	while ($text =~ /boundary="?([^"\s;]+)"?/gi) {
		$name{$1} //= 'BOUNDARY' . ++$n;
	}
	for my $b (sort {length $b <=> length $a} keys %name) {
		$text =~ s/boundary="?\Q$b\E"?/boundary=$name{$b}/gi;
		$text =~ s/^--\Q$b\E/--$name{$b}/mg;
	}
	return $text;
}

# Replies: the codes alone; texts are ours.
sub replies { my ($r) = @_; return join ' ', map {/^(\w+)/ ? $1 : '?'} @{$r->{replies} || []} }

# The fields that mail servers write, in their order.
sub trace {
	my ($text) = @_;
	my ($header) = $text =~ /\A(.*?)\n\n(?!  by )/s;
	return join ' ', 'order', ($header // '') =~ /^(Delivered-To|Return-Path|Received|Old-[\w-]+):/mg;
}

sub facts {
	my ($r) = @_;
	my @f;
	push @f, 'replies ' . replies($r) if $r->{replies};
	push @f, "exit status $r->{status}" if defined $r->{status};
	push @f, "output\n" . level($r->{output}) if defined $r->{output};
	push @f, map {("arrived in $_", trace($_))} sort map {level($_)} @{$r->{arrived} || []};
	return map {split /\n/, $_} @f;
}

sub known {
	my ($path) = @_;
	my @k;
	open my $fh, '<', $path or return;
	while (<$fh>) {
		chomp;
		next if /^\s*(?:#|$)/;
		my ($case, $line, $reason, $more) = split /\t+/, $_;
		if ($case eq '=') {
			push @meant, [qr/(?m)$line/, $reason eq '-' ? '' : $reason, $more, 0];
			next;
		}
		# The last reply: "502 -> 503".
		$line = "^- replies .*\\b$1\$|^\\+ replies .*\\b$2\$" if $line =~ /^(\d+) -> (\d+)$/;
		push @k, {case => qr/^(?:$case)$/, line => qr/$line/, reason => $reason, used => 0};
	}
	return @k;
}

# The lines that only one side has.
sub difference {
	my ($a, $b) = @_;
	my (%count, @out);
	$count{$_}++ for @$a;
	$count{$_}-- for @$b;
	for my $l (@$a) { if ($count{$l} > 0) { push @out, "- $l"; $count{$l}-- } }
	for my $l (@$b) { if ($count{$l} < 0) { push @out, "+ $l"; $count{$l}++ } }
	return @out;
}

sub report {
	my ($path, $cases, $original, $ours) = @_;
	my @known = known($path);
	my %seen = map {($_ => 1)} keys %$original, keys %$ours;
	my ($same, $meant, $other) = (0, 0, 0);
	for my $name (sort keys %seen) {
		my @d = difference([facts($original->{$name} || {})], [facts($ours->{$name} || {})]);
		print "### $name\n", map {"$_\n"} '< original', facts($original->{$name} || {}), '> ours', facts($ours->{$name} || {}) if $ENV{DIFFER_ALL};
		if (!@d) { $same++; next }
		my @new;
		for my $line (@d) {
			my ($k) = grep {$name =~ $_->{case} && $line =~ $_->{line}} @known;
			if ($k) { $k->{used}++ } else { push @new, $line }
		}
		if (!@new) { $meant++; next }
		$other++;
		print "## $name\n", map {substr($_, 0, 300) . "\n"} @new;
	}
	$_->[3] or print "## never met: $_->[2]\n" for @meant;
	$_->{used} or print "## never met: $_->{reason}\n" for @known;
	printf "%d cases: %d the same, %d with differences that are meant, %d with others\n", $same + $meant + $other, $same, $meant, $other;
	return $other ? 1 : 0;
}

1;
