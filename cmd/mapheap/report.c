// The report for people.

#include <inttypes.h>
#include <sys/wait.h>

#include "base/size.h"
#include "mapheap.h"

enum {
	PICTURE_CELLS = 48,
	CELL_MIN = 4 << 10,
};

void print_word(struct ms_out *out, const char *word)
{
	ms_out_style(out, MS_STYLE_HEADING);
	ms_out_str(out, word);
	ms_out_style(out, MS_STYLE_NONE);
	ms_out_str(out, "  ");
}

void print_kib(struct ms_out *out, uint64_t bytes)
{
	char text[MS_SIZE_TEXT];
	ms_out_printf(out, "%sK", ms_count_text(bytes >> 10, text));
}

static void print_hold(struct ms_out *out, const struct program *program)
{
	uint64_t ms = (program->end_ns - program->start_ns) / 1000000;
	int status = program->status;
	ms_out_printf(
		out, "  held at exit, %" PRIu64 ".%03" PRIu64 " s", ms / 1000, ms % 1000);
	if (WIFSIGNALED(status))
		ms_out_printf(out, " (signal %d)", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		ms_out_printf(out, " (exit status %d)", WEXITSTATUS(status));
}

static void print_identity(struct ms_out *out, const struct view *view)
{
	const struct ms_target_info *info = ms_target_info(view->target);
	ms_out_style(out, MS_STYLE_STRONG);
	ms_out_target(out, ms_bytes_of(info->comm));
	ms_out_style(out, MS_STYLE_NONE);
	if (info->pid)
		ms_out_printf(out, "  pid %" PRIu64, info->pid);
	ms_out_printf(out, "  JDK %u  %s (%s)", view->vm->feature,
		ms_collector_title(view->heap.collector),
		view->heap.chosen_by == MS_FLAG_FROM_ERGONOMIC
			? "by ergonomics"
			: ms_flag_origin_name(view->heap.chosen_by));
	if (view->program)
		print_hold(out, view->program);
	else if (info->kind == MS_TARGET_LIVE)
		ms_out_str(out, info->is_stopped ? "  stopped" : "  not stopped");
}

// "heap 20,480K = young 10,240K + tenured 10,240K", or what regions come to.
static void print_sizes(struct ms_out *out, const struct view *view)
{
	const struct ms_heap *heap = &view->heap;
	struct ms_heap_sum sum = ms_heap_sum(heap);
	ms_out_str(out, "  heap ");
	print_kib(out, sum.capacity);
	const char *sign = " = ";
	ms_array_foreach (generation, &heap->generations) {
		ms_out_printf(out, "%s%s ", sign, generation->name);
		print_kib(out, generation->committed_end - generation->reserved.start);
		sign = " + ";
	}
	ms_out_str(out, " of ");
	print_kib(out, heap->max);
	ms_out_str(out, "\n\n");
}

// When a collector gives free memory back to the system, and the flag that decides.
// Source: gc/*/ of each collector (JDK 17, 21).
static const struct {
	const char *when, *flag;
} returns[MS_COLLECTOR_COUNT] = {
	[MS_COLLECTOR_SERIAL] = { "by full collections, where more than this share is free",
		"MaxHeapFreeRatio" },
	[MS_COLLECTOR_PARALLEL] = { "by full collections, where more than this share is free",
		"MaxHeapFreeRatio" },
	[MS_COLLECTOR_CMS] = { "by full collections, where more than this share is free",
		"MaxHeapFreeRatio" },
	[MS_COLLECTOR_G1] = { "only at a full collection or a concurrent cycle, which an idle "
			      "JVM begins by itself if this is not 0",
		"G1PeriodicGCInterval" },
	[MS_COLLECTOR_Z] = { "once it was unused for so many seconds", "ZUncommitDelay" },
	[MS_COLLECTOR_SHENANDOAH] = { "once it was unused for so many milliseconds",
		"ShenandoahUncommitDelay" },
	[MS_COLLECTOR_EPSILON] = { "never", NULL },
};

static void print_return(struct ms_out *out, const struct view *view)
{
	const char *name = returns[view->heap.collector].flag;
	const struct ms_flag *flag = name ? ms_flag_find(&view->flags, name) : NULL;
	char value[32];
	if (!returns[view->heap.collector].when)
		return;
	ms_out_printf(out, "        free memory is given back %s",
		returns[view->heap.collector].when);
	if (flag) {
		ms_flag_format(flag, value, sizeof(value));
		ms_out_printf(out, ": %s is %s", name, value);
	}
	ms_out_str(out, "\n");
}

// Does the memory come back? What is resident and holds no object.
static void print_memory(struct ms_out *out, const struct view *view)
{
	struct ms_heap_sum sum = ms_heap_sum(&view->heap);
	uint64_t used = 0;
	const struct ms_pages *pages = ms_target_pages(view->target);
	ms_array_foreach (region, &view->heap.regions)
		used += ms_pages_resident(
			pages, (struct ms_range){ region->range.start, region->top });
	ms_out_str(out, "\n");
	print_word(out, "MEMORY");
	ms_out_str(out, "committed ");
	print_kib(out, sum.capacity);
	ms_out_str(out, ", used ");
	print_kib(out, sum.used);
	ms_out_str(out, ", resident ");
	print_kib(out, sum.resident);
	ms_out_str(out, ", of it free ");
	print_kib(out, sum.resident > used ? sum.resident - used : 0);
	ms_out_str(out, "\n");
	print_return(out, view);
}

static void print_note(struct ms_out *out, const char *note)
{
	print_word(out, "NOTE");
	ms_out_target(out, ms_bytes_of(note));
	ms_out_str(out, "\n");
}

static void print_notes(struct ms_out *out, const struct view *view)
{
	ms_array_foreach (note, &view->heap.notes)
		print_note(out, *note);
	ms_array_foreach (note, &view->events.notes)
		print_note(out, *note);
	ms_array_foreach (note, &view->histogram.notes)
		print_note(out, *note);
	if (!view->vm->has_symbols)
		ms_out_str(out,
			"NOTE  libjvm.so has no .symtab: what its own tables lack is "
			"missing\n");
}

// The largest space gets at most PICTURE_CELLS cells, a power of two of bytes each.
static uint64_t cell_size(const struct ms_heap *heap)
{
	uint64_t most = 0, cell = CELL_MIN;
	ms_array_foreach (space, &heap->spaces)
		most = ms_max(most, ms_range_size(space->range));
	while (most / cell > PICTURE_CELLS)
		cell *= 2;
	return cell;
}

struct ms_error *print_report(
	struct ms_cli *cli, struct view *view, struct ms_table *table)
{
	struct ms_error *err = NULL;
	view->cell = cell_size(&view->heap);
	ms_array_foreach (space, &view->heap.spaces)
		if (!err)
			err = ms_table_add(table, space);
	if (err)
		return err;
	ms_cli_page(cli);
	if (cli->format.is_raw)
		return ms_cli_table_print(cli, table);
	print_identity(&cli->out, view);
	print_sizes(&cli->out, view);
	err = ms_cli_table_print(cli, table);
	if (err)
		return err;
	print_map(&cli->out, view, cli->format.width);
	print_legend(&cli->out, view);
	print_memory(&cli->out, view);
	print_collections(&cli->out, view);
	print_ages(&cli->out, view);
	print_large(&cli->out, view);
	ms_out_str(&cli->out, "\n");
	print_flags(&cli->out, view);
	print_notes(&cli->out, view);
	return NULL;
}
