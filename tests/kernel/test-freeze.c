/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The main job on real filesystems: /mnt/ext4, /mnt/xfs and /mnt/btrfs, mounted in this order. */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FREEZE "{\"execute\":\"guest-fsfreeze-freeze\"}"
#define STATUS "{\"execute\":\"guest-fsfreeze-status\"}"
#define THAW "{\"execute\":\"guest-fsfreeze-thaw\"}"

static const char *const places[] = {"/mnt/ext4", "/mnt/xfs", "/mnt/btrfs"};

static int on_mountpoint(const char *path, gulong request)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = ioctl(fd, request, 0);
    int error = errno;

    ck_assert_msg(fd >= 0, "%s cannot be opened", path);
    close(fd);
    errno = error;
    return result;
}

/* A filesystem that can be frozen was not. */
static void assert_all_thawed(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
        ck_assert_msg(on_mountpoint(places[i], FIFREEZE) == 0, "%s: %s", places[i],
                      g_strerror(errno));
        ck_assert_int_eq(on_mountpoint(places[i], FITHAW), 0);
    }
}

/* Whatever a test that failed has left. */
static void thaw_all(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(places); i++)
        on_mountpoint(places[i], FITHAW);
}

static void assert_text(TestClient *client, const char *request, const char *expected)
{
    g_autofree char *text = test_client_text(client, request);

    ck_assert_str_eq(text, expected);
}

/* A writer that has told of its success may still be about to end, and keeps its file open. */
static void unmount(const char *target)
{
    for (int tries = 0; umount(target) != 0; tries++) {
        ck_assert_msg(errno == EBUSY && tries < 6000, "cannot unmount %s: %s", target,
                      g_strerror(errno));
        g_usleep(10 * 1000);
    }
}

/* The outer of a pipe from a process that writes and syncs a block in the folder, and then tells.
 */
static int start_writer(const char *folder)
{
    g_autofree char *path = g_build_filename(folder, "written", NULL);
    int ends[2];

    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    if (fork() == 0) {
        static const char block[4096];
        int fd;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        _exit(pwrite(fd, block, sizeof(block), 0) < 0 || fsync(fd) < 0 ||
              write(ends[1], "x", 1) != 1);
    }
    close(ends[1]);
    return ends[0];
}

static gboolean has_written(int writer, int milliseconds)
{
    struct pollfd wait = {.fd = writer, .events = POLLIN};
    char byte;

    return poll(&wait, 1, milliseconds) == 1 && read(writer, &byte, 1) == 1;
}

START_TEST(test_writer_stands_still)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    int before = start_writer(places[_i]), during;

    ck_assert(has_written(before, 60000));
    assert_text(client, STATUS, "\"thawed\"");
    assert_text(client, FREEZE, "3");
    assert_text(client, STATUS, "\"frozen\"");
    during = start_writer(places[_i]);
    ck_assert(!has_written(during, 700));
    assert_text(client, THAW, "3");
    assert_text(client, STATUS, "\"thawed\"");
    ck_assert(has_written(during, 60000));
    assert_text(client, THAW, "0");
    assert_all_thawed();
    close(before);
    close(during);
}
END_TEST

START_TEST(test_refused_while_frozen)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *exec = NULL, *again = NULL;

    assert_text(client, FREEZE, "3");
    test_client_ping(client);
    exec =
        test_client_error(client, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"true\"}}");
    ck_assert_str_eq(exec, "Command guest-exec has been disabled: the agent is in frozen state");
    again = test_client_error(client, FREEZE);
    ck_assert_str_eq(
        again, "Command guest-fsfreeze-freeze has been disabled: the agent is in frozen state");
    assert_text(client, THAW, "3");
}
END_TEST

