/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/routes.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_WORDS 12

/* Cuts the line at its white space; at most `max` words. */
static guint split(char *line, char **words, guint max)
{
    guint count = 0;
    char *save = NULL;

    for (char *word = strtok_r(line, " \t\n", &save); word && count < max;
         word = strtok_r(NULL, " \t\n", &save))
        words[count++] = word;
    return count;
}

static gboolean parse_number(const char *word, guint base, guint64 max, guint64 *value)
{
    return g_ascii_string_to_unsigned(word, base, 0, max, value, NULL);
}

/* The kernel prints the address's four bytes as the machine's own number. */
static gboolean parse_ipv4(const char *word, FirnRouteAddress *address)
{
    struct in_addr bytes;
    guint64 number;

    if (!parse_number(word, 16, G_MAXUINT32, &number))
        return FALSE;
    bytes.s_addr = (guint32)number;
    return inet_ntop(AF_INET, &bytes, address->address, sizeof(address->address)) != NULL;
}

/* 32 digits without colons. */
static gboolean parse_ipv6(const char *word, FirnRouteAddress *address)
{
    struct in6_addr bytes;

    if (strlen(word) != 2 * sizeof(bytes.s6_addr))
        return FALSE;
    for (gsize i = 0; i < sizeof(bytes.s6_addr); i++) {
        int high = g_ascii_xdigit_value(word[2 * i]);
        int low = g_ascii_xdigit_value(word[2 * i + 1]);

        if (high < 0 || low < 0)
            return FALSE;
        bytes.s6_addr[i] = (guint8)(high << 4 | low);
    }
    return inet_ntop(AF_INET6, &bytes, address->address, sizeof(address->address)) != NULL;
}

static gboolean parse_prefix(const char *word, guint *prefix)
{
    guint64 number;

    if (!parse_number(word, 16, 128, &number))
        return FALSE;
    *prefix = (guint)number;
    return TRUE;
}

/* The kernel prints this unsigned number as a signed one. */
static gboolean parse_metric4(const char *word, guint64 *metric)
{
    gint64 number;

    if (!g_ascii_string_to_signed(word, 10, G_MININT32, G_MAXUINT32, &number, NULL))
        return FALSE;
    *metric = (guint32)number;
    return TRUE;
}

/* Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT */
static gboolean parse_route4(char **words, guint count, FirnRoute *route)
{
    route->version = 4;
    return count == 11 &&
           g_strlcpy(route->iface, words[0], sizeof(route->iface)) < sizeof(route->iface) &&
           parse_ipv4(words[1], &route->destination) && parse_ipv4(words[2], &route->gateway) &&
           parse_number(words[3], 16, G_MAXUINT32, &route->flags) &&
           parse_number(words[4], 10, G_MAXINT64, &route->refcnt) &&
           parse_number(words[5], 10, G_MAXINT64, &route->use) &&
           parse_metric4(words[6], &route->metric) && parse_ipv4(words[7], &route->mask) &&
           parse_number(words[8], 10, G_MAXINT64, &route->mtu) &&
           parse_number(words[9], 10, G_MAXINT64, &route->window) &&
           parse_number(words[10], 10, G_MAXINT64, &route->irtt);
}

/* destination, its prefix, source, its prefix, next hop, metric, refcnt, use, flags, iface */
static gboolean parse_route6(char **words, guint count, FirnRoute *route)
{
    route->version = 6;
    return count == 10 && parse_ipv6(words[0], &route->destination) &&
           parse_prefix(words[1], &route->destination_prefix) &&
           parse_ipv6(words[2], &route->source) && parse_prefix(words[3], &route->source_prefix) &&
           parse_ipv6(words[4], &route->next_hop) &&
           parse_number(words[5], 16, G_MAXUINT32, &route->metric) &&
           parse_number(words[6], 16, G_MAXUINT32, &route->refcnt) &&
           parse_number(words[7], 16, G_MAXUINT32, &route->use) &&
           parse_number(words[8], 16, G_MAXUINT32, &route->flags) &&
           g_strlcpy(route->iface, words[9], sizeof(route->iface)) < sizeof(route->iface);
}

static gboolean read_table(const FirnRoots *roots, const char *table,
                           gboolean (*parse)(char **, guint, FirnRoute *), FirnRoutes *routes,
                           GError **error)
{
    g_autofree char *path = firn_roots_path(roots, table);
    FILE *file = fopen(path, "re");
    char line[512];

    if (!file) {
        int code = errno;

        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "open(\"%s\"): %s", path,
                    g_strerror(code));
        return FALSE;
    }
    while (!routes->truncated && fgets(line, sizeof(line), file)) {
        char *words[MAX_WORDS];
        FirnRoute route = {0};

        if (!parse(words, split(line, words, MAX_WORDS), &route))
            continue;
        if (routes->entries->len < FIRN_ROUTES_MAX)
            g_array_append_val(routes->entries, route);
        else
            routes->truncated = TRUE;
    }
    fclose(file);
    return TRUE;
}

FirnRoutes *firn_routes_read(const FirnRoots *roots, GError **error)
{
    g_autoptr(FirnRoutes) routes = g_new0(FirnRoutes, 1);

    routes->entries = g_array_new(FALSE, FALSE, sizeof(FirnRoute));
    if (!read_table(roots, "/proc/net/route", parse_route4, routes, error))
        return NULL;
    read_table(roots, "/proc/net/ipv6_route", parse_route6, routes, NULL);
    return g_steal_pointer(&routes);
}

void firn_routes_free(FirnRoutes *routes)
{
    if (!routes)
        return;
    g_array_unref(routes->entries);
    g_free(routes);
}
