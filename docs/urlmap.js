// SPDX-License-Identifier: LGPL-2.1-or-later

// Where the namespaces that the reference links to have theirs.
baseURLs = [
  ['GLib', 'https://docs.gtk.org/glib/'],
  ['GObject', 'https://docs.gtk.org/gobject/'],
  ['Gio', 'https://docs.gtk.org/gio/'],
]
