/* SPDX-License-Identifier: GPL-2.0-or-later */
/* firn as a service of systemd: how it starts and stops, what it tells the journal, and what
 * becomes of a freeze, the root filesystem's too, when the service is killed, restarted or
 * upgraded. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/frozen.h"

#include <string.h>

#define HOOK "/etc/firn/fsfreeze-hook.d/10-log"
#define FREEZE_DATA                                                                                \
    "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":[\"/data\"]}}\n"

/* A drop-in that changes how the service is started. */
#define DROP_IN "/run/systemd/system/firn.service.d/test.conf"

static const char *const data_disk[] = {"ext4.img", NULL};
static const TestGuestOptions options = {.systemd = TRUE, .disks = data_disk};
static TestGuest *guest;

static void boot(void)
{
    guest = test_guest_boot(&options);
    g_free(test_guest_shell(guest, "mkdir /data && mount /dev/vdb /data"));
}

static void finish(void)
{
    test_guest_free(guest);
}

static void settle(void)
{
    test_guest_settle(guest);
    g_free(test_guest_shell(guest, "mountpoint -q /data || { mkdir -p /data && mount /dev/vdb "
                                   "/data; }; rm -f " HOOK " /run/hooks"));
}

/* One of the service's properties; free with g_free(). */
static char *property(const char *name)
{
    return test_guest_shell(guest, "systemctl show -P %s firn", name);
}

static void assert_property(const char *name, const char *expected)
{
    g_autofree char *value = property(name);

    ck_assert_msg(strcmp(value, expected) == 0, "%s is '%s', not '%s'", name, value, expected);
}

static void await_active(void)
{
    test_guest_await(guest, "systemctl is-active -q firn");
}

/* --- starting and stopping ----------------------------------------------------------------------
 */

START_TEST(test_unit_is_right)
{
    g_autofree char *said = test_guest_shell(guest, "systemd-analyze verify --man=no firn.service");

    ck_assert_str_eq(said, "");
}
END_TEST

/* Nobody enabled it: the generator and the rule make the port want it, when the machine starts and
 * later. */
START_TEST(test_started_by_the_port)
{
    g_autofree char *enabled = test_guest_shell(guest, "systemctl is-enabled firn || true");
    g_autoptr(TestClient) client = NULL;

    ck_assert_str_eq(enabled, "enabled-runtime");
    test_guest_unplug_agent(guest);
    test_guest_await(guest, "[ \"$(systemctl show -P ActiveState firn)\" = inactive ]");
    test_guest_plug_agent(guest);
    await_active();
    client = test_guest_agent(guest);
    test_client_ping(client);
}
END_TEST

/* From a kill to READY=1, by the guest's clock, which its emulator lets run at its own pace. */
static double restart_seconds(void)
{
    g_autofree char *killed =
        test_guest_shell(guest, "pid=$(systemctl show -P MainPID firn) restarts=$(systemctl show "
                                "-P NRestarts firn); read -r now _ </proc/uptime; kill -9 $pid; "
                                "echo $now; echo $restarts >/run/restarts");
    g_autofree char *ready = NULL;

    test_guest_await(guest, "[ \"$(systemctl show -P NRestarts firn)\" -gt \"$(cat "
                            "/run/restarts)\" ] && systemctl is-active -q firn");
    ready = property("ActiveEnterTimestampMonotonic");
    return g_ascii_strtod(ready, NULL) / 1e6 - g_ascii_strtod(killed, NULL);
}

/* In one of ten: what else this machine does slows the emulator, and can but add. */
START_TEST(test_restarts_within_a_second)
{
    double fastest = G_MAXDOUBLE;
    g_autoptr(TestClient) client = NULL;

    for (guint i = 0; i < 10 && fastest >= 1; i++)
        fastest = MIN(fastest, restart_seconds());
    ck_assert_msg(fastest > 0 && fastest < 1, "back after %.2f s at best", fastest);
    client = test_guest_agent(guest);
    test_client_ping(client);
}
END_TEST

