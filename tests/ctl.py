# SPDX-License-Identifier: LGPL-2.1-or-later
"""thredoctl as its user meets it, with programs that know nothing of it."""

import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unicodedata
import unittest

CTL = os.environ["THREDOCTL"]
PROGRAM = os.environ["THREDO_CTL_PROGRAM"]
SOURCE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NAME = os.path.basename(PROGRAM)

# Of seconds; only what hangs reaches it.
LIMIT = float(os.environ.get("THREDO_TEST_LIMIT", "120"))

NOBODY = 65534
PORTABLE = os.environ.get("THREDO_PORTABLE") == "1"


def wait_until(condition, what):
    end = time.monotonic() + LIMIT
    while not (result := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"Hang: {what}")
        time.sleep(0.02)
    return result


class Result:
    def __init__(self, done):
        self.status = done.returncode
        self.bytes = done.stdout
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()
        self.lines = self.out.splitlines()

    def __repr__(self):
        return f"status {self.status}\nstdout: {self.out}\nstderr: {self.err}"


class TestCase(unittest.TestCase):
    def setUp(self):
        self.runtime = tempfile.mkdtemp(prefix="thredo-ctl-")
        self.addCleanup(shutil.rmtree, self.runtime)
        self.env = dict(os.environ, XDG_RUNTIME_DIR=self.runtime, LC_ALL="C.UTF-8", TERM="xterm")
        self.env.pop("THREDO_MONITOR", None)
        # ThreadSanitizer sees no locks of the GLib that is here. The programs bring what helps, and
        # are checked; thredoctl is as it is installed.
        self.env["TSAN_OPTIONS"] = os.environ.get("TSAN_OPTIONS", "") + ":report_bugs=0:atexit_sleep_ms=0"

    def once(self, *args, **kwargs):
        return Result(subprocess.run([CTL, *map(str, args)], env=self.env, timeout=LIMIT,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                     stderr=subprocess.PIPE, **kwargs))

    def ctl(self, *args):
        """As once(), but a machine that is busy may keep a program from answering in time."""
        end = time.monotonic() + LIMIT
        while True:
            result = self.once(*args)
            if "does not answer" not in result.err or time.monotonic() > end:
                return result

    def succeed(self, *args):
        result = self.ctl(*args)
        self.assertEqual(result.status, 0, result)
        self.assertEqual(result.err, "", result)
        return result

    def fail_with(self, status, pattern, *args):
        result = self.ctl(*args)
        self.assertEqual(result.status, status, result)
        self.assertRegex(result.err, pattern, result)
        self.assertEqual(result.out, "", result)
        for line in result.err.splitlines():
            self.assertRegex(line, "^(thredoctl: |See: )", result)
        return result

    def start(self, what, *, monitor="1", path=PROGRAM, **kwargs):
        """A program that has begun. It ends by itself when its input does, or is killed."""
        env = dict(self.env, TSAN_OPTIONS=os.environ.get("TSAN_OPTIONS", ""))
        if monitor is not None:
            env["THREDO_MONITOR"] = monitor
        process = subprocess.Popen([path, what], env=env, stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, **kwargs)
        self.addCleanup(self.stop, process)
        self.assertEqual(process.stdout.readline(), b"begun\n")
        return process

    def stop(self, process):
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
            process.wait(LIMIT)
        for stream in process.stdin, process.stdout, process.stderr:
            stream.close()

    def finish(self, process):
        """What it says until it ends, which it has to by itself, and its exit status."""
        out = process.stdout.read().decode()
        return out, process.wait(LIMIT)

    def threads(self, *args):
        return {thread["name"]: thread for thread in json.loads(self.succeed("ps", "--json", *args).out)}

    def wait_for_wait(self, name, waiting_for, *args):
        def is_there():
            thread = self.threads(*args).get(name)
            return thread if thread and thread["waiting_for"] == waiting_for else None

        return wait_until(is_there, f"{name} does not come to {waiting_for}")

    def deadlock(self):
        process = self.start("deadlock")
        wait_until(lambda: self.ctl("deadlocks").status == 3, "there is no deadlock")
        return process


