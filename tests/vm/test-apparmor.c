/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firn under its AppArmor profile, in enforce mode, installed as docs/security.md tells: with the
 * commands that go with it, and with all, so that the profile alone stands in the way. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/frozen.h"

#include <string.h>

#define HOOK "/etc/firn/fsfreeze-hook.d/10-log"
#define DENIED "dmesg | grep 'apparmor=\"DENIED\"' || true"

static const TestGuestOptions options = {.systemd = TRUE};
static TestGuest *guest;

static void boot(void)
{
    guest = test_guest_boot(&options);
    g_free(test_guest_shell(
        guest, "cp /usr/share/firn/apparmor /etc/apparmor.d/firn && apparmor_parser -r "
               "/etc/apparmor.d/firn && mkdir -p /etc/systemd/system/firn.service.d && ln -s "
               "/usr/share/firn/apparmor.conf /etc/systemd/system/firn.service.d/ && systemctl "
               "daemon-reload && systemctl restart firn; printf '#!/bin/sh\\necho $1 "
               "$FIRN_REASON >>/run/hooks\\n' >" HOOK "; chmod 755 " HOOK));
}

static void finish(void)
{
    test_guest_free(guest);
}

static void settle(void)
{
    test_guest_settle(guest);
    g_free(test_guest_shell(guest, "rm -f /run/hooks; dmesg -C"));
}

static void assert_confined(void)
{
    g_autofree char *profile =
        test_guest_shell(guest, "cat /proc/$(systemctl show -P MainPID firn)/attr/current");

    ck_assert_str_eq(profile, "firn (enforce)");
}

static void assert_nothing_denied(void)
{
    g_autofree char *lines = test_guest_shell(guest, DENIED);

    ck_assert_str_eq(lines, "");
}

static void assert_hooks(const char *expected)
{
    g_autofree char *lines = test_guest_shell(guest, "cat /run/hooks");

    ck_assert_str_eq(lines, expected);
}

/* What the hosts of the guides ask and set; power is for logind, which is not the agent's. */
static const char *const requests[] = {
    "{\"execute\":\"guest-info\"}\n",
    "{\"execute\":\"guest-get-fsinfo\"}\n",
    "{\"execute\":\"guest-get-disks\"}\n",
    "{\"execute\":\"guest-get-diskstats\"}\n",
    "{\"execute\":\"guest-fstrim\"}\n",
    "{\"execute\":\"guest-network-get-interfaces\"}\n",
    "{\"execute\":\"guest-network-get-route\"}\n",
    "{\"execute\":\"guest-get-host-name\"}\n",
    "{\"execute\":\"guest-get-osinfo\"}\n",
    "{\"execute\":\"guest-get-timezone\"}\n",
    "{\"execute\":\"guest-get-users\"}\n",
    "{\"execute\":\"guest-get-load\"}\n",
    "{\"execute\":\"guest-get-cpustats\"}\n",
    "{\"execute\":\"guest-get-memory-blocks\"}\n",
    "{\"execute\":\"guest-get-memory-block-info\"}\n",
    "{\"execute\":\"guest-get-vcpus\"}\n",
    "{\"execute\":\"guest-set-vcpus\",\"arguments\":{\"vcpus\":[{\"logical-id\":1,\"online\":false}"
    "]}}"
    "\n",
    "{\"execute\":\"guest-set-vcpus\",\"arguments\":{\"vcpus\":[{\"logical-id\":1,\"online\":true}]"
    "}}"
    "\n",
    "{\"execute\":\"guest-get-time\"}\n",
    "{\"execute\":\"guest-set-time\"}\n",
    "{\"execute\":\"guest-set-time\",\"arguments\":{\"time\":1893456000000000000}}\n",
};

START_TEST(test_asking_and_setting)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    assert_confined();
    for (gsize i = 0; i < G_N_ELEMENTS(requests); i++)
        g_free(test_client_text(client, requests[i]));
    assert_nothing_denied();
}
END_TEST

/* Also by the agent that takes over from one that was killed. */
START_TEST(test_freezing)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, TEST_FREEZE, "1");
    test_frozen_assert_held(guest, "/");
    g_free(test_guest_shell(
        guest, "systemctl show -P MainPID firn >/run/killed; kill -9 $(cat /run/killed)"));
    test_guest_await(guest,
                     "systemctl is-active -q firn && [ \"$(systemctl show -P MainPID firn)\" "
                     "!= \"$(cat /run/killed)\" ]");
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    assert_confined();
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    test_frozen_ask(client, TEST_THAW, "1");
    test_frozen_assert_none(guest);
    assert_hooks("freeze request\nthaw request");
    assert_nothing_denied();
}
END_TEST

