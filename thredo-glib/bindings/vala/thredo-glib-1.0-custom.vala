// SPDX-License-Identifier: LGPL-2.1-or-later

// Values that a call returns are what it returns in Vala, and that there is none is an error. In C
// they are a parameter: where that is before the cancellable, Vala has to be told.

namespace Thredo {
	[CCode (cheader_filename = "thredo.h", type_id = "thredo_queue_get_type ()")]
	public sealed class Queue : GLib.Object {
		[Version (since = "1.0")]
		public GLib.Value get ([CCode (pos = -2.5)] GLib.Cancellable? cancellable = null) throws GLib.Error;
		[Version (since = "1.0")]
		public async GLib.Value get_async (GLib.Cancellable? cancellable = null) throws GLib.Error;
		[Version (since = "1.0")]
		public GLib.Value try_get () throws GLib.Error;
	}

	[CCode (cheader_filename = "thredo.h", type_id = "thredo_group_get_type ()")]
	public sealed class Group : GLib.Object {
		[Version (since = "1.0")]
		public GLib.Value next_result ([CCode (pos = -2.5)] GLib.Cancellable? cancellable = null) throws GLib.Error;
		[Version (since = "1.0")]
		public async GLib.Value next_result_async (GLib.Cancellable? cancellable = null) throws GLib.Error;
	}

	// The callback is called once, and takes with it what it is called with.
	[CCode (cheader_filename = "thredo.h", instance_pos = 2.9)]
	[Version (since = "1.0")]
	public delegate void AwaitFunc (GLib.Cancellable? cancellable, [CCode (scope = "async")] owned GLib.AsyncReadyCallback? callback);
}
