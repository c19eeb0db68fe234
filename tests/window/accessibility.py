# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a screen reader would learn of a program, over AT-SPI, on a bus of the tests' own."""

import os
import subprocess

import gi

gi.require_version('Gio', '2.0')
from gi.repository import Gio, GLib  # noqa: E402

ACCESSIBLE = 'org.a11y.atspi.Accessible'
COMPONENT = 'org.a11y.atspi.Component'
TEXT = 'org.a11y.atspi.Text'
CACHE = 'org.a11y.atspi.Cache'
CACHE_PATH = '/org/a11y/atspi/cache'
ROOT_PATH = '/org/a11y/atspi/accessible/root'
WINDOW_COORDINATES = 1
CALL_LIMIT = 60000  # ms

# Bits of the first word of states.
STATES = {'active': 1, 'checked': 4, 'expanded': 10, 'focusable': 11, 'focused': 12, 'pressed': 20,
          'selected': 23, 'sensitive': 24, 'showing': 25, 'visible': 30}

# Those of AT-SPI's roles that there are in the window.
ROLES = {2: 'alert', 7: 'switch', 10: 'column header', 16: 'dialog', 20: 'widget',
         23: 'window', 27: 'image', 29: 'label', 31: 'list', 32: 'list item', 33: 'menu',
         35: 'menu item', 37: 'page tab', 38: 'page tab list', 39: 'group', 43: 'button',
         44: 'radio button', 48: 'scroll bar', 49: 'scroll pane', 55: 'grid', 56: 'cell',
         65: 'tree', 66: 'table', 75: 'application', 79: 'entry', 87: 'search', 90: 'row'}

SOCKET_XML = '''<node><interface name="org.a11y.atspi.Socket"><method name="Embed">
  <arg type="(so)" direction="in"/><arg type="(so)" direction="out"/>
</method></interface></node>'''

