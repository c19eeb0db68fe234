# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs that end while threads run: the right status, no hang, nothing said that should not be."""

import unittest

from support import Program, forking

# What a thread can be in when the program ends.
WAITS = {
    "sleep": "Thredo.sleep(1000)",
    "get": "Thredo.Queue().get()",
    "get with a timeout": "Thredo.Queue().get(timeout=1000)",
    "get of a priority queue": "Thredo.PriorityQueue().get()",
    "put": "queue = Thredo.Queue(1); queue.put(1); queue.put(2)",
    "queue join": "queue = Thredo.Queue(); queue.put(1); queue.join()",
    "event": "Thredo.Event().wait()",
    "lock": "Thredo.Lock.acquire(held)",
    "rlock": "Thredo.RLock.acquire(held_again)",
    "semaphore": "Thredo.Semaphore(0).acquire()",
    "condition": "with own_condition: own_condition.wait()",
    "barrier": "Thredo.Barrier(2).wait()",
    "join": "main_thread.join()",
    "thread wait": "main_thread.wait()",
    "group join": "group = Thredo.ThreadGroup(); group.spawn(Thredo.sleep, 1000); group.join()",
    "next done": "group = Thredo.ThreadGroup(); group.spawn(Thredo.sleep, 1000); group.next_done()",
    "signal": "Thredo.SignalEvent(signal.SIGUSR1).wait()",
    "fd": "Thredo.wait_fd(os.pipe()[0], GLib.IOCondition.IN)",
    "await": "Thredo.await_(lambda cancellable, callback: stream.read_bytes_async(1, 0, cancellable, callback))",
    "plain function": "Thredo.load_bytes(Gio.File.new_for_path(fifo))",
}

SETTING = """
held, held_again, main_thread = Thredo.Lock(), Thredo.RLock(), Thredo.enable()
own_condition = Thredo.Condition()
stream = Gio.UnixInputStream.new(os.pipe()[0], False)
held.acquire()
held_again.acquire()
import tempfile
fifo = os.path.join(tempfile.mkdtemp(), "fifo")
os.mkfifo(fifo)
writer = os.open(fifo, os.O_RDWR)
"""

# When nobody waits for them any more.
RELEASE = """
import atexit
atexit.register(held.release)
atexit.register(held_again.release)
"""


class Ends(unittest.TestCase):
    def assert_ends(self, text, status=0, out="", err="", **kwargs):
        actual = Program(text, **kwargs).end()
        self.assertEqual(actual, (status, out, err), text)

    def assert_ends_saying(self, text, status, *words):
        returned, out, err = Program(text).end()
        self.assertEqual(returned, status, err)
        self.assertEqual(out, "")
        for word in words:
            self.assertIn(word, err)
        self.assertNotIn("Fatal", err)


class BlockedTest(Ends):
    """One thread for each wait."""

    def check(self, start, at_exit=""):
        lines = [SETTING, at_exit, "threads = []"]
        for index, wait in enumerate(WAITS.values()):
            lines.append(f"def wait_{index}():")
            lines += [f"    {part}" for part in wait.split("; ")]
            lines.append(start.format(function=f"wait_{index}"))
        lines.append("until_waiting(*threads)")
        self.assert_ends("\n".join(lines))

    def test_thread(self):
        self.check("threads.append(Thredo.spawn({function}))", RELEASE)

    def test_daemon(self):
        self.check("threads.append(Thredo.spawn({function}, daemon=True))", RELEASE)

    def test_python_daemon(self):
        self.check("handed = []\n"
                   "def attach(function={function}):\n"
                   "    handed.append(Thredo.enable())\n"
                   "    function()\n"
                   "threading.Thread(target=attach, daemon=True).start()\n"
                   "until(lambda: handed)\n"
                   "threads.append(handed.pop())")


