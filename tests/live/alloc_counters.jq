# What an allocator reader saw against what the target said of itself, row by row.
#
# Input: $truth, a line of the program `blocks`; $dump, the document of alloc_dump; and
# $allocator. Output: TSV of verdict, name, seen, said. The verdict is "ok", "WRONG" or
# "info"; the last is for figures that only explain.

def total(f): map(f) | add // 0;

# By the reader's names: gperftools is one of those that are called tcmalloc.
def name: if $allocator == "gperftools" then "tcmalloc" else $allocator end;
# Arenas of the instance, and glibc's blocks with mappings of their own.
def index: [$dump.instances[].allocator] | index(name);
def instance: $dump.instances[index];
def arenas: [$dump.arenas[] | select(.instance == index)];
def mmapped: [$dump.mmapped[]? | select(.instance == index)];
def seen(state; field): arenas | total(.count[state][field]);
def seen_all(state; field): (arenas + mmapped) | total(.count[state][field]);

def equal(name; seen; said): [if seen == said then "ok" else "WRONG" end, name, seen, said];
def between(name; low; seen; high):
	[if low <= seen and seen <= high then "ok" else "WRONG" end, name, seen,
	 "\(low)..\(high)"];
def info(name; seen; said): ["info", name, seen, said];
# A counter this version does not have explains nothing.
def equal_if(name; seen; said): if said == null then info(name; seen; "-")
	else equal(name; seen; said) end;

# ---- every allocator: the program's own table -----------------------------------------
# What is live beyond it belongs to libc and the dynamic linker: thread vectors, the FILE
# that malloc_info() writes to, what ran before main().
def own_table($blocks_max; $bytes_max; $drift):
	($truth.live) as $blocks | ($truth.usable_bytes) as $usable |
	between("live blocks"; $blocks; seen_all("live"; "blocks"); $blocks + $blocks_max),
	between("live usable bytes"; $usable; seen_all("live"; "usable"); $usable + $bytes_max),
	equal("live blocks by size"; [$dump.sizes[] | select(.instance == index).live] | add // 0;
		seen_all("live"; "blocks")),
	equal("torn bytes"; seen_all("torn"; "bytes"); 0),
	equal("walked"; instance.walked; true),
	between("off"; 0; instance.off; $drift),
	if $drift > 0 then info("reason"; instance.reason; "a counter drifts")
	else equal("exact"; instance.exact; true), equal("reason"; instance.reason; "") end;
def own_table($blocks_max; $bytes_max): own_table($blocks_max; $bytes_max; 0);

