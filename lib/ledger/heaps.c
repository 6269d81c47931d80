// See heaps.h.

#include "ledger/heaps.h"

#include <string.h>

struct ms_state_line ms_states_get(const struct ms_states *states, const char *state)
{
	for (size_t i = 0; i < states->n; i++)
		if (!strcmp(states->v[i].state, state))
			return states->v[i];
	return (struct ms_state_line){ .state = state };
}
