/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include "platform/roots.h"

#include <linux/rtc.h>
#include <time.h>

/* The calls that set clocks, apart so that a test can record them: with the results and the errno
 * of clock_settime(2) and of rtc(4)'s ioctl(2). */
typedef struct {
    int (*set_system)(const struct timespec *time, gpointer data);
    int (*rtc)(int fd, unsigned long request, struct rtc_time *time, gpointer data);
    gpointer data;
} FirnClockCalls;

/* What the functions below take as `calls` outside tests. NULL means no calls at all: setting is
 * refused, as under roots that are not the machine's. */
extern const FirnClockCalls firn_clock_kernel_calls;

/* Nanoseconds since the epoch. */
gint64 firn_clock_now(void);

/*
 * Sets the system's clock to `time`, nanoseconds since the epoch, and then the hardware clock from
 * it. A failure of the second leaves the first done, and the error says so. A negative time, and
 * one more than a hundred years after 1970, is refused.
 */
gboolean firn_clock_set(const FirnRoots *roots, const FirnClockCalls *calls, gint64 time,
                        GError **error);

/* Sets the system's clock from the hardware clock, at the turn of a second where one comes within
 * 1.2 s; so it may block that long. */
gboolean firn_clock_set_from_rtc(const FirnRoots *roots, const FirnClockCalls *calls,
                                 GError **error);

#endif
