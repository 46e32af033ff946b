/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/plan.h"
#include "platform/mount-namespaces.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <sys/sysmacros.h>

static FirnMounts *load(const char *name)
{
    g_autofree char *path = g_build_filename(g_getenv("FIRN_TEST_DATA"), "mountinfo", name, NULL);
    g_autofree char *text = NULL;
    gsize length;

    ck_assert(g_file_get_contents(path, &text, &length, NULL));
    return firn_mounts_parse(text, (gssize)length);
}

static FirnPlan *plan_of(const char *name, const FirnDevices *devices)
{
    g_autoptr(FirnMounts) mounts = load(name);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);

    ck_assert_uint_eq(mounts->skipped, 0);
    return firn_plan_new(mounts, devices, selection);
}

/* The mountpoints in the order to freeze them. */
static char *order(const FirnPlan *plan)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < plan->count; i++)
        g_string_append_printf(text, "%s%s", i > 0 ? " " : "", plan->targets[i].mountpoint);
    return g_string_free(text, FALSE);
}

static void assert_order(const FirnPlan *plan, const char *expected)
{
    g_autofree char *text = order(plan);

    ck_assert_str_eq(text, expected);
}

static const FirnPlanOmission *omission(const FirnPlan *plan, const char *mountpoint)
{
    for (guint i = 0; i < plan->omission_count; i++)
        if (g_str_equal(plan->omissions[i].mountpoint, mountpoint))
            return &plan->omissions[i];
    ck_abort_msg("%s was not left out", mountpoint);
}

START_TEST(test_plain)
{
    g_autoptr(FirnPlan) plan = plan_of("plain", NULL);

    assert_order(plan, "/mnt/backup /home /boot/efi /");
    ck_assert(plan->targets[0].read_only);
    ck_assert(plan->targets[3].device == makedev(254, 1));
    ck_assert_str_eq(plan->targets[3].type, "ext4");
    ck_assert_str_eq(plan->targets[3].source, "/dev/vda1");
    ck_assert_int_eq(plan->targets[3].mounts[0].id, 28);
    ck_assert(!plan->targets[3].mounts[0].hidden);
    ck_assert_uint_eq(plan->omission_count, 13);
    ck_assert_int_eq(omission(plan, "/proc")->reason, FIRN_OMITTED_NO_DEVICE);
}
END_TEST

START_TEST(test_btrfs)
{
    g_autoptr(FirnPlan) plan = plan_of("btrfs", NULL);
    const FirnPlanTarget *root = &plan->targets[2];

    assert_order(plan, "/srv/pool /boot /");
    ck_assert_uint_eq(root->mount_count, 3);
    ck_assert_str_eq(root->mounts[1].path, "/home");
    ck_assert_str_eq(root->mounts[2].path, "/var/lib/libvirt/images");
}
END_TEST

START_TEST(test_docker)
{
    g_autoptr(FirnPlan) plan = plan_of("docker", NULL);
    const FirnPlanTarget *root = &plan->targets[3];

    assert_order(plan, "/var/lib/docker /boot/efi /snap/core20/1974 /");
    ck_assert_uint_eq(root->mount_count, 3);
    ck_assert_str_eq(root->mounts[0].path, "/");
    ck_assert_str_eq(plan->targets[0].mounts[1].path, "/srv/db data");
    ck_assert_int_eq(omission(plan, "/var/lib/docker/overlay2/3f1c/merged")->reason,
                     FIRN_OMITTED_NO_DEVICE);
}
END_TEST

/* A node of four hundred pods: each a tmpfs for its token, an overlay, a bind mount of a file and
 * one of a folder of the node's own filesystem; every tenth has a volume. */
