# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs what the pages docs/from-*.md have side by side:
before-after.py SOURCE_ROOT COMPILER FLAG...

Prints TAP. Every second-level heading with code has one block "before" and one "after", each a
program, which print the same. Those in C are compiled, before without this library. With
THREDO_TEST_LANGUAGES=c those in Python are skipped. """

import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import tempfile

LIMIT = int(os.environ.get("THREDO_TEST_LIMIT", 60))  # seconds: only a hang reaches it
LANGUAGES = os.environ.get("THREDO_TEST_LANGUAGES", "c").split()
PAGES = ["from-gtask.md", "from-threading.md", "from-thredo.md"]
BLOCK = re.compile(r"^\*\*(Before|After)\*\*\n\n```(c|python)\n(.*?)^```$", re.M | re.S)
INCLUDES = {"Before": "#include <gio/gio.h>\n", "After": "#include <thredo.h>\n"}


def pairs(page):
    """(heading, language, {"Before": code, "After": code}), and what is wrong with the page."""
    for section in re.split(r"^## ", page.read_text(), flags=re.M)[1:]:
        heading, _, body = section.partition("\n")
        found = BLOCK.findall(body)
        if len(re.findall(r"^```(?:c|python)$", body, re.M)) != len(found):
            yield heading, None, "there is code that is neither before nor after"
        elif found:
            if [block[0] for block in found] != ["Before", "After"] or found[0][1] != found[1][1]:
                yield heading, None, "it has not one before and one after of a language"
            else:
                yield heading, found[0][1], {kind: code for kind, _, code in found}


def run(command, **more):
    """Returns what it prints, and what is wrong with it."""
    try:
        process = subprocess.run(command, text=True, capture_output=True, timeout=LIMIT,
                                 stdin=subprocess.DEVNULL, check=False, **more)
    except subprocess.TimeoutExpired as error:
        return "", f"not within {LIMIT} s: {error.stdout} {error.stderr}"
    if process.returncode or process.stderr:
        return "", f"status {process.returncode}: {process.stderr}"
    return process.stdout, ""


def run_c(code, when, scratch, compiler):
    program = os.path.join(scratch, f"{hash(code)}")
    source = program + ".c"
    pathlib.Path(source).write_text(INCLUDES[when] + code)
    _, problem = run([*compiler[0], "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
                      source, "-o", program,
                      *compiler[1 if when == "Before" else 2]])
    return ("", problem) if problem else run([program])


def run_python(code, scratch):
    source = os.path.join(scratch, f"{hash(code)}.py")
    pathlib.Path(source).write_text(code)
    # PyGObject is imported in a manner that Python warns of.
    return run([sys.executable, "-X", "dev", "-W", "ignore::ImportWarning", source])


def compare(language, code, scratch, compiler):
    printed = {}
    for when in ("Before", "After"):
        if language == "c":
            printed[when], problem = run_c(code[when], when, scratch, compiler)
        else:
            printed[when], problem = run_python(code[when], scratch)
        if problem:
            return f"{when}: {problem}"
    if not printed["Before"]:
        return "it prints nothing"
    if printed["Before"] != printed["After"]:
        return f"before it prints\n{printed['Before']}and after\n{printed['After']}"
    return ""


def main(root, arguments):
    # COMPILER... -- FLAG of before... -- FLAG of after...
    compiler = " ".join(arguments).split(" -- ")
    compiler = [part.split() for part in compiler]
    number = failed = 0

    with tempfile.TemporaryDirectory() as scratch, \
            concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = [(name, *pair) for name in PAGES if (pathlib.Path(root) / "docs" / name).exists()
                 for pair in pairs(pathlib.Path(root) / "docs" / name)]
        results = [pool.submit(compare, language, code, scratch, compiler)
                   if language in LANGUAGES else None for _, _, language, code in found]
        for (name, heading, language, code), result in zip(found, results):
            number += 1
            skip = ""
            problem = code if language is None else ""
            if result is not None:
                problem = result.result()
            elif language is not None:
                skip = f" # SKIP no {language} here"
            failed += bool(problem)
            print(f"{'not ok' if problem else 'ok'} {number} {name}: {heading}{skip}", flush=True)
            for line in problem.splitlines():
                print(f"# {line}")

    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
