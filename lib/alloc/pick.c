// Depth first, the largest pieces first: see pick.h.

#include "alloc/pick.h"

#include <string.h>

struct pick {
	const uint64_t *sizes;
	size_t n;
	uint64_t *before; // before[i]: sum of the first i sizes
	size_t *chosen;   // those picked so far, ascending
	size_t depth;
	size_t left;  // how many are wanted yet; SIZE_MAX: any number
	uint64_t sum; // what they are to add up to
	size_t skip;  // ways to pass over
};

// Could the pieces from `at` on make up what is left?
static bool may_reach(const struct pick *p, size_t at)
{
	if (p->left == SIZE_MAX)
		return at < p->n && p->before[p->n] - p->before[at] >= p->sum;
	return p->left && p->left <= p->n - at &&
	       p->before[at + p->left] - p->before[at] >= p->sum &&
	       p->before[p->n] - p->before[p->n - p->left] <= p->sum;
}

static void take(struct pick *p, size_t at)
{
	p->chosen[p->depth++] = at;
	p->sum -= p->sizes[at];
	if (p->left != SIZE_MAX)
		p->left--;
}

// Without the piece taken last, and those as large as it: where to go on.
static size_t put_back(struct pick *p)
{
	size_t last = p->chosen[--p->depth], at = last + 1;
	p->sum += p->sizes[last];
	if (p->left != SIZE_MAX)
		p->left++;
	while (at < p->n && p->sizes[at] == p->sizes[last])
		at++;
	return at;
}

static bool search(struct pick *p)
{
	size_t at = 0;
	for (unsigned step = 0; step < MS_PICK_STEPS_MAX; step++) {
		bool is_way = !p->sum && (!p->left || p->left == SIZE_MAX);
		if (is_way && !p->skip--)
			return true;
		if (!is_way && may_reach(p, at)) {
			if (p->sizes[at] <= p->sum)
				take(p, at);
			at++;
		} else if (p->depth) {
			at = put_back(p);
		} else {
			return false;
		}
	}
	return false;
}

struct ms_error *ms_pick(const uint64_t *sizes, size_t n, size_t count, uint64_t sum,
	size_t skip, bool *picked, bool *ret)
{
	_cleanup_free_ uint64_t *before = calloc(n + 1, sizeof(*before));
	_cleanup_free_ size_t *chosen = calloc(n + 1, sizeof(*chosen));
	struct pick p = { sizes, n, before, chosen, .left = count, .sum = sum,
		.skip = skip };
	if (!before || !chosen)
		return &ms_error_nomem;
	for (size_t i = 0; i < n; i++)
		before[i + 1] = before[i] + sizes[i];
	*ret = search(&p);
	memset(picked, 0, n * sizeof(*picked));
	for (size_t i = 0; *ret && i < p.depth; i++)
		picked[chosen[i]] = true;
	return NULL;
}
