/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Filesystems on files of other filesystems, set up so that neither the order of mounting nor any
 * path tells what stands on what: each time the lower one has the later mount, which would put it
 * first.
 */
#include "agent/freeze/plan.h"
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#include <string.h>

#define SHELL(...) g_free(test_freezing_shell(__VA_ARGS__))

/* Makes an image at $1, attaches it and mounts it at $2. */
#define MAKE                                                                                       \
    "make() { truncate -s 40M $1; mkfs.ext4 -qF $1; mkdir -p $2; mount $(losetup -f --show $1) "   \
    "$2; }; "

static void setup(void)
{
    test_freezing_check_namespace();
    SHELL("mkdir -p /run/order");
}

static guint find(const FirnPlan *plan, const char *mountpoint)
{
    for (guint i = 0; i < plan->count; i++)
        for (guint k = 0; k < plan->targets[i].mount_count; k++)
            if (g_str_equal(plan->targets[i].mounts[k].path, mountpoint))
                return i;
    ck_abort_msg("%s is not in the plan", mountpoint);
}

static void assert_first(const char *upper, const char *lower)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    g_autoptr(FirnPlan) plan = firn_plan_make(roots, NULL, NULL, NULL, NULL);

    ck_assert_ptr_nonnull(plan);
    ck_assert_msg(find(plan, upper) < find(plan, lower), "%s comes before %s", lower, upper);
    ck_assert_uint_eq(plan->targets[find(plan, upper)].disk, plan->targets[find(plan, lower)].disk);
}

/* Leaves /mnt/TYPE with a mount that is younger than all others; the first one is detached. */
static void mount_later(const char *type)
{
    SHELL("mkdir -p /run/order/later; mount --bind /mnt/%s /run/order/later; umount -l /mnt/%s; "
          "mount --bind /run/order/later /mnt/%s; umount /run/order/later",
          type, type, type);
}

static void remove_volume(const char *path)
{
    SHELL("device=$(findmnt -no SOURCE %s); umount %s; losetup -d $device", path, path);
}

START_TEST(test_a_file_on_a_mount_that_was_detached)
{
    SHELL(MAKE "make /mnt/xfs/detached.img /run/order/volume");
    mount_later("xfs");
    assert_first("/run/order/volume", "/mnt/xfs");
    remove_volume("/run/order/volume");
}
END_TEST

START_TEST(test_a_file_that_was_deleted)
{
    SHELL(MAKE "make /mnt/xfs/deleted.img /run/order/volume; rm /mnt/xfs/deleted.img");
    mount_later("xfs");
    assert_first("/run/order/volume", "/mnt/xfs");
    remove_volume("/run/order/volume");
}
END_TEST

/* The path is that of another disk here. */
START_TEST(test_a_file_of_another_mount_namespace)
{
    SHELL("mkdir -p /run/order/shared; mount -t tmpfs shared /run/order/shared; "
          "mount --make-shared /run/order/shared; mkdir /run/order/shared/volume; "
          "export disk=$(findmnt -no SOURCE /mnt/xfs); "
          "truncate -s 40M /mnt/xfs/1.img; mkfs.ext4 -qF /mnt/xfs/1.img; "
          "unshare -m --propagation unchanged sh -ec 'mount --make-private /; umount /mnt/ext4; "
          "mount $disk /mnt/ext4; device=$(losetup -f --show /mnt/ext4/1.img); "
          "mount $device /run/order/shared/volume'");
    mount_later("xfs");
    assert_first("/run/order/shared/volume", "/mnt/xfs");
    remove_volume("/run/order/shared/volume");
    SHELL("umount /run/order/shared");
}
END_TEST

/* Each subvolume's files have a number that no table has. */
START_TEST(test_a_file_in_a_subvolume_of_btrfs)
{
    SHELL(MAKE "for i in $(seq 40); do btrfs subvolume create /mnt/btrfs/s$i; done >/dev/null; "
               "btrfs subvolume create /mnt/btrfs/s33/deep >/dev/null; "
               "make /mnt/btrfs/s33/deep/file.img /run/order/volume; "
               "rm /mnt/btrfs/s33/deep/file.img");
    mount_later("btrfs");
    assert_first("/run/order/volume", "/mnt/btrfs");
    remove_volume("/run/order/volume");
    SHELL("btrfs subvolume delete /mnt/btrfs/s33/deep >/dev/null");
}
END_TEST

