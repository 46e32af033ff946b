/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/devices.h"
#include "tests/lib/suite.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* A tree like /sys and /dev of another machine, below a folder of its own. */
static char *tree;

static void make_tree(void)
{
    tree = g_dir_make_tmp("firn-devices-XXXXXX", NULL);
    ck_assert_ptr_nonnull(tree);
}

static void remove_tree(void)
{
    const char *argv[] = {"rm", "-rf", tree, NULL};

    g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                 NULL, NULL);
    g_clear_pointer(&tree, g_free);
}

static void put(const char *path, const char *text)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    ck_assert(g_file_set_contents(file, text, -1, NULL));
}

static void put_link(const char *path, const char *target)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    ck_assert_int_eq(g_mkdir_with_parents(folder, 0755), 0);
    ck_assert_int_eq(symlink(target, file), 0);
}

/* A device below /sys/devices with its links, as the kernel has them. */
static void put_device(const char *number, const char *name, const char *place)
{
    g_autofree char *dev = g_strdup_printf("/sys/devices/%s/dev", place);
    g_autofree char *uevent = g_strdup_printf("/sys/devices/%s/uevent", place);
    g_autofree char *by_number = g_strdup_printf("/sys/dev/block/%s", number);
    g_autofree char *by_name = g_strdup_printf("/sys/class/block/%s", name);
    g_autofree char *number_target = g_strdup_printf("../../devices/%s", place);
    g_autofree char *number_line = g_strdup_printf("%s\n", number);
    g_autofree char *uevent_text = g_strdup_printf("MAJOR=0\nDEVNAME=%s\nDEVTYPE=disk\n", name);

    put(dev, number_line);
    put(uevent, uevent_text);
    put_link(by_number, number_target);
    put_link(by_name, number_target);
}

static FirnDevices *read_devices(const char *mountinfo)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse(mountinfo, -1);
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);

    return firn_devices_read(roots, mounts);
}

static void assert_lower(const FirnDevices *devices, dev_t upper, dev_t lower)
{
    guint count;
    const dev_t *found = firn_devices_lower(devices, upper, &count);

    for (guint i = 0; i < count; i++)
        if (found[i] == lower)
            return;
    ck_abort_msg("%u:%u does not stand on %u:%u", major(upper), minor(upper), major(lower),
                 minor(lower));
}

START_TEST(test_stack)
{
    g_autoptr(FirnDevices) devices = NULL;
    const char *const *names;
    guint count;

    put_device("8:0", "sda", "pci/sda");
    put_device("8:2", "sda2", "pci/sda/sda2");
    put("/sys/devices/pci/sda/sda2/partition", "2\n");
    put_device("253:0", "dm-0", "virtual/dm-0");
    put("/sys/devices/virtual/dm-0/dm/name", "vg-root\n");
    put_link("/sys/devices/virtual/dm-0/slaves/sda2", "../../../pci/sda/sda2");
    put_link("/sys/devices/virtual/dm-0/slaves/md0", "../../md0");
    put_device("9:0", "md0", "virtual/md0");
    put_link("/sys/devices/virtual/md0/slaves/loop3", "../../loop3");
    put_device("7:3", "loop3", "virtual/loop3");
    put("/sys/devices/virtual/loop3/loop/backing_file", "/store/a disk.img\n");
    devices = read_devices("1 0 253:0 / / rw - ext4 /dev/mapper/vg-root rw\n"
                           "2 1 8:1 / /store rw - ext4 /dev/sda1 rw\n");

    assert_lower(devices, makedev(253, 0), makedev(8, 2));
    assert_lower(devices, makedev(253, 0), makedev(9, 0));
    assert_lower(devices, makedev(8, 2), makedev(8, 0));
    assert_lower(devices, makedev(9, 0), makedev(7, 3));
    assert_lower(devices, makedev(7, 3), makedev(8, 1));
    ck_assert(!firn_devices_is_unknown(devices, makedev(7, 3)));
    names = firn_devices_names(devices, makedev(253, 0), &count);
    ck_assert_uint_eq(count, 2);
    ck_assert_str_eq(names[0], "dm-0");
    ck_assert_str_eq(names[1], "mapper/vg-root");
}
END_TEST

