/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/members.h"
#include "tests/lib/shell.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

#define FSINFO "{\"execute\":\"guest-get-fsinfo\"}"
#define DISKS "{\"execute\":\"guest-get-disks\"}"
#define DISKSTATS "{\"execute\":\"guest-get-diskstats\"}"

/* Members of a reply to guest-get-fsinfo; others write to this machine's disks meanwhile. */
#define SIZES                                                                                      \
    COMPARE_DIFFERS("return[].total-bytes-privileged", "fsinfo-privileged"),                       \
        COMPARE_CHANGES("return[].used-bytes"), COMPARE_CHANGES("return[].total-bytes")
/* Members of the address of a disk on a controller that the packaged agent does not know. */
#define BUS(AT)                                                                                    \
    COMPARE_DIFFERS(AT "bus-type", "disk-bus"),                                                    \
        COMPARE_DIFFERS(AT "pci-controller.domain", "disk-bus"),                                   \
        COMPARE_DIFFERS(AT "pci-controller.bus", "disk-bus"),                                      \
        COMPARE_DIFFERS(AT "pci-controller.slot", "disk-bus"),                                     \
        COMPARE_DIFFERS(AT "pci-controller.function", "disk-bus")
#define DISK "return[].disk[]."
#define ADDRESS "return[].address."
#define STAT(NAME) COMPARE_CHANGES("return[].stats." NAME)

static const CompareMember sizes[] = {SIZES, {0}};

static const CompareMember counters[] = {
    STAT("read-ios"),       STAT("read-merges"),     STAT("read-sectors"),
    STAT("read-ticks"),     STAT("write-ios"),       STAT("write-merges"),
    STAT("write-sectors"),  STAT("write-ticks"),     STAT("discard-ios"),
    STAT("discard-merges"), STAT("discard-sectors"), STAT("discard-ticks"),
    STAT("flush-ios"),      STAT("flush-ticks"),     STAT("ios-pgr"),
    STAT("total-ticks"),    STAT("weight-ticks"),    {0},
};

/* A machine may have no filesystem with a device. */
static const CompareMember maybe_sizes[] = {
    COMPARE_CHANGES("return[].total-bytes-privileged"),
    COMPARE_CHANGES("return[].used-bytes"),
    COMPARE_CHANGES("return[].total-bytes"),
    {0},
};

/* Loop devices come and go with other tests, so this machine's list of disks is compared where
 * /sys/block is one of a tree. */
START_TEST(test_this_machine)
{
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_members(compare, FSINFO, maybe_sizes);
    compare_members(compare, DISKSTATS, counters);
    compare_members(compare, "{\"execute\":\"guest-get-fsinfo\",\"arguments\":{\"x\":1}}", NULL);
    compare_members(compare, "{\"execute\":\"guest-get-disks\",\"arguments\":[]}", NULL);
}
END_TEST

/* Mounts in a namespace of the test's own, on a tmpfs at FOLDER. */
static gboolean make_mounts(const char *folder, const char *script, char **why)
{
    if (!compare_own_mounts() || mount("none", folder, "tmpfs", 0, NULL) < 0) {
        *why = g_strdup("no private mount namespace here (needs root)");
        return FALSE;
    }
    return test_shell(why, "cd '%s'; %s", folder, script);
}

typedef struct {
    const char *kind;
    const char *script;
    const CompareMember *members;
    const char *peer; /* how many entries the packaged agent has, where firn has one */
} Mounts;

static const CompareMember hidden_sizes[] = {
    COMPARE_DIFFERS("return[].total-bytes-privileged", "fsinfo-privileged"),
    COMPARE_DIFFERS("return[].used-bytes", "fsinfo-hidden"),
    COMPARE_DIFFERS("return[].total-bytes", "fsinfo-hidden"),
    {0},
};

