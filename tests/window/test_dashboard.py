# SPDX-License-Identifier: LGPL-2.1-or-later
"""The dashboard and its own workloads, by pointer and keyboard."""

import re
import unittest

from dashboard import DashboardTest

POOL = ['feeder'] + [f'worker {i}' for i in range(1, 7)]
PHILOSOPHERS = ['Aristotle', 'Avicenna', 'Confucius', 'Hypatia', 'Kant']

INTERACTIVE = ('alert', 'button', 'dialog', 'entry', 'menu item', 'page tab', 'switch', 'window')


class Workloads(DashboardTest):
    """Each is started from the list, seen, and ended."""

    def check(self, title, is_there):
        dashboard = self.start()
        dashboard.wait_names([], 'no threads')
        dashboard.switch(title)
        dashboard.wait_rows(is_there, title)
        dashboard.switch(title, False)
        dashboard.wait_names([], f'{title}: all of it has ended')
        self.end(dashboard)

    def check_names(self, title, *names):
        self.check(title, lambda rows: set(names) <= {row.name for row in rows})

    def test_folder(self):
        self.check_names('Checksum a folder', 'jobs', 'worker 1', 'worker 4')

    def test_pool(self):
        self.check_names('Worker pool', *POOL)

    def test_philosophers(self):
        self.check_names('Dining philosophers', *PHILOSOPHERS)

    def test_echo(self):
        self.check_names('Echo server under load', 'server', 'client 1', 'client 2')

    def test_runaway(self):
        self.check_names('Runaway loops', 'deaf loop', 'polite loop')

    def test_flood(self):
        self.check_names('Flood of threads', 'source')

    def test_ten_thousand(self):
        dashboard = self.start()
        dashboard.switch('Ten thousand threads')
        dashboard.wait_label(r'1000[12] threads, .*')
        dashboard.press('ctrl+f')
        dashboard.wait_node('entry', 'Search the threads')
        dashboard.type('sleeper 9876')
        dashboard.wait_names(['sleeper 9876'], 'one of ten thousand')
        dashboard.click('button', 'Cancel sleeper 9876')
        dashboard.wait_names([], 'it has gone')
        dashboard.wait_label(r'10000 threads, .*')
        self.end(dashboard)


class Cancelling(DashboardTest):
    def test_one(self):
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.click('button', 'Cancel worker 3')
        dashboard.wait_names([name for name in POOL if name != 'worker 3'], 'all but worker 3')
        self.end(dashboard)

    def test_group(self):
        dashboard = self.start('-w', 'pool', '-w', 'runaway')
        dashboard.wait_names(POOL + ['deaf loop', 'polite loop'], 'two workloads')
        dashboard.click('label', 'worker 2')
        dashboard.wait_row_state('worker 2', 'selected')
        dashboard.press('shift+Delete')
        dashboard.wait_names(['deaf loop', 'polite loop'], 'the other group')
        self.end(dashboard)

    def test_group_from_menu(self):
        dashboard = self.start('-w', 'pool', '-w', 'runaway')
        dashboard.wait_names(POOL + ['deaf loop', 'polite loop'], 'two workloads')
        dashboard.click('label', 'feeder')
        dashboard.wait_row_state('feeder', 'selected')
        dashboard.click('button', 'Menu')
        dashboard.click(None, 'Cancel Its Group')
        dashboard.wait_names(['deaf loop', 'polite loop'], 'the other group')
        self.end(dashboard)

    def test_own_thread(self):
        """The thread that shows the window is not cancelled."""
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        button = dashboard.wait_node('button', 'Cancel thredo-monitor')
        self.assertFalse(button.is_('sensitive'))
        dashboard.click_node(button)
        dashboard.click('label', 'thredo-monitor')
        dashboard.press('Delete')
        dashboard.press('shift+Delete')
        dashboard.click('button', 'Cancel worker 1')
        dashboard.wait_names([name for name in POOL if name != 'worker 1'], 'all but worker 1')
        self.assertEqual(dashboard.row('thredo-monitor')['State'], 'Running')
        self.end(dashboard)

    def test_runaway(self):
        """Who computes and never asks is said to be out of reach."""
        dashboard = self.start('-w', 'runaway')
        dashboard.wait_names(['deaf loop', 'polite loop'], 'two loops')
        dashboard.click('button', 'Cancel deaf loop')
        dashboard.wait_rows(lambda rows: any(
            row.name == 'deaf loop' and row['State'] == 'Out of reach'
            and row['Waiting for'] == 'nothing: computes, hears no cancel' for row in rows),
            'out of reach')
        dashboard.click('button', 'Cancel polite loop')
        dashboard.wait_names(['deaf loop'], 'the one that hears no cancel')
        dashboard.switch('Runaway loops', False)
        dashboard.wait_names([], 'both have ended')
        self.end(dashboard)

    def test_deadlock(self):
        """It is in the banner, and freed from there."""
        dashboard = self.start()
        dashboard.switch('Dining philosophers')
        dashboard.wait_label('Deadlock: 5 threads wait for each other')
        banner = dashboard.tree().root.find('alert', 'Deadlock')
        button = banner.find('button', lambda name: name.startswith('Cancel '))
        victim = button.name[len('Cancel '):]
        self.assertIn(victim, PHILOSOPHERS)
        dashboard.click_node(button)
        dashboard.wait_names([name for name in PHILOSOPHERS if name != victim], 'the other four')
        dashboard.wait_no_node('label', 'Deadlock: 5 threads wait for each other')
        for name in PHILOSOPHERS:
            if name != victim:
                n_waits = int(dashboard.row(name)['Waits'])
                dashboard.wait_rows(lambda rows, name=name, n=n_waits: any(
                    row.name == name and int(row['Waits']) > n + 2 for row in rows),
                    f'{name} goes on')
        self.end(dashboard)

    def test_deadlock_put_aside(self):
        dashboard = self.start('-w', 'philosophers')
        dashboard.wait_label('Deadlock: 5 threads wait for each other')
        dashboard.click('button', 'Hide')
        dashboard.wait_no_node('label', 'Deadlock: 5 threads wait for each other')
        dashboard.wait_names(PHILOSOPHERS, 'all of them')
        self.end(dashboard)


