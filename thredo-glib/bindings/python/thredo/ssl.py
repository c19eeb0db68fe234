# SPDX-License-Identifier: LGPL-2.1-or-later
"""Python's TLS, over such sockets: Thredo.ssl itself."""

import sys

from . import _thredo

sys.modules[__name__] = _thredo.ssl
