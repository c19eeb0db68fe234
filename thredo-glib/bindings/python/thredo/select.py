# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's select, whose calls are waits: Thredo.select itself."""

import sys

from . import _thredo

sys.modules[__name__] = _thredo.select
