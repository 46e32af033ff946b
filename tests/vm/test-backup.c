/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firn with the drop-in backup-only.conf: what a host that takes backups needs works inside the
 * sandbox, also when the agent is killed while / is frozen, and nothing else is answered. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/frozen.h"

#include <string.h>

#define HOOK "/etc/firn/fsfreeze-hook.d/10-log"

static const char *const data_disk[] = {"ext4.img", NULL};
static const TestGuestOptions options = {.systemd = TRUE, .disks = data_disk};
static TestGuest *guest;

/* /data is mounted after the service has started, by a process outside of it. */
static void boot(void)
{
    guest = test_guest_boot(&options);
    g_free(test_guest_shell(
        guest,
        "mkdir -p /etc/systemd/system/firn.service.d && ln -s "
        "/usr/share/firn/backup-only.conf /etc/systemd/system/firn.service.d/ && systemctl "
        "daemon-reload && systemctl restart firn && mkdir /data && mount /dev/vdb /data; "
        "printf '#!/bin/sh\\necho $1 $FIRN_REASON >>/run/hooks\\n' >" HOOK "; chmod 755 " HOOK));
}

static void finish(void)
{
    test_guest_free(guest);
}

static void settle(void)
{
    test_guest_settle(guest);
    g_free(test_guest_shell(guest, "rm -f /run/hooks"));
}

static void assert_hooks(const char *expected)
{
    g_autofree char *lines = test_guest_shell(guest, "cat /run/hooks");

    ck_assert_str_eq(lines, expected);
}

START_TEST(test_the_sandbox)
{
    g_autofree char *score =
        test_guest_shell(guest, "systemd-analyze security --no-pager firn | tail -n 1");
    const char *number = strstr(score, "firn.service: ");
    g_autofree char *same = test_guest_shell(
        guest, "pid=$(systemctl show -P MainPID firn); [ $(readlink /proc/$pid/ns/mnt) = "
               "$(readlink /proc/1/ns/mnt) ]; grep -c '^Seccomp:.2' /proc/$pid/status");

    ck_assert_msg(number != NULL, "%s", score);
    ck_assert_double_le(g_ascii_strtod(number + strlen("firn.service: "), NULL), 5.0);
    ck_assert_str_eq(same, "1");
}
END_TEST

START_TEST(test_freezes_what_was_mounted_later)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, TEST_FREEZE, "2");
    test_frozen_assert_held(guest, "/data");
    test_frozen_assert_held(guest, "/");
    test_frozen_ask(client, TEST_THAW, "2");
    test_frozen_assert_none(guest);
    assert_hooks("freeze request\nthaw request");
}
END_TEST

START_TEST(test_killed_while_frozen)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, TEST_FREEZE, "2");
    g_free(test_guest_shell(
        guest, "systemctl show -P MainPID firn >/run/killed; kill -9 $(cat /run/killed)"));
    test_guest_await(guest,
                     "systemctl is-active -q firn && [ \"$(systemctl show -P MainPID firn)\" "
                     "!= \"$(cat /run/killed)\" ]");
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    test_frozen_ask(client, TEST_THAW, "2");
    test_frozen_assert_none(guest);
}
END_TEST

START_TEST(test_deadline)
{
    g_autoptr(TestClient) client = NULL;

    g_free(test_guest_shell(guest, "echo freeze-timeout=3 >>/etc/firn/firn.conf; systemctl restart "
                                   "firn"));
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_FREEZE, "2");
    test_frozen_await_status(guest, client, "\"thawed\"");
    test_frozen_assert_none(guest);
    test_frozen_assert_told_once(client, "freeze-timeout");
    g_free(test_guest_shell(guest, "sed -i /freeze-timeout=3/d /etc/firn/firn.conf; systemctl "
                                   "restart firn"));
}
END_TEST

static const char *const allowed[] = {
    "{\"execute\":\"guest-info\"}\n",
    "{\"execute\":\"guest-get-time\"}\n",
    "{\"execute\":\"guest-set-time\"}\n",
    "{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":1893456000000000000}}\n",
    "{\"execute\":\"guest-get-fsinfo\"}\n",
    "{\"execute\":\"guest-fstrim\"}\n",
};

START_TEST(test_what_is_allowed_works)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    for (gsize i = 0; i < G_N_ELEMENTS(allowed); i++)
        g_free(test_client_text(client, allowed[i]));
}
END_TEST

static const char *const refused[] = {
    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/usr/bin/id\"}}\n",
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/etc/shadow\"}}\n",
    "{\"execute\":\"guest-ssh-get-authorized-keys\",\"arguments\":{\"username\":\"root\"}}\n",
    ("{\"execute\":\"guest-set-user-password\",\"arguments\":{\"username\":\"root\",\"password\":"
     "\"eA==\",\"crypted\":false}}\n"),
};

START_TEST(test_the_rest_is_refused)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    for (gsize i = 0; i < G_N_ELEMENTS(refused); i++) {
        g_autofree char *error = test_client_error(client, refused[i]);

        ck_assert_msg(strstr(error, "the command is not allowed") != NULL, "%s", error);
    }
}
END_TEST

/* The last one: the guest ends. */
START_TEST(test_shuts_down)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_client_send(client, "{\"execute\":\"guest-shutdown\"}\n");
    test_guest_await_end(guest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backup");
    TCase *tests = tcase_create("backup-only");

    tcase_add_unchecked_fixture(tests, boot, finish);
    tcase_add_checked_fixture(tests, settle, NULL);
    tcase_add_test(tests, test_the_sandbox);
    tcase_add_test(tests, test_freezes_what_was_mounted_later);
    tcase_add_test(tests, test_killed_while_frozen);
    tcase_add_test(tests, test_deadline);
    tcase_add_test(tests, test_what_is_allowed_works);
    tcase_add_test(tests, test_the_rest_is_refused);
    tcase_add_test(tests, test_shuts_down);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