class Table(DashboardTest):
    def test_search(self):
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.click('button', 'Search')
        dashboard.wait_node('entry', 'Search the threads')
        dashboard.type('WORKER 4')
        dashboard.wait_rows(lambda rows: [row.name for row in rows] == ['worker 4'], 'the one')
        dashboard.press('ctrl+a')
        dashboard.type('pool')  # the group
        dashboard.wait_names(POOL, 'the group')
        dashboard.press('ctrl+a')
        dashboard.type('nobody')
        dashboard.wait_rows(lambda rows: not rows, 'nobody')
        dashboard.press('Escape')
        dashboard.wait_no_node('entry', 'Search the threads')
        dashboard.wait_rows(lambda rows: len(rows) == 8, 'all of them')
        self.end(dashboard)

    def test_sort(self):
        dashboard = self.start('-w', 'pool')
        first = dashboard.wait_names(POOL, 'pool')
        self.assertEqual(first[0].name, 'thredo-monitor')
        names = sorted(POOL + ['thredo-monitor'])
        dashboard.click('label', 'Thread')
        dashboard.wait_rows(lambda rows: [row.name for row in rows] == names, 'upwards')
        dashboard.click('label', 'Thread')
        dashboard.wait_rows(lambda rows: [row.name for row in rows] == names[::-1], 'downwards')
        dashboard.click('label', 'Group')
        dashboard.wait_rows(lambda rows: rows[0].name == 'thredo-monitor' and all(
            row['Group'] == 'pool' for row in rows[1:]), 'by group')
        self.end(dashboard)

    def test_groups(self):
        """The threads as a tree, and back; a group is cancelled from its row."""
        dashboard = self.start('-w', 'pool', '-w', 'runaway')
        dashboard.wait_names(POOL + ['deaf loop', 'polite loop'], 'two workloads')
        dashboard.click('button', 'Group threads')
        dashboard.wait_names(POOL + ['deaf loop', 'polite loop', 'pool', 'runaway'], 'the tree')
        names = [row.name for row in dashboard.rows()]
        self.assertLess(names.index('pool'), names.index('feeder'))
        self.assertLess(names.index('runaway'), names.index('deaf loop'))
        dashboard.click('label', 'pool')
        dashboard.wait_row_state('pool', 'selected')
        dashboard.press('Left')  # folds it
        dashboard.wait_names(['deaf loop', 'polite loop', 'pool', 'runaway'], 'folded')
        dashboard.press('Right')
        dashboard.wait_names(POOL + ['deaf loop', 'polite loop', 'pool', 'runaway'], 'unfolded')
        dashboard.click('button', 'Cancel group pool')
        dashboard.wait_names(['deaf loop', 'polite loop', 'runaway'], 'the other group')
        dashboard.press('ctrl+g')
        dashboard.wait_names(['deaf loop', 'polite loop'], 'no tree')
        self.end(dashboard)

    def test_search_in_groups(self):
        """A group says how many were found in it; it is cancelled as a whole."""
        dashboard = self.start('-w', 'pool', '--groups')
        dashboard.wait_names(POOL + ['pool'], 'the tree')
        self.assertEqual(dashboard.row('pool')['State'], '7 threads')
        dashboard.press('ctrl+f')
        dashboard.wait_focus('entry', 'Search the threads')
        dashboard.type('worker 4')
        dashboard.wait_rows(lambda rows: [(row.name, row['State']) for row in rows][:1]
                            == [('pool', '1 of 7 threads')] and len(rows) == 2, 'one of them')
        dashboard.click('button', 'Cancel group pool')
        dashboard.wait_rows(lambda rows: not rows, 'the one')
        dashboard.press('Escape')
        dashboard.wait_names([], 'all of them')
        self.end(dashboard)

    def test_pages(self):
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.click('button', 'Cancel worker 3')
        dashboard.wait_names([name for name in POOL if name != 'worker 3'], 'all but worker 3')
        dashboard.press('alt+2')
        dashboard.wait_label('jobs')
        dashboard.press('alt+3')
        dashboard.wait_label('results')
        dashboard.press('alt+4')
        dashboard.wait_label('worker 3')
        dashboard.press('alt+1')
        dashboard.wait_names([name for name in POOL if name != 'worker 3'], 'the threads')
        self.end(dashboard)

    def test_details(self):
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.click('label', 'worker 2', 2)
        dashboard.wait_node('button', 'Close the details')
        dashboard.wait_label(r'worker 2 \(thread \d+\)')
        dashboard.wait_field('Group', lambda text: text == 'pool')
        dashboard.wait_field('Kind', lambda text: text.startswith('Thread'))
        dashboard.wait_field('CPU time', lambda text: re.match(r'\d+\.\d\d s', text))
        dashboard.click('button', 'Cancel')
        dashboard.wait_field('State', lambda text: text == 'Has ended')
        dashboard.wait_names([name for name in POOL if name != 'worker 2'], 'all but worker 2')
        self.assertFalse(dashboard.wait_node('button', 'Cancel').is_('sensitive'))
        dashboard.press('Escape')
        dashboard.wait_no_node('button', 'Close the details')
        dashboard.click('label', 'worker 5', 2)
        dashboard.wait_node('button', 'Close the details')
        dashboard.click('button', 'Cancel group')
        dashboard.wait_names([], 'all of them')
        dashboard.click('button', 'Close the details')
        dashboard.wait_no_node('button', 'Close the details')
        self.end(dashboard)


