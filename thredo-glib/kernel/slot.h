/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "config.h"

#if !THREDO_PORTABLE
#include <pthread.h>
#endif

#include "owner.h"
#include "spin.h"
#include "timers.h"
#include "wait.h"

typedef struct _ThredoLevel ThredoLevel;
typedef struct _ThredoBlocked ThredoBlocked;

/* What a kind of wait is called, one static instance for each call. */
typedef struct
{
  const char *function; /* "thredo_queue_get" */
  const char *verb;     /* "get" */
  const char *noun;     /* "Queue"; NULL: the wait is on nothing */
  const char *(*get_name) (gpointer object);
} ThredoWaitInfo;

/* What the library knows of an OS thread: each has one, because a thread
 * blocks in one place at a time. */
struct _ThredoSlot
{
  ThredoWait wait;
  ThredoSpinHistory history;
  ThredoTimer timer;
  gboolean is_loop;

#if !THREDO_PORTABLE
  pthread_t os_thread; /* written under the lock too, once its thread runs */
  gboolean has_os_thread;
  char os_name[16]; /* as last set; guarded by the lock of whoever names it */
#endif

  guint n_held;  /* locks that the thread owns; the owner's alone, see hold.h */
  guint n_bound; /* what its waits are part of and cannot fail; the owner's alone */

  /* An unused cancellable, kept to be pushed again; the owner's alone. */
  GCancellable *spare;

  /* Guards what is below for readers of other threads. The owner changes it
   * under the lock, and reads it without. Never held while anything is called
   * that could block. */
  ThredoMutex lock;
  ThredoLevel *innermost;
  gpointer owner;
  const ThredoWaitInfo *info;
  gpointer object;
  gint64 since;
  guint64 n_waits;        /* of the owner */
  guint64 n_waits_before; /* of owners that have ended */
  gint64 cpu_before;      /* nanoseconds, the same */

  ThredoBlocked *blocked; /* see chain.h */
  guint32 n_declared;

  /* Guarded by the registry's lock. */
  guint64 walked;
  ThredoSlot *next;
  ThredoSlot *prev;
};

#if THREDO_PORTABLE
ThredoSlot *thredo_slot_self_portable (void);
#else
#if defined(__GLIBC__)
#define THREDO_TLS __thread __attribute__ ((tls_model ("initial-exec")))
#else
#define THREDO_TLS __thread
#endif
extern THREDO_TLS ThredoSlot *thredo_slot_current;
#endif

ThredoSlot *thredo_slot_attach (void);

/* The calling thread's slot; attaches a thread of foreign origin. */
static inline ThredoSlot *
thredo_slot_self (void)
{
#if THREDO_PORTABLE
  return thredo_slot_self_portable ();
#else
  ThredoSlot *slot = thredo_slot_current;

  return G_LIKELY (slot != NULL) ? slot : thredo_slot_attach ();
#endif
}

ThredoSlot *thredo_slot_peek (void);
guint64 thredo_slot_new_serial (void);
void thredo_slot_init (ThredoSlot *self);
void thredo_slot_clear (ThredoSlot *self);
void thredo_slot_set_self (ThredoSlot *self);
void thredo_slot_attach_stray (ThredoSlot *self);
void thredo_slot_detach_stray (ThredoSlot *self);
void thredo_slot_set_owner (ThredoSlot *self,
                            gpointer    owner);
void thredo_slot_set_foreign_hooks (void (*attached) (ThredoSlot *slot),
                                    void (*detached) (ThredoSlot *slot));
void thredo_slot_foreach (void (*func) (ThredoSlot *slot,
                                        gpointer    user_data),
                          gpointer user_data);
void thredo_slot_walk (void (*func) (ThredoSlot *slot,
                                     gpointer    user_data),
                       gpointer user_data);
void thredo_slot_lock_registry (void);
void thredo_slot_unlock_registry (void);
guint thredo_slot_count_registered_locked (void);
void thredo_slot_foreach_locked (void (*func) (ThredoSlot *slot,
                                               gpointer    user_data),
                                 gpointer user_data);
void thredo_slot_set_os_name (ThredoSlot *self,
                              const char *name);
char *thredo_slot_dup_os_name (ThredoSlot *self);
char *thredo_slot_describe_wait (ThredoSlot *self);

/* For monitors. Processor time is accounted to the owners of a slot only while there is
 * one, as it takes a system call to ask for it. */
void thredo_slot_begin_accounting (void);
void thredo_slot_end_accounting (void);
gint64 thredo_slot_get_cpu_time_locked (ThredoSlot *self);
gint64 thredo_slot_get_own_cpu_time (ThredoSlot *self);
extern _Atomic guint thredo_slot_n_accounting;

/* A hint: whoever has just begun, or ended, may not be seen yet. */
static inline gboolean
thredo_slot_is_accounting (void)
{
  return atomic_load_explicit (&thredo_slot_n_accounting, memory_order_relaxed) > 0;
}

guint64 thredo_slot_count_waits_locked (void);

void thredo_slot_fork_prepare (void);
void thredo_slot_fork_parent (void);
void thredo_slot_fork_child (void);

gboolean thredo_slot_is_loop (void);
void thredo_slot_prepare (ThredoSlot           *self,
                          const ThredoWaitInfo *info);
ThredoWaitState thredo_slot_block (ThredoSlot           *self,
                                   const ThredoWaitInfo *info,
                                   gpointer              object,
                                   GCancellable         *cancellable);
ThredoWaitState thredo_slot_spin_and_block (ThredoSlot           *self,
                                            const ThredoWaitInfo *info,
                                            gpointer              object,
                                            GCancellable         *cancellable);
