/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_NETLINK_H
#define PLATFORM_NETLINK_H

#include <glib.h>

/* A socket to the kernel's rtnetlink(7), to read whole tables. */
typedef struct FirnNetlink FirnNetlink;

/* NULL with a G_FILE_ERROR. Free with firn_netlink_free(). */
FirnNetlink *firn_netlink_open(GError **error);
void firn_netlink_free(FirnNetlink *netlink);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnNetlink, firn_netlink_free)

/* A whole message, header included, aligned as one. */
typedef void (*FirnNetlinkEach)(const void *message, gsize length, gpointer data);

/*
 * Dumps the table of an RTM_GET... request, all address families. interrupted: set to TRUE when the
 * table changed meanwhile, otherwise left alone. FALSE with a G_FILE_ERROR.
 */
gboolean firn_netlink_dump(FirnNetlink *netlink, guint16 request, FirnNetlinkEach each,
                           gpointer data, gboolean *interrupted, GError **error);

#endif
