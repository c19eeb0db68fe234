# SPDX-License-Identifier: LGPL-2.1-or-later
"""Copies of modules: which are made of them, and how. For more_magic().

They are modules like others, with another name: requests is thredo_magic.requests in sys.modules,
where everything else stays as it is, so that nobody outside notices. What the import system does
for modules (locks, cycles, reloading) it does for copies.
"""

import collections.abc
import dis
import importlib
import importlib.machinery
import sys
import sysconfig
import threading
import types

from . import select, selectors, socket, ssl, time

PREFIX = "thredo_magic"

# What copies find under these names; and "sys", below.
REPLACED = {"socket": socket, "ssl": ssl, "select": select, "selectors": selectors, "time": time}

# A module that imports one of these uses the network.
_NETWORK = frozenset({"_socket", "socket", "ssl", "select", "selectors"})

# The modules of Python's own that are copied. What else is there of Python belongs to all, even if it
# has to do with sockets: its classes are to be the same everywhere.
_COPIED = frozenset({
    "asynchat", "asyncore", "ftplib", "http.client", "http.cookiejar", "http.server", "imaplib",
    "nntplib", "poplib", "smtpd", "smtplib", "socketserver", "telnetlib", "urllib.request",
    "urllib.robotparser", "wsgiref.simple_server", "xmlrpc.client", "xmlrpc.server"})

# What is never copied.
_SHARED = frozenset({"gi", "thredo", "cairo", PREFIX})

_MODULES = getattr(sys, "stdlib_module_names", None)


def _is_standard(top, spec):
    if _MODULES is not None:
        return top in _MODULES
    if top in sys.builtin_module_names:
        return True
    origin = getattr(spec, "origin", None) or ""
    return (origin.startswith(sysconfig.get_path("stdlib")) and "site-packages" not in origin
            and "dist-packages" not in origin)


# Which modules are copied

# Packages whose own code is not run again: they are just using more_magic() themselves.
open_packages = set()


def find(name):
    """The specification of a module, without its packages being imported; None if there is none."""
    path = None
    spec = None
    parts = name.split(".")
    for i in range(len(parts)):
        full = ".".join(parts[:i + 1])
        spec = getattr(sys.modules.get(full), "__spec__", None)
        if spec is None or spec.name != full:
            spec = None
            for finder in sys.meta_path:
                find_spec = getattr(finder, "find_spec", None)
                spec = find_spec(full, path) if find_spec is not None else None
                if spec is not None:
                    break
        if spec is None:
            return None
        path = spec.submodule_search_locations
        if path is None and i + 1 < len(parts):
            return None
    return spec


def _code(spec):
    get_code = getattr(spec.loader, "get_code", None)
    try:
        return get_code(spec.name) if get_code is not None else None
    except (ImportError, SyntaxError):
        return None


def _imports(spec):
    """The names of modules that a module imports while it is imported, and of what it takes from
    them, which may be modules."""
    code = _code(spec)
    names = []
    if code is None:  # none of Python's: an extension
        return names
    package = spec.name if spec.submodule_search_locations is not None else spec.parent
    before = [None, None]
    for instruction in dis.get_instructions(code):
        if instruction.opname == "EXTENDED_ARG":
            continue
        if instruction.opname == "IMPORT_NAME":
            level, taken = before
            name = instruction.argval
            if isinstance(level, int) and level > 0:
                base = package.rsplit(".", level - 1)[0]
                name = f"{base}.{name}" if name else base
            names.append(name)
            names += [f"{name}.{item}" for item in taken or () if item != "*"]
        before = [before[1], instruction.argval]
    return names


_imported = {}  # by name of a module: what it imports
_decided = {}  # by name of a module: whether it uses the network


def _uses_network(name):
    """Whether a module imports one for the network, or one that does, and so on."""
    if name in _decided:
        return _decided[name]
    seen = {name}
    waiting = [name]
    while waiting:
        current = waiting.pop()
        top = current.partition(".")[0]
        if current in _NETWORK or current in _COPIED:
            _decided[name] = True
            return True
        if top in _SHARED:
            continue
        if current not in _imported:
            spec = find(current)
            is_foreign = spec is not None and not _is_standard(top, spec)
            _imported[current] = _imports(spec) if is_foreign else ()
        for found in _imported[current]:
            # Packages are imported on the way.
            while found and found not in seen:
                seen.add(found)
                waiting.append(found)
                found = found.rpartition(".")[0]
    for one in seen:  # for none of them there was anything to be found
        _decided[one] = False
    return False