START_TEST(test_kubernetes)
{
    g_autoptr(GString) text = g_string_new("1 0 252:1 / / rw - ext4 /dev/vda1 rw\n"
                                           "2 1 252:2 / /var/lib/kubelet rw - xfs /dev/vda2 rw\n");
    g_autoptr(FirnMounts) mounts = NULL;
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = NULL;

    for (int i = 0; i < 400; i++) {
        g_string_append_printf(text,
                               "%d 2 0:%d / /var/lib/kubelet/pods/%d/token rw - tmpfs tmpfs rw\n"
                               "%d 1 0:%d / /run/containerd/%d/rootfs rw - overlay overlay rw\n"
                               "%d 2 252:2 /hosts/%d /var/lib/kubelet/pods/%d/hosts rw - xfs "
                               "/dev/vda2 rw\n"
                               "%d 1 252:1 /log/%d /var/log/pods/%d rw - ext4 /dev/vda1 rw\n",
                               10 * i + 10, 100 + 2 * i, i, 10 * i + 11, 101 + 2 * i, i,
                               10 * i + 12, i, i, 10 * i + 13, i, i);
        if (i % 10 == 0)
            g_string_append_printf(text,
                                   "%d 2 8:%d / /var/lib/kubelet/pods/%d/pv rw - ext4 "
                                   "/dev/sdx%d rw\n",
                                   10 * i + 14, i, i, i);
    }
    mounts = firn_mounts_parse(text->str, (gssize)text->len);
    plan = firn_plan_new(mounts, NULL, selection);
    ck_assert_uint_eq(plan->count, 42);
    ck_assert_str_eq(plan->targets[0].mountpoint, "/var/lib/kubelet/pods/390/pv");
    ck_assert_str_eq(plan->targets[40].mountpoint, "/var/lib/kubelet");
    ck_assert_uint_eq(plan->targets[40].mount_count, 401);
    ck_assert_str_eq(plan->targets[41].mountpoint, "/");
    ck_assert_uint_eq(plan->targets[41].mount_count, 401);
    ck_assert_uint_eq(plan->omission_count, 800);
}
END_TEST

START_TEST(test_lvm)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnPlan) plan = NULL;

    /* one volume group on vda2, the other on vdb and vdc */
    firn_devices_add_edge(devices, makedev(253, 0), makedev(252, 2));
    firn_devices_add_edge(devices, makedev(253, 2), makedev(252, 2));
    firn_devices_add_edge(devices, makedev(252, 1), makedev(252, 0));
    firn_devices_add_edge(devices, makedev(252, 2), makedev(252, 0));
    firn_devices_add_edge(devices, makedev(253, 5), makedev(252, 16));
    firn_devices_add_edge(devices, makedev(253, 5), makedev(252, 32));
    plan = plan_of("lvm", devices);
    assert_order(plan, "/data /home /boot /");
    ck_assert_uint_eq(plan->targets[0].disk, 0);
    ck_assert_uint_eq(plan->targets[1].disk, 1);
    ck_assert_uint_eq(plan->targets[2].disk, 1);
    ck_assert_uint_eq(plan->targets[3].disk, 1);
}
END_TEST

/* /inner is an image on /outer, an image on /store, which was mounted between the two. */
START_TEST(test_loop_on_loop)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnPlan) without = plan_of("loops", NULL);
    g_autoptr(FirnPlan) plan = NULL;

    firn_devices_add_edge(devices, makedev(7, 2), makedev(7, 1));
    firn_devices_add_edge(devices, makedev(7, 1), makedev(254, 16));
    plan = plan_of("loops", devices);
    assert_order(without, "/other /outer /store /inner /");
    assert_order(plan, "/other /inner /outer /store /");
    ck_assert_uint_eq(plan->targets[1].disk, plan->targets[3].disk);
    ck_assert_uint_ne(plan->targets[0].disk, plan->targets[1].disk);
}
END_TEST