# One that starts no services: neither portals nor anything else of the machine's.
CONFIG = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path={path}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
'''


class Bus:
    """A message bus, on which this process is the registry that programs make themselves known
    to."""

    def __init__(self, folder):
        config = os.path.join(folder, 'bus.conf')
        self.address = f'unix:path={folder}/bus'
        with open(config, 'w', encoding='utf-8') as file:
            file.write(CONFIG.format(path=os.path.join(folder, 'bus')))
        reader, writer = os.pipe()
        with open(os.path.join(folder, 'bus.log'), 'w', encoding='utf-8') as log:
            self.daemon = subprocess.Popen(
                ['dbus-daemon', f'--config-file={config}', '--nofork', '--nosyslog',
                 f'--print-address={writer}'],
                pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        os.close(writer)
        with os.fdopen(reader) as file:
            if not file.readline():
                raise RuntimeError('dbus-daemon: see ' + log.name)
        flags = Gio.DBusConnectionFlags
        self.connection = Gio.DBusConnection.new_for_address_sync(
            self.address,
            flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
        self.programs = []  # bus names
        socket = Gio.DBusNodeInfo.new_for_xml(SOCKET_XML).interfaces[0]
        self.connection.register_object(ROOT_PATH, socket, self.on_embed, None, None)
        self.call('org.freedesktop.DBus', '/', 'org.freedesktop.DBus', 'RequestName',
                  GLib.Variant('(su)', ('org.a11y.atspi.Registry', 0)))

    def close(self):
        self.connection.close_sync(None)
        self.daemon.terminate()
        self.daemon.wait()

    def on_embed(self, connection, sender, path, interface, method, parameters, invocation):
        self.programs.append(sender)
        desktop = (connection.get_unique_name(), ROOT_PATH)
        invocation.return_value(GLib.Variant('((so))', (desktop,)))

    def iterate(self):
        while GLib.MainContext.default().iteration(False):
            pass

    def call(self, name, path, interface, method, parameters=None):
        reply = self.connection.call_sync(name, path, interface, method, parameters, None,
                                          Gio.DBusCallFlags.NONE, CALL_LIMIT, None)
        return reply.unpack()

    def call_each(self, name, paths, interface, method, parameters=None):
        """All of the calls are made before the first is waited for. None: it has no answer."""
        answers = {}

        def on_answer(connection, result, path):
            try:
                answers[path] = connection.call_finish(result).unpack()
            except GLib.Error:
                answers[path] = None

        paths = set(paths)
        for path in paths:
            self.connection.call(name, path, interface, method, parameters, None,
                                 Gio.DBusCallFlags.NONE, CALL_LIMIT, None, on_answer, path)
        while len(answers) < len(paths):
            GLib.MainContext.default().iteration(True)
        return answers


class Node:
    """One accessible object as it was when the tree was taken."""

    def __init__(self, tree, path, role, name, states):
        self.tree = tree
        self.path = path
        self.role = role
        self.name = name
        self.states = states
        self.parent = None
        self.children = []

    def __repr__(self):
        return f'{self.role} {self.name!r}'

    def is_(self, state):
        return bool(self.states & 1 << STATES[state])

    def is_popover(self):
        """Whether it has an X window of its own, above the other."""
        return any(child.name == 'GtkPopoverContent' for child in self.children)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def ancestors(self):
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def find_all(self, role=None, name=None):
        """name: a string, or what is asked whether it is one."""
        for node in self.walk():
            if role is not None and node.role != role:
                continue
            if name is None or (name(node.name) if callable(name) else node.name == name):
                yield node

    def find(self, role=None, name=None):
        return next(self.find_all(role, name), None)

    def text(self):
        """What is written in an entry."""
        return self.tree.call(self.path, TEXT, 'GetText', GLib.Variant('(ii)', (0, -1)))[0]

    def extents(self):
        """x, y, width and height in its window; None if it is gone."""
        try:
            return self.tree.call(self.path, COMPONENT, 'GetExtents',
                                  GLib.Variant('(u)', (WINDOW_COORDINATES,)))[0]
        except GLib.Error:
            return None


class Tree:
    """The accessible objects of one program, taken at once.

    GTK lists those it has been asked for before in one answer. Only what has come since is asked for
    one by one."""

    def __init__(self, bus, program):
        self.bus = bus
        self.program = program
        self.root = None
        self.take()

    def call(self, path, interface, method, parameters=None):
        return self.bus.call(self.program, path, interface, method, parameters)

    def extents(self, nodes):
        """As Node.extents(), of all of them at once."""
        answers = self.bus.call_each(self.program, [node.path for node in nodes], COMPONENT,
                                     'GetExtents', GLib.Variant('(u)', (WINDOW_COORDINATES,)))
        return {node: answers[node.path][0] if answers[node.path] else None for node in nodes}

    def take(self):
        children = {}  # of those that were asked for
        while True:
            items = {item[0][1]: item for item in self.call(CACHE_PATH, CACHE, 'GetItems')[0]}
            listed = {}
            for path, item in items.items():
                listed.setdefault(item[2][1], []).append((item[3], path))
            found, below = [], [ROOT_PATH]
            unasked = set()
            while below:
                found += below
                level, below = below, []
                for path in level:
                    known = children.get(path)
                    if known is None:
                        known = [child for index, child in sorted(listed.get(path, []))]
                        if path not in items or len(known) != items[path][4]:
                            unasked.add(path)
                    below += known
            if not unasked:
                break
            answers = self.bus.call_each(self.program, unasked, ACCESSIBLE, 'GetChildren')
            for path, answer in answers.items():
                children[path] = [child[1] for child in answer[0]] if answer is not None else []
        nodes = {}
        for path in found:
            if path in items:  # else it came just now
                role, name, states = items[path][7], items[path][6], items[path][9]
                nodes[path] = Node(self, path, ROLES.get(role, str(role)), name, states[0])
        for path, node in nodes.items():
            below = children.get(path)
            if below is None:
                below = [child for index, child in sorted(listed.get(path, []))]
            for child in below:
                if child in nodes:
                    nodes[child].parent = node
                    node.children.append(nodes[child])
        self.root = nodes[ROOT_PATH]

    def __str__(self):
        lines = []

        def add(node, depth):
            states = ' '.join(name for name in STATES if node.is_(name))
            lines.append(f'{"  " * depth}{node} [{states}]')
            for child in node.children:
                add(child, depth + 1)

        add(self.root, 0)
        return '\n'.join(lines)
