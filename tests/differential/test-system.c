/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <glib/gstdio.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <utmp.h>

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"
#define NO_MOUNTS "may not make a mount namespace here"

#define ASK(NAME) "{\"execute\":\"" NAME "\"}"
#define ASK_WITH(NAME, ARGUMENTS) "{\"execute\":\"" NAME "\",\"arguments\":" ARGUMENTS "}"
#define VCPUS(LIST) ASK_WITH("guest-set-vcpus", "{\"vcpus\":" LIST "}")
#define BLOCKS(LIST) ASK_WITH("guest-set-memory-blocks", "{\"mem-blks\":" LIST "}")

START_TEST(test_host)
{
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_same(compare, ASK("guest-get-host-name"));
    compare_same(compare, ASK("guest-get-osinfo"));
    compare_same(compare, ASK("guest-get-timezone"));
    compare_ask(compare, ASK("guest-get-vcpus"), COMPARE_UNORDERED, NULL);
    compare_ask(compare, ASK("guest-get-memory-blocks"), COMPARE_UNORDERED, NULL);
    compare_same(compare, ASK("guest-get-memory-block-info"));
    compare_ask(compare, ASK("guest-get-cpustats"), COMPARE_SHAPE, NULL);
    compare_ask(compare, ASK("guest-get-time"), COMPARE_SHAPE, NULL);
    compare_differs(compare, "load", ASK("guest-get-load"), "{\"return\":{\"load15m\":*",
                    "*The command guest-get-load has not been found*");
}
END_TEST

/* Nothing of these can be valid, so nothing is shut down or set. */
START_TEST(test_bad_arguments)
{
    static const char *const requests[] = {
        ASK_WITH("guest-shutdown", "{\"mode\":\"off\"}"),
        ASK_WITH("guest-shutdown", "{\"mode\":\"\"}"),
        ASK_WITH("guest-shutdown", "{\"mode\":1}"),
        ASK_WITH("guest-shutdown", "{\"mode\":\"off\",\"x\":1}"),
        ASK_WITH("guest-suspend-ram", "{\"x\":1}"),
        ASK_WITH("guest-suspend-disk", "{\"x\":1}"),
        ASK_WITH("guest-suspend-hybrid", "{\"x\":1}"),
        ASK_WITH("guest-set-time", "{\"time\":\"1\"}"),
        ASK_WITH("guest-set-time", "{\"time\":1.5}"),
        ASK_WITH("guest-set-time", "{\"time\":9223372036854775808}"),
        ASK_WITH("guest-set-time", "{\"time\":null}"),
        ASK_WITH("guest-get-time", "{\"x\":1}"),
        ASK_WITH("guest-get-osinfo", "{\"x\":1}"),
        ASK("guest-set-vcpus"),
        VCPUS("{}"),
        VCPUS("[1]"),
        VCPUS("[{}]"),
        VCPUS("[{\"logical-id\":0}]"),
        VCPUS("[{\"online\":true}]"),
        VCPUS("[{\"logical-id\":0,\"online\":1}]"),
        VCPUS("[{\"logical-id\":\"0\",\"online\":true}]"),
        VCPUS("[{\"logical-id\":0,\"online\":true,\"can-offline\":0}]"),
        VCPUS("[{\"logical-id\":0,\"online\":true,\"x\":0}]"),
        ASK("guest-set-memory-blocks"),
        BLOCKS("1"),
        BLOCKS("[{\"phys-index\":0}]"),
        BLOCKS("[{\"phys-index\":0,\"online\":\"yes\"}]"),
        BLOCKS("[{\"phys-index\":18446744073709551616,\"online\":true}]"),
        BLOCKS("[{\"phys-index\":0,\"online\":true,\"x\":0}]"),
    };
    g_autoptr(Compare) compare = compare_new();

    if (!compare)
        TEST_SKIP(NO_PEER);
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++)
        compare_same(compare, requests[i]);
}
END_TEST

