/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Hosts that vanish, disks that stall or fail, memory that runs out, a machine that sleeps: after
 * each nothing stays frozen past the deadline, and the host is told what became of its freeze. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/frozen.h"

#include <string.h>

#define HOOK "/run/hook"
/* How long a freeze may be held, where that is what is tested. */
#define TIMEOUT_S 6
#define THROTTLE                                                                                   \
    "{\"execute\":\"block_set_io_throttle\",\"arguments\":{\"device\":\"disk1\",\"bps\":0,"        \
    "\"bps_rd\":0,\"bps_wr\":0,\"iops\":0,\"iops_rd\":0,\"iops_wr\":%d}}"

/* Filesystems with their disks. */
static const struct {
    const char *type;
    const char *disk;
    const char *place;
    const char *others;
} filesystems[] = {
    {"ext4", "vda", "/mnt/ext4", "/mnt/xfs /mnt/btrfs"},
    {"xfs", "vdb", "/mnt/xfs", "/mnt/ext4 /mnt/btrfs"},
    {"btrfs", "vdc", "/mnt/btrfs", "/mnt/ext4 /mnt/xfs"},
};

static const char *const disks[] = {"ext4.img", "xfs.img", "btrfs.img", NULL};
static const TestGuestOptions options = {.disks = disks};
static const TestGuestOptions sleeper = {.disks = disks, .bzimage = TRUE};
static TestGuest *guest;

static void boot(void)
{
    guest = test_guest_boot(&options);
}

static void boot_sleeper(void)
{
    guest = test_guest_boot(&sleeper);
}

static void finish(void)
{
    test_guest_free(guest);
}

/* Runs a line of shell, and has no use for its output. */
static void run(const char *format, ...) G_GNUC_PRINTF(1, 2);

static void run(const char *format, ...)
{
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, format);
    line = g_strdup_vprintf(format, args);
    va_end(args);
    g_free(test_guest_shell(guest, "%s", line));
}

/* As it was after booting, whatever the test before this one has done to the disks. */
static void settle(void)
{
    test_guest_settle(guest);
    run("export DM_DISABLE_UDEV=1; rm -f /run/in-hook /run/go; umount /mnt/*; "
        "[ ! -e /dev/mapper/disk ] || dmsetup remove -f disk");
    for (guint i = 0; i < G_N_ELEMENTS(filesystems); i++)
        run("mount -t %s /dev/%s %s", filesystems[i].type, filesystems[i].disk,
            filesystems[i].place);
}

/* Free with g_free(). */
static char *agent_pid(void)
{
    return test_guest_shell(guest, "for pid in $(pidof firn); do [ \"$(cat /proc/$pid/comm)\" != "
                                   "firn ] || echo $pid; done");
}

/* Waits for the agent that init starts in place of this one. */
static void await_next_agent(const char *pid)
{
    test_guest_await(guest,
                     "for pid in $(pidof firn); do [ \"$(cat /proc/$pid/comm)\" != firn ] || "
                     "next=$pid; done; [ ${next:-%s} != %s ]",
                     pid, pid);
}

/* Restarts it with this configuration, lines with '\n' between. Free with test_client_free(). */
static TestClient *configure(const char *lines)
{
    g_autofree char *pid = agent_pid();

    run("printf '[general]\\n%s\\n' >/etc/firn/firn.conf; rm -f /run/firn/reports; kill %s", lines,
        pid);
    await_next_agent(pid);
    return test_guest_agent(guest);
}

static void assert_held(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(filesystems); i++)
        test_frozen_assert_held(guest, filesystems[i].place);
}

/* The report tells of the last freeze that it ended so. */
static void assert_reported(const char *text)
{
    g_autofree char *report = test_guest_shell(guest, "firn report --json --last 1");

    ck_assert_msg(strstr(report, text) != NULL, "no %s in %s", text, report);
}

static void assert_freezes_again(TestClient *client)
{
    test_frozen_ask(client, TEST_FREEZE, "3");
    test_frozen_ask(client, TEST_THAW, "3");
    test_frozen_assert_none(guest);
}

/* --- the host
 * -------------------------------------------------------------------------------------
 */

/* The freeze goes on; whoever comes next is told of it when it has ended, and can thaw. */
START_TEST(test_client_leaves_during_the_freeze)
{
    g_autoptr(TestClient) client = configure("fsfreeze-hook=" HOOK);
    g_autofree char *status = NULL;

    run("printf '#!/bin/sh\\n[ $1 = thaw ] || { touch /run/in-hook; until [ -e /run/go ]; do sleep "
        "0.1; done; }\\n' >" HOOK "; chmod 755 " HOOK);
    test_client_send(client, TEST_FREEZE);
    test_guest_await(guest, "[ -e /run/in-hook ]");
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_client_send(client, TEST_STATUS);
    ck_assert_msg(!test_client_has_input(client, 300), "an answer before the freeze has ended");
    run("touch /run/go");
    status = test_client_line(client);
    ck_assert_str_eq(status, "{\"return\": \"frozen\"}");
    assert_held();
    test_frozen_ask(client, TEST_THAW, "3");
    test_frozen_assert_none(guest);
    assert_reported("\"thaw-reason\":\"request\"");
}
END_TEST

