/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_OUTPUT_H
#define AGENT_OUTPUT_H

#include <glib.h>

/*
 * What is still to be written to a client, whole replies in order. It takes a reply of any size
 * without copying it; whoever makes replies stops while it is full.
 */
typedef struct FirnOutput FirnOutput;

/* full_at: it is full from this many bytes on. Free with firn_output_free(). */
FirnOutput *firn_output_new(gsize full_at);
void firn_output_free(FirnOutput *output);

/* Appends a line; takes it. */
void firn_output_push(FirnOutput *output, GString *line);
/* Forgets everything. */
void firn_output_clear(FirnOutput *output);

gboolean firn_output_is_empty(const FirnOutput *output);
/* TRUE when a part of a line is out. */
gboolean firn_output_is_begun(const FirnOutput *output);
gboolean firn_output_is_full(const FirnOutput *output);

/*
 * Writes what a non-blocking descriptor takes. FALSE when it failed for another reason than being
 * full (errno tells).
 */
gboolean firn_output_write(FirnOutput *output, int fd);

#endif