START_TEST(test_list)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    int frozen, free;

    assert_text(client,
                "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":"
                "[\"/no/such/place\"]}}",
                "0");
    assert_text(client, STATUS, "\"thawed\"");
    assert_text(client,
                "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":"
                "[\"/mnt/xfs\",\"/no/such/place\"]}}",
                "1");
    frozen = start_writer("/mnt/xfs");
    free = start_writer("/mnt/ext4");
    ck_assert(has_written(free, 60000));
    ck_assert(!has_written(frozen, 300));
    assert_text(client, THAW, "1");
    ck_assert(has_written(frozen, 60000));
    close(frozen);
    close(free);
}
END_TEST

/* The packaged agent on a socket, asked to freeze and thaw: how many it counts. */
static void ask_packaged_agent(char **frozen, char **thawed)
{
    g_autofree char *folder = g_dir_make_tmp("packaged-XXXXXX", NULL);
    g_autofree char *path = g_build_filename(folder, "socket", NULL);
    g_autoptr(TestClient) client = NULL;
    pid_t pid = fork();

    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl("/usr/sbin/qemu-ga", "qemu-ga", "-m", "unix-listen", "-p", path, "-t", folder, NULL);
        _exit(127);
    }
    client = test_client_connect(path);
    *frozen = test_client_text(client, FREEZE);
    *thawed = test_client_text(client, THAW);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void mount_at(const char *source, const char *target, const char *type, gulong flags,
                     const char *options)
{
    g_mkdir_with_parents(target, 0700);
    ck_assert_msg(mount(source, target, type, flags, options) == 0, "%s on %s: %s", source, target,
                  g_strerror(errno));
}

/* What a line of shell prints, which must succeed. */
static char *output_of(const char *command)
{
    const char *argv[] = {"sh", "-c", command, NULL};
    char *output = NULL;
    int status = -1;

    ck_assert(g_spawn_sync(NULL, (char **)(gpointer)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                           &output, NULL, &status, NULL));
    ck_assert_msg(status == 0, "%s failed", command);
    return g_strchomp(output);
}

static char *device_of(const char *mountpoint)
{
    g_autofree char *command = g_strdup_printf("findmnt -nfo SOURCE %s", mountpoint);

    return output_of(command);
}

START_TEST(test_counts_equal_the_packaged_agents)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *ext4 = device_of("/mnt/ext4");
    g_autofree char *btrfs = device_of("/mnt/btrfs");
    g_autofree char *frozen = NULL, *thawed = NULL, *made = NULL;

    if (access("/usr/sbin/qemu-ga", X_OK) != 0)
        TEST_SKIP("qemu-ga is not installed (apt-get install qemu-guest-agent)");
    made = output_of("btrfs subvolume create /mnt/btrfs/one");
    mount_at("/mnt/ext4", "/mnt/bind", NULL, MS_BIND, NULL);
    mount_at(ext4, "/mnt/second", "ext4", 0, NULL);
    mount_at(btrfs, "/mnt/subvolume", "btrfs", 0, "subvol=one");
    mount_at("/mnt/xfs", "/mnt/bind-of-xfs", NULL, MS_BIND, NULL);
    ask_packaged_agent(&frozen, &thawed);
    assert_text(client, FREEZE, frozen);
    assert_text(client, THAW, thawed);
    ck_assert_str_eq(frozen, "3");
    unmount("/mnt/bind-of-xfs");
    unmount("/mnt/subvolume");
    unmount("/mnt/second");
    unmount("/mnt/bind");
    assert_all_thawed();
}
END_TEST

/* Proxmox VE's way: the sync and the command in one write, and gone before the answer; the freeze
 * goes on, and a status that comes meanwhile waits for its end. */
START_TEST(test_client_leaves)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    TestClient *client = test_daemon_connect(daemon);
    char *sync;

    test_client_send(client,
                     "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":7}}" FREEZE);
    sync = test_client_line(client);
    ck_assert_str_eq(sync, "\xff{\"return\": 7}");
    g_free(sync);
    test_client_free(client);
    client = test_daemon_connect(daemon);
    test_client_send(client,
                     "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":8}}" STATUS);
    sync = test_client_line(client);
    ck_assert_str_eq(sync, "\xff{\"return\": 8}");
    g_free(sync);
    sync = test_client_line(client);
    ck_assert_str_eq(sync, "{\"return\": \"frozen\"}");
    g_free(sync);
    assert_text(client, THAW, "3");
    test_client_free(client);
    assert_all_thawed();
}
END_TEST

