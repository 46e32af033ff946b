/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_KEYS_H
#define QGA_PROTOCOL_KEYS_H

#include <glib.h>

/*
 * The member names of the objects that are open in a half-read text, to find a name that an object
 * has twice. One hash table with a secret serves all of them, so that neither many names nor chosen
 * ones cost more than linear time.
 */
typedef struct QgaKeys QgaKeys;

QgaKeys *qga_keys_new(void);
void qga_keys_free(QgaKeys *keys);

void qga_keys_open_object(QgaKeys *keys);
void qga_keys_close_object(QgaKeys *keys);

/* Adds the string at text[start..end), quotes included, to the innermost open object. FALSE when it
 * has the same name, however escaped, already. */
gboolean qga_keys_add(QgaKeys *keys, const char *text, gsize start, gsize end);

/* Forgets all, and gives the memory of a large text back. */
void qga_keys_clear(QgaKeys *keys);

#endif
