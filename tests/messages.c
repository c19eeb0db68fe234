/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "messages.h"

typedef struct
{
  GLogLevelFlags level;
  char *text;
} Message;

static GMutex lock;
static GQueue messages = G_QUEUE_INIT;

static void
keep (const char     *domain,
      GLogLevelFlags  level,
      const char     *text,
      gpointer        user_data)
{
  Message *message = g_new (Message, 1);

  message->level = level & G_LOG_LEVEL_MASK;
  message->text = g_strdup (text);
  g_mutex_lock (&lock);
  g_queue_push_tail (&messages, message);
  g_mutex_unlock (&lock);
}

void
messages_init (void)
{
  g_log_set_always_fatal (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL);
  g_log_set_handler ("Thredo", G_LOG_LEVEL_WARNING | G_LOG_LEVEL_MESSAGE, keep, NULL);
}

guint
messages_count (void)
{
  guint n;

  g_mutex_lock (&lock);
  n = messages.length;
  g_mutex_unlock (&lock);

  return n;
}

char *
messages_take (GLogLevelFlags level)
{
  Message *message;
  char *text;

  g_mutex_lock (&lock);
  message = g_queue_pop_head (&messages);
  g_mutex_unlock (&lock);

  if (message == NULL)
    g_error ("There is no message, one of level %d was expected", level);
  if (message->level != level)
    g_error ("The level of this is %d, and not %d: %s", message->level, level, message->text);
  text = message->text;
  g_free (message);

  return text;
}

void
messages_assert_next (GLogLevelFlags  level,
                      const char     *text)
{
  g_autofree char *taken = messages_take (level);

  g_assert_cmpstr (taken, ==, text);
}

void
messages_assert_none (void)
{
  Message *message;

  g_mutex_lock (&lock);
  message = g_queue_peek_head (&messages);
  if (message != NULL)
    g_error ("Nobody expected this: %s", message->text);
  g_mutex_unlock (&lock);
}
