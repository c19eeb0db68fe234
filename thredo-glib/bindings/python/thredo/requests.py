# SPDX-License-Identifier: LGPL-2.1-or-later
"""requests, as more_magic() has it, and get_session() for who knows it by that name."""

from . import _thredo

with _thredo.more_magic():
    import requests


def get_session():
    """A session of requests, which can be cancelled."""
    return requests.Session()
