# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs the unittest cases of one file and prints TAP: tap.py FILE [NAME...]"""

import importlib.util
import os
import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self, stream):
        super().__init__()
        self.stream = stream
        self.failed_subtests = False

    def say(self, line):
        print(line, file=self.stream, flush=True)

    def report(self, ok, test, directive='', details=''):
        self.say(f"{'ok' if ok else 'not ok'} {self.testsRun} {test.id()}{directive}")
        for line in details.splitlines():
            self.say(f'# {line}')

    def startTest(self, test):
        super().startTest(test)
        self.failed_subtests = False

    def addSuccess(self, test):
        self.report(True, test)

    def addError(self, test, err):
        super().addError(test, err)
        if not hasattr(test, '_testMethodName'):  # setUpClass or setUpModule failed: no startTest()
            self.say(f'Bail out! {test.id()}: {err[1]}')
            return
        self.report(False, test, details=self.errors[-1][1])

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.report(False, test, details=self.failures[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is None:
            return
        details = (self.failures + self.errors)[-1][1]
        if self.failed_subtests:  # its number has been given; say what else went wrong
            details = f'{subtest.id()}\n{details}'
            for line in details.splitlines():
                self.say(f'# {line}')
            return
        self.failed_subtests = True
        self.report(False, subtest, details=details)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.report(True, test, f' # SKIP {reason}')

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self.report(False, test, ' # TODO expected failure')

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self.report(False, test, details='succeeded, but was expected to fail')


def main(path, names):
    sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
    name = os.path.splitext(os.path.basename(path))[0].replace('-', '_')
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)

    loader = unittest.TestLoader()
    if names:
        suite = loader.loadTestsFromNames(names, module)
    else:
        suite = loader.loadTestsFromModule(module)

    # The tests may print; the TAP stream stays clean.
    stream = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)

    result = TapResult(stream)
    result.say(f'1..{suite.countTestCases()}')
    suite.run(result)
    return 0 if result.wasSuccessful() else 1


if __name__ == '__main__':
    sys.exit(main(sys.argv[1], sys.argv[2:]))
