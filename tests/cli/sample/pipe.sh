# A reader that goes away is no error, also where SIGPIPE came ignored.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

need_command python3
cat >run.py <<-'END'
import signal, subprocess
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
# restore_signals=False: as a parent would that knows nothing of it
p = subprocess.Popen(["sample", "wait"], stdout=subprocess.PIPE, restore_signals=False)
p.stdout.readline()
masks = open(f"/proc/{p.pid}/status").read()
ignored = int([l for l in masks.splitlines() if l.startswith("SigIgn")][0].split()[1], 16)
print("SIGPIPE ignored:", bool(ignored >> (signal.SIGPIPE - 1) & 1))
p.terminate()
print("ended by", -p.wait())
END
python3 run.py
(sample table; sample table) | head -n 1
