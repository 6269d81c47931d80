# The document, of a file.
. "$MS_SRC/tests/lib.sh"

need_command jq
{
	printf 'item 1 of 2\0item 2 of 2\0item 1 of 2\0'
	printf 'item 3 of 2' | sed 's/./&\x00/g'
	printf '\0\0/usr/lib/libz.so.1\0'
} >file
memstrings --json file >json
jq -c . json
for threads in 1 2 7; do
	for size in 1 100 4096; do
		memstrings --json --threads=$threads --window-size=$size file | cmp - json
	done
done
