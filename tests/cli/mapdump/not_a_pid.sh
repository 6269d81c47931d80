# A word that is no PID.
. "$MS_SRC/tests/lib.sh"
mapdump jaav
