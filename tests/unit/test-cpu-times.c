/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/cpu-times.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>

#include "platform/load.h"

static char *tree;
static FirnRoots *roots;

static void set_up(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
}

static void tear_down(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

START_TEST(test_columns)
{
    g_autoptr(GArray) all = NULL;
    const FirnCpuTimes *times;

    test_tree_write(tree, "/proc/stat",
                    "cpu  1 2 3 4 5 6 7 8 9 10\n"
                    "cpu0 379 0 570 284418 4 0 16 1 0 0\n"
                    "cpu12 924 1 1074 18446744073709551 312 0 22 4 9 10 77\n"
                    "intr 193805 0 0\n"
                    "cpu13 1 1 1 1\n");
    all = firn_cpu_times_read(roots, 100, NULL);
    ck_assert_uint_eq(all->len, 2);
    times = &g_array_index(all, FirnCpuTimes, 0);
    ck_assert_uint_eq(times->cpu, 0);
    ck_assert_uint_eq(times->columns, FIRN_CPU_COLUMNS);
    ck_assert_uint_eq(times->ms[FIRN_CPU_USER], 3790);
    ck_assert_uint_eq(times->ms[FIRN_CPU_STEAL], 10);
    times = &g_array_index(all, FirnCpuTimes, 1);
    ck_assert_uint_eq(times->cpu, 12);
    ck_assert_uint_eq(times->ms[FIRN_CPU_IDLE], 184467440737095510u);
    ck_assert_uint_eq(times->ms[FIRN_CPU_GUEST_NICE], 100);
}
END_TEST

START_TEST(test_old_kernels)
{
    g_autoptr(GArray) all = NULL;

    test_tree_write(tree, "/proc/stat",
                    "cpu 1 2 3 4\ncpu0 1 2 3 4\ncpu1 1 2\ncpu2 1 2 3 4 5 6 7\n");
    all = firn_cpu_times_read(roots, 1000, NULL);
    ck_assert_uint_eq(all->len, 2);
    ck_assert_uint_eq(g_array_index(all, FirnCpuTimes, 0).columns, 4);
    ck_assert_uint_eq(g_array_index(all, FirnCpuTimes, 1).columns, 7);
    ck_assert_uint_eq(g_array_index(all, FirnCpuTimes, 1).ms[FIRN_CPU_SOFTIRQ], 7);
}
END_TEST

START_TEST(test_missing)
{
    g_autoptr(GError) error = NULL;
    FirnLoad load;

    ck_assert_ptr_null(firn_cpu_times_read(roots, 0, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "/proc/stat\"): No such file or directory"));
    ck_assert(!firn_load_read(roots, &load, NULL));
}
END_TEST

START_TEST(test_host)
{
    g_autoptr(FirnRoots) host = firn_roots_new(NULL);
    g_autoptr(GArray) all = firn_cpu_times_read(host, 0, NULL);
    FirnLoad load;

    ck_assert_uint_ge(all->len, 1);
    ck_assert(firn_load_read(host, &load, NULL));
}
END_TEST

START_TEST(test_load)
{
    g_autoptr(GError) error = NULL;
    FirnLoad load;

    test_tree_write(tree, "/proc/loadavg", "0.25 1.50 12.75 1/96 6869\n");
    ck_assert(firn_load_read(roots, &load, NULL));
    ck_assert_double_eq(load.minutes1, 0.25);
    ck_assert_double_eq(load.minutes5, 1.5);
    ck_assert_double_eq(load.minutes15, 12.75);
    test_tree_write(tree, "/proc/loadavg", "0.25 1.50\n");
    ck_assert(!firn_load_read(roots, &load, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "does not hold three load averages"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cpu-times");
    TCase *tests = tcase_create("cpu-times");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_columns);
    tcase_add_test(tests, test_old_kernels);
    tcase_add_test(tests, test_missing);
    tcase_add_test(tests, test_host);
    tcase_add_test(tests, test_load);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
