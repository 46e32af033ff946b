/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_BENCH_IOCTL_TRACE_H
#define TESTS_BENCH_IOCTL_TRACE_H

#include <glib.h>

/*
 * The kernel's own record of FIFREEZE and FITHAW calls: a tracefs instance with the ioctl system
 * call's enter and exit events, so that both agents are measured from outside and alike.
 */
typedef struct IoctlTrace IoctlTrace;

/* Ends the program with a message where tracefs cannot be had. */
IoctlTrace *ioctl_trace_new(void);
void ioctl_trace_free(IoctlTrace *trace);

/* Forgets what was recorded. */
void ioctl_trace_clear(IoctlTrace *trace);

typedef struct {
    guint calls;    /* ioctls of that kind that returned 0 */
    double seconds; /* from the first one's start to the last one's end */
} IoctlSpan;

/* What was recorded since the last clear: calls of FIFREEZE (freeze TRUE) or FITHAW. */
IoctlSpan ioctl_trace_span(IoctlTrace *trace, gboolean freeze);

#endif