/* dm over a loop device over a partition's filesystem. */
START_TEST(test_device_mapper_over_loop)
{
    g_autoptr(FirnMounts) mounts =
        firn_mounts_parse("1 0 254:0 / / rw - ext4 /dev/vda rw\n"
                          "2 1 253:0 / /secret rw - ext4 /dev/mapper/secret rw\n"
                          "3 1 8:1 / /store rw - ext4 /dev/sda1 rw\n",
                          -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnPlan) plan = NULL;

    firn_devices_add_edge(devices, makedev(253, 0), makedev(7, 0));
    firn_devices_add_edge(devices, makedev(7, 0), makedev(8, 1));
    firn_devices_add_edge(devices, makedev(8, 1), makedev(8, 0));
    plan = firn_plan_new(mounts, devices, selection);
    assert_order(plan, "/secret /store /");
}
END_TEST

/* Devices that claim to stand on each other do not hold anything up. */
START_TEST(test_circle)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnPlan) plan = NULL;

    firn_devices_add_edge(devices, makedev(7, 1), makedev(7, 2));
    firn_devices_add_edge(devices, makedev(7, 2), makedev(7, 1));
    firn_devices_add_edge(devices, makedev(254, 32), makedev(254, 32));
    firn_devices_add_edge(devices, makedev(7, 1), makedev(9, 1));
    firn_devices_add_edge(devices, makedev(9, 1), makedev(9, 2));
    firn_devices_add_edge(devices, makedev(9, 2), makedev(9, 1));
    plan = plan_of("loops", devices);
    assert_order(plan, "/other /store / /outer /inner");
}
END_TEST

START_TEST(test_network)
{
    g_autoptr(FirnPlan) plan = plan_of("network", NULL);

    assert_order(plan, "/mnt/image /");
    ck_assert_int_eq(omission(plan, "/net")->reason, FIRN_OMITTED_NO_DEVICE);
    ck_assert_int_eq(omission(plan, "/srv/nfs")->reason, FIRN_OMITTED_NETWORK);
    ck_assert_int_eq(omission(plan, "/srv/win")->reason, FIRN_OMITTED_NETWORK);
    ck_assert_int_eq(omission(plan, "/home/bob/remote")->reason, FIRN_OMITTED_FUSE);
    ck_assert_int_eq(omission(plan, "/media/usb")->reason, FIRN_OMITTED_FUSE);
    ck_assert_int_eq(omission(plan, "/mnt/share")->reason, FIRN_OMITTED_NETWORK);
    ck_assert_int_eq(omission(plan, "/mnt/plan9")->reason, FIRN_OMITTED_NETWORK);
}
END_TEST

START_TEST(test_hidden)
{
    g_autoptr(FirnPlan) plan = plan_of("hidden", NULL);

    assert_order(plan, "/etc/motd /data /data/deep /mnt/sub /");
    /* vdc lies below what is mounted over /data: only its hidden mount is left */
    ck_assert(plan->targets[2].mounts[0].hidden);
    ck_assert_uint_eq(plan->targets[3].mount_count, 2);
    ck_assert_int_eq(plan->targets[3].mounts[0].id, 33);
    ck_assert(!plan->targets[3].mounts[0].hidden);
    ck_assert(plan->targets[3].mounts[1].hidden);
    ck_assert(!plan->targets[4].mounts[0].hidden);
}
END_TEST

/* /data is a bind mount below a FUSE mount first, then a part of the same filesystem elsewhere. */
START_TEST(test_remote)
{
    g_autoptr(FirnMounts) mounts =
        firn_mounts_parse("1 0 254:0 / / rw - ext4 /dev/vda rw\n"
                          "2 1 0:50 / /home/bob/far rw - fuse.sshfs bob@far: rw\n"
                          "3 2 254:1 / /home/bob/far/data rw - xfs /dev/vdb rw\n"
                          "4 1 254:1 /part /srv/part rw - xfs /dev/vdb rw\n"
                          "5 2 254:2 / /home/bob/far/only rw - xfs /dev/vdc rw\n",
                          -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);

    assert_order(plan, "/home/bob/far/only /srv/part /");
    ck_assert(plan->targets[0].mounts[0].remote);
    ck_assert(!plan->targets[0].mounts[0].hidden);
    ck_assert(!plan->targets[1].mounts[0].remote);
    ck_assert_str_eq(plan->targets[1].mounts[1].path, "/home/bob/far/data");
    ck_assert(plan->targets[1].mounts[1].remote);
}
END_TEST

