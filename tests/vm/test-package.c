/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firn's Debian package in a system that has the packaged agent: it takes that one's place with its
 * restrictions and its name, serves other channels, an upgrade leaves nothing frozen, and nothing
 * is left of it in the end. The tests go on from where the one before ended. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/frozen.h"

#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define FREEZE_DATA                                                                                \
    "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":[\"/data\"]}}\n"
#define CANNOT 77 /* of ./package */

static char *file;
static gsize length;
static gboolean missing;
static TestGuest *guest;

static void make_package(void)
{
    g_autofree char *command = NULL;
    GStatBuf status;
    int rc;

    file = g_strdup_printf("/tmp/firn-package.%d", (int)getpid());
    command = g_strdup_printf("'%s' %s", g_getenv("FIRN_PACKAGE"), file);
    rc = system(command);
    missing = WIFEXITED(rc) && WEXITSTATUS(rc) == CANNOT;
    if (missing)
        return;
    ck_assert_msg(rc == 0 && g_stat(file, &status) == 0, "the package cannot be made");
    length = (gsize)status.st_size;
}

static void boot(void)
{
    static const char *disks[] = {NULL, "ext4.img", NULL};
    static const char *const line[] = {"-chardev", "socket,path=@/line,server=on,wait=off,id=line",
                                       "-device", "isa-serial,chardev=line", NULL};
    static const TestGuestOptions options = {
        .systemd = TRUE, .peer = TRUE, .disks = disks, .extra = line};

    make_package();
    if (missing)
        return;
    disks[0] = file;
    guest = test_guest_boot(&options);
    g_free(test_guest_shell(guest,
                            "head -c %" G_GSIZE_FORMAT " /dev/vdb >/run/firn.deb && mkdir "
                            "/data && mount /dev/vdc /data",
                            length));
}

static void finish(void)
{
    test_guest_free(guest);
    g_unlink(file);
    g_free(file);
}

static char *agent_pid(void)
{
    return test_guest_shell(guest, "systemctl show -P MainPID firn");
}

static void install(void)
{
    g_free(test_guest_shell(guest, "dpkg -i /run/firn.deb"));
}

START_TEST(test_takes_the_place)
{
    g_autoptr(TestClient) client = NULL;
    g_autofree char *states = NULL;

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    g_free(test_guest_shell(guest, "systemctl is-active -q qemu-guest-agent; mkdir -p /etc/qemu; "
                                   "printf '[general]\\nblock-rpcs=guest-exec\\n' "
                                   ">/etc/qemu/qemu-ga.conf"));
    install();
    test_guest_await(guest, "systemctl is-active -q firn && ! pidof qemu-ga");
    client = test_guest_agent(guest);
    test_frozen_ask(client, FREEZE_DATA, "1");
    test_frozen_ask(client, TEST_THAW, "1");
    states = test_guest_shell(guest, "dpkg-query -W -f '${Package} ${Status}\\n' firn "
                                     "qemu-guest-agent; dpkg --audit; qemu-ga --version; "
                                     "firn report | grep -c '1 thawed (request)'");
    ck_assert_msg(g_str_has_prefix(states, "firn install ok installed\n"
                                           "qemu-guest-agent install ok config-files\n"
                                           "firn ") &&
                      g_str_has_suffix(states, "\n1"),
                  "%s", states);
}
END_TEST

START_TEST(test_what_was_blocked_stays_blocked)
{
    g_autoptr(TestClient) client = NULL;
    g_autofree char *refused = NULL;

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    client = test_guest_agent(guest);
    refused = test_client_error(
        client, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/true\"}}\n");
    ck_assert_ptr_nonnull(strstr(refused, "has been disabled"));
    g_free(test_guest_shell(guest, "firn doctor | grep -F '/etc/qemu/qemu-ga.conf (block-rpcs)'"));
}
END_TEST

/* The lines that images and playbooks have for the packaged agent. */
START_TEST(test_its_name_goes_on_to_work)
{
    static const char *const lines[] = {"start",     "restart",    "status",        "enable --now",
                                        "is-active", "is-enabled", "disable --now", "start"};

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    for (gsize i = 0; i < G_N_ELEMENTS(lines); i++)
        g_free(test_guest_shell(guest, "systemctl %s qemu-guest-agent", lines[i]));
    g_free(test_guest_shell(guest, "systemctl is-active -q firn"));
}
END_TEST

/* Without a wait for the port that it is not bound to any more. */
START_TEST(test_another_channel)
{
    g_autoptr(TestClient) client = NULL;
    g_autofree char *bound = NULL;
    g_autofree char *answer = NULL;

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    g_free(test_guest_shell(guest, "printf 'method=isa-serial\\npath=/dev/ttyS1\\n' "
                                   ">>/etc/firn/firn.conf; systemctl daemon-reload; systemctl "
                                   "restart firn"));
    bound = test_guest_shell(guest, "systemctl show -P BindsTo firn");
    ck_assert_str_eq(bound, "dev-ttyS1.device");
    client = test_guest_agent_at(guest, "line");
    test_client_ping(client);
    g_free(test_guest_shell(guest, "sed -i 's/^method=.*/method=unix-listen/; "
                                   "s|^path=.*|path=/run/agent|' /etc/firn/firn.conf; systemctl "
                                   "daemon-reload; systemctl restart firn"));
    answer = test_guest_shell(
        guest,
        "echo '{\"execute\":\"guest-ping\"}' | socat -t 9 - "
        "UNIX-CONNECT:/run/agent; systemctl show -P WantedBy firn | grep -o multi-user.target");
    ck_assert_str_eq(answer, "{\"return\": {}}\nmulti-user.target");
    g_free(test_guest_shell(guest, "sed -i '/^method=/d; /^path=/d' /etc/firn/firn.conf; systemctl "
                                   "daemon-reload; systemctl restart firn"));
}
END_TEST

/* An unknown key or command stops the service instead of starting it for ever. */
START_TEST(test_a_mistake_ends_the_service)
{
    g_autofree char *state = NULL;

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    g_free(test_guest_shell(guest, "echo block-rpcs=guest-exce >>/etc/firn/firn.conf; systemctl "
                                   "stop firn; systemctl start firn || true"));
    test_guest_await(guest, "systemctl is-failed -q firn");
    state = test_guest_shell(guest, "sleep 2; systemctl show -P ExecMainStatus -P NRestarts "
                                    "firn; firn doctor >/run/doctor; echo $?; journalctl --sync; "
                                    "journalctl -u firn -n 5 -o cat | grep -c guest-exce");
    ck_assert_str_eq(state, "0\n78\n2\n1");
    g_free(test_guest_shell(guest, "sed -i /guest-exce$/d /etc/firn/firn.conf; systemctl start "
                                   "firn"));
}
END_TEST

START_TEST(test_upgraded_while_frozen)
{
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;
    g_autoptr(TestClient) client = NULL;

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    before = agent_pid();
    client = test_guest_agent(guest);
    test_frozen_ask(client, FREEZE_DATA, "1");
    install();
    after = agent_pid();
    ck_assert_str_ne(after, before);
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_assert_told_once(client, "told to stop");
    test_frozen_assert_none(guest);
}
END_TEST

START_TEST(test_removed)
{
    g_autofree char *left = NULL;

    if (missing)
        TEST_SKIP("firn's Debian package cannot be made (apt-get install debhelper)");
    g_free(test_guest_shell(guest, "systemctl enable qemu-guest-agent && dpkg -P firn"));
    left = test_guest_shell(
        guest,
        "pidof firn; find / /run -xdev -name '*firn*' ! -name "
        "'*firn-shell*' ! -name firn.deb ! -path '/run/udev/*'; find /etc /lib/systemd -xtype l "
        "-path '*systemd*'; true");
    ck_assert_str_eq(left, "");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("package");
    TCase *tests = tcase_create("debian");

    tcase_add_unchecked_fixture(tests, boot, finish);
    tcase_add_test(tests, test_takes_the_place);
    tcase_add_test(tests, test_what_was_blocked_stays_blocked);
    tcase_add_test(tests, test_its_name_goes_on_to_work);
    tcase_add_test(tests, test_another_channel);
    tcase_add_test(tests, test_a_mistake_ends_the_service);
    tcase_add_test(tests, test_upgraded_while_frozen);
    tcase_add_test(tests, test_removed);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
