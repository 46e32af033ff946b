/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/interfaces.h"

#include "platform/netlink.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>

struct FirnInterfaces {
    GPtrArray *list;   /* FirnInterface */
    GHashTable *names; /* name -> FirnInterface */
    GHashTable *links; /* index of the kernel -> FirnInterface */
};

static void interface_free(gpointer data)
{
    FirnInterface *interface = data;

    g_free(interface->name);
    g_free(interface->link);
    g_array_unref(interface->addresses);
    g_free(interface);
}

FirnInterfaces *firn_interfaces_new(void)
{
    FirnInterfaces *interfaces = g_new0(FirnInterfaces, 1);

    interfaces->list = g_ptr_array_new_with_free_func(interface_free);
    interfaces->names = g_hash_table_new(g_str_hash, g_str_equal);
    interfaces->links = g_hash_table_new(NULL, NULL);
    return interfaces;
}

void firn_interfaces_free(FirnInterfaces *interfaces)
{
    if (!interfaces)
        return;
    g_hash_table_unref(interfaces->names);
    g_hash_table_unref(interfaces->links);
    g_ptr_array_unref(interfaces->list);
    g_free(interfaces);
}

guint firn_interfaces_count(const FirnInterfaces *interfaces)
{
    return interfaces->list->len;
}

const FirnInterface *firn_interfaces_get(const FirnInterfaces *interfaces, guint index)
{
    return g_ptr_array_index(interfaces->list, index);
}

/* Takes `name` and `link`. */
static FirnInterface *add(FirnInterfaces *interfaces, char *name, char *link)
{
    FirnInterface *interface = g_new0(FirnInterface, 1);

    interface->name = name;
    interface->link = link;
    interface->addresses = g_array_new(FALSE, FALSE, sizeof(FirnAddress));
    g_ptr_array_add(interfaces->list, interface);
    g_hash_table_insert(interfaces->names, interface->name, interface);
    return interface;
}

typedef struct {
    const guint8 *data;
    gsize length;
} Attribute;

/* The attributes up to type `max` that follow a message's fixed part. */
static void read_attributes(const guint8 *at, gsize left, Attribute *attributes, guint max)
{
    struct rtattr header;

    while (left >= sizeof(header)) {
        gsize step;

        memcpy(&header, at, sizeof(header));
        if (header.rta_len < sizeof(header) || header.rta_len > left)
            return;
        if (header.rta_type <= max)
            attributes[header.rta_type] =
                (Attribute){at + sizeof(header), header.rta_len - sizeof(header)};
        step = MIN(RTA_ALIGN(header.rta_len), left);
        at += step;
        left -= step;
    }
}

static char *attribute_text(Attribute attribute)
{
    return attribute.length > 0 && attribute.data[0]
               ? g_strndup((const char *)attribute.data, attribute.length)
               : NULL;
}

static void read_counters(Attribute attribute, FirnInterfaceCounters *counters)
{
    struct rtnl_link_stats64 stats = {0};

    if (attribute.length > 0)
        memcpy(&stats, attribute.data, MIN(attribute.length, sizeof(stats)));
    *counters = (FirnInterfaceCounters){
        .rx_bytes = stats.rx_bytes,
        .rx_packets = stats.rx_packets,
        .rx_errs = stats.rx_errors,
        .rx_dropped = stats.rx_dropped + stats.rx_missed_errors,
        .tx_bytes = stats.tx_bytes,
        .tx_packets = stats.tx_packets,
        .tx_errs = stats.tx_errors,
        .tx_dropped = stats.tx_dropped,
    };
}

static void add_link(FirnInterfaces *interfaces, const guint8 *body, gsize length)
{
    Attribute attributes[IFLA_STATS64 + 1] = {0};
    struct ifinfomsg info;
    FirnInterface *interface;
    char *name;

    if (length < NLMSG_ALIGN(sizeof(info)))
        return;
    memcpy(&info, body, sizeof(info));
    read_attributes(body + NLMSG_ALIGN(sizeof(info)), length - NLMSG_ALIGN(sizeof(info)),
                    attributes, IFLA_STATS64);
    name = attribute_text(attributes[IFLA_IFNAME]);
    if (!name)
        return;
    interface = add(interfaces, name, g_strdup(name));
    interface->has_hardware = TRUE; /* one without an address has zeros */
    if (attributes[IFLA_ADDRESS].length > 0)
        memcpy(interface->hardware, attributes[IFLA_ADDRESS].data,
               MIN(attributes[IFLA_ADDRESS].length, FIRN_HARDWARE_BYTES));
    read_counters(attributes[IFLA_STATS64], &interface->counters);
    g_hash_table_insert(interfaces->links, GINT_TO_POINTER(info.ifi_index), interface);
}

