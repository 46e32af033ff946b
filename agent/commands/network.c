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

static JsonArray *addresses_array(const GArray *addresses)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < addresses->len; i++) {
        const FirnAddress *address = &g_array_index(addresses, FirnAddress, i);
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "ip-address", address->text);
        json_object_set_string_member(object, "ip-address-type",
                                      address->family == AF_INET ? "ipv4" : "ipv6");
        json_object_set_int_member(object, "prefix", address->prefix);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonObject *counters_object(const FirnInterfaceCounters *counters)
{
    JsonObject *object = json_object_new();

    qga_json_set_uint(object, "rx-bytes", counters->rx_bytes);
    qga_json_set_uint(object, "rx-packets", counters->rx_packets);
    qga_json_set_uint(object, "rx-errs", counters->rx_errs);
    qga_json_set_uint(object, "rx-dropped", counters->rx_dropped);
    qga_json_set_uint(object, "tx-bytes", counters->tx_bytes);
    qga_json_set_uint(object, "tx-packets", counters->tx_packets);
    qga_json_set_uint(object, "tx-errs", counters->tx_errs);
    qga_json_set_uint(object, "tx-dropped", counters->tx_dropped);
    return object;
}

static void set_hardware_address(JsonObject *object, const guint8 bytes[FIRN_HARDWARE_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    char text[3 * FIRN_HARDWARE_BYTES];

    for (guint i = 0; i < FIRN_HARDWARE_BYTES; i++) {
        text[3 * i] = digits[bytes[i] >> 4];
        text[3 * i + 1] = digits[bytes[i] & 15];
        text[3 * i + 2] = ':';
    }
    text[sizeof(text) - 1] = '\0';
    json_object_set_string_member(object, "hardware-address", text);
}

static JsonObject *interface_object(const FirnInterface *interface)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "name", interface->name);
    if (interface->has_hardware)
        set_hardware_address(object, interface->hardware);
    /* the packaged agent counts only where there is an address */
    if (interface->addresses->len > 0) {
        json_object_set_array_member(object, "ip-addresses", addresses_array(interface->addresses));
        if (!interface->is_label)
            json_object_set_object_member(object, "statistics",
                                          counters_object(&interface->counters));
    }
    return object;
}

static void get_interfaces(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    GError *error = NULL;
    g_autoptr(FirnInterfaces) interfaces = firn_interfaces_read(&error);
    JsonArray *array;

    if (!interfaces) {
        qga_reply_fail_error(reply, error);
        return;
    }
    array = json_array_new();
    for (guint i = 0; i < firn_interfaces_count(interfaces); i++) {
        const FirnInterface *interface = firn_interfaces_get(interfaces, i);

        if (!is_excluded(context->config, interface))
            json_array_add_object_element(array, interface_object(interface));
    }
    qga_reply_return_array(reply, array);
}

static void set_route4(JsonObject *object, const FirnRoute *route)
{
    json_object_set_string_member(object, "gateway", route->gateway.address);
    json_object_set_string_member(object, "mask", route->mask.address);
    json_object_set_int_member(object, "irtt", route->irtt);
    json_object_set_int_member(object, "window", route->window);
    json_object_set_int_member(object, "mtu", route->mtu);
}

/* The schema has the lengths of prefixes as text. */
static void set_route6(JsonObject *object, const FirnRoute *route)
{
    char length[sizeof("128")];

    g_snprintf(length, sizeof(length), "%u", route->destination_prefix);
    json_object_set_string_member(object, "desprefixlen", length);
    json_object_set_string_member(object, "source", route->source.address);
    g_snprintf(length, sizeof(length), "%u", route->source_prefix);
    json_object_set_string_member(object, "srcprefixlen", length);
    json_object_set_string_member(object, "nexthop", route->next_hop.address);
}

