/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/password.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>

/* A recorded chpasswd stands for the real one: no password is ever set here. */

static char *tree;
static FirnRoots *roots;

static void make_program(const char *script)
{
    g_autofree char *path = g_build_filename(tree, "usr/sbin/chpasswd", NULL);
    g_autofree char *text = g_strdup_printf("#!/bin/sh\ncd %s\n%s\n", tree, script);

    test_tree_write(tree, "/usr/sbin/chpasswd", text);
    ck_assert_int_eq(chmod(path, 0755), 0);
}

static void make_tree(void)
{
    tree = test_tree_new();
    roots = firn_roots_new(tree);
}

static void remove_tree(void)
{
    firn_roots_free(roots);
    test_tree_remove(tree);
}

static gboolean set(const char *user, const char *password, gboolean crypted, GError **error)
{
    return firn_password_set(roots, user, password, strlen(password), crypted, error);
}

START_TEST(test_sets)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *given = NULL;
    g_autofree char *arguments = NULL;

    make_program("cat >input; echo \"$@\" >arguments");
    ck_assert_msg(set("root", "se:cret \xc3\xa4", _i, &error), "%s",
                  error ? error->message : "no error");
    given = test_tree_read(tree, "/input");
    arguments = test_tree_read(tree, "/arguments");
    ck_assert_str_eq(given, "root:se:cret \xc3\xa4\n");
    ck_assert_str_eq(g_strchomp(arguments), _i ? "-e" : "");
}
END_TEST

static void assert_fails(const char *user, const char *password, gsize length, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = g_build_filename(tree, "input", NULL);

    make_program("cat >input");
    ck_assert(!firn_password_set(roots, user, password, length, FALSE, &error));
    ck_assert_str_eq(error->message, expected);
    ck_assert(!g_file_test(path, G_FILE_TEST_EXISTS));
}

START_TEST(test_refuses)
{
    g_autofree char *large = g_strnfill(5000, 'x');

    assert_fails("a:b", "x", 1, "forbidden characters in username");
    assert_fails("a\nb", "x", 1, "forbidden characters in username");
    assert_fails("root", "x\ny", 3, "forbidden characters in raw password");
    assert_fails("root", "x\n", 2, "forbidden characters in raw password");
    assert_fails("root", "x\0y", 3, "forbidden characters in raw password");
    assert_fails("root", large, 5000, "the password is longer than 4096 bytes");
    assert_fails("no-such-account", "x", 1,
                 "child process has failed to set user password: failed to lookup user "
                 "'no-such-account': there is no such account");
    assert_fails("", "x", 1,
                 "child process has failed to set user password: failed to lookup user '': there "
                 "is no such account");
}
END_TEST

START_TEST(test_fails)
{
    g_autofree char *lengthy = g_strnfill(3000, 'z');
    g_autoptr(GError) error = NULL;

    make_program("cat >/dev/null; echo too short >&2; exit 1");
    ck_assert(!set("root", "secret", FALSE, &error));
    ck_assert_ptr_nonnull(
        strstr(error->message, "child process has failed to set user password: "));
    ck_assert_ptr_nonnull(strstr(error->message, "too short"));
    g_clear_error(&error);
    /* a complaint that repeats the password is kept back */
    make_program("cat >&2; exit 1");
    ck_assert(!set("root", "secret", FALSE, &error));
    ck_assert_str_eq(error->message, "child process has failed to set user password");
    g_clear_error(&error);
    /* and one of which only the end is kept, or that repeats the front */
    ck_assert(!set("root", lengthy, FALSE, &error));
    ck_assert_str_eq(error->message, "child process has failed to set user password");
    g_clear_error(&error);
    make_program("head -c 40 >&2; echo ... is too long >&2; exit 1");
    ck_assert(!set("root", lengthy, FALSE, &error));
    ck_assert_str_eq(error->message, "child process has failed to set user password");
    g_clear_error(&error);
    /* one that does not read does no harm */
    make_program("exit 0");
    ck_assert(set("root", "secret", FALSE, &error));
}
END_TEST

START_TEST(test_no_program)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!set("root", "secret", FALSE, &error));
    ck_assert_ptr_nonnull(strstr(error->message, "there is no chpasswd"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("password");
    TCase *tests = tcase_create("password");

    tcase_add_checked_fixture(tests, make_tree, remove_tree);
    tcase_add_loop_test(tests, test_sets, 0, 2);
    tcase_add_test(tests, test_refuses);
    tcase_add_test(tests, test_fails);
    tcase_add_test(tests, test_no_program);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
