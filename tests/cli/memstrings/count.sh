# Counting a file: forms, both encodings, pages, and who has what.
. "$MS_SRC/tests/lib.sh"

make()
{
	for i in 1 2 3 4 5; do
		printf 'worker-%d took %d.5 ms\0' $i $((i * 7))
	done
	printf 'at 0x7f12a%d000 id 4bf92f3577b34da6\0' 1
	head -c 5000 /dev/zero
	printf 'worker-9 took 1 ms' | sed 's/./&\x00/g'
	printf '\0\0same text\0same text\0short\0'
}
make >file
{
	memstrings file
	memstrings --top=1 -n 5 file
	memstrings - <file
	make | memstrings -
} | sed 's/ in [0-9.]* s / in N s /'
