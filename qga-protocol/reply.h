/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_REPLY_H
#define QGA_PROTOCOL_REPLY_H

#include "qga-protocol/json.h"

/*
 * The answer to one request. It is finished exactly once, by qga_reply_return(), qga_reply_stream()
 * or one of the qga_reply_fail() calls, in the handler or later (then the handler keeps a
 * reference). Only the thread of the main loop may touch it.
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
QgaReply *qga_reply_new(const char *id, gboolean silent, gboolean sentinel, QgaReplyDone done,
                        gpointer data);
QgaReply *qga_reply_ref(QgaReply *reply);
void qga_reply_unref(QgaReply *reply);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaReply, qga_reply_unref)

/* Answers with what the command returns, and takes it: json.h says what it may hold. */
void qga_reply_return(QgaReply *reply, JsonNode *value);
void qga_reply_return_object(QgaReply *reply, JsonObject *value);
void qga_reply_return_array(QgaReply *reply, JsonArray *value);
void qga_reply_return_int(QgaReply *reply, gint64 value);
/* Answers {"return": {}}: for a command that returns nothing. */
void qga_reply_finish(QgaReply *reply);

/*
 * Answers with an object whose large members, strings of base64, are made as the client takes them:
 * whatever their size, no more than a piece of them is held. They cannot fail any more: a member
 * ends where its data end.
 */
typedef struct {
    /* The name of the first large member, then of the next one; NULL: there is no other. */
    const char *(*next)(gpointer data);
    /* Up to `size` of its bytes; fewer are its last ones. */
    gsize (*read)(guint8 *bytes, gsize size, gpointer data);
    /* The other members, once the large ones are out; the caller takes the object. */
    JsonObject *(*rest)(gpointer data);
    /* All is written, or nobody waits any longer. */
    GDestroyNotify free;
} QgaReplySource;

void qga_reply_stream(QgaReply *reply, const QgaReplySource *source, gpointer data);

/* For the sender: whether `done` got just the beginning of the line, and the piece that follows, to
 * be freed with g_string_free(). */
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
