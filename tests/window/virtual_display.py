# SPDX-License-Identifier: LGPL-2.1-or-later
"""An X server of the tests' own, without a screen, and a hand on its pointer and keyboard."""

import ctypes
import os
import struct
import subprocess
import zlib

MODIFIERS = {'ctrl': b'Control_L', 'shift': b'Shift_L', 'alt': b'Alt_L'}
KEYSYMS = {' ': b'space', "'": b'apostrophe', '-': b'minus', '.': b'period', '/': b'slash',
           ':': b'colon', '(': b'parenleft', ')': b'parenright', '_': b'underscore', '?': b'question'}


class Attributes(ctypes.Structure):
    _fields_ = [('x', ctypes.c_int), ('y', ctypes.c_int), ('width', ctypes.c_int),
                ('height', ctypes.c_int), ('border_width', ctypes.c_int), ('depth', ctypes.c_int),
                ('visual', ctypes.c_void_p), ('root', ctypes.c_ulong), ('c_class', ctypes.c_int),
                ('bit_gravity', ctypes.c_int), ('win_gravity', ctypes.c_int),
                ('backing_store', ctypes.c_int), ('backing_planes', ctypes.c_ulong),
                ('backing_pixel', ctypes.c_ulong), ('save_under', ctypes.c_int),
                ('colormap', ctypes.c_ulong), ('map_installed', ctypes.c_int),
                ('map_state', ctypes.c_int), ('all_event_masks', ctypes.c_long),
                ('your_event_mask', ctypes.c_long), ('do_not_propagate_mask', ctypes.c_long),
                ('override_redirect', ctypes.c_int), ('screen', ctypes.c_void_p)]


class Image(ctypes.Structure):
    _fields_ = [('width', ctypes.c_int), ('height', ctypes.c_int), ('xoffset', ctypes.c_int),
                ('format', ctypes.c_int), ('data', ctypes.c_void_p), ('byte_order', ctypes.c_int),
                ('bitmap_unit', ctypes.c_int), ('bitmap_bit_order', ctypes.c_int),
                ('bitmap_pad', ctypes.c_int), ('depth', ctypes.c_int),
                ('bytes_per_line', ctypes.c_int), ('bits_per_pixel', ctypes.c_int)]


IS_VIEWABLE = 2
Z_PIXMAP = 2
REVERT_TO_PARENT = 2
ERROR_HANDLER = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)


def load_libraries():
    x11 = ctypes.CDLL('libX11.so.6')
    xtst = ctypes.CDLL('libXtst.so.6')
    window, pointer, number = ctypes.c_ulong, ctypes.c_void_p, ctypes.c_int
    x11.XOpenDisplay.restype = pointer
    x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
    x11.XCloseDisplay.argtypes = [pointer]
    x11.XDefaultRootWindow.restype = window
    x11.XDefaultRootWindow.argtypes = [pointer]
    x11.XSync.argtypes = [pointer, number]
    x11.XFree.argtypes = [pointer]
    x11.XStringToKeysym.restype = ctypes.c_ulong
    x11.XStringToKeysym.argtypes = [ctypes.c_char_p]
    x11.XKeysymToKeycode.restype = ctypes.c_ubyte
    x11.XKeysymToKeycode.argtypes = [pointer, ctypes.c_ulong]
    x11.XkbKeycodeToKeysym.restype = ctypes.c_ulong
    x11.XkbKeycodeToKeysym.argtypes = [pointer, ctypes.c_ubyte, number, number]
    x11.XQueryTree.argtypes = [pointer, window] + [pointer] * 4
    x11.XGetWindowAttributes.argtypes = [pointer, window, pointer]
    x11.XResizeWindow.argtypes = [pointer, window, ctypes.c_uint, ctypes.c_uint]
    x11.XSetInputFocus.argtypes = [pointer, window, number, ctypes.c_ulong]
    x11.XGetImage.restype = ctypes.POINTER(Image)
    x11.XGetImage.argtypes = [pointer, window, number, number, ctypes.c_uint, ctypes.c_uint,
                              ctypes.c_ulong, number]
    x11.XDestroyImage.argtypes = [pointer]
    xtst.XTestFakeMotionEvent.argtypes = [pointer, number, number, number, ctypes.c_ulong]
    xtst.XTestFakeButtonEvent.argtypes = [pointer, ctypes.c_uint, number, ctypes.c_ulong]
    xtst.XTestFakeKeyEvent.argtypes = [pointer, ctypes.c_uint, number, ctypes.c_ulong]
    return x11, xtst


