// SPDX-License-Identifier: LGPL-2.1-or-later

// Monitors from JavaScript, by plain introspection. JavaScript runs on its main thread only: what
// there is to see in this process is that thread, and of another one whatever it does.

import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';
import System from 'system';

const LIMIT_SECONDS = 60;

Gio._promisify(Thredo.Monitor, 'new_for_process_async', 'new_for_process_finish');
for (const call of ['cancel_thread', 'cancel_group'])
    Gio._promisify(Thredo.Monitor.prototype, `${call}_async`, `${call}_finish`);
Gio._promisify(Gio.Subprocess.prototype, 'wait_async', 'wait_finish');
Gio._promisify(Gio.DataInputStream.prototype, 'read_line_async', 'read_line_finish_utf8');

// The program that is watched.
const CHILD = `
import GLib from 'gi://GLib';
import Gio from 'gi://Gio';
import Thredo from 'gi://Thredo?version=1.0';

Thredo.Thread.self();
Thredo.Monitor.export();
const queue = Thredo.Queue.new(0);
queue.set_name('jobs');
queue.put(1, null);
const lock = new Thredo.Lock({name: 'gate'});
lock.acquire(null);
print('ready');
new Gio.UnixInputStream({fd: 0}).read_bytes(1, null);
lock.release();
`;

function assert(condition, message) {
    if (!condition)
        throw new Error(message);
}

function assertEqual(actual, expected) {
    assert(actual === expected, `${actual} is not ${expected}`);
}

async function assertRejects(domain, code, promise) {
    let error = null;
    try {
        await promise;
    } catch (e) {
        error = e;
    }
    assert(error !== null, 'Nothing was thrown');
    if (!(error instanceof GLib.Error))
        throw error;
    assert(error.matches(domain, code), `${error.domain} ${error.code}: ${error.message}`);
}

// Once a signal is emitted after which something is so.
function until(object, signal, condition) {
    return new Promise(resolve => {
        if (condition()) {
            resolve();
            return;
        }
        const handler = object.connect(signal, () => {
            if (!condition())
                return;
            object.disconnect(handler);
            resolve();
        });
    });
}

class Child {
    async start() {
        this.path = `${folder}/child.js`;
        GLib.file_set_contents(this.path, CHILD);
        this.process = Gio.Subprocess.new(['gjs', '-m', this.path],
            Gio.SubprocessFlags.STDIN_PIPE | Gio.SubprocessFlags.STDOUT_PIPE);
        const output = Gio.DataInputStream.new(this.process.get_stdout_pipe());
        const [line] = await output.read_line_async(GLib.PRIORITY_DEFAULT, null);
        assertEqual(line, 'ready');
        return Number(this.process.get_identifier());
    }

    async stop() {
        this.process.force_exit();
        await this.process.wait_async(null);
        GLib.unlink(this.path);
    }
}

const tests = {
    'list'() {
        const monitor = Thredo.Monitor.new();
        const self = Thredo.Thread.self();
        monitor.refresh();
        const infos = monitor.snapshot();
        const own = infos.find(info => info.get_thread() === self);
        assertEqual(own.id, self.id);
        assertEqual(own.get_group_path().length, 0);
        assertEqual(own.get_group_ids().length, 0);
        assertEqual(own.group_ids.deepUnpack().length, 0);
    },

    async 'cancel-async/not-found'() {
        const monitor = Thredo.Monitor.new();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND,
            monitor.cancel_thread_async(1000000, null));
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.NOT_FOUND,
            monitor.cancel_group_async(1000000, null));
        const cancellable = new Gio.Cancellable();
        cancellable.cancel();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CANCELLED,
            monitor.cancel_thread_async(1000000, cancellable));
    },

    async 'process'() {
        const child = new Child();
        const pid = await child.start();
        assert(Thredo.Monitor.list_processes().some(info => info.get_pid() === pid),
            'The process is not listed');
        const monitor = await Thredo.Monitor.new_for_process_async(pid, null);
        assertEqual(monitor.pid, pid);
        await until(monitor, 'refreshed', () => monitor.get_n_items() > 0);
        await until(monitor, 'refreshed', () => monitor.list_locks().length > 0);
        const info = monitor.get_item(0);
        assertEqual(info.get_thread(), null);
        const gate = monitor.list_locks().find(lock => lock.name === 'gate');
        assertEqual(gate.owner_id, info.id);
        assertEqual(gate.get_waiting_ids().length, 0);
        const jobs = monitor.list_queues().find(queue => queue.name === 'jobs');
        assertEqual(jobs.length, 1);
        assertEqual(monitor.get_history().length, 0);
        assertEqual(monitor.find_deadlocks().length, 0);
        await monitor.cancel_thread_async(info.id, null);
        await until(monitor, 'refreshed', () => info.cancelled);
        await child.stop();
        await until(monitor, 'notify::closed', () => monitor.is_closed());
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CLOSED,
            monitor.cancel_thread_async(info.id, null));
    },

    async 'process/none'() {
        const child = new Child();
        const pid = await child.start();
        await child.stop();
        await assertRejects(Gio.io_error_quark(), Gio.IOErrorEnum.CONNECTION_REFUSED,
            Thredo.Monitor.new_for_process_async(pid, null));
    },
};

let nFailed = 0;

async function runAll() {
    const names = Object.keys(tests);
    let n = 0;

    print(`1..${names.length}`);
    for (const name of names) {
        n++;
        try {
            await tests[name]();
            print(`ok ${n} /gjs/monitor/${name}`);
        } catch (error) {
            nFailed++;
            print(`not ok ${n} /gjs/monitor/${name}`);
            print(`# ${error}\n${error.stack ?? ''}`.trim().replaceAll('\n', '\n# '));
        }
    }
}

const folder = GLib.dir_make_tmp('thredo-XXXXXX');
GLib.setenv('XDG_RUNTIME_DIR', folder, true);

const loop = new GLib.MainLoop(null, false);

GLib.timeout_add_seconds(GLib.PRIORITY_DEFAULT, LIMIT_SECONDS, () => {
    print('Bail out! Hang: a promise was never settled');
    System.exit(1);
});
runAll().finally(() => loop.quit());
loop.run();
Thredo.Monitor.list_processes();
GLib.rmdir(`${folder}/thredo-glib`);
GLib.rmdir(folder);
System.exit(nFailed > 0 ? 1 : 0);