/* The service counts as started once its agent has the port, and not before. */
START_TEST(test_ready_when_it_answers)
{
    g_autofree char *started = test_guest_shell(
        guest, "mkdir -p /run/systemd/system/firn.service.d; printf "
               "'[Service]\\nExecStart=\\nExecStart=strace -D -o /run/started -e "
               "trace=openat,sendto,sendmsg,sendmmsg /usr/sbin/firn\\n' >" DROP_IN
               "; systemctl daemon-reload; systemctl restart firn; cat /run/started; rm " DROP_IN
               "; systemctl daemon-reload; systemctl restart firn");
    const char *port = strstr(started, "/dev/virtio-ports/org.qemu.guest_agent.0");
    const char *ready = strstr(started, "READY=1");

    ck_assert_msg(port && ready && port < ready, "%s", started);
}
END_TEST

START_TEST(test_not_started_without_its_port)
{
    g_autofree char *state = test_guest_shell(
        guest, "systemctl stop firn; exec 9<>/dev/virtio-ports/org.qemu.guest_agent.0; systemctl "
               "start firn 2>/dev/null; systemctl is-active firn; exec 9>&-; journalctl --sync; "
               "journalctl -u firn -n 20 -o cat");

    ck_assert_msg(g_str_has_prefix(state, "activating\n"), "%s", state);
    ck_assert_msg(strstr(state, "/dev/virtio-ports/org.qemu.guest_agent.0") != NULL,
                  "the log does not tell why: %s", state);
    await_active();
}
END_TEST

typedef enum { IDLE, IN_A_REQUEST, EXECUTING, FROZEN, STOPS } Stop;

static void prepare_stop(TestClient *client, Stop when)
{
    switch (when) {
    case IN_A_REQUEST:
        test_client_send(client, "{\"execute\":\"guest-fsfr");
        break;
    case EXECUTING:
        g_free(test_client_text(client, "{\"execute\":\"guest-exec\",\"arguments\":{\"path\":"
                                        "\"/bin/sleep\",\"arg\":[\"12345\"]}}\n"));
        break;
    case FROZEN:
        test_frozen_ask(client, TEST_FREEZE, "2");
        test_frozen_assert_held(guest, "/");
        break;
    case IDLE:
    case STOPS:
    default:
        break;
    }
}

/* By itself, that is, and not by SIGKILL after TimeoutStopSec. */
START_TEST(test_stops_by_itself)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    prepare_stop(client, (Stop)_i);
    g_free(test_guest_shell(guest, "systemctl stop firn"));
    assert_property("ActiveState", "inactive");
    assert_property("Result", "success");
    assert_property("ExecMainCode", "1"); /* CLD_EXITED */
    assert_property("ExecMainStatus", "0");
    /* the worker stays as long as it has something to tell of guest-exec; no other does */
    test_guest_await(guest,
                     "! cat /proc/[0-9]*/comm 2>/dev/null | grep firn | grep -qvx firn-worker");
    test_frozen_assert_none(guest);
    ck_assert_int_eq(test_guest_run(guest, NULL, "pkill -fx '/bin/sleep 12345'"),
                     _i == EXECUTING ? 0 : 1);
    g_free(test_guest_shell(guest, "systemctl start firn"));
}
END_TEST

/* --- the journal
 * ----------------------------------------------------------------------------------
 */

static JsonNode *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonNode *node = json_from_string(text, &error);

    ck_assert_msg(node && JSON_NODE_HOLDS_OBJECT(node), "no JSON object: '%s'", text);
    return node;
}

/* The newest entry that matches. */
static JsonNode *journal_entry(const char *match)
{
    g_autofree char *line =
        test_guest_shell(guest, "journalctl --sync; journalctl -t firn -o json -n 1 %s", match);

    return parse(line);
}

static JsonNode *last_report(void)
{
    g_autofree char *text = test_guest_shell(guest, "firn report --last 1 --json");

    return parse(text);
}

