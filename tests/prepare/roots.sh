# Roots of other systems, before tests want them: see roots.inc.
. "$MS_SRC/tests/lib.sh"
. "$MS_SRC/tests/roots.inc"
for suite in $ms_root_suites; do
	(ms_root "$suite") || :
done
