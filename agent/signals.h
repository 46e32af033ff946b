/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_SIGNALS_H
#define AGENT_SIGNALS_H

#include <glib.h>

typedef void (*FirnSignalArrived)(int number, gpointer data);

/*
 * Has `arrived` called from the main loop for SIGTERM, SIGINT and SIGHUP, once for all of a number
 * that came meanwhile, from now until the process ends: a second signal must not kill an agent that
 * is about to end by itself. Once in a process. Unlike g_unix_signal_add() it needs no thread,
 * which would cost a stack and a malloc arena for as long as the agent lives. Fails when the
 * process has no descriptor left (eventfd(2)).
 */
gboolean firn_signals_watch(FirnSignalArrived arrived, gpointer data, GError **error);

#endif