static JsonObject *route_object(const FirnRoute *route)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "iface", route->iface);
    json_object_set_string_member(object, "destination", route->destination.address);
    json_object_set_int_member(object, "metric", route->metric);
    json_object_set_int_member(object, "version", route->version);
    json_object_set_int_member(object, "flags", route->flags);
    json_object_set_int_member(object, "refcnt", route->refcnt);
    json_object_set_int_member(object, "use", route->use);
    if (route->version == 4)
        set_route4(object, route);
    else
        set_route6(object, route);
    return object;
}

static void get_route(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    GError *error = NULL;
    g_autoptr(FirnRoutes) routes = firn_routes_read(context->roots, &error);
    JsonArray *array;

    if (!routes) {
        qga_reply_fail_error(reply, error);
        return;
    }
    if (routes->truncated)
        g_warning("guest-network-get-route: only the first %d routes are told", FIRN_ROUTES_MAX);
    array = json_array_new();
    for (guint i = 0; i < routes->entries->len; i++)
        json_array_add_object_element(array,
                                      route_object(&g_array_index(routes->entries, FirnRoute, i)));
    qga_reply_return_array(reply, array);
}

static const char *const address_types[] = {"ipv4", "ipv6", NULL};
static const QgaMember address_members[] = {
    {"ip-address", QGA_TYPE_STRING},
    {"ip-address-type", QGA_TYPE_ENUM, .values = address_types},
    {"prefix", QGA_TYPE_INT},
    {0},
};
static const QgaMember counter_members[] = {
    {"rx-bytes", QGA_TYPE_UINT64},
    {"rx-packets", QGA_TYPE_UINT64},
    {"rx-errs", QGA_TYPE_UINT64},
    {"rx-dropped", QGA_TYPE_UINT64},
    {"tx-bytes", QGA_TYPE_UINT64},
    {"tx-packets", QGA_TYPE_UINT64},
    {"tx-errs", QGA_TYPE_UINT64},
    {"tx-dropped", QGA_TYPE_UINT64},
    {0},
};
static const QgaMember interface_members[] = {
    {"name", QGA_TYPE_STRING},
    {"hardware-address", QGA_TYPE_STRING, TRUE},
    {"ip-addresses", QGA_TYPE_LIST, TRUE, .element = QGA_TYPE_STRUCT, .members = address_members},
    {"statistics", QGA_TYPE_STRUCT, TRUE, .members = counter_members},
    {0},
};
static const QgaMember interfaces_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = interface_members};
static const QgaMember route_members[] = {
    {"iface", QGA_TYPE_STRING},
    {"destination", QGA_TYPE_STRING},
    {"metric", QGA_TYPE_INT},
    {"version", QGA_TYPE_INT},
    {"flags", QGA_TYPE_INT, TRUE},
    {"refcnt", QGA_TYPE_INT, TRUE},
    {"use", QGA_TYPE_INT, TRUE},
    {"gateway", QGA_TYPE_STRING, TRUE},
    {"mask", QGA_TYPE_STRING, TRUE},
    {"irtt", QGA_TYPE_INT, TRUE},
    {"window", QGA_TYPE_INT, TRUE},
    {"mtu", QGA_TYPE_INT, TRUE},
    {"desprefixlen", QGA_TYPE_STRING, TRUE},
    {"source", QGA_TYPE_STRING, TRUE},
    {"srcprefixlen", QGA_TYPE_STRING, TRUE},
    {"nexthop", QGA_TYPE_STRING, TRUE},
    {0},
};
static const QgaMember routes_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = route_members};

static const QgaCommand rows[] = {
    {
        .name = "guest-network-get-interfaces",
        .returns = &interfaces_returns,
        .summary = "The network interfaces in the kernel's order, with their addresses; those that "
                   "interface-exclude names are left out.",
        .handler = get_interfaces,
    },
    {
        .name = "guest-network-get-route",
        .returns = &routes_returns,
        .summary = "The routes of IPv4 (gateway to mtu) and of IPv6 (desprefixlen to nexthop).",
        .handler = get_route,
    },
};

void firn_network_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context, NULL);
}
