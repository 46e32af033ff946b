/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_DIFFERENTIAL_COMPARE_H
#define TESTS_DIFFERENTIAL_COMPARE_H

#include "tests/lib/daemon.h"

/*
 * firn and the packaged agent, started in the test's own namespaces and environment, and asked the
 * same. What they answer differently on purpose stands in docs/differences.md under a name; a test
 * that relies on it says that name, and test-differences sees to it that page and tests know the
 * same names.
 */
typedef struct Compare Compare;

/* The packaged agent's path, NULL where it is not installed; free with g_free(). */
char *compare_peer_program(void);
/* Starts a program that takes firn's options, as test_daemon_start() does with firn. */
TestDaemon *compare_start(const char *program, const char *const *options);

/* NULL where the packaged agent is not installed: skip then. Free with compare_free(). */
Compare *compare_new(void);
/* The same with options for both, NULL at their end. */
Compare *compare_new_with(const char *const *options);
void compare_free(Compare *compare);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Compare, compare_free)

TestClient *compare_firn(Compare *compare);
TestClient *compare_peer(Compare *compare);
/* The packaged agent's pid. */
int compare_peer_pid(const Compare *compare);

typedef enum {
    COMPARE_ALL = 0,
    COMPARE_UNORDERED = 1 << 0, /* lists are sets */
    COMPARE_SHAPE = 1 << 1, /* types and names of members, not values; of lists which there are */
} CompareHow;

/*
 * Fails unless both answer alike: the same value, or the same class and text of error. without:
 * names of members, at any depth, that are left out of the comparison; ends with NULL; or NULL.
 */
void compare_ask(Compare *compare, const char *request, CompareHow how, const char *const *without);
/* The same with all compared. */
void compare_same(Compare *compare, const char *request);

/*
 * A difference on purpose: fails unless the replies, made canonical by compare_canonical(), match
 * these glob patterns, and the name is one of docs/differences.md.
 */
void compare_differs(Compare *compare, const char *name, const char *request, const char *firn,
                     const char *peer);

/*
 * The same two where a request names something that each agent calls otherwise, such as a handle: a
 * "%s" in it stands for these names, and is put back in the replies' errors as NAME.
 */
void compare_same_named(Compare *compare, const char *request, const char *firn_name,
                        const char *peer_name);
void compare_differs_named(Compare *compare, const char *name, const char *request,
                           const char *firn_name, const char *peer_name, const char *firn,
                           const char *peer);

/* A difference on purpose in what the agents do, not say: fails unless these texts match. */
void compare_differs_text(const char *name, const char *from_firn, const char *firn,
                          const char *from_peer, const char *peer);

/* TRUE when docs/differences.md has a row of that name. */
gboolean compare_is_listed(const char *name);

/* A reply line as text that is equal for equal replies: members sorted, no white space, no id.
 * Free with g_free(). */
char *compare_canonical(const char *line, CompareHow how, const char *const *without);

/* Gives this process, and what it starts, mounts of its own; FALSE where it may not. */
gboolean compare_own_mounts(void);

#endif