/* --- processors and memory of a tree put over the kernel's, so that nothing real is switched ---
 */

#define CPU "/devices/system/cpu"
#define MEMORY "/devices/system/memory"

/* FALSE where it cannot be done, and then nothing may be asked that switches anything. */
static gboolean own_sysfs(const char *tree)
{
    if (!compare_own_mounts() || mount(tree, "/sys", NULL, MS_BIND, NULL) != 0)
        return FALSE;
    return g_file_test("/sys/here", G_FILE_TEST_EXISTS);
}

static char *make_tree(void)
{
    char *tree = test_tree_new();

    test_tree_write(tree, "/here", "");
    test_tree_write(tree, CPU "/cpu0/topology/core_id", "0\n");
    test_tree_write(tree, CPU "/cpu1/online", "1\n");
    test_tree_write(tree, CPU "/cpu2/online", "0\n");
    test_tree_write(tree, CPU "/cpu10/online", "1\n");
    test_tree_write(tree, CPU "/cpuidle/x", "");
    test_tree_write(tree, MEMORY "/block_size_bytes", "8000000\n");
    test_tree_write(tree, MEMORY "/memory0/state", "online\n");
    test_tree_write(tree, MEMORY "/memory0/removable", "1\n");
    test_tree_write(tree, MEMORY "/memory1/state", "online\n");
    test_tree_write(tree, MEMORY "/memory1/removable", "0\n");
    test_tree_write(tree, MEMORY "/memory2/phys_index", "00000002\n");
    return tree;
}

START_TEST(test_processors)
{
    char *tree = make_tree();
    g_autoptr(Compare) compare = NULL;

    if (!own_sysfs(tree))
        TEST_SKIP(NO_MOUNTS);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_ask(compare, ASK("guest-get-vcpus"), COMPARE_UNORDERED, NULL);
    compare_same(compare, VCPUS("[]"));
    compare_same(compare, VCPUS("[{\"logical-id\":0,\"online\":true}]"));
    compare_same(compare, VCPUS("[{\"logical-id\":0,\"online\":false}]"));
    compare_same(compare, VCPUS("[{\"logical-id\":99,\"online\":true}]"));
    compare_same(compare, VCPUS("[{\"logical-id\":-1,\"online\":true}]"));
    compare_same(compare, VCPUS("[{\"logical-id\":1,\"online\":true},"
                                "{\"logical-id\":0,\"online\":false}]"));
    compare_same(compare, VCPUS("[{\"logical-id\":1,\"online\":true},"
                                "{\"logical-id\":10,\"online\":true,\"can-offline\":false}]"));
    test_tree_write(tree, CPU "/cpu3/online/x", "");
    compare_differs(compare, "processors-path", VCPUS("[{\"logical-id\":3,\"online\":false}]"),
                    "*(\\\"/sys/devices/system/cpu/cpu3/online\\\"): Is a directory*",
                    "*(\\\"/sys/devices/system/cpu/cpu3//online\\\"): Is a directory*");
    ck_assert_int_eq(system("rm -r /sys" CPU "/cpu3"), 0);
    test_tree_write(tree, CPU "/cpu9", "");
    compare_differs(compare, "processors-files", ASK("guest-get-vcpus"), "{\"return\":*",
                    "*cpu9/\\\"): Not a directory*");
    umount("/sys");
    test_tree_remove(tree);
}
END_TEST

/* The state that both leave behind is the same, too. */
START_TEST(test_processor_states)
{
    char *tree = make_tree();
    g_autoptr(Compare) compare = NULL;
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;
    const char *request = VCPUS("[{\"logical-id\":1,\"online\":false},"
                                "{\"logical-id\":2,\"online\":true},"
                                "{\"logical-id\":10,\"online\":true}]");

    if (!own_sysfs(tree))
        TEST_SKIP(NO_MOUNTS);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    g_free(test_client_text(compare_firn(compare), request));
    firn = test_client_text(compare_firn(compare), ASK("guest-get-vcpus"));
    test_tree_write(tree, CPU "/cpu1/online", "1\n");
    test_tree_write(tree, CPU "/cpu2/online", "0\n");
    g_free(test_client_text(compare_peer(compare), request));
    peer = test_client_text(compare_firn(compare), ASK("guest-get-vcpus"));
    ck_assert_str_eq(firn, peer);
    compare_ask(compare, ASK("guest-get-vcpus"), COMPARE_UNORDERED, NULL);
    umount("/sys");
    test_tree_remove(tree);
}
END_TEST