START_TEST(test_btrfs)
{
    g_autoptr(FirnDevices) devices = NULL;
    guint count;

    put_device("8:16", "sdb", "pci/sdb");
    put_device("8:32", "sdc", "pci/sdc");
    put_device("8:48", "sdd", "pci/sdd");
    put_link("/sys/fs/btrfs/1111/devices/sdd", "../../../../devices/pci/sdd");
    put_link("/sys/fs/btrfs/2222/devices/sdb", "../../../../devices/pci/sdb");
    put_link("/sys/fs/btrfs/2222/devices/sdc", "../../../../devices/pci/sdc");
    put("/sys/fs/btrfs/features/raid56", "0\n");
    put_link("/dev/disk/by-path/pci-0000:00:05.0", "../../sdb");
    devices =
        read_devices("1 0 0:30 /@ / rw - btrfs /dev/disk/by-path/pci-0000:00:05.0 rw\n"
                     "2 1 0:30 /@home /home rw - btrfs /dev/disk/by-path/pci-0000:00:05.0 rw\n"
                     "3 1 0:31 / /tmp rw - tmpfs /dev/sdd rw\n");

    firn_devices_lower(devices, makedev(0, 30), &count);
    ck_assert_uint_eq(count, 2);
    assert_lower(devices, makedev(0, 30), makedev(8, 16));
    assert_lower(devices, makedev(0, 30), makedev(8, 32));
    firn_devices_lower(devices, makedev(0, 31), &count);
    ck_assert_uint_eq(count, 0);
}
END_TEST

/* Each is found by one pass over sysfs: once for each filesystem would last for minutes. */
START_TEST(test_many_btrfs)
{
    const guint filesystems = 1500;
    g_autoptr(GString) table = g_string_new(NULL);
    g_autoptr(FirnDevices) devices = NULL;

    for (guint i = 0; i < 2 * filesystems; i++) {
        g_autofree char *number = g_strdup_printf("8:%u\n", i);
        g_autofree char *file = g_strdup_printf("/sys/class/block/sd%u/dev", i);
        g_autofree char *link = g_strdup_printf("/sys/fs/btrfs/%u/devices/sd%u", i / 2, i);
        g_autofree char *target = g_strdup_printf("../../../../class/block/sd%u", i);

        put(file, number);
        put_link(link, target);
        if (i % 2 == 0)
            g_string_append_printf(table, "%u 1 0:%u / /m%u rw - btrfs /dev/sd%u rw\n", i + 2,
                                   i / 2 + 30, i / 2, i);
    }
    devices = read_devices(table->str);
    for (guint i = 0; i < filesystems; i++) {
        assert_lower(devices, makedev(0, i + 30), makedev(8, 2 * i));
        assert_lower(devices, makedev(0, i + 30), makedev(8, 2 * i + 1));
    }
}
END_TEST

START_TEST(test_several_sources)
{
    g_autoptr(FirnDevices) devices = NULL;

    put_device("8:16", "sdb", "pci/sdb");
    put_device("104:0", "cciss!c0d0", "pci/cciss");
    put_device("8:64", "sde", "pci/sde");
    devices = read_devices("1 0 0:30 / / rw - bcachefs /dev/sdb:/dev/cciss/c0d0 rw\n"
                           "2 1 8:1 / /x rw - xfs /dev/sda1 rw,logdev=/dev/sde,noquota\n");

    assert_lower(devices, makedev(0, 30), makedev(8, 16));
    assert_lower(devices, makedev(0, 30), makedev(104, 0));
    assert_lower(devices, makedev(8, 1), makedev(8, 64));
}
END_TEST

/* A loop device on a file. */
static void put_loop(guint number, const char *file)
{
    g_autofree char *numbers = g_strdup_printf("7:%u", number);
    g_autofree char *name = g_strdup_printf("loop%u", number);
    g_autofree char *place = g_strdup_printf("virtual/loop%u", number);
    g_autofree char *backing = g_strdup_printf("/sys/devices/%s/loop/backing_file", place);

    put_device(numbers, name, place);
    put(backing, file);
}

