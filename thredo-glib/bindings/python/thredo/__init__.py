# SPDX-License-Identifier: LGPL-2.1-or-later
"""The names of gi.repository.Thredo, for programs that say `import thredo`."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo as _thredo  # noqa: E402

__doc__ = _thredo.__doc__
__all__ = _thredo.__all__


def __getattr__(name):
    return getattr(_thredo, name)


def __dir__():
    return dir(_thredo)
