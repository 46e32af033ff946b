/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/filesystems.h"
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

static FirnFilesystems *read_list(void)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error = NULL;
    FirnFilesystems *list = firn_filesystems_read(roots, &error);

    ck_assert_msg(list != NULL, "%s", error ? error->message : "");
    return list;
}

static int compare_texts(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A line for each: "NAME MOUNTPOINT TYPE DISK..."; disks sorted, since a folder has no order. */
static char *describe(const FirnFilesystems *list)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < list->count; i++) {
        const FirnFilesystem *filesystem = &list->entries[i];
        g_autoptr(GPtrArray) nodes = g_ptr_array_new();

        g_string_append_printf(text, "%s %s %s", filesystem->name, filesystem->mountpoint,
                               filesystem->type);
        for (guint j = 0; j < filesystem->disk_count; j++)
            g_ptr_array_add(nodes, filesystem->disks[j]->node);
        g_ptr_array_sort(nodes, compare_texts);
        for (guint j = 0; j < nodes->len; j++)
            g_string_append_printf(text, " %s", (char *)g_ptr_array_index(nodes, j));
        g_string_append_c(text, '\n');
    }
    return g_string_free(text, FALSE);
}

typedef struct {
    const char *tree;
    const char *expected;
} Row;

static const Row rows[] = {
    {"virtio-blk", "vdb /srv xfs /dev/vdb\nvda1 / ext4 /dev/vda1\n"},
    {"nvme", "nvme1n1 /data xfs /dev/nvme1n1\nnvme0n1p1 / ext4 /dev/nvme0n1p1\n"},
    {"lvm-luks", "dm-2 /home xfs /dev/vda3 /dev/vdb\ndm-1 / ext4 /dev/vda3\n"},
    {"md-raid",
     "md0 /srv xfs /dev/sda1 /dev/sdb1 /dev/sdc1\nmd127p1 /boot ext4 /dev/sda1 /dev/sdb1\n"
     "md127 / ext4 /dev/sda1 /dev/sdb1\n"},
    {"btrfs", "vdd /windows fuseblk /dev/vdd\n"
              "vdb /pool btrfs /dev/vdb /dev/vdc\nvda / ext4 /dev/vda\n"},
    {"multipath", "dm-1 / xfs /dev/sda /dev/sdb\n"},
    {"s390x-ccw", "dasda /dasd ext4 /dev/dasda\nsda /data xfs /dev/sda\nvda1 / ext4 /dev/vda1\n"},
};

START_TEST(test_stacks)
{
    g_autofree char *file = g_strconcat(rows[_i].tree, ".tree", NULL);
    g_autoptr(FirnFilesystems) list = NULL;
    g_autofree char *text = NULL;

    test_tree_load(tree, file);
    list = read_list();
    text = describe(list);
    ck_assert_str_eq(text, rows[_i].expected);
}
END_TEST

/* What has no device is not listed, nor what only claims to have one. */
START_TEST(test_kinds)
{
    g_autoptr(FirnFilesystems) list = NULL;
    g_autofree char *text = NULL;

    test_tree_load(tree, "virtio-blk.tree");
    test_tree_link(
        tree, "/sys/fs/btrfs/1-2/devices/vda1",
        "../../../../devices/pci0000:00/0000:00:02.3/0000:04:00.0/virtio2/block/vda/vda1");
    test_tree_link(tree, "/sys/fs/btrfs/1-2/devices/vdb",
                   "../../../../devices/pci0000:00/0000:00:02.4/0000:05:00.0/virtio3/block/vdb");
    test_tree_write(tree, "/proc/self/mountinfo",
                    "1 0 252:1 / / rw - ext4 /dev/vda1 rw\n"
                    "2 1 0:5 / /proc rw - proc proc rw\n"
                    "3 1 0:40 /@ /pool rw - btrfs /dev/vdb rw\n"
                    "4 1 0:40 /@snap /pool\\040two rw - btrfs /dev/vdb rw\n"
                    "5 1 0:41 / /tmp rw - tmpfs /dev/vdb rw\n"
                    "6 1 0:42 / /net rw - nfs4 server:/x rw\n"
                    "7 1 0:43 / /gone rw - btrfs /dev/nothing rw\n"
                    "8 1 7:9 / /loop rw - squashfs /dev/loop9 ro\n"
                    "9 1 252:16 / /ntfs rw - fuseblk /dev/vdb rw\n"
                    "nonsense\n");
    list = read_list();
    text = describe(list);
    ck_assert_str_eq(text, "vdb /ntfs fuseblk /dev/vdb\n"
                           "7:9 /loop squashfs\n"
                           "vdb /pool btrfs /dev/vda1 /dev/vdb\n"
                           "vda1 / ext4 /dev/vda1\n");
    ck_assert_ptr_null(list->entries[0].usage_path);
    ck_assert_str_eq(list->entries[1].usage_path, "/loop");
}
END_TEST

