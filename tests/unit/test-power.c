/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/power.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>
#include <sys/stat.h>

/* Nothing here can reach the machine: helpers and kernel files are those of a tree made for the
 * test, the helpers scripts that record how they were called. */
static char *tree;
static FirnRoots *roots;

static void set_up(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
    test_tree_write(tree, "/called", "");
    test_tree_write(tree, "/sys/power/state", "freeze mem disk\n");
    test_tree_write(tree, "/sys/power/disk", "[platform] shutdown reboot suspend test_resume\n");
}

static void tear_down(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

static void add_helper(const char *path, int status)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *name = g_path_get_basename(path);
    g_autofree char *script = g_strdup_printf(
        "#!/bin/sh\necho %s \"$@\" >>%s/called\necho no luck >&2\nexit %d\n", name, tree, status);

    test_tree_write(tree, path, script);
    ck_assert_int_eq(chmod(file, 0755), 0);
}

static void add_systemd(void)
{
    test_tree_write(tree, "/run/systemd/system/x", "");
    test_tree_write(tree, "/run/dbus/system_bus_socket", "");
}

static void check_file(const char *path, const char *wanted)
{
    g_autofree char *text = test_tree_read(tree, path);

    ck_assert_str_eq(text, wanted);
}

#define LOGIND "org.freedesktop.login1 /org/freedesktop/login1 org.freedesktop.login1.Manager"

START_TEST(test_shutdown_logind)
{
    add_systemd();
    add_helper("/usr/bin/busctl", 0);
    add_helper("/sbin/shutdown", 0);
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_POWERDOWN, NULL));
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_HALT, NULL));
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_REBOOT, NULL));
    check_file("/called", "busctl call " LOGIND " PowerOff b false\n"
                          "busctl call " LOGIND " Halt b false\n"
                          "busctl call " LOGIND " Reboot b false\n");
}
END_TEST

START_TEST(test_shutdown_helper)
{
    add_helper("/usr/bin/busctl", 0);
    add_helper("/sbin/shutdown", 0);
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_POWERDOWN, NULL));
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_HALT, NULL));
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_REBOOT, NULL));
    check_file("/called", "shutdown -h -P +0\nshutdown -h -H +0\nshutdown -r +0\n");
}
END_TEST

START_TEST(test_shutdown_falls_back)
{
    add_systemd();
    add_helper("/usr/bin/busctl", 1);
    add_helper("/sbin/shutdown", 1);
    add_helper("/sbin/poweroff", 0);
    ck_assert(firn_power_shutdown(roots, FIRN_SHUTDOWN_POWERDOWN, NULL));
    check_file("/called", "busctl call " LOGIND " PowerOff b false\nshutdown -h -P +0\npoweroff\n");
}
END_TEST

START_TEST(test_shutdown_fails)
{
    g_autoptr(GError) nothing = NULL;
    g_autoptr(GError) refused = NULL;

    ck_assert(!firn_power_shutdown(roots, FIRN_SHUTDOWN_HALT, &nothing));
    ck_assert_ptr_nonnull(
        strstr(nothing->message, "child process has failed to shutdown: there is"));
    add_helper("/sbin/shutdown", 3);
    ck_assert(!firn_power_shutdown(roots, FIRN_SHUTDOWN_HALT, &refused));
    ck_assert_ptr_nonnull(strstr(refused->message, "/sbin/shutdown ended with status 3: no luck"));
}
END_TEST

START_TEST(test_suspend_logind)
{
    add_systemd();
    add_helper("/usr/bin/busctl", 0);
    add_helper("/usr/bin/systemctl", 0);
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_DISK, NULL));
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_RAM, NULL));
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_HYBRID, NULL));
    check_file("/called", "busctl call " LOGIND " Hibernate b false\n"
                          "busctl call " LOGIND " Suspend b false\n"
                          "busctl call " LOGIND " HybridSleep b false\n");
}
END_TEST

START_TEST(test_suspend_helpers)
{
    add_helper("/usr/bin/systemctl", 0);
    add_helper("/usr/sbin/pm-hibernate", 0);
    add_helper("/usr/sbin/pm-suspend", 0);
    add_helper("/usr/sbin/pm-suspend-hybrid", 0);
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_DISK, NULL));
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_RAM, NULL));
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_HYBRID, NULL));
    check_file("/called", "pm-hibernate\npm-suspend\npm-suspend-hybrid\n");
    check_file("/sys/power/state", "freeze mem disk\n");
}
END_TEST

START_TEST(test_suspend_kernel)
{
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_RAM, NULL));
    check_file("/sys/power/state", "mem");
    test_tree_write(tree, "/sys/power/state", "disk\n");
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_HYBRID, NULL));
    check_file("/sys/power/state", "disk");
    /* The kernel's way of hibernation is as before. */
    check_file("/sys/power/disk", "platform");
    test_tree_write(tree, "/sys/power/state", "mem disk\n");
    ck_assert(firn_power_suspend(roots, FIRN_SUSPEND_DISK, NULL));
    check_file("/sys/power/state", "disk");
}
END_TEST

static void check_unsupported(FirnSuspend mode)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!firn_power_suspend(roots, mode, &error));
    ck_assert_str_eq(error->message, "the requested suspend mode is not supported by the guest");
}

START_TEST(test_suspend_unsupported)
{
    add_helper("/usr/sbin/pm-suspend", 0);
    add_helper("/usr/sbin/pm-hibernate", 0);
    test_tree_write(tree, "/sys/power/state", "freeze\n");
    check_unsupported(FIRN_SUSPEND_RAM);
    check_unsupported(FIRN_SUSPEND_DISK);
    check_unsupported(FIRN_SUSPEND_HYBRID);
    test_tree_write(tree, "/sys/power/state", "freeze disk\n");
    test_tree_write(tree, "/sys/power/disk", "[disabled]\n");
    check_unsupported(FIRN_SUSPEND_DISK);
    test_tree_write(tree, "/sys/power/disk", "[platform] shutdown\n");
    check_unsupported(FIRN_SUSPEND_HYBRID);
    check_file("/called", "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("power");
    TCase *tests = tcase_create("power");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_shutdown_logind);
    tcase_add_test(tests, test_shutdown_helper);
    tcase_add_test(tests, test_shutdown_falls_back);
    tcase_add_test(tests, test_shutdown_fails);
    tcase_add_test(tests, test_suspend_logind);
    tcase_add_test(tests, test_suspend_helpers);
    tcase_add_test(tests, test_suspend_kernel);
    tcase_add_test(tests, test_suspend_unsupported);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
