/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/endurance.h"
#include "tests/lib/shell.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* The agent sees the disks of a tree. */
static char *tree;
static TestDaemon *daemon_;
static TestClient *client;

static void set_up(void)
{
    tree = test_tree_new();
    g_setenv("FIRN_ROOT", tree, TRUE);
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
}

static void tear_down(void)
{
    g_clear_pointer(&client, test_client_free);
    test_daemon_free(daemon_);
    test_tree_remove(tree);
}

#define FSINFO "{\"execute\":\"guest-get-fsinfo\"}"
#define DISKS "{\"execute\":\"guest-get-disks\"}"
#define DISKSTATS "{\"execute\":\"guest-get-diskstats\"}"

/* The element of a list whose member has that value, as compact JSON; fails when there is none. */
static char *find_element(JsonNode *list, const char *member, const char *value)
{
    JsonArray *array = json_node_get_array(list);

    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonNode *element = json_array_get_element(array, i);

        if (strcmp(json_object_get_string_member(json_node_get_object(element), member), value) ==
            0)
            return json_to_string(element, FALSE);
    }
    ck_abort_msg("no element has the %s %s", member, value);
    return NULL;
}

static void check_element(JsonNode *list, const char *member, const char *value,
                          const char *expected)
{
    g_autofree char *text = find_element(list, member, value);

    ck_assert_str_eq(text, expected);
}

/* A mountpoint that cannot be asked has no sizes. */
START_TEST(test_fsinfo)
{
    g_autoptr(JsonNode) list = NULL;
    JsonObject *root;

    test_tree_load(tree, "virtio-blk.tree");
    test_tree_write(tree, "/proc/self/mountinfo",
                    "1 0 252:1 / / rw - ext4 /dev/vda1 rw\n"
                    "2 1 252:16 / /no/such/place rw - xfs /dev/vdb rw\n");
    list = test_client_value(client, FSINFO);
    ck_assert_uint_eq(json_array_get_length(json_node_get_array(list)), 2);
    check_element(list, "mountpoint", "/no/such/place",
                  "{\"name\":\"vdb\",\"mountpoint\":\"/no/such/place\",\"type\":\"xfs\",\"disk\":["
                  "{\"pci-controller\":{\"domain\":0,\"bus\":5,\"slot\":0,\"function\":0},"
                  "\"bus-type\":\"virtio\",\"bus\":0,\"target\":0,\"unit\":0,"
                  "\"dev\":\"/dev/vdb\"}]}");
    root = json_array_get_object_element(json_node_get_array(list), 1);
    ck_assert_str_eq(json_object_get_string_member(root, "mountpoint"), "/");
    ck_assert_int_le(json_object_get_int_member(root, "used-bytes"),
                     json_object_get_int_member(root, "total-bytes"));
    ck_assert_int_le(json_object_get_int_member(root, "total-bytes"),
                     json_object_get_int_member(root, "total-bytes-privileged"));
}
END_TEST

START_TEST(test_fsinfo_ccw)
{
    g_autoptr(JsonNode) list = NULL;

    test_tree_load(tree, "s390x-ccw.tree");
    test_tree_write(tree, "/proc/self/mountinfo",
                    "1 0 8:0 / /no/such/place rw - xfs /dev/sda rw\n");
    list = test_client_value(client, FSINFO);
    check_element(list, "mountpoint", "/no/such/place",
                  "{\"name\":\"sda\",\"mountpoint\":\"/no/such/place\",\"type\":\"xfs\",\"disk\":["
                  "{\"pci-controller\":{\"domain\":-1,\"bus\":-1,\"slot\":-1,\"function\":-1},"
                  "\"bus-type\":\"scsi\",\"bus\":0,\"target\":0,\"unit\":1,\"dev\":\"/dev/sda\","
                  "\"ccw-address\":{\"cssid\":0,\"ssid\":0,\"subchno\":3,\"devno\":6699}}]}");
}
END_TEST

