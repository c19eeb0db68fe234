# SPDX-License-Identifier: LGPL-2.1-or-later
"""Durations are seconds, everywhere but in properties."""

import time
import unittest

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import GLib, Thredo  # noqa: E402


class DurationTest(unittest.TestCase):
    def test_grace(self):
        command = Thredo.Command.new(["true"])
        command.set_grace(0.5)
        self.assertEqual(command.props.grace, 500_000)
        with self.assertRaises(TypeError):
            command.set_grace("long")

    def test_interval(self):
        monitor = Thredo.Monitor.new()
        monitor.set_interval(0.25)
        self.assertEqual(monitor.get_interval(), 0.25)
        self.assertEqual(monitor.props.interval, 250_000)
        self.assertIsInstance(monitor.get_loop_latency(), float)

    def test_scope(self):
        before = time.monotonic()
        scope = Thredo.Scope.new_with_timeout(10)
        self.assertGreaterEqual(scope.deadline, before + 10 - 1e-3)
        self.assertLess(scope.deadline, time.monotonic() + 10 + 1e-3)
        scope.deadline = before + 20
        self.assertAlmostEqual(scope.get_deadline(), before + 20, places=5)
        self.assertAlmostEqual(scope.props.deadline, (before + 20) * 1e6, delta=2)
        scope.deadline = None
        self.assertIsNone(scope.deadline)

    def test_sleep_async(self):
        loop = GLib.MainLoop()
        outcomes = []

        def on_ready(source, result, word):
            outcomes.append((word, Thredo.sleep_finish(result)))
            loop.quit()

        started = time.monotonic()
        Thredo.sleep_async(0.02, None, on_ready, "word")
        loop.run()
        self.assertEqual(outcomes, [("word", True)])
        self.assertGreaterEqual(time.monotonic() - started, 0.02)


if __name__ == "__main__":
    unittest.main()