# Each arena's own stamp, and nobody's cache larger than what is cached.
def own_sums:
	equal("off of the arenas"; arenas | total(.off); 0),
	equal("cached blocks by thread";
		[$dump.threads[] | select((.instance // 0) == index).cached_blocks] | add // 0;
		seen_all("cached"; "blocks"));

# ---- glibc --------------------------------------------------------------------------
# malloc_info() adds one for each free chunk: the PREV_INUSE bit of its size.
def heap_of_arena: [.system, .peak, .count.fast.bytes, .count.fast.blocks,
	.count.free.bytes + .count.top.bytes + .count.free.blocks, .count.free.blocks + 1];
def heap_said: [.system, .peak, .fast // 0, .fast_blocks // 0, .rest, .rest_blocks];

def glibc:
	$truth.glibc.mallinfo as $info |
	# In 2.43 each realloc() that moves a mapping adds 16 bytes to what it counts for all.
	($info.hblkhd % $truth.page_size) as $drift |
	own_table(100; 200000; $drift), own_sums,
	equal("arena"; arenas | total(.system); $info.arena),
	equal("fordblks"; seen("top"; "bytes") + seen("free"; "bytes") + seen("fast"; "bytes");
		$info.fordblks),
	equal("uordblks"; ["live", "cached", "overhead", "foreign", "torn"] |
		total(. as $s | seen($s; "bytes")); $info.uordblks),
	equal("ordblks"; seen("free"; "blocks") + (arenas | length); $info.ordblks),
	equal("smblks"; seen("fast"; "blocks"); $info.smblks),
	equal("fsmblks"; seen("fast"; "bytes"); $info.fsmblks),
	equal("hblks"; instance.mmapped_blocks; $info.hblks),
	equal("hblkhd"; instance.mmapped_bytes; $info.hblkhd),
	equal("mmapped blocks walked"; mmapped | total(.count.live.blocks + .count.cached.blocks);
		$info.hblks),
	equal("mmapped bytes walked"; mmapped | total(.count.live.bytes + .count.cached.bytes);
		$info.hblkhd - $drift),
	equal("keepcost"; arenas | map(select(.main)) | total(.count.top.bytes); $info.keepcost),
	equal("malloc_info arenas"; arenas | length; $truth.glibc.malloc_info.arenas),
	equal("malloc_info heaps"; arenas | map(heap_of_arena) | sort | tostring;
		$truth.glibc.malloc_info.heaps | map(heap_said) | sort | tostring),
	between("foreign bytes"; $truth.foreign_bytes; seen("foreign"; "bytes");
		$truth.foreign_bytes * 101 / 100);

# ---- jemalloc -----------------------------------------------------------------------
# Its counters take what threads keep ready for allocated, and their own bytes for mapped.
def je_arena: {number, allocated: (.count.live.usable + .count.cached.usable),
	dirty: .count.dirty.bytes, muzzy: .count.muzzy.bytes, retained: .count.retained.bytes};
def je_said: {number, allocated: (."small.allocated" + ."large.allocated"),
	dirty: (.pdirty * $truth.page_size), muzzy: (.pmuzzy * $truth.page_size), retained};

def jemalloc:
	$truth.jemalloc as $said |
	own_table(100; 200000 + seen("cached"; "usable")),
	equal("allocated"; seen("live"; "usable") + seen("cached"; "usable"); $said.allocated),
	equal("active"; ["live", "cached", "free"] | total(. as $s | seen($s; "bytes"));
		$said.active),
	equal("mapped"; ["live", "cached", "free", "dirty", "muzzy", "overhead"] |
		total(. as $s | seen($s; "bytes")); $said.mapped),
	equal("retained"; seen("retained"; "bytes"); $said.retained),
	equal("by arena"; arenas | map(je_arena) | sort_by(.number) | tostring;
		$said.arenas | map(je_said) | sort_by(.number) | tostring),
	info("cached bytes"; seen("cached"; "usable");
		$said.arenas | total(.tcache_bytes // 0));

# ---- gperftools ---------------------------------------------------------------------
def gperftools:
	$truth.gperftools as $said |
	$said["generic.current_allocated_bytes"] as $allocated |
	$said["tcmalloc.thread_cache_free_bytes"] as $thread |
	$said["tcmalloc.transfer_cache_free_bytes"] as $transfer |
	own_table(100; 200000),
	equal("allocated"; seen("live"; "usable"); $allocated),
	equal("allocated and caches"; seen("live"; "usable") + seen("cached"; "usable");
		$allocated + $thread + $transfer),
	# Its central cache counts the ends of spans too small for an object, we as overhead.
	($said["tcmalloc.central_cache_free_bytes"] as $central |
	between("central cache"; $central - seen("overhead"; "bytes"); seen("free"; "usable");
		$central)),
	equal("pageheap free"; seen("dirty"; "bytes"); $said["tcmalloc.pageheap_free_bytes"]),
	equal("pageheap unmapped"; seen("retained"; "bytes");
		$said["tcmalloc.pageheap_unmapped_bytes"]),
	equal("heap size"; arenas | total(.system); $said["generic.heap_size"]);

# ---- mimalloc -----------------------------------------------------------------------
# Its own visitor sees blocks of the size of their page's class, an aligned one whole.
def mimalloc:
	($truth.threads | map(select(.visited_blocks != null))) as $visited |
	own_table(100; 64 * $truth.live + $truth.usable_bytes / 2),
	if ($visited | length) == 0 then info("visited"; seen("live"; "blocks"); "-") else
		equal("visited blocks"; seen("live"; "blocks"); $visited | total(.visited_blocks)),
		equal("visited bytes"; seen("live"; "bytes"); $visited | total(.visited_bytes))
	end;

# ---- musl ---------------------------------------------------------------------------
# It has no counters. Usable is what was asked for; slots are larger.
def musl:
	own_table(100; 16 * $truth.live + $truth.usable_bytes / 4);

if index == null then ["WRONG", "instance", ($dump.instances | tostring), $allocator]
elif $allocator == "glibc" then glibc
elif $allocator == "jemalloc" then jemalloc
elif $allocator == "gperftools" then gperftools
elif $allocator == "mimalloc" then mimalloc
elif $allocator == "musl" then musl
else ["WRONG", "no such allocator", $allocator, ""] end | @tsv
