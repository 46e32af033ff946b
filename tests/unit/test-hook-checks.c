/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which hooks are refused before they are run. */
#include "agent/freeze/hooks.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static char *tree;

static void setup(void)
{
    tree = test_tree_new();
}

static void teardown(void)
{
    test_tree_remove(tree);
}

static char *place(const char *path)
{
    return g_strconcat(tree, path, NULL);
}

static void set_mode(const char *path, int mode)
{
    g_autofree char *full = place(path);

    ck_assert_int_eq(g_chmod(full, mode), 0);
}

static void add(const char *path, const char *text)
{
    test_tree_write(tree, path, text);
    set_mode(path, 0755);
}

static void assert_taken(const char *path, guint count)
{
    g_autofree char *full = place(path);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) hooks = firn_hooks_list(full, &error);

    ck_assert_msg(hooks != NULL, "%s", error ? error->message : "");
    ck_assert_uint_eq(g_strv_length(hooks), count);
}

/* The text names the path, the cause and the remedy. */
static void assert_refused(const char *path, const char *named, const char *cause,
                           const char *remedy)
{
    g_autofree char *full = place(path);
    g_autofree char *name = place(named);
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) hooks = firn_hooks_list(full, &error);

    ck_assert_msg(!hooks, "%s is taken", path);
    ck_assert_msg(strstr(error->message, name) && strstr(error->message, cause) &&
                      strstr(error->message, remedy),
                  "%s", error->message);
}

START_TEST(test_a_folder_that_others_may_write_to_is_refused)
{
    static const int modes[] = {0777, 0775, 0757, 01777};

    add("/a/hooks/10-good", "");
    assert_taken("/a/hooks", 1);
    for (gsize i = 0; i < G_N_ELEMENTS(modes); i++) {
        set_mode("/a/hooks", modes[i]);
        assert_refused("/a/hooks", "/a/hooks", "written by others", "chmod go-w");
    }
}
END_TEST

START_TEST(test_a_hook_in_a_folder_that_others_may_write_to_is_refused)
{
    add("/a/hooks/only", "");
    assert_taken("/a/hooks/only", 1);
    set_mode("/a/hooks", 0777);
    assert_refused("/a/hooks/only", "/a/hooks", "could replace", "chmod go-w");
}
END_TEST

START_TEST(test_folders_further_up_count)
{
    add("/a/hooks/10-good", "");
    set_mode("/a", 0775);
    assert_refused("/a/hooks", "/a'", "could replace", "chmod go-w");
    assert_refused("/a/hooks/10-good", "/a'", "could replace", "chmod go-w");
}
END_TEST

START_TEST(test_what_a_link_leads_to_counts)
{
    add("/open/script", "");
    test_tree_write(tree, "/a/hooks/README", "");
    test_tree_link(tree, "/a/hooks/10-link", "../../open/script");
    assert_taken("/a/hooks", 1);
    set_mode("/open", 0777);
    assert_refused("/a/hooks", "/open'", "could replace", "chmod go-w");
}
END_TEST

START_TEST(test_a_folder_of_another_user_is_refused)
{
    g_autofree char *folder = place("/a");

    add("/a/hooks/10-good", "");
    if (getuid() != 0)
        TEST_SKIP("only root can give a folder away");
    ck_assert_int_eq(chown(folder, 65534, 65534), 0);
    assert_refused("/a/hooks", "/a'", "belongs to another user", "chown root");
}
END_TEST

START_TEST(test_dos_line_ends_are_named)
{
    add("/hooks/10-dos", "#!/bin/sh\r\nexit 0\r\n");
    assert_refused("/hooks", "/hooks/10-dos", "DOS line end", "sed -i");
    assert_refused("/hooks/10-dos", "/hooks/10-dos", "DOS line end", "sed -i");
    add("/hooks/10-dos", "#! /usr/bin/env bash\r\nexit 0\r\n");
    assert_refused("/hooks", "/hooks/10-dos", "DOS line end", "sed -i");
    /* the kernel takes this one */
    add("/hooks/10-dos", "#!/bin/sh\nexit 0\r\n");
    assert_taken("/hooks", 1);
}
END_TEST

START_TEST(test_a_missing_interpreter_is_named)
{
    add("/hooks/10-none", "#!/no/such/shell -e\n");
    assert_refused("/hooks", "/hooks/10-none", "/no/such/shell", "install it");
    assert_refused("/hooks/10-none", "/hooks/10-none", "/no/such/shell", "install it");
}
END_TEST

START_TEST(test_what_can_be_run_is_not_explained)
{
    static const char *const fine[] = {
        "", "#", "echo\r\n", "#!", "#!/bin/sh", "#!/bin/sh -e\n", "#!  /usr/bin/env sh\n"};
    g_autofree char *path = place("/fine");
    g_autofree char *missing = firn_hooks_explain("/no/such/hook");

    ck_assert_ptr_null(missing);
    for (gsize i = 0; i < G_N_ELEMENTS(fine); i++) {
        g_autofree char *why = NULL;

        add("/fine", fine[i]);
        why = firn_hooks_explain(path);
        ck_assert_msg(!why, "'%s': %s", fine[i], why);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hook-checks");
    TCase *tests = tcase_create("hook-checks");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_a_folder_that_others_may_write_to_is_refused);
    tcase_add_test(tests, test_a_hook_in_a_folder_that_others_may_write_to_is_refused);
    tcase_add_test(tests, test_folders_further_up_count);
    tcase_add_test(tests, test_what_a_link_leads_to_counts);
    tcase_add_test(tests, test_a_folder_of_another_user_is_refused);
    tcase_add_test(tests, test_dos_line_ends_are_named);
    tcase_add_test(tests, test_a_missing_interpreter_is_named);
    tcase_add_test(tests, test_what_can_be_run_is_not_explained);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