class EndTest(Ends):
    def test_group_not_joined(self):
        self.assert_ends("group = Thredo.ThreadGroup()\n"
                         "threads = [group.spawn(Thredo.sleep, 1000) for i in range(3)]\n"
                         "until_waiting(*threads)")

    def test_in_group_that_is_joined_elsewhere(self):
        self.assert_ends("""
group = Thredo.ThreadGroup()
threads = [group.spawn(Thredo.sleep, 1000) for i in range(3)]
joiner = Thredo.spawn(group.join)
until_waiting(joiner, *threads)
""")

    def test_cleans_up(self):
        self.assert_ends("""
def work():
    try:
        Thredo.sleep(1000)
    except Thredo.CancelledError as error:
        with Thredo.shield():
            Thredo.sleep(0.01)
        say(type(error).__name__)
until_waiting(Thredo.spawn(work))
""", out="ThreadCancelled\n")

    def test_starts_another_while_it_ends(self):
        self.assert_ends("""
def work(depth):
    try:
        Thredo.sleep(1000)
    finally:
        if depth:
            Thredo.spawn(work, depth - 1)
        else:
            say("last")
until_waiting(Thredo.spawn(work, 3))
""", out="last\n")

    def test_computing(self):
        self.assert_ends("""
stop = []
def work():
    while not stop:
        pass
    say("done")
Thredo.spawn(work)
threading.Timer(0.2, stop.append, (1,)).start()
""", out="done\n")

    def test_computing_asks(self):
        self.assert_ends("""
started = threading.Event()
def work():
    while True:
        started.set()
        Thredo.check_cancelled()
Thredo.spawn(work)
started.wait()
""")

    def test_computing_daemon(self):
        self.assert_ends("""
started = threading.Event()
def work():
    while True:
        started.set()
Thredo.spawn(work, daemon=True)
started.wait()
""")

    def test_plain_sleep(self):
        self.assert_ends("""
started = threading.Event()
def work():
    started.set()
    time.sleep(0.5)
    say("slept")
Thredo.spawn(work)
started.wait()
""", out="slept\n")

    def test_plain_sleep_daemon(self):
        self.assert_ends("""
started = threading.Event()
def work():
    started.set()
    time.sleep(1000)
Thredo.spawn(work, daemon=True)
started.wait()
""")

    def test_daemon_comes_back(self):
        """It wants the interpreter when there is none any more."""
        self.assert_ends("""
import atexit
started = threading.Event()
event = Thredo.Event()
def work():
    with Thredo.shield():
        started.set()
        time.sleep(1)
        event.wait(0.2)
for i in range(8):
    Thredo.spawn(work, daemon=True)
    threading.Thread(target=work, daemon=True).start()
started.wait()
class Slow:
    def __del__(self):
        time.sleep(1.5)
slow = Slow()
""")

    def test_python_thread_that_waits_for_ours(self):
        self.assert_ends("""
def work():
    try:
        thread.join()
    except Thredo.ThreadError as error:
        say(type(error.__cause__).__name__)
thread = Thredo.spawn(Thredo.sleep, 1000)
until_waiting(thread)
threading.Thread(target=work).start()
""", out="ThreadCancelled\n")

    def test_python_thread_that_ends_later(self):
        self.assert_ends("""
queue = Thredo.Queue()
def work():
    say(queue.get())
    say(Thredo.spawn(lambda: "late").join())
threading.Thread(target=work).start()
threading.Timer(0.5, queue.put, (5,)).start()
""", out="5\nlate\n")

    def test_started_later(self):
        """By one of Python's threads, after ours have been ended."""
        self.assert_ends("""
def work():
    time.sleep(0.3)
    for i in range(5):
        Thredo.spawn(Thredo.sleep, 1000)
threading.Thread(target=work).start()
""")

    def test_never_started(self):
        self.assert_ends("thread = Thredo.Thread(target=print)\n"
                         "other = Thredo.Thread(target=print)\n"
                         "del other")

    def test_exit_status(self):
        self.assert_ends("until_waiting(Thredo.spawn(Thredo.sleep, 1000))\nsys.exit(7)", 7)

    def test_exception(self):
        self.assert_ends_saying("until_waiting(Thredo.spawn(Thredo.sleep, 1000))\n1 / 0", 1, "ZeroDivisionError")

    def test_exception_in_run(self):
        self.assert_ends_saying("""
def main():
    Thredo.spawn(Thredo.sleep, 1000)
    1 / 0
Thredo.run(main)
""", 1, "ZeroDivisionError", "in main")

    def test_exit_in_run(self):
        self.assert_ends("Thredo.run(sys.exit, 3)", 3)

    def test_at_once(self):
        self.assert_ends("until_waiting(Thredo.spawn(Thredo.sleep, 1000))\nos._exit(5)", 5)

    def test_exit_of_thread(self):
        """SystemExit in a thread ends that alone, as in Python's own."""
        self.assert_ends("say(Thredo.spawn(sys.exit, 9).join())", 0, "None\n")

    def test_failure_of_nobody(self):
        self.assert_ends_saying("def work():\n    1 / 0\nthread = Thredo.spawn(work)\nuntil(lambda: not thread.is_alive())",
                                0, "Exception in thread work", "ZeroDivisionError")

    def test_failure_while_it_ends(self):
        """Which cancels the thread, and waits for it, but asks nobody how it went."""
        for start in "Thredo.spawn(work)", "Thredo.run(lambda: until_waiting(Thredo.spawn(work)))":
            self.assert_ends_saying(f"""
def work():
    try:
        Thredo.sleep(1000)
    finally:
        1 / 0
{start}
""", 0, "Exception in thread work", "ZeroDivisionError")

    def test_during_import(self):
        self.assert_ends("""
import tempfile
folder = tempfile.mkdtemp()
with open(os.path.join(folder, "imported.py"), "w") as file:
    file.write("import thredo\\nthredo.spawn(thredo.sleep, 1000)\\nimport sys\\nsys.exit(4)")
sys.path.insert(0, folder)
import imported
""", 4)

    def test_imported_by_a_thread(self):
        self.assert_ends("""
def work():
    import thredo
    thredo.sleep(0.01)
    return thredo.Queue().get(timeout=0.01)
failures = []
def run():
    try:
        work()
    except BaseException as exception:
        failures.append(type(exception).__name__)
thread = threading.Thread(target=run)
thread.start()
thread.join()
say(failures)
""", out="['Empty']\n")

    def test_first_imported_by_a_thread(self):
        program = """
import threading, sys
def work():
    import thredo
    thredo.sleep(0.01)
    print("slept", flush=True)
thread = threading.Thread(target=work)
thread.start()
thread.join()
import thredo
thredo.sleep(0.01)
print("slept", flush=True)
"""
        import subprocess
        import sys
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=20)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "slept\nslept\n", ""))

    def test_many(self):
        self.assert_ends("threads = [Thredo.spawn(Thredo.sleep, 1000) for i in range(300)]\nuntil_waiting(*threads)")

    def test_many_times(self):
        """Whatever they are about just then."""
        for i in range(15):
            self.assert_ends("""
queue = Thredo.Queue(2)
def put():
    while True:
        queue.put(object())
def get():
    while True:
        queue.get()
for i in range(3):
    Thredo.spawn(put)
    Thredo.spawn(get, daemon=True)
    threading.Thread(target=get, daemon=True).start()
""")


