/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_TEXT_FILE_H
#define PLATFORM_TEXT_FILE_H

#include <glib.h>

/* More than any file that is read here has; a longer one is cut. */
#define FIRN_TEXT_FILE_MAX (1024 * 1024)

/*
 * The text of a small file of the kernel's or the system's, without white space at its end; free
 * with g_free(). Errors are G_FILE_ERROR and read 'open("PATH"): CAUSE'.
 */
char *firn_text_file_read(const char *path, GError **error);

/* Writes the text to an existing file with one write(2), as sysfs wants it. Errors as above. */
gboolean firn_text_file_write(const char *path, const char *text, GError **error);

/* TRUE when the file holds the word, set apart by white space or brackets. */
gboolean firn_text_file_has_word(const char *path, const char *word);

#endif
