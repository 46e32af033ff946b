/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/suite.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(test_that_skips)
{
    TEST_SKIP("this one always does");
}
END_TEST

START_TEST(test_that_passes)
{
    ck_assert_int_eq(1, 1);
}
END_TEST

static Suite *inner_suite(void)
{
    Suite *suite = suite_create("inner");
    TCase *tests = tcase_create("inner");

    tcase_add_test(tests, test_that_skips);
    tcase_add_test(tests, test_that_passes);
    suite_add_tcase(suite, tests);
    return suite;
}

static void fixture_that_fails(void)
{
    ck_abort_msg("no ground to stand on");
}

static Suite *suite_without_ground(void)
{
    Suite *suite = inner_suite();
    TCase *tests = tcase_create("groundless");

    tcase_add_unchecked_fixture(tests, fixture_that_fails, NULL);
    tcase_add_test(tests, test_that_passes);
    suite_add_tcase(suite, tests);
    return suite;
}

/* What a test program prints, run in a child. */
static void inner_output(Suite *(*make)(void), char *text, gsize size)
{
    int ends[2];
    gsize length = 0;
    ssize_t got;
    pid_t child;

    ck_assert_int_eq(pipe(ends), 0);
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        int status;

        dup2(ends[1], STDOUT_FILENO);
        status = test_suite_run(make());
        fflush(stdout);
        _exit(status);
    }
    close(ends[1]);
    while ((got = read(ends[0], text + length, size - 1 - length)) > 0)
        length += (gsize)got;
    close(ends[0]);
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* A skip must not look like a pass. */
START_TEST(test_skip_is_shown)
{
    char text[4096] = "";

    inner_output(inner_suite, text, sizeof(text));
    ck_assert_msg(strstr(text, "test_that_skips # SKIP this one always does\n") != NULL,
                  "printed: %s", text);
    ck_assert_ptr_nonnull(strstr(text, "test_that_passes: Passed\n"));
}
END_TEST

/* Nor may tests that were never run. */
START_TEST(test_fixture_is_shown)
{
    char text[4096] = "";

    inner_output(suite_without_ground, text, sizeof(text));
    ck_assert_msg(strstr(text, "not ok - ") && strstr(text, ":groundless:fixture: no ground"),
                  "printed: %s", text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("suite");
    TCase *tests = tcase_create("suite");

    tcase_add_test(tests, test_skip_is_shown);
    tcase_add_test(tests, test_fixture_is_shown);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
