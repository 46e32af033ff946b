/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_DIFFERENTIAL_MEMBERS_H
#define TESTS_DIFFERENTIAL_MEMBERS_H

#include "tests/differential/compare.h"

/*
 * Where two replies differ, or may: the path of a member, such as "return[].disk[].serial" or
 * "error.desc". "[]" stands for every place in a list, and at the end for its length.
 */
typedef struct {
    const char *path;
    const char *name; /* in docs/differences.md; NULL: a value that changes by itself */
} CompareMember;

/* For a table of them, which ends with {0}: test-differences finds the names by this word. */
#define COMPARE_DIFFERS(PATH, NAME)                                                                \
    {                                                                                              \
        PATH, NAME                                                                                 \
    }
#define COMPARE_CHANGES(PATH)                                                                      \
    {                                                                                              \
        PATH, NULL                                                                                 \
    }

/*
 * Asks both and fails unless their replies are the same but for these members (NULL: none). Those
 * with a name must differ somewhere: the page says no more and no less than what is so.
 */
void compare_members(Compare *compare, const char *request, const CompareMember *members);

#endif
