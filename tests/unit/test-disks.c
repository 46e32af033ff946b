/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disks.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>

static char *tree;

static void make_tree(void)
{
    tree = test_tree_new();
}

static void remove_tree(void)
{
    test_tree_remove(tree);
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *join_sorted(GPtrArray *texts, const char *separator)
{
    g_ptr_array_sort(texts, compare_texts);
    g_ptr_array_add(texts, NULL);
    return g_strjoinv(separator, (char **)texts->pdata);
}

/* "NODE [partition] [@BUS] [=ALIAS] [<DEPENDENCY,...]" */
static char *describe_disk(const FirnDisk *disk)
{
    g_autoptr(GPtrArray) dependencies = g_ptr_array_new();
    g_autofree char *below = NULL;

    for (char **name = disk->dependencies; *name; name++)
        g_ptr_array_add(dependencies, *name);
    below = join_sorted(dependencies, ",");
    return g_strdup_printf(
        "%s%s%s%s%s%s%s%s", disk->node, disk->partition ? " partition" : "",
        disk->address ? " @" : "", disk->address ? firn_bus_name(disk->address->bus_type) : "",
        disk->alias ? " =" : "", disk->alias ? disk->alias : "", *below ? " <" : "", below);
}

typedef struct {
    const char *tree;
    const char *expected;
} Row;

static const Row rows[] = {
    {"virtio-blk", "/dev/vda @virtio\n/dev/vda1 partition </dev/vda\n/dev/vdb @virtio"},
    {"virtio-scsi", "/dev/sda @scsi\n/dev/sda1 partition </dev/sda\n/dev/sdb @scsi"},
    {"nvme", "/dev/nvme0n1 @nvme\n/dev/nvme0n1p1 partition </dev/nvme0n1\n/dev/nvme1n1 @nvme"},
    {"lvm-luks", "/dev/dm-0 =vda3_crypt </dev/vda3\n/dev/dm-1 =vg-root </dev/dm-0\n"
                 "/dev/dm-2 =vg-home--big </dev/dm-0,/dev/vdb\n/dev/vda @virtio\n"
                 "/dev/vda3 partition </dev/vda\n/dev/vdb @virtio"},
    {"md-raid", "/dev/md0 </dev/md127,/dev/sdc1\n/dev/md127 </dev/sda1,/dev/sdb1\n"
                "/dev/md127p1 partition </dev/md127\n"
                "/dev/sda @sata\n/dev/sda1 partition </dev/sda\n"
                "/dev/sdb @sata\n/dev/sdb1 partition </dev/sdb\n"
                "/dev/sdc @sata\n/dev/sdc1 partition </dev/sdc"},
    {"multipath", "/dev/dm-0 =mpatha </dev/sda,/dev/sdb\n/dev/dm-1 =mpatha-part1 </dev/dm-0\n"
                  "/dev/sda @fibre\n/dev/sdb @fibre"},
    {"s390x-ccw", "/dev/dasda @unknown\n/dev/sda @scsi\n/dev/vda @virtio\n"
                  "/dev/vda1 partition </dev/vda"},
};

START_TEST(test_trees)
{
    g_autofree char *file = g_strconcat(rows[_i].tree, ".tree", NULL);
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GPtrArray) disks = NULL;
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *text = NULL;

    test_tree_load(tree, file);
    disks = firn_disks_read(roots, NULL);
    ck_assert_ptr_nonnull(disks);
    for (guint i = 0; i < disks->len; i++)
        g_ptr_array_add(lines, describe_disk(g_ptr_array_index(disks, i)));
    text = join_sorted(lines, "\n");
    ck_assert_str_eq(text, rows[_i].expected);
}
END_TEST

/* A partition stands right before its disk. */
START_TEST(test_order)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GPtrArray) disks = NULL;

    test_tree_load(tree, "md-raid.tree");
    disks = firn_disks_read(roots, NULL);
    for (guint i = 0; i < disks->len; i++) {
        const FirnDisk *disk = g_ptr_array_index(disks, i);
        const FirnDisk *next = i + 1 < disks->len ? g_ptr_array_index(disks, i + 1) : NULL;

        if (disk->partition) {
            ck_assert_ptr_nonnull(next);
            ck_assert_str_eq(disk->dependencies[0], next->node);
        }
    }
}
END_TEST

START_TEST(test_no_sysfs)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_disks_read(roots, &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disks");
    TCase *tests = tcase_create("disks");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_loop_test(tests, test_trees, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tests, test_order);
    tcase_add_test(tests, test_no_sysfs);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
