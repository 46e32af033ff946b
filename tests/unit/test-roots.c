/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/roots.h"
#include "tests/lib/suite.h"

START_TEST(test_prefix)
{
    g_autoptr(FirnRoots) roots = firn_roots_new("/captured");
    g_autofree char *path = firn_roots_path(roots, "/proc/stat");
    g_autofree char *formatted = firn_roots_pathf(roots, "/sys/block/%s", "vda");

    ck_assert_str_eq(path, "/captured/proc/stat");
    ck_assert_str_eq(formatted, "/captured/sys/block/vda");
    ck_assert(!firn_roots_are_host(roots));
}
END_TEST

START_TEST(test_host)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    g_autofree char *path = firn_roots_path(roots, "/proc/stat");

    ck_assert_str_eq(path, "/proc/stat");
    ck_assert(firn_roots_are_host(roots));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("roots");
    TCase *tests = tcase_create("roots");

    tcase_add_test(tests, test_prefix);
    tcase_add_test(tests, test_host);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
