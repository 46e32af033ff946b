/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/trust.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* Below /tmp, which everybody may write to, with the sticky bit. */
static char *tree;

static void setup(void)
{
    tree = test_tree_new();
    test_tree_write(tree, "/a/b/file", "");
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

static void assert_trusted(const char *path)
{
    g_autofree char *full = place(path);
    g_autoptr(GError) error = NULL;

    ck_assert_msg(firn_trust_check_way(full, &error), "%s", error ? error->message : "");
}

static void assert_refused(const char *path, const char *named, const char *remedy)
{
    g_autofree char *full = place(path);
    g_autofree char *name = named ? place(named) : NULL;
    g_autoptr(GError) error = NULL;

    ck_assert_msg(!firn_trust_check_way(full, &error), "%s is trusted", path);
    ck_assert_msg(strstr(error->message, remedy) != NULL, "%s", error->message);
    ck_assert_msg(!name || strstr(error->message, name) != NULL, "%s", error->message);
}

START_TEST(test_folders_of_our_own_are_trusted)
{
    assert_trusted("/a/b/file");
    assert_trusted("/a//b/../b/./file");
    ck_assert(firn_trust_check_way("/", NULL));
}
END_TEST

START_TEST(test_a_folder_that_others_may_write_to_is_named)
{
    set_mode("/a", 0777);
    assert_refused("/a/b/file", "/a'", "chmod go-w");
    set_mode("/a", 0775);
    assert_refused("/a/b/file", "/a'", "chmod go-w");
    set_mode("/a", 0755);
    set_mode("/a/b", 0757);
    assert_refused("/a/b/file", "/a/b'", "chmod go-w");
}
END_TEST

START_TEST(test_a_sticky_folder_keeps_what_is_ours)
{
    g_autofree char *full = place("/a/b/file");

    set_mode("/a/b", 01777);
    assert_trusted("/a/b/file");
    if (getuid() != 0)
        TEST_SKIP("only root can give a file away");
    ck_assert_int_eq(chown(full, 65534, 65534), 0);
    assert_refused("/a/b/file", "/a/b'", "chmod go-w");
}
END_TEST

START_TEST(test_links_are_followed)
{
    g_autofree char *open = place("/open");
    g_autofree char *target = place("/a/b/file");

    test_tree_write(tree, "/open/file", "");
    test_tree_link(tree, "/a/b/relative", "../../open/file");
    test_tree_link(tree, "/a/b/absolute", open);
    test_tree_link(tree, "/open/back", target);
    assert_trusted("/a/b/relative");
    set_mode("/open", 0777);
    assert_refused("/a/b/relative", "/open'", "chmod go-w");
    assert_refused("/a/b/absolute/file", "/open'", "chmod go-w");
    /* the link can be replaced, though what it leads to cannot */
    assert_refused("/open/back", "/open'", "chmod go-w");
}
END_TEST

START_TEST(test_a_circle_of_links_ends)
{
    test_tree_link(tree, "/a/one", "two");
    test_tree_link(tree, "/a/two", "one");
    assert_refused("/a/one", NULL, "symbolic links");
}
END_TEST

START_TEST(test_what_is_not_there_is_named)
{
    assert_refused("/a/none/file", "/a/none'", "No such file");
    ck_assert(!firn_trust_check_way("a/b", NULL));
}
END_TEST

START_TEST(test_a_folder_of_another_user_is_named)
{
    g_autofree char *folder = place("/a");

    if (getuid() != 0)
        TEST_SKIP("only root can give a folder away");
    ck_assert_int_eq(chown(folder, 65534, 65534), 0);
    assert_refused("/a/b/file", "/a'", "chown root");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trust");
    TCase *tests = tcase_create("trust");

    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_folders_of_our_own_are_trusted);
    tcase_add_test(tests, test_a_folder_that_others_may_write_to_is_named);
    tcase_add_test(tests, test_a_sticky_folder_keeps_what_is_ours);
    tcase_add_test(tests, test_links_are_followed);
    tcase_add_test(tests, test_a_circle_of_links_ends);
    tcase_add_test(tests, test_what_is_not_there_is_named);
    tcase_add_test(tests, test_a_folder_of_another_user_is_named);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
