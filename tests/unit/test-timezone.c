/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/timezone.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#define WINTER 1700000000 /* 2023-11-14 22:13:20 UTC */
#define SUMMER 1690000000 /* 2023-07-22 04:26:40 UTC */

static void check_zone(const FirnRoots *roots, gint64 now, const char *zone, gint offset)
{
    g_autoptr(FirnTimezone) found = firn_timezone_read(roots, now);

    ck_assert_str_eq(found->zone, zone);
    ck_assert_int_eq(found->offset, offset);
}

START_TEST(test_captured)
{
    g_autofree char *tree = g_build_filename(g_getenv("FIRN_TEST_DATA"), "system", NULL);
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);

    check_zone(roots, WINTER, "CET", 3600);
    check_zone(roots, SUMMER, "CEST", 7200);
}
END_TEST

START_TEST(test_no_file)
{
    g_autoptr(FirnRoots) roots = firn_roots_new("/nonexistent");

    check_zone(roots, WINTER, "UTC", 0);
}
END_TEST

/* The machine's own roots heed TZ, and a change of it. */
START_TEST(test_host)
{
    g_autofree char *berlin =
        g_strdup_printf(":%s/system/etc/localtime", g_getenv("FIRN_TEST_DATA"));
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);

    g_setenv("TZ", berlin, TRUE);
    check_zone(roots, SUMMER, "CEST", 7200);
    g_setenv("TZ", "NST3:30", TRUE);
    check_zone(roots, SUMMER, "NST", -12600);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("timezone");
    TCase *tests = tcase_create("timezone");

    tcase_add_test(tests, test_captured);
    tcase_add_test(tests, test_no_file);
    tcase_add_test(tests, test_host);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