class VirtualDisplay:
    """Xvfb, with the number that it found free."""

    def __init__(self, width=1280, height=960):
        self.width, self.height = width, height
        self.x11, self.xtst = load_libraries()
        # A window may be gone by the time that it is asked about, which is an answer.
        self.on_error = ERROR_HANDLER(lambda display, event: 0)
        self.x11.XSetErrorHandler(self.on_error)

        reader, writer = os.pipe()
        self.server = subprocess.Popen(
            ['Xvfb', '-displayfd', str(writer), '-screen', '0', f'{width}x{height}x24',
             '-nolisten', 'tcp', '-noreset'],
            pass_fds=[writer], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        os.close(writer)
        with os.fdopen(reader) as file:
            number = file.readline().strip()
        if not number:
            raise RuntimeError('Xvfb: ' + self.server.communicate()[1].decode())
        self.name = f':{number}'
        self.display = self.x11.XOpenDisplay(self.name.encode())
        if not self.display:
            raise RuntimeError(f'{self.name}: cannot be opened')
        self.root = self.x11.XDefaultRootWindow(self.display)

    def close(self):
        if self.display:
            self.x11.XCloseDisplay(self.display)
            self.display = None
        self.server.terminate()
        self.server.communicate()

    def sync(self):
        self.x11.XSync(self.display, False)

    # Windows: what there is below the root, lowest first, as (id, attributes).

    def windows(self):
        root, parent, n = ctypes.c_ulong(), ctypes.c_ulong(), ctypes.c_uint()
        children = ctypes.POINTER(ctypes.c_ulong)()
        found = []
        self.x11.XQueryTree(self.display, self.root, ctypes.byref(root), ctypes.byref(parent),
                            ctypes.byref(children), ctypes.byref(n))
        for i in range(n.value):
            attributes = Attributes()
            if (self.x11.XGetWindowAttributes(self.display, children[i], ctypes.byref(attributes))
                    and attributes.map_state == IS_VIEWABLE and attributes.width > 1):
                found.append((children[i], attributes))
        if children:
            self.x11.XFree(children)
        return found

    def resize(self, window, width, height):
        self.x11.XResizeWindow(self.display, window, width, height)
        self.sync()

    def focus(self, window):
        self.x11.XSetInputFocus(self.display, window, REVERT_TO_PARENT, 0)
        self.sync()

    # The hand

    def move(self, x, y):
        self.xtst.XTestFakeMotionEvent(self.display, -1, int(x), int(y), 0)
        self.sync()

    def click(self, x, y, n=1):
        self.move(x, y)
        for _ in range(n):
            self.xtst.XTestFakeButtonEvent(self.display, 1, True, 0)
            self.xtst.XTestFakeButtonEvent(self.display, 1, False, 0)
        self.sync()

    def keycode(self, keysym):
        code = self.x11.XKeysymToKeycode(self.display, keysym)
        if code == 0:
            raise ValueError(f'no key has keysym {keysym:#x}')
        return code

    def press(self, keys):
        """press('ctrl+shift+Delete'): with the names that X gives the keys."""
        *modifiers, last = keys.split('+')
        keysym = self.x11.XStringToKeysym(KEYSYMS.get(last, last.encode()))
        code = self.keycode(keysym)
        held = [MODIFIERS[name] for name in modifiers]
        if (self.x11.XkbKeycodeToKeysym(self.display, code, 0, 0) != keysym
                and MODIFIERS['shift'] not in held):
            held.append(MODIFIERS['shift'])
        held = [self.keycode(self.x11.XStringToKeysym(name)) for name in held]
        for one in held:
            self.xtst.XTestFakeKeyEvent(self.display, one, True, 0)
        self.xtst.XTestFakeKeyEvent(self.display, code, True, 0)
        self.xtst.XTestFakeKeyEvent(self.display, code, False, 0)
        for one in reversed(held):
            self.xtst.XTestFakeKeyEvent(self.display, one, False, 0)
        self.sync()

    def type(self, text):
        for character in text:
            self.press(character)

    # The eye

    def pixels(self, x, y, width, height):
        """Rows of bytes: red, green and blue of each pixel."""
        width, height = min(width, self.width - x), min(height, self.height - y)
        image = self.x11.XGetImage(self.display, self.root, x, y, width, height, 0xffffff, Z_PIXMAP)
        stride = image.contents.bytes_per_line
        data = ctypes.string_at(image.contents.data, stride * height)
        self.x11.XDestroyImage(image)
        rows = []
        for i in range(height):
            line = data[i * stride:i * stride + 4 * width]
            row = bytearray(3 * width)
            row[0::3], row[1::3], row[2::3] = line[2::4], line[1::4], line[0::4]
            rows.append(bytes(row))
        return rows


def write_png(file, rows):
    """With a palette if there are few enough colours, so that it is small."""
    width = len(rows[0]) // 3

    def chunk(kind, body):
        return (struct.pack('>I', len(body)) + kind + body
                + struct.pack('>I', zlib.crc32(kind + body)))

    head = struct.pack('>IIBBBBB', width, len(rows), 8, 2, 0, 0, 0)
    body = zlib.compress(b''.join(b'\0' + row for row in rows), 9)
    with open(file, 'wb') as stream:
        stream.write(b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', head) + chunk(b'IDAT', body)
                     + chunk(b'IEND', b''))
