/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guests that the other VM tests use: they boot, the agent answers, and it freezes. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/guest.h"

#include <stdlib.h>
#include <string.h>

#define FREEZE "{\"execute\":\"guest-fsfreeze-freeze\"}\n"
#define STATUS "{\"execute\":\"guest-fsfreeze-status\"}\n"
#define THAW "{\"execute\":\"guest-fsfreeze-thaw\"}\n"

static const char *const three[] = {"ext4.img", "xfs.img", "btrfs.img", NULL};
static const TestGuestOptions tiny[] = {{.disks = three}, {.kernel = "full", .disks = three}};
static const TestGuestOptions peer = {.peer = TRUE, .disks = three};
static const TestGuestOptions systemd = {.systemd = TRUE};
static const TestGuestOptions systemd_peer = {.systemd = TRUE, .peer = TRUE};

static void assert_text(TestClient *client, const char *request, const char *expected)
{
    g_autofree char *text = test_client_text(client, request);

    ck_assert_str_eq(text, expected);
}

static void assert_freeze(TestGuest *guest, const char *count)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    assert_text(client, FREEZE, count);
    assert_text(client, STATUS, "\"frozen\"");
    assert_text(client, THAW, count);
    assert_text(client, STATUS, "\"thawed\"");
}

START_TEST(test_tiny)
{
    g_autoptr(TestGuest) guest = test_guest_boot(&tiny[_i]);
    g_autofree char *agents = test_guest_shell(guest, "pidof firn | wc -w");

    ck_assert_str_eq(agents, "1");
    assert_freeze(guest, "3");
}
END_TEST

START_TEST(test_tiny_peer)
{
    g_autoptr(TestGuest) guest = test_guest_boot(&peer);
    g_autofree char *agents = test_guest_shell(guest, "pidof qemu-ga | wc -w");

    ck_assert_str_eq(agents, "1");
    assert_freeze(guest, "3");
}
END_TEST

/* Installed as the README tells, started by its udev rule, and the only agent there is. */
START_TEST(test_systemd)
{
    g_autoptr(TestGuest) guest = test_guest_boot(&systemd);
    g_autofree char *where = test_guest_shell(
        guest, "cat /proc/$(systemctl show -P MainPID firn)/cmdline | tr '\\0' ' '");
    g_autofree char *others = test_guest_shell(
        guest, "find /usr /etc /lib /var -name '*qemu-ga*' -o -name '*qemu-guest*' | head");

    ck_assert_str_eq(where, "/usr/sbin/firn ");
    ck_assert_str_eq(others, "");
    assert_freeze(guest, "1");
}
END_TEST

START_TEST(test_systemd_peer)
{
    g_autoptr(TestGuest) guest = test_guest_boot(&systemd_peer);
    g_autofree char *unit =
        test_guest_shell(guest, "systemctl is-active qemu-guest-agent; ls /usr/sbin/firn; true");

    ck_assert_msg(g_str_has_prefix(unit, "active\n"), "%s", unit);
    ck_assert_msg(strstr(unit, "No such file") != NULL, "%s", unit);
    assert_freeze(guest, "1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("boot");
    TCase *boot = tcase_create("boot");

    tcase_add_loop_test(boot, test_tiny, 0, G_N_ELEMENTS(tiny));
    tcase_add_test(boot, test_tiny_peer);
    tcase_add_test(boot, test_systemd);
    tcase_add_test(boot, test_systemd_peer);
    suite_add_tcase(suite, boot);
    return test_suite_run(suite);
}