def is_copied(name):
    """Whether a module is copied: it, or a package that it is in, uses the network."""
    top = name.partition(".")[0]
    if name in _COPIED:
        return True
    if top in _SHARED or top in REPLACED or name in open_packages:
        return False
    if _is_standard(top, None if _MODULES is not None else find(top)):
        return False
    parts = name.split(".")
    for i in range(1, len(parts) + 1):
        package = ".".join(parts[:i])
        if package not in open_packages and _uses_network(package):
            return True
    return False


# How they are copied


class _CopyLoader:
    """Runs the code of a module in a copy."""

    def __init__(self, plain):
        self._plain = plain

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        code = _code(self._plain)
        module.__builtins__ = builtins_of_copies
        exec(code, vars(module))

    def __getattr__(self, name):  # get_data(), get_resource_reader(), …
        return getattr(self._plain.loader, name)


class _ShellLoader:
    """For a package that is not copied, though something in it is: it has all of the package, and
    its own of what is copied."""

    def __init__(self, name):
        self._name = name

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        package = import_plainly(self._name)
        module.__doc__ = package.__doc__
        module.__getattr__ = lambda name: getattr(package, name)
        module.__dir__ = lambda: sorted({*dir(package), *vars(module)})
        if hasattr(package, "__all__"):
            module.__all__ = package.__all__


class _SameLoader:
    """For a module that is not copied, in a package that is."""

    def __init__(self, name):
        self._name = name

    def create_module(self, spec):
        module = REPLACED.get(self._name) or import_plainly(self._name)
        self._spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self._spec  # which the import system has replaced


class Finder:
    """Finds thredo_magic.NAME, where NAME is."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if not fullname.startswith(PREFIX + "."):
            return None
        name = fullname[len(PREFIX) + 1:]
        plain = find(name)
        if plain is None:
            return None
        is_package = plain.submodule_search_locations is not None
        if is_copied(name) and _code(plain) is not None:
            loader = _CopyLoader(plain)
        elif is_package:
            loader = _ShellLoader(name)
        else:
            return importlib.machinery.ModuleSpec(fullname, _SameLoader(name))
        spec = importlib.machinery.ModuleSpec(fullname, loader, origin=plain.origin,
                                              is_package=is_package)
        spec.has_location = plain.has_location
        spec.cached = plain.cached
        if is_package:
            spec.submodule_search_locations = list(plain.submodule_search_locations)
        return spec


# What they see


class _Local(threading.local):
    depth = 0  # of more_magic() blocks, in this thread


local = _Local()


def import_plainly(name):
    """The module itself, whoever asks for it."""
    depth, local.depth = local.depth, 0
    try:
        return importlib.import_module(name)
    finally:
        local.depth = depth


class _Modules(collections.abc.MutableMapping):
    """sys.modules as a copy sees it: copies under their first names, and whatever else there is."""

    def _name(self, name):
        copy = f"{PREFIX}.{name}"
        return copy if copy in sys.modules else name

    def __getitem__(self, name):
        return REPLACED.get(name) or sys.modules[self._name(name)]

    def __setitem__(self, name, module):
        if not name.startswith(PREFIX) and is_copied(name):
            name = f"{PREFIX}.{name}"
        sys.modules[name] = module

    def __delitem__(self, name):
        del sys.modules[self._name(name)]

    def __iter__(self):
        return iter([name for name in list(sys.modules) if not name.startswith(PREFIX)])

    def __len__(self):
        return sum(1 for name in self)

    def copy(self):
        """A dict of what is there."""
        return dict(self)


class _System(types.ModuleType):
    """sys as a copy sees it: it has other modules."""

    def __getattr__(self, name):
        return getattr(sys, name)

    def __setattr__(self, name, value):
        setattr(sys, name, value)

    def __delattr__(self, name):
        delattr(sys, name)

    def __dir__(self):
        return dir(sys)


REPLACED["sys"] = _System("sys", sys.__doc__)
vars(REPLACED["sys"])["modules"] = _Modules()

builtins_of_copies = {}


def install(builtins):
    """Makes the import system find copies, which will have those builtins."""
    root = types.ModuleType(PREFIX, "The copies of modules that more_magic() has made.")
    root.__path__ = []
    root.__spec__ = importlib.machinery.ModuleSpec(PREFIX, None, is_package=True)
    builtins_of_copies.update(builtins)
    sys.modules[PREFIX] = root
    sys.meta_path.insert(0, Finder)
