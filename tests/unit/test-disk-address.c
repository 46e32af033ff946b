/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disk-address.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <sys/sysmacros.h>

static char *tree;

static void make_tree(void)
{
    tree = test_tree_new();
}

static void remove_tree(void)
{
    test_tree_remove(tree);
}

/* "TYPE BUS:TARGET:UNIT DOMAIN:BUS:SLOT.FUNCTION NODE SERIAL [CCW]" of the device of that number.
 */
static char *describe(const FirnRoots *roots, dev_t number)
{
    g_autoptr(FirnBlockDevice) device = firn_block_device_find(roots, number);
    g_autoptr(FirnDiskAddress) address = NULL;
    g_autofree char *ccw = NULL;

    ck_assert_ptr_nonnull(device);
    address = firn_disk_address_read(roots, device);
    ccw = address->has_ccw ? g_strdup_printf(" %x.%x.%04x.%04x", (guint)address->ccw.cssid,
                                             (guint)address->ccw.ssid, (guint)address->ccw.subchno,
                                             (guint)address->ccw.devno)
                           : g_strdup("");
    return g_strdup_printf("%s %d:%d:%d %d:%d:%d.%d %s %s%s", firn_bus_name(address->bus_type),
                           (int)address->bus, (int)address->target, (int)address->unit,
                           (int)address->pci.domain, (int)address->pci.bus, (int)address->pci.slot,
                           (int)address->pci.function, address->node,
                           address->serial ? address->serial : "-", ccw);
}

typedef struct {
    const char *tree;
    guint major, minor;
    const char *expected;
} Row;

static const Row rows[] = {
    {"virtio-blk", 252, 0, "virtio 0:0:0 0:4:0.0 /dev/vda vda-serial"},
    {"virtio-blk", 252, 1, "virtio 0:0:0 0:4:0.0 /dev/vda1 vda-serial"},
    {"virtio-blk", 252, 16, "virtio 0:0:0 0:5:0.0 /dev/vdb -"},
    {"virtio-scsi", 8, 0, "scsi 0:0:0 0:0:5.0 /dev/sda 0QEMU_QEMU_HARDDISK_drive-scsi0"},
    {"virtio-scsi", 8, 1, "scsi 0:0:0 0:0:5.0 /dev/sda1 0QEMU_QEMU_HARDDISK_drive-scsi0"},
    {"virtio-scsi", 8, 16, "scsi 0:3:257 0:0:5.0 /dev/sdb -"},
    {"sata", 8, 0, "sata 0:0:0 0:0:31.2 /dev/sda QEMU_HARDDISK_QM00001"},
    {"sata", 8, 2, "sata 0:0:0 0:0:31.2 /dev/sda2 QEMU_HARDDISK_QM00001"},
    {"sata", 8, 16, "sata 0:0:2 0:0:31.2 /dev/sdb QEMU_HARDDISK_QM00003"},
    {"nvme", 259, 0, "nvme 0:0:0 0:0:4.0 /dev/nvme0n1 QEMU_NVMe_Ctrl_deadbeef"},
    {"nvme", 259, 1, "nvme 0:0:0 0:0:4.0 /dev/nvme0n1p1 QEMU_NVMe_Ctrl_deadbeef"},
    {"nvme", 259, 2, "nvme 0:0:0 0:0:6.0 /dev/nvme1n1 QEMU0001"},
    {"ide", 8, 0, "ide 0:0:0 0:0:1.1 /dev/sda QEMU_HARDDISK_QM00001"},
    {"ide", 8, 16, "ide 1:0:1 0:0:1.1 /dev/sdb -"},
    {"usb", 8, 16, "usb 0:0:0 0:0:29.7 /dev/sdb QEMU_USB_HARDDRIVE_1-0000:00:1d.7-1-0:0"},
    {"usb", 8, 32, "usb 0:0:1 0:0:7.0 /dev/sdc -"},
    {"multipath", 8, 0, "fibre 0:0:1 0:0:3.0 /dev/sda 3600508b400105e210000900000490000"},
    {"multipath", 8, 16, "fibre 0:0:1 0:0:3.1 /dev/sdb 3600508b400105e210000900000490000"},
    {"s390x-ccw", 252, 0, "virtio 0:0:0 -1:-1:-1.-1 /dev/vda root 0.0.0001.0000"},
    {"s390x-ccw", 8, 0, "scsi 0:0:1 -1:-1:-1.-1 /dev/sda - 0.0.0003.1a2b"},
    {"s390x-ccw", 94, 0, "unknown 0:0:0 -1:-1:-1.-1 /dev/dasda - 0.0.0008.0200"},
    {"buses", 8, 0, "scsi 0:0:2 -1:-1:-1.-1 /dev/sda -"},
    {"buses", 202, 0, "xen 0:0:0 -1:-1:-1.-1 /dev/xvda -"},
    {"buses", 179, 0, "mmc 0:0:0 0:0:6.0 /dev/mmcblk0 -"},
    {"buses", 8, 48, "sas 0:0:0 0:0:8.0 /dev/sdd -"},
    {"buses", 8, 64, "scsi 1:2:3 0:0:9.0 /dev/sde -"},
    {"buses", 8, 80, "scsi 0:0:0 0:0:10.0 /dev/sdf -"},
    {"buses", 8, 96, "iscsi 0:0:5 -1:-1:-1.-1 /dev/sdg -"},
    {"buses", 252, 80, "virtio 0:0:0 1:0:11.1 /dev/vdz -"},
};

START_TEST(test_address)
{
    const Row *row = &rows[_i];
    g_autofree char *file = g_strconcat(row->tree, ".tree", NULL);
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autofree char *found = NULL;

    test_tree_load(tree, file);
    found = describe(roots, makedev(row->major, row->minor));
    ck_assert_str_eq(found, row->expected);
}
END_TEST

/* Paths that no kernel has made must not be read past their end. */
START_TEST(test_nonsense)
{
    static const char *const paths[] = {
        "devices",
        "devices/",
        "devices/css0",
        "devices/css0/0.0.1",
        "devices/0000:00:1f.2",
        "devices/pci0000:00/0000:00:1f.2/ata",
        "devices/1:2:3:4:5/x",
        "devices/99999999999999999999:00:00.0/host9999999999999999/1:1:1:99999999999999999999/sda",
    };
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);

    for (gsize i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_autoptr(FirnBlockDevice) device = firn_block_device_new(paths[i]);
        g_autoptr(FirnDiskAddress) address = firn_disk_address_read(roots, device);

        ck_assert_ptr_nonnull(address->node);
        ck_assert_ptr_null(address->serial);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("disk-address");
    TCase *tests = tcase_create("disk-address");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_loop_test(tests, test_address, 0, G_N_ELEMENTS(rows));
    tcase_add_test(tests, test_nonsense);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