START_TEST(test_client_leaves_while_frozen)
{
    g_autoptr(TestClient) client = configure("");

    test_frozen_ask(client, TEST_FREEZE, "3");
    for (guint i = 0; i < 3; i++) {
        g_clear_pointer(&client, test_client_free);
        client = test_guest_agent(guest);
        test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    }
    assert_held();
    test_frozen_ask(client, TEST_THAW, "3");
    test_frozen_assert_none(guest);
}
END_TEST

/* In the second round the agent is killed as well. */
START_TEST(test_host_never_thaws)
{
    g_autoptr(TestClient) client = configure("freeze-timeout=" G_STRINGIFY(TIMEOUT_S));
    g_autofree char *pid = agent_pid();

    test_frozen_ask(client, TEST_FREEZE, "3");
    assert_held();
    g_clear_pointer(&client, test_client_free);
    if (_i == 1) {
        run("kill -9 %s", pid);
        await_next_agent(pid);
    }
    client = test_guest_agent(guest);
    test_frozen_await_status(guest, client, "\"thawed\"");
    test_frozen_assert_none(guest);
    test_frozen_assert_told_once(client, "freeze-timeout");
    assert_reported("\"thaw-reason\":\"deadline\"");
    assert_freezes_again(client);
}
END_TEST

/* --- disks
 * ----------------------------------------------------------------------------------------
 */

/* Puts a device-mapper disk under a filesystem, and mounts it first: so it is frozen last. */
static void map(guint i)
{
    run("export DM_DISABLE_UDEV=1; umount /mnt/*; size=$(cat /sys/class/block/%s/size); dmsetup "
        "create disk --table \"0 $size linear /dev/%s 0\"; mount -t %s /dev/mapper/disk %s",
        filesystems[i].disk, filesystems[i].disk, filesystems[i].type, filesystems[i].place);
    for (guint j = 0; j < G_N_ELEMENTS(filesystems); j++) {
        if (j != i)
            run("mount -t %s /dev/%s %s", filesystems[j].type, filesystems[j].disk,
                filesystems[j].place);
    }
}

/* Changes what the disk of filesystem `i` does: a target of dmsetup(8), with %s for the disk. */
static void remap(const char *format, guint i)
{
    run("export DM_DISABLE_UDEV=1; size=$(cat /sys/class/block/%s/size); table=\"0 $size $(printf "
        "'%s' /dev/%s)\"; dmsetup suspend --nolockfs --noflush disk; dmsetup load disk --table "
        "\"$table\"; dmsetup resume disk",
        filesystems[i].disk, format, filesystems[i].disk);
}

static void write_much(guint i)
{
    run("dd if=/dev/zero of=%s/much bs=1M count=%u", filesystems[i].place, i == 1 ? 40 : 8);
}

static void stall(gboolean throttled)
{
    g_autofree char *command = g_strdup_printf(THROTTLE, 1);

    if (throttled)
        json_node_unref(test_guest_qmp(guest, command));
    else
        run("DM_DISABLE_UDEV=1 dmsetup suspend --nolockfs --noflush disk");
}

static void flow(gboolean throttled)
{
    g_autofree char *command = g_strdup_printf(THROTTLE, 0);

    if (throttled)
        json_node_unref(test_guest_qmp(guest, command));
    else
        run("DM_DISABLE_UDEV=1 dmsetup resume disk");
}

static void assert_error(TestClient *client, const char *request, const char *first,
                         const char *second)
{
    g_autofree char *error = test_client_error(client, request);

    ck_assert_msg(strstr(error, first) && strstr(error, second), "%s", error);
}

/* FIFREEZE hangs, by QEMU, which writes next to nothing. */
START_TEST(test_disk_stalls)
{
    const guint slow = 1;
    g_autoptr(TestClient) client =
        configure("freeze-sync-timeout=1\\nfreeze-walk-timeout=2\\nfreeze-timeout=60");

    map(0);
    write_much(slow);
    stall(TRUE);
    assert_error(client, TEST_FREEZE, filesystems[slow].place, "did not return within");
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_assert_writable(guest, filesystems[slow].others);
    assert_error(client, TEST_FREEZE, filesystems[slow].place, "still hangs in the kernel");
    test_frozen_ask(client, TEST_THAW, "0");
    flow(TRUE);
    test_frozen_assert_none(guest);
    test_guest_await(guest, "grep -q 'which hung, has returned' /run/agent.log");
    assert_reported("\"thaw-reason\":\"walk-timeout\"");
    assert_reported("\"outcome\":\"stuck\"");
    assert_freezes_again(client);
}
END_TEST