static void put_process(const char *tree, const char *pid, const char *comm, const char *ns,
                        const char *mountinfo)
{
    g_autofree char *name = g_strdup_printf("/proc/%s/comm", pid);
    g_autofree char *link = g_strdup_printf("/proc/%s/ns/mnt", pid);
    g_autofree char *table = g_strdup_printf("/proc/%s/mountinfo", pid);

    test_tree_write(tree, name, comm);
    test_tree_link(tree, link, ns);
    test_tree_write(tree, table, mountinfo);
}

/* /data is here too; /db is the container's alone, and the other process's there is not asked. */
START_TEST(test_elsewhere)
{
    static const char *const exclude[] = {"vfat", NULL};
    static const char host[] = "1 0 254:0 / / rw - ext4 /dev/vda rw\n"
                               "2 1 254:1 / /data rw - xfs /dev/vdb rw\n";
    static const char container[] = "50 0 0:40 / / rw - overlay overlay rw\n"
                                    "51 50 254:1 / /srv rw - xfs /dev/vdb rw\n"
                                    "52 50 254:2 / /db rw - ext4 /dev/vdc rw\n"
                                    "53 50 254:3 / /efi rw - vfat /dev/vdd rw\n"
                                    "54 50 0:41 / /proc rw - proc proc rw\n"
                                    "55 50 0:42 / /net rw - nfs4 filer:/x rw\n";
    g_autoptr(FirnRoots) roots = NULL;
    g_autoptr(FirnPlan) plan = NULL;
    char *tree = test_tree_new();

    put_process(tree, "self", "firn\n", "mnt:[1]", host);
    put_process(tree, "1", "init\n", "mnt:[1]", host);
    put_process(tree, "1000", "late\n", "mnt:[2]", "1 0 254:9 / / rw - ext4 /dev/vdz rw\n");
    put_process(tree, "812", "ngi\nnx\n", "mnt:[2]", container);
    put_process(tree, "2000", "last\n", "mnt:[3]", container);
    roots = firn_roots_new(tree);
    plan = firn_plan_make(roots, exclude, NULL, NULL, NULL);
    assert_order(plan, "/data /");
    ck_assert_uint_eq(plan->omission_count, 1);
    ck_assert_str_eq(plan->omissions[0].mountpoint, "/db");
    ck_assert_int_eq(plan->omissions[0].reason, FIRN_OMITTED_ELSEWHERE);
    ck_assert_str_eq(plan->omissions[0].whose, "pid 812 (ngi?nx)");
    ck_assert(plan->omissions[0].device == makedev(254, 2));
    test_tree_remove(tree);
}
END_TEST

/* What users make of their namespaces is read up to a bound, and whole lines alone. */
START_TEST(test_endless_elsewhere)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(FirnRoots) roots = NULL;
    g_autoptr(GPtrArray) others = NULL;
    const FirnMountNamespace *first;
    char *tree = test_tree_new();

    while (text->len < 17 * 1024 * 1024)
        g_string_append(text, "50 0 0:40 / / rw - tmpfs tmpfs rw\n");
    put_process(tree, "self", "firn\n", "mnt:[1]", "");
    put_process(tree, "5", "greedy\n", "mnt:[2]", text->str);
    put_process(tree, "6", "late\n", "mnt:[3]", "1 0 254:9 / / rw - ext4 /dev/vdz rw\n");
    roots = firn_roots_new(tree);
    others = firn_mount_namespaces_read(roots);
    test_tree_remove(tree);
    ck_assert_uint_eq(others->len, 1);
    first = others->pdata[0];
    ck_assert_uint_eq(first->mounts->skipped, 0);
    ck_assert_uint_eq(first->mounts->count, 16 * 1024 * 1024 / 34);
}
END_TEST

