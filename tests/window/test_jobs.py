# SPDX-License-Identifier: LGPL-2.1-or-later
"""The windows of demos/examples with jobs to cancel, in the languages that there are of them.

A job that waits, one that is not even at its turn and one that computes are cancelled by their
buttons, the others go on, and another is started meanwhile: so the window is alive."""

import os
import pathlib
import re
import shutil
import unittest

from dashboard import Dashboard, Desk

EXAMPLES = pathlib.Path(os.environ['G_TEST_SRCDIR']).parent / 'demos' / 'examples'
LANGUAGES = os.environ.get('THREDO_TEST_LANGUAGES', '').split()
PATHS = ('GI_TYPELIB_PATH', 'PYTHONPATH', 'GJS_PATH', 'PYTHONDONTWRITEBYTECODE')


class Window(Dashboard):
    def jobs(self, tree=None):
        """What is said of each, by its name."""
        tree = tree or self.tree()
        jobs = {}
        for row in tree.root.find_all('list item'):
            name, state = [label.name for label in row.find_all('label')][:2]
            jobs[name] = state
        return jobs

    def wait_job(self, name, pattern):
        self.wait(lambda tree: re.fullmatch(pattern, self.jobs(tree).get(name, '')),
                  f'{name}: {pattern}')

    def cancel(self, name):
        self.click('button', f'Cancel {name}')
        self.wait_job(name, 'Cancelled')
        self.wait(lambda tree: not tree.root.find('button', f'Cancel {name}').is_('sensitive'),
                  f'{name} cannot be cancelled any more')


class JobsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.desk = Desk()

    @classmethod
    def tearDownClass(cls):
        cls.desk.close()

    def use(self, *command):
        """As its user does."""
        paths = {name: os.environ[name] for name in PATHS if name in os.environ}
        window = type('Window', (Window,), {'command': command})(self.desk, **paths)
        self.addCleanup(window.kill)
        names = list(window.wait(lambda tree: len(window.jobs(tree)) == 4 and window.jobs(tree),
                                 'four jobs'))
        computes, moves, waits, fails = names
        window.wait_job(fails, 'Waits for its turn')

        window.cancel(fails)
        window.cancel(waits)
        before = window.jobs()[moves]
        window.click('button', 'New Job')
        window.wait(lambda tree: len(window.jobs(tree)) == 5, 'a fifth job')
        window.wait(lambda tree: window.jobs(tree)[moves] != before, f'{moves} goes on')
        window.cancel(computes)

        for _ in range(3):  # the last of them fails
            window.click('button', 'New Job')
        window.wait(lambda tree: len(window.jobs(tree)) == 8, 'eight jobs')
        window.cancel(list(window.jobs())[4])
        window.wait_job(list(window.jobs())[7], 'Failed: .*')

        self.assertEqual(window.quit(), 0)  # while others still wait
        self.assertEqual(window.log(), '')

    @unittest.skipUnless('python' in LANGUAGES, 'no overrides of Python')
    def test_python(self):
        self.use('/usr/bin/python3', EXAMPLES / 'jobs-window.py')

    @unittest.skipUnless('gjs' in LANGUAGES, 'no overrides of GJS')
    def test_gjs(self):
        self.use(shutil.which('gjs'), '-m', EXAMPLES / 'jobs-window.js')