class TestHung(TestCase):
    """The story: a program hangs, is found, and is freed."""

    # The program may end before it has answered.
    DONE = "(is cancelled|has ended, with its process)"

    def test_found_and_freed(self):
        process = self.start("hang")
        worker = self.wait_for_wait("worker", "get on Queue 'jobs'")
        # What the main thread is called, the system knows, or nobody.
        main = wait_until(lambda: next((t["id"] for t in self.threads().values()
                                        if t["waiting_for"] == "join on Thread 'worker'"), None),
                          "nobody joins the worker")

        listed = self.succeed("list")
        self.assertRegex(listed.lines[1], rf"^ *{process.pid} +2 +2 +{NAME} +.*{NAME} hang$", listed)
        shown = self.succeed("ps")
        self.assertRegex(shown.out, rf"(?m)^ *{worker['id']} +worker +- +\S+ +waiting +\S+ +- +"
                                    r"get on Queue 'jobs'$", shown)
        where = self.succeed("where", process.pid, main)
        self.assertEqual(len(where.lines), 2, where)
        self.assertIn("waits: join on Thread 'worker', for ", where.lines[0])
        self.assertRegex(where.lines[1], rf"^    for the end of thread {worker['id']} 'worker', which "
                                         r"waits: get on Queue 'jobs', for \S+$")

        cancelled = self.succeed("cancel", "--wait", LIMIT, "worker")
        self.assertRegex(cancelled.lines[0], f"^Thread {worker['id']} 'worker' {self.DONE}$")
        self.assertRegex(cancelled.lines[-1], f"^Thread {worker['id']} 'worker' has ended")
        out, status = self.finish(process)
        self.assertEqual((out, status), ("Thread 'worker' was cancelled\n", 3))
        self.fail_with(1, "no program that can be watched", "ps")

    def test_by_number_and_pid(self):
        process = self.start("hang")
        worker = self.threads()["worker"]
        cancelled = self.succeed("cancel", process.pid, worker["id"])
        self.assertRegex(cancelled.out, f"^Thread {worker['id']} 'worker' {self.DONE}\n$")
        self.assertEqual(self.finish(process)[1], 3)

    def test_by_option(self):
        process = self.start("hang")
        self.succeed("cancel", "-p", NAME, "worker")
        self.assertEqual(self.finish(process)[1], 3)


class TestDeadlock(TestCase):
    def test_seen_and_freed(self):
        process = self.deadlock()
        told = self.ctl("deadlocks")
        self.assertRegex(told.lines[0], "^Deadlock of 2 threads: ")
        self.assertRegex(told.lines[0], "'one' holds Lock 'left', waits for Lock 'right' held by 'other'")
        self.assertRegex(told.lines[1], r"^Threads: \d+ \d+$")
        self.assertEqual(told.err, "")
        as_json = self.ctl("deadlocks", "--json")
        self.assertEqual(as_json.status, 3)
        self.assertEqual(len(json.loads(as_json.out)[0]["thread_ids"]), 2)

        where = self.succeed("where", process.pid, "one")
        self.assertRegex(where.lines[0], r"^Thread \d+ 'one' waits: acquire on Lock 'right', for ")
        self.assertRegex(where.lines[1], r"^    held by thread \d+ 'other', which waits: acquire on Lock "
                                         r"'left', for ")
        self.assertRegex(where.lines[2], r"^    held by thread \d+ 'one', which waits: acquire")
        self.assertEqual(where.lines[3:], ["    and so on: a deadlock", "    holds Lock 'left'"])

        self.succeed("cancel", "one")
        out, status = self.finish(process)
        self.assertEqual((out, status), ("Thread 'one' was cancelled\n", 3))

    def test_locks(self):
        self.deadlock()
        threads = self.threads()
        one, other = threads["one"]["id"], threads["other"]["id"]
        locks = {lock["name"]: lock for lock in json.loads(self.succeed("locks", "-j").out)}
        self.assertEqual((locks["left"]["kind"], locks["left"]["owner_id"], locks["left"]["owner_name"]),
                         ("Lock", one, "one"))
        self.assertEqual((locks["left"]["n_waiting"], locks["left"]["waiting_ids"]), (1, [other]))
        self.assertEqual(locks["right"]["waiting_ids"], [one])
        self.assertRegex(self.succeed("locks").out, rf"(?m)^ *\d+ +Lock +left +{one} one +- +1 +{other}$")

    def test_line_of_a_lock_without_a_name(self):
        process = self.start("line")
        self.wait_for_wait("waiter", "acquire on Lock")
        owner = self.threads()["owner"]["id"]
        where = self.succeed("where", process.pid, "waiter")
        self.assertRegex(where.lines[1], rf"^    held by thread {owner} 'owner', which waits: sleep, for ")
        self.assertEqual(len(where.lines), 2)

        # It ends with its lock.
        self.succeed("cancel", "--wait", LIMIT, "owner")
        self.wait_for_wait("waiter", "sleep")
        locks = {lock.get("owner_name"): lock for lock in json.loads(self.succeed("locks", "-j").out)}
        self.assertEqual((locks["waiter"]["abandoned"], locks["decoy"]["abandoned"]), (True, False))
        self.assertRegex(self.succeed("locks").out, r"(?m)\bwaiter +yes +0 +-$")

    def test_no_deadlock(self):
        self.start("hang")
        self.assertEqual(self.succeed("deadlocks").lines, ["No deadlock"])
        self.assertEqual(json.loads(self.succeed("deadlocks", "--json").out), [])


