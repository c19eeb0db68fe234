# SPDX-License-Identifier: LGPL-2.1-or-later
"""The programs of demos/examples, in every language that there is of each.

They print what is in the .out file beside them. Lines there that begin with "~ " may come in any
order among their neighbours that do, too.

G_TEST_SRCDIR and G_TEST_BUILDDIR are set by Meson. THREDO_TEST_LANGUAGES: those that can be run."""

import os
import pathlib
import signal
import subprocess
import sys
import threading
import unittest

SOURCES = pathlib.Path(os.environ['G_TEST_SRCDIR']).parent / 'demos' / 'examples'
PROGRAMS = pathlib.Path(os.environ['G_TEST_BUILDDIR']).parent / 'demos' / 'examples'
LANGUAGES = os.environ.get('THREDO_TEST_LANGUAGES', 'c').split()
LIMIT = int(os.environ.get('THREDO_TEST_LIMIT', 60))  # seconds: only a hang reaches it

ENDINGS = {'c': 'c', 'python': 'py', 'gjs': 'js'}
# PyGObject is imported in a manner that Python warns of.
INTERPRETERS = {'python': [sys.executable, '-X', 'dev', '-W', 'ignore::ImportWarning'],
                'gjs': ['gjs', '-m']}
NAMES = sorted(path.stem for path in SOURCES.glob('*.out'))


def command(name, language):
    if language == 'c':
        return [str(PROGRAMS / f'example-{name}')]
    source = str(SOURCES / f'{name}.{ENDINGS[language]}')
    return [*INTERPRETERS[language], source]


def languages_of(name):
    return [language for language, ending in ENDINGS.items()
            if language in LANGUAGES and (SOURCES / f'{name}.{ending}').exists()]


def blocks(lines):
    """The lines of a .out file: each a list of those that may come in any order."""
    found, free = [], False
    for line in lines:
        if line.startswith('~ '):
            if not free:
                found.append([])
            found[-1].append(line[2:])
        else:
            found.append([line])
        free = line.startswith('~ ')
    return found


def sorted_as(lines, expected):
    """The lines with those that may come in any order in the order in which they are expected."""
    result, start = [], 0
    for block in expected:
        part = lines[start:start + len(block)]
        result += block if sorted(part) == sorted(block) else part
        start += len(block)
    return result + lines[start:]


class Program:
    """One that is running, and what it has said so far."""

    def __init__(self, test, name, language, *arguments):
        self.process = subprocess.Popen([*command(name, language), *arguments], text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        test.addCleanup(self.close)
        self.alarm = threading.Timer(LIMIT, self.process.kill)
        self.alarm.start()
        self.lines = []

    def close(self):
        self.alarm.cancel()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()

    def read_until(self, line):
        """Also what has come before."""
        while line not in self.lines:
            text = self.process.stdout.readline()
            if not text:
                raise AssertionError(f'it has ended, and never said {line!r}: {self.lines}')
            self.lines.append(text.rstrip('\n'))

    def finish(self):
        """The exit status, and what it has complained of."""
        output, complaints = self.process.communicate()
        self.lines += output.splitlines()
        return self.process.returncode, complaints


class Examples(unittest.TestCase):
    maxDiff = None

    def check(self, program, expected):
        status, complaints = program.finish()
        expected = blocks(expected)
        flat = [line for block in expected for line in block]
        self.assertEqual(sorted_as(program.lines, expected), flat, complaints)
        self.assertEqual(status, 0, complaints)
        return complaints

    def run_example(self, name, language):
        complaints = self.check(Program(self, name, language),
                                (SOURCES / f'{name}.out').read_text().splitlines())
        if name == 'philosophers' and language != 'gjs':  # whose forks are no locks
            self.assertIn('Deadlock of 5 threads', complaints)
        else:
            self.assertEqual(complaints, '')

    def interrupt_parent(self, language):
        program = Program(self, 'parent-and-kid', language, str(LIMIT))
        program.read_until('parent: waits for a call (Ctrl+C)')
        program.process.send_signal(signal.SIGINT)
        expected = (SOURCES / 'parent-and-kid.out').read_text()
        self.check(program,
                   expected.replace('parent: it is late', 'parent: somebody calls').splitlines())

    def interrupt_manager(self, language):
        program = Program(self, 'task-manager', language, '0')
        program.read_until('task 3 works')
        program.process.send_signal(signal.SIGINT)
        status, complaints = program.finish()
        started = [line.removesuffix(' works') for line in program.lines if line.endswith(' works')]
        ended = [line.removesuffix(' is cancelled') for line in program.lines
                 if line.endswith(' is cancelled')]
        self.assertEqual(sorted(ended), sorted(started))
        self.assertGreaterEqual(len(started), 3)
        self.assertEqual(program.lines[-1], f'Ctrl+C ends {len(started)} tasks')
        self.assertEqual((status, complaints), (0, ''))


def add_case(kind, name, language):
    def case(self):
        getattr(self, kind)(*([name] if kind == 'run_example' else []), language)
    setattr(Examples, f'test_{name}_{kind.split("_")[0]}_{language}'.replace('-', '_'), case)


class List(unittest.TestCase):
    """What demos/run knows of them."""

    RUN = str(SOURCES.parent / 'run')

    def test_all_are_listed(self):
        lines = subprocess.run([self.RUN, '--list'], text=True, check=True,
                               stdout=subprocess.PIPE).stdout.splitlines()
        listed = {line.split()[0]: line for line in lines}
        programs = {path.stem for ending in ENDINGS.values() for path in SOURCES.glob(f'*.{ending}')}
        self.assertEqual(set(listed), programs)
        self.assertLessEqual(set(NAMES), programs)
        for name, line in listed.items():
            languages = [language for language, ending in ENDINGS.items()
                         if (SOURCES / f'{name}.{ending}').exists()]
            self.assertRegex(line, f"^{name} +{' '.join(languages)} +[A-Z].*[.]$")

    def test_not_in_that_language(self):
        result = subprocess.run([self.RUN, 'http-session', 'c'], text=True, check=False,
                                stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.assertEqual((result.returncode, result.stderr), (2, 'http-session is there in python\n'))


for each in NAMES:
    for each_language in languages_of(each):
        add_case('run_example', each, each_language)
for each, how in {'parent-and-kid': 'interrupt_parent', 'task-manager': 'interrupt_manager'}.items():
    for each_language in languages_of(each):
        add_case(how, each, each_language)
