/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/endurance.h"
#include "tests/lib/shell.h"
#include "tests/lib/suite.h"

#include <string.h>

#define INTERFACES "{\"execute\":\"guest-network-get-interfaces\"}"
#define ROUTE "{\"execute\":\"guest-network-get-route\"}"

static TestDaemon *daemon_;
static TestClient *client;

/* Starts the agent in a network of its own that the script makes. FALSE with the reason where that
 * cannot be had. */
static gboolean start(const char *script, const char *const *options, char **why)
{
    if (!test_private_network()) {
        *why = g_strdup("no network namespace here (needs root)");
        return FALSE;
    }
    if (!test_shell(why, "%s", script))
        return FALSE;
    daemon_ = test_daemon_start(options);
    client = test_daemon_connect(daemon_);
    return TRUE;
}

static void stop(void)
{
    g_clear_pointer(&client, test_client_free);
    g_clear_pointer(&daemon_, test_daemon_free);
}

static JsonObject *find_entry(JsonNode *list, const char *name)
{
    JsonArray *array = json_node_get_array(list);

    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *entry = json_array_get_object_element(array, i);

        if (strcmp(json_object_get_string_member(entry, "name"), name) == 0)
            return entry;
    }
    return NULL;
}

/* "ADDRESS/PREFIX ..." */
static char *addresses_of(JsonObject *entry)
{
    GString *text = g_string_new(NULL);
    JsonArray *array;

    if (!json_object_has_member(entry, "ip-addresses"))
        return g_string_free(text, FALSE);
    array = json_object_get_array_member(entry, "ip-addresses");
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *address = json_array_get_object_element(array, i);
        const char *ip = json_object_get_string_member(address, "ip-address");

        ck_assert_str_eq(json_object_get_string_member(address, "ip-address-type"),
                         strchr(ip, ':') ? "ipv6" : "ipv4");
        g_string_append_printf(text, "%s%s/%d", text->len > 0 ? " " : "", ip,
                               (int)json_object_get_int_member(address, "prefix"));
    }
    return g_string_free(text, FALSE);
}

static void check_addresses(JsonNode *list, const char *name, const char *expected)
{
    JsonObject *entry = find_entry(list, name);
    g_autofree char *text = NULL;

    ck_assert_msg(entry != NULL, "no interface %s", name);
    text = addresses_of(entry);
    ck_assert_str_eq(text, expected);
}

START_TEST(test_interfaces)
{
    g_autofree char *why = NULL;
    g_autoptr(JsonNode) list = NULL;
    JsonObject *entry;

    if (!start("sysctl -qw net.ipv6.conf.default.accept_dad=0 || true; ip link set lo up\n"
               "ip link add v0 type veth peer name v1\n"
               "ip link set v0 address 02:00:00:00:00:0a\n"
               "ip addr add 10.1.0.1/24 dev v0; ip addr add 10.1.0.2/24 dev v0\n"
               "ip addr add 10.9.0.1/16 dev v0 label v0:1\n"
               "ip addr add fd00:1::1/64 dev v0\n"
               "ip link add 'a|b\"' type veth peer name \"$(printf '\\374x')\"\n",
               NULL, &why))
        TEST_SKIP("%s", why);
    list = test_client_value(client, INTERFACES);
    check_addresses(list, "lo", "127.0.0.1/8 ::1/128");
    check_addresses(list, "v0", "10.1.0.1/24 10.1.0.2/24 fd00:1::1/64");
    check_addresses(list, "v0:1", "10.9.0.1/16");
    check_addresses(list, "v1", "");
    check_addresses(list, "a|b\"", "");
    check_addresses(list, "\xef\xbf\xbdx", ""); /* what is no UTF-8 becomes U+FFFD */
    entry = find_entry(list, "v0");
    ck_assert_str_eq(json_object_get_string_member(entry, "hardware-address"), "02:00:00:00:00:0a");
    ck_assert(json_object_has_member(entry, "statistics"));
    entry = find_entry(list, "v0:1");
    ck_assert_str_eq(json_object_get_string_member(entry, "hardware-address"), "02:00:00:00:00:0a");
    ck_assert(!json_object_has_member(entry, "statistics"));
    entry = find_entry(list, "v1");
    ck_assert(!json_object_has_member(entry, "ip-addresses"));
    stop();
}
END_TEST

