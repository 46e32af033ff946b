/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_FREEZING_H
#define TESTS_LIB_FREEZING_H

#include "agent/freeze/record.h"
#include "tests/lib/daemon.h"

/*
 * What tests of real freezes share. Everything waits up to 60 s and then fails the test. They
 * freeze only in the namespace of tests/kernel/ns.
 */
#define TEST_FREEZE "{\"execute\":\"guest-fsfreeze-freeze\"}"
#define TEST_STATUS "{\"execute\":\"guest-fsfreeze-status\"}"
#define TEST_THAW "{\"execute\":\"guest-fsfreeze-thaw\"}"

/* Fails the test anywhere else than in that namespace. */
void test_freezing_check_namespace(void);

/* FIFREEZE or FITHAW by the test itself: 0 or an errno. */
int test_freezing_ioctl(const char *mountpoint, gulong request);

/* Fails when it is frozen, by whomever, or not frozen. */
void test_freezing_assert_thawed(const char *mountpoint);
void test_freezing_assert_frozen(const char *mountpoint);

/* The three filesystems of the namespace, in the order of their mounts. */
#define TEST_PLACES 3
extern const char *const test_places[TEST_PLACES];
void test_freezing_assert_all_thawed(void);
void test_freezing_assert_all_frozen(void);

/* Waits until nothing is left of a freeze: no record, no keeper and no watcher, and rcu_expedited
 * as it was. */
void test_freezing_await_end(const char *state_dir);

/* Waits until a freeze has come so far. */
void test_freezing_await_phase(const char *state_dir, FirnPhase phase);

/* Waits until a freeze that still runs has frozen so many. */
void test_freezing_await_frozen(const char *state_dir, guint count);

/* Waits until a process is dead but for what hangs in the kernel. */
void test_freezing_await_zombie(int pid);

/* ext4's own emergency stop, after which its freeze fails with EIO. */
void test_freezing_stop_ext4(const char *mountpoint);

/* Asks until the return is this text. */
void test_freezing_await(TestDaemon *daemon, const char *request, const char *expected);

/* Fails unless the return is this text. */
void test_freezing_ask(TestDaemon *daemon, const char *request, const char *expected);
/* The text of an error, which it must be; free with g_free(). */
char *test_freezing_ask_error(TestDaemon *daemon, const char *request);

/* The process of that name (/proc/PID/comm), such as "firn-keeper", that is no zombie; 0: none. */
int test_freezing_find(const char *name);
/* Waits until there is one. */
int test_freezing_await_process(const char *name);

/* Kills the agent and all processes of its freeze, so that none of them can act in between. */
void test_freezing_kill_all(TestDaemon *daemon);

/* Runs a line of shell, which must succeed; what it prints, free with g_free(). */
char *test_freezing_shell(const char *format, ...) G_GNUC_PRINTF(1, 2);

/* A folder of two hooks that log "NAME ARGUMENT REASON" lines to FOLDER/log. */
void test_freezing_make_hooks(const char *folder);
/* Waits until a line of FOLDER/log begins so. */
void test_freezing_await_hook(const char *folder, const char *start);
/* TRUE when each of the two was called with "thaw" as often as with "freeze". */
gboolean test_freezing_are_hooks_paired(const char *folder);
/* Lines of FOLDER/log that begin so. */
guint test_freezing_count_hooks(const char *folder, const char *start);

#endif
