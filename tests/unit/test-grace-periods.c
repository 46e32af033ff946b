/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/grace-periods.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <unistd.h>

static char *tree;
static FirnRoots *roots;

/* A kernel that may be hurried. */
static void setup(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
    test_tree_write(tree, "/sys/kernel/rcu_expedited", "0\n");
    test_tree_write(tree, "/sys/kernel/rcu_normal", "0\n");
    test_tree_write(tree, "/sys/devices/system/cpu/isolated", "\n");
    test_tree_write(tree, "/sys/devices/system/cpu/nohz_full", "(null)\n");
}

static void teardown(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

static void assert_refused(const char *expected)
{
    const char *why = NULL;

    ck_assert_int_eq(firn_grace_periods_open(roots, &why), -1);
    ck_assert_str_eq(why, expected);
}

static void assert_switch(const char *expected)
{
    g_autofree char *text = test_tree_read(tree, "/sys/kernel/rcu_expedited");

    ck_assert_str_eq(text, expected);
}

START_TEST(test_on_and_off)
{
    const char *why = "unset";
    int fd = firn_grace_periods_open(roots, &why);

    ck_assert_int_ge(fd, 0);
    ck_assert_ptr_null(why);
    assert_switch("0\n");
    ck_assert(firn_grace_periods_expedite(fd, TRUE));
    assert_switch("1\n");
    ck_assert(firn_grace_periods_expedite(fd, FALSE));
    assert_switch("0\n");
    close(fd);
}
END_TEST

START_TEST(test_left_alone)
{
    test_tree_write(tree, "/sys/devices/system/cpu/nohz_full", "1-3\n");
    assert_refused("processors run without ticks (nohz_full)");
    test_tree_write(tree, "/sys/devices/system/cpu/isolated", "2\n");
    assert_refused("processors are isolated");
    test_tree_write(tree, "/sys/kernel/rcu_normal", "1\n");
    assert_refused("rcu_normal is set");
}
END_TEST

START_TEST(test_expedited_already)
{
    test_tree_write(tree, "/sys/kernel/rcu_expedited", "1\n");
    assert_refused("rcu_expedited is set already");
    assert_switch("1\n");
    ck_assert(firn_grace_periods_restore(roots));
    assert_switch("0\n");
}
END_TEST

START_TEST(test_no_such_switch)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/kernel/rcu_expedited");

    ck_assert_int_eq(unlink(path), 0);
    assert_refused("the kernel has no rcu_expedited");
    ck_assert(!firn_grace_periods_restore(roots));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grace-periods");
    TCase *tests = tcase_create("grace-periods");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_on_and_off);
    tcase_add_test(tests, test_left_alone);
    tcase_add_test(tests, test_expedited_already);
    tcase_add_test(tests, test_no_such_switch);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