static const Mounts mounts[] = {
    {"bind mounts",
     "mkdir d b 'sp ace'; truncate -s 8M i; mkfs.ext4 -q i; mount -o loop i d\n"
     "mkdir d/sub; mount --bind d b; mount --bind d/sub 'sp ace'\n",
     NULL, "3"},
    {"xfs", "mkdir d; truncate -s 320M i; mkfs.xfs -q i; mount -o loop i d\n", sizes},
    {"btrfs subvolume",
     "mkdir d s; truncate -s 128M i; mkfs.btrfs -q i; mount -o loop i d\n"
     "btrfs subvolume create d/v; mount -o subvol=v \"$(losetup -nO NAME -j "
     "\"$PWD/i\" | head -1)\" s\n",
     NULL, "2"},
    {"btrfs on two devices",
     "mkdir d; truncate -s 128M i j; mkfs.btrfs -q i j\n"
     "a=$(losetup -f --show i); trap 'losetup -d $a' EXIT\n"
     "b=$(losetup -f --show j); trap 'losetup -d $a $b' EXIT\n"
     "btrfs device scan $a $b; mount $a d\n",
     sizes},
    {"a hidden mount",
     "mkdir d; truncate -s 8M i; mkfs.ext4 -q i; mount -o loop i d\n"
     "mount -t tmpfs none d\n",
     hidden_sizes},
    {"overlay",
     "mkdir d o; truncate -s 8M i; mkfs.ext4 -q i; mount -o loop i d\n"
     "mkdir d/l d/u d/w\n"
     "mount -t overlay o -o lowerdir=d/l,upperdir=d/u,workdir=d/w o\n",
     sizes},
};

/* How many filesystems below the folder an agent lists. */
static char *count_below(TestClient *client, const char *folder)
{
    g_autofree char *text = test_client_text(client, FSINFO);
    g_autofree char *begin = g_strdup_printf("\"mountpoint\":\"%s/", folder);
    g_auto(GStrv) parts = g_strsplit(text, begin, -1);

    return g_strdup_printf("%u", g_strv_length(parts) - 1);
}

static void compare_once(Compare *compare, const char *folder, const char *peer)
{
    g_autofree char *from_firn = count_below(compare_firn(compare), folder);
    g_autofree char *from_peer = count_below(compare_peer(compare), folder);

    compare_differs_text("fsinfo-once", from_firn, "1", from_peer, peer);
}

START_TEST(test_mounts)
{
    g_autofree char *folder = g_dir_make_tmp("firn-diff-XXXXXX", NULL);
    g_autofree char *why = NULL;
    g_autoptr(Compare) compare = NULL;
    gboolean asked;

    if (!make_mounts(folder, mounts[_i].script, &why)) {
        umount2(folder, MNT_DETACH);
        rmdir(folder);
        TEST_SKIP("%s: %s", mounts[_i].kind, why);
    }
    compare = compare_new();
    asked = compare != NULL;
    if (asked && mounts[_i].members)
        compare_members(compare, FSINFO, mounts[_i].members);
    else if (asked)
        compare_once(compare, folder, mounts[_i].peer);
    g_clear_pointer(&compare, compare_free);
    test_shell(NULL, "cd '%s'; umount -q o s b 'sp ace' d d; true", folder);
    umount2(folder, MNT_DETACH);
    rmdir(folder);
    if (!asked)
        TEST_SKIP(NO_PEER);
}
END_TEST

typedef struct {
    const char *tree;
    const CompareMember *fsinfo;
    const CompareMember *disks;
} Machine;

#define ALIAS COMPARE_DIFFERS("return[].alias", "disks-alias")

static const CompareMember serial_fsinfo[] = {
    SIZES, COMPARE_DIFFERS(DISK "serial", "disk-partition-serial"), {0}};
static const CompareMember scsi_fsinfo[] = {
    SIZES, COMPARE_DIFFERS(DISK "target", "disk-scsi-target"), {0}};
static const CompareMember scsi_disks[] = {COMPARE_DIFFERS(ADDRESS "target", "disk-scsi-target"),
                                           {0}};
static const CompareMember md_fsinfo[] = {
    SIZES, COMPARE_DIFFERS("return[].disk[]", "fsinfo-md-partition"), {0}};
static const CompareMember lvm_disks[] = {ALIAS, {0}};
static const CompareMember usb_fsinfo[] = {
    SIZES, BUS(DISK), COMPARE_DIFFERS(DISK "unit", "disk-bus"), {0}};
static const CompareMember usb_disks[] = {
    BUS(ADDRESS), COMPARE_DIFFERS(ADDRESS "unit", "disk-bus"), {0}};
static const CompareMember multipath_disks[] = {
    ALIAS, BUS(ADDRESS), COMPARE_DIFFERS(ADDRESS "unit", "disk-bus"), {0}};
static const CompareMember nvme_fsinfo[] = {
    SIZES, BUS(DISK), COMPARE_DIFFERS(DISK "serial", "disk-partition-serial"), {0}};
static const CompareMember nvme_disks[] = {
    BUS(ADDRESS), COMPARE_DIFFERS(ADDRESS "serial", "disk-nvme-serial"), {0}};