START_TEST(test_memory)
{
    char *tree = make_tree();
    g_autoptr(Compare) compare = NULL;

    if (!own_sysfs(tree))
        TEST_SKIP(NO_MOUNTS);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_ask(compare, ASK("guest-get-memory-blocks"), COMPARE_UNORDERED, NULL);
    compare_same(compare, ASK("guest-get-memory-block-info"));
    compare_same(compare, BLOCKS("[]"));
    compare_same(compare, BLOCKS("[{\"phys-index\":0,\"online\":true}]"));
    compare_same(compare, BLOCKS("[{\"phys-index\":9,\"online\":true},"
                                 "{\"phys-index\":0,\"online\":true,\"can-offline\":true}]"));
    compare_same(compare, BLOCKS("[{\"phys-index\":2,\"online\":false}]"));
    compare_same(compare, BLOCKS("[{\"phys-index\":18446744073709551615,\"online\":false}]"));
    compare_differs(compare, "uint64-negative", BLOCKS("[{\"phys-index\":-1,\"online\":false}]"),
                    "*Parameter 'mem-blks?0?.phys-index' expects uint64*",
                    "*\"response\":\"not-found\"*");
    compare_differs(compare, "memory-blocks-success",
                    BLOCKS("[{\"phys-index\":2,\"online\":true}]"),
                    "{\"return\":[{\"phys-index\":2,\"response\":\"success\"}]}",
                    "{\"return\":[{\"error-code\":2,\"phys-index\":2,\"response\":\"success\"}]}");
    test_tree_write(tree, MEMORY "/block_size_bytes", "zzz\n");
    compare_differs(compare, "memory-block-size", ASK("guest-get-memory-block-info"),
                    "*/block_size_bytes holds no size: 'zzz'*", "{\"return\":{\"size\":0}}");
    umount("/sys");
    test_tree_remove(tree);
}
END_TEST

START_TEST(test_no_memory_blocks)
{
    char *tree = test_tree_new();
    g_autoptr(Compare) compare = NULL;

    test_tree_write(tree, "/here", "");
    if (!own_sysfs(tree))
        TEST_SKIP(NO_MOUNTS);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_same(compare, ASK("guest-get-memory-blocks"));
    compare_same(compare, ASK("guest-get-memory-block-info"));
    compare_same(compare, BLOCKS("[{\"phys-index\":0,\"online\":false}]"));
    compare_same(compare, VCPUS("[{\"logical-id\":0,\"online\":true}]"));
    test_tree_write(tree, MEMORY "/probe", "");
    compare_same(compare, ASK("guest-get-memory-blocks"));
    compare_same(compare, ASK("guest-get-memory-block-info"));
    compare_same(compare, BLOCKS("[{\"phys-index\":0,\"online\":false}]"));
    umount("/sys");
    test_tree_remove(tree);
}
END_TEST

/* --- names and zones --- */

