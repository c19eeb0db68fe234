# SPDX-License-Identifier: LGPL-2.1-or-later
"""Monitors from Python, by plain introspection, without thredo's own overrides."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import gi

import plain  # noqa: F401

gi.require_version("Thredo", "1.0")
from gi.repository import Gio, GLib, Thredo  # noqa: E402

LIMIT = 60
FOREVER = 24 * 3600 * 1000000

# The program that is watched: a thread in a group that sleeps, a queue, and a lock with a line.
PROGRAM = """
import sys
sys.modules["gi.overrides.Thredo"] = None
import gi
gi.require_version("Thredo", "1.0")
from gi.repository import GLib, Thredo

def acquire_and_sleep(thread, *data):
    lock.acquire(None)
    try:
        return Thredo.sleep(FOREVER, None)
    finally:
        lock.release()

def sleep(thread, *data):
    return Thredo.sleep(FOREVER, None)

FOREVER = 24 * 3600 * 1000000
Thredo.Thread.self()
Thredo.Monitor.export()
group = Thredo.Group.new(Thredo.GroupWait.ALL)
group.set_name("family")
son = group.spawn("son", sleep)
queue = Thredo.Queue.new(0)
queue.set_name("jobs")
queue.put(1, None)
lock = Thredo.Lock.new()
lock.set_name("gate")
owner = Thredo.Thread.spawn("owner", acquire_and_sleep)
while owner.dup_waiting_for() != "sleep":
    GLib.usleep(100)
waiter = Thredo.Thread.spawn("waiter", acquire_and_sleep)
while waiter.dup_waiting_for() != "acquire on Lock 'gate'":
    GLib.usleep(100)
print("ready", flush=True)
sys.stdin.readline()
for thread in (owner, waiter):
    thread.cancel()
    thread.wait(None)
group.cancel()
group.join(None)
"""


def setUpModule():
    global folder
    folder = tempfile.mkdtemp(prefix="thredo-")
    os.environ["XDG_RUNTIME_DIR"] = folder
    # GLib keeps what it sees at the first look.
    if GLib.get_user_runtime_dir() != folder:
        raise AssertionError("GLib had looked for the runtime folder before")


def tearDownModule():
    shutil.rmtree(folder)


def run_until(condition, what):
    """Runs the default main context until something is so."""
    context = GLib.MainContext.default()
    over = []
    limit = GLib.timeout_add_seconds(LIMIT, lambda: over.append(True) or True)
    ticks = GLib.timeout_add(20, lambda: True)
    while not condition():
        if over:
            raise AssertionError(f"Hang: {what} did not come true")
        context.iteration(True)
    GLib.source_remove(limit)
    GLib.source_remove(ticks)


class TestCase(unittest.TestCase):
    def assertRaisesError(self, domain, code, func, *args):
        with self.assertRaises(GLib.Error) as caught:
            func(*args)
        self.assertTrue(caught.exception.matches(domain, code), caught.exception)
        self.assertNotEqual(caught.exception.message, "")


class LocalTest(TestCase):
    def test_list(self):
        monitor = Thredo.Monitor.new()
        group = Thredo.Group.new(Thredo.GroupWait.ALL)
        group.set_name("family")
        thread = group.spawn("son", lambda *_: Thredo.sleep(FOREVER, None))
        monitor.refresh()
        infos = [monitor.get_item(i) for i in range(monitor.get_n_items())]
        info = next(info for info in infos if info.get_id() == thread.get_id())
        self.assertEqual(info.get_name(), "son")
        self.assertEqual(info.get_group_path(), ["family"])
        self.assertEqual(info.get_group_ids(), [info.get_group_id()])
        self.assertEqual(info.get_property("group-ids").unpack(), [info.get_group_id()])
        self.assertTrue(monitor.cancel_group(info.get_group_id(), None))
        group.join(None)
        self.assertEqual(monitor.get_history()[-1].get_id(), thread.get_id())

    def test_cancel_async(self):
        monitor = Thredo.Monitor.new()
        thread = Thredo.Thread.spawn("one", lambda *_: Thredo.sleep(FOREVER, None))
        results = []

        def keep(source, result):
            results.append(result)

        monitor.cancel_thread_async(thread.get_id(), None, keep)
        run_until(lambda: results, "a result")
        self.assertTrue(monitor.cancel_thread_finish(results.pop()))
        thread.wait(None)
        monitor.cancel_thread_async(thread.get_id(), None, keep)
        run_until(lambda: results, "a result")
        self.assertRaisesError(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND,
                               monitor.cancel_thread_finish, results.pop())


class RemoteTest(TestCase):
    def setUp(self):
        self.process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.assertEqual(self.process.stdout.readline(), "ready\n")

    def tearDown(self):
        self.process.communicate("\n", LIMIT)

    def watch(self):
        results = []
        Thredo.Monitor.new_for_process_async(self.process.pid, None,
                                             lambda source, result: results.append(result))
        run_until(lambda: results, "a result")
        monitor = Thredo.Monitor.new_for_process_finish(results[0])
        refreshed = []
        monitor.connect("refreshed", refreshed.append)
        run_until(lambda: refreshed, "a refresh")
        return monitor

    def find(self, monitor, name):
        return next(info for info in monitor.snapshot() if info.get_name() == name)

    def test_processes(self):
        processes = Thredo.Monitor.list_processes()
        self.assertIn(self.process.pid, [process.get_pid() for process in processes])

    def test_data(self):
        monitor = self.watch()
        self.assertEqual(monitor.get_pid(), self.process.pid)
        son = self.find(monitor, "son")
        self.assertIsNone(son.get_thread())
        self.assertEqual(son.get_group_path(), ["family"])
        self.assertEqual(son.get_group_ids(), [son.get_group_id()])
        queues = {queue.get_name(): queue for queue in monitor.list_queues()}
        self.assertEqual(queues["jobs"].get_length(), 1)
        gate = next(lock for lock in monitor.list_locks() if lock.get_name() == "gate")
        self.assertEqual(gate.get_owner_id(), self.find(monitor, "owner").get_id())
        self.assertEqual(gate.get_waiting_ids(), [self.find(monitor, "waiter").get_id()])
        self.assertEqual(monitor.get_history(), [])
        self.assertEqual(monitor.find_deadlocks(), [])

    def test_cancel(self):
        monitor = self.watch()
        son = self.find(monitor, "son")
        results = []
        monitor.cancel_group_async(son.get_group_id(), None,
                                   lambda source, result: results.append(result))
        run_until(lambda: results, "a result")
        self.assertTrue(monitor.cancel_group_finish(results[0]))
        run_until(lambda: "son" in [ended.get_name() for ended in monitor.get_history()],
                  "the end of a thread")
        self.assertEqual(monitor.get_history()[-1].get_state(), Thredo.ThreadState.CANCELLED)
        self.assertRaisesError(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND,
                               monitor.cancel_thread, son.get_id(), None)

    def test_gone(self):
        monitor = self.watch()
        self.process.kill()
        self.process.wait()
        run_until(monitor.is_closed, "the end of the process")
        self.assertEqual(self.find(monitor, "son").get_name(), "son")
        self.assertRaisesError(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED,
                               monitor.cancel_thread, 1, None)


if __name__ == "__main__":
    unittest.main()
