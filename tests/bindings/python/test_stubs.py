# SPDX-License-Identifier: LGPL-2.1-or-later
"""The types of the module: what they say is there, and mypy understands them."""

import ast
import inspect
import keyword
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import GObject, Thredo  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
BINDINGS = HERE.parents[2] / "thredo-glib" / "bindings" / "python"
STUB = BINDINGS / "stubs" / "Thredo.pyi"

# Of what is not of this module.
FOREIGN = {name for base in (GObject.Object, GObject.GInterface, BaseException) for name in dir(base)}


def is_public(name):
    return not name.startswith("_") and not keyword.iskeyword(name)


def names_of(body):
    """What a module's or a class's body defines, and the definition."""
    names = {}
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names[node.name] = node
        elif isinstance(node, ast.AnnAssign):
            names[node.target.id] = node
        elif isinstance(node, ast.Assign):
            names[node.targets[0].id] = node
        elif isinstance(node, ast.Import):
            names.update({alias.asname: node for alias in node.names if alias.asname})
    return {name: node for name, node in names.items() if is_public(name)}


def parameters_of(node):
    """The names of what a function in the stub takes."""
    arguments = node.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    return [name for name in names if name not in ("self", "cls")]


class StubTest(unittest.TestCase):
    def setUp(self):
        self.module = names_of(ast.parse(STUB.read_text()).body)

    def test_module(self):
        """Every name, and no other."""
        there = {name for name in dir(Thredo) if is_public(name)}
        self.assertEqual(sorted(there - self.module.keys()), [])
        # A class that is only met as what a function returns need not be found by name.
        self.assertEqual(sorted(self.module.keys() - there), ["SocketStream", "Timeout"])

    def test_classes(self):
        for name, node in self.module.items():
            if not isinstance(node, ast.ClassDef) or not hasattr(Thredo, name):
                continue
            with self.subTest(name):
                cls = getattr(Thredo, name)
                told = set(names_of(node.body))
                for base in node.bases:
                    base = getattr(base, "id", getattr(getattr(base, "value", None), "id", None))
                    if base in self.module:
                        told |= set(names_of(self.module[base].body))
                missing = [member for member in told if not hasattr(cls, member) and
                           not member.startswith("value_") and cls.__module__ != "builtins"]
                attributes = {"thread", "domain", "code", "message"}  # of an exception that was raised
                self.assertEqual([member for member in missing if member not in attributes], [])
                if not issubclass(cls, (GObject.Object, BaseException)):
                    continue
                own = {member for part in cls.__mro__ if "Thredo" in part.__module__ or "thredo" in part.__module__
                       for member in part.__dict__}
                untold = {member for member in own if is_public(member)} - told - FOREIGN - {"args", "parent_instance", "props"}
                untold = {member for member in untold if not member.startswith("do_")}
                self.assertEqual(sorted(untold), [])

    def test_parameters(self):
        """Those of functions written in Python, and those in C that say what they take."""
        for name, node in self.module.items():
            if isinstance(node, ast.ClassDef) and isinstance(getattr(Thredo, name, None), type):
                owner, functions = getattr(Thredo, name), names_of(node.body)
            elif isinstance(node, ast.FunctionDef):
                owner, functions = Thredo, {name: node}
            else:
                continue
            for function_name, function_node in functions.items():
                if not isinstance(function_node, ast.FunctionDef):
                    continue
                function = getattr(owner, function_name)
                try:
                    signature = inspect.signature(function)
                except (TypeError, ValueError):
                    continue  # by introspection, which does not know it
                there = [parameter.name for parameter in signature.parameters.values()
                         if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)]
                if not there and signature.parameters:
                    continue
                with self.subTest(f"{name}.{function_name}"):
                    self.assertEqual(parameters_of(function_node), [one for one in there if one != "self"])

    def test_mypy(self):
        """It is of one mind with typed.py, also where that is wrong on purpose."""
        with tempfile.TemporaryDirectory() as folder:
            repository = pathlib.Path(folder, "gi", "repository")
            repository.mkdir(parents=True)
            for package in (repository.parent, repository):
                (package / "__init__.pyi").touch()
            (repository / "Thredo.pyi").symlink_to(STUB)
            pathlib.Path(folder, "thredo").symlink_to(BINDINGS / "thredo")
            for module in ("Gio", "GLib", "GObject"):
                (repository / f"{module}.pyi").write_text(
                    "from typing import Any\ndef __getattr__(name: str) -> Any: ...\n"
                    + ("class Error(RuntimeError): ...\n" if module == "GLib" else ""))
            done = subprocess.run(
                ["/usr/bin/mypy", "--no-error-summary", "--hide-error-context", "--no-color-output",
                 "--cache-dir", str(pathlib.Path(folder, "cache")), str(HERE / "typed.py")],
                env={**os.environ, "MYPYPATH": folder, "PYTHONPATH": ""}, capture_output=True, text=True)
        wanted = [f"{number}: {match[1]}"
                  for number, line in enumerate((HERE / "typed.py").read_text().splitlines(), 1)
                  if (match := re.search(r"  # (error: .*)", line))]
        found = [re.sub(r"^[^:]*:(\d+)", r"\1", line).rpartition("  [")[0]
                 for line in done.stdout.splitlines() if ": note:" not in line]
        self.assertEqual(found, wanted, done.stdout + done.stderr)


if __name__ == "__main__":
    sys.exit(unittest.main())
