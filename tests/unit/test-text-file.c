/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/text-file.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <string.h>

static char *tree;
static char *file;

static void set_up(void)
{
    tree = test_tree_new();
    file = g_strconcat(tree, "/file", NULL);
}

static void tear_down(void)
{
    g_free(file);
    test_tree_remove(tree);
}

static void check_read(const char *text, const char *wanted)
{
    g_autofree char *got = NULL;

    test_tree_write(tree, "/file", text);
    got = firn_text_file_read(file, NULL);
    ck_assert_str_eq(got, wanted);
}

START_TEST(test_read)
{
    check_read("", "");
    check_read("one\n", "one");
    check_read("  one \n two\n\n", "  one \n two");
}
END_TEST

START_TEST(test_read_bounded)
{
    g_autofree char *large = g_strnfill(FIRN_TEXT_FILE_MAX * 2, 'x');
    g_autofree char *got = NULL;

    test_tree_write(tree, "/file", large);
    got = firn_text_file_read(file, NULL);
    ck_assert_uint_lt(strlen(got), FIRN_TEXT_FILE_MAX + 4096);
}
END_TEST

static void check_message(GError *error, const char *call, const char *cause)
{
    g_autofree char *wanted = g_strdup_printf("%s(\"%s\"): %s", call, file, cause);

    ck_assert_str_eq(error->message, wanted);
    g_error_free(error);
}

START_TEST(test_failures)
{
    GError *error = NULL;

    ck_assert_ptr_null(firn_text_file_read(file, &error));
    check_message(error, "open", "No such file or directory");
    error = NULL;
    ck_assert(!firn_text_file_write(file, "x", &error));
    check_message(error, "open", "No such file or directory");
    error = NULL;
    test_tree_write(tree, "/file/below", "");
    ck_assert_ptr_null(firn_text_file_read(file, &error));
    check_message(error, "read", "Is a directory");
}
END_TEST

START_TEST(test_write)
{
    g_autofree char *got = NULL;

    test_tree_write(tree, "/file", "a longer text\n");
    ck_assert(firn_text_file_write(file, "on", NULL));
    got = test_tree_read(tree, "/file");
    ck_assert_str_eq(got, "on");
}
END_TEST

START_TEST(test_words)
{
    ck_assert(!firn_text_file_has_word(file, "mem"));
    test_tree_write(tree, "/file", "freeze memory [disk] shut-down\n");
    ck_assert(firn_text_file_has_word(file, "freeze"));
    ck_assert(firn_text_file_has_word(file, "disk"));
    ck_assert(!firn_text_file_has_word(file, "mem"));
    ck_assert(!firn_text_file_has_word(file, "shut"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("text-file");
    TCase *tests = tcase_create("text-file");

    tcase_add_checked_fixture(tests, set_up, tear_down);
    tcase_add_test(tests, test_read);
    tcase_add_test(tests, test_read_bounded);
    tcase_add_test(tests, test_failures);
    tcase_add_test(tests, test_write);
    tcase_add_test(tests, test_words);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
