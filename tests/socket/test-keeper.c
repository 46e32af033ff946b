/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An agent whose keeper does not live: a program that ends at once lies in its place. */
#include <glib/gstdio.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/vfs.h>

#include "tests/lib/daemon.h"
#include "tests/lib/shell.h"
#include "tests/lib/suite.h"

#define MEMORY "/dev/shm"

/* On a tmpfs, as the agent wants it of its state directory; NULL where this machine shows none. */
static char *folder;

static void setup(void)
{
    struct statfs status;

    if (statfs(MEMORY, &status) == 0 && status.f_type == TMPFS_MAGIC)
        folder = g_mkdtemp(g_strdup(MEMORY "/firn-keeper-XXXXXX"));
    if (!folder)
        return;
    ck_assert(test_shell(NULL,
                         "mkdir -m 700 %s/state && cp \"$FIRN_BINARY\" %s/firn && cp /bin/false "
                         "%s/firn-keeper",
                         folder, folder, folder));
}

static void teardown(void)
{
    if (folder)
        ck_assert(test_shell(NULL, "rm -rf %s", folder));
    g_clear_pointer(&folder, g_free);
}

static TestDaemon *start(void)
{
    g_autofree char *binary = g_build_filename(folder, "firn", NULL);
    g_autofree char *state = g_strdup_printf("--statedir=%s/state", folder);
    const char *options[] = {state, NULL};

    g_setenv("FIRN_BINARY", binary, TRUE);
    return test_daemon_start(options);
}

static void assert_error(TestClient *client, const char *request, const char *expected)
{
    g_autofree char *error = test_client_error(client, request);

    ck_assert_msg(strstr(error, expected) != NULL, "%s", error);
}

START_TEST(a_freeze_without_a_keeper_is_answered)
{
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;

    if (!folder)
        TEST_SKIP("%s is no tmpfs that can be written to", MEMORY);
    agent = start();
    client = test_daemon_connect(agent);
    assert_error(client, "{\"execute\":\"guest-fsfreeze-freeze\"}", "its process was killed");
    test_client_ping(client);
}
END_TEST

static void await_thawed(TestClient *client)
{
    for (guint i = 0; i < 6000; i++) {
        g_autofree char *status =
            test_client_text(client, "{\"execute\":\"guest-fsfreeze-status\"}");

        if (strstr(status, "thawed"))
            return;
        g_usleep(10000);
    }
    ck_abort_msg("the agent says for ever that it is frozen");
}

static guint count(const char *text, const char *part)
{
    guint found = 0;

    for (text = strstr(text, part); text; text = strstr(text + 1, part))
        found++;
    return found;
}

/* What an earlier agent has left cannot be ended: the agent tries on, and still does its work. */
START_TEST(what_no_keeper_can_end_does_not_keep_the_agent)
{
    g_autofree char *record = NULL;
    g_autoptr(TestDaemon) agent = NULL;
    g_autoptr(TestClient) client = NULL;
    g_autofree char *output = NULL;

    if (!folder)
        TEST_SKIP("%s is no tmpfs that can be written to", MEMORY);
    record = g_build_filename(folder, "state", "freeze-record", NULL);
    ck_assert(g_file_set_contents(record, "x", 1, NULL));
    agent = start();
    client = test_daemon_connect(agent);
    assert_error(client, "{\"execute\":\"guest-fsfreeze-thaw\"}", "firn goes on trying");
    assert_error(client, "{\"execute\":\"guest-fsfreeze-thaw\"}", "firn goes on trying");
    test_client_ping(client);
    ck_assert_int_eq(g_remove(record), 0);
    await_thawed(client);
    assert_error(client, "{\"execute\":\"guest-fsfreeze-freeze\"}", "its process was killed");
    output = test_daemon_output(agent);
    ck_assert_uint_lt(count(output, "starting another"), 20);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("keeper");
    TCase *tests = tcase_create("keeper");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, a_freeze_without_a_keeper_is_answered);
    tcase_add_test(tests, what_no_keeper_can_end_does_not_keep_the_agent);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
