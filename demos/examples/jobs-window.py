#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A window with a list of jobs that can be cancelled, each a thread; the window stays alive."""

import itertools
import sys

import gi

gi.require_version("Gdk", "4.0")
gi.require_version("Gtk", "4.0")
gi.require_version("Thredo", "1.0")
from gi.repository import Gdk, Gio, GLib, Gtk, Pango, Thredo

STYLE = """
list.jobs { border: 1px solid alpha(currentColor, 0.15); border-radius: 12px; }
list.jobs > row { padding: 12px; border-bottom: 1px solid alpha(currentColor, 0.1); }
list.jobs > row:last-child { border-bottom: none; border-radius: 0 0 12px 12px; }
list.jobs > row:first-child { border-radius: 12px 12px 0 0; }
list.jobs .title { font-weight: bold; padding: 0; }
list.jobs .state { font-size: smaller; font-feature-settings: "tnum"; }
list.jobs progressbar > trough, list.jobs progressbar > trough > progress { min-height: 6px; }
"""


# What the jobs do: plain functions, which know nothing of windows.

def count_primes(job):
    n_primes, end = 0, 5_000_000
    for n in range(2, end):
        if all(n % i for i in range(2, int(n**0.5) + 1)):
            n_primes += 1
        if n % 100 == 0:
            Thredo.check_cancelled()
            job.fraction, job.state = n / end, f"{n_primes:,} until {n:,}"
    return f"{n_primes:,} primes"


def take_a_nap(job):
    for n in range(1, 601):
        Thredo.sleep(0.1)
        job.fraction, job.state = n / 600, f"{n // 10} of 60 seconds"
    return "Awake"


def wait_for_a_parcel(job):
    job.state = "Nobody has sent one"
    return Thredo.Queue().get()


def read_a_lost_file(job):
    with open("/nowhere/to/be/found", encoding="utf-8") as file:
        return file.read()


class Job:
    """A function in a thread. What is shown of it is looked at by the window, now and then."""

    def __init__(self, name, function, turns):
        self.name = name
        self.function = function
        self.turns = turns
        self.fraction = 0
        self.icon = None  # while it runs
        self.state = "Waits for its turn"
        self.thread = Thredo.spawn(self.run, name=name)

    def run(self):
        try:
            with self.turns:
                self.state = self.function(self)
            self.fraction, self.icon = 1, "object-select-symbolic"
        except Thredo.CancelledError:
            self.state, self.icon = "Cancelled", "process-stop-symbolic"
            raise
        except Exception as error:
            self.state, self.icon = f"Failed: {error}", "dialog-warning-symbolic"


class JobRow(Gtk.ListBoxRow):
    def __init__(self, job):
        super().__init__(activatable=False)
        self.job = job
        self.spinner = Gtk.Spinner(spinning=True, valign=Gtk.Align.CENTER)
        self.icon = Gtk.Image(visible=False)
        title = Gtk.Label(label=job.name, xalign=0, hexpand=True, css_classes=["title"])
        self.state = Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END,
                               css_classes=["state", "dim-label"])
        self.bar = Gtk.ProgressBar(margin_top=6)
        self.bar.update_property([Gtk.AccessibleProperty.LABEL], [f"Progress of {job.name}"])
        self.button = Gtk.Button(label="Cancel", valign=Gtk.Align.CENTER)
        self.button.update_property([Gtk.AccessibleProperty.LABEL], [f"Cancel {job.name}"])
        self.button.connect("clicked", self.on_clicked)

        texts = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=2)
        box = Gtk.Box(spacing=12)
        for child in title, self.state, self.bar:
            texts.append(child)
        for child in self.spinner, self.icon, texts, self.button:
            box.append(child)
        self.set_child(box)
        self.update()

    def on_clicked(self, button):
        self.job.thread.cancel(blocking=False)  # a window does not wait

    def update(self):
        job = self.job
        self.state.set_text(job.state)
        self.bar.set_fraction(job.fraction)
        if job.icon:
            self.spinner.set_visible(False)
            self.icon.set_from_icon_name(job.icon)
            self.icon.set_visible(True)
            self.bar.set_visible(False)
            self.button.set_visible(False)


class JobsWindow(Gtk.ApplicationWindow):
    KINDS = {
        "Count primes": count_primes,
        "Take a nap": take_a_nap,
        "Wait for a parcel": wait_for_a_parcel,
        "Read a lost file": read_a_lost_file,
    }

    def __init__(self, application):
        super().__init__(application=application, title="Jobs", default_width=520,
                         default_height=520)
        self.turns = Thredo.Semaphore(3)  # as many run at once
        self.numbers = itertools.count(1)
        self.rows = []
        self.list = Gtk.ListBox(selection_mode=Gtk.SelectionMode.NONE, css_classes=["jobs"],
                                valign=Gtk.Align.START, margin_top=18, margin_bottom=18,
                                margin_start=18, margin_end=18)
        self.list.update_property([Gtk.AccessibleProperty.LABEL], ["Jobs"])

        add = Gtk.Button(label="New Job", css_classes=["suggested-action"])
        add.connect("clicked", lambda button: self.add_job())
        header = Gtk.HeaderBar()
        header.pack_start(add)
        self.set_titlebar(header)
        self.set_child(Gtk.ScrolledWindow(child=self.list, hscrollbar_policy=Gtk.PolicyType.NEVER))
        for _ in range(3):
            self.add_job()
        GLib.timeout_add(100, self.update)

    def add_job(self):
        number = next(self.numbers)
        kind = list(self.KINDS)[(number - 1) % len(self.KINDS)]
        row = JobRow(Job(f"{kind} ({number})", self.KINDS[kind], self.turns))
        self.rows.append(row)
        self.list.append(row)

    def update(self):
        for row in self.rows:
            row.update()
        return GLib.SOURCE_CONTINUE

    def end_jobs(self):
        for row in self.rows:
            row.job.thread.cancel(blocking=False)
        for row in self.rows:
            row.job.thread.wait()


def main():
    application = Gtk.Application(application_id="org.thredo.Jobs",
                                  flags=Gio.ApplicationFlags.NON_UNIQUE)

    def activate(application):
        style = Gtk.CssProvider()
        style.load_from_data(STYLE.encode())
        Gtk.StyleContext.add_provider_for_display(Gdk.Display.get_default(), style,
                                                  Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)
        application.window = JobsWindow(application)
        application.window.present()

    application.connect("activate", activate)
    quit_action = Gio.SimpleAction(name="quit")
    quit_action.connect("activate", lambda *args: application.quit())
    application.add_action(quit_action)
    application.set_accels_for_action("app.quit", ["<Control>q"])
    status = application.run(None)
    application.window.end_jobs()
    return status


if __name__ == "__main__":
    sys.exit(main())
