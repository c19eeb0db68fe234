# SPDX-License-Identifier: LGPL-2.1-or-later
"""The whole of Python's time module, whose sleep() can be cancelled. more_magic() has it."""

import time as _plain

from . import rebind as _rebind
from . import waiting as _waiting


def sleep(seconds, /):
    """Waits for so many seconds."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    _waiting.sleep(seconds)


def __getattr__(name):
    return getattr(_plain, name)


_rebind.stand_in_for(_plain, globals())
for _name in "altzone", "daylight", "timezone", "tzname":  # tzset() changes them, there
    del globals()[_name]
__all__ = [name for name in vars(_plain) if not name.startswith("_")]
