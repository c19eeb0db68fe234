# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the cases in what `meson test` left: count.py TESTLOG.json

Prints three numbers: passed, failed, skipped. Every line of TAP is a case; a program that crashed,
hung or stopped short of its plan is one failed case more. Names what failed on standard error.
"""

import json
import re
import sys

LINE = re.compile(r'^(not )?ok\b\s*(\d*)[ -]*(.*?)(?:\s#\s*(SKIP|TODO)\b.*)?$', re.I)
PLAN = re.compile(r'^1\.\.(\d+)(\s*#\s*skip.*)?$', re.I)


def count(run):
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
                print(f"  failed: {run['name']}: {match[3]}", file=sys.stderr)
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
        print(f"  failed: {run['name']}: {run['result']} (exit status {run['returncode']})",
              file=sys.stderr)
    return passed, failed, skipped


def main(path):
    with open(path, encoding='utf-8') as file:
        counts = [count(json.loads(line)) for line in file if line.strip()]
    print(*[sum(column) for column in zip(*counts)] or [0, 0, 0])


if __name__ == '__main__':
    main(sys.argv[1])
