# The first signal cleans up and dies by it, the second one kills what does not heed it; an
# ignored signal stays ignored.
. "$MS_SRC/tests/lib.sh"
PATH=$MS_BUILD/tests/unit:$PATH

need_command python3
cat >run.py <<-'END'
import signal, subprocess, time
def start(what, **more):
    p = subprocess.Popen(["sample", what], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)
    p.stdout.readline()
    return p
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    p = start("wait")
    p.send_signal(number)
    _, err = p.communicate()
    print(number.name, "ended by", -p.returncode, err.decode().strip())
p = start("-", stdin=subprocess.PIPE)
p.send_signal(signal.SIGINT)
print("blocked in a read, ended by", -p.wait())
p = start("hang")
p.send_signal(signal.SIGINT)
time.sleep(0.3)
print("hangs on:", p.poll() is None)
p.send_signal(signal.SIGTERM)
_, err = p.communicate()
print("then ended by", -p.returncode, err)
p = start("wait", preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
p.send_signal(signal.SIGINT)
time.sleep(0.3)
print("still there:", p.poll() is None)
p.terminate()
p.wait()
END
python3 run.py