/* options: of the overlay. lower: the filesystem of its lower directory. */
static void check_overlay(const char *lower, const char *options)
{
    SHELL(MAKE "mkdir -p /mnt/xfs/o/upper /mnt/xfs/o/work %s/low /run/order/merged; cd /mnt/xfs/o; "
               "mount -t overlay -o lowerdir=%s/low,upperdir=upper,workdir=work%s overlay "
               "/run/order/merged; cd /; make /run/order/merged/file.img /run/order/volume",
          lower, lower, options);
    mount_later("xfs");
    assert_first("/run/order/volume", "/mnt/xfs");
    remove_volume("/run/order/volume");
    SHELL("umount /run/order/merged; rm -r /mnt/xfs/o");
}

START_TEST(test_a_file_on_an_overlay_whose_upper_directory_is_relative)
{
    check_overlay("/mnt/xfs", "");
    check_overlay("/mnt/ext4", ",xino=on");
    check_overlay("/mnt/ext4", ",index=off,xino=off");
}
END_TEST

/* The path of the upper directory leads to another filesystem by now. */
START_TEST(test_an_overlay_of_which_the_table_tells_a_wrong_path)
{
    SHELL(MAKE "mkdir -p /run/order/place /run/order/merged /mnt/xfs/w/upper /mnt/xfs/w/work "
               "/mnt/xfs/w/low /mnt/ext4/w/upper; mount --bind /mnt/xfs/w /run/order/place; "
               "cd /run/order/place; mount -t overlay -o lowerdir=/run/order/place/low,"
               "upperdir=/run/order/place/upper,workdir=/run/order/place/work overlay "
               "/run/order/merged; cd /; umount -l /run/order/place; "
               "mount --bind /mnt/ext4/w /run/order/place; "
               "make /run/order/merged/file.img /run/order/volume");
    mount_later("xfs");
    assert_first("/run/order/volume", "/mnt/xfs");
    remove_volume("/run/order/volume");
    SHELL("umount /run/order/merged /run/order/place; rm -r /mnt/xfs/w");
}
END_TEST

START_TEST(test_a_stack_of_three)
{
    SHELL(MAKE
          "make /mnt/xfs/one.img /run/order/middle; truncate -s 20M /run/order/middle/two.img; "
          "mkfs.ext4 -qF /run/order/middle/two.img; mkdir -p /run/order/top; "
          "mount $(losetup -f --show /run/order/middle/two.img) /run/order/top; "
          "mkdir -p /run/order/again; mount --bind /run/order/middle /run/order/again; "
          "umount -l /run/order/middle");
    mount_later("xfs");
    assert_first("/run/order/top", "/run/order/again");
    assert_first("/run/order/again", "/mnt/xfs");
    remove_volume("/run/order/top");
    remove_volume("/run/order/again");
}
END_TEST

/* A loop device on a part of another loop device. */
START_TEST(test_a_loop_device_on_a_block_device)
{
    SHELL("truncate -s 40M /mnt/xfs/whole.img; outer=$(losetup -f --show /mnt/xfs/whole.img); "
          "mkfs.ext4 -qF $outer; mkdir -p /run/order/volume; inner=$(losetup -f --show $outer); "
          "mount $inner /run/order/volume; echo $outer >/run/order/outer");
    mount_later("xfs");
    assert_first("/run/order/volume", "/mnt/xfs");
    remove_volume("/run/order/volume");
    SHELL("losetup -d $(cat /run/order/outer)");
}
END_TEST

/* What /dev does not show is asked for through a node of the moment. */
START_TEST(test_a_loop_device_without_a_node)
{
    SHELL(MAKE "make /mnt/xfs/detached.img /run/order/volume; mv "
               "$(findmnt -no SOURCE /run/order/volume) /run/order/node");
    mount_later("xfs");
    assert_first("/run/order/volume", "/mnt/xfs");
    SHELL("! ls -A /dev | grep firn; mv /run/order/node $(findmnt -no SOURCE /run/order/volume)");
    remove_volume("/run/order/volume");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("order");
    TCase *tests = tcase_create("order");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_a_file_on_a_mount_that_was_detached);
    tcase_add_test(tests, test_a_file_that_was_deleted);
    tcase_add_test(tests, test_a_file_of_another_mount_namespace);
    tcase_add_test(tests, test_a_file_in_a_subvolume_of_btrfs);
    tcase_add_test(tests, test_a_file_on_an_overlay_whose_upper_directory_is_relative);
    tcase_add_test(tests, test_an_overlay_of_which_the_table_tells_a_wrong_path);
    tcase_add_test(tests, test_a_stack_of_three);
    tcase_add_test(tests, test_a_loop_device_on_a_block_device);
    tcase_add_test(tests, test_a_loop_device_without_a_node);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
