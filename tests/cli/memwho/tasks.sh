# The table of --tasks, of a saved ledger: the same everywhere.
. "$MS_SRC/tests/lib.sh"

memwho --tasks "$MS_SRC/fixtures/ledgers/heaps.json"
