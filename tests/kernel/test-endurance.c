/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ten thousand freezes, and trims, of /mnt/copy1: the agent, its keepers included, ends with what
 * it began with. */
#include "tests/lib/endurance.h"
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#define LIST "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":"

/* Each must be answered before the next is sent: a thaw cancels a freeze that still runs. */
static void ask_in_turn(TestClient *client, guint times, gpointer data)
{
    for (guint i = 0; i < times; i++) {
        for (const char *const *request = data; *request; request++)
            g_free(test_client_text(client, *request));
    }
    test_client_ping(client);
}

static const char *const freezes[] = {TEST_FREEZE, TEST_THAW, NULL};
static const char *const lists[] = {LIST "[\"/mnt/copy1\"]}}", TEST_STATUS, TEST_THAW, NULL};
static const char *const empty_lists[] = {LIST "[]}}", NULL};
static const char *const trims[] = {"{\"execute\":\"guest-fstrim\"}", NULL};
static const char *const *const scripts[] = {freezes, lists, empty_lists, trims};

START_TEST(test_times)
{
    g_autoptr(TestDaemon) daemon = NULL;
    const char *const *script = scripts[_i];

    test_freezing_check_namespace();
    daemon = test_daemon_start(NULL);
    if (script == freezes)
        test_freezing_ask(daemon, TEST_FREEZE, "1");
    test_freezing_ask(daemon, TEST_THAW, script == freezes ? "1" : "0");
    test_endure_asking(daemon, script[0], ask_in_turn, (gpointer)(guintptr)script);
    test_freezing_await_end(test_daemon_folder(daemon));
    test_freezing_assert_thawed("/mnt/copy1");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("endurance");
    TCase *tests = tcase_create("endurance");

    tcase_add_loop_test(tests, test_times, 0, G_N_ELEMENTS(scripts));
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