/* A suspended device would let FIFREEZE hang: that is seen before. */
START_TEST(test_suspended_disk_refuses_the_freeze)
{
    g_autoptr(TestClient) client = configure("freeze-sync-timeout=1");

    map(0);
    stall(FALSE);
    assert_error(client, TEST_FREEZE, filesystems[0].place, "suspended");
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_assert_writable(guest, filesystems[0].others);
    flow(FALSE);
    test_frozen_assert_none(guest);
    assert_freezes_again(client);
}
END_TEST

/* FITHAW hangs, of the filesystem that is thawed first: the others do not wait for it. */
START_TEST(test_disk_stalls_at_the_thaw)
{
    g_autoptr(TestClient) client = configure("");
    g_autofree char *thawed = NULL;

    map(0);
    test_frozen_ask(client, TEST_FREEZE, "3");
    assert_held();
    stall(FALSE);
    test_client_send(client, TEST_THAW);
    test_frozen_assert_writable(guest, filesystems[0].others);
    flow(FALSE);
    thawed = test_client_line(client);
    ck_assert_str_eq(thawed, "{\"return\": 3}");
    test_frozen_assert_none(guest);
    assert_freezes_again(client);
}
END_TEST

/* The same at the deadline, when nobody thaws: beside an agent that lives, one that is stopped, and
 * one that was killed. */
START_TEST(test_disk_stalls_at_the_deadline)
{
    g_autoptr(TestClient) client = configure("freeze-timeout=" G_STRINGIFY(TIMEOUT_S));
    g_autofree char *pid = agent_pid();

    map(0);
    test_frozen_ask(client, TEST_FREEZE, "3");
    assert_held();
    stall(FALSE);
    if (_i > 0)
        run("kill -%s %s", _i == 1 ? "STOP" : "KILL", pid);
    test_frozen_assert_writable(guest, filesystems[0].others);
    flow(FALSE);
    test_frozen_assert_none(guest);
    if (_i == 1)
        run("kill -CONT %s", pid);
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_await_status(guest, client, "\"thawed\"");
    test_frozen_assert_told_once(client, "freeze-timeout");
    assert_freezes_again(client);
}
END_TEST

/* What was written before the freeze does not reach the disk. */
START_TEST(test_writes_fail)
{
    g_autoptr(TestClient) client = configure("");

    map((guint)_i);
    write_much((guint)_i);
    remap("flakey %s 0 0 600 1 error_writes", (guint)_i);
    assert_error(client, TEST_FREEZE, filesystems[_i].place, "Input/output error");
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_ask(client, TEST_THAW, "0");
    test_frozen_assert_none(guest);
    assert_reported("\"thaw-reason\":\"failed\"");
    assert_reported("\"error\":\"Input/output error\"");
}
END_TEST

/* Thawing is not kept from its end by a disk that is gone by then. */
START_TEST(test_disk_fails_while_frozen)
{
    g_autoptr(TestClient) client = configure("");

    map((guint)_i);
    write_much((guint)_i);
    test_frozen_ask(client, TEST_FREEZE, "3");
    assert_held();
    remap("error", (guint)_i);
    test_frozen_ask(client, TEST_THAW, "3");
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_assert_none(guest);
    test_frozen_ask(client, TEST_THAW, "0");
}
END_TEST

/* --- memory
 * ---------------------------------------------------------------------------------------
 */

/* A program that takes all memory there is, and is killed for it by the kernel. */
static void exhaust_memory(const char *score)
{
    int status = test_guest_run(guest, NULL,
                                "(echo %s >/proc/self/oom_score_adj; exec tail /dev/zero)", score);

    ck_assert_msg(status == 137, "the program that takes all memory ends with %d", status);
}

START_TEST(test_out_of_memory)
{
    g_autoptr(TestClient) client = configure("");
    g_autofree char *before = NULL;
    g_autofree char *after = NULL;

    test_frozen_ask(client, TEST_FREEZE, "3");
    before = test_guest_shell(guest, "pidof firn firn-keeper firn-watcher");
    exhaust_memory("0");
    after = test_guest_shell(guest, "pidof firn firn-keeper firn-watcher");
    ck_assert_str_eq(after, before);
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    assert_held();
    test_frozen_ask(client, TEST_THAW, "3");
    test_frozen_assert_none(guest);
}
END_TEST