/* Root is an overlay whose changes go to an image on the stick that was mounted after it. */
START_TEST(test_live)
{
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnPlan) plan = NULL;

    firn_devices_add_edge(devices, makedev(7, 0), makedev(11, 0));
    firn_devices_add_edge(devices, makedev(7, 1), makedev(8, 1));
    plan = plan_of("live", devices);
    assert_order(plan, "/run/live/persistence /run/live/stick "
                       "/run/live/rootfs/filesystem.squashfs /run/live/medium");
}
END_TEST

/* What /unsure stands on is not known: it comes before all but the one that stands on it. */
START_TEST(test_unknown)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse("1 0 254:0 / / rw - ext4 /dev/vda rw\n"
                                                     "2 1 7:0 / /on-it rw - ext4 /dev/loop0 rw\n"
                                                     "3 1 7:1 / /unsure rw - ext4 /dev/loop1 rw\n"
                                                     "4 1 8:0 / /store rw - ext4 /dev/sda rw\n"
                                                     "5 1 7:2 / /sure rw - ext4 /dev/loop2 rw\n",
                                                     -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnPlan) plan = NULL;

    firn_devices_add_edge(devices, makedev(7, 0), makedev(7, 1));
    firn_devices_set_unknown(devices, makedev(7, 1));
    firn_devices_add_edge(devices, makedev(7, 2), makedev(8, 0));
    plan = firn_plan_new(mounts, devices, selection);
    assert_order(plan, "/on-it /unsure /sure /store /");
    /* they are not taken to share a disk */
    ck_assert_uint_eq(plan->targets[0].disk, plan->targets[1].disk);
    ck_assert_uint_ne(plan->targets[1].disk, plan->targets[2].disk);
    ck_assert_uint_eq(plan->targets[2].disk, plan->targets[3].disk);
}
END_TEST

/* Mounted first of all, and still the last to be frozen. */
START_TEST(test_root_last)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_parse("20 30 8:1 / /boot rw - ext4 /dev/sda1 rw\n"
                                                     "30 1 8:2 / / rw - ext4 /dev/sda2 rw\n"
                                                     "40 30 8:3 / /home rw - ext4 /dev/sda3 rw\n",
                                                     -1);
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);

    assert_order(plan, "/home /boot /");
}
END_TEST

START_TEST(test_selection)
{
    static const char *const exclude[] = {"vfat", "/mnt/*", NULL};
    static const char *const bind[] = {"/srv/jail/*", NULL};
    static const char *const device[] = {"/dev/mapper/big", "11:*", NULL};
    static const char *const include[] = {"xfs", "/srv/jail/shared", NULL};
    g_autoptr(FirnMounts) mounts = load("docker");
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnSelection) by_type = firn_selection_new(exclude, NULL, NULL);
    g_autoptr(FirnSelection) by_bind = firn_selection_new(bind, NULL, NULL);
    g_autoptr(FirnSelection) by_device = firn_selection_new(device, NULL, NULL);
    g_autoptr(FirnSelection) included = firn_selection_new(NULL, include, NULL);
    g_autoptr(FirnPlan) type_plan = firn_plan_new(mounts, NULL, by_type);
    g_autoptr(FirnPlan) bind_plan = firn_plan_new(mounts, NULL, by_bind);
    g_autoptr(FirnPlan) include_plan = firn_plan_new(mounts, NULL, included);
    g_autoptr(FirnPlan) device_plan = NULL;

    firn_devices_add_name(devices, makedev(252, 32), "mapper/big");
    device_plan = firn_plan_new(mounts, devices, by_device);
    assert_order(type_plan, "/var/lib/docker /snap/core20/1974 /");
    ck_assert_str_eq(omission(type_plan, "/boot/efi")->pattern, "vfat");
    /* a bind mount must not take the root filesystem out */
    assert_order(bind_plan, "/var/lib/docker /boot/efi /snap/core20/1974 /");
    assert_order(device_plan, "/boot/efi /snap/core20/1974 /");
    assert_order(include_plan, "/var/lib/docker /");
    ck_assert_int_eq(omission(include_plan, "/boot/efi")->reason, FIRN_OMITTED_NOT_INCLUDED);
}
END_TEST

