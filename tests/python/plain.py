# SPDX-License-Identifier: LGPL-2.1-or-later
"""Plain introspection: to be imported before Thredo is, also where its overrides are installed."""

import sys

sys.modules["gi.overrides.Thredo"] = None