@forking
class ForkTest(Ends):
    def test_fork(self):
        self.assert_ends("""
thread = Thredo.spawn(Thredo.sleep, 1000)
until_waiting(thread)
child = os.fork()
if not child:
    Thredo.sleep(0.01)
    assert Thredo.run(lambda: Thredo.spawn(lambda: 5).join()) == 5
    sys.exit(3)
say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""", out="3\n")

    def test_fork_in_thread(self):
        self.assert_ends("""
other = Thredo.spawn(Thredo.sleep, 1000)
until_waiting(other)
def work():
    child = os.fork()
    if not child:
        queue = Thredo.Queue()
        Thredo.spawn(queue.put, 6)
        Thredo.sleep(0.01)
        os._exit(queue.get())
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
say(Thredo.spawn(work).join())
""", out="6\n")

    def test_fork_in_thread_and_exit(self):
        self.assert_ends("""
def work():
    child = os.fork()
    if not child:
        Thredo.spawn(Thredo.sleep, 1000)
        return
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
say(Thredo.spawn(work).join())
""", out="0\n")

    def test_fork_in_thread_and_end(self):
        """The function is the last thing of the child, whose end is the process's then."""
        for text, status in (("return 5", 0), ("sys.exit(7)", 7), ("raise KeyError", 1)):
            returned, out, err = Program(f"""
import atexit
def work():
    child = os.fork()
    if not child:
        atexit.register(say, "at exit")
        {text}
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
say(Thredo.spawn(work).join())
""").end()
            self.assertEqual((returned, out), (0, f"at exit\n{status}\n"), err)
            self.assertEqual("KeyError" in err, status == 1, err)
            self.assertNotIn("Fatal", err)

    def test_child_is_interrupted(self):
        self.assert_ends("""
import errno
Thredo.sleep(0.01)
r, w = os.pipe()
child = os.fork()
if not child:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.write(w, b"x")
    try:
        Thredo.run(Thredo.sleep, 1000)
    except KeyboardInterrupt:
        os._exit(8)
os.read(r, 1)
time.sleep(0.1)
os.kill(child, signal.SIGINT)
say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""", out="8\n")

    def check_multiprocessing(self, method):
        program = f"""
import multiprocessing
import thredo

def work(number):
    group = thredo.ThreadGroup()
    for i in range(number):
        group.spawn(lambda: i)
    group.join()
    return number * 2

def main():
    thread = thredo.spawn(thredo.sleep, 1000)
    context = multiprocessing.get_context("{method}")
    with context.Pool(2) as pool:
        print(pool.map(work, range(5)), flush=True)
    process = context.Process(target=work, args=(3,))
    process.start()
    process.join()
    print(process.exitcode, flush=True)

if __name__ == "__main__":
    main()
"""
        import os
        import subprocess
        import sys
        import tempfile
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "program.py")
            with open(path, "w") as file:
                file.write(program)
            done = subprocess.run([sys.executable, path], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "[0, 2, 4, 6, 8]\n0\n", ""))

    def test_multiprocessing_fork(self):
        self.check_multiprocessing("fork")

    def test_multiprocessing_spawn(self):
        self.check_multiprocessing("spawn")

    def test_multiprocessing_forkserver(self):
        self.check_multiprocessing("forkserver")
