# SPDX-License-Identifier: LGPL-2.1-or-later
"""The dashboard in a virtual display, and its user."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from accessibility import Bus, GLib, Tree
from virtual_display import VirtualDisplay

LIMIT = int(os.environ.get('THREDO_TEST_LIMIT', 60))  # seconds: only a hang reaches it
PAUSE = 0.05  # between two looks
SETTLED = 4  # looks

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_parent():
    """In a child: a test that is killed leaves nothing behind."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def build_path(*names):
    return os.path.normpath(os.path.join(os.environ.get('G_TEST_BUILDDIR', 'build/tests'), *names))


class Desk:
    """A display, a bus and a folder for what is run on them."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='thredo-window.')
        self.runtime = os.path.join(self.folder, 'run')
        settings = os.path.join(self.folder, 'config', 'gtk-4.0')
        os.mkdir(self.runtime, 0o700)
        os.makedirs(settings)
        with open(os.path.join(settings, 'settings.ini'), 'w', encoding='utf-8') as file:
            file.write('[Settings]\ngtk-enable-animations=0\ngtk-cursor-blink=0\n'
                       'gtk-theme-name=Default\n')
        self.display = VirtualDisplay()
        self.bus = Bus(self.folder)

    def close(self):
        self.bus.close()
        self.display.close()
        shutil.rmtree(self.folder)

    def environment(self, **more):
        names = ('PATH', 'LD_LIBRARY_PATH', 'LC_ALL', 'TMPDIR', 'G_DEBUG', 'G_SLICE')
        environment = {name: os.environ[name] for name in names if name in os.environ}
        environment.update(
            HOME=self.folder, XDG_RUNTIME_DIR=self.runtime,
            XDG_CONFIG_HOME=os.path.join(self.folder, 'config'),
            XDG_CACHE_HOME=os.path.join(self.folder, 'cache'),
            DISPLAY=self.display.name, GDK_BACKEND='x11', GSK_RENDERER='cairo',
            GTK_CSD='1', GSETTINGS_BACKEND='memory', LIBGL_ALWAYS_SOFTWARE='1',
            AT_SPI_BUS_ADDRESS=self.bus.address, DBUS_SESSION_BUS_ADDRESS=self.bus.address)
        environment.update(more)
        return environment

    def start(self, *command, **environment):
        """A program to watch, once it has said the first line."""
        process = subprocess.Popen(command, env=self.environment(**environment), cwd=self.folder,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                   preexec_fn=die_with_parent)
        process.stdout.readline()
        return process


class Row:
    """A row of the table: row['State'] is what its cell in that column says."""

    def __init__(self, node, cells):
        self.node = node
        self.cells = cells

    def __getitem__(self, title):
        return self.cells.get(title, '')

    def __repr__(self):
        return repr(self.cells)

    @property
    def name(self):
        return self['Thread']


class Dashboard:
    command = [build_path('..', 'demos', 'thredo-monitor')]

    def __init__(self, desk, *arguments, **environment):
        self.desk, self.display, self.bus = desk, desk.display, desk.bus
        self.last_point = None
        self.log_file = os.path.join(desk.folder, 'dashboard.log')
        n_before = len(self.bus.programs)
        with open(self.log_file, 'w', encoding='utf-8') as log:
            self.process = subprocess.Popen(
                [*self.command, *arguments],
                env=desk.environment(**environment), cwd=desk.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent)
        try:
            self.wait_for(lambda: len(self.bus.programs) > n_before, 'the program at the bus')
            self.program = self.bus.programs[-1]
            self.wait_for(self.display.windows, 'its window')
            self.display.focus(self.x_window())
            self.rest()
            self.wait(lambda tree: tree.root.find('window'), 'its accessible window')
        except BaseException:
            self.kill()
            raise

    def log(self):
        """What it has complained of."""
        with open(self.log_file, encoding='utf-8') as file:
            return file.read()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def quit(self):
        """As a user does. Returns the exit status."""
        pressed = []

        def has_ended():
            # A key that comes while a popover closes can be gone with it.
            if not pressed or time.monotonic() - pressed[-1] > 5:
                self.press('ctrl+q')
                pressed.append(time.monotonic())
            return self.has_ended()

        self.wait_for(has_ended, 'the end of the program')
        return self.process.returncode

    def has_ended(self):
        return self.process.poll() is not None

    # Looking

    def wait_for(self, condition, what, limit=LIMIT):
        """Until condition() is true: returns what it was."""
        end = time.monotonic() + limit
        while True:
            self.bus.iterate()
            value = condition()
            if value:
                return value
            if self.has_ended():
                raise AssertionError(f'{what}: the program has ended with status '
                                     f'{self.process.returncode}: {self.log()}')
            if time.monotonic() > end:
                raise AssertionError(f'{what}: not within {limit} s')
            time.sleep(PAUSE)

    def tree(self):
        return Tree(self.bus, self.program)

    def wait(self, condition, what):
        """Until condition(tree) is true: returns what it was."""
        last = []

        def look():
            try:
                tree = self.tree()
                last[:] = [tree]
                return condition(tree)
            except GLib.Error:  # it has ended, or what was looked at is gone
                return None

        try:
            return self.wait_for(look, what)
        except AssertionError as error:
            raise AssertionError(f'{error}\n{last[0] if last else "no tree"}') from None

    def wait_node(self, role, name):
        """Until it is to be seen."""
        return self.wait(lambda tree: next((node for node in tree.root.find_all(role, name)
                                            if self.place(node)), None), f'{role} {name!r}')

    def wait_no_label(self, pattern):
        self.wait_no_node('label', lambda name: re.fullmatch(pattern, name))

    def wait_no_node(self, role, name):
        self.wait(lambda tree: not any(self.place(node)
                                       for node in tree.root.find_all(role, name)),
                  f'no {role} {name!r}')

    def wait_label(self, pattern):
        """Until a label says that: returns it."""
        return self.wait_node('label', lambda name: re.fullmatch(pattern, name))

    # The table

    def rows(self, tree=None):
        """Those that are on the screen, from the top."""
        tree = tree or self.tree()
        table = tree.root.find('table', 'Threads')
        if table is None:
            return []
        headers = [header for header in table.children[0].children if header.find('label')]
        nodes = [node for child in table.children[1:] for node in child.find_all('row')]
        cells = [cell for node in nodes for cell in node.find_all('cell')]
        places = tree.extents(headers + nodes + cells)
        titles = {}
        for header in headers:
            if places[header]:
                titles[places[header][0]] = header.find('label').name
        rows = []
        for node in nodes:
            found = {}
            for cell in node.find_all('cell'):
                if places[cell] and places[cell][2] > 0:
                    left = min(titles, key=lambda x, at=places[cell][0]: abs(x - at))
                    found[titles[left]] = ' '.join(text for text in (
                        label.name for label in cell.find_all('label')) if text != 'GtkLabel')
            if places[node] and places[node][3] > 0 and found:
                rows.append((places[node][1], Row(node, found)))
        return [row for top, row in sorted(rows, key=lambda pair: pair[0])]

    def wait_rows(self, condition, what):
        """Until condition(rows) is true: returns the rows."""
        found = []

        def look(tree):
            found[:] = self.rows(tree)
            return condition(found)

        try:
            self.wait(look, what)
        except AssertionError as error:
            table = '\n'.join(str(row) for row in found)
            raise AssertionError(f'{error}\nRows:\n{table}') from None
        return found

    def wait_names(self, names, what):
        """Until the rows are of threads of these names, in any order; the program's own thread
        aside."""
        return self.wait_rows(lambda rows: sorted(row.name for row in rows
                                                  if row.name != 'thredo-monitor')
                              == sorted(names), what)

    def wait_names_include(self, *names):
        self.wait_rows(lambda rows: set(names) <= {row.name for row in rows}, f'rows of {names}')

    def row(self, name):
        rows = self.wait_rows(lambda rows: any(row.name == name for row in rows), f'row {name!r}')
        return next(row for row in rows if row.name == name)

    def wait_row_state(self, name, state):
        self.wait_rows(lambda rows: any(row.name == name and row.node.is_(state) for row in rows),
                       f'row {name!r}: {state}')

    def wait_field(self, title, condition):
        """Until the details say that of it."""
        def look(tree):
            # It is named by what it says, and then by its title.
            for label in tree.root.find_all('label', lambda name: name.endswith(' ' + title)):
                if label.is_('focusable') and condition(label.name[:-len(title) - 1]):
                    return True
            return False

        self.wait(look, f'details: {title}')

    # The focus

    def focus(self, tree=None):
        """The innermost."""
        return next((node for node in reversed(list((tree or self.tree()).root.walk()))
                     if node.is_('focused')), None)

    def wait_focus(self, role, name):
        def look(tree):
            node = self.focus(tree)
            return node is not None and node.role == role and node.name == name

        self.wait(look, f'the focus on {role} {name!r}')

    def tab_to(self, condition, what, key='Tab'):
        """Goes on with that key until the focus is on what was meant."""
        seen = []
        for _ in range(40):
            node = self.focus()
            if node is not None and condition(node):
                return
            seen.append(node.path if node is not None else None)
            self.press(key)
            self.wait(lambda tree: self.focus(tree) is not None
                      and self.focus(tree).path != seen[-1], 'another focus')
        raise AssertionError(f'{what} does not get the focus')

    # Where things are

    def x_window(self):
        """The X window that keys go to."""
        plain = [window for window, attributes in self.display.windows()
                 if not attributes.override_redirect]
        return plain[-1]

    def surface(self, node):
        """The X window, and what in it the coordinates of the node are relative to: x, y."""
        for top in (node, *node.ancestors()):
            if top.role == 'window' or top.is_popover():
                break
        extents = top.extents()
        if extents is None:
            return None
        is_popover = top.role != 'window'
        found = [attributes for window, attributes in self.display.windows()
                 if bool(attributes.override_redirect) == is_popover]
        if not found:
            return None
        at = min(found, key=lambda one: abs(one.width - extents[2]) + abs(one.height - extents[3]))
        # What the window is smaller than its surface is a border all around.
        border = 0 if is_popover else (at.width - extents[2]) // 2
        return at.x + border - extents[0], at.y + border - extents[1]

    def place(self, node):
        """x, y, width and height on the screen; None if there is nothing to be seen of it."""
        extents = node.extents()
        if extents is None or extents[2] <= 0 or extents[3] <= 0:
            return None
        x, y = extents[0] + extents[2] // 2, extents[1] + extents[3] // 2
        around = []
        for one in node.ancestors():
            if one.role == 'application':
                break
            around.append(one)
            if one.is_popover():
                break
        # What was hidden or has been scrolled away keeps the place that it had.
        for place in node.tree.extents(around).values():
            if place is not None and not (place[0] <= x < place[0] + place[2]
                                          and place[1] <= y < place[1] + place[3]):
                return None
        origin = self.surface(node)
        if origin is None:
            return None
        return extents[0] + origin[0], extents[1] + origin[1], extents[2], extents[3]

    # Doing

    def resize(self, width, height):
        """To so much without the border."""
        window = self.tree().root.find('window').extents()
        x_window = self.x_window()
        outer = dict(self.display.windows())[x_window]
        self.display.resize(x_window, width + outer.width - window[2],
                            height + outer.height - window[3])
        self.wait(lambda tree: tree.root.find('window').extents()[3] == height,
                  f'{width} × {height}')

    def rest(self):
        """The pointer where it brings up no tooltip, which would take the next click."""
        self.display.move(self.display.width - 1, self.display.height - 1)

    def press(self, keys):
        self.display.press(keys)

    def type(self, text):
        self.display.type(text)

    def settled_place(self, node):
        """Its place, once it is where it was a moment before: a person takes that long, too."""
        places = [self.place(node)]

        def has_settled():
            places.append(self.place(node))
            return len(places) >= SETTLED and len(set(places[-SETTLED:])) == 1

        self.wait_for(has_settled, f'{node} at rest')
        return places[-1]

    def click_node(self, node, n=1):
        place = self.settled_place(node)
        if place is None:
            raise AssertionError(f'{node} is not to be seen')
        x, y, width, height = place
        point = x + width // 2, y + height // 2
        if point == self.last_point:  # not to be taken for a double click
            point = x + width // 4, y + height // 2
        self.last_point = point
        self.display.click(*point, n)
        self.rest()

    def click(self, role, name, n=1):
        self.click_node(self.wait_node(role, name), n)

    def switch(self, workload, on=True):
        """Starts a workload, or ends it, from the list of them."""
        self.click('button', 'Workloads to watch')
        self.click('switch', workload)
        self.wait(lambda tree: tree.root.find('switch', workload).is_('checked') == on,
                  f'{workload}: {on}')
        self.press('Escape')
        self.wait_no_node('switch', workload)

    def brightness(self):
        """Of the window's middle pixel columns, from 0 to 255."""
        window = dict(self.display.windows())[self.x_window()]
        rows = self.display.pixels(window.x, window.y, window.width, window.height)
        return sum(sum(row) for row in rows) / sum(len(row) for row in rows)


class DashboardTest(unittest.TestCase):
    """Each case has a window of its own."""

    @classmethod
    def setUpClass(cls):
        cls.desk = Desk()

    @classmethod
    def tearDownClass(cls):
        cls.desk.close()

    def start(self, *arguments, **environment):
        dashboard = Dashboard(self.desk, *arguments, **environment)
        self.addCleanup(dashboard.kill)
        return dashboard

    def subject(self, what):
        """Another program, to watch."""
        process = self.desk.start(build_path('window-subject'), what, THREDO_MONITOR='1')

        def clean_up():
            process.kill()
            process.communicate()

        self.addCleanup(clean_up)
        return process

    def end(self, dashboard):
        """By its user, with nothing to complain of but the deadlocks that the library tells of."""
        self.assertEqual(dashboard.quit(), 0)
        lines = [line for line in dashboard.log().splitlines()
                 if line and not re.search('Thredo-WARNING .*: Deadlock of ', line)]
        self.assertEqual(lines, [])
