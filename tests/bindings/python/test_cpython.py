# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's own tests of sockets, servers and HTTP, with our modules in place of Python's.

They come with Debian's libpython3-testsuite. Without them there is nothing to test.
"""

import builtins
import importlib.util
import sys
import types
import unittest

import net  # noqa: F401: the library is loaded
from net import Thredo

OURS = {"socket": Thredo.socket, "ssl": Thredo.ssl, "select": Thredo.select, "selectors": Thredo.selectors}

# Whole classes, and why not.
NOT_CLASSES = {
    "ThreadedVSOCKSocketStreamTest": "hangs with Python's own sockets as well in some virtual machines",
    "BasicVSOCKTest": "the same",
    "NetworkConnectionNoServer": "replaces functions in the module by mocks, under names of its own",
    "NetworkedTests": "connects to hosts elsewhere",
    "NetworkConnectionTest": "a mixin",
}

# Cases, and why not.
NOT_CASES = {
    "testRefCountGetNameInfo": "counts references, of which the traceback has one",
    "test_name_closed_socketio": "compares the repr() of a file, whose class is another one",
    "testSetBlocking": "looks whether the file descriptor is blocking, which ours never is",
    "testInitNonBlocking": "the same",
    "test_SOCK_NONBLOCK": "the same",
    "test_setblocking_invalidfd": "setblocking() does not touch the file descriptor, nor see that it is invalid",
    "test_networked": "connects to a host elsewhere",
    "test_networked_bad_cert": "connects to a host elsewhere",
    "test_networked_good_cert": "connects to a host elsewhere",
    "test_networked_noverification": "connects to a host elsewhere",
    "test_networked_trusted_by_default_cert": "connects to a host elsewhere",
    "test_disallow_instantiation": "wants a type that cannot be called",
    "test_threaded_poll": "wants an error when two threads use one poll(), which may do so here",
    "test_modify_unregister": "puts a mock into Python's own module",
    "test_all": "compares the names of modules in classes",
    "test_default": "replaces time in Python's own xmlrpc.client by a mock",
    "test_gethostbyname_ex_ipv4": "looks up names",
    "test_host_resolution": "looks up names",
    "test_host_resolution_bad_address": "looks up names",
    "testGetaddrinfo": "looks up names",
    "test_getnameinfo": "looks up names",
    "test_idna": "looks up names",
    "testHostnameRes": "looks up names",
}

# What each module needs in place of Python's. http.client and socketserver are copies with ours.
MODULES = {
    "test_socket": ["socket"],
    "test_socketserver": ["socket", "selectors", "socketserver"],
    "test_httplib": ["socket", "ssl", "http.client"],
    "test_ssl": ["socket", "ssl"],
    "test_select": ["select"],
    "test_poll": ["select"],
    "test_epoll": ["socket", "select"],
    "test_selectors": ["socket", "selectors"],
    "test_httpservers": ["socket", "http.client", "http.server"],
    "test_xmlrpc": ["socket", "http.client", "xmlrpc.client", "xmlrpc.server"],
}


def copies(names):
    """Our modules, and copies of others that use them."""
    found = {}
    with Thredo.more_magic():
        for name in names:
            found[name] = OURS[name] if name in OURS else importlib.import_module(f"thredo_magic.{name}")
    return found


def load(name):
    """A module of tests, whose imports find ours."""
    ours = copies(MODULES[name])
    plain_import = builtins.__import__

    def its_import(wanted, globals=None, locals=None, fromlist=(), level=0):
        if level == 0 and wanted in ours and (fromlist or "." not in wanted):
            return ours[wanted]
        module = plain_import(wanted, globals, locals, fromlist, level)
        if level == 0 and wanted in ours:  # import http.client
            package = types.ModuleType(module.__name__)
            package.__getattr__ = lambda attribute: getattr(module, attribute)
            for other, copy in ours.items():
                if other.startswith(module.__name__ + "."):
                    setattr(package, other.rpartition(".")[2], copy)
            return package
        if level == 0 and fromlist:  # from http import client
            taken = {item: ours[f"{wanted}.{item}"] for item in fromlist if f"{wanted}.{item}" in ours}
            if taken:
                package = types.ModuleType(module.__name__)
                package.__getattr__ = lambda attribute: getattr(module, attribute)
                vars(package).update(taken)
                return package
        return module

    spec = importlib.util.find_spec(f"test.{name}")
    module = importlib.util.module_from_spec(spec)
    module.__builtins__ = {**vars(builtins), "__import__": its_import}
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    for wanted in OURS.keys() & ours.keys():
        if hasattr(module, wanted):  # import_helper.import_module() has found another one
            setattr(module, wanted, ours[wanted])
    return module


def cases(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from cases(test)
        else:
            yield test


def load_tests(loader, standard_tests, pattern):
    """What unittest asks a module for its tests."""
    suite = unittest.TestSuite()
    if importlib.util.find_spec("test") is None or importlib.util.find_spec("test.test_socket") is None:
        return suite
    from test import support
    support.use_resources = {"network": None}  # the loopback: what needs more is left out below
    for name in MODULES:
        if importlib.util.find_spec(f"test.{name}") is None:
            continue
        for test in cases(loader.loadTestsFromModule(load(name))):
            reason = NOT_CLASSES.get(type(test).__name__) or NOT_CASES.get(test._testMethodName)
            if reason is not None:
                continue
            suite.addTest(test)
    return suite
