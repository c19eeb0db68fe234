/* SPDX-License-Identifier: LGPL-2.1-or-later */

#pragma once

#include <thredo.h>

/* What the program's exit status says; the manual page says the same. */
typedef enum
{
  CTL_DONE = 0,
  CTL_FAILED = 1,
  CTL_USAGE = 2,
  CTL_DEADLOCKED = 3,  /* of `deadlocks`: there are some */
  CTL_STILL_THERE = 4, /* of `cancel --wait`: the time is over */
} CtlStatus;

/* What the command line says; 0 and NULL where it says nothing. */
typedef struct
{
  const char *process; /* a number or a name, or NULL for the only one there is */
  char **arguments;    /* what follows the process */
  gboolean is_json;
  gboolean is_bare;
  gboolean is_group;
  gboolean follows;
  GTimeSpan wait; /* -1: not given */
  GTimeSpan delay;
  guint rounds; /* 0: until somebody ends it */
} CtlOptions;

typedef struct
{
  const char *name;
  const char *arguments;
  const char *summary;
  const char *options; /* the letters of those that it has */
  guint max_arguments;
  CtlStatus (*run) (CtlOptions *options);
} CtlCommand;

CtlStatus ctl_list_run (CtlOptions *options);
CtlStatus ctl_ps_run (CtlOptions *options);
CtlStatus ctl_top_run (CtlOptions *options);
CtlStatus ctl_where_run (CtlOptions *options);
CtlStatus ctl_cancel_run (CtlOptions *options);
CtlStatus ctl_locks_run (CtlOptions *options);
CtlStatus ctl_queues_run (CtlOptions *options);
CtlStatus ctl_history_run (CtlOptions *options);
CtlStatus ctl_deadlocks_run (CtlOptions *options);
CtlStatus ctl_dump_run (CtlOptions *options);
