/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_LIB_TREE_H
#define TESTS_LIB_TREE_H

#include "platform/roots.h"

/* A folder of its own below /tmp that stands for "/"; aborts the test where none can be made. */
char *test_tree_new(void);

/* Writes a file below it, with the folders that lead there. */
void test_tree_write(const char *tree, const char *path, const char *text);
void test_tree_write_length(const char *tree, const char *path, const void *data, gsize length);

/*
 * Makes the tree that a file below tests/unit/data describes, one thing a line: "PATH = TEXT" a
 * file (a "\\n" in TEXT is a newline, and one is added), "PATH -> TARGET" a link, "PATH/" an empty
 * folder,
 * "# ..." nothing.
 */
void test_tree_load(const char *tree, const char *name);

/* A symbolic link, with the folders that lead there. */
void test_tree_link(const char *tree, const char *path, const char *target);

/* The text of a file below it; free with g_free(). */
char *test_tree_read(const char *tree, const char *path);

/* Removes it with all below it, and frees the name. */
void test_tree_remove(char *tree);

#endif
