/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_REPLY_H
#define QGA_PROTOCOL_REPLY_H

#include "qga-protocol/writer.h"

/*
 * The answer to one request. It is finished exactly once, by qga_reply_finish() or one of the
 * qga_reply_fail() calls, in the handler or later (then the handler keeps a reference). Only the
 * thread of the main loop may touch it.
 */
typedef struct QgaReply QgaReply;

/* What becomes of the finished line (with its '\n', and its 0xFF where asked for); takes `line`.
 * While qga_reply_has_more() it is the line's beginning, and `done` keeps a reference to get the
 * rest. `line` is empty for a silent command that succeeded. */
typedef void (*QgaReplyDone)(QgaReply *reply, GString *line, gpointer data);

/*
 * id: the request's id as QgaRequest has it, or NULL; copied. silent: success writes nothing.
 * sentinel: 0xFF stands before the line. One reference, released with qga_reply_unref(); a reply
 * whose last reference goes unfinished fails with a text that says so, since every request gets its
 * answer.
 */
QgaReply *qga_reply_new(const char *id, gsize id_length, gboolean silent, gboolean sentinel,
                        QgaReplyDone done, gpointer data);
QgaReply *qga_reply_ref(QgaReply *reply);
void qga_reply_unref(QgaReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaReply, qga_reply_unref)

/*
 * The writer for the value of "return": write exactly one value, then qga_reply_finish(). Not
 * called at all for a command that returns nothing: finish alone answers {"return": {}}. A handler
 * may still fail after it has begun: what was written is dropped.
 */
QgaWriter *qga_reply_begin(QgaReply *reply);
void qga_reply_finish(QgaReply *reply);

/*
 * For a value too large to hold: finishes the reply in pieces. `more` is called whenever what came
 * before is on its way, writes some of the value, and returns FALSE with the call that completes
 * it. It cannot fail any more: it ends the value where the data end. free_data (may be NULL) is
 * called when all is written or nobody waits any longer.
 */
typedef gboolean (*QgaReplyMore)(QgaWriter *writer, gpointer data);
void qga_reply_finish_in_pieces(QgaReply *reply, QgaReplyMore more, gpointer data,
                                GDestroyNotify free_data);

/* For the one who sends: whether `done` got just the beginning of the line, and the piece that
 * follows, to be freed with g_string_free(). */
gboolean qga_reply_has_more(const QgaReply *reply);
GString *qga_reply_next_piece(QgaReply *reply);

/* Answers {"error": {"class": "GenericError", "desc": TEXT}}. */
void qga_reply_fail(QgaReply *reply, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same with the message of an error; takes `error`. */
void qga_reply_fail_error(QgaReply *reply, GError *error);
/* The same with class "CommandNotFound". */
void qga_reply_fail_not_found(QgaReply *reply, const char *format, ...) G_GNUC_PRINTF(2, 3);

gboolean qga_reply_is_finished(const QgaReply *reply);

#endif
