# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the cases in what `meson test` left: count.py TESTLOG.json [REPORT]

Prints three numbers: passed, failed, skipped. Every line of TAP is a case; a program that crashed,
hung or stopped short of its plan is one failed case more. Names what failed on standard error, and
appends it, with the end of what the program printed, to REPORT.
"""

import json
import os
import re
import sys

LINE = re.compile(r'^(not )?ok\b\s*(\d*)[ -]*(.*?)(?:\s#\s*(SKIP|TODO)\b.*)?$', re.I)
PLAN = re.compile(r'^1\.\.(\d+)(\s*#\s*skip.*)?$', re.I)
REPORTED_LINES = 40


def count(run, failures):
    passed = failed = skipped = 0
    plan = None
    for line in run.get('stdout', '').splitlines():
        match = LINE.match(line)
        if match:
            directive = (match[4] or '').upper()
            if directive == 'SKIP':
                skipped += 1
            elif match[1] and directive != 'TODO':
                failed += 1
                failures.append(f"{run['name']}: {match[3]}")
            else:
                passed += 1
        elif PLAN.match(line):
            plan = int(PLAN.match(line)[1])

    if passed + failed + skipped == 0 and run['result'] in ('OK', 'SKIP'):
        # Not TAP, or nothing in it: the program itself is the case.
        passed, skipped = (1, 0) if run['result'] == 'OK' else (0, 1)
    elif run['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL') and \
            (failed == 0 or (plan is not None and passed + failed + skipped < plan)):
        failed += 1
        failures.append(f"{run['name']}: {run['result']} (exit status {run['returncode']})")
    return passed, failed, skipped


def report(run, failures, file):
    """What failed, and the end of what the program printed, but for what passed."""
    lines = [line for line in run.get('stdout', '').splitlines() if not line.startswith('ok ')]
    lines += run.get('stderr', '').splitlines()
    print(*(f'  failed: {failure}' for failure in failures), sep='\n', file=file)
    print(*(f'    {line[:300]}' for line in lines[-REPORTED_LINES:]), sep='\n', file=file)


def main(path, report_path=os.devnull):
    totals = [0, 0, 0]
    with open(path, encoding='utf-8') as log, open(report_path, 'a', encoding='utf-8') as file:
        for line in filter(str.strip, log):
            run = json.loads(line)
            failures = []
            totals = [sum(pair) for pair in zip(totals, count(run, failures))]
            for failure in failures:
                print(f'  failed: {failure}', file=sys.stderr)
            if failures:
                report(run, failures, file)
    print(*totals)


if __name__ == '__main__':
    main(*sys.argv[1:])
