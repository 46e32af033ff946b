/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/tree.h"

#include "tests/lib/suite.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *test_tree_new(void)
{
    char *tree = g_strdup("/tmp/firn-tree-XXXXXX");

    if (!g_mkdtemp_full(tree, 0755))
        ck_abort_msg("cannot make a folder in /tmp");
    return tree;
}

void test_tree_write_length(const char *tree, const char *path, const void *data, gsize length)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    if (g_mkdir_with_parents(folder, 0755) < 0 ||
        !g_file_set_contents(file, data, (gssize)length, NULL) || chmod(file, 0644) < 0)
        ck_abort_msg("cannot write %s", file);
}

void test_tree_write(const char *tree, const char *path, const char *text)
{
    test_tree_write_length(tree, path, text, strlen(text));
}

void test_tree_link(const char *tree, const char *path, const char *target)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    g_autofree char *folder = g_path_get_dirname(file);

    if (g_mkdir_with_parents(folder, 0755) < 0 || symlink(target, file) < 0)
        ck_abort_msg("cannot make the link %s", file);
}

/* One line of a description; `line` is changed. */
static void load_line(const char *tree, char *line)
{
    char *link = strstr(line, " -> ");
    char *equals = strstr(line, " = ");
    char *split = link && (!equals || link < equals) ? link : equals;
    g_autofree char *path = NULL;

    if (!split) {
        path = g_strconcat(tree, "/", line, NULL);
        if (!g_str_has_suffix(line, "/") || g_mkdir_with_parents(path, 0755) < 0)
            ck_abort_msg("cannot make '%s'", line);
        return;
    }
    *split = '\0';
    path = g_strconcat("/", line, NULL);
    if (split == link) {
        test_tree_link(tree, path, split + strlen(" -> "));
    } else {
        g_auto(GStrv) lines = g_strsplit(split + strlen(" = "), "\\n", -1);
        g_autofree char *joined = g_strjoinv("\n", lines);
        g_autofree char *text = g_strconcat(joined, "\n", NULL);

        test_tree_write(tree, path, text);
    }
}

void test_tree_load(const char *tree, const char *name)
{
    g_autofree char *path = g_build_filename(g_getenv("FIRN_TEST_DATA"), name, NULL);
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL))
        ck_abort_msg("cannot read %s", path);
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if (**line && **line != '#')
            load_line(tree, *line);
}

char *test_tree_read(const char *tree, const char *path)
{
    g_autofree char *file = g_strconcat(tree, path, NULL);
    char *text = NULL;

    if (!g_file_get_contents(file, &text, NULL, NULL))
        ck_abort_msg("cannot read %s", file);
    return text;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    return remove(path);
}

void test_tree_remove(char *tree)
{
    nftw(tree, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
    g_free(tree);
}
