/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The proof: at every system call that the processes of a freeze make, from the request to the
 * report, something goes wrong. Processes are killed there, or stopped until the deadline has
 * passed, or the call fails. Three filesystems are frozen, with hooks; a fourth one somebody else
 * has frozen all the time. After each run nothing is frozen that is ours, the fourth one still is,
 * each hook's "freeze" has had its "thaw", rcu_expedited is back, the host was told no success that
 * was none, no process is left, and the next freeze works.
 *
 * A process that is killed in a FIFREEZE, or FITHAW, takes its answer with it. Then nobody knows
 * whose the freeze is, and the filesystem is thawed; of the fourth one this is counted apart.
 *
 * It finds defects when they are put back, such as these, each by the runs that it is told to make:
 * the keeper does not note FIRN_TARGET_FREEZING before its FIFREEZE ("keeper FIFREEZE", "kill");
 * the keeper that ends what killed processes have left does not put back rcu_expedited ("FIFREEZE",
 * "kill-both").
 *
 *   FIRN_PROVE=SECONDS  ends after so many (60); 0: all runs are made
 *   FIRN_SEED=N         with which of them it begins (1)
 *   FIRN_PROVE_EVERY=1  kills and stops at calls without an effect, too: takes hours
 *   FIRN_PROVE_ONLY=TEXT  only runs whose name has it, such as "keeper FIFREEZE"
 *   FIRN_PROVE_TRACE=1  prints the calls of each run that fails
 *   FIRN_PROVE_LIST=1   prints the calls
 */
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"
#include "tests/prove/scene.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 2 /* a call that is not made each time, such as that of a loop */

typedef struct {
    ProveScene *scene;
    ProvePlan *plan;
    guint runs;
    guint by_kind[PROVE_KINDS];
    guint failed;
    guint lost; /* a call's answer was lost with its caller, and with it the foreign freeze */
    guint not_reached; /* the call was not made */
} Proof;

static guint number_of(const char *variable, guint otherwise)
{
    const char *text = g_getenv(variable);

    return text ? (guint)strtoul(text, NULL, 10) : otherwise;
}

/* --- what the host was told ---------------------------------------------------------------------
 */

static gboolean is_anything_lost(const ProveScene *scene)
{
    for (int i = 0; i < PROVE_PLACES; i++) {
        if (scene->truth.lost[i])
            return TRUE;
    }
    return FALSE;
}

static void check_freeze_answer(ProveScene *scene, const ProveAnswer *freeze)
{
    if (freeze->count == PROVE_LATE)
        prove_scene_fault(scene, "no answer to the freeze");
    if (freeze->count == PROVE_NONE && !scene->agent_killed)
        prove_scene_fault(scene, "the agent closed the connection");
    if (freeze->count > (int)scene->truth.most && !is_anything_lost(scene))
        prove_scene_fault(scene, "the freeze was answered with %d, but %u were frozen",
                          freeze->count, scene->truth.most);
}

/* asked: when the host first asked for the thaw; frozen: it knows of a freeze. */
static void check_thaw_answer(ProveScene *scene, const ProveAnswer *thaw, gint64 asked,
                              gboolean frozen)
{
    gboolean early = scene->truth.first_thaw != 0 && scene->truth.first_thaw < asked;

    if (thaw->count == PROVE_LATE)
        prove_scene_fault(scene, "no answer to the thaw");
    if (thaw->count == PROVE_NONE && !scene->agent_killed)
        prove_scene_fault(scene, "the agent closed the connection before its thaw");
    if (thaw->count > 0 && early)
        prove_scene_fault(scene, "the thaw was answered with %d, but it had been thawed before",
                          thaw->count);
    if (thaw->count > 0 && thaw->count != (int)scene->truth.most && !is_anything_lost(scene))
        prove_scene_fault(scene, "the thaw was answered with %d, but %u were frozen", thaw->count,
                          scene->truth.most);
    if (thaw->count == 0 && frozen && early)
        prove_scene_fault(scene, "the thaw was answered with 0 after an early thaw");
}

/* The first thaw after it all, to the same agent or the next one, and one more. */
static void check_recovery(ProveScene *scene, const ProveAnswer *freeze, const ProveAnswer *thaw)
{
    gboolean thawed_by_host = thaw->sent && scene->truth.first_thaw > thaw->sent;
    gboolean told = thaw->count >= 0 || thaw->count == PROVE_ERROR;

    prove_scene_ask(scene, TEST_THAW, TEST_THAW);
    check_thaw_answer(scene, &scene->host->first,
                      thawed_by_host ? thaw->sent : scene->host->first.sent,
                      freeze->count > 0 && !told);
    if (scene->host->second.count != 0)
        prove_scene_fault(scene, "the second thaw was answered with %s", scene->host->second.text);
}

