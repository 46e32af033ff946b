/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The agent, its keeper, the watcher, or several of them are killed at random moments of a freeze,
 * hundreds of times (environment FIRN_KILLS): each time, once the next agent runs and the host has
 * thawed, nothing is frozen, rcu_expedited is back, the hooks are paired, and what that agent says
 * is true.
 */
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define STATE_DIR "/run/firn-kill"
#define HOOKS "/run/firn-kill-hooks"

typedef enum {
    KILL_AGENT,
    KILL_AGENT_IN_THAW,
    KILL_KEEPER,
    KILL_WATCHER,
    KILL_BOTH, /* keeper and watcher */
    KILL_ALL,
    KILLS,
} Kill;

typedef struct {
    guint rounds;
    guint found_frozen; /* the next agent said so */
    guint found_thawed;
    gint64 typical; /* microseconds a freeze takes here */
} Score;

static const char *const places[] = {"/mnt/ext4", "/mnt/copy1", "/mnt/copy2"};

static TestDaemon *start(void)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS, NULL};

    return test_daemon_start(options);
}

static void assert_clean(Kill kind, guint round)
{
    test_freezing_await_end(STATE_DIR);
    for (guint i = 0; i < G_N_ELEMENTS(places); i++)
        test_freezing_assert_thawed(places[i]);
    for (int i = 0; i < 2; i++) {
        const char *freeze = i ? "20-second freeze" : "10-first freeze";
        const char *thaw = i ? "20-second thaw" : "10-first thaw";
        guint freezes = test_freezing_count_hooks(HOOKS, freeze);
        guint thaws = test_freezing_count_hooks(HOOKS, thaw);

        /* the process that is to become the script may be killed with all others */
        if (kind == KILL_ALL && freezes == 0 && thaws == 1)
            continue;
        ck_assert_msg(freezes == thaws, "round %u, kind %d: %u '%s' but %u '%s'", round, (int)kind,
                      freezes, freeze, thaws, thaw);
    }
    remove(HOOKS "/log");
}

static void kill_process(const char *name)
{
    int pid = test_freezing_find(name);

    if (pid > 0)
        kill(pid, SIGKILL);
}

static gboolean kills_agent(Kill kind)
{
    return kind == KILL_AGENT || kind == KILL_AGENT_IN_THAW || kind == KILL_ALL;
}

static void do_kill(TestDaemon *daemon, Kill kind)
{
    if (kind == KILL_ALL) {
        test_freezing_kill_all(daemon);
        return;
    }
    if (kills_agent(kind))
        kill(test_daemon_pid(daemon), SIGKILL);
    if (kind == KILL_WATCHER || kind == KILL_BOTH)
        kill_process("firn-watcher");
    if (kind == KILL_KEEPER || kind == KILL_BOTH)
        kill_process("firn-keeper");
}

/* Asks for a freeze, or for the thaw after one, and strikes somewhere in it. */
static void strike(TestDaemon *daemon, Kill kind, GRand *random, const Score *score)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    gint64 delay = (gint64)(g_rand_double(random) * (double)score->typical * 1.3);

    if (kind == KILL_AGENT_IN_THAW) {
        g_autofree char *frozen = test_client_text(client, TEST_FREEZE);

        ck_assert_str_eq(frozen, "3");
        test_client_send(client, TEST_THAW);
    } else {
        test_client_send(client, TEST_FREEZE);
    }
    g_usleep((gulong)delay);
    do_kill(daemon, kind);
    if (kills_agent(kind)) {
        waitpid(test_daemon_pid(daemon), NULL, 0);
        return;
    }
    g_free(test_client_line(client)); /* however that freeze ends */
}

/* What the agent says must be so, and a thaw must end it. */
static void recover(TestDaemon *daemon, Score *score)
{
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *status = test_client_text(client, TEST_STATUS);
    g_autofree char *line = NULL;

    if (!strcmp(status, "\"frozen\""))
        score->found_frozen++;
    else
        score->found_thawed++;
    test_client_send(client, TEST_THAW);
    line = test_client_line(client);
    ck_assert_ptr_nonnull(line);
    g_free(g_steal_pointer(&status));
    status = test_client_text(client, TEST_STATUS);
    ck_assert_str_eq(status, "\"thawed\"");
}

static void measure(Score *score)
{
    g_autoptr(TestDaemon) daemon = start();
    gint64 begin = g_get_monotonic_time();

    for (int i = 0; i < 5; i++) {
        test_freezing_ask(daemon, TEST_FREEZE, "3");
        test_freezing_ask(daemon, TEST_THAW, "3");
    }
    score->typical = (g_get_monotonic_time() - begin) / 8;
    assert_clean(KILLS, 0);
}

START_TEST(test_kill_anywhere)
{
    const char *wanted = g_getenv("FIRN_KILLS");
    const char *chosen = g_getenv("FIRN_SEED");
    guint rounds = wanted ? (guint)strtoul(wanted, NULL, 10) : 500;
    guint32 seed = chosen ? (guint32)strtoul(chosen, NULL, 10) : g_random_int();
    g_autoptr(GRand) random = g_rand_new_with_seed(seed);
    TestDaemon *daemon;
    Score score = {0};

    test_freezing_check_namespace();
    test_freezing_make_hooks(HOOKS);
    printf("# FIRN_SEED=%u FIRN_KILLS=%u\n", seed, rounds);
    fflush(stdout);
    measure(&score);
    daemon = start();
    for (score.rounds = 0; score.rounds < rounds; score.rounds++) {
        Kill kind = (Kill)g_rand_int_range(random, 0, KILLS);

        if (g_getenv("FIRN_KILL_TRACE"))
            fprintf(stderr, "# round %u, kind %d\n", score.rounds, (int)kind);
        strike(daemon, kind, random, &score);
        if (kills_agent(kind)) {
            test_daemon_free(daemon);
            daemon = start();
        }
        recover(daemon, &score);
        assert_clean(kind, score.rounds);
    }
    printf("# killed %u times: found frozen %u times, thawed %u times\n", score.rounds,
           score.found_frozen, score.found_thawed);
    fflush(stdout);
    test_daemon_free(daemon);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("kill");
    TCase *tests = tcase_create("kill");

    tcase_set_timeout(tests, 120); /* times CK_TIMEOUT_MULTIPLIER */
    tcase_add_test(tests, test_kill_anywhere);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
