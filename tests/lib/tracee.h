/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TRACEE_H
#define TESTS_LIB_TRACEE_H

#include <glib.h>
#include <sys/types.h>

/*
 * Programs under ptrace(2), with all that they fork: the test sees each system call before it
 * begins and after it ends, and may let it fail, or keep its process there. One thread of the test
 * does all of this: the one that calls test_tracees_new(). What still runs is killed with it.
 */
typedef struct {
    pid_t tid;
    pid_t pid;        /* of its process */
    guint role;       /* the test's own; a child begins with its parent's */
    gboolean watched; /* its system calls are reported; so are its children's at first */
    gboolean held;    /* stands in its ptrace stop */
    gboolean stopped; /* by a signal such as SIGSTOP */
    gboolean inside;  /* in a system call */
    guint64 call;     /* the system call's number, SYS_* */
    guint64 args[6];
    /* The instruction within its page, and how far the stack is in use: where in the program this
     * is, alike in each round of a loop and in each process of the program. */
    guint64 place[2];
    guint64 stack;     /* where it began; 0: not known yet */
    gint64 result;     /* in leave(): as the kernel gives it, below 0 an errno */
    int injected;      /* in leave(): the errno that was injected, or 0 */
    guint64 last_call; /* the one before, and how often in a row it was the same with these args */
    guint64 last_args[6];
    guint repeated;
    gboolean follows; /* the two are the test's own; the second is freed with g_free() */
    gpointer of_test;
} TestTracee;

/* What is to become of a system call that is about to begin. */
typedef enum {
    TEST_CALL_GO,
    TEST_CALL_FAIL, /* it is not made, and returns -errno: see test_tracees_fail_with() */
    TEST_CALL_HOLD, /* stays there until test_tracees_release() */
} TestCallNext;

typedef struct {
    /* A new process or thread, parent: NULL when that one is gone. May set role and `watched`. */
    void (*born)(TestTracee *tracee, TestTracee *parent, gpointer data);
    /* It has executed a program. FALSE: it is let go, and traced no longer. */
    gboolean (*execed)(TestTracee *tracee, gpointer data);
    TestCallNext (*enter)(TestTracee *tracee, gpointer data);
    /* It may be killed there: the call has been made, and nobody learns its result. */
    void (*leave)(TestTracee *tracee, gpointer data);
    void (*died)(TestTracee *tracee, int status, gpointer data);
} TestTraceesEvents; /* any may be NULL */

typedef struct TestTracees TestTracees;

/* NULL where this machine's architecture is not known. Free with test_tracees_free(), which kills
 * every one. */
TestTracees *test_tracees_new(const TestTraceesEvents *events, gpointer data);
void test_tracees_free(TestTracees *tracees);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestTracees, test_tracees_free)

/* Starts a program with its output appended to a file. It is not `watched` at first. */
pid_t test_tracees_spawn(TestTracees *tracees, const char *const *argv, const char *output,
                         guint role);

/* Lets all run until over() is TRUE, which is asked at least every 5 ms, or the time (of
 * g_get_monotonic_time()) has come. Returns what over() said last. */
gboolean test_tracees_run(TestTracees *tracees, gint64 until, gboolean (*over)(gpointer data));

/* The errno of the call that enter() is asked about. */
void test_tracees_fail_with(TestTracee *tracee, int error);
/* Lets one that is held go on with its call. */
void test_tracees_release(TestTracees *tracees, TestTracee *tracee);

/* Every one, in no order: TestTracee *; free with g_list_free(). */
GList *test_tracees_list(TestTracees *tracees);
TestTracee *test_tracees_find(TestTracees *tracees, pid_t tid);

#endif