/* By mountpoint, type and device. */
START_TEST(test_choice)
{
    g_autofree char *device = device_of("/mnt/ext4");
    g_autofree char *by_device = g_strconcat("--freeze-exclude=", device, NULL);
    const struct {
        const char *option, *count, *free; /* where one can still write */
    } cases[] = {
        {"--freeze-exclude=/mnt/x*,btrfs", "1", "/mnt/xfs"},
        {"--freeze-include=xfs", "1", "/mnt/btrfs"},
        {by_device, "2", "/mnt/ext4"},
    };
    const char *options[] = {cases[_i].option, NULL};
    g_autoptr(TestDaemon) daemon = test_daemon_start(options);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    int writer;

    assert_text(client, FREEZE, cases[_i].count);
    writer = start_writer(cases[_i].free);
    ck_assert(has_written(writer, 60000));
    close(writer);
    assert_text(client, THAW, cases[_i].count);
    assert_all_thawed();
}
END_TEST

START_TEST(test_foreign_freeze_stays)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);

    ck_assert_int_eq(on_mountpoint("/mnt/xfs", FIFREEZE), 0);
    assert_text(client, FREEZE, "2");
    assert_text(client, THAW, "2");
    ck_assert_int_eq(on_mountpoint("/mnt/xfs", FIFREEZE), -1);
    ck_assert_int_eq(errno, EBUSY);
    ck_assert_int_eq(on_mountpoint("/mnt/xfs", FITHAW), 0);
    assert_all_thawed();
}
END_TEST

START_TEST(test_stacked_on_another)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *loop = output_of("truncate -s 32M /mnt/xfs/image && mkfs.ext4 -q "
                                      "/mnt/xfs/image && losetup -f --show /mnt/xfs/image");
    g_autofree char *ended = NULL;
    int writer;

    mount_at(loop, "/mnt/inner", "ext4", 0, NULL);
    /* dirty data that can only reach the disk through the filesystem below */
    ck_assert(g_file_set_contents("/mnt/inner/data", "data", 4, NULL));
    for (int round = 0; round < 3; round++) {
        assert_text(client, FREEZE, "4");
        writer = start_writer("/mnt/inner");
        ck_assert(!has_written(writer, 200));
        assert_text(client, THAW, "4");
        ck_assert(has_written(writer, 60000));
        close(writer);
    }
    unmount("/mnt/inner");
    ended = g_strdup_printf("losetup -d %s", loop);
    g_free(output_of(ended));
    assert_all_thawed();
}
END_TEST

/* A further ext4 on a loop device whose image lies in memory; returns the device. */
static char *mount_another(const char *target)
{
    g_autofree char *name = g_path_get_basename(target);
    g_autofree char *command = g_strdup_printf(
        "truncate -s 16M /run/%s && mkfs.ext4 -q /run/%s && losetup -f --show /run/%s", name, name,
        name);
    char *loop = output_of(command);

    mount_at(loop, target, "ext4", 0, NULL);
    return loop;
}

static void unmount_another(const char *target, const char *loop)
{
    g_autofree char *command = g_strdup_printf("losetup -d %s", loop);

    unmount(target);
    g_free(output_of(command));
}

/* ext4's own emergency stop, after which nothing can be written to it: nothing is frozen then. */
START_TEST(test_data_is_lost)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *broken = mount_another("/mnt/broken");
    g_autofree char *last = mount_another("/mnt/last");
    g_autofree char *error = NULL;
    guint32 without_sync = 2; /* EXT4_GOING_FLAGS_NOLOGFLUSH */
    int fd = open("/mnt/broken", O_RDONLY | O_DIRECTORY | O_CLOEXEC), writer;

    ck_assert_int_eq(ioctl(fd, _IOR('X', 125, guint32), &without_sync), 0);
    close(fd);
    error = test_client_error(client, FREEZE);
    ck_assert_msg(g_str_has_prefix(error, "failed to sync /mnt/broken"), "%s", error);
    ck_assert_msg(strstr(error, "Input/output error") != NULL, "%s", error);
    assert_text(client, STATUS, "\"thawed\"");
    assert_text(client, THAW, "0");
    writer = start_writer("/mnt/last");
    ck_assert(has_written(writer, 60000));
    close(writer);
    assert_all_thawed();
    unmount_another("/mnt/last", last);
    unmount_another("/mnt/broken", broken);
}
END_TEST