static const CompareMember other_fsinfo[] = {SIZES,
                                             BUS(DISK),
                                             COMPARE_DIFFERS(DISK "unit", "disk-bus"),
                                             COMPARE_DIFFERS(DISK "bus", "disk-bus"),
                                             COMPARE_DIFFERS(DISK "target", "disk-bus"),
                                             {0}};
static const CompareMember other_disks[] = {BUS(ADDRESS),
                                            COMPARE_DIFFERS(ADDRESS "unit", "disk-bus"),
                                            COMPARE_DIFFERS(ADDRESS "bus", "disk-bus"),
                                            COMPARE_DIFFERS(ADDRESS "target", "disk-bus"),
                                            {0}};

static const CompareMember btrfs_fsinfo[] = {
    COMPARE_DIFFERS("return[].total-bytes-privileged", "fsinfo-privileged"),
    COMPARE_DIFFERS("return[].total-bytes", "fsinfo-remote"),
    COMPARE_DIFFERS("return[].used-bytes", "fsinfo-remote"),
    COMPARE_DIFFERS("return[].disk[]", "fsinfo-btrfs"),
    {0},
};

static const Machine machines[] = {
    {"btrfs", btrfs_fsinfo, NULL},
    {"virtio-blk", serial_fsinfo, NULL},
    {"virtio-scsi", scsi_fsinfo, scsi_disks},
    {"sata", serial_fsinfo, NULL},
    {"ide", serial_fsinfo, NULL},
    {"nvme", nvme_fsinfo, nvme_disks},
    {"usb", usb_fsinfo, usb_disks},
    {"lvm-luks", sizes, lvm_disks},
    {"md-raid", md_fsinfo, NULL},
    {"multipath", usb_fsinfo, multipath_disks},
    {"s390x-ccw", serial_fsinfo, NULL},
    {"buses", other_fsinfo, other_disks},
};

/* The tree's /sys and /run over this machine's, and a program that puts the tree's table of mounts
 * over that of an agent it starts. Its mountpoints become folders that every machine has, and a
 * btrfs's device a node that is there. */
static gboolean move_in(const char *tree, char **why)
{
    if (!compare_own_mounts()) {
        *why = g_strdup("no private mount namespace here (needs root)");
        return FALSE;
    }
    return test_shell(
        why,
        "cd '%s'; mkdir -p run/udev\n"
        "awk 'BEGIN { split(\"/ /usr /etc /var /opt /home /root /tmp /mnt\", at, \" \") }\n"
        "seen[$3]++ { next }\n" /* a second mount of one filesystem */
        "{ $5 = at[NR]; if ($8 == \"btrfs\") $9 = \"/dev/shm/vdb\"; print }' "
        "proc/self/mountinfo >table\n"
        "mount -t tmpfs none /dev/shm; mknod /dev/shm/vdb b 252 16\n"
        "printf '#!/bin/sh\\nexport SYSTEMD_DEVICE_VERIFY_SYSFS=0\\n"
        "mount --bind %s/table /proc/$$/mountinfo && exec \"$@\"\\n' >wrapper\n"
        "chmod +x wrapper; ./wrapper true\n"
        "mount --bind sys /sys; mount --bind run /run\n",
        tree, tree);
}

START_TEST(test_machine)
{
    const Machine *machine = &machines[_i];
    g_autofree char *file = g_strconcat(machine->tree, ".tree", NULL);
    g_autofree char *wrapper = NULL;
    g_autofree char *why = NULL;
    char *tree = test_tree_new();
    Compare *compare = NULL;

    test_tree_load(tree, file);
    wrapper = g_strconcat(tree, "/wrapper", NULL);
    if (move_in(tree, &why)) {
        g_setenv("FIRN_WRAPPER", wrapper, TRUE);
        compare = compare_new();
        why = compare ? NULL : g_strdup(NO_PEER);
    }
    if (compare) {
        compare_members(compare, FSINFO, machine->fsinfo);
        compare_members(compare, DISKS, machine->disks);
    }
    compare_free(compare);
    umount2("/sys", MNT_DETACH);
    umount2("/run", MNT_DETACH);
    umount2("/dev/shm", MNT_DETACH);
    test_tree_remove(tree);
    if (why)
        TEST_SKIP("%s: %s", machine->tree, why);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-replies");
    TCase *tests = tcase_create("storage-replies");

    tcase_set_timeout(tests, 10);
    tcase_add_test(tests, test_this_machine);
    tcase_add_loop_test(tests, test_mounts, 0, G_N_ELEMENTS(mounts));
    tcase_add_loop_test(tests, test_machine, 0, G_N_ELEMENTS(machines));
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
