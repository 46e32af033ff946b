/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <unistd.h>

/*
 * Each command ten thousand times: what the agent holds is as much after them as before. Helpers
 * and kernel files are those of a tree, as in the tests of the commands.
 */
#define TIMES 10000
#define WARM_UP 500
/* Requests that are sent before their replies are read. */
#define BATCH 50
#define SLACK_KIB 2048

static const struct {
    const char *request;
    gboolean silent;
} cases[] = {
    {"{\"execute\":\"guest-get-host-name\"}"},
    {"{\"execute\":\"guest-get-osinfo\"}"},
    {"{\"execute\":\"guest-get-timezone\"}"},
    {"{\"execute\":\"guest-get-users\"}"},
    {"{\"execute\":\"guest-get-load\"}"},
    {"{\"execute\":\"guest-get-cpustats\"}"},
    {"{\"execute\":\"guest-get-vcpus\"}"},
    {"{\"execute\":\"guest-set-vcpus\",\"arguments\":{\"vcpus\":["
     "{\"logical-id\":1,\"online\":false},{\"logical-id\":1,\"online\":true},"
     "{\"logical-id\":7,\"online\":true}]}}"},
    {"{\"execute\":\"guest-set-vcpus\",\"arguments\":{\"vcpus\":[{\"logical-id\":7,"
     "\"online\":true}]}}"},
    {"{\"execute\":\"guest-get-memory-blocks\"}"},
    {"{\"execute\":\"guest-get-memory-block-info\"}"},
    {"{\"execute\":\"guest-set-memory-blocks\",\"arguments\":{\"mem-blks\":["
     "{\"phys-index\":0,\"online\":false},{\"phys-index\":0,\"online\":true},"
     "{\"phys-index\":7,\"online\":true}]}}"},
    {"{\"execute\":\"guest-get-time\"}"},
    {"{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":1700000000000000000}}"},
    {"{\"execute\":\"guest-set-time\"}"},
    {"{\"execute\":\"guest-shutdown\",\"arguments\":{\"mode\":\"off\"}}"},
    {"{\"execute\":\"guest-shutdown\"}", TRUE},
    {"{\"execute\":\"guest-suspend-ram\"}", TRUE},
    {"{\"execute\":\"guest-suspend-disk\"}"},
};

static void fill(const char *tree)
{
    g_autofree char *sbin = g_strconcat(tree, "/sbin", NULL);
    g_autofree char *shutdown = g_strconcat(tree, "/sbin/shutdown", NULL);

    test_tree_write(tree, "/proc/sys/kernel/hostname", "alpha\n");
    test_tree_write(tree, "/proc/loadavg", "0.1 0.2 0.3 1/2 3\n");
    test_tree_write(tree, "/proc/stat", "cpu 1 2 3 4\ncpu0 1 2 3 4 5\ncpu1 1 2 3 4 5\n");
    test_tree_write(tree, "/etc/os-release", "ID=debian\nNAME=\"Debian GNU/Linux\"\nBAD=\"\n");
    test_tree_write(tree, "/run/systemd/sessions/1", "USER=ada\nCLASS=user\nREALTIME=17\n");
    test_tree_write(tree, "/sys/devices/system/cpu/cpu0/x", "");
    test_tree_write(tree, "/sys/devices/system/cpu/cpu1/online", "1\n");
    test_tree_write(tree, "/sys/devices/system/memory/block_size_bytes", "8000000\n");
    test_tree_write(tree, "/sys/devices/system/memory/memory0/state", "online\n");
    test_tree_write(tree, "/sys/power/state", "mem\n");
    g_mkdir_with_parents(sbin, 0755);
    ck_assert_int_eq(symlink("/bin/true", shutdown), 0);
}

static void ask(TestClient *client, guint at, guint times)
{
    for (guint done = 0; done < times; done += BATCH) {
        g_autoptr(GString) batch = g_string_new(NULL);

        for (guint i = 0; i < BATCH; i++)
            g_string_append(batch, cases[at].request);
        test_client_send(client, batch->str);
        for (guint i = 0; i < BATCH && !cases[at].silent; i++)
            g_free(test_client_line(client));
        test_client_ping(client);
    }
}

static guint count_entries(int pid, const char *folder)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/%s", pid, folder);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    guint count = 0;

    while (dir && g_dir_read_name(dir))
        count++;
    return count;
}

static gboolean has_children(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/task/%d/children", pid, pid);
    g_autofree char *text = NULL;

    return g_file_get_contents(path, &text, NULL, NULL) && *text;
}

/* A worker's thread may outlast its reply for a moment. */
static gboolean settles(int pid, guint fds, guint threads)
{
    for (int tries = 0; tries < 600; tries++) {
        if (count_entries(pid, "fd") == fds && count_entries(pid, "task") <= threads &&
            !has_children(pid))
            return TRUE;
        g_usleep(100 * 1000);
    }
    return FALSE;
}

START_TEST(test_command)
{
    char *tree = test_tree_new();
    g_autoptr(TestDaemon) daemon = NULL;
    g_autoptr(TestClient) client = NULL;
    guint64 before, after;
    /* A checker finds leaks by itself, keeps memory of its own, and is slow. */
    gboolean checked = g_getenv("FIRN_CHECKER") != NULL;
    guint fds, threads;
    int pid;

    fill(tree);
    g_setenv("FIRN_ROOT", tree, TRUE);
    daemon = test_daemon_start(NULL);
    client = test_daemon_connect(daemon);
    pid = test_daemon_pid(daemon);
    fds = count_entries(pid, "fd");
    threads = count_entries(pid, "task");
    ask(client, (guint)_i, checked ? BATCH : WARM_UP);
    before = test_daemon_status(daemon, "VmRSS:");
    ask(client, (guint)_i, checked ? BATCH : TIMES);
    ck_assert_msg(settles(pid, fds, threads), "%s leaves descriptors, threads or children behind",
                  cases[_i].request);
    after = test_daemon_status(daemon, "VmRSS:");
    ck_assert_msg(checked || after <= before + SLACK_KIB, "%s took %d KiB", cases[_i].request,
                  (int)(after - before));
    test_tree_remove(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("system-leaks");
    TCase *tests = tcase_create("leaks");

    tcase_set_timeout(tests, 20);
    tcase_add_loop_test(tests, test_command, 0, G_N_ELEMENTS(cases));
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
