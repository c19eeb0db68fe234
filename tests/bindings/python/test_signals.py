# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ctrl+C, and signals with a handler that does not raise, in programs of their own."""

import signal
import time
import unittest

from support import Program

from test_exit import SETTING, WAITS

# As many seconds may pass until KeyboardInterrupt is there.
SOON = 1


def functions():
    """Each wait as a function: wait_0() and so on."""
    lines = []
    for index, wait in enumerate(WAITS.values()):
        lines.append(f"def wait_{index}():")
        lines += [f"    {part}" for part in wait.split("; ")]
    return "\n".join([SETTING, *lines, ""])


class SignalCase(unittest.TestCase):
    def start(self, text):
        self.program = Program(text)
        self.assertEqual(self.program.line(), "ready")
        return self.program

    def assert_ends(self, status=0, out="", err=""):
        self.assertEqual(self.program.end(), (status, out, err))


# Says "ready" when the main thread waits: it is another one that sees that.
READY = """
main_thread = Thredo.enable()
def announce():
    until_waiting(main_thread)
    say("ready")
def announce_soon():
    threading.Thread(target=announce, daemon=True).start()
"""


class RunTest(SignalCase):
    def test_every_wait(self):
        """run() with a thread in each kind of wait."""
        program = self.start(functions() + f"""
ended = []
def work(function):
    try:
        function()
    except BaseException as error:
        ended.append(type(error).__name__)
        raise
    else:
        ended.append(function.__name__)

def main():
    threads = [Thredo.spawn(work, function) for function in (
        {", ".join(f"wait_{i}" for i in range(len(WAITS)))})]
    until_waiting(*threads)
    say("ready")
    Thredo.sleep(1000)

held.release()
held_again.release()
holder = Thredo.spawn(lambda: (held.acquire(), held_again.acquire(), Thredo.sleep(1000)))
until_waiting(holder)
try:
    Thredo.run(main)
except KeyboardInterrupt:
    say("interrupted", sorted(set(ended)), len(ended))
    say([thread.name for thread in Thredo.Thread.list_all() if thread.name.startswith("work")])
holder.cancel()
""")
        # What waits for the holder or the main thread is cancelled as all else.
        started = time.monotonic()
        program.signal(signal.SIGINT)
        self.assertEqual(program.line(), f"interrupted ['ThreadCancelled'] {len(WAITS)}")
        self.assertLess(time.monotonic() - started, SOON)
        self.assertEqual(program.line(), "[]")
        status, out, err = program.end()
        self.assertEqual((status, out), (0, ""), err)

    def test_first_thread_cleans_up(self):
        program = self.start("""
def kid():
    try:
        Thredo.sleep(1000)
    except Thredo.CancelledError:
        say("kid")
        raise
def main():
    thread = Thredo.spawn(kid)
    until_waiting(thread)
    say("ready")
    try:
        Thredo.sleep(1000)
    except Thredo.ThreadCancelled:
        with Thredo.shield():
            Thredo.sleep(0.01)
        say("main")
        thread.cancel()
try:
    Thredo.run(main)
except KeyboardInterrupt:
    say("interrupted")
""")
        program.signal(signal.SIGINT)
        # A thread that is cancelled cannot wait for the other without a shield.
        status, out, err = program.end()
        self.assertEqual((status, sorted(out.split())), (0, ["interrupted", "kid", "main"]), err)

    def test_computing(self):
        program = self.start("""
def main():
    say("ready")
    while True:
        Thredo.check_cancelled()
try:
    Thredo.run(main)
except KeyboardInterrupt:
    say("interrupted")
""")
        program.signal(signal.SIGINT)
        self.assert_ends(out="interrupted\n")

    def test_not_caught(self):
        program = self.start("""
def main():
    say("ready")
    Thredo.sleep(1000)
Thredo.run(main)
""")
        program.signal(signal.SIGINT)
        status, out, err = program.end()
        self.assertEqual((status, out), (-signal.SIGINT, ""), err)
        self.assertTrue(err.rstrip().endswith("KeyboardInterrupt"), err)

    def test_second(self):
        """Who does not hear the first is not waited for."""
        program = self.start("""
event = Thredo.Event()
def deaf():
    with Thredo.shield():
        say("ready")
        event.wait()
def main():
    try:
        deaf()
    finally:
        say("ended")
def tell():
    until(lambda: first and first[0].cancelled)
    say("cancelled")
first = []
def begin():
    first.append(Thredo.enable())
    main()
threading.Thread(target=tell).start()
try:
    Thredo.run(begin)
except KeyboardInterrupt:
    say("interrupted", first[0].is_alive())
    event.set()
""")
        program.signal(signal.SIGINT)
        self.assertEqual(program.line(), "cancelled")
        program.signal(signal.SIGINT)
        self.assertEqual(program.line(), "interrupted True")
        self.assert_ends(out="ended\n")