/* Every FIFREEZE and FITHAW that strace saw, such as "FIFREEZE /mnt/xfs". */
static char *ioctls_of(const char *trace)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    GString *found = g_string_new(NULL);

    ck_assert(g_file_get_contents(trace, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        const char *path = strchr(*line, '<'), *end = path ? strchr(path, '>') : NULL;
        const char *name = strstr(*line, "FIFREEZE") ? "FIFREEZE" : "FITHAW";

        if (!end || !strstr(*line, name) || strstr(*line, "resumed>"))
            continue;
        g_string_append_printf(found, "%s %.*s\n", name, (int)(end - path - 1), path + 1);
    }
    return g_string_free(found, FALSE);
}

START_TEST(test_order_seen_from_outside)
{
    g_autoptr(TestDaemon) daemon = test_daemon_start(NULL);
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *trace = test_daemon_path(daemon, "trace");
    g_autofree char *ioctls = NULL;
    pid_t tracer = test_tracer_begin(daemon, trace, "--trace=ioctl");

    assert_text(client, FREEZE, "3");
    assert_text(client, THAW, "3");
    test_tracer_end(tracer);
    ioctls = ioctls_of(trace);
    ck_assert_str_eq(ioctls, "FIFREEZE /mnt/btrfs\nFIFREEZE /mnt/xfs\nFIFREEZE /mnt/ext4\n"
                             "FITHAW /mnt/ext4\nFITHAW /mnt/xfs\nFITHAW /mnt/btrfs\n");
}
END_TEST

START_TEST(test_killed_while_frozen)
{
    const char *options[] = {"--statedir=/run/firn-killed", NULL};
    g_autoptr(TestDaemon) first = NULL;
    g_autoptr(TestDaemon) second = NULL;
    g_autoptr(TestClient) client = NULL;
    int writer;

    g_mkdir_with_parents("/run/firn-killed", 0700);
    first = test_daemon_start(options);
    client = test_daemon_connect(first);
    assert_text(client, FREEZE, "3");
    g_clear_pointer(&client, test_client_free);
    kill(test_daemon_pid(first), SIGKILL);
    g_clear_pointer(&first, test_daemon_free);

    writer = start_writer("/mnt/xfs");
    second = test_daemon_start(options);
    client = test_daemon_connect(second);
    assert_text(client, STATUS, "\"frozen\"");
    ck_assert(!has_written(writer, 200));
    assert_text(client, THAW, "3");
    ck_assert(has_written(writer, 60000));
    assert_text(client, STATUS, "\"thawed\"");
    assert_all_thawed();
    close(writer);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("freeze");
    TCase *tests = tcase_create("freeze");

    tcase_add_checked_fixture(tests, NULL, thaw_all);
    tcase_add_loop_test(tests, test_writer_stands_still, 0, G_N_ELEMENTS(places));
    tcase_add_test(tests, test_refused_while_frozen);
    tcase_add_test(tests, test_list);
    tcase_add_test(tests, test_counts_equal_the_packaged_agents);
    tcase_add_test(tests, test_client_leaves);
    tcase_add_loop_test(tests, test_choice, 0, 3);
    tcase_add_test(tests, test_foreign_freeze_stays);
    tcase_add_test(tests, test_stacked_on_another);
    tcase_add_test(tests, test_data_is_lost);
    tcase_add_test(tests, test_order_seen_from_outside);
    tcase_add_test(tests, test_killed_while_frozen);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