/* The kernel knows "eth0:1" by the part before the colon, which gives it a hardware address. */
static FirnInterface *add_label(FirnInterfaces *interfaces, char *label, const FirnInterface *link)
{
    FirnInterface *interface = add(interfaces, label, g_strdup(link->name));
    g_autofree char *base = g_strndup(label, strcspn(label, ":"));
    const FirnInterface *known = g_hash_table_lookup(interfaces->names, base);

    interface->is_label = TRUE;
    if (known && known != interface) {
        interface->has_hardware = known->has_hardware;
        memcpy(interface->hardware, known->hardware, FIRN_HARDWARE_BYTES);
    }
    return interface;
}

static void add_address(FirnInterfaces *interfaces, const guint8 *body, gsize length)
{
    Attribute attributes[IFA_LABEL + 1] = {0};
    struct ifaddrmsg info;
    FirnInterface *interface;
    FirnAddress address = {0};
    Attribute bytes;
    char *label;

    if (length < NLMSG_ALIGN(sizeof(info)))
        return;
    memcpy(&info, body, sizeof(info));
    interface = g_hash_table_lookup(interfaces->links, GINT_TO_POINTER((int)info.ifa_index));
    if (!interface || (info.ifa_family != AF_INET && info.ifa_family != AF_INET6))
        return;
    read_attributes(body + NLMSG_ALIGN(sizeof(info)), length - NLMSG_ALIGN(sizeof(info)),
                    attributes, IFA_LABEL);
    /* with a peer, LOCAL is ours and ADDRESS the peer's */
    bytes = attributes[IFA_LOCAL].data ? attributes[IFA_LOCAL] : attributes[IFA_ADDRESS];
    if (bytes.length != (info.ifa_family == AF_INET ? 4 : 16) ||
        !inet_ntop(info.ifa_family, bytes.data, address.text, sizeof(address.text)))
        return;
    address.family = info.ifa_family;
    address.prefix = info.ifa_prefixlen;
    label = attribute_text(attributes[IFA_LABEL]);
    if (label && strcmp(label, interface->name) != 0) {
        FirnInterface *known = g_hash_table_lookup(interfaces->names, label);

        interface = known ? known : add_label(interfaces, g_steal_pointer(&label), interface);
    }
    g_free(label);
    g_array_append_val(interface->addresses, address);
}

void firn_interfaces_add_message(FirnInterfaces *interfaces, const void *message, gsize length)
{
    struct nlmsghdr header;
    const guint8 *body = (const guint8 *)message + NLMSG_HDRLEN;

    if (length < NLMSG_HDRLEN)
        return;
    memcpy(&header, message, sizeof(header));
    if (header.nlmsg_type == RTM_NEWLINK)
        add_link(interfaces, body, length - NLMSG_HDRLEN);
    else if (header.nlmsg_type == RTM_NEWADDR)
        add_address(interfaces, body, length - NLMSG_HDRLEN);
}

static void add_dumped(const void *message, gsize length, gpointer data)
{
    firn_interfaces_add_message(data, message, length);
}

/* A dump during which something changed may have left things out; the kernel says so. */
#define ATTEMPTS 3

FirnInterfaces *firn_interfaces_read(GError **error)
{
    g_autoptr(FirnNetlink) netlink = firn_netlink_open(error);

    if (!netlink)
        return NULL;
    for (guint attempt = 1;; attempt++) {
        g_autoptr(FirnInterfaces) interfaces = firn_interfaces_new();
        gboolean interrupted = FALSE;

        if (!firn_netlink_dump(netlink, RTM_GETLINK, add_dumped, interfaces, &interrupted, error) ||
            !firn_netlink_dump(netlink, RTM_GETADDR, add_dumped, interfaces, &interrupted, error))
            return NULL;
        if (!interrupted || attempt == ATTEMPTS)
            return g_steal_pointer(&interfaces);
    }
}
