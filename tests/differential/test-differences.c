/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/suite.h"

#include <glib.h>
#include <string.h>

/* The first group of every match, in `names`. */
static void collect(const char *text, const char *pattern, GHashTable *names)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    for (g_regex_match(regex, text, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL))
        g_hash_table_add(names, g_match_info_fetch(match, 1));
}

static void collect_file(const char *path, const char *pattern, GHashTable *names)
{
    g_autofree char *text = NULL;

    ck_assert_msg(g_file_get_contents(path, &text, NULL, NULL), "cannot read %s", path);
    collect(text, pattern, names);
}

static void check_all_in(GHashTable *names, GHashTable *others, const char *what)
{
    GHashTableIter each;
    gpointer name;

    g_hash_table_iter_init(&each, names);
    while (g_hash_table_iter_next(&each, &name, NULL))
        ck_assert_msg(g_hash_table_contains(others, name), "`%s` %s", (char *)name, what);
}

/* The page and the tests know the same differences. */
START_TEST(test_page)
{
    g_autoptr(GHashTable) listed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) tested = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const char *folder = g_getenv("FIRN_DIFFERENTIAL");
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    ck_assert_ptr_nonnull(dir);
    collect_file(g_getenv("FIRN_DIFFERENCES"), "^\\| `([a-z0-9-]+)` \\|", listed);
    while ((name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (!g_str_has_prefix(name, "test-") || !g_str_has_suffix(name, ".c"))
            continue;
        collect_file(path, "differs[a-z_]*\\((?:\\s*[a-z_]+,)?\\s*\"([a-z0-9-]+)\"", tested);
        collect_file(path, "COMPARE_DIFFERS\\([^)]*\"([a-z0-9-]+)\"\\)", tested);
    }
    ck_assert_uint_gt(g_hash_table_size(listed), 0);
    check_all_in(listed, tested, "is in docs/differences.md, and no test shows it");
    check_all_in(tested, listed, "is in a test, and not in docs/differences.md");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("differences");
    TCase *tests = tcase_create("differences");

    tcase_add_test(tests, test_page);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
