/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/clock.h"

#include "platform/rtc.h"

#include <errno.h>
#include <sys/ioctl.h>

#define NS_PER_SECOND G_GINT64_CONSTANT(1000000000)
/* A hundred years of 365.25 days: as far from 1970 as the packaged agent goes. */
#define LATEST (G_GINT64_CONSTANT(3155760000) * NS_PER_SECOND)
/* How long, and how often, the hardware clock is asked for the turn of its second. */
#define TURN_WAIT_USEC (1200 * 1000)
#define TURN_STEP_USEC (5 * 1000)

static int set_system(const struct timespec *time, gpointer data)
{
    return clock_settime(CLOCK_REALTIME, time);
}

static int rtc_ioctl(int fd, unsigned long request, struct rtc_time *time, gpointer data)
{
    return ioctl(fd, request, time);
}

const FirnClockCalls firn_clock_kernel_calls = {set_system, rtc_ioctl, NULL};

gint64 firn_clock_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (gint64)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static gboolean check_calls(const FirnClockCalls *calls, GError **error)
{
    if (calls)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                "Failed to set time to guest: the agent looks at another tree than this machine's");
    return FALSE;
}

static gboolean set_system_clock(const FirnClockCalls *calls, gint64 time, GError **error)
{
    struct timespec wanted = {(time_t)(time / NS_PER_SECOND), (long)(time % NS_PER_SECOND)};

    if (calls->set_system(&wanted, calls->data) == 0)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                "Failed to set time to guest: %s", g_strerror(errno));
    return FALSE;
}

gboolean firn_clock_set(const FirnRoots *roots, const FirnClockCalls *calls, gint64 time,
                        GError **error)
{
    g_autoptr(FirnRtc) rtc = NULL;

    if (time < 0 || time >= LATEST) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "Invalid time");
        return FALSE;
    }
    if (!check_calls(calls, error) || !set_system_clock(calls, time, error))
        return FALSE;
    rtc = firn_rtc_open(roots, calls, error);
    if (rtc && firn_rtc_set(rtc, time / NS_PER_SECOND, error))
        return TRUE;
    g_prefix_error(error, "the system's time is set, but the hardware clock is not: ");
    return FALSE;
}

/* The hardware clock knows whole seconds: right after one has turned they are exact. */
static gboolean read_at_turn(FirnRtc *rtc, gint64 *seconds, GError **error)
{
    gint64 until = g_get_monotonic_time() + TURN_WAIT_USEC;
    gint64 first;

    if (!firn_rtc_read(rtc, &first, error))
        return FALSE;
    *seconds = first;
    while (*seconds == first && g_get_monotonic_time() < until) {
        g_usleep(TURN_STEP_USEC);
        if (!firn_rtc_read(rtc, seconds, error))
            return FALSE;
    }
    return TRUE;
}

gboolean firn_clock_set_from_rtc(const FirnRoots *roots, const FirnClockCalls *calls,
                                 GError **error)
{
    g_autoptr(FirnRtc) rtc = NULL;
    gint64 seconds = 0;

    if (!check_calls(calls, error))
        return FALSE;
    rtc = firn_rtc_open(roots, calls, error);
    if (!rtc || !read_at_turn(rtc, &seconds, error))
        return FALSE;
    if (seconds < 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "the hardware clock holds no time after 1970; set it first");
        return FALSE;
    }
    return set_system_clock(calls, seconds * NS_PER_SECOND, error);
}
