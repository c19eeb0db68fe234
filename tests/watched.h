/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Processes that are watched: the children, who do what they are told line by line, and those who
 * look at them.
 */

#pragma once

#include "support.h"

G_BEGIN_DECLS

typedef struct
{
  GSubprocess *process;
  GOutputStream *input;
  GDataInputStream *output;
  guint pid;
} Child;

/* The child's side: obeys until it is told to "quit". */
int child_run (gboolean is_exporting);

/* The parent's side. The argument makes the program's main() call the above. An order has been
 * carried out when this returns: "spawn NAME" and "member NAME" (of the group "family") make
 * threads that sleep, "cancel NAME" and "rename NAME" are for those; "deadlock"; "line NAME" makes
 * a lock, an "owner", and "first" and "second" in line for it; "queue NAME" one with three items;
 * "crowd NAME" makes 10,100 locks, and one that is owned; "fail NAME" and "finish NAME" run a
 * thread to its end; "hold" keeps the loop from serving, until "release"; "unexport". */
void child_init (Child      *self,
                 const char *argument);
void child_clear (Child *self);
/* When it returns all of its threads have stopped. */
void child_stop (Child *self);
void child_continue (Child *self);
void child_expect (Child      *self,
                   const char *line);
void child_tell (Child      *self,
                 const char *line);
void child_order (Child      *self,
                  const char *line);

/* The runtime folder of this process and its children. */
extern char *watch_folder;
void watch_make_folder (void);
char *watch_dup_socket_path (guint pid);

/* Runs the default main context meanwhile. */
void watch_until (const char       *what,
                  SupportCondition  condition,
                  gpointer          user_data);

/* A monitor that looks often; and a thread in it, once it waits for what is said, if that is not
 * NULL. */
ThredoMonitor *watch_process (guint pid);
ThredoThreadInfo *watch_find (ThredoMonitor *monitor,
                              const char    *name,
                              const char    *waiting_for);
void watch_find_gone (ThredoMonitor *monitor,
                      const char    *name);
void watch_find_any (ThredoMonitor *monitor);

/* A bare socket, and what comes from it until the other side closes. */
int watch_connect (const char *path);
void watch_read_to_end (int fd);

G_END_DECLS