static JsonObject *report_object(JsonNode *node)
{
    JsonArray *reports = json_object_get_array_member(json_node_get_object(node), "reports");

    ck_assert_uint_eq(json_array_get_length(reports), 1);
    return json_array_get_object_element(reports, 0);
}

static void assert_field(JsonNode *entry, const char *field, const char *expected)
{
    const char *value =
        json_object_get_string_member_with_default(json_node_get_object(entry), field, "(none)");

    ck_assert_msg(g_strcmp0(value, expected) == 0, "%s is '%s', not '%s'", field, value, expected);
}

static void assert_number(JsonNode *entry, const char *field, gint64 expected)
{
    g_autofree char *text = g_strdup_printf("%" G_GINT64_FORMAT, expected);

    assert_field(entry, field, text);
}

static void assert_text_as(JsonNode *entry, const char *field, JsonObject *told, const char *member)
{
    assert_field(entry, field, json_object_get_string_member(told, member));
}

static gint64 span(JsonObject *told, const char *from, const char *to)
{
    return json_object_get_int_member(told, to) - json_object_get_int_member(told, from);
}

/* What the journal and the report tell of the last freeze is the same. */
static void assert_journal_agrees(const char *reason)
{
    g_autoptr(JsonNode) report = last_report();
    JsonObject *told = report_object(report);
    JsonArray *filesystems = json_object_get_array_member(told, "filesystems");
    g_autoptr(JsonNode) froze = journal_entry("FIRN_EVENT=freeze");
    g_autoptr(JsonNode) thawed = journal_entry("FIRN_EVENT=thaw");

    assert_text_as(froze, "FIRN_WHO", told, "who");
    assert_number(froze, "FIRN_FILESYSTEMS", json_object_get_int_member(told, "frozen"));
    assert_number(froze, "FIRN_DURATION_USEC", span(told, "freeze-begin", "freeze-end"));
    assert_number(thawed, "FIRN_FILESYSTEMS", json_object_get_int_member(told, "thawed"));
    assert_number(thawed, "FIRN_DURATION_USEC", span(told, "thaw-begin", "thaw-end"));
    assert_text_as(thawed, "FIRN_REASON", told, "thaw-reason");
    assert_field(thawed, "FIRN_REASON", reason);
    for (guint i = 0; i < json_array_get_length(filesystems); i++) {
        JsonObject *filesystem = json_array_get_object_element(filesystems, i);
        g_autofree char *match = g_strdup_printf(
            "FIRN_MOUNTPOINT=%s", json_object_get_string_member(filesystem, "mountpoint"));
        g_autoptr(JsonNode) entry = journal_entry(match);

        assert_text_as(entry, "FIRN_TYPE", filesystem, "type");
        assert_text_as(entry, "FIRN_DEVICE", filesystem, "device");
        assert_text_as(entry, "FIRN_OUTCOME", filesystem, "outcome");
        assert_number(entry, "FIRN_DURATION_USEC",
                      json_object_get_int_member(filesystem, "freeze-usec"));
        assert_number(entry, "FIRN_HELD_USEC", json_object_get_int_member(filesystem, "held-usec"));
    }
}

START_TEST(test_journal)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);
    g_autoptr(JsonNode) entry = NULL;

    test_frozen_ask(client, TEST_FREEZE, "2");
    test_frozen_ask(client, TEST_THAW, "2");
    assert_journal_agrees("request");
    entry = journal_entry("_SYSTEMD_UNIT=firn.service FIRN_EVENT=filesystem FIRN_MOUNTPOINT=/");
    assert_field(entry, "FIRN_TYPE", "ext4");
    assert_field(entry, "FIRN_DEVICE", "/dev/vda");
    assert_field(entry, "FIRN_OUTCOME", "frozen");
}
END_TEST

/* --- while frozen -------------------------------------------------------------------------------
 */

