/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include "owner.h"
#include "slot.h"

/* Who waits for whom.
 *
 * A thread that is about to block on something that another one has, a lock or
 * the end of that thread, declares so. From there to the withdrawal it takes
 * nothing but what it has declared, and gives nothing back. So the threads and
 * what they have declared are a graph in which each has at most one way out:
 * thread, what it waits for, the owner of that. A way that leads back to where
 * it began is a deadlock.
 *
 * A thread whose wait has ended otherwise, or is going to because it is cancelled
 * or too late, is on its way out: it waits for nobody, though it is declared still.
 *
 * A cycle can only close when somebody declares: what a thread gets, it gets
 * while it waits for nothing else. Declaring and following are one step under the
 * lock of the slots' registry, so of several threads that close a cycle
 * together the last one sees it whole. That lock also keeps the slots that are
 * come by.
 *
 * Locks change hands without it, so what is seen on the way may never have been
 * true at one time. A cycle is therefore walked twice. If on the second walk
 * every thread is in the same declaration as on the first, and every owner the
 * same, then between the two walks all of them waited at once: none could take
 * what it is found to own, or give it back, while it was declared. */
typedef struct _ThredoBlocked ThredoBlocked;

struct _ThredoBlocked
{
  ThredoOwner *owner; /* of what is waited for */
  const ThredoWaitInfo *info;
  gpointer object;
  GCancellable *cancellable;

  /* chain.c's own. */
  guint32 serial;
  gboolean is_own; /* of what the thread owns itself, and will wait for in vain */
  GArray *before;  /* a cycle that has been dealt with */
  GArray *cycle;   /* the one that is there now */
};

/* One thread of a cycle, which waits for what the next one owns. */
typedef struct
{
  ThredoSlot *slot; /* a name, not to be looked into */
  guint32 serial;
  gpointer thread; /* references */
  gpointer object;
  const ThredoWaitInfo *info;
  gboolean is_shielded; /* a cancel of the thread does not reach the wait */
} ThredoChainLink;

/* Called by the thread that closes a cycle, with no lock held and no wait armed;
 * what it does may itself block. FALSE with an error: the wait is refused. */
typedef gboolean (*ThredoChainHandler) (GArray    *cycle,
                                        gboolean   may_refuse,
                                        GError   **error);

void thredo_chain_set_handler (ThredoChainHandler handler);
gboolean thredo_chain_declare (ThredoSlot     *slot,
                               ThredoBlocked  *blocked,
                               GError        **error);
void thredo_chain_withdraw (ThredoSlot *slot);
GPtrArray *thredo_chain_find_cycles (void);