START_TEST(test_exclude)
{
    static const char *const options[] = {"--interface-exclude=v[0-9]*,lo", NULL};
    g_autofree char *why = NULL;
    g_autoptr(JsonNode) list = NULL;

    if (!start(
            "ip link add v0 type veth peer name w0\n"
            "ip addr add 10.9.0.1/16 dev v0 label v0:1; ip addr add 10.9.0.2/16 dev v0 label x\n",
            options, &why))
        TEST_SKIP("%s", why);
    list = test_client_value(client, INTERFACES);
    ck_assert_uint_eq(json_array_get_length(json_node_get_array(list)), 1);
    ck_assert_ptr_nonnull(find_entry(list, "w0"));
    stop();
}
END_TEST

START_TEST(test_thousand_interfaces)
{
    g_autofree char *why = NULL;
    g_autoptr(JsonNode) list = NULL;

    if (!start("i=0; while [ $i -lt 500 ]; do\n"
               "echo link add a$i type veth peer name b$i\n"
               "echo addr add 10.$((i / 250)).$((i % 250)).1/24 dev a$i\n"
               "echo addr add fd00:$i::1/64 dev a$i\n"
               "i=$((i + 1)); done | ip -batch -\n",
               NULL, &why))
        TEST_SKIP("%s", why);
    list = test_client_value(client, INTERFACES);
    ck_assert_uint_eq(json_array_get_length(json_node_get_array(list)), 1001);
    check_addresses(list, "a499", "10.1.249.1/24 fd00:499::1/64");
    check_addresses(list, "b0", "");
    stop();
}
END_TEST

START_TEST(test_routes)
{
    g_autofree char *why = NULL;
    g_autofree char *text = NULL;

    if (!start("sysctl -qw net.ipv6.conf.all.disable_ipv6=0 || true\n"
               "ip link add v0 type veth peer name v1\n"
               "ip link set v1 up; ip link set v0 up; ip addr add 10.1.0.1/24 dev v0\n"
               "ip route add default via 10.1.0.254 metric 7 mtu 1400\n"
               "ip addr add fd00:1::1/64 dev v0 nodad; ip route add fd00:2::/48 via fd00:1::2\n",
               NULL, &why))
        TEST_SKIP("%s", why);
    text = test_client_text(client, ROUTE);
    ck_assert_msg(strstr(text, "{\"iface\":\"v0\",\"destination\":\"0.0.0.0\",\"metric\":7,"
                               "\"version\":4,\"flags\":3,\"refcnt\":0,\"use\":0,"
                               "\"gateway\":\"10.1.0.254\",\"mask\":\"0.0.0.0\",") != NULL,
                  "%s", text);
    ck_assert_msg(strstr(text,
                         "\"destination\":\"10.1.0.0\",\"metric\":0,\"version\":4,\"flags\":1,"
                         "\"refcnt\":0,\"use\":0,\"gateway\":\"0.0.0.0\","
                         "\"mask\":\"255.255.255.0\",") != NULL,
                  "%s", text);
    ck_assert_msg(strstr(text, "{\"iface\":\"v0\",\"destination\":\"fd00:2::\",\"metric\":1024,"
                               "\"version\":6,\"flags\":3,") != NULL,
                  "%s", text);
    ck_assert_msg(strstr(text, "\"desprefixlen\":\"48\",\"source\":\"::\",\"srcprefixlen\":\"0\","
                               "\"nexthop\":\"fd00:1::2\"}") != NULL,
                  "%s", text);
    stop();
}
END_TEST

START_TEST(test_bad_arguments)
{
    static const char *const requests[][2] = {
        {"{\"execute\":\"guest-network-get-interfaces\",\"arguments\":{\"name\":\"lo\"}}",
         "Parameter 'name' is unexpected"},
        {"{\"execute\":\"guest-network-get-route\",\"arguments\":{\"x\":null}}",
         "Parameter 'x' is unexpected"},
        {"{\"execute\":\"guest-network-get-route\",\"arguments\":1}",
         "QMP input member 'arguments' must be an object"},
    };

    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autofree char *text = test_client_error(client, requests[i][0]);

        ck_assert_str_eq(text, requests[i][1]);
    }
    stop();
}
END_TEST

START_TEST(test_leaks)
{
    static const char *const requests[] = {INTERFACES, ROUTE};

    daemon_ = test_daemon_start(NULL);
    test_endure(daemon_, requests[_i], FALSE);
    stop();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("network-commands");
    TCase *tests = tcase_create("network-commands");

    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_interfaces);
    tcase_add_test(tests, test_exclude);
    tcase_add_test(tests, test_thousand_interfaces);
    tcase_add_test(tests, test_routes);
    tcase_add_test(tests, test_bad_arguments);
    tcase_add_loop_test(tests, test_leaks, 0, 2);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
