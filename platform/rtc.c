/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/rtc.h"

#include "platform/text-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

struct FirnRtc {
    const FirnClockCalls *calls;
    int fd;
    gboolean local;
};

static gboolean is_local(const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, "/etc/adjtime");
    g_autofree char *text = firn_text_file_read(path, NULL);
    g_auto(GStrv) lines = g_strsplit(text ? text : "", "\n", -1);

    return g_strv_length(lines) > 2 && g_str_equal(g_strstrip(lines[2]), "LOCAL");
}

FirnRtc *firn_rtc_open(const FirnRoots *roots, const FirnClockCalls *calls, GError **error)
{
    static const char *const devices[] = {"/dev/rtc0", "/dev/rtc"};
    FirnRtc *rtc;
    int fd = -1, cause = 0;

    for (guint i = 0; i < G_N_ELEMENTS(devices) && fd < 0; i++) {
        g_autofree char *path = firn_roots_path(roots, devices[i]);

        fd = open(path, O_RDONLY | O_CLOEXEC);
        /* The first device's trouble is worth telling, a second that is missing is not. */
        if (fd < 0 && (cause == 0 || cause == ENOENT))
            cause = errno;
    }
    if (fd < 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                    "cannot open the hardware clock (/dev/rtc0, /dev/rtc): %s%s", g_strerror(cause),
                    cause == ENOENT ? "; this machine shows none to its agent" : "");
        return NULL;
    }
    rtc = g_new0(FirnRtc, 1);
    rtc->calls = calls;
    rtc->fd = fd;
    rtc->local = is_local(roots);
    return rtc;
}

void firn_rtc_free(FirnRtc *rtc)
{
    if (!rtc)
        return;
    close(rtc->fd);
    g_free(rtc);
}

/* The ioctl's time has the first members of struct tm. */
static void to_rtc(const struct tm *tm, struct rtc_time *time)
{
    memset(time, 0, sizeof *time);
    time->tm_sec = tm->tm_sec;
    time->tm_min = tm->tm_min;
    time->tm_hour = tm->tm_hour;
    time->tm_mday = tm->tm_mday;
    time->tm_mon = tm->tm_mon;
    time->tm_year = tm->tm_year;
}

static time_t from_rtc(const struct rtc_time *time, gboolean local)
{
    struct tm tm = {
        .tm_sec = time->tm_sec,
        .tm_min = time->tm_min,
        .tm_hour = time->tm_hour,
        .tm_mday = time->tm_mday,
        .tm_mon = time->tm_mon,
        .tm_year = time->tm_year,
        .tm_isdst = -1,
    };

    return local ? mktime(&tm) : timegm(&tm);
}

gboolean firn_rtc_read(FirnRtc *rtc, gint64 *seconds, GError **error)
{
    struct rtc_time time = {0};

    if (rtc->calls->rtc(rtc->fd, RTC_RD_TIME, &time, rtc->calls->data) < 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot read the hardware clock: %s", g_strerror(errno));
        return FALSE;
    }
    *seconds = from_rtc(&time, rtc->local);
    return TRUE;
}

gboolean firn_rtc_set(FirnRtc *rtc, gint64 seconds, GError **error)
{
    time_t when = (time_t)seconds;
    struct rtc_time time;
    struct tm tm;

    tzset(); /* the zone may have changed, which localtime_r() does not look for */
    if (!(rtc->local ? localtime_r(&when, &tm) : gmtime_r(&when, &tm))) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "Invalid time");
        return FALSE;
    }
    to_rtc(&tm, &time);
    if (rtc->calls->rtc(rtc->fd, RTC_SET_TIME, &time, rtc->calls->data) < 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot set the hardware clock: %s%s", g_strerror(errno),
                    errno == EPERM || errno == EACCES ? "; the agent needs CAP_SYS_TIME" : "");
        return FALSE;
    }
    return TRUE;
}
