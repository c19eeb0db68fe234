# SPDX-License-Identifier: LGPL-2.1-or-later
"""The windows of demos/examples with jobs to cancel, in the languages that there are of them.

A job that waits, one that is not even at its turn and one that computes are cancelled by their
buttons, the others go on, and another is started meanwhile: so the window is alive."""

import os
import pathlib
import re
import shutil
import unittest

from dashboard import LIMIT, Dashboard, Desk
from virtual_display import write_png

EXAMPLES = pathlib.Path(os.environ['G_TEST_SRCDIR']).parent / 'demos' / 'examples'
LANGUAGES = os.environ.get('THREDO_TEST_LANGUAGES', '').split()
RUNS = '(?!Waits|Cancelled|Failed).+'
PATHS = ('GI_TYPELIB_PATH', 'PYTHONPATH', 'GJS_PATH', 'PYTHONDONTWRITEBYTECODE')


class Window(Dashboard):
    def jobs(self, tree=None):
        """What is said of each, by its number."""
        jobs = {}
        for row in (tree or self.tree()).root.find_all('list item'):
            name, state = [label.name for label in row.find_all('label')][:2]
            jobs[int(re.search(r'\((\d+)\)', name)[1])] = state
        return jobs

    def wait_job(self, number, pattern):
        self.wait(lambda tree: re.fullmatch(pattern, self.jobs(tree).get(number, '')),
                  f'{number}: {pattern}')

    def cancel(self, number):
        def has_name(name):
            return name.startswith('Cancel ') and name.endswith(f'({number})')

        self.click('button', has_name)
        self.wait_job(number, 'Cancelled')
        self.wait_no_node('button', has_name)  # it cannot be cancelled any more

    def add(self, number):
        """The next."""
        self.click('button', 'New Job')
        self.wait(lambda tree: number in self.jobs(tree), f'job {number}')

    def close(self):
        self.click('button', 'Close')
        self.process.wait(LIMIT)


class JobsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.desk = Desk()

    @classmethod
    def tearDownClass(cls):
        cls.desk.close()

    def take_picture(self, window):
        """To be looked at, if THREDO_TEST_PICTURES says where."""
        folder = os.environ.get('THREDO_TEST_PICTURES')
        if folder:
            at = dict(window.display.windows())[window.x_window()]
            write_png(os.path.join(folder, f'{self.id().split("_")[-1]}.png'),
                      window.display.pixels(at.x, at.y, at.width, at.height))

    def use(self, end, *command):
        """As its user does, who ends it like that."""
        paths = {name: os.environ[name] for name in PATHS if name in os.environ}
        window = type('Window', (Window,), {'command': command})(self.desk, **paths)
        self.addCleanup(window.kill)
        window.wait_job(1, RUNS)
        window.wait_job(2, RUNS)
        window.wait_job(3, RUNS)
        window.add(4)
        window.wait_job(4, 'Waits for its turn')
        window.cancel(4)

        before = window.jobs()[2]
        window.cancel(3)
        window.add(5)
        window.wait_job(5, RUNS)
        window.wait(lambda tree: window.jobs(tree)[2] != before, 'the second goes on')
        window.cancel(1)
        window.cancel(2)

        window.add(6)
        window.add(7)
        window.wait_job(6, RUNS)
        window.wait_job(7, RUNS)
        window.add(8)
        window.wait_job(8, 'Waits for its turn')
        window.cancel(5)
        window.wait_job(8, 'Failed: .*')
        window.add(9)
        self.take_picture(window)
        end(window)  # while others still wait
        self.assertEqual((window.process.returncode, window.log()), (0, ''))

    @unittest.skipUnless('python' in LANGUAGES, 'no overrides of Python')
    def test_python(self):
        for end in Window.quit, Window.close:
            with self.subTest(end.__name__):
                self.use(end, '/usr/bin/python3', EXAMPLES / 'jobs-window.py')

    @unittest.skipUnless('gjs' in LANGUAGES, 'no overrides of GJS')
    def test_gjs(self):
        for end in Window.quit, Window.close:
            with self.subTest(end.__name__):
                self.use(end, shutil.which('gjs'), '-m', EXAMPLES / 'jobs-window.js')
