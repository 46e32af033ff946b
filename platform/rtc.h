/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_RTC_H
#define PLATFORM_RTC_H

#include "platform/clock.h"

/* The hardware clock, /dev/rtc0 or else /dev/rtc, in UTC or in local time as the third line of
 * hwclock(8)'s /etc/adjtime says. */
typedef struct FirnRtc FirnRtc;

/* Fails where there is none, or no right to it. Free with firn_rtc_free(). */
FirnRtc *firn_rtc_open(const FirnRoots *roots, const FirnClockCalls *calls, GError **error);
void firn_rtc_free(FirnRtc *rtc);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnRtc, firn_rtc_free)

/* Seconds since the epoch. */
gboolean firn_rtc_read(FirnRtc *rtc, gint64 *seconds, GError **error);
gboolean firn_rtc_set(FirnRtc *rtc, gint64 seconds, GError **error);

#endif
