/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_ROUTES_H
#define PLATFORM_ROUTES_H

#include "platform/roots.h"

#include <glib.h>
#include <netinet/in.h>

/* More routes than this are left out of a list: a router with the whole Internet's table must not
 * make a reply that no client takes. */
#define FIRN_ROUTES_MAX 30000

typedef struct {
    char address[INET6_ADDRSTRLEN];
} FirnRouteAddress;

/* One line of /proc/net/route (version 4) or /proc/net/ipv6_route (version 6). */
typedef struct {
    guint version;
    char iface[64];
    FirnRouteAddress destination;
    guint64 metric, flags, refcnt, use;
    /* IPv4 */
    FirnRouteAddress gateway, mask;
    guint64 mtu, window, irtt;
    /* IPv6 */
    guint destination_prefix, source_prefix;
    FirnRouteAddress source, next_hop;
} FirnRoute;

typedef struct {
    GArray *entries;    /* FirnRoute */
    gboolean truncated; /* there are more than FIRN_ROUTES_MAX */
} FirnRoutes;

/* Both tables of `roots`, IPv4 first, each in the kernel's order; lines that no kernel writes are
 * left out. NULL with a G_FILE_ERROR when the IPv4 table cannot be read; a kernel without IPv6 is
 * none. Free with firn_routes_free(). */
FirnRoutes *firn_routes_read(const FirnRoots *roots, GError **error);
void firn_routes_free(FirnRoutes *routes);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnRoutes, firn_routes_free)

#endif