START_TEST(test_disks)
{
    g_autoptr(JsonNode) list = NULL;

    test_tree_load(tree, "lvm-luks.tree");
    list = test_client_value(client, DISKS);
    ck_assert_uint_eq(json_array_get_length(json_node_get_array(list)), 6);
    check_element(list, "name", "/dev/vda3",
                  "{\"name\":\"/dev/vda3\",\"partition\":true,\"dependencies\":[\"/dev/vda\"]}");
    check_element(list, "name", "/dev/dm-1",
                  "{\"name\":\"/dev/dm-1\",\"partition\":false,\"dependencies\":[\"/dev/dm-0\"],"
                  "\"alias\":\"vg-root\"}");
    check_element(list, "name", "/dev/vdb",
                  "{\"name\":\"/dev/vdb\",\"partition\":false,\"dependencies\":[],\"address\":"
                  "{\"pci-controller\":{\"domain\":0,\"bus\":0,\"slot\":6,\"function\":0},"
                  "\"bus-type\":\"virtio\",\"bus\":0,\"target\":0,\"unit\":0,"
                  "\"serial\":\"second\",\"dev\":\"/dev/vdb\"}}");
}
END_TEST

START_TEST(test_diskstats)
{
    g_autofree char *text = NULL;

    test_tree_write(tree, "/proc/diskstats",
                    "   7       0 loop0 1 2 3 4 5 6 7 8 9 10 11\n"
                    " 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
                    "broken\n");
    text = test_client_text(client, DISKSTATS);
    ck_assert_str_eq(text, "[{\"name\":\"loop0\",\"major\":7,\"minor\":0,\"stats\":{\"read-ios\":1,"
                           "\"read-merges\":2,\"read-sectors\":3,\"read-ticks\":4,\"write-ios\":5,"
                           "\"write-merges\":6,\"write-sectors\":7,\"write-ticks\":8,\"ios-pgr\":9,"
                           "\"total-ticks\":10,\"weight-ticks\":11}},"
                           "{\"name\":\"vda\",\"major\":254,\"minor\":0,\"stats\":{\"read-ios\":1,"
                           "\"read-merges\":2,\"read-sectors\":3,\"read-ticks\":4,\"write-ios\":5,"
                           "\"write-merges\":6,\"write-sectors\":7,\"write-ticks\":8,\"ios-pgr\":9,"
                           "\"total-ticks\":10,\"weight-ticks\":11,\"discard-ios\":12,"
                           "\"discard-merges\":13,\"discard-sectors\":14,\"discard-ticks\":15,"
                           "\"flush-ios\":16,\"flush-ticks\":17}}]");
}
END_TEST

/* An empty tree: errors that name the file, and the agent goes on. */
START_TEST(test_nothing_there)
{
    static const char *const cases[][2] = {
        {FSINFO, "/proc/self/mountinfo"},
        {DISKS, "/sys/block"},
        {DISKSTATS, "/proc/diskstats"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *text = test_client_error(client, cases[i][0]);

        ck_assert_msg(strstr(text, cases[i][1]) != NULL, "%s", text);
    }
    test_client_ping(client);
}
END_TEST

START_TEST(test_bad_arguments)
{
    static const char *const names[] = {"fsinfo", "disks", "diskstats"};

    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *extra =
            g_strdup_printf("{\"execute\":\"guest-get-%s\",\"arguments\":{\"x\":1}}", names[i]);
        g_autofree char *list =
            g_strdup_printf("{\"execute\":\"guest-get-%s\",\"arguments\":[]}", names[i]);
        g_autofree char *extra_error = test_client_error(client, extra);
        g_autofree char *list_error = test_client_error(client, list);

        ck_assert_str_eq(extra_error, "Parameter 'x' is unexpected");
        ck_assert_str_eq(list_error, "QMP input member 'arguments' must be an object");
    }
}
END_TEST

/* A folder that goes with the test's private mounts, with a small ext4 below "disk". Returns why it
 * cannot be had, or NULL. */
static char *make_mounts(const char *folder)
{
    char *why = NULL;

    if (!test_private_mounts())
        return g_strdup("no private mount namespace here (needs root)");
    if (mount("none", folder, "tmpfs", 0, NULL) < 0)
        return g_strdup("cannot mount a tmpfs");
    if (!test_shell(&why,
                    "cd '%s'; mkdir disk many; truncate -s 8M image; mkfs.ext4 -q image; "
                    "mount -o loop image disk",
                    folder))
        return why;
    return NULL;
}