class TestCancel(TestCase):
    def test_computing(self):
        process = self.start("compute")
        result = self.ctl("cancel", "--wait", "0.2", "runaway")
        self.assertEqual(result.status, 4, result)
        self.assertRegex(result.err, r"^thredoctl: Thread \d+ 'runaway' has not ended within 200ms: it "
                                     r"computes, or blocks outside the library")
        self.assertRegex(self.succeed("ps").out, r"runaway .* running +- +cancelled")
        process.stdin.close()
        process.stdin = open(os.devnull)
        self.finish(process)

    def test_shielded(self):
        self.start("shield")
        self.wait_for_wait("knight", "wait on Event")
        result = self.ctl("cancel", "--wait", "0.2", "knight")
        self.assertEqual(result.status, 4, result)
        self.assertIn("it is shielded", result.err)
        self.assertRegex(self.succeed("ps").out, "knight .* cancelled,shielded ")
        self.assertIn("; cancelled, but shielded", self.succeed("where").out)

    def test_names_that_are_not_unique(self):
        process = self.start("crew")
        numbers = [t["id"] for t in json.loads(self.succeed("ps", "-j").out) if t["name"] == "sailor"]
        listed = ", ".join(map(str, numbers))
        self.fail_with(1, f"There are 3 threads 'sailor': {listed}; say which by its number",
                       "cancel", "sailor")
        result = self.succeed("cancel", "-w", LIMIT, NAME, *numbers)
        # The last may take the program with it before that has answered.
        ended = set(re.findall("^Thread ([0-9]+) 'sailor' has ended", result.out, re.M))
        self.assertEqual(ended, set(map(str, numbers)))
        self.assertEqual(self.finish(process), ("all ashore\n", 0))

    def test_group(self):
        process = self.start("crew")
        self.assertEqual([t["group_path"] for t in json.loads(self.succeed("ps", "-j").out)
                          if t["name"] == "sailor"], [["crew"]] * 3)
        result = self.succeed("cancel", "--group", "--wait", LIMIT, "crew")
        self.assertEqual(result.lines[0], "Group crew is cancelled, with 3 threads")
        self.assertEqual(len(re.findall("has ended", result.out)), 3)
        self.assertEqual(self.finish(process), ("all ashore\n", 0))

    def test_group_by_number(self):
        process = self.start("crew")
        group = {t["group_id"] for t in json.loads(self.succeed("ps", "-j").out) if "group_id" in t}
        self.assertEqual(len(group), 1)
        self.succeed("cancel", process.pid, "-g", group.pop())
        self.assertEqual(self.finish(process), ("all ashore\n", 0))

    def test_some_are_there(self):
        process = self.start("hang")
        result = self.ctl("cancel", process.pid, "nobody", "worker")
        self.assertEqual(result.status, 1, result)
        self.assertEqual(result.err,
                         "thredoctl: There is no thread 'nobody': it has ended, or never was\n")
        self.assertEqual(self.finish(process)[1], 3)

    def test_ended_or_never_was(self):
        process = self.start("hang")
        self.fail_with(1, "There is no thread 999999: it has ended, or never was", "cancel", "999999")
        self.fail_with(1, "There is no thread 'nobody'", "cancel", process.pid, "nobody")
        self.fail_with(1, "There is no thread 999999", "where", process.pid, "999999")
        self.fail_with(1, "There is no group 999999 with threads in it", "cancel", "-g", "999999")
        self.fail_with(1, "There is no group 'none' with threads in it", "cancel", "-g", "none")