/* With nothing but texts to go by, as here, they decide. */
START_TEST(test_files_of_loop_devices)
{
    g_autoptr(FirnDevices) devices = NULL;

    put_loop(0, "/store/gone.img (deleted)\n");
    put_loop(1, "/merged/disk.img\n");
    put_loop(2, "/srv/nfs/disk.img\n");
    put_loop(3, "/relative/disk.img\n");
    put_loop(4, "/still/disk.img\n");
    devices = read_devices(
        "1 0 254:0 / / rw - ext4 /dev/vda rw\n"
        "2 1 7:0 / /0 rw - ext4 /dev/loop0 rw\n"
        "3 1 7:1 / /1 rw - ext4 /dev/loop1 rw\n"
        "4 1 7:2 / /2 rw - ext4 /dev/loop2 rw\n"
        "5 1 7:3 / /3 rw - ext4 /dev/loop3 rw\n"
        "6 1 7:4 / /4 rw - ext4 /dev/loop4 rw\n"
        "7 1 8:0 / /store rw - ext4 /dev/sda rw\n"
        "8 1 0:50 / /merged rw - overlay overlay rw,lowerdir=/l,upperdir=/store/u,workdir=/w\n"
        "9 1 0:51 / /srv/nfs rw - nfs4 filer:/x rw\n"
        "10 1 0:52 / /relative rw - overlay overlay rw,lowerdir=l,upperdir=u,workdir=w\n"
        "11 1 0:53 / /still ro - overlay overlay ro,lowerdir=/l:/m\n");

    assert_lower(devices, makedev(7, 0), makedev(8, 0));
    assert_lower(devices, makedev(7, 1), makedev(0, 50));
    assert_lower(devices, makedev(0, 50), makedev(8, 0));
    ck_assert(firn_devices_is_unknown(devices, makedev(7, 2)));
    assert_lower(devices, makedev(7, 3), makedev(0, 52));
    ck_assert(firn_devices_is_unknown(devices, makedev(0, 52)));
    assert_lower(devices, makedev(7, 4), makedev(0, 53));
    ck_assert(!firn_devices_is_unknown(devices, makedev(0, 53)));
}
END_TEST

START_TEST(test_suspended)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);

    put_device("253:0", "dm-0", "virtual/dm-0");
    put("/sys/devices/virtual/dm-0/dm/name", "vg-low\n");
    put("/sys/devices/virtual/dm-0/dm/suspended", "1\n");
    put_device("253:1", "dm-1", "virtual/dm-1");
    put("/sys/devices/virtual/dm-1/dm/suspended", "0\n");
    put_link("/sys/devices/virtual/dm-1/slaves/dm-0", "../../dm-0");
    put_link("/sys/devices/virtual/dm-0/slaves/dm-1", "../../dm-1");
    firn_devices_add(devices, roots, makedev(253, 1));
    ck_assert_str_eq(firn_devices_find_suspended(devices, makedev(253, 1)), "mapper/vg-low");
    put("/sys/devices/virtual/dm-0/dm/suspended", "0\n");
    firn_devices_free(devices);
    devices = firn_devices_new();
    firn_devices_add(devices, roots, makedev(253, 1));
    ck_assert_ptr_null(firn_devices_find_suspended(devices, makedev(253, 1)));
}
END_TEST

/* Nonsense in sysfs, or none at all, costs nothing. */
START_TEST(test_nothing_there)
{
    g_autoptr(FirnDevices) devices = NULL;
    guint count;

    put_device("8:16", "sdb", "pci/sdb");
    put("/sys/devices/pci/sdb/partition", "1\n");
    put("/sys/devices/pci/dev", "nonsense\n");
    put("/sys/devices/pci/sdb/slaves/broken/dev", "8\n");
    put_link("/sys/devices/pci/sdb/slaves/itself", "..");
    devices = read_devices("1 0 8:16 / / rw - ext4 /dev/sdb rw\n"
                           "2 1 8:17 / /x rw - ext4 /dev/sdb1 rw\n"
                           "3 1 0:40 / /y rw - btrfs /dev/root rw\n"
                           "4 1 0:41 / /z rw - btrfs /dev/../etc/passwd rw\n");

    firn_devices_lower(devices, makedev(8, 17), &count);
    ck_assert_uint_eq(count, 0);
    firn_devices_lower(devices, makedev(0, 40), &count);
    ck_assert_uint_eq(count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("devices");
    TCase *tests = tcase_create("devices");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_test(tests, test_stack);
    tcase_add_test(tests, test_btrfs);
    tcase_add_test(tests, test_many_btrfs);
    tcase_add_test(tests, test_several_sources);
    tcase_add_test(tests, test_files_of_loop_devices);
    tcase_add_test(tests, test_suspended);
    tcase_add_test(tests, test_nothing_there);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