/* A filesystem that is mounted two thousand times is listed once, by its first mount. */
START_TEST(test_two_thousand_mounts)
{
    g_autofree char *folder = g_dir_make_tmp("firn-mounts-XXXXXX", NULL);
    g_autofree char *why = make_mounts(folder);
    g_autofree char *first = g_strdup_printf("%s/disk", folder);
    g_autoptr(JsonNode) list = NULL;
    JsonArray *array;
    guint ours = 0;

    if (why) {
        rmdir(folder);
        TEST_SKIP("%s", why);
    }
    for (guint i = 0; i < 2000; i++) {
        g_autofree char *place = g_strdup_printf("%s/many/%u", folder, i);

        ck_assert_int_eq(mkdir(place, 0755), 0);
        ck_assert_int_eq(mount(first, place, NULL, MS_BIND, NULL), 0);
    }
    g_unsetenv("FIRN_ROOT");
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
    list = test_client_value(client, FSINFO);
    array = json_node_get_array(list);
    ck_assert_str_eq(
        json_object_get_string_member(json_array_get_object_element(array, 0), "mountpoint"),
        first);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        JsonObject *entry = json_array_get_object_element(array, i);

        if (!g_str_has_prefix(json_object_get_string_member(entry, "mountpoint"), folder))
            continue;
        ours++;
        ck_assert(json_object_has_member(entry, "disk"));
        ck_assert_int_gt(json_object_get_int_member(entry, "total-bytes"), 0);
        ck_assert(g_str_has_prefix(json_object_get_string_member(entry, "name"), "loop"));
    }
    ck_assert_uint_eq(ours, 1);
    test_client_free(client);
    test_daemon_free(daemon_);
    umount2(folder, MNT_DETACH);
    rmdir(folder);
}
END_TEST

/* A FUSE filesystem whose server never answers, mounted over a folder that the way to a disk leads
 * through: whoever touches it waits for ever. */
START_TEST(test_dead_fuse)
{
    g_autofree char *folder = g_dir_make_tmp("firn-fuse-XXXXXX", NULL);
    g_autofree char *why = make_mounts(folder);
    g_autofree char *hidden = g_strdup_printf("%s/many/hidden", folder);
    g_autofree char *over = g_strdup_printf("%s/many", folder);
    g_autofree char *options = NULL;
    g_autofree char *entry = NULL;
    g_autoptr(JsonNode) list = NULL;
    int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

    if (!why && fuse < 0)
        why = g_strdup("no FUSE in this kernel");
    if (why) {
        rmdir(folder);
        TEST_SKIP("%s", why);
    }
    ck_assert(test_shell(NULL, "cd '%s'; umount disk; mkdir '%s'; mount -o loop image '%s'", folder,
                         hidden, hidden));
    options = g_strdup_printf("fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
    ck_assert_int_eq(mount("dead", over, "fuse.dead", 0, options), 0);
    g_unsetenv("FIRN_ROOT");
    daemon_ = test_daemon_start(NULL);
    client = test_daemon_connect(daemon_);
    list = test_client_value(client, FSINFO);
    entry = find_element(list, "mountpoint", hidden);
    ck_assert_ptr_null(strstr(entry, "total-bytes"));
    ck_assert_ptr_nonnull(strstr(entry, "\"disk\":[]"));
    ck_assert_uint_le(test_daemon_status(daemon_, "Threads:"), 2);
    test_client_free(client);
    test_daemon_free(daemon_);
    close(fuse);
    umount2(folder, MNT_DETACH);
    rmdir(folder);
}
END_TEST

START_TEST(test_leaks)
{
    static const char *const requests[] = {FSINFO, DISKS, DISKSTATS};

    test_tree_load(tree, "md-raid.tree");
    test_tree_write(tree, "/proc/diskstats", "7 0 loop0 1 2 3 4 5 6 7 8 9 10 11\n");
    g_clear_pointer(&client, test_client_free); /* one client at a time */
    test_endure(daemon_, requests[_i], FALSE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("storage-commands");
    TCase *tests = tcase_create("tree");
    TCase *mounts = tcase_create("mounts");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_fsinfo);
    tcase_add_test(tests, test_fsinfo_ccw);
    tcase_add_test(tests, test_disks);
    tcase_add_test(tests, test_diskstats);
    tcase_add_test(tests, test_nothing_there);
    tcase_add_test(tests, test_bad_arguments);
    tcase_add_loop_test(tests, test_leaks, 0, 3);
    tcase_set_timeout(tests, 20);
    tcase_add_test(mounts, test_two_thousand_mounts);
    tcase_add_test(mounts, test_dead_fuse);
    suite_add_tcase(suite, tests);
    suite_add_tcase(suite, mounts);
    return test_suite_run(suite);
}
