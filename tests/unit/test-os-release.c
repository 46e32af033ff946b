/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/os-release.h"
#include "tests/lib/suite.h"
#include "tests/lib/tree.h"

static GHashTable *read_text(const char *text)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    GHashTable *values;

    test_tree_write(tree, "/etc/os-release", text);
    values = firn_os_release_read(roots, NULL);
    test_tree_remove(tree);
    return values;
}

static void check_value(GHashTable *values, const char *name, const char *wanted)
{
    const char *value = g_hash_table_lookup(values, name);

    ck_assert_msg(g_strcmp0(value, wanted) == 0, "%s is '%s', not '%s'", name,
                  value ? value : "(none)", wanted ? wanted : "(none)");
}

START_TEST(test_quotes)
{
    g_autoptr(GHashTable) values = read_text("# a comment\n"
                                             "ID=debian\n"
                                             "NAME=\"Debian GNU/Linux\"\n"
                                             "VARIANT='it'\\''s'\n"
                                             "PRETTY_NAME=\"a \\\"b\\\" \\$c \\\\d\"\n"
                                             "VARIANT_ID=\n"
                                             "  VERSION_ID=12\n");

    check_value(values, "ID", "debian");
    check_value(values, "NAME", "Debian GNU/Linux");
    check_value(values, "VARIANT", "it's");
    check_value(values, "PRETTY_NAME", "a \"b\" $c \\d");
    check_value(values, "VARIANT_ID", "");
    check_value(values, "VERSION_ID", "12");
    check_value(values, "VERSION", NULL);
}
END_TEST

/* As the packaged agent takes it, though a shell would keep the backslash. */
START_TEST(test_escaped_single_quotes)
{
    g_autoptr(GHashTable) values = read_text("NAME=\"Bob\\'s\"\n"
                                             "ID=\"a\\\\'b\"\n"
                                             "VERSION='c\\d'\n");

    check_value(values, "NAME", "Bob's");
    check_value(values, "ID", "a\\'b");
    check_value(values, "VERSION", "c\\d");
}
END_TEST

START_TEST(test_bad_lines)
{
    g_autoptr(GHashTable) values = read_text("NAME=\"unterminated\n"
                                             "nonsense\n"
                                             "=value\n"
                                             "1ID=digit\n"
                                             "A B=c\n"
                                             "ID=first\n"
                                             "ID=last");

    ck_assert_uint_eq(g_hash_table_size(values), 1);
    check_value(values, "ID", "last");
}
END_TEST

START_TEST(test_places)
{
    char *tree = test_tree_new();
    g_autoptr(FirnRoots) roots = firn_roots_new(tree);
    g_autoptr(GHashTable) none = firn_os_release_read(roots, NULL);
    g_autoptr(GHashTable) below = NULL;
    g_autoptr(GHashTable) given = NULL;
    g_autofree char *file = g_strconcat(tree, "/given", NULL);

    test_tree_write(tree, "/usr/lib/os-release", "ID=lib\n");
    below = firn_os_release_read(roots, NULL);
    test_tree_write(tree, "/given", "ID=given\n");
    given = firn_os_release_read(roots, file);
    ck_assert_uint_eq(g_hash_table_size(none), 0);
    check_value(below, "ID", "lib");
    check_value(given, "ID", "given");
    test_tree_remove(tree);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("os-release");
    TCase *tests = tcase_create("os-release");

    tcase_add_test(tests, test_quotes);
    tcase_add_test(tests, test_escaped_single_quotes);
    tcase_add_test(tests, test_bad_lines);
    tcase_add_test(tests, test_places);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
