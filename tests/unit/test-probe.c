/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/probe.h"
#include "tests/lib/suite.h"

#define COUNT 5
#define HANGS_AT 3

typedef struct {
    GMainLoop *loop;
    GMutex mutex;
    GCond cond;
    gboolean released;
    gint asked; /* atomic */
    guint reported, finished;
    gboolean freed;
} Things;

static void ask(guint index, gpointer data)
{
    Things *things = data;

    g_atomic_int_inc(&things->asked);
    if (index != HANGS_AT)
        return;
    g_mutex_lock(&things->mutex);
    while (!things->released)
        g_cond_wait(&things->cond, &things->mutex);
    g_mutex_unlock(&things->mutex);
}

static void release(Things *things)
{
    g_mutex_lock(&things->mutex);
    things->released = TRUE;
    g_cond_signal(&things->cond);
    g_mutex_unlock(&things->mutex);
}

static void done(guint finished, gpointer data)
{
    Things *things = data;

    ck_assert(!things->freed);
    things->reported++;
    things->finished = finished;
    g_main_loop_quit(things->loop);
}

static void freed(gpointer data)
{
    Things *things = data;

    things->freed = TRUE;
    g_main_loop_quit(things->loop);
}

START_TEST(test_all_answer)
{
    Things things = {.loop = g_main_loop_new(NULL, FALSE), .released = TRUE};

    firn_probe_start("test", COUNT, 60 * 1000, ask, done, &things, freed);
    while (!things.freed)
        g_main_loop_run(things.loop);
    ck_assert_uint_eq(things.reported, 1);
    ck_assert_uint_eq(things.finished, COUNT);
    g_main_loop_unref(things.loop);
}
END_TEST

START_TEST(test_nothing)
{
    Things things = {.loop = g_main_loop_new(NULL, FALSE)};

    firn_probe_start("test", 0, 60 * 1000, ask, done, &things, freed);
    while (!things.freed)
        g_main_loop_run(things.loop);
    ck_assert_uint_eq(things.reported, 1);
    ck_assert_uint_eq(things.finished, 0);
    ck_assert_int_eq(things.asked, 0);
    g_main_loop_unref(things.loop);
}
END_TEST

/* What hangs costs itself and what comes after it, and its memory stays until it ends. */
START_TEST(test_one_hangs)
{
    Things things = {.loop = g_main_loop_new(NULL, FALSE)};

    firn_probe_start("test", COUNT, 500, ask, done, &things, freed);
    while (things.reported == 0)
        g_main_loop_run(things.loop);
    ck_assert_uint_le(things.finished, HANGS_AT);
    ck_assert(!things.freed);
    release(&things);
    while (!things.freed)
        g_main_loop_run(things.loop);
    ck_assert_uint_eq(things.reported, 1);
    ck_assert_int_le(things.asked, HANGS_AT + 1);
    g_main_loop_unref(things.loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("probe");
    TCase *tests = tcase_create("probe");

    tcase_add_test(tests, test_all_answer);
    tcase_add_test(tests, test_nothing);
    tcase_add_test(tests, test_one_hangs);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
