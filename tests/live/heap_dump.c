// Prints what lib/hotspot says of the objects in a Java heap, as JSON: what the live tests
// compare with the JVM's own tools. Not a utility: its form is the tests' own.
//
// Usage: heap_dump TARGET [WORKERS [LARGE-BYTES]]

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "hotspot/histogram.h"

enum {
	LOCATED = 16,
};

// All of a JVM that is asked about.
struct dump {
	struct ms_target *target;
	struct ms_vm *vm;
	struct ms_flags flags;
	struct ms_heap heap;
	struct ms_classes *classes;
	struct ms_objects *objects;
	struct ms_histogram histogram;
	double seconds;
};

static void die(struct ms_error *err)
{
	fprintf(stderr, "heap_dump: %s\n", err->message);
	exit(2);
}

// The target's names are any bytes.
static void print_text(const char *text)
{
	putchar('"');
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if (*p < ' ' || *p == '"' || *p == '\\')
			printf("\\u%04x", *p);
		else
			putchar(*p);
	putchar('"');
}

static const char *space_name(const struct dump *dump, uint32_t space)
{
	return dump->heap.spaces.v[space].name;
}

static void print_rows(const struct dump *dump)
{
	const char *comma = "";
	printf("\"histogram\":[");
	ms_array_foreach (row, &dump->histogram.rows) {
		printf("%s\n{\"class\":", comma);
		print_text(row->class->name);
		printf(",\"klass\":\"0x%" PRIx64
		       "\",\"space\":\"%s\",\"instances\":%" PRIu64 ",\"bytes\":%" PRIu64
		       "}",
			row->class->address, space_name(dump, row->space), row->instances,
			row->bytes);
		comma = ",";
	}
	printf("],\n");
}

static void print_ages(const struct dump *dump)
{
	const char *comma = "";
	printf("\"ages\":[");
	ms_array_foreach (row, &dump->histogram.ages) {
		printf("%s\n{\"space\":\"%s\",\"age\":%d,\"objects\":%" PRIu64
		       ",\"bytes\":%" PRIu64 "}",
			comma, space_name(dump, row->space), row->age, row->objects,
			row->bytes);
		comma = ",";
	}
	printf("],\n");
}

static void print_age_table(const struct dump *dump)
{
	struct ms_age_table table =
		ms_age_table_read(dump->vm, &dump->flags, &dump->heap);
	if (!table.is_there)
		return;
	printf("\"age_table\":{\"threshold\":%u,\"max_threshold\":%" PRIu64
	       ",\"desired\":%" PRIu64 ",\"bytes\":[",
		table.threshold, table.max_threshold, table.desired);
	for (int i = 0; i < MS_AGES; i++)
		printf("%s%" PRIu64, i ? "," : "", table.bytes[i]);
	printf("]},\n");
}

static void print_large(const struct dump *dump)
{
	const char *comma = "";
	printf("\"large\":[");
	ms_array_foreach (object, &dump->histogram.large) {
		printf("%s\n{\"class\":", comma);
		print_text(object->class->name);
		printf(",\"bytes\":%" PRIu64 ",\"length\":%" PRIu32
		       ",\"address\":\"0x%" PRIx64 "\",\"space\":\"%s\",\"age\":%d}",
			object->bytes, object->length, object->address,
			space_name(dump, object->space), object->age);
		comma = ",";
	}
	printf("],\n");
}

// How many of the largest objects are found again by an address inside them.
static void print_located(const struct dump *dump)
{
	size_t n = ms_min(dump->histogram.large.n, LOCATED), found = 0;
	for (size_t i = 0; i < n; i++) {
		const struct ms_large_object *large = &dump->histogram.large.v[i];
		struct ms_object object;
		struct ms_error *err = ms_objects_locate(
			dump->objects, large->address + large->bytes / 2, &object);
		if (err)
			die(err);
		found += object.address == large->address && object.class == large->class;
	}
	printf("\"located\":{\"tried\":%zu,\"found\":%zu},\n", n, found);
}

static void print_walk(const struct dump *dump)
{
	const struct ms_object_walk *walk = &dump->histogram.walk;
	uint64_t used = ms_heap_sum(&dump->heap).used;
	printf("\"walk\":{\"objects\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"tlab\":%" PRIu64
	       ",\"tail\":%" PRIu64 ",\"torn\":%" PRIu64 ",\"torn_bytes\":%" PRIu64
	       ",\"empty\":%" PRIu64 ",\"missing\":%" PRIu64 ",\"used\":%" PRIu64
	       ",\"seconds\":%.4f},\n",
		walk->objects, walk->bytes, walk->tlab_bytes, walk->tail_bytes,
		walk->torn, walk->torn_bytes, walk->empty_bytes, walk->missing_bytes,
		used, dump->seconds);
	printf("\"notes\":[");
	for (size_t i = 0; i < dump->histogram.notes.n; i++) {
		printf("%s", i ? "," : "");
		print_text(dump->histogram.notes.v[i]);
	}
	printf("]}\n");
}

static double now(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static struct ms_error *read_heap(struct dump *dump)
{
	const char *why = NULL;
	struct ms_error *err = ms_vm_find(dump->target, &dump->vm, &why);
	if (!err && !dump->vm)
		err = ms_error_new(
			MS_ERROR_UNSUPPORTED, "no JVM: %s", why ? why : "none");
	if (!err)
		err = ms_flags_read(dump->vm, &dump->flags);
	if (!err)
		err = ms_heap_read(dump->vm, &dump->flags, &dump->heap);
	if (!err)
		err = ms_classes_new(dump->vm, &dump->flags, &dump->heap, &dump->classes);
	return err ? err
		   : ms_objects_new(dump->vm, &dump->flags, &dump->heap, dump->classes,
			     &dump->objects);
}

int main(int argc, char **argv)
{
	struct dump dump = { 0 };
	struct ms_target_options target = { .smaps = MS_TARGET_SMAPS_NEVER };
	if (argc < 2)
		return 2;
	struct ms_histogram_options options = {
		.workers = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1,
		.large = argc > 3 ? strtoull(argv[3], NULL, 10) : 1 << 20,
	};
	struct ms_error *err = ms_target_open(argv[1], &target, &dump.target);
	if (!err)
		err = read_heap(&dump);
	double start = now();
	if (!err)
		err = ms_histogram_make(
			dump.vm, dump.objects, &dump.heap, &options, &dump.histogram);
	dump.seconds = now() - start;
	if (err)
		die(err);
	printf("{\"collector\":\"%s\",\n", ms_collector_name(dump.heap.collector));
	print_rows(&dump);
	print_ages(&dump);
	print_age_table(&dump);
	print_large(&dump);
	print_located(&dump);
	print_walk(&dump);
	ms_histogram_deinit(&dump.histogram);
	ms_objects_free(dump.objects);
	ms_classes_free(dump.classes);
	ms_heap_deinit(&dump.heap);
	ms_vm_free(dump.vm);
	ms_target_free(dump.target);
	return 0;
}
