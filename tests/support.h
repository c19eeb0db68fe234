/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What every test of the library shares: waiting for a state instead of
 * sleeping, rounds that the sanitizers divide, and counting what is left.
 *
 * Whatever waits here has a limit that only a hang reaches; a hang is reported
 * with g_error(), which names what was waited for.
 */

#pragma once

#include <thredo.h>

G_BEGIN_DECLS

/* Nothing in a test takes this long unless it hangs. */
#define SUPPORT_LIMIT (60 * G_TIME_SPAN_SECOND)

/* Longer than any test: a wait for this has to be ended by something else. */
#define SUPPORT_FOREVER (24 * G_TIME_SPAN_HOUR)

/* What a test cannot do under a sanitizer it has to skip. */
#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define SUPPORT_WITH_TSAN 1
#else
#define SUPPORT_WITH_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SUPPORT_WITH_ASAN 1
#else
#define SUPPORT_WITH_ASAN 0
#endif

typedef gboolean (*SupportCondition) (gpointer user_data);

/*
 * A gate made of GLib's own primitives, which the library knows nothing of: a
 * thread that waits at one is RUNNING as far as thredo is concerned.
 */
typedef struct
{
  GMutex mutex;
  GCond cond;
  gboolean open;
} SupportGate;

/* Initialises GTest and what is here; call it first in main(). */
void support_init (int    *argc,
                   char ***argv);

/* n rounds, fewer if THREDO_TEST_ROUNDS_DIVISOR says so, at least one. */
guint support_rounds (guint n);

/* The timeout for the next round of a race with a deadline, where the first has 0: about
 * as long as makes one and then the other come first, however fast the machine is. */
GTimeSpan support_aim (GTimeSpan timeout,
                       gboolean  was_late);

/* Waiting, without the library's help and with a limit. */
void support_wait_for (const char       *what,
                       SupportCondition  condition,
                       gpointer          user_data);
void support_wait_for_state (ThredoThread      *thread,
                             ThredoThreadState  state);
void support_wait_for_wait (ThredoThread *thread,
                            const char   *waiting_for);
void support_wait_for_int (int *atomic,
                           int  at_least);
void support_wait_for_finalize (gpointer *weak_location);

/* Iterates the thread-default main context until *flag is set. */
void support_iterate_until (gboolean *flag);

void support_gate_init (SupportGate *gate);
void support_gate_clear (SupportGate *gate);
void support_gate_open (SupportGate *gate);
void support_gate_wait (SupportGate *gate);

/* What /proc/self says. */
guint support_count_fds (void);
guint support_count_tasks (void);
guint support_count_tasks_named (const char *comm);

/* Asserts that the error is this one, and clears it for the next. */
void support_assert_error (GError **error,
                           GQuark   domain,
                           int      code);
void support_assert_cancelled (GError **error);
void support_assert_timed_out (GError **error);
void support_assert_closed (GError **error);

/* Cancels a thread, joins it and asserts that it ended by cancel. */
void support_cancel_and_join (ThredoThread *thread);
void support_join_ok (ThredoThread *thread);

/* Thread functions that many tests need. */
gboolean support_return_true (ThredoThread  *thread,
                              gpointer       user_data,
                              GError       **error);
gboolean support_sleep_forever (ThredoThread  *thread,
                                gpointer       user_data,
                                GError       **error);
gboolean support_wait_at_gate (ThredoThread  *thread,
                               gpointer       gate,
                               GError       **error);

/* A GDestroyNotify that counts its calls in the int it is given. */
void support_count_destroy (gpointer counter);

/* A GAsyncReadyCallback that keeps the result; NULL means: not yet. */
void support_keep_result (GObject      *source,
                          GAsyncResult *result,
                          gpointer      location);
void support_iterate_until_result (GAsyncResult **location);

/* A language that wraps objects, with a lock of its own, as Python has the GIL: a GToggleNotify
 * waits for that. */
typedef struct
{
  GMutex lock;
  int is_waited_for; /* by who has taken a second reference to an object */
} SupportLanguage;

void support_language_toggled (gpointer  language,
                               GObject  *object,
                               gboolean  is_last);

/*
 * Runs this program again with the arguments given, as a process of its own.
 * main() of the child finds them in its argv.
 */
GSubprocess *support_spawn_self (GSubprocessFlags  flags,
                                 const char       *first_argument,
                                 ...) G_GNUC_NULL_TERMINATED;

/* Waits for the process to end by itself, kills it at the limit. */
void support_wait_for_process (GSubprocess *process);

/* A signal each millisecond, which interrupts system calls. */
void support_begin_storm (void);
void support_end_storm (void);

G_END_DECLS
