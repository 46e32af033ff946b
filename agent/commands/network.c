/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "platform/interfaces.h"
#include "platform/routes.h"

#include <fnmatch.h>

/* Handlers of this family get the context. */

/* A label goes with the interface it is of. */
static gboolean is_excluded(const FirnConfig *config, const FirnInterface *interface)
{
    for (char **glob = config->interface_exclude; glob && *glob; glob++)
        if (fnmatch(*glob, interface->name, 0) == 0 || fnmatch(*glob, interface->link, 0) == 0)
            return TRUE;
    return FALSE;
}

static void write_addresses(QgaWriter *writer, const GArray *addresses)
{
    qga_writer_name(writer, "ip-addresses");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < addresses->len; i++) {
        const FirnAddress *address = &g_array_index(addresses, FirnAddress, i);

        qga_writer_begin_object(writer);
        qga_writer_member_string(writer, "ip-address", address->text);
        qga_writer_member_string(writer, "ip-address-type",
                                 address->family == AF_INET ? "ipv4" : "ipv6");
        qga_writer_member_uint(writer, "prefix", address->prefix);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
}

static void write_counters(QgaWriter *writer, const FirnInterfaceCounters *counters)
{
    qga_writer_name(writer, "statistics");
    qga_writer_begin_object(writer);
    qga_writer_member_uint(writer, "rx-bytes", counters->rx_bytes);
    qga_writer_member_uint(writer, "rx-packets", counters->rx_packets);
    qga_writer_member_uint(writer, "rx-errs", counters->rx_errs);
    qga_writer_member_uint(writer, "rx-dropped", counters->rx_dropped);
    qga_writer_member_uint(writer, "tx-bytes", counters->tx_bytes);
    qga_writer_member_uint(writer, "tx-packets", counters->tx_packets);
    qga_writer_member_uint(writer, "tx-errs", counters->tx_errs);
    qga_writer_member_uint(writer, "tx-dropped", counters->tx_dropped);
    qga_writer_end_object(writer);
}

static void write_hardware_address(QgaWriter *writer, const guint8 bytes[FIRN_HARDWARE_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char text[3 * FIRN_HARDWARE_BYTES];

    for (guint i = 0; i < FIRN_HARDWARE_BYTES; i++) {
        text[3 * i] = digits[bytes[i] >> 4];
        text[3 * i + 1] = digits[bytes[i] & 15];
        text[3 * i + 2] = ':';
    }
    qga_writer_name(writer, "hardware-address");
    qga_writer_string_length(writer, text, sizeof(text) - 1);
}

static void write_interface(QgaWriter *writer, const FirnInterface *interface)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "name", interface->name);
    if (interface->has_hardware)
        write_hardware_address(writer, interface->hardware);
    /* the packaged agent counts only where there is an address */
    if (interface->addresses->len > 0) {
        write_addresses(writer, interface->addresses);
        if (!interface->is_label)
            write_counters(writer, &interface->counters);
    }
    qga_writer_end_object(writer);
}

static void get_interfaces(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    GError *error = NULL;
    g_autoptr(FirnInterfaces) interfaces = firn_interfaces_read(&error);
    QgaWriter *writer;

    if (!interfaces) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    for (guint i = 0; i < firn_interfaces_count(interfaces); i++) {
        const FirnInterface *interface = firn_interfaces_get(interfaces, i);

        if (!is_excluded(context->config, interface))
            write_interface(writer, interface);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

static void write_route4(QgaWriter *writer, const FirnRoute *route)
{
    qga_writer_member_string(writer, "gateway", route->gateway.address);
    qga_writer_member_string(writer, "mask", route->mask.address);
    qga_writer_member_uint(writer, "irtt", route->irtt);
    qga_writer_member_uint(writer, "window", route->window);
    qga_writer_member_uint(writer, "mtu", route->mtu);
}

/* The schema has the lengths of prefixes as text. */
static void write_route6(QgaWriter *writer, const FirnRoute *route)
{
    char length[sizeof("128")];

    g_snprintf(length, sizeof(length), "%u", route->destination_prefix);
    qga_writer_member_string(writer, "desprefixlen", length);
    qga_writer_member_string(writer, "source", route->source.address);
    g_snprintf(length, sizeof(length), "%u", route->source_prefix);
    qga_writer_member_string(writer, "srcprefixlen", length);
    qga_writer_member_string(writer, "nexthop", route->next_hop.address);
}

static void get_route(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    GError *error = NULL;
    g_autoptr(FirnRoutes) routes = firn_routes_read(context->roots, &error);
    QgaWriter *writer;

    if (!routes) {
        qga_reply_fail_error(reply, error);
        return;
    }
    if (routes->truncated)
        g_warning("guest-network-get-route: only the first %d routes are told", FIRN_ROUTES_MAX);
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    for (guint i = 0; i < routes->entries->len; i++) {
        const FirnRoute *route = &g_array_index(routes->entries, FirnRoute, i);

        qga_writer_begin_object(writer);
        qga_writer_member_string(writer, "iface", route->iface);
        qga_writer_member_string(writer, "destination", route->destination.address);
        qga_writer_member_uint(writer, "metric", route->metric);
        qga_writer_member_uint(writer, "version", route->version);
        qga_writer_member_uint(writer, "flags", route->flags);
        qga_writer_member_uint(writer, "refcnt", route->refcnt);
        qga_writer_member_uint(writer, "use", route->use);
        if (route->version == 4)
            write_route4(writer, route);
        else
            write_route6(writer, route);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

static const QgaCommand rows[] = {
    {
        .name = "guest-network-get-interfaces",
        .returns = "[{name: str, hardware-address?: str, ip-addresses?: [{ip-address: str, "
                   "ip-address-type: \"ipv4\"|\"ipv6\", prefix: int}], statistics?: {rx-bytes: "
                   "int, rx-packets: int, rx-errs: int, rx-dropped: int, tx-bytes: int, "
                   "tx-packets: int, tx-errs: int, tx-dropped: int}}]",
        .summary = "The network interfaces in the kernel's order, with their addresses; those that "
                   "interface-exclude names are left out.",
        .handler = get_interfaces,
    },
    {
        .name = "guest-network-get-route",
        .returns = "[{iface: str, destination: str, metric: int, version: 4|6, gateway?: str, "
                   "mask?: str, irtt?: int, flags?: int, refcnt?: int, use?: int, window?: int, "
                   "mtu?: int, desprefixlen?: str, source?: str, srcprefixlen?: str, "
                   "nexthop?: str}]",
        .summary = "The routes of IPv4 (gateway to mtu) and of IPv6 (desprefixlen to nexthop).",
        .handler = get_route,
    },
};

void firn_network_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context, NULL);
}