/* --- a run --------------------------------------------------------------------------------------
 */

static gboolean has_agent_ended(ProveScene *scene)
{
    return scene->agent == 0;
}

static gboolean is_let_go(ProveScene *scene)
{
    return scene->stopped == 0 && scene->held == 0;
}

/* It has struck, or there is nothing left that it may strike at. */
static gboolean is_struck_or_quiet(ProveScene *scene)
{
    return scene->struck || prove_scene_is_quiet(scene);
}

static void replace_agent(ProveScene *scene, ProveKind kind)
{
    gboolean killed;

    if (scene->agent_killed)
        prove_scene_await(scene, has_agent_ended, 5);
    if (scene->agent != 0)
        return;
    if (kind == PROVE_KILL_AGENT && !prove_scene_await(scene, prove_scene_is_thawed, 8))
        prove_scene_fault(scene, "with the agent killed it is not thawed");
    killed = scene->agent_killed;
    prove_scene_start_agent(scene);
    scene->agent_killed = killed;
}

static void check_next_freeze(ProveScene *scene)
{
    scene->run = NULL;
    scene->story = PROVE_REQUEST;
    scene->live = TRUE;
    prove_truth_reset(&scene->truth);
    prove_scene_ask(scene, TEST_FREEZE, TEST_THAW);
    if (scene->host->first.count != 3 || scene->host->second.count != 3)
        prove_scene_fault(scene, "the next freeze was answered with %s and its thaw with %s",
                          scene->host->first.text, scene->host->second.text);
    prove_scene_check(scene);
}

/* What the host hears of a freeze that nothing disturbs. */
static void check_undisturbed(ProveScene *scene, const ProveAnswer *freeze, const ProveAnswer *thaw)
{
    gboolean early = scene->story != PROVE_REQUEST;

    if (freeze->count != 3)
        prove_scene_fault(scene, "the freeze was answered with %s", freeze->text);
    if (scene->story == PROVE_RESUME ? thaw->count != PROVE_ERROR && thaw->count != 3
                                     : thaw->count != (early ? PROVE_ERROR : 3))
        prove_scene_fault(scene, "the thaw was answered with %s", thaw->text);
}

/* Returns FALSE when the call was not made. */
static gboolean run_once(Proof *proof, ProveStory story, const ProveRun *run)
{
    ProveScene *scene = proof->scene;
    ProveAnswer freeze, thaw;
    gboolean struck, foreign_lost;

    prove_scene_begin(scene, story, run);
    prove_scene_ask(scene, TEST_FREEZE, TEST_THAW);
    freeze = scene->host->first;
    thaw = scene->host->second;
    prove_scene_await(scene, is_struck_or_quiet, 6);
    prove_scene_await(scene, is_let_go, 10);
    struck = scene->struck != 0;
    replace_agent(scene, run ? run->kind : PROVE_KINDS);
    check_freeze_answer(scene, &freeze);
    if (thaw.sent)
        check_thaw_answer(scene, &thaw, thaw.sent, freeze.count > 0);
    if (!run)
        check_undisturbed(scene, &freeze, &thaw);
    check_recovery(scene, &freeze, &thaw);
    foreign_lost = scene->foreign_lost;
    prove_scene_check(scene);
    if (foreign_lost && scene->foreign_lost)
        proof->lost++;
    check_next_freeze(scene);
    return struck || !run;
}

static void tell_fault(Proof *proof, const char *name)
{
    ProveScene *scene = proof->scene;

    printf("# FAILED %s\n%s", name, scene->faults->str);
    if (g_getenv("FIRN_PROVE_TRACE"))
        printf("%s", scene->trace->str);
    fflush(stdout);
}

static void make_run(Proof *proof, const ProveRun *run)
{
    g_autofree char *name = prove_run_name(run);
    gboolean reached = FALSE;

    for (int i = 0; i < TRIES && !reached && proof->scene->faults->len == 0; i++)
        reached = run_once(proof, run->point->story, run);
    proof->runs++;
    proof->by_kind[run->kind]++;
    proof->not_reached += !reached;
    if (!reached && g_getenv("FIRN_PROVE_LIST"))
        printf("# not made: %s\n", name);
    if (proof->scene->faults->len == 0)
        return;
    proof->failed++;
    tell_fault(proof, name);
    prove_scene_clean(proof->scene);
    g_string_truncate(proof->scene->faults, 0);
}