START_TEST(test_request)
{
    static const char *const some[] = {
        "/srv/jail/etc/hostname", "/boot/efi", "/nowhere", "/proc", "/boot/efi", NULL};
    static const char *const none[] = {NULL};
    g_autoptr(FirnMounts) mounts = load("docker");
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, some);
    g_autoptr(FirnSelection) empty = firn_selection_new(NULL, NULL, none);
    g_autoptr(FirnPlan) plan = firn_plan_new(mounts, NULL, selection);
    g_autoptr(FirnPlan) nothing = firn_plan_new(mounts, NULL, empty);

    assert_order(plan, "/boot/efi /");
    ck_assert_int_eq(omission(plan, "/var/lib/docker")->reason, FIRN_OMITTED_NOT_REQUESTED);
    ck_assert_uint_eq(nothing->count, 0);
}
END_TEST

START_TEST(test_hundred_thousand)
{
    g_autoptr(GString) text = g_string_new("1 0 8:1 / / rw - ext4 /dev/sda1 rw\n");
    g_autoptr(FirnMounts) mounts = NULL;
    g_autoptr(FirnDevices) devices = firn_devices_new();
    g_autoptr(FirnSelection) selection = firn_selection_new(NULL, NULL, NULL);
    g_autoptr(FirnPlan) plan = NULL;

    for (int i = 1; i < 100000; i++) {
        g_string_append_printf(text, "%d 1 259:%d / /m/%d rw - ext4 /dev/x%d rw\n", i + 1, i, i, i);
        firn_devices_add_edge(devices, makedev(259, i), makedev(259, i + 1));
    }
    mounts = firn_mounts_parse(text->str, (gssize)text->len);
    plan = firn_plan_new(mounts, devices, selection);
    ck_assert_uint_eq(plan->count, 100000);
    /* each stands on the one mounted after it */
    ck_assert_str_eq(plan->targets[0].mountpoint, "/m/1");
    ck_assert_str_eq(plan->targets[99998].mountpoint, "/m/99999");
    ck_assert_str_eq(plan->targets[99999].mountpoint, "/");
}
END_TEST

START_TEST(test_this_machine)
{
    g_autoptr(FirnRoots) roots = firn_roots_new(NULL);
    g_autoptr(FirnPlan) plan = firn_plan_make(roots, NULL, NULL, NULL, NULL);

    ck_assert_ptr_nonnull(plan);
    for (guint i = 0; i < plan->count; i++)
        ck_assert_uint_gt(plan->targets[i].mount_count, 0);
    ck_assert_uint_gt(plan->omission_count, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plan");
    TCase *tests = tcase_create("plan");

    tcase_add_test(tests, test_plain);
    tcase_add_test(tests, test_btrfs);
    tcase_add_test(tests, test_docker);
    tcase_add_test(tests, test_kubernetes);
    tcase_add_test(tests, test_lvm);
    tcase_add_test(tests, test_loop_on_loop);
    tcase_add_test(tests, test_device_mapper_over_loop);
    tcase_add_test(tests, test_circle);
    tcase_add_test(tests, test_network);
    tcase_add_test(tests, test_hidden);
    tcase_add_test(tests, test_remote);
    tcase_add_test(tests, test_elsewhere);
    tcase_add_test(tests, test_endless_elsewhere);
    tcase_add_test(tests, test_live);
    tcase_add_test(tests, test_unknown);
    tcase_add_test(tests, test_root_last);
    tcase_add_test(tests, test_selection);
    tcase_add_test(tests, test_request);
    tcase_add_test(tests, test_hundred_thousand);
    tcase_add_test(tests, test_this_machine);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
