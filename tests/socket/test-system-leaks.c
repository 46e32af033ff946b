/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/daemon.h"
#include "tests/lib/endurance.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <unistd.h>

/* Helpers and kernel files are those of a tree, as in the tests of the commands. Those that freeze
 * and trim are in tests/kernel/test-endurance. */
static const struct {
    const char *request;
    gboolean silent;
} cases[] = {
    {"{\"execute\":\"guest-ping\"}"},
    {"{\"execute\":\"guest-info\"}"},
    {"{\"execute\":\"guest-sync\",\"arguments\":{\"id\":5}}"},
    {"{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":5}}"},
    {"{\"execute\":\"nope\",\"id\":5}"},
    {"{\"execute\":\"guest-fsfreeze-status\"}"},
    {"{\"execute\":\"guest-fsfreeze-thaw\"}"},
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
    {"{\"execute\":\"guest-suspend-hybrid\"}"},
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

START_TEST(test_command)
{
    char *tree = test_tree_new();
    g_autoptr(TestDaemon) daemon = NULL;

    fill(tree);
    g_setenv("FIRN_ROOT", tree, TRUE);
    daemon = test_daemon_start(NULL);
    test_endure(daemon, cases[_i].request, cases[_i].silent);
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
