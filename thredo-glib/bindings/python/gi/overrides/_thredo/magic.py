# SPDX-License-Identifier: LGPL-2.1-or-later
"""more_magic(): libraries that know nothing of this one, on its sockets.

What is imported inside it, and uses the network, is a copy of its own, which has Thredo.socket where
others have socket. A copy has an __import__ of its own in its __builtins__, so that whatever it
imports, and whenever, is a copy as well if it uses the network. Only the import statements in the
block itself have to be caught, by the __import__ of everybody, and by thread.
"""

import builtins
import importlib
import sys
import threading

from . import copies
from .base import public

_lock = threading.Lock()  # guards what follows
_blocks = 0  # of all threads
_is_installed = False
_original_import = builtins.__import__


def _plain_import(*args):
    """An import statement of somebody who has nothing to do with all this."""
    depth, copies.local.depth = copies.local.depth, 0
    try:
        return _original_import(*args)
    finally:
        copies.local.depth = depth


def _own_packages(name, namespace):
    """The packages of a module that is imported by one in the same package: they have been begun."""
    importer = (namespace or {}).get("__name__") or ""
    if importer.partition(".")[0] != name.partition(".")[0]:
        return
    package = name.rpartition(".")[0]
    while package:
        if package in sys.modules:
            copies.open_packages.add(package)
        package = package.rpartition(".")[0]


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    """The __import__ of copies, and of the block in more_magic()."""
    namespace = globals or {}
    if level > 0:
        package = namespace.get("__package__") or namespace.get("__name__", "").rpartition(".")[0]
        if package == copies.PREFIX or package.startswith(copies.PREFIX + ".") or not package:
            return _original_import(name, globals, locals, fromlist, level)
        base = package.rsplit(".", level - 1)[0]
        absolute = f"{base}.{name}" if name else base
    else:
        absolute = name

    if absolute in copies.REPLACED:
        return copies.REPLACED[absolute]
    _own_packages(absolute, namespace)

    copied = [f"{absolute}.{item}" for item in fromlist or () if item != "*"]
    copied = [item for item in copied if copies.is_copied(item) and copies.find(item) is not None]
    top = absolute.partition(".")[0]
    if not copied and not copies.is_copied(absolute):
        if fromlist or f"{copies.PREFIX}.{top}" not in sys.modules:
            return _plain_import(name, globals, locals, fromlist, level)

    try:
        module = importlib.import_module(f"{copies.PREFIX}.{absolute}")
        for item in copied:  # before something else of that name is found in the package
            importlib.import_module(f"{copies.PREFIX}.{item}")
    except ModuleNotFoundError as error:
        if error.name and error.name.startswith(copies.PREFIX + "."):
            error.name = error.name[len(copies.PREFIX) + 1:]
            error.msg = f"No module named {error.name!r}"
            error.args = (error.msg,)
        raise
    if not fromlist:
        return module if level > 0 else sys.modules[f"{copies.PREFIX}.{top}"]
    if not module.__name__.startswith(copies.PREFIX):
        return module
    return _original_import(module.__name__, None, None, fromlist, 0)


def _import_for_all(name, globals=None, locals=None, fromlist=(), level=0):
    """What builtins has for __import__ while there is a block somewhere."""
    if copies.local.depth == 0 or name == "sys":
        return _original_import(name, globals, locals, fromlist, level)
    return _import(name, globals, locals, fromlist, level)


@public
class more_magic:
    """Makes libraries use sockets that can be cancelled:

        with Thredo.more_magic():
            import requests

    What is imported in the block and uses the network, directly or by something else, is a copy with
    Thredo.socket, Thredo.ssl, Thredo.select and Thredo.selectors in place of Python's modules, and a
    time.sleep() that can be cancelled. It is the same copy in all blocks, and nobody sees it who has
    not imported it in one: import what belongs together (urllib.request, http.client and the
    exceptions of the latter) in the same place. Blocks may be nested, and be in several threads at
    once.

    What does not use the network is not copied, nor are extensions. Locks and queues of a library
    remain Python's: who waits for one cannot be cancelled there.
    """

    def __enter__(self):
        global _blocks, _is_installed, _original_import
        with _lock:
            if not copies.builtins_of_copies:
                copies.install({**vars(builtins), "__import__": _import})
            if not _is_installed:
                _original_import = builtins.__import__
                builtins.__import__ = _import_for_all
                _is_installed = True
            _blocks += 1
        copies.local.depth += 1
        return self

    def __exit__(self, *exception):
        global _blocks, _is_installed
        copies.local.depth -= 1
        with _lock:
            _blocks -= 1
            # Somebody else may have put another one on top meanwhile, which calls ours.
            if _blocks == 0 and builtins.__import__ is _import_for_all:
                builtins.__import__ = _original_import
                _is_installed = False
