/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/look.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What sysfs says of device-mapper, which not every kernel has: written as the kernel does. Scrubs
 * and the like are real ones, in the kernel tier. */
static char *tree;

static void setup(void)
{
    tree = test_tree_new();
    test_tree_write(tree, "/sys/class/misc/device-mapper/dev", "10:236\n");
    test_tree_write(tree, "/sys/dev/block/8:1/partition", "1\n");
    test_tree_write(tree, "/sys/dev/block/8:1/uevent", "DEVNAME=sda1\n");
    test_tree_write(tree, "/sys/dev/block/253:0/dm/name", "vg-root\n");
    test_tree_write(tree, "/sys/dev/block/253:0/dm/suspended", "0\n");
    test_tree_write(tree, "/sys/dev/block/253:0/slaves/sda1/dev", "8:1\n");
    test_tree_write(tree, "/sys/dev/block/253:1/dm/name", "secret\n");
    test_tree_write(tree, "/sys/dev/block/253:1/dm/suspended", "0\n");
    test_tree_write(tree, "/sys/dev/block/253:1/slaves/dm-0/dev", "253:0\n");
}

static void teardown(void)
{
    test_tree_remove(tree);
}

static char *look(guint minor_number)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    FirnPlanTarget target = {
        .device = makedev(253, minor_number), .type = "ext4", .mountpoint = "/data"};

    return firn_look_find_holder(roots, &target, -1);
}

START_TEST(test_nothing_is_said_where_nothing_holds)
{
    g_autofree char *text = look(1);
    g_autofree char *unknown = look(7);

    ck_assert_ptr_null(text);
    ck_assert_ptr_null(unknown);
}
END_TEST

START_TEST(test_a_suspended_device_is_named_with_the_remedy)
{
    g_autofree char *text = NULL;

    test_tree_write(tree, "/sys/dev/block/253:1/dm/suspended", "1\n");
    text = look(1);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, "/data") && strstr(text, "is suspended") &&
                      strstr(text, "'dmsetup resume secret'"),
                  "%s", text);
}
END_TEST

START_TEST(test_a_suspended_device_further_down_is_found)
{
    g_autofree char *text = NULL;
    g_autofree char *found = NULL;
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);

    test_tree_write(tree, "/sys/dev/block/253:0/dm/suspended", "1\n");
    text = look(1);
    ck_assert_ptr_nonnull(text);
    ck_assert_msg(strstr(text, "'dmsetup resume vg-root'") != NULL, "%s", text);
    found = firn_look_find_suspended(roots, makedev(253, 1), -1);
    ck_assert_str_eq(found, "vg-root");
    ck_assert_ptr_null(firn_look_find_suspended(roots, makedev(8, 1), -1));
}
END_TEST

START_TEST(test_what_is_no_btrfs_is_not_asked_for_scrubs)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    FirnPlanTarget target = {.device = makedev(0, 40), .type = "btrfs", .mountpoint = "/data"};
    int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    ck_assert_ptr_null(firn_look_find_holder(roots, &target, fd));
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("look");
    TCase *tests = tcase_create("look");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_nothing_is_said_where_nothing_holds);
    tcase_add_test(tests, test_a_suspended_device_is_named_with_the_remedy);
    tcase_add_test(tests, test_a_suspended_device_further_down_is_found);
    tcase_add_test(tests, test_what_is_no_btrfs_is_not_asked_for_scrubs);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