/* The kernel chooses the agent first. The keeper stays, and the next agent holds the freeze. */
START_TEST(test_agent_out_of_memory)
{
    g_autoptr(TestClient) client = configure("");
    g_autofree char *pid = agent_pid();
    g_autofree char *killed = NULL;

    test_frozen_ask(client, TEST_FREEZE, "3");
    run("echo 1000 >/proc/%s/oom_score_adj", pid);
    exhaust_memory("-500");
    killed = test_guest_shell(guest, "dmesg | grep -c 'Killed process %s (firn)'", pid);
    ck_assert_str_eq(killed, "1");
    await_next_agent(pid);
    g_clear_pointer(&client, test_client_free);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"frozen\"");
    assert_held();
    test_frozen_ask(client, TEST_THAW, "3");
    test_frozen_assert_none(guest);
}
END_TEST

/* --- sleep
 * ----------------------------------------------------------------------------------------
 */

/* By the clock that stops while the machine sleeps (of the kernel's log), or by the one that does
 * not
 * (/proc/uptime): seconds from "asleep" to "awake". */
static double slept(gboolean boottime)
{
    g_autofree char *text = test_guest_shell(
        guest, boottime ? "paste -d ' ' /run/asleep /run/awake | awk '{ print $3 - $1 }'"
                        : "dmesg | tr -d '[]' | awk '/firn-test: asleep/ { a = $1 } /firn-test: "
                          "awake/ { print $1 - a }'");

    return g_ascii_strtod(text, NULL);
}

static void await_machine(const char *status)
{
    gint64 since = g_get_monotonic_time();

    for (;;) {
        g_autoptr(JsonNode) node = test_guest_qmp(guest, "{\"execute\":\"query-status\"}");

        if (!strcmp(json_object_get_string_member(json_node_get_object(node), "status"), status))
            return;
        test_guest_wait(guest, since, status);
    }
}

/* Nothing is sent to it meanwhile, which its ports would lose. */
static void sleep_for(guint seconds)
{
    run("(sleep 0.5; cat /proc/uptime >/run/asleep; echo firn-test: asleep >/dev/kmsg; echo mem "
        ">/sys/power/state; cat /proc/uptime >/run/awake; echo firn-test: awake >/dev/kmsg; touch "
        "/run/slept) >/dev/null 2>&1 &");
    await_machine("suspended");
    g_usleep(seconds * G_USEC_PER_SEC);
    json_node_unref(test_guest_qmp(guest, "{\"execute\":\"system_wakeup\"}"));
    await_machine("running");
    test_guest_await(guest, "[ -e /run/slept ]");
}

/* The sleep counts: the deadline is over when the machine wakes up. */
START_TEST(test_suspended_while_frozen)
{
    g_autoptr(TestClient) client = configure("freeze-timeout=" G_STRINGIFY(TIMEOUT_S));

    test_frozen_ask(client, TEST_FREEZE, "3");
    g_clear_pointer(&client, test_client_free);
    sleep_for(TIMEOUT_S + 2); /* the clock that it wakes up by counts in seconds */
    ck_assert_msg(slept(TRUE) > TIMEOUT_S, "it slept for %.1f s only", slept(TRUE));
    ck_assert_msg(slept(FALSE) < TIMEOUT_S, "it was awake for %.1f s", slept(FALSE));
    test_frozen_assert_none(guest);
    client = test_guest_agent(guest);
    test_frozen_ask(client, TEST_STATUS, "\"thawed\"");
    test_frozen_assert_told_once(client, "freeze-timeout");
    assert_freezes_again(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("faults");
    TCase *faults = tcase_create("faults");
    TCase *sleep = tcase_create("sleep");
    int count = G_N_ELEMENTS(filesystems);

    tcase_add_unchecked_fixture(faults, boot, finish);
    tcase_add_checked_fixture(faults, settle, NULL);
    tcase_add_test(faults, test_client_leaves_during_the_freeze);
    tcase_add_test(faults, test_client_leaves_while_frozen);
    tcase_add_loop_test(faults, test_host_never_thaws, 0, 2);
    tcase_add_test(faults, test_disk_stalls);
    tcase_add_test(faults, test_suspended_disk_refuses_the_freeze);
    tcase_add_test(faults, test_disk_stalls_at_the_thaw);
    tcase_add_loop_test(faults, test_disk_stalls_at_the_deadline, 0, 3);
    tcase_add_test(faults, test_out_of_memory);
    tcase_add_test(faults, test_agent_out_of_memory);
    tcase_add_loop_test(faults, test_writes_fail, 0, count);
    tcase_add_loop_test(faults, test_disk_fails_while_frozen, 0, count);
    suite_add_tcase(suite, faults);
    tcase_add_unchecked_fixture(sleep, boot_sleeper, finish);
    tcase_add_checked_fixture(sleep, settle, NULL);
    tcase_add_test(sleep, test_suspended_while_frozen);
    suite_add_tcase(suite, sleep);
    return test_suite_run(suite);
}
