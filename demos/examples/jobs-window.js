#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// A window with a list of jobs that can be cancelled, each a promise; the window stays alive.

import Gdk from 'gi://Gdk?version=4.0';
import Gio from 'gi://Gio';
import GObject from 'gi://GObject';
import Gtk from 'gi://Gtk?version=4.0';
import Pango from 'gi://Pango';
import Thredo from 'gi://Thredo?version=1.0';

const STYLE = `
list.jobs { border: 1px solid alpha(currentColor, 0.15); border-radius: 12px; }
list.jobs > row { padding: 12px; border-bottom: 1px solid alpha(currentColor, 0.1); }
list.jobs > row:last-child { border-bottom: none; border-radius: 0 0 12px 12px; }
list.jobs > row:first-child { border-radius: 12px 12px 0 0; }
list.jobs .title { font-weight: bold; padding: 0; }
list.jobs .state { font-size: smaller; font-feature-settings: "tnum"; }
list.jobs progressbar > trough, list.jobs progressbar > trough > progress { min-height: 6px; }
`;

const PRIMES = `BEGIN {
    for (n = 2; n < 30000000; n++) {
        for (i = 2; i * i <= n && n % i; i++)
            ;
        count += i * i > n;
    }
    print count, "primes";
}`;

// What the jobs do. A program runs in a thread of its own, which a cancel is to end, too.

async function run(argv, cancellable) {
    const thread = Thredo.Thread.spawn_command(argv);
    try {
        return (await thread.join_async(cancellable)).trim();
    } finally {
        thread.cancel();
    }
}

async function countPrimes(job, cancellable) {
    job.report('Another program counts');
    return run(['awk', PRIMES], cancellable);
}

async function takeANap(job, cancellable) {
    for (let n = 1; n <= 600; n++) {
        await Thredo.sleep_async(0.1, cancellable);
        job.report(`${Math.floor(n / 10)} of 60 seconds`, n / 600);
    }
    return 'Awake';
}

async function waitForAParcel(job, cancellable) {
    job.report('Nobody has sent one');
    return Thredo.Queue.new(0).get_async(cancellable);
}

async function readALostFile(job, cancellable) {
    return run(['cat', '/nowhere/to/be/found'], cancellable);
}

const KINDS = [
    ['Count primes', countPrimes],
    ['Take a nap', takeANap],
    ['Wait for a parcel', waitForAParcel],
    ['Read a lost file', readALostFile],
];

const JobRow = GObject.registerClass(class JobRow extends Gtk.ListBoxRow {
    _init(name, func, turns) {
        super._init({activatable: false});
        this._cancellable = new Gio.Cancellable();
        this._spinner = new Gtk.Spinner({spinning: true, valign: Gtk.Align.CENTER});
        this._icon = new Gtk.Image({visible: false});
        this._state = new Gtk.Label({
            xalign: 0, ellipsize: Pango.EllipsizeMode.END, css_classes: ['state', 'dim-label'],
        });
        this._bar = new Gtk.ProgressBar({margin_top: 6});
        this._button = new Gtk.Button({label: 'Cancel', valign: Gtk.Align.CENTER});
        this._bar.update_property([Gtk.AccessibleProperty.LABEL], [`Progress of ${name}`]);
        this._button.update_property([Gtk.AccessibleProperty.LABEL], [`Cancel ${name}`]);
        this._button.connect('clicked', () => this.cancel());

        const texts = new Gtk.Box({orientation: Gtk.Orientation.VERTICAL, spacing: 2});
        const title = new Gtk.Label({label: name, xalign: 0, hexpand: true, css_classes: ['title']});
        for (const child of [title, this._state, this._bar])
            texts.append(child);
        const box = new Gtk.Box({spacing: 12});
        for (const child of [this._spinner, this._icon, texts, this._button])
            box.append(child);
        this.set_child(box);
        this.ends = this._run(func, turns);
    }

    async _run(func, turns) {
        let hasTurn = false;
        try {
            this.report('Waits for its turn');
            hasTurn = await turns.acquire_async(this._cancellable);
            this._end('object-select-symbolic', await func(this, this._cancellable));
        } catch (error) {
            if (this._cancellable.is_cancelled())
                this._end('process-stop-symbolic', 'Cancelled');
            else
                this._end('dialog-warning-symbolic', `Failed: ${error.message}`);
        } finally {
            if (hasTurn)
                turns.release();
        }
    }

    _end(icon, text) {
        this._state.label = text;
        this._icon.icon_name = icon;
        this._icon.visible = true;
        for (const widget of [this._spinner, this._bar, this._button])
            widget.visible = false;
    }

    report(text, fraction = 0) {
        this._state.label = text;
        this._bar.fraction = fraction;
    }

    cancel() {
        this._cancellable.cancel();
    }
});

const JobsWindow = GObject.registerClass(class JobsWindow extends Gtk.ApplicationWindow {
    _init(application) {
        super._init({application, title: 'Jobs', default_width: 520, default_height: 520});
        this._turns = Thredo.Semaphore.new(3); // as many run at once
        this._rows = [];
        this._list = new Gtk.ListBox({
            selection_mode: Gtk.SelectionMode.NONE, css_classes: ['jobs'], valign: Gtk.Align.START,
            margin_top: 18, margin_bottom: 18, margin_start: 18, margin_end: 18,
        });
        this._list.update_property([Gtk.AccessibleProperty.LABEL], ['Jobs']);

        const header = new Gtk.HeaderBar();
        const add = new Gtk.Button({label: 'New Job', css_classes: ['suggested-action']});
        add.connect('clicked', () => this._addJob());
        header.pack_start(add);
        this.set_titlebar(header);
        this.set_child(new Gtk.ScrolledWindow({
            child: this._list, hscrollbar_policy: Gtk.PolicyType.NEVER,
        }));
        for (let i = 0; i < 3; i++)
            this._addJob();
    }

    _addJob() {
        const [name, func] = KINDS[this._rows.length % KINDS.length];
        const row = new JobRow(`${name} (${this._rows.length + 1})`, func, this._turns);
        this._rows.push(row);
        this._list.append(row);
    }

    // All have ended when it is fulfilled.
    endJobs() {
        for (const row of this._rows)
            row.cancel();
        return Promise.all(this._rows.map(row => row.ends));
    }
});

const application = new Gtk.Application({
    application_id: 'org.thredo.Jobs.JavaScript',
    flags: Gio.ApplicationFlags.NON_UNIQUE,
});
const quit = new Gio.SimpleAction({name: 'quit'});
quit.connect('activate', () => application.quit());
application.add_action(quit);
application.set_accels_for_action('app.quit', ['<Control>q']);
application.connect('activate', () => {
    const style = new Gtk.CssProvider();
    style.load_from_data(STYLE);
    Gtk.StyleContext.add_provider_for_display(Gdk.Display.get_default(), style,
        Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION);
    application.window = new JobsWindow(application);
    application.window.present();
});
application.run(null);
await application.window.endJobs();