/* The guard thaws, and starts the program anew for the hooks. */
START_TEST(test_deadline)
{
    g_autoptr(TestClient) client = NULL;

    g_free(test_guest_shell(guest, "printf 'freeze-timeout=3\\n' >>/etc/firn/firn.conf; systemctl "
                                   "restart firn"));
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_FREEZE, "1");
    test_frozen_await_status(guest, client, "\"thawed\"");
    test_frozen_assert_none(guest);
    test_frozen_assert_told_once(client, "freeze-timeout");
    test_guest_await(guest, "grep -q thaw /run/hooks");
    assert_hooks("freeze request\nthaw deadline");
    assert_nothing_denied();
    g_free(test_guest_shell(guest, "sed -i /freeze-timeout=3/d /etc/firn/firn.conf; systemctl "
                                   "restart firn"));
}
END_TEST

#define EXEC(path, arguments)                                                                      \
    "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"" path "\",\"arg\":[" arguments "]}}\n"
#define OPEN(path, mode)                                                                           \
    "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"" path "\",\"mode\":\"" mode       \
    "\"}}\n"

/* The first three are what docs/security.md tells how to open. */
static const char *const excesses[] = {
    EXEC("/usr/bin/id", ""),
    OPEN("/root/new", "w"),
    ("{\"execute\":\"guest-ssh-add-authorized-keys\",\"arguments\":{\"username\":\"tester\","
     "\"keys\":[\"ssh-ed25519 AAAA key\"]}}\n"),
    OPEN("/etc/shadow", "r"),
    ("{\"execute\":\"guest-set-user-password\",\"arguments\":{\"username\":\"tester\",\"password\":"
     "\"c2VjcmV0\",\"crypted\":false}}\n"),
    /* ways around it: a unit of the host's own, by the bus or by a file; the kernel's waits */
    EXEC("/usr/bin/busctl", "\"call\",\"org.freedesktop.systemd1\",\"/org/freedesktop/systemd1\","
                            "\"org.freedesktop.systemd1.Manager\",\"StartTransientUnit\","
                            "\"ssa(sv)a(sa(sv))\",\"x.service\",\"fail\",\"1\",\"ExecStart\","
                            "\"a(sasb)\",\"1\",\"/bin/touch\",\"2\",\"touch\",\"/run/pwned\","
                            "\"false\",\"0\""),
    OPEN("/run/firn/pwned.service", "w"),
    OPEN("/sys/kernel/rcu_expedited", "r+"),
};

START_TEST(test_no_command_beyond)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autofree char *error = test_client_error(client, excesses[_i]);

    ck_assert_msg(strstr(error, "the command is not allowed") != NULL, "%s", error);
}
END_TEST

/* From here on the list of commands is gone, and the profile alone stands in the way. */
static void allow_all_commands(void)
{
    g_free(test_guest_shell(
        guest, "printf '[Service]\\nExecStart=\\nExecStart=/usr/sbin/firn\\n' "
               ">/etc/systemd/system/firn.service.d/z.conf; systemctl daemon-reload; systemctl "
               "restart firn"));
}

START_TEST(test_no_further)
{
    g_autoptr(TestClient) client = NULL;
    g_autofree char *error = NULL;

    if (_i == 0)
        allow_all_commands();
    client = test_guest_agent(guest);
    assert_confined();
    error = test_client_error(client, excesses[_i]);
    ck_assert_msg(strstr(error, "not allowed") == NULL, "not by AppArmor: %s", error);
    g_free(test_guest_shell(guest, "sleep 1; [ ! -e /run/pwned ] && [ ! -e "
                                   "/run/firn/pwned.service ]"));
}
END_TEST

/* What docs/security.md tells to add for them. */
START_TEST(test_opened_up)
{
    g_autoptr(TestClient) client = NULL;

    g_free(test_guest_shell(
        guest,
        "mkdir -p /etc/apparmor.d/local; printf '%%s\\n' '/usr/bin/** Ux,' '/root/** rw,' "
        "'capability "
        "setuid,' 'capability setgid,' 'owner /home/*/.ssh/ rw,' 'owner /home/*/.ssh/** rw,' "
        ">/etc/apparmor.d/local/firn; apparmor_parser -r /etc/apparmor.d/firn"));
    client = test_guest_agent(guest);
    assert_confined();
    for (gsize i = 0; i < 3; i++)
        g_free(test_client_text(client, excesses[i]));
    assert_nothing_denied();
    g_free(test_guest_shell(guest, "grep -q AAAA ~tester/.ssh/authorized_keys"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("apparmor");
    TCase *confined = tcase_create("confined");

    tcase_add_unchecked_fixture(confined, boot, finish);
    tcase_add_checked_fixture(confined, settle, NULL);
    tcase_add_test(confined, test_asking_and_setting);
    tcase_add_test(confined, test_freezing);
    tcase_add_test(confined, test_deadline);
    tcase_add_loop_test(confined, test_no_command_beyond, 0, G_N_ELEMENTS(excesses));
    tcase_add_loop_test(confined, test_no_further, 0, G_N_ELEMENTS(excesses));
    tcase_add_test(confined, test_opened_up);
    suite_add_tcase(suite, confined);
    return test_suite_run(suite);
}