/* Sizes are asked only where the way leads through nothing remote and nothing hides the place. */
START_TEST(test_ways)
{
    g_autoptr(FirnFilesystems) list = NULL;

    test_tree_write(tree, "/proc/self/mountinfo",
                    "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
                    "2 1 0:42 / /net rw - nfs4 server:/x rw\n"
                    "3 2 8:2 / /net/disk rw - xfs /dev/sda2 rw\n"
                    "4 3 8:3 / /net/disk/more rw - xfs /dev/sda3 rw\n"
                    "5 1 8:4 / /a/b rw - xfs /dev/sda4 rw\n"
                    "6 1 0:43 / /a rw - fuse.sshfs host: rw\n"
                    "7 1 8:2 /x /elsewhere rw - xfs /dev/sda2 rw\n"
                    "8 1 8:5 / /below rw - xfs /dev/sda5 rw\n"
                    "9 8 0:44 / /below rw - tmpfs none rw\n"
                    "10 11 8:6 / /circle rw - xfs /dev/sda6 rw\n"
                    "11 10 8:6 / /circle/2 rw - xfs /dev/sda6 rw\n");
    list = read_list();
    ck_assert_uint_eq(list->count, 6);
    ck_assert_str_eq(list->entries[5].usage_path, "/");
    ck_assert_str_eq(list->entries[4].mountpoint, "/net/disk");
    ck_assert_str_eq(list->entries[4].usage_path, "/elsewhere");
    ck_assert_ptr_null(list->entries[3].usage_path); /* /net/disk/more */
    ck_assert_ptr_null(list->entries[2].usage_path); /* /a/b below sshfs */
    ck_assert_ptr_null(list->entries[1].usage_path); /* /below */
    ck_assert_ptr_null(list->entries[0].usage_path); /* /circle */
}
END_TEST

/* A dm device that stands on both of the layer below it, or on a disk. */
static void put_layered(guint layer, guint side)
{
    guint number = layer * 2 + side;
    g_autofree char *link = g_strdup_printf("/sys/dev/block/253:%u", number);
    g_autofree char *target = g_strdup_printf("../../devices/virtual/block/dm-%u", number);

    test_tree_link(tree, link, target);
    for (guint i = 0; i < 2; i++) {
        g_autofree char *slave =
            g_strdup_printf("/sys/devices/virtual/block/dm-%u/slaves/%u", number, i);
        g_autofree char *lower =
            layer == 0
                ? g_strdup("../../../../../devices/pci0000:00/0000:00:02.4/0000:05:00.0/"
                           "virtio3/block/vdb")
                : g_strdup_printf("../../../../../devices/virtual/block/dm-%u", layer * 2 - 2 + i);

        test_tree_link(tree, slave, lower);
    }
}

/* A diamond of devices over and over: each disk once, in a time that does not double with every
 * layer. */
START_TEST(test_many_layers)
{
    g_autoptr(FirnFilesystems) list = NULL;
    g_autofree char *text = NULL;

    test_tree_load(tree, "virtio-blk.tree");
    for (guint layer = 0; layer < 60; layer++) {
        put_layered(layer, 0);
        put_layered(layer, 1);
    }
    test_tree_write(tree, "/proc/self/mountinfo", "1 0 253:119 / / rw - xfs /dev/mapper/top rw\n");
    list = read_list();
    text = describe(list);
    ck_assert_str_eq(text, "dm-119 / xfs /dev/vdb\n");
}
END_TEST

/* As on a host of containers: a filesystem is listed once, by its first mount. */
START_TEST(test_two_thousand)
{
    g_autoptr(GString) table = g_string_new("1 0 252:1 / / rw - ext4 /dev/vda1 rw\n");
    g_autoptr(FirnFilesystems) list = NULL;

    test_tree_load(tree, "virtio-blk.tree");
    for (guint i = 2; i <= 2000; i++)
        g_string_append_printf(table, "%u 1 252:16 / /srv/%u rw - xfs /dev/vdb rw\n", i, i);
    test_tree_write(tree, "/proc/self/mountinfo", table->str);
    list = read_list();
    ck_assert_uint_eq(list->count, 2);
    ck_assert_str_eq(list->entries[0].mountpoint, "/srv/2");
    ck_assert_str_eq(list->entries[0].usage_path, "/srv/2");
    ck_assert_str_eq(list->entries[1].mountpoint, "/");
}
END_TEST

START_TEST(test_no_table)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GError) error = NULL;

    ck_assert_ptr_null(firn_filesystems_read(roots, &error));
    ck_assert_ptr_nonnull(error);
}
END_TEST

START_TEST(test_usage)
{
    FirnUsage usage = firn_usage_read("/");

    ck_assert(usage.known);
    ck_assert_uint_gt(usage.total, 0);
    ck_assert_uint_le(usage.used, usage.total);
    ck_assert_uint_le(usage.total, usage.total_privileged);
    usage = firn_usage_read("/no/such/place");
    ck_assert(!usage.known);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("filesystems");
    TCase *tests = tcase_create("filesystems");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_loop_test(tests, test_stacks, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tests, test_kinds);
    tcase_add_test(tests, test_ways);
    tcase_add_test(tests, test_many_layers);
    tcase_add_test(tests, test_two_thousand);
    tcase_add_test(tests, test_no_table);
    tcase_add_test(tests, test_usage);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