class WaitTest(SignalCase):
    """The main thread itself waits."""

    def test_interrupted(self):
        """In each wait: KeyboardInterrupt, and the next one goes on."""
        program = self.start(functions() + READY + f"""
held.release()
held_again.release()
holder = Thredo.spawn(lambda: (held.acquire(), held_again.acquire(), Thredo.sleep(1000)))
until_waiting(holder)
main_thread_was = main_thread
main_thread = holder
for function in ({", ".join(f"wait_{i}" for i in range(len(WAITS)))}):
    def announce():
        until_waiting(main_thread_was)
        say("ready" if function is wait_0 else function.__name__)
    threading.Thread(target=announce).start()
    try:
        function()
    except KeyboardInterrupt:
        say("interrupted")
    except BaseException as error:
        say(repr(error))
say("end")
holder.cancel()
""")
        for index, name in enumerate(WAITS):
            if index:
                self.assertEqual(program.line(), f"wait_{index}")
            started = time.monotonic()
            program.signal(signal.SIGINT)
            self.assertEqual(program.line(), "interrupted", name)
            self.assertLess(time.monotonic() - started, SOON, name)
        self.assertEqual(program.line(), "end")
        status, out, err = program.end()
        self.assertEqual((status, out), (0, ""), err)

    # A handler that does not raise, and what the wait is for afterwards.
    HANDLED = {
        "get": ("queue = Thredo.Queue()", "queue.get()", "queue.put(5)", "5"),
        "get with a timeout": ("queue = Thredo.Queue()", "queue.get(timeout=1000)", "queue.put(5)", "5"),
        "put": ("queue = Thredo.Queue(1); queue.put(1)", "queue.put(2)", "queue.get()", "None"),
        "queue join": ("queue = Thredo.Queue(); queue.put(1)", "queue.join()", "queue.task_done()", "True"),
        "iteration": ("queue = Thredo.Queue()", "list(queue)", "queue.put(1); queue.close()", "[1]"),
        "event": ("event = Thredo.Event()", "event.wait()", "event.set()", "True"),
        "lock": ("lock = Thredo.Lock(); Thredo.spawn(keep, lock)", "lock.acquire() and not lock.release()", "go.set()",
                 "True"),
        "semaphore": ("semaphore = Thredo.Semaphore(0)", "semaphore.acquire()", "semaphore.release()", "True"),
        "condition": ("condition = Thredo.Condition(); condition.acquire(); truth = []",
                      "(condition.wait_for(lambda: truth), condition.release())",
                      "condition.acquire(); truth.append(1); condition.notify(); condition.release()", "([1], None)"),
        "barrier": ("barrier = Thredo.Barrier(2)", "barrier.wait() in (0, 1)", "barrier.wait()", "True"),
        "barrier with an action": ("barrier = Thredo.Barrier(2, lambda: say('act'))", "barrier.wait() in (0, 1)",
                                   "barrier.wait()", "act\nTrue"),
        "join": ("thread = Thredo.spawn(lambda: go.wait() and 7)", "thread.join()", "go.set()", "7"),
        "thread wait": ("thread = Thredo.spawn(lambda: go.wait() and 7)", "thread.wait()", "go.set()", "True"),
        "group join": ("group = Thredo.ThreadGroup(); member = group.spawn(lambda: go.wait() and 8)",
                       "(group.join(), member.result)", "go.set()", "(True, 8)"),
        "next done": ("group = Thredo.ThreadGroup(); member = group.spawn(lambda: go.wait() and 8)",
                      "group.next_done().result", "go.set()", "8"),
        "group of one that fails": ("group = Thredo.ThreadGroup(); group.spawn(lambda: go.wait() and 1 / 0)",
                                    "repr(caught(group.join).__cause__)", "go.set()",
                                    "ZeroDivisionError('division by zero')"),
        "sleep": ("", "Thredo.sleep(0.5)", "", "None"),
        "signal event": ("event = Thredo.SignalEvent(signal.SIGUSR2)", "event.wait().name",
                         "os.kill(os.getpid(), signal.SIGUSR2)", "SIGUSR2"),
        "fd": ("r, w = os.pipe()", "int(Thredo.wait_fd(r, GLib.IOCondition.IN))", "os.write(w, b'1')", "1"),
        "await": ("r, w = os.pipe(); stream = Gio.UnixInputStream.new(r, False)",
                  "stream.read_bytes_finish(Thredo.await_(lambda cancellable, callback: "
                  "stream.read_bytes_async(9, 0, cancellable, callback))).get_data()", "os.write(w, b'abc')",
                  "b'abc'"),
        "plain function": ("import tempfile; fifo = tempfile.mkdtemp() + '/fifo'; os.mkfifo(fifo); "
                           "w = os.open(fifo, os.O_RDWR)",
                           "Thredo.load_bytes(Gio.File.new_for_path(fifo)).get_data()",
                           "os.write(w, b'abc'); os.close(w)", "b'abc'"),
        "run": ("", "Thredo.run(lambda: go.wait() and 9)", "go.set()", "9"),
    }

    def test_handled(self):
        for name, (setting, wait, action, outcome) in self.HANDLED.items():
            with self.subTest(name):
                program = self.start(READY + f"""
go = Thredo.Event()
handled = []
def handle(number, frame):
    handled.append(number)
    say("handled")
signal.signal(signal.SIGUSR1, handle)
def keep(lock):
    with lock:
        go.wait()
def caught(function):
    try:
        function()
    except Thredo.ThreadError as error:
        return error
def act():
    sys.stdin.readline()
    {action or "pass"}
{setting}
if "keep" in {setting!r}:
    until(lambda: lock.locked())
threading.Thread(target=act, daemon=True).start()
announce_soon()
say({wait})
""")
                for i in range(3):
                    program.signal(signal.SIGUSR1)
                    self.assertEqual(program.line(), "handled")
                status, out, err = program.end("\n")
                self.assertEqual((status, out, err), (0, f"{outcome}\n", ""))

    def test_handler_that_waits(self):
        """It uses the library, and the wait goes on after it."""
        program = self.start(READY + """
queue, other = Thredo.Queue(), Thredo.Queue()
def handle(number, frame):
    Thredo.sleep(0.01)
    other.put(1)
    say(other.get(), Thredo.spawn(lambda: 2).join())
    queue.put("from the handler")
signal.signal(signal.SIGUSR1, handle)
announce_soon()
say(queue.get())
""")
        program.signal(signal.SIGUSR1)
        self.assertEqual(program.line(), "1 2")
        self.assert_ends(out="from the handler\n")

    def test_timeout_is_kept(self):
        """Signals do not put it off."""
        program = self.start(READY + """
signal.signal(signal.SIGALRM, lambda number, frame: None)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
announce_soon()
started = time.monotonic()
try:
    Thredo.Queue().get(timeout=0.5)
except Thredo.Empty:
    say(0.5 <= time.monotonic() - started < 5)
started = time.monotonic()
Thredo.sleep(0.5)
say(0.5 <= time.monotonic() - started < 5)
signal.setitimer(signal.ITIMER_REAL, 0)
""")
        self.assert_ends(out="True\nTrue\n")

    def test_lock_is_not_held(self):
        program = self.start(READY + """
lock, semaphore = Thredo.Lock(), Thredo.Semaphore(0)
def keep():
    with lock:
        Thredo.Event().wait()
keeper = Thredo.spawn(keep)
until_waiting(keeper)
announce_soon()
try:
    lock.acquire()
except KeyboardInterrupt:
    say(lock.owner is keeper)
keeper.cancel()
say(lock.locked())
""")
        program.signal(signal.SIGINT)
        self.assert_ends(out="True\nFalse\n")


