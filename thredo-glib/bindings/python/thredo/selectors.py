# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's selectors, whose calls are waits: Thredo.selectors itself."""

import sys

from . import _thredo

sys.modules[__name__] = _thredo.selectors
