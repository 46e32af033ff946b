/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_WATCH_H
#define PLATFORM_WATCH_H

#include <glib-unix.h>

/*
 * g_unix_fd_add() at a lower price, for what is called with every request. GLib keeps a source from
 * being called again by a main loop that its callback runs: it takes the descriptor off the loop
 * and puts it back, which are two wake-ups, and one more round of the loop to find that nothing has
 * happened. Here `ready` must not run the main loop.
 */
guint firn_watch_fd(int fd, GIOCondition condition, GUnixFDSourceFunc ready, gpointer data);

#endif
