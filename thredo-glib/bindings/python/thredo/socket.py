# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's sockets, whose calls are waits: Thredo.socket itself."""

import sys

from . import _thredo

sys.modules[__name__] = _thredo.socket
