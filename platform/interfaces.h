/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_INTERFACES_H
#define PLATFORM_INTERFACES_H

#include <glib.h>
#include <netinet/in.h>

#define FIRN_HARDWARE_BYTES                                                                        \
    6 /* longer ones, as InfiniBand has, are cut as the packaged agent does */

typedef struct {
    int family; /* AF_INET or AF_INET6 */
    guint prefix;
    char text[INET6_ADDRSTRLEN];
} FirnAddress;

/* As /proc/net/dev counts: what the driver has missed is with the dropped. */
typedef struct {
    guint64 rx_bytes, rx_packets, rx_errs, rx_dropped;
    guint64 tx_bytes, tx_packets, tx_errs, tx_dropped;
} FirnInterfaceCounters;

/*
 * A network interface, or a label of an IPv4 address that is no interface's name ("eth0:1"), which
 * is shown as one.
 */
typedef struct {
    char *name; /* any bytes but '/' and NUL */
    char *link; /* the interface that a label is of; otherwise the name again */
    gboolean is_label;
    gboolean has_hardware;
    guint8 hardware[FIRN_HARDWARE_BYTES];
    FirnInterfaceCounters counters; /* zero for a label */
    GArray *addresses;              /* FirnAddress, in the kernel's order, IPv4 first */
} FirnInterface;

/* In the kernel's order, labels after all interfaces. */
typedef struct FirnInterfaces FirnInterfaces;

/*
 * This network namespace's interfaces and addresses, by one netlink dump of each; cost is linear in
 * both. NULL with an error that names the step. Free with firn_interfaces_free().
 */
FirnInterfaces *firn_interfaces_read(GError **error);
void firn_interfaces_free(FirnInterfaces *interfaces);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnInterfaces, firn_interfaces_free)

guint firn_interfaces_count(const FirnInterfaces *interfaces);
const FirnInterface *firn_interfaces_get(const FirnInterfaces *interfaces, guint index);

/* An empty list, to be filled with RTM_NEWLINK and then RTM_NEWADDR messages as rtnetlink(7) has
 * them (header included); others, and malformed ones, change nothing. */
FirnInterfaces *firn_interfaces_new(void);
void firn_interfaces_add_message(FirnInterfaces *interfaces, const void *message, gsize length);

#endif
