/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/timezone.h"

#include <time.h>

static FirnTimezone *new_timezone(const char *zone, gint offset)
{
    FirnTimezone *result = g_new0(FirnTimezone, 1);

    result->zone = zone && *zone ? g_strdup(zone) : NULL;
    result->offset = offset;
    return result;
}

static FirnTimezone *read_host(gint64 now)
{
    time_t seconds = (time_t)now;
    struct tm local;

    /* tzset() notices a changed /etc/localtime, localtime_r() alone need not. */
    tzset();
    if (!localtime_r(&seconds, &local))
        return new_timezone("UTC", 0);
    return new_timezone(local.tm_zone, (gint)local.tm_gmtoff);
}

static FirnTimezone *read_file(const char *path, gint64 now)
{
    g_autoptr(GTimeZone) zone = g_time_zone_new_identifier(path);
    gint interval;

    if (!zone)
        return new_timezone("UTC", 0);
    interval = g_time_zone_find_interval(zone, G_TIME_TYPE_UNIVERSAL, now);
    return new_timezone(g_time_zone_get_abbreviation(zone, interval),
                        g_time_zone_get_offset(zone, interval));
}

FirnTimezone *firn_timezone_read(const FirnRoots *roots, gint64 now)
{
    g_autofree char *path = NULL;

    if (firn_roots_are_host(roots))
        return read_host(now);
    path = firn_roots_path(roots, "/etc/localtime");
    return read_file(path, now);
}

void firn_timezone_free(FirnTimezone *zone)
{
    if (!zone)
        return;
    g_free(zone->zone);
    g_free(zone);
}
