# SPDX-License-Identifier: LGPL-2.1-or-later
"""The dashboard on other programs, which come and go."""

import signal

from dashboard import DashboardTest

CREW = ['cook', 'helmsman', 'lookout']


class Attach(DashboardTest):
    def title(self, process):
        return f'window-subject, process {process.pid}'

    def choose(self, dashboard, process):
        dashboard.click('button', 'Program to watch')
        dashboard.click(None, self.title(process))

    def wait_crew(self, dashboard, names):
        """Until these of it are there, and no others of it."""
        dashboard.wait_rows(lambda rows: sorted(row.name for row in rows
                                                if row.name in CREW) == sorted(names)
                            and 'thredo-monitor' not in (row.name for row in rows),
                            f'{names} of the crew')

    def test_one_after_another(self):
        first, second = self.subject('crew'), self.subject('crew')
        dashboard = self.start()
        dashboard.wait_names([], 'no threads of its own')

        self.choose(dashboard, first)
        self.wait_crew(dashboard, CREW)
        self.assertEqual(dashboard.row('cook')['Waiting for'], "get on Queue 'work'")
        dashboard.click('button', 'Cancel helmsman')
        self.wait_crew(dashboard, ['cook', 'lookout'])
        self.assertIsNone(first.poll())

        dashboard.click('label', 'cook')
        dashboard.wait_row_state('cook', 'selected')
        dashboard.press('shift+Delete')
        dashboard.wait_for(lambda: first.poll() is not None, 'the end of the first')
        self.assertEqual(first.returncode, 0)
        dashboard.wait_label('window-subject.* has ended.*')
        dashboard.click('button', 'Choose another program')
        dashboard.wait_no_node(None, self.title(first))

        dashboard.click(None, self.title(second))
        self.wait_crew(dashboard, CREW)
        dashboard.wait_no_label('window-subject.* has ended.*')
        second.send_signal(signal.SIGKILL)
        dashboard.wait_label('window-subject.* has ended.*')
        dashboard.click('button', 'Choose another program')
        dashboard.wait_no_node(None, self.title(second))
        dashboard.click(None, 'This program')
        dashboard.wait_names([], 'its own thread')
        dashboard.row('thredo-monitor')
        self.end(dashboard)

    def test_ended_by_a_cancel(self):
        """What ends before it can answer was cancelled all the same."""
        process = self.subject('last')
        dashboard = self.start('--pid', str(process.pid))
        dashboard.wait_names_include('last')
        dashboard.click('button', 'Cancel last')
        dashboard.wait_for(lambda: process.poll() is not None, 'its end')
        self.assertEqual(process.returncode, 0)
        dashboard.wait_label('window-subject has ended')
        dashboard.wait_label('Has ended')
        self.assertIsNone(dashboard.tree().root.find(
            'label', lambda name: 'could not be cancelled' in name))
        self.end(dashboard)

    def test_killed_while_in_list(self):
        process = self.subject('crew')
        dashboard = self.start()
        dashboard.click('button', 'Program to watch')
        dashboard.wait_node(None, self.title(process))
        process.send_signal(signal.SIGKILL)
        dashboard.wait_no_node(None, self.title(process))
        dashboard.press('Escape')
        self.end(dashboard)

    def test_keyboard(self):
        process = self.subject('crew')
        dashboard = self.start()
        dashboard.press('ctrl+o')
        dashboard.wait_node(None, self.title(process))
        dashboard.tab_to(lambda node: node.name == self.title(process), 'the program', 'Down')
        dashboard.press('Return')
        self.wait_crew(dashboard, CREW)
        dashboard.press('ctrl+f')
        dashboard.wait_focus('entry', 'Search the threads')
        dashboard.type('lookout')
        dashboard.wait_rows(lambda rows: [row.name for row in rows] == ['lookout'], 'the one')
        self.end(dashboard)
        self.assertIsNone(process.poll())