static void make_hook(void)
{
    g_free(test_guest_shell(guest,
                            "printf '#!/bin/sh\\necho $1 $FIRN_REASON >>/run/hooks\\n' >" HOOK
                            "; chmod 755 " HOOK));
}

static void assert_hooks(const char *expected)
{
    g_autofree char *lines = test_guest_shell(guest, "cat /run/hooks");

    ck_assert_str_eq(lines, expected);
}

static void kill_and_await(void)
{
    g_autofree char *pid = property("MainPID");

    g_free(test_guest_shell(guest, "kill -9 %s", pid));
    test_guest_await(guest,
                     "systemctl is-active -q firn && [ \"$(systemctl show -P MainPID firn)\" "
                     "!= %s ]",
                     pid);
}

/* Even its program lies on what is frozen. */
START_TEST(test_killed_while_frozen)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    make_hook();
    test_frozen_ask(client, TEST_FREEZE, "2");
    for (int i = 0; i < 3; i++)
        kill_and_await();
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    test_frozen_assert_held(guest, "/");
    test_frozen_assert_held(guest, "/data");
    test_frozen_ask(client, TEST_THAW, "2");
    test_frozen_assert_none(guest);
    assert_hooks("freeze request\nthaw request");
    assert_journal_agrees("request");
}
END_TEST

/* The program as a package manager replaces it: another file under the same name. */
static void replace_program(void)
{
    g_free(test_guest_shell(guest, "cp -p /usr/sbin/firn /usr/sbin/firn.new && echo "
                                   ">>/usr/sbin/firn.new && mv /usr/sbin/firn.new /usr/sbin/firn"));
}

/* With everything frozen a program can be replaced before alone, else in the middle, too. */
START_TEST(test_upgraded_while_frozen)
{
    gboolean everything = _i == 0;
    const char *count = everything ? "2" : "1";
    g_autoptr(TestClient) client = test_guest_agent(guest);

    make_hook();
    if (everything)
        replace_program();
    test_frozen_ask(client, everything ? TEST_FREEZE : FREEZE_DATA, count);
    test_frozen_assert_held(guest, everything ? "/" : "/data");
    if (!everything)
        replace_program();
    g_free(test_guest_shell(guest, "systemctl restart firn"));
    test_frozen_assert_none(guest);
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    assert_hooks("freeze request\nthaw shutdown");
    test_frozen_assert_told_once(client, "the agent was told to stop");
    assert_journal_agrees("shutdown");
    test_frozen_ask(client, TEST_FREEZE, "2");
    test_frozen_ask(client, TEST_THAW, "2");
}
END_TEST

/* The old agent is gone, and the new program takes over what it left frozen. */
START_TEST(test_upgraded_and_killed_while_frozen)
{
    g_autoptr(TestClient) client = test_guest_agent(guest);

    test_frozen_ask(client, FREEZE_DATA, "1");
    replace_program();
    kill_and_await();
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_assert_held(guest, "/data");
    test_frozen_ask(client, TEST_THAW, "1");
    test_frozen_assert_none(guest);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("systemd");
    TCase *service = tcase_create("systemd");

    tcase_add_unchecked_fixture(service, boot, finish);
    tcase_add_checked_fixture(service, settle, NULL);
    tcase_add_test(service, test_unit_is_right);
    tcase_add_test(service, test_started_by_the_port);
    tcase_add_test(service, test_restarts_within_a_second);
    tcase_add_test(service, test_ready_when_it_answers);
    tcase_add_test(service, test_not_started_without_its_port);
    tcase_add_loop_test(service, test_stops_by_itself, 0, STOPS);
    tcase_add_test(service, test_journal);
    tcase_add_test(service, test_killed_while_frozen);
    tcase_add_loop_test(service, test_upgraded_while_frozen, 0, 2);
    tcase_add_test(service, test_upgraded_and_killed_while_frozen);
    suite_add_tcase(suite, service);
    return test_suite_run(suite);
}