class TestShow(TestCase):
    def test_queues(self):
        self.start("hang")
        self.wait_for_wait("worker", "get on Queue 'jobs'")
        queue, = json.loads(self.succeed("queues", "--json").out)
        self.assertEqual((queue["name"], queue["order"], queue["length"], queue["max_size"],
                          queue["n_getters"], queue["closed"]), ("jobs", "fifo", 0, 0, 1, False))
        self.assertRegex(self.succeed("queues").lines[1], r"^ *\d+ +jobs +fifo +0 +- +0 +1 +0 +-$")

    def test_history(self):
        process = self.start("names")
        follower = subprocess.Popen([CTL, "history", "--follow"], env=self.env, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)
        self.addCleanup(self.stop_reader, follower)
        self.assertEqual(follower.stderr.readline().decode(),
                         f"thredoctl: From now on the ends of threads of process {process.pid} are told\n")
        name = "quote\" back\\slash 'single'"
        number = self.threads()[name]["id"]
        result = self.succeed("cancel", "--wait", LIMIT, name)
        self.assertEqual(result.lines[1], f"Thread {number} '{name}' has ended: it was cancelled")
        self.assertRegex(follower.stdout.readline().decode(),
                         rf"^Thread {number} '{re.escape(name)}': cancelled")
        ended, = json.loads(self.succeed("history", "--json").out)
        self.assertEqual((ended["id"], ended["name"], ended["end"]), (number, name, "cancelled"))
        self.assertRegex(self.succeed("history").lines[1], rf"^ *{number} +quote.* cancelled ")
        process.kill()
        self.assertEqual(follower.wait(LIMIT), 0)

    def stop_reader(self, process):
        process.kill()
        process.wait(LIMIT)
        process.stdout.close()
        process.stderr.close()

    def test_dump(self):
        process = self.deadlock()
        dump = json.loads(self.succeed("dump").out)
        self.assertEqual((dump["pid"], dump["program"]), (process.pid, NAME))
        self.assertLessEqual({"one", "other"}, {t["name"] for t in dump["threads"]})
        self.assertEqual(len(dump["threads"]), 3)
        self.assertEqual((dump["n_threads"], dump["n_waiting"]), (3, 3))
        self.assertEqual(len(dump["deadlocks"]), 1)
        self.assertEqual({lock["name"] for lock in dump["locks"]}, {"left", "right"})
        for key in "now", "waits_per_second", "loop_latency", "queues", "history":
            self.assertIn(key, dump)
        one = next(t for t in dump["threads"] if t["name"] == "one")
        self.assertEqual((one["state"], one["held"]), ("waiting", ["Lock 'left'"]))
        self.assertLessEqual(one["waiting_since"], dump["now"])

    def test_several_programs(self):
        first, second = self.start("hang"), self.start("crew")
        listed = json.loads(self.succeed("list", "--json").out)
        self.assertEqual([p["pid"] for p in listed], sorted([first.pid, second.pid]))
        self.assertEqual({p["pid"]: p["n_threads"] for p in listed}[second.pid], 4)
        self.assertEqual(self.succeed("list", "--bare").lines,
                         [str(pid) for pid in sorted([first.pid, second.pid])])
        self.fail_with(1, f"There are several programs: .*{first.pid} .{NAME}.*; say which", "ps")
        self.fail_with(1, f"There are several of that name: .*{second.pid}", "ps", NAME)
        self.assertIn("worker", self.threads(first.pid))
        self.assertIn("sailor", self.threads("-p", second.pid))

    def test_killed(self):
        process = self.start("hang")
        process.kill()
        process.wait(LIMIT)
        self.assertEqual(self.succeed("list", "-b").out, "")
        self.fail_with(1, f"There is no process {process.pid}$", "ps", process.pid)

    def test_not_itself(self):
        self.env["THREDO_MONITOR"] = "1"
        self.assertEqual(self.succeed("list", "--json").out, "[]\n")


