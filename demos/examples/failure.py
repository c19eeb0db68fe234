#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The failure of a function: it reaches whoever joins the thread, and nobody else."""

import gi

gi.require_version("Thredo", "1.0")
from gi.repository import Thredo


def parse(text):
    if not text.isdigit():
        raise ValueError(f"'{text}' is no number")
    return int(text)


def ask_for(text):
    thread = Thredo.spawn(parse, text)
    try:
        print("It was", thread.join())
    except Thredo.ThreadError as error:
        print("It failed:", error.__cause__)  # the exception itself


def main():
    ask_for("7")
    ask_for("seven")
    ask_for("8")


Thredo.run(main)
