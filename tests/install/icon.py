# SPDX-License-Identifier: LGPL-2.1-or-later
"""icon.py FILE.svg...: whether each can be drawn, square, in the sizes that desktops have them."""

import sys

import gi

gi.require_version('GdkPixbuf', '2.0')
from gi.repository import GdkPixbuf

for path in sys.argv[1:]:
    for size in (16, 24, 32, 48, 128, 256):
        image = GdkPixbuf.Pixbuf.new_from_file_at_size(path, size, size)
        if (image.get_width(), image.get_height()) != (size, size):
            sys.exit(f'{path}: {image.get_width()} x {image.get_height()} for {size}')
        pixels, stride = image.get_pixels(), image.get_rowstride()
        opaque = sum(pixels[y * stride + x * 4 + 3] > 127 for y in range(size) for x in range(size))
        if not 0.2 < opaque / (size * size) < 0.9:
            sys.exit(f'{path}: {opaque} of {size * size} pixels are painted')