class TestNames(TestCase):
    """Names of threads are anything, and come to a terminal, and to parsers."""

    NAMES = ["clear\033[2J\033]0;title\a", "line\nbreak\ttab", "quote\" back\\slash 'single'",
             "ü 日本 🧵", "\u202eturned", "\x9b2J", "broken\ufffd"]

    def test_json(self):
        self.start("names")
        out = self.succeed("ps", "--json").out
        names = [thread["name"] for thread in json.loads(out)]
        for name in self.NAMES:
            self.assertIn(name, names)
        self.assertEqual(set(re.findall(r"[\x00-\x1f\x7f-\x9f\u202e]", out)), {"\n"})

    def test_text(self):
        self.start("names")
        for command in ["ps"], ["where"], ["top", "-n", "1"]:
            result = self.succeed(*command)
            self.assertEqual(set(re.findall(r"[\x00-\x1f\x7f-\x9f\u202e]", result.out)), {"\n"}, command)
            for written in (r"clear\x1b[2J\x1b]0;title\x07", r"line\x0abreak\x09tab", "ü 日本 🧵",
                            r"\u{202e}turned", r"\x9b2J"):
                self.assertIn(written, result.out, command)

    def test_columns_line_up(self):
        self.start("names")
        lines = self.succeed("ps").lines
        column = lines[0].index("STATE")
        wide = next(line for line in lines if "日本" in line)
        # Three of its characters take two columns each.
        self.assertEqual(wide.index("waiting") + 3, column)

    def test_as_wide_as_the_terminal(self):
        self.start("names")
        for columns in 100, 60, 20, 1:
            master, slave = pty.openpty()
            fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            done = subprocess.Popen([CTL, "ps"], env=self.env, stdout=slave, stdin=subprocess.DEVNULL)
            os.close(slave)
            out = b""
            try:
                while more := os.read(master, 65536):
                    out += more
            except OSError:  # the other side is closed
                pass
            os.close(master)
            self.assertEqual(done.wait(LIMIT), 0)
            lines = out.decode().split("\r\n")
            self.assertGreater(len(lines), 9)
            for line in lines:
                width = sum(2 if unicodedata.east_asian_width(c) == "W" else 1 for c in line)
                self.assertLessEqual(width, columns, line)

    def test_no_utf8(self):
        self.start("names")
        self.env["LC_ALL"] = "C"
        result = self.ctl("ps")
        self.assertEqual(result.status, 0, result)
        self.assertTrue(result.bytes.isascii(), result.bytes)

    def test_errors(self):
        self.start("names")
        result = self.fail_with(1, r"There is no thread 'a\\x1b\[2J'", "cancel", "a\033[2J")
        self.assertNotIn("\033", result.err)