class Window(DashboardTest):
    def test_dark(self):
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.wait_for(lambda: dashboard.brightness() > 160, 'light')
        dashboard.click('button', 'Menu')
        dashboard.click(None, 'Dark Style')
        dashboard.wait_for(lambda: dashboard.brightness() < 90, 'dark')
        dashboard.press('ctrl+d')
        dashboard.wait_for(lambda: dashboard.brightness() > 160, 'light again')
        self.end(dashboard)

    def test_narrow(self):
        """All of it can be used in 360 pixels."""
        dashboard = self.start('-w', 'pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.resize(600, 840)
        dashboard.wait_rows(lambda rows: rows and 'Waits' not in rows[0].cells, 'few columns')
        dashboard.resize(360, 640)
        dashboard.wait_rows(lambda rows: rows and 'Waits' not in rows[0].cells, 'few columns')
        window = dashboard.tree().root.find('window')
        left, top, width, height = dashboard.place(window)
        self.assertEqual((width, height), (360, 640))
        for node in window.walk():
            place = dashboard.place(node)
            if place is not None and node.role in ('button', 'cell', 'page tab'):
                self.assertGreaterEqual(place[0], left, node)
                self.assertLessEqual(place[0] + place[2], left + width, node)
        dashboard.click('button', 'Cancel worker 3')
        dashboard.wait_names([name for name in POOL if name != 'worker 3'], 'all but worker 3')
        dashboard.switch('Dining philosophers')
        dashboard.wait_label('Deadlock: 5 threads wait for each other')
        dashboard.click('button', 'Cancel worker 1')
        dashboard.wait_rows(lambda rows: rows and all(row.name != 'worker 1' for row in rows),
                            'all but worker 1')
        dashboard.click_node(dashboard.tree().root.find('alert', 'Deadlock').find(
            'button', lambda name: name.startswith('Cancel ')))
        dashboard.wait_no_node('label', 'Deadlock: 5 threads wait for each other')
        self.assertEqual(dashboard.place(dashboard.tree().root.find('window'))[2:], (360, 640))
        dashboard.switch('Dining philosophers', False)
        dashboard.switch('Worker pool', False)
        dashboard.wait_names([], 'all have ended')
        dashboard.resize(1000, 780)
        dashboard.wait_rows(lambda rows: rows and 'Waits' in rows[0].cells, 'all columns')
        self.end(dashboard)

    def test_keyboard(self):
        """Nothing needs a pointer."""
        dashboard = self.start()
        dashboard.press('ctrl+n')
        dashboard.wait_focus('switch', 'Worker pool')
        dashboard.press('space')
        dashboard.wait(lambda tree: tree.root.find('switch', 'Worker pool').is_('checked'), 'pool')
        dashboard.press('Escape')
        dashboard.wait_no_node('switch', 'Worker pool')
        dashboard.wait_names(POOL, 'pool')
        dashboard.tab_to(lambda node: node.role == 'row' and node.find('cell'), 'a row')
        for name in ('feeder', 'worker 1', 'worker 2'):
            dashboard.press('Down')
            dashboard.wait_row_state(name, 'selected')
        dashboard.press('Return')
        dashboard.wait_label(r'worker 2 \(thread \d+\)')
        dashboard.press('Escape')
        dashboard.wait_no_node('button', 'Close the details')
        dashboard.press('Delete')
        dashboard.wait_names([name for name in POOL if name != 'worker 2'], 'all but worker 2')
        dashboard.press('Up')
        dashboard.press('shift+Delete')
        dashboard.wait_names([], 'the group')
        dashboard.press('ctrl+d')
        dashboard.wait_for(lambda: dashboard.brightness() < 90, 'dark')
        dashboard.press('ctrl+f')
        dashboard.wait_focus('entry', 'Search the threads')
        dashboard.press('Escape')
        dashboard.wait_no_node('entry', 'Search the threads')
        dashboard.press('F10')
        dashboard.wait_node(None, 'Keyboard Shortcuts')
        dashboard.press('Escape')
        dashboard.wait_no_node(None, 'Keyboard Shortcuts')
        self.end(dashboard)

    def test_names(self):
        """All that can be used has a name for those who do not see it."""
        dashboard = self.start('-w', 'pool', '-w', 'philosophers')
        dashboard.wait_label('Deadlock: 5 threads wait for each other')
        dashboard.resize(1000, 900)  # so that all of it is to be seen at once
        dashboard.click('label', 'worker 1', 2)
        dashboard.wait_node('button', 'Close the details')
        dashboard.press('ctrl+f')
        dashboard.wait_node('entry', 'Search the threads')
        self.check_names(dashboard)
        dashboard.wait_node('image', 'What each thread has been doing')
        dashboard.wait_node('image', lambda name: re.fullmatch(r'Threads: \d+', name))
        dashboard.wait_node('image', lambda name: name.startswith('Deadlock of 5 threads: '))
        dashboard.press('Escape')
        dashboard.click('button', 'Workloads to watch')
        dashboard.wait_node('switch', 'Worker pool')
        self.check_names(dashboard)
        dashboard.press('Escape')
        dashboard.wait_no_node('switch', 'Worker pool')
        dashboard.press('F10')
        dashboard.wait_node(None, 'Keyboard Shortcuts')
        self.check_names(dashboard)
        dashboard.press('Escape')
        self.end(dashboard)

    def check_names(self, dashboard):
        n_checked = 0
        tree = dashboard.tree()
        for node in tree.root.walk():
            if node.role in INTERACTIVE and dashboard.place(node):
                n_checked += 1
                self.assertRegex(node.name, r'^(?!Gtk|Monitor)[^_]+$', f'{node} in\n{tree}')
        self.assertGreater(n_checked, 20)


if __name__ == '__main__':
    unittest.main()
