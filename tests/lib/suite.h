/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_SUITE_H
#define TESTS_LIB_SUITE_H

#include <check.h>

/*
 * Every test program's main(): runs a Check suite, each test in a process of its own, and prints
 * TAP on stdout. Exit status 0 when nothing failed. A program that ran no test at all fails.
 */
int test_suite_run(Suite *suite);

/* Ends a test as skipped, which is printed as "# SKIP why": for what this machine cannot do, never
 * for a fault. */
#define TEST_SKIP(...)                                                                             \
    do {                                                                                           \
        test_skip(__func__, _i, __VA_ARGS__);                                                      \
        return;                                                                                    \
    } while (0)
/* round: of a test in a loop, which must begin at 0; Check's _i. */
void test_skip(const char *test, int round, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* TRUE in the valgrind tier, for what valgrind itself cannot do: with it vfork() shares no memory,
 * so that posix_spawn() never reports that the program could not be started. */
int test_on_valgrind(void);

#endif
