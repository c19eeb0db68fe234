// SPDX-License-Identifier: LGPL-2.1-or-later

// The installed VAPI, used as a user's first program does.

void main () {
	try {
		var queue = new Thredo.Queue (1);
		var thread = Thredo.Thread.spawn ("putter", (thread) => queue.put (42));
		print ("%d\n", (int) queue.get ());
		thread.join ();
	} catch (Error failure) {
		error ("%s", failure.message);
	}
}
