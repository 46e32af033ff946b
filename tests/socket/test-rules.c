/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/daemon.h"
#include "tests/lib/suite.h"

/*
 * Requests that come while a freeze still runs. The freeze is one of no filesystem at all; its hook
 * takes until the test says so, so nothing here depends on how fast anything is.
 */

#define FREEZE                                                                                     \
    "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":[\"/proc\"]}}"
#define STATUS "{\"execute\":\"guest-fsfreeze-status\",\"arguments\":{}}"
#define THAW "{\"execute\":\"guest-fsfreeze-thaw\"}"
#define PING "{\"execute\":\"guest-ping\"}"
#define SYNC "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":9}}"
#define DELIMITED "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":8}}\n"

static char *folder;
static TestDaemon *agent;
static TestClient *client;

static char *in_folder(const char *name)
{
    return g_build_filename(folder, name, NULL);
}

static void setup(void)
{
    g_autofree char *hook = NULL;
    g_autofree char *option = NULL;
    g_autofree char *script = NULL;
    const char *options[] = {NULL, "--freeze-hook-timeout=600", "--freeze-walk-timeout=600", NULL};

    folder = g_dir_make_tmp("firn-rules-XXXXXX", NULL);
    hook = in_folder("hook");
    script = g_strdup_printf("#!/bin/sh\n"
                             "[ \"$1\" = freeze ] || exit 0\n"
                             "touch %s/started\n"
                             "while [ ! -e %s/go ] && [ -d %s ]; do sleep 0.05; done\n",
                             folder, folder, folder);
    ck_assert(g_file_set_contents(hook, script, -1, NULL));
    ck_assert_int_eq(chmod(hook, 0700), 0);
    option = g_strconcat("--fsfreeze-hook=", hook, NULL);
    options[0] = option;
    agent = test_daemon_start(options);
    client = test_daemon_connect(agent);
}

static void touch(const char *name)
{
    g_autofree char *path = in_folder(name);

    ck_assert(g_file_set_contents(path, "", 0, NULL));
}

static void teardown(void)
{
    static const char *const names[] = {"hook", "started", "go"};

    test_client_free(client);
    test_daemon_free(agent);
    for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *path = in_folder(names[i]);

        g_unlink(path);
    }
    g_rmdir(folder);
    g_free(folder);
}

/* Sends a freeze and waits until it runs. */
static void begin_freeze(void)
{
    g_autofree char *started = in_folder("started");

    test_client_send(client, FREEZE);
    for (guint i = 0; i < 6000; i++) {
        if (g_file_test(started, G_FILE_TEST_EXISTS))
            return;
        g_usleep(10000);
    }
    ck_abort_msg("the freeze hook does not start");
}

/* The same in a test, which valgrind has to leave out. */
#define START_FREEZE()                                                                             \
    do {                                                                                           \
        if (test_on_valgrind())                                                                    \
            TEST_SKIP("valgrind has no pidfd_open(), which a freeze's guard needs");               \
        begin_freeze();                                                                            \
    } while (0)

static void reconnect(void)
{
    test_client_free(client);
    client = test_daemon_connect(agent);
}

#define ASSERT_LINE(expected)                                                                      \
    do {                                                                                           \
        g_autofree char *read_line = test_client_line(client);                                     \
        ck_assert_pstr_eq(read_line, expected);                                                    \
    } while (0)

#define ASSERT_SILENCE() ck_assert(!test_client_has_input(client, 100))

START_TEST(test_replies_keep_order)
{
    START_FREEZE();
    test_client_send(client, PING STATUS);
    ASSERT_SILENCE();
    touch("go");
    ASSERT_LINE("{\"return\": 0}");
    ASSERT_LINE("{\"return\": {}}");
    ASSERT_LINE("{\"return\": \"thawed\"}");
}
END_TEST

