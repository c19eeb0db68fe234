// SPDX-License-Identifier: LGPL-2.1-or-later

// Stands before the overrides, also before installed ones: what these tests see is introspection
// and nothing else.

function _init() {}