class TestTop(TestCase):
    def test_plain(self):
        self.start("compute")
        result = self.succeed("top", "-n", "2", "-d", "0.5")
        rounds = result.out.strip().split("\n\n")
        self.assertEqual(len(rounds), 2, result)
        for text in rounds:
            self.assertRegex(text, rf"^Process \d+ .{NAME}.: \d+ threads?, \d+ waiting, \d+ waits/s, loop late by ")
        self.assertNotIn("\033", result.out)

    def test_busiest_first(self):
        if PORTABLE:
            self.skipTest("a portable build does not know CPU times")
        self.start("compute")

        def is_first():
            name, share = self.succeed("top", "-n", "2", "-d", "0.5").lines[-3].split()[1:4:2]
            return name == "runaway" and float(share) > 0

        wait_until(is_first, "the thread that computes is not the busiest")

    def test_program_ends(self):
        process = self.start("crew")
        top = subprocess.Popen([CTL, "top", "-d", "0.05"], env=self.env, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
        self.assertIn(b"Process", top.stdout.readline())
        self.succeed("cancel", "-g", "crew")
        self.finish(process)
        out, err = top.communicate(timeout=LIMIT)
        self.assertEqual((top.returncode, err.decode()),
                         (0, f"thredoctl: Process {process.pid} has gone\n"))

    def in_terminal(self, key):
        self.start("hang")
        pid, terminal = pty.fork()
        if pid == 0:
            os.execve(CTL, [CTL, "top", "-d", "0.1"], self.env)
        self.addCleanup(os.close, terminal)
        seen = b""

        def read_until(is_enough):
            nonlocal seen
            while not is_enough():
                self.assertTrue(select.select([terminal], [], [], LIMIT)[0], seen)
                try:
                    more = os.read(terminal, 65536)
                except OSError:  # the other side is closed
                    return
                seen += more

        read_until(lambda: seen.count(b"get on Queue 'jobs'") >= 3)
        os.write(terminal, key)
        read_until(lambda: False)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.assertEqual(status, 0, seen)
        text = seen.decode()
        self.assertTrue(text.startswith("\033[?1049h\033[?25l"), text)
        self.assertTrue(text.endswith("\033[?25h\033[?1049l"), text)
        self.assertIn("\033[H", text)

    def test_terminal_q(self):
        self.in_terminal(b"q")

    def test_terminal_interrupt(self):
        self.in_terminal(b"\x03")


class TestBadInput(TestCase):
    def test_usage(self):
        self.start("hang")
        for args in ([], ["nonsense"], ["--nonsense"], ["ps", "--nonsense"], ["ps", "-5"],
                     ["ps", "1", "2"], ["ps", "-p", "1", "2"], ["ps", ""], ["list", "1"], ["cancel"],
                     ["cancel", "-g"], ["cancel", "-p", "1"], ["cancel", "-w", "soon", "1"],
                     ["cancel", "-w", "-1", "1"], ["cancel", "-w", "nan", "1"], ["cancel", "-w", "1e9", "1"],
                     ["cancel", "-w", "", "1"], ["top", "-n", "0"], ["top", "-n", "x"],
                     ["top", "-n", "99999999999999999999"], ["top", "-d", "0"], ["top", "-d", "1s"],
                     ["top", "--json"]):
            with self.subTest(args=args):
                self.fail_with(2, "See: thredoctl .*--help", *args)

    def test_help(self):
        for args in ["--help"], ["-h"]:
            result = self.succeed(*args)
            for command in "list ps top where cancel locks queues history deadlocks dump".split():
                self.assertRegex(result.out, rf"(?m)^  {command} ")
                self.assertIn(f"thredoctl {command} [OPTION…]", self.succeed(command, "--help").out)
        self.assertRegex(self.succeed("--version").out, r"^thredoctl \d+\.\d+\.\d+\n$")

    def test_no_program(self):
        for command in "ps", "top", "where", "locks", "queues", "history", "deadlocks", "dump":
            self.fail_with(1, "There is no program that can be watched: start one with THREDO_MONITOR=1 "
                              rf".*'{self.runtime}/thredo-glib'", command)
        self.fail_with(1, "There is no program 'nothing' that can be watched", "ps", "nothing")
        self.fail_with(0, f"There is no program that can be watched: .*'{self.runtime}/thredo-glib'", "list")

    def test_no_runtime_folder(self):
        self.env["XDG_RUNTIME_DIR"] = os.devnull
        self.fail_with(1, f"'{os.devnull}/thredo-glib': Not a directory", "list")
        self.fail_with(1, f"'{os.devnull}/thredo-glib': Not a directory", "ps")

    def test_thread_for_a_program(self):
        process = self.start("hang")
        for args in ["where", "worker"], ["cancel", "worker", "worker"]:
            self.fail_with(1, f"There is no program 'worker' that can be watched, but {process.pid} .{NAME}.$", *args)

    def test_no_process(self):
        child = subprocess.Popen(["true"])
        child.wait(LIMIT)
        for pid in str(child.pid), "0", "99999999999999999999":
            self.fail_with(1, f"There is no process {pid}$", "ps", pid)

    def test_not_exported(self):
        process = self.start("hang", monitor=None)
        self.fail_with(1, f"Process {process.pid} .{NAME}. cannot be watched: it was started without "
                          "THREDO_MONITOR=1", "ps", process.pid)

    def test_without_the_library(self):
        self.fail_with(1, rf"Process {os.getpid()} .* cannot be watched: it does not seem to use",
                       "ps", os.getpid())

    def test_other_runtime_folder(self):
        process = self.start("hang")
        self.env["XDG_RUNTIME_DIR"] = os.path.join(self.runtime, "nowhere")
        self.fail_with(1, "cannot be watched", "ps", process.pid)

    def test_open_folder(self):
        process = self.start("hang")
        folder = os.path.join(self.runtime, "thredo-glib")
        os.chmod(folder, 0o777)
        self.fail_with(1, "has to be of user .* with mode 0700", "list")
        self.fail_with(1, "has to be of user .* with mode 0700", "ps", process.pid)

    def test_stopped(self):
        process = self.start("hang")
        os.kill(process.pid, signal.SIGSTOP)
        wait_until(lambda: self.is_stopped(process.pid), "it does not stop")
        result = self.once("ps")
        self.assertEqual((result.status, result.out, result.err),
                         (1, "", f"thredoctl: Process {process.pid} ({NAME}) does not answer: it is "
                                 f"stopped, and goes on after: kill -CONT {process.pid}\n"))
        result = self.once("list")
        self.assertEqual(result.status, 0)
        self.assertRegex(result.lines[1], rf"^ *{process.pid} +- +- +{NAME} ")
        self.assertIn("it is stopped", result.err)
        os.kill(process.pid, signal.SIGCONT)
        self.assertIn("worker", self.threads())

    def is_stopped(self, pid):
        """Whether all of its threads are, which takes them a moment."""
        folder = f"/proc/{pid}/task"
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/stat", encoding="utf-8") as file:
                if file.read().rpartition(")")[2].split()[0] != "T":
                    return False
        return True

    def test_broken_pipe(self):
        self.start("hang")
        for command in ["ps"], ["dump"], ["top", "-d", "0.05"], ["--help"]:
            read, write = os.pipe()
            os.close(read)
            done = subprocess.run([CTL, *command], env=self.env, stdout=write, stderr=subprocess.PIPE,
                                  timeout=LIMIT)
            os.close(write)
            self.assertEqual(done.stderr, b"", command)

    def test_full(self):
        self.start("hang")
        for command in "ps", "dump":
            with open("/dev/full", "wb") as full:
                done = subprocess.run([CTL, command], env=self.env, stdout=full,
                                      stderr=subprocess.PIPE, timeout=LIMIT)
            self.assertEqual((done.returncode, done.stderr),
                             (1, b"thredoctl: Cannot write: No space left on device\n"))

    def test_other_user(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody else")
        try:
            other = subprocess.Popen(["sleep", "1000"], user=NOBODY, group=NOBODY, extra_groups=[])
        except (OSError, subprocess.SubprocessError) as error:
            self.skipTest(f"cannot become somebody else: {error}")
        self.addCleanup(other.wait)
        self.addCleanup(other.kill)
        self.fail_with(1, f"Process {other.pid} .sleep. is one of user .*, who alone can watch it",
                       "ps", other.pid)
        self.fail_with(1, f"Process {other.pid} .sleep. is one of user", "cancel", other.pid, "1")

    def test_as_other_user(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to become somebody else")
        process = self.start("hang")
        nobody = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            self.once("--version", **nobody)
        except (OSError, subprocess.SubprocessError) as error:
            self.skipTest(f"somebody else cannot run it: {error}")
        for args in ["ps", process.pid], ["cancel", process.pid, "worker"]:
            result = self.once(*args, **nobody)
            self.assertEqual((result.status, result.out), (1, ""), result)
            self.assertIn(f"Process {process.pid} ({NAME}) is one of user root", result.err)
        self.assertEqual(self.threads()["worker"]["cancelled"], False)


class TestCompletion(TestCase):
    FILE = os.path.join(SOURCE, "thredo-glib/ctl/thredoctl.bash")

    def complete(self, *words):
        script = ('. "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                  '_thredoctl "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"; '
                  'printf "%s\\n" "${COMPREPLY[@]}"')
        done = subprocess.run(["bash", "-u", "-c", script, "bash", self.FILE, CTL, *map(str, words)],
                              env=self.env, capture_output=True, text=True, timeout=LIMIT)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout.split()

    def test_commands(self):
        self.assertEqual(self.complete("d"), ["deadlocks", "dump"])
        self.assertEqual(len(self.complete("")), 10)
        self.assertEqual(self.complete("--v"), ["--version"])

    def test_options(self):
        self.assertEqual(self.complete("cancel", "--"), ["--group", "--wait", "--process", "--help"])
        self.assertEqual(self.complete("top", "--d"), ["--delay"])
        self.assertEqual(self.complete("top", "--delay", ""), [])
        # Every option that there is, and no other.
        for command in self.complete(""):
            there = set(re.findall(r"--[a-z]+", self.succeed(command, "--help").out.split("Options:", 1)[1]))
            self.assertEqual(set(self.complete(command, "--")), there, command)

    def test_processes_and_threads(self):
        process = self.start("hang")
        numbers = sorted(str(thread["id"]) for thread in self.threads().values())
        self.assertEqual(self.complete("ps", ""), [str(process.pid)])
        self.assertEqual(self.complete("list", ""), [])
        for words in ["--process", ""], ["--process", "="], ["--process", "=", str(process.pid)[:1]]:
            self.assertEqual(self.complete("ps", *words), [str(process.pid)], words)
        for words in (["cancel", process.pid], ["where", process.pid], ["cancel", "-w", "5", process.pid],
                      ["cancel", "-p", process.pid], ["cancel", "--process", "=", process.pid],
                      ["cancel", process.pid, numbers[0]]):
            wait_until(lambda: sorted(self.complete(*words, "")) == numbers, f"no numbers for {words}")
        self.assertEqual(self.complete("cancel", "-g", process.pid, ""), [])


class TestManual(TestCase):
    PAGE = os.path.join(SOURCE, "thredo-glib/ctl/thredoctl.1")

    def test_well_formed(self):
        lint = next((lint for lint in (["mandoc", "-Tlint", "-Wstyle"], ["groff", "-ww", "-man", "-z"])
                     if shutil.which(lint[0])), None)
        if lint is None:
            self.skipTest("neither mandoc nor groff")
        done = subprocess.run([*lint, self.PAGE], capture_output=True, text=True)
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_complete(self):
        with open(self.PAGE, encoding="utf-8") as file:
            page = file.read().replace("\\-", "-")
        for command in re.findall(r"(?m)^  (\w+) ", self.succeed("--help").out.split("Commands:")[1]):
            self.assertRegex(page, rf"(?m)^\.(B|BR) .*\b{command}\b")
            for option in re.findall(r"--[a-z]+", self.succeed(command, "--help").out):
                self.assertIn(option, page)

    def test_json_is_told(self):
        self.deadlock()
        with open(self.PAGE, encoding="utf-8") as file:
            page = file.read()

        def keys(value):
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, dict):
                    for key, inner in one.items():
                        yield key
                        yield from keys(inner)

        for key in set(keys(json.loads(self.succeed("dump").out))):
            self.assertRegex(page, rf"\b{key}\b")


if __name__ == "__main__":
    sys.exit(unittest.main())
