/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/routes.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <arpa/inet.h>

#define HEADER                                                                                     \
    "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"

static char *tree;

static void make_tree(void)
{
    tree = test_tree_new();
}

static void remove_tree(void)
{
    test_tree_remove(tree);
}

static FirnRoutes *read_routes(const char *ipv4, const char *ipv6)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error = NULL;
    FirnRoutes *routes;

    test_tree_write(tree, "/proc/net/route", ipv4);
    if (ipv6)
        test_tree_write(tree, "/proc/net/ipv6_route", ipv6);
    routes = firn_routes_read(roots, &error);
    ck_assert_msg(routes != NULL, "%s", error ? error->message : "");
    return routes;
}

static const FirnRoute *get(const FirnRoutes *routes, guint index)
{
    ck_assert_uint_lt(index, routes->entries->len);
    return &g_array_index(routes->entries, FirnRoute, index);
}

START_TEST(test_ipv4)
{
    /* the kernel prints the bytes as its own number */
    g_autofree char *table =
        g_strdup_printf(HEADER "eth0\t00000000\t%08X\t0003\t0\t0\t100\t00000000\t0\t0\t0  \n"
                               "b0\t%08X\t00000000\t0001\t1\t2\t-1\t%08X\t1400\t5\t6  \n",
                        inet_addr("192.0.2.1"), inet_addr("10.1.0.0"), inet_addr("255.255.255.0"));
    g_autoptr(FirnRoutes) routes = read_routes(table, NULL);

    ck_assert_uint_eq(routes->entries->len, 2);
    ck_assert_uint_eq(get(routes, 0)->version, 4);
    ck_assert_str_eq(get(routes, 0)->iface, "eth0");
    ck_assert_str_eq(get(routes, 0)->destination.address, "0.0.0.0");
    ck_assert_str_eq(get(routes, 0)->gateway.address, "192.0.2.1");
    ck_assert_str_eq(get(routes, 0)->mask.address, "0.0.0.0");
    ck_assert_uint_eq(get(routes, 0)->metric, 100);
    ck_assert_uint_eq(get(routes, 0)->flags, 3);
    ck_assert_str_eq(get(routes, 1)->destination.address, "10.1.0.0");
    ck_assert_str_eq(get(routes, 1)->mask.address, "255.255.255.0");
    ck_assert_uint_eq(get(routes, 1)->refcnt, 1);
    ck_assert_uint_eq(get(routes, 1)->use, 2);
    ck_assert_uint_eq(get(routes, 1)->metric, G_MAXUINT32);
    ck_assert_uint_eq(get(routes, 1)->mtu, 1400);
    ck_assert_uint_eq(get(routes, 1)->window, 5);
    ck_assert_uint_eq(get(routes, 1)->irtt, 6);
}
END_TEST

START_TEST(test_ipv6)
{
    g_autoptr(FirnRoutes) routes =
        read_routes(HEADER, "fd000001000000000000000000000000 40 00000000000000000000000000000000 "
                            "00 fe800000000000000000000000000001 00000400 00000002 00000003 "
                            "00000001       b0\n"
                            "00000000000000000000000000000000 00 00000000000000000000000000000000 "
                            "80 00000000000000000000000000000000 ffffffff 00000001 00000000 "
                            "00200200       lo\n");

    ck_assert_uint_eq(routes->entries->len, 2);
    ck_assert_uint_eq(get(routes, 0)->version, 6);
    ck_assert_str_eq(get(routes, 0)->iface, "b0");
    ck_assert_str_eq(get(routes, 0)->destination.address, "fd00:1::");
    ck_assert_uint_eq(get(routes, 0)->destination_prefix, 64);
    ck_assert_str_eq(get(routes, 0)->source.address, "::");
    ck_assert_str_eq(get(routes, 0)->next_hop.address, "fe80::1");
    ck_assert_uint_eq(get(routes, 0)->metric, 1024);
    ck_assert_uint_eq(get(routes, 0)->refcnt, 2);
    ck_assert_uint_eq(get(routes, 0)->use, 3);
    ck_assert_uint_eq(get(routes, 1)->source_prefix, 128);
    ck_assert_uint_eq(get(routes, 1)->metric, 4294967295u);
    ck_assert_uint_eq(get(routes, 1)->flags, 0x200200);
}
END_TEST

START_TEST(test_nonsense)
{
    g_autoptr(GString) endless = g_string_new(HEADER);
    g_autoptr(FirnRoutes) routes = NULL;

    for (guint i = 0; i < 5000; i++)
        g_string_append(endless, "x");
    g_string_append(endless, "\neth0\t0\t0\t3\t0\t0\t4294967296\t0\t0\t0\t0\n"
                             "eth0\t123456789\t0\t3\t0\t0\t1\t0\t0\t0\t0\n"
                             "eth0\t0\t0\n\n"
                             "eth0\t0\t0\t3\t0\t0\t7\t0\t0\t0\t0");
    routes = read_routes(endless->str,
                         "0 0\n"
                         "zz000001000000000000000000000000 40 00000000000000000000000000000000 "
                         "00 fe800000000000000000000000000001 00000400 00000002 00000003 "
                         "00000001       b0\n"
                         "fd000001000000000000000000000000 81 00000000000000000000000000000000 "
                         "00 fe800000000000000000000000000001 00000400 00000002 00000003 "
                         "00000001       b0\n");
    ck_assert_uint_eq(routes->entries->len, 1);
    ck_assert_uint_eq(get(routes, 0)->metric, 7);
    ck_assert(!routes->truncated);
}
END_TEST

START_TEST(test_too_many)
{
    g_autoptr(GString) table = g_string_new(HEADER);
    g_autoptr(FirnRoutes) routes = NULL;

    for (guint i = 0; i < FIRN_ROUTES_MAX + 10; i++)
        g_string_append_printf(table, "eth0\t%08X\t0\t3\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n", i);
    routes = read_routes(table->str, NULL);
    ck_assert_uint_eq(routes->entries->len, FIRN_ROUTES_MAX);
    ck_assert(routes->truncated);
}
END_TEST

START_TEST(test_no_table)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_routes_read(roots, &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("routes");
    TCase *tests = tcase_create("routes");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_test(tests, test_ipv4);
    tcase_add_test(tests, test_ipv6);
    tcase_add_test(tests, test_nonsense);
    tcase_add_test(tests, test_too_many);
    tcase_add_test(tests, test_no_table);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
