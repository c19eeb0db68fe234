# SPDX-License-Identifier: LGPL-2.1-or-later
"""Follows every local link in a folder of HTML: docs-links.py FOLDER"""

import html.parser
import os
import sys
import urllib.parse


class Page(html.parser.HTMLParser):
    def __init__(self, path):
        super().__init__()
        self.links = []
        self.anchors = {'', 'top'}
        with open(path, encoding='utf-8') as file:
            self.feed(file.read())

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors.update(attrs[name] for name in ('id', 'name') if attrs.get(name))
        for name in ('href', 'src'):
            if attrs.get(name):
                self.links.append((self.getpos()[0], attrs[name]))


def main(folder):
    pages = {}
    for where, _, names in os.walk(folder):
        for name in names:
            if name.endswith('.html'):
                path = os.path.normpath(os.path.join(where, name))
                pages[path] = Page(path)
    if not pages:
        print(f'{folder}: no pages')
        return 1

    broken = 0
    for path, page in sorted(pages.items()):
        for line, link in page.links:
            url = urllib.parse.urlsplit(link)
            if url.scheme or url.netloc:
                continue
            target = path
            if url.path:
                target = os.path.normpath(
                    os.path.join(os.path.dirname(path), urllib.parse.unquote(url.path)))
            anchor = urllib.parse.unquote(url.fragment)
            if not os.path.exists(target):
                what = 'there is no such file'
            elif target in pages and anchor not in pages[target].anchors:
                what = 'there is no such place in the page'
            else:
                continue
            broken += 1
            print(f'{os.path.relpath(path, folder)}:{line}: {link}: {what}')
    print(f'{len(pages)} pages, {broken} broken links')
    return 1 if broken else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1]))