/* As libvirt does after its timeout. */
START_TEST(test_sync_moves_on)
{
    START_FREEZE();
    test_client_send(client, SYNC PING);
    ASSERT_LINE("{\"return\": 9}");
    ASSERT_LINE("{\"return\": {}}");
    test_client_send(client, STATUS);
    ASSERT_SILENCE();
    touch("go");
    ASSERT_LINE("{\"return\": \"thawed\"}");
    ASSERT_SILENCE();
}
END_TEST

/* As Proxmox VE does: a connection a command, sync and command in one write. */
START_TEST(test_status_on_a_new_connection)
{
    test_client_send(client, DELIMITED);
    ASSERT_LINE("\xff{\"return\": 8}");
    START_FREEZE();
    reconnect();
    test_client_send(client, DELIMITED STATUS "\n");
    ASSERT_LINE("\xff{\"return\": 8}");
    ASSERT_SILENCE();
    reconnect();
    test_client_send(client, DELIMITED STATUS "\n");
    ASSERT_LINE("\xff{\"return\": 8}");
    touch("go");
    ASSERT_LINE("{\"return\": \"thawed\"}");
}
END_TEST

START_TEST(test_thaw_cancels)
{
    g_autofree char *freeze = NULL;
    g_autofree char *desc = NULL;

    START_FREEZE();
    test_client_send(client, THAW);
    freeze = test_client_line(client);
    desc = test_reply_error(freeze);
    ASSERT_LINE("{\"return\": 0}");
    test_client_send(client, STATUS);
    ASSERT_LINE("{\"return\": \"thawed\"}");
}
END_TEST

START_TEST(test_thaw_by_another_client_cancels)
{
    START_FREEZE();
    reconnect();
    test_client_send(client, DELIMITED THAW "\n");
    ASSERT_LINE("\xff{\"return\": 8}");
    ASSERT_LINE("{\"return\": 0}");
    test_client_send(client, STATUS);
    ASSERT_LINE("{\"return\": \"thawed\"}");
}
END_TEST

/* One that only waits, and may be gone, gives way to one that comes. */
START_TEST(test_half_closed_client_gives_way)
{
    g_autoptr(TestClient) next = NULL;

    START_FREEZE();
    test_client_shutdown(client);
    next = test_daemon_connect(agent);
    test_client_ping(next);
    ASSERT_LINE(NULL);
    touch("go");
}
END_TEST

START_TEST(test_half_closed_client_is_answered)
{
    START_FREEZE();
    test_client_send(client, PING);
    test_client_shutdown(client);
    ASSERT_SILENCE();
    touch("go");
    ASSERT_LINE("{\"return\": 0}");
    ASSERT_LINE("{\"return\": {}}");
    ASSERT_LINE(NULL);
}
END_TEST

/* Requests behind a running command cost bounded memory, and are all answered. */
START_TEST(test_waiting_requests_are_bounded)
{
    guint sent = 0;

    START_FREEZE();
    while (sent < 200000) {
        g_autofree char *filler = g_strnfill(1000, ' ');

        if (test_client_has_input(client, 0) || !test_client_can_send(client, 1000))
            break;
        test_client_send(client, STATUS);
        test_client_send(client, filler);
        sent++;
    }
    ck_assert_uint_lt(sent, 200000);
    touch("go");
    ASSERT_LINE("{\"return\": 0}");
    for (guint i = 0; i < sent; i++)
        ASSERT_LINE("{\"return\": \"thawed\"}");
    test_client_ping(client);
}
END_TEST

START_TEST(test_ends_while_a_freeze_runs)
{
    START_FREEZE();
    ck_assert_int_eq(test_daemon_stop(agent), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules");
    TCase *tests = tcase_create("rules");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_replies_keep_order);
    tcase_add_test(tests, test_sync_moves_on);
    tcase_add_test(tests, test_status_on_a_new_connection);
    tcase_add_test(tests, test_thaw_cancels);
    tcase_add_test(tests, test_thaw_by_another_client_cancels);
    tcase_add_test(tests, test_half_closed_client_gives_way);
    tcase_add_test(tests, test_half_closed_client_is_answered);
    tcase_add_test(tests, test_waiting_requests_are_bounded);
    tcase_add_test(tests, test_ends_while_a_freeze_runs);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