START_TEST(test_os_release)
{
    char *tree = test_tree_new();
    g_autofree char *file = g_strconcat(tree, "/os-release", NULL);
    g_autoptr(Compare) compare = NULL;

    g_setenv("QGA_OS_RELEASE", file, TRUE);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_same(compare, ASK("guest-get-osinfo"));
    test_tree_write(
        tree, "/os-release",
        "# comment\nID=debian\nNAME=\"Debian GNU/Linux\"\nVERSION_ID=\"12\"\nVARIANT_ID=\n"
        "PRETTY_NAME=\"a \\\"b\\\" "
        "\\$c\"\nVARIANT=\"Bob\\'s\"\nID=last\nHOME_URL=\"https://x/\"\n");
    compare_same(compare, ASK("guest-get-osinfo"));
    test_tree_write(tree, "/os-release", "ID=x\nVERSION_ID='12'\n");
    compare_differs(compare, "osinfo-single-quotes", ASK("guest-get-osinfo"),
                    "*\"version-id\":\"12\"*", "*\"version-id\":\"'12'\"*");
    test_tree_write(tree, "/os-release", "ID=x\nVERSION=a b\n");
    compare_differs(compare, "osinfo-spaces", ASK("guest-get-osinfo"), "*\"version\":\"a b\"*",
                    "*\"version\":\"a\"*");
    test_tree_write(tree, "/os-release", "NAME=\"open\nID=x\n");
    compare_differs(compare, "osinfo-unterminated", ASK("guest-get-osinfo"),
                    "*\"id\":\"x\"*\"machine\":*", "*\"name\":\"*");
    test_tree_remove(tree);
}
END_TEST

START_TEST(test_zones)
{
    static const char *const zones[] = {
        "Europe/Berlin", "America/St_Johns", "Asia/Kolkata", "Pacific/Chatham", "UTC",
    };

    g_autoptr(Compare) compare = NULL;

    g_setenv("TZ", zones[_i], TRUE);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_same(compare, ASK("guest-get-timezone"));
}
END_TEST

/* --- clocks, by agents that have lost the right to set them --- */

static gboolean may_set_clocks(int pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", pid);
    g_autofree char *text = NULL;
    const char *effective;

    ck_assert(g_file_get_contents(path, &text, NULL, NULL));
    effective = strstr(text, "CapEff:");
    ck_assert_ptr_nonnull(effective);
    return g_ascii_strtoull(effective + strlen("CapEff:") + 1, NULL, 16) >> CAP_SYS_TIME & 1;
}

#define SET_TIME(TIME) ASK_WITH("guest-set-time", "{\"time\":" TIME "}")

START_TEST(test_set_time)
{
    g_autoptr(Compare) compare = NULL;

    if (prctl(PR_CAPBSET_DROP, CAP_SYS_TIME, 0, 0, 0) != 0)
        TEST_SKIP("may not give up CAP_SYS_TIME");
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    ck_assert(!may_set_clocks(compare_peer_pid(compare)));
    compare_same(compare, SET_TIME("1700000000000000000"));
    compare_same(compare, SET_TIME("0"));
    compare_same(compare, SET_TIME("3155759999000000000"));
    compare_same(compare, SET_TIME("3155760000000000000"));
    compare_same(compare, SET_TIME("9223372036854775807"));
    compare_same(compare, SET_TIME("-9223372036854775808"));
    compare_differs(compare, "set-time-negative", SET_TIME("-1"), "*\"Invalid time\"*",
                    "*Failed to set time to guest: *");
    if (!g_file_test("/dev/rtc0", G_FILE_TEST_EXISTS) &&
        !g_file_test("/dev/rtc", G_FILE_TEST_EXISTS))
        compare_differs(compare, "set-time-rtc", ASK("guest-set-time"),
                        "*cannot open the hardware clock (/dev/rtc0, /dev/rtc): *",
                        "*hwclock failed to set hardware clock to system time*");
}
END_TEST

/* The environment's TZ goes before /etc/localtime. */
START_TEST(test_zone_of_environment)
{
    static const char *const zones[] = {"EST5EDT", ":Asia/Kathmandu", "<+0330>-3:30", ""};
    g_autoptr(Compare) bad = NULL;

    for (guint i = 0; i < G_N_ELEMENTS(zones); i++) {
        g_autoptr(Compare) compare = NULL;

        g_setenv("TZ", zones[i], TRUE);
        compare = compare_new();
        if (!compare)
            TEST_SKIP(NO_PEER);
        compare_same(compare, ASK("guest-get-timezone"));
    }
    g_setenv("TZ", "Nowhere", TRUE);
    bad = compare_new();
    compare_differs(bad, "timezone-nowhere", ASK("guest-get-timezone"),
                    "{\"return\":{\"offset\":0,\"zone\":\"Nowhere\"}}",
                    "{\"return\":{\"offset\":0,\"zone\":\"UTC\"}}");
}
END_TEST

