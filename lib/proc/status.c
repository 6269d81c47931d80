// Parsers of /proc/PID/status and stat: see status.h.

#include "proc/status.h"

enum form {
	NUMBER, // decimal
	KIB,    // decimal with the suffix kB, kept as bytes
	HEX,
	SECOND, // the second of several decimals
	LAST,   // the last of several decimals
};

#define FIELD(key, member, form)                                                         \
	{                                                                                \
		key, offsetof(struct ms_status, member), form                            \
	}

/* Keys may repeat: Uid gives two members. */
static const struct {
	const char *key;
	size_t offset;
	enum form form;
} fields[] = {
	FIELD("Tgid", tgid, NUMBER),
	FIELD("Pid", pid, NUMBER),
	FIELD("PPid", ppid, NUMBER),
	FIELD("TracerPid", tracer_pid, NUMBER),
	FIELD("Uid", uid, NUMBER),
	FIELD("Uid", euid, SECOND),
	FIELD("Threads", threads, NUMBER),
	FIELD("NStgid", ns_tgid, LAST),
	FIELD("NSpid", ns_pid, LAST),
	FIELD("VmPeak", vm_peak, KIB),
	FIELD("VmSize", vm_size, KIB),
	FIELD("VmHWM", vm_hwm, KIB),
	FIELD("VmRSS", vm_rss, KIB),
	FIELD("RssAnon", rss_anon, KIB),
	FIELD("RssFile", rss_file, KIB),
	FIELD("RssShmem", rss_shmem, KIB),
	FIELD("VmLck", vm_lck, KIB),
	FIELD("VmPTE", vm_pte, KIB),
	FIELD("VmSwap", vm_swap, KIB),
	FIELD("HugetlbPages", hugetlb, KIB),
	FIELD("CapEff", cap_eff, HEX),
	FIELD("Seccomp", seccomp, NUMBER),
	FIELD("CoreDumping", core_dumping, NUMBER),
};

// The number of a field that has the form; UINT64_MAX if there is none.
static uint64_t number_of(struct ms_bytes value, enum form form)
{
	uint64_t number = UINT64_MAX;
	bool ok = form == HEX ? ms_bytes_hex(&value, &number)
			      : ms_bytes_dec(&value, &number);
	if (!ok)
		return UINT64_MAX;
	ms_bytes_skip_blank(&value);
	if (form == KIB)
		return ms_mul(number, 1024, &number) ? number : UINT64_MAX;
	if (form == SECOND && !ms_bytes_dec(&value, &number))
		return UINT64_MAX;
	while (form == LAST && ms_bytes_dec(&value, &number))
		ms_bytes_skip_blank(&value);
	return number;
}

static void set_name(struct ms_status *status, struct ms_bytes value)
{
	size_t n = ms_min(value.n, sizeof(status->name) - 1);
	memcpy(status->name, value.p, n);
	status->name[n] = '\0';
}

static void set_field(
	struct ms_status *status, struct ms_bytes key, struct ms_bytes value)
{
	if (ms_bytes_is(key, "Name"))
		set_name(status, value);
	if (ms_bytes_is(key, "State") && value.n)
		status->state = (char)value.p[0];
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		if (!ms_bytes_is(key, fields[i].key))
			continue;
		uint64_t number = number_of(value, fields[i].form);
		memcpy((char *)status + fields[i].offset, &number, sizeof(number));
	}
}

void ms_status_parse(struct ms_bytes text, struct ms_status *ret)
{
	struct ms_status status = {};
	static const uint64_t unknown = UINT64_MAX;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		memcpy((char *)&status + fields[i].offset, &unknown, sizeof(unknown));

	struct ms_bytes line;
	while (ms_bytes_line(&text, &line)) {
		const uint8_t *colon = line.n ? memchr(line.p, ':', line.n) : NULL;
		if (!colon)
			continue;
		size_t n = (size_t)(colon - line.p);
		struct ms_bytes value = ms_bytes_sub(line, n + 1, SIZE_MAX);
		(void)ms_bytes_eat(&value, '\t');
		ms_bytes_skip_blank(&value);
		set_field(&status, ms_bytes_sub(line, 0, n), value);
	}
	*ret = status;
}

#define STAT_FIELD(number, member)                                                       \
	{                                                                                \
		number, offsetof(struct ms_stat, member)                                 \
	}

/* Numbered as in proc_pid_stat(5), from 3, the state, on. */
static const struct {
	unsigned number;
	size_t offset;
} stat_fields[] = {
	STAT_FIELD(4, ppid),
	STAT_FIELD(9, flags),
	STAT_FIELD(10, minflt),
	STAT_FIELD(12, majflt),
	STAT_FIELD(14, utime_ticks),
	STAT_FIELD(15, stime_ticks),
	STAT_FIELD(20, threads),
	STAT_FIELD(22, start_ticks),
	STAT_FIELD(23, vsize),
	STAT_FIELD(24, rss_pages),
};

enum {
	STAT_FIELDS = sizeof(stat_fields) / sizeof(stat_fields[0])
};

// The numbers after the state; negative ones (tty, priority, nice) are not ours.
static bool parse_stat_numbers(struct ms_bytes rest, struct ms_stat *stat)
{
	struct ms_bytes word;
	size_t next = 0;
	for (unsigned number = 4; next < STAT_FIELDS; number++) {
		if (!ms_bytes_word(&rest, &word))
			return false;
		if (number != stat_fields[next].number)
			continue;
		uint64_t value;
		if (!ms_bytes_dec(&word, &value))
			return false;
		memcpy((char *)stat + stat_fields[next++].offset, &value, sizeof(value));
	}
	return true;
}

bool ms_stat_parse(struct ms_bytes text, struct ms_stat *ret)
{
	struct ms_stat stat = {};
	if (!ms_bytes_dec(&text, &stat.pid) || !ms_bytes_eat(&text, ' ') ||
		!ms_bytes_eat(&text, '('))
		return false;
	// The name may hold ") S 1" itself: the last ')' of the text closes it.
	const uint8_t *close = text.n ? memrchr(text.p, ')', text.n) : NULL;
	if (!close)
		return false;
	size_t n = (size_t)(close - text.p);
	stat.comm = ms_bytes_sub(text, 0, n);
	text = ms_bytes_sub(text, n + 1, SIZE_MAX);
	if (!ms_bytes_eat(&text, ' ') || !text.n)
		return false;
	stat.state = (char)text.p[0];
	text = ms_bytes_sub(text, 1, SIZE_MAX);
	if (!parse_stat_numbers(text, &stat))
		return false;
	*ret = stat;
	return true;
}
