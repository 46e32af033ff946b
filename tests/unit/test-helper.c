/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/helper.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static gboolean run(const char *script, guint timeout, char **output, GError **error)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};

    return firn_helper_run(argv, timeout, output, error);
}

static void check_fails(const char *script, guint timeout, const char *text)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!run(script, timeout, NULL, &error));
    ck_assert_str_eq(error->message, text);
}

START_TEST(test_output)
{
    g_autofree char *output = NULL;

    ck_assert(run("echo said; echo complaint >&2", 60, &output, NULL));
    ck_assert_str_eq(output, "said\n");
}
END_TEST

START_TEST(test_failures)
{
    g_autoptr(GError) missing = NULL;
    const char *const argv[] = {"/nonexistent/program", NULL};

    check_fails("echo because >&2; exit 7", 60, "/bin/sh ended with status 7: because");
    check_fails("exit 1", 60, "/bin/sh ended with status 1");
    check_fails("kill -KILL $$", 60, "/bin/sh was killed by signal 9");
    ck_assert(!firn_helper_run(argv, 60, NULL, &missing));
    ck_assert_ptr_nonnull(strstr(missing->message, "/nonexistent/program"));
}
END_TEST

START_TEST(test_timeout)
{
    g_autoptr(GError) error = NULL;

    ck_assert(!run("sleep 100 & sleep 100", 1, NULL, &error));
    ck_assert_str_eq(error->message, "/bin/sh did not end within 1 s and was killed");
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
    ck_assert_int_eq(errno, ECHILD);
}
END_TEST

/* What the helper left running keeps its streams, and nobody waits for it. */
START_TEST(test_grandchild)
{
    g_autofree char *pid = NULL;

    ck_assert(run("sleep 1000 & echo $!", 60, &pid, NULL));
    ck_assert_int_eq(kill((pid_t)g_ascii_strtoll(pid, NULL, 10), SIGKILL), 0);
}
END_TEST

START_TEST(test_much_output)
{
    g_autofree char *output = NULL;

    ck_assert(
        run("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done", 60, &output, NULL));
    ck_assert_ptr_nonnull(strstr(output, "line 19999\n"));
    ck_assert_uint_le(strlen(output), 1024);
}
END_TEST

START_TEST(test_find)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autofree char *file = g_strconcat(tree, "/bin/one", NULL);
    g_autofree char *found = NULL;

    test_tree_write(tree, "/usr/sbin/one", "not executable");
    test_tree_write(tree, "/sbin/one/x", "a folder");
    ck_assert_ptr_null(firn_helper_find(roots, "one"));
    test_tree_write(tree, "/bin/one", "");
    ck_assert_int_eq(chmod(file, 0755), 0);
    found = firn_helper_find(roots, "one");
    ck_assert_str_eq(found, file);
    test_tree_remove(tree);
}
END_TEST

/* A system without those folders has its programs where PATH says. */
START_TEST(test_find_in_path)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autofree char *file = g_strconcat(tree, "/run/current/bin/one", NULL);
    g_autofree char *found = NULL;

    test_tree_write(tree, "/run/current/bin/one", "");
    test_tree_write(tree, "/one", "");
    ck_assert_int_eq(chmod(file, 0755), 0);
    g_setenv("PATH", "::relative:/nowhere:/run/current/bin", TRUE);
    found = firn_helper_find(roots, "one");
    ck_assert_str_eq(found, file);
    ck_assert_ptr_null(firn_helper_find(roots, "two"));
    test_tree_remove(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("helper");
    TCase *tests = tcase_create("helper");

    tcase_add_test(tests, test_output);
    tcase_add_test(tests, test_failures);
    tcase_add_test(tests, test_timeout);
    tcase_add_test(tests, test_grandchild);
    tcase_add_test(tests, test_much_output);
    tcase_add_test(tests, test_find);
    tcase_add_test(tests, test_find_in_path);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
