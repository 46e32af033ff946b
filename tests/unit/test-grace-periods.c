/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/grace-periods.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <stdlib.h>
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

/* A file keeps the rest of a longer number, which the kernel's switch does not. */
static void assert_switch(int expected)
{
    g_autofree char *text = test_tree_read(tree, "/sys/kernel/rcu_expedited");

    ck_assert_int_eq(atoi(text), expected);
}

static int open_switch(void)
{
    const char *why = "unset";
    int fd = firn_grace_periods_open(roots, &why);

    ck_assert_msg(fd >= 0, "%s", why);
    ck_assert_ptr_null(why);
    return fd;
}

START_TEST(it_is_switched_on_by_a_number_of_our_own_and_off_again)
{
    int fd = open_switch();

    assert_switch(0);
    ck_assert(firn_grace_periods_expedite(fd));
    assert_switch(70);
    firn_grace_periods_restore(fd);
    assert_switch(0);
    close(fd);
}
END_TEST

START_TEST(the_last_of_two_switches_it_off)
{
    int one = open_switch();
    int other = open_switch();

    ck_assert(firn_grace_periods_expedite(one));
    ck_assert(firn_grace_periods_expedite(other));
    firn_grace_periods_restore(one);
    assert_switch(70);
    firn_grace_periods_restore(other);
    assert_switch(0);
    close(one);
    close(other);
}
END_TEST

START_TEST(kernels_that_must_not_be_hurried_are_left_alone)
{
    test_tree_write(tree, "/sys/devices/system/cpu/nohz_full", "1-3\n");
    assert_refused("processors run without ticks (nohz_full)");
    test_tree_write(tree, "/sys/devices/system/cpu/isolated", "2\n");
    assert_refused("processors are isolated");
    test_tree_write(tree, "/sys/kernel/rcu_normal", "1\n");
    assert_refused("rcu_normal is set");
}
END_TEST

START_TEST(what_somebody_else_has_switched_on_stays_on)
{
    test_tree_write(tree, "/sys/kernel/rcu_expedited", "1\n");
    assert_refused("rcu_expedited is set already");
    firn_grace_periods_reclaim(roots, FALSE);
    assert_switch(1);
}
END_TEST

START_TEST(what_somebody_else_switches_on_later_stays_on)
{
    int fd = open_switch();

    ck_assert_int_eq(pwrite(fd, "1\n", 2, 0), 2);
    ck_assert(!firn_grace_periods_expedite(fd));
    firn_grace_periods_restore(fd);
    assert_switch(1);
    close(fd);
}
END_TEST

START_TEST(what_killed_processes_have_left_on_is_switched_off)
{
    int fd = open_switch();

    ck_assert(firn_grace_periods_expedite(fd));
    firn_grace_periods_reclaim(roots, FALSE);
    assert_switch(70); /* it is still wanted */
    close(fd);
    firn_grace_periods_reclaim(roots, FALSE);
    assert_switch(0);
}
END_TEST

START_TEST(a_kernel_without_the_switch_is_told_of)
{
    g_autofree char *path = firn_roots_path(roots, "/sys/kernel/rcu_expedited");

    ck_assert_int_eq(unlink(path), 0);
    assert_refused("the kernel has no rcu_expedited");
    firn_grace_periods_reclaim(roots, FALSE);
    ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("grace-periods");
    TCase *tests = tcase_create("grace-periods");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, it_is_switched_on_by_a_number_of_our_own_and_off_again);
    tcase_add_test(tests, the_last_of_two_switches_it_off);
    tcase_add_test(tests, kernels_that_must_not_be_hurried_are_left_alone);
    tcase_add_test(tests, what_somebody_else_has_switched_on_stays_on);
    tcase_add_test(tests, what_somebody_else_switches_on_later_stays_on);
    tcase_add_test(tests, what_killed_processes_have_left_on_is_switched_off);
    tcase_add_test(tests, a_kernel_without_the_switch_is_told_of);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
