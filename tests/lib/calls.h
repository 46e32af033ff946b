/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_CALLS_H
#define TESTS_LIB_CALLS_H

#include <glib.h>

/* System calls as a tracer sees them: their names, and how they may fail on a machine that is full
 * or broken, as their manual pages (section 2) tell. */

/* "openat", or "call 435" for one that the table does not have; free with g_free(). */
char *test_call_name(guint64 call, const guint64 args[6]);

/* Errnos that this call may end with, 0 behind the last one; none for a call that does not fail
 * in such ways. */
const int *test_call_errnos(guint64 call, const guint64 args[6]);

/* TRUE when the call has an effect that outlasts its process, so that it matters whether that is
 * killed before or after it. */
gboolean test_call_has_effect(guint64 call, const guint64 args[6]);

/* TRUE when it waits for something, so that a loop may make it any number of times. */
gboolean test_call_waits(guint64 call);

#endif
