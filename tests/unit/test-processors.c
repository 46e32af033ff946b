/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/processors.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#define CPU "/sys/devices/system/cpu"

static char *tree;
static FirnRoots *roots;

/* Four processors: 0 without a switch, 1 on, 2 off, 10 on; and what else lies in the folder. */
static void set_up(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
    test_tree_write(tree, CPU "/cpu0/topology/core_id", "0\n");
    test_tree_write(tree, CPU "/cpu1/online", "1\n");
    test_tree_write(tree, CPU "/cpu2/online", "0\n");
    test_tree_write(tree, CPU "/cpu10/online", "1\n");
    test_tree_write(tree, CPU "/cpufreq/policy0/x", "");
    test_tree_write(tree, CPU "/cpuidle/current_driver", "none\n");
    test_tree_write(tree, CPU "/cpu9", "no folder\n");
    test_tree_write(tree, CPU "/online", "0-1,10\n");
}

static void tear_down(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

static void check(GArray *all, guint at, gint64 id, gboolean online, gboolean can_offline)
{
    const FirnProcessor *processor = &g_array_index(all, FirnProcessor, at);

    ck_assert_int_eq(processor->id, id);
    ck_assert_int_eq(processor->online, online);
    ck_assert_int_eq(processor->can_offline, can_offline);
}

START_TEST(test_read)
{
    g_autoptr(GArray) all = firn_processors_read(roots, NULL);

    ck_assert_uint_eq(all->len, 4);
    check(all, 0, 0, TRUE, FALSE);
    check(all, 1, 1, TRUE, TRUE);
    check(all, 2, 2, FALSE, TRUE);
    check(all, 3, 10, TRUE, TRUE);
}
END_TEST

START_TEST(test_set)
{
    g_autofree char *one = NULL;
    g_autofree char *two = NULL;

    ck_assert(firn_processor_set(roots, 1, FALSE, NULL));
    ck_assert(firn_processor_set(roots, 2, TRUE, NULL));
    ck_assert(firn_processor_set(roots, 0, TRUE, NULL));
    one = test_tree_read(tree, CPU "/cpu1/online");
    two = test_tree_read(tree, CPU "/cpu2/online");
    ck_assert_str_eq(one, "0");
    ck_assert_str_eq(two, "1");
}
END_TEST

static void check_refused(gint64 id, gboolean online, const char *text)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!firn_processor_set(roots, id, online, &error));
    ck_assert_str_eq(error->message, text);
}

START_TEST(test_refused)
{
    check_refused(0, FALSE, "logical processor #0 can't be offlined");
    check_refused(77, TRUE, "open(\"/sys/devices/system/cpu/cpu77/\"): No such file or directory");
    check_refused(-1, TRUE, "open(\"/sys/devices/system/cpu/cpu-1/\"): No such file or directory");
}
END_TEST

START_TEST(test_host)
{
    g_autoptr(FirnRoots) host = firn_roots_new(NULL);
    g_autoptr(GArray) all = firn_processors_read(host, NULL);

    ck_assert_uint_ge(all->len, 1);
    ck_assert(g_array_index(all, FirnProcessor, 0).online);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("processors");
    TCase *tests = tcase_create("processors");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_read);
    tcase_add_test(tests, test_set);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_host);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
