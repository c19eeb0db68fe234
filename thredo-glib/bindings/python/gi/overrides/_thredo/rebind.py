# SPDX-License-Identifier: LGPL-2.1-or-later
"""Functions of a standard module that work on what another module has instead."""

import types


def rebind(function, namespace):
    """The same function, which finds its globals in another namespace."""
    copy = types.FunctionType(function.__code__, namespace, function.__name__,
                              function.__defaults__, function.__closure__)
    copy.__kwdefaults__ = function.__kwdefaults__
    copy.__annotations__ = dict(function.__annotations__)
    copy.__doc__ = function.__doc__
    copy.__qualname__ = function.__qualname__
    copy.__dict__.update(function.__dict__)
    return copy


def stand_in_for(plain, namespace):
    """Fills a module's namespace with all that is in another one, whose functions then work on
    what the namespace has, or is given later."""
    for name, value in vars(plain).items():
        if name.startswith("__"):
            continue
        if isinstance(value, types.FunctionType) and value.__module__ == plain.__name__:
            value = rebind(value, namespace)
        namespace.setdefault(name, value)