class GroupTest(SignalCase):
    def test_join_is_interrupted(self):
        """The members are cancelled, and have ended."""
        program = self.start(READY + """
group = Thredo.ThreadGroup()
threads = [group.spawn(Thredo.sleep, 1000) for i in range(5)]
announce_soon()
try:
    group.join()
except KeyboardInterrupt:
    say([thread.state.value_nick for thread in threads])
""")
        program.signal(signal.SIGINT)
        self.assert_ends(out=f"{['cancelled'] * 5}\n")

    def test_with_is_interrupted(self):
        program = self.start(READY + """
try:
    with Thredo.ThreadGroup(wait=any) as group:
        threads = [group.spawn(Thredo.sleep, 1000) for i in range(5)]
        announce_soon()
except KeyboardInterrupt:
    say([thread.state.value_nick for thread in threads])
""")
        program.signal(signal.SIGINT)
        self.assert_ends(out=f"{['cancelled'] * 5}\n")

    def test_block_is_interrupted(self):
        program = self.start(READY + """
try:
    with Thredo.ThreadGroup() as group:
        threads = [group.spawn(Thredo.sleep, 1000) for i in range(5)]
        announce_soon()
        Thredo.sleep(1000)
except KeyboardInterrupt:
    say([thread.state.value_nick for thread in threads])
""")
        program.signal(signal.SIGINT)
        self.assert_ends(out=f"{['cancelled'] * 5}\n")

    def test_barrier_is_broken(self):
        program = self.start(READY + """
barrier = Thredo.Barrier(3)
def meet():
    try:
        barrier.wait()
    except Thredo.BrokenBarrierError:
        return "broken"
other = Thredo.spawn(meet)
announce_soon()
try:
    barrier.wait()
except KeyboardInterrupt:
    say(other.join(), barrier.broken)
""")
        program.signal(signal.SIGINT)
        self.assert_ends(out="broken True\n")


