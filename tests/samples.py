# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compiles every sample of the README, the pages and the reference:
samples.py SOURCE_ROOT COMPILER FLAG...

Prints TAP. A C sample with a main() is a program, one with functions stands at
the top of a file, and one of statements inside a function. What samples take
for granted is in the preludes. One in JavaScript or Vala is a program, and is
run. A Python sample is parsed, and those of the README are what the demos are.
"""

import ast
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FILE_PRELUDE = """
#include <thredo.h>
G_GNUC_UNUSED static void do_work (gpointer job) { }
typedef struct
{
  ThredoLockable *lock;
  ThredoCondition *changed;
  gint64 balance;
} Account;
typedef struct
{
  ThredoEvent *ready;
} Server;
gboolean answer_all (Server *server, GError **error);
typedef struct
{
  ThredoBarrier *all_computed, *all_exchanged;
  int n_steps;
} Part;
void part_compute_next (Part *part);
void part_exchange_borders (Part *part);
"""

FUNCTION_PRELUDE = """
G_GNUC_UNUSED static gboolean
worker (ThredoThread *thread, gpointer user_data, GError **error)
{
  return TRUE;
}
extern GFile *file;
extern ThredoQueue *queue, *jobs;
extern ThredoLock *lock;
extern ThredoSemaphore *semaphore;
extern GBytes *numbers, *sorted;
void read_configuration (void);
void print_statistics (void);
extern char *contents;
extern gsize length;
extern int n, total;
"""

STATEMENTS = """
void sample (void);
void
sample (void)
{
  g_autoptr(GError) error = NULL;
  G_GNUC_UNUSED gpointer item;
  {
%s
  }
  (void) error;
}
"""

# Statements of a function that can fail.
STATEMENTS_WITH_RETURN = """
gboolean sample (GError **error);
gboolean
sample (GError **error)
{
  {
%s
  }
  return TRUE;
}
"""


def c_program(code):
    if re.search(r"^main \(", code, re.M):
        return code if "#include" in code else "#include <thredo.h>\n" + code
    if re.search(r"^static ", code, re.M):
        names = re.findall(r"^static [^;{=]*?^(\w+) \(", code, re.M)
        uses = "".join(f"  (void) {name};\n" for name in names)
        return f"{FILE_PRELUDE}\n{code}\nvoid use (void);\nvoid\nuse (void)\n{{\n{uses}}}\n"
    statements = STATEMENTS_WITH_RETURN if re.search(r"^ *return ", code, re.M) else STATEMENTS
    return FILE_PRELUDE + FUNCTION_PRELUDE + statements % code


def blocks_of(text):
    return re.findall(r"^```(c|python|javascript|vala)\n(.*?)^```$", text, re.M | re.S)


def samples(root):
    for path in [root / "README.md", *sorted((root / "docs").glob("*.md"))]:
        for language, code in blocks_of(path.read_text()):
            yield path.relative_to(root), language, code
    for path in sorted((root / "thredo-glib").rglob("*.[ch]")):
        for comment in re.findall(r"/\*\*\n(.*?)\*/", path.read_text(), re.S):
            text = re.sub(r"^ \* ?", "", comment, flags=re.M)
            for language, code in blocks_of(text):
                yield path.relative_to(root), language, code


def compile_c(code, compiler):
    command = [*compiler, "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter",
               "-fsyntax-only", "-x", "c", "-"]
    return subprocess.run(command, input=c_program(code), text=True, capture_output=True).stderr


def parse_python(code):
    try:
        ast.parse(code)
    except SyntaxError as error:
        return str(error)
    return ""


def run(command, **options):
    """What went wrong, or nothing."""
    result = subprocess.run(command, text=True, capture_output=True, timeout=60, **options)
    problem = result.stderr if result.returncode or "CRITICAL" in result.stderr else ""
    return problem or (f"exit status {result.returncode}" if result.returncode else "")


def run_javascript(code, folder):
    """As a program, with the overrides; None where there is no GJS."""
    if "THREDO_GJS" not in os.environ:
        return None
    path = folder / "sample.js"
    path.write_text(code)
    return run([os.environ["THREDO_GJS"], "-m", path])


def run_vala(code, folder):
    """As a program that compiles without a warning; None where there is no Vala."""
    if "THREDO_VAPI" not in os.environ:
        return None
    path = folder / "sample.vala"
    path.write_text(code)
    return run(["valac", "--fatal-warnings", "--vapidir", os.environ["THREDO_VAPI"], "--pkg", "gio-2.0",
                "--pkg", "thredo-glib-1.0", "-X", "-w", "-o", "sample", path], cwd=folder) or \
        run([folder / "sample"])


def check(language, code, compiler, folder):
    if language == "c":
        return compile_c(code, compiler)
    if language == "python":
        return parse_python(code)
    return run_javascript(code, folder) if language == "javascript" else run_vala(code, folder)


def without_head(path):
    """A demo without its licence line and interpreter."""
    lines = path.read_text().splitlines(keepends=True)
    while lines and (lines[0].startswith(("#!", "# SPDX", "/* SPDX")) or not lines[0].strip()):
        lines.pop(0)
    return "".join(lines)


def main(root, compiler):
    root = pathlib.Path(root)
    number = failed = 0
    shown = []

    def report(name, problem):
        nonlocal number, failed
        number += 1
        failed += bool(problem)
        skipped = " # SKIP" if problem is None else ""
        print(f"{'not ok' if problem else 'ok'} {number} {name}{skipped}")
        for line in (problem or "").splitlines():
            print(f"# {line}")

    for path, language, code in samples(root):
        shown.append((str(path), code))
        with tempfile.TemporaryDirectory() as folder:
            problem = check(language, code, compiler, pathlib.Path(folder))
        report(f"{path} sample {number + 1} ({language})", problem)
    for demo in ("first.c", "first.py"):
        same = ("README.md", without_head(root / "demos" / demo)) in shown
        report(f"the README shows demos/{demo}", "" if same else "it has something else")
    report("there are samples", "" if number > 8 else f"only {number}")

    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