/* --- the whole ----------------------------------------------------------------------------------
 */

static void record(Proof *proof, ProveStory story)
{
    guint before = proof->plan->points->len;

    run_once(proof, story, NULL); /* what is made once only, such as a folder, is there then */
    if (proof->scene->faults->len > 0)
        tell_fault(proof, prove_story_names[story]);
    ck_assert_msg(proof->scene->faults->len == 0, "the story %s fails undisturbed",
                  prove_story_names[story]);
    proof->scene->recorded = proof->plan;
    prove_scene_begin(proof->scene, story, NULL);
    prove_scene_ask(proof->scene, TEST_FREEZE, TEST_THAW);
    prove_scene_await(proof->scene, prove_scene_is_quiet, 6);
    proof->scene->recorded = NULL;
    prove_scene_check(proof->scene);
    ck_assert_uint_gt(proof->plan->points->len, before);
}

static void tell_points(const Proof *proof)
{
    guint counts[PROVE_STORIES][PROVE_ROLES] = {{0}};

    for (guint i = 0; i < proof->plan->points->len; i++) {
        const ProvePoint *point = proof->plan->points->pdata[i];

        counts[point->story][point->role]++;
        if (g_getenv("FIRN_PROVE_LIST"))
            printf("# %s %s %s %u [%s]\n", prove_story_names[point->story],
                   prove_role_names[point->role], point->name, point->nth, point->place);
    }
    printf("# %u system calls, %u without the rounds of loops, %u runs\n", proof->plan->calls,
           proof->plan->points->len, proof->plan->runs->len);
    for (int story = 0; story < PROVE_STORIES; story++) {
        printf("#   %s:", prove_story_names[story]);
        for (int role = PROVE_KEEPER; role < PROVE_ROLES; role++)
            printf(" %s %u", prove_role_names[role], counts[story][role]);
        printf("\n");
    }
    fflush(stdout);
}

static void tell_result(const Proof *proof)
{
    printf("# made %u of %u runs on %u system calls:", proof->runs, proof->plan->runs->len,
           proof->plan->calls);
    for (int kind = 0; kind < PROVE_KINDS; kind++)
        printf(" %s %u/%u", prove_kind_names[kind], proof->by_kind[kind],
               proof->plan->by_kind[kind]);
    printf("\n# %u failed; answer lost: %u; call not made: %u\n", proof->failed, proof->lost,
           proof->not_reached);
    fflush(stdout);
}

static void make_runs(Proof *proof, guint seconds)
{
    gint64 begin = g_get_monotonic_time(), told = begin;
    const char *only = g_getenv("FIRN_PROVE_ONLY");

    for (guint i = 0; i < proof->plan->runs->len; i++) {
        const ProveRun *run = &g_array_index(proof->plan->runs, ProveRun, i);
        g_autofree char *name = prove_run_name(run);
        gint64 now = g_get_monotonic_time();

        if (seconds && now > begin + seconds * G_USEC_PER_SEC)
            return;
        if (only && !strstr(name, only))
            continue;
        make_run(proof, run);
        if (now > told + 10 * G_USEC_PER_SEC) {
            told = now;
            fprintf(stderr, "# %u of %u runs, %u failed\n", i + 1, proof->plan->runs->len,
                    proof->failed);
        }
    }
}

START_TEST(test_every_call_of_a_freeze_may_be_its_last)
{
    guint seed = number_of("FIRN_SEED", 1), seconds = number_of("FIRN_PROVE", 60);
    Proof proof = {.plan = prove_plan_new(), .scene = prove_scene_new()};

    if (!proof.scene)
        TEST_SKIP("system calls are changed on x86-64 only");
    printf("# FIRN_SEED=%u FIRN_PROVE=%u\n", seed, seconds);
    for (int story = 0; story < PROVE_STORIES; story++)
        record(&proof, (ProveStory)story);
    prove_plan_thin(proof.plan);
    prove_plan_make(proof.plan, seed, g_getenv("FIRN_PROVE_EVERY") != NULL);
    tell_points(&proof);
    make_runs(&proof, seconds);
    tell_result(&proof);
    prove_scene_free(proof.scene);
    ck_assert_uint_gt(proof.runs, 0);
    ck_assert_msg(proof.failed == 0, "%u of %u runs failed", proof.failed, proof.runs);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("prove");
    TCase *tests = tcase_create("prove");

    tcase_set_timeout(tests, 0); /* the namespace has a watchdog */
    tcase_add_test(tests, test_every_call_of_a_freeze_may_be_its_last);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