class WakeupTest(SignalCase):
    def test_asyncio(self):
        """Whoever has the wakeup fd keeps it, and hears of signals in our waits as well."""
        program = self.start(READY + """
import asyncio
heard = []
async def main():
    loop = asyncio.get_running_loop()
    loop.slow_callback_duration = 100
    loop.add_signal_handler(signal.SIGUSR1, heard.append, 1)
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    announce_soon()
    Thredo.sleep(0.5)
    after = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(after)
    say(before == after, before != -1)
    for i in range(200):
        if heard:
            break
        await asyncio.sleep(0.01)
    say(heard)
asyncio.run(main())
""")
        program.signal(signal.SIGUSR1)
        self.assert_ends(out="True True\n[1]\n")

    def test_none(self):
        program = self.start("""
say("ready")
Thredo.sleep(0.01)
say(signal.set_wakeup_fd(-1))
""")
        self.assert_ends(out="-1\n")

    def test_closed_meanwhile(self):
        """By its owner, while we wait: then there is none, and waits go on waiting."""
        program = self.start(READY + """
r, w = os.pipe()
os.set_blocking(w, False)
signal.set_wakeup_fd(w)
signal.signal(signal.SIGUSR1, lambda number, frame: None)
def close():
    until_waiting(main_thread)
    os.close(w)
    say("ready")
threading.Thread(target=close).start()
Thredo.sleep(0.3)
say(signal.set_wakeup_fd(-1))
queue = Thredo.Queue()
try:
    queue.get(timeout=0.1)
except Thredo.Empty:
    say("empty")
""")
        program.signal(signal.SIGUSR1)
        self.assert_ends(out="-1\nempty\n")


class StormTest(SignalCase):
    def check(self, signum, handler, times):
        """Signals all the time, and queue traffic: every item comes once, and in order."""
        program = self.start(READY + f"""
n = {times}
caught = []
def storm():
    announce()
    while not done:
        os.kill(os.getpid(), signal.{signum.name})
        time.sleep(0.0005)
done = []
queue, back = Thredo.Queue(3), Thredo.Queue()
def handle(number, frame):
    {handler}
def work():
    # It is for the main thread that signals are.
    for i in range(n):
        queue.put(i)
    return "put"
def take():
    for i in range(n):
        back.put(queue.get())
thread = Thredo.spawn(work)
taker = Thredo.spawn(take)
signal.signal(signal.{signum.name}, handle)
storming = threading.Thread(target=storm)
storming.start()
got = []
slot = [None]
for i in range(n):
    got.append(back.get())
while True:
    try:
        thread.join()
        taker.join()
        Thredo.sleep(0.2)
        break
    except InterruptedError:
        pass
done.append(1)
storming.join()
signal.signal(signal.{signum.name}, signal.SIG_IGN)
say(got == list(range(n)), back.qsize(), queue.qsize(), len(caught) > 10)
""")
        self.assert_ends(out="True 0 0 True\n")

    def test_handled(self):
        self.check(signal.SIGUSR1, "caught.append(1)", 5000)

    def test_interrupt(self):
        """SIGINT raises from waits, and nothing is taken then."""
        program = self.start(READY + """
n = 3000
n_raised = 0
queue = Thredo.Queue(3)
def work():
    for i in range(n):
        queue.put(i)
        if i % 16 == 0:
            Thredo.sleep(0.0005)
def storm():
    announce()
    while not done:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.001)
class Interrupt(BaseException):
    pass
def handle(number, frame):
    # Only where a wait is: else what it has returned would be lost in between.
    if may_raise[0]:
        may_raise[0] = False
        raise Interrupt
may_raise, done, got = [False], [], []
signal.signal(signal.SIGINT, handle)
producer = threading.Thread(target=work)
producer.start()
storming = threading.Thread(target=storm)
storming.start()
class Box(list):
    pass
def get_into(box, queue=queue, may_raise=may_raise):
    may_raise[0] = True
    box.extend(map(queue.get, (True,)))
    may_raise[0] = False
while len(got) < n:
    try:
        get_into(got)
    except Interrupt:
        n_raised += 1
done.append(1)
storming.join()
producer.join()
signal.signal(signal.SIGINT, signal.SIG_IGN)
say(got == list(range(n)), n_raised > 10)
""")
        self.assert_ends(out="True True\n")
