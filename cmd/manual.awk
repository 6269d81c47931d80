# Makes a man page: the first file holds sections made from the tables, each after a line
# @NAME@; the second is the page, where such a line, or the word within one, is replaced.
FNR == NR && /^@[A-Z]+@$/ { section = $0; next }
FNR == NR { text[section] = text[section] $0 "\n"; next }
/^@[A-Z]+@$/ {
	if (!($0 in text)) {
		print FILENAME ": there is no section " $0 > "/dev/stderr"
		failed = 1
	}
	printf "%s", text[$0]
	next
}
{
	version = text["@VERSION@"]
	sub(/\n$/, "", version)
	gsub(/@VERSION@/, version)
	print
}
END { exit failed }
