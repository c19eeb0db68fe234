/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "monitor-control.h"

/* Whether it makes sense to ask the thread to end: the one that shows the window is not asked. */
gboolean
monitor_control_can_cancel (ThredoThreadInfo *info)
{
  return !thredo_thread_info_is_cancelled (info) &&
         thredo_thread_info_get_thread (info) != thredo_thread_self ();
}

void
monitor_control_cancel_thread (ThredoThreadInfo *info)
{
  ThredoThread *thread = thredo_thread_info_get_thread (info);

  if (thread != NULL && monitor_control_can_cancel (info))
    thredo_thread_cancel (thread);
}

/* That the thread is in. */
void
monitor_control_cancel_group (ThredoThreadInfo *info)
{
  ThredoThread *thread = thredo_thread_info_get_thread (info);
  g_autoptr(ThredoGroup) group = thread != NULL ? thredo_thread_get_group (thread) : NULL;

  if (group != NULL)
    thredo_group_cancel (group);
}