#define USERS ASK("guest-get-users")

/* Both read /run/utmp, so a /run of the test's own is enough. */
START_TEST(test_users)
{
    static const struct utmp entries[] = {
        {.ut_type = BOOT_TIME, .ut_user = "reboot", .ut_tv = {1, 0}},
        {.ut_type = USER_PROCESS, .ut_user = "bob", .ut_tv = {2000, 5}},
        {.ut_type = USER_PROCESS, .ut_user = "ada", .ut_tv = {1000, 250000}},
        {.ut_type = USER_PROCESS, .ut_user = "bob", .ut_tv = {1500, 999999}},
        {.ut_type = DEAD_PROCESS, .ut_user = "eve", .ut_tv = {1, 0}},
        {.ut_type = LOGIN_PROCESS, .ut_user = "LOGIN", .ut_tv = {1, 0}},
        {.ut_type = USER_PROCESS, .ut_user = "a\n\"b", .ut_tv = {1, 1}},
        {.ut_type = USER_PROCESS, .ut_user = "\303\274", .ut_tv = {0, 0}},
    };
    static const struct utmp odd[] = {
        {.ut_type = USER_PROCESS, .ut_user = "", .ut_tv = {5, 0}},
        {.ut_type = USER_PROCESS, .ut_user = "later", .ut_tv = {-1, 0}},
        {.ut_type = USER_PROCESS,
         .ut_user = "thirty-two-letters-name-00000032",
         .ut_host = "host",
         .ut_tv = {7, 0}},
    };
    g_autoptr(Compare) compare = NULL;

    if (!compare_own_mounts() || mount("none", "/run", "tmpfs", 0, NULL) != 0)
        TEST_SKIP(NO_MOUNTS);
    compare = compare_new();
    if (!compare)
        TEST_SKIP(NO_PEER);
    compare_same(compare, USERS);
    ck_assert(g_file_set_contents("/run/utmp", (const char *)entries, sizeof entries, NULL));
    compare_same(compare, USERS);
    ck_assert(g_file_set_contents("/run/utmp", (const char *)odd, sizeof odd, NULL));
    compare_differs(compare, "users-odd", USERS,
                    "{\"return\":[{\"login-time\":4294967295,\"user\":\"later\"},{\"login-time\":7,"
                    "\"user\":\"thirty-two-letters-name-00000032\"}]}",
                    "*\"user\":\"\"*\"login-time\":-1,*\"thirty-two-letters-name-00000032host\"*");
    g_unlink("/run/utmp");
    g_mkdir_with_parents("/run/systemd/sessions", 0755);
    ck_assert(g_file_set_contents("/run/systemd/sessions/1",
                                  "USER=ada\nCLASS=user\nREALTIME=1700000000000000\n", -1, NULL));
    compare_differs(compare, "users-sessions", USERS,
                    "{\"return\":[{\"login-time\":1700000000,\"user\":\"ada\"}]}",
                    "{\"return\":[]}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("system");
    TCase *tests = tcase_create("system");

    tcase_add_test(tests, test_host);
    tcase_add_test(tests, test_bad_arguments);
    tcase_add_test(tests, test_processors);
    tcase_add_test(tests, test_processor_states);
    tcase_add_test(tests, test_memory);
    tcase_add_test(tests, test_no_memory_blocks);
    tcase_add_test(tests, test_os_release);
    tcase_add_loop_test(tests, test_zones, 0, 5);
    tcase_add_test(tests, test_zone_of_environment);
    tcase_add_test(tests, test_users);
    tcase_add_test(tests, test_set_time);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
