/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/terminal.h"
#include "tests/lib/suite.h"

#include <string.h>

START_TEST(test_flag)
{
    const char *argv[] = {"doctor", "--json", "-v", "--json", "--", "--json", NULL};
    int argc = 6;

    ck_assert(firn_terminal_take_flag(&argc, (char **)(guintptr)argv, "--json"));
    ck_assert_int_eq(argc, 4);
    ck_assert_str_eq(argv[1], "-v");
    ck_assert_str_eq(argv[3], "--json");
    ck_assert_ptr_null(argv[4]);
    ck_assert(!firn_terminal_take_flag(&argc, (char **)(guintptr)argv, "--json"));
    ck_assert(!firn_terminal_take_flag(&argc, (char **)(guintptr)argv, "doctor"));
}
END_TEST

START_TEST(test_option)
{
    const char *argv[] = {"report", "--last", "3", "-t", "/x", "--last=5", "--lastly", NULL};
    const char *bare[] = {"report", "--last", NULL};
    int argc = 7, bare_argc = 2;
    g_autoptr(GError) error = NULL;
    const char *value = NULL;

    ck_assert(firn_terminal_take_option(&argc, (char **)(guintptr)argv, "--last", &value, NULL));
    ck_assert_str_eq(value, "5");
    ck_assert_int_eq(argc, 4);
    ck_assert_str_eq(argv[3], "--lastly");
    ck_assert_ptr_null(argv[4]);
    ck_assert(
        !firn_terminal_take_option(&bare_argc, (char **)(guintptr)bare, "--last", &value, &error));
    ck_assert_str_eq(error->message, "--last needs a value");
}
END_TEST

START_TEST(test_utf8)
{
    g_setenv("LC_ALL", "C", TRUE);
    ck_assert(!firn_terminal_is_utf8());
    /* whether this machine has such a locale or not */
    g_setenv("LC_ALL", "C.UTF-8", TRUE);
    ck_assert(firn_terminal_is_utf8());
    g_setenv("LC_ALL", "xx_XX.utf8", TRUE);
    ck_assert(firn_terminal_is_utf8());
    g_setenv("LC_ALL", "xx_XX", TRUE);
    ck_assert(!firn_terminal_is_utf8());
}
END_TEST

START_TEST(test_width)
{
    ck_assert_uint_gt(firn_terminal_width(), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("terminal");
    TCase *tests = tcase_create("terminal");

    tcase_add_test(tests, test_flag);
    tcase_add_test(tests, test_option);
    tcase_add_test(tests, test_utf8);
    tcase_add_test(tests, test_width);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
