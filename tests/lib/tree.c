/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/tree.h"

#include "tests/lib/suite.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

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
