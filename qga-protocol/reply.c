/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/reply.h"

#include <string.h>

struct QgaReply {
    guint references;
    char *id; /* NULL: none */
    gsize id_length;
    gboolean silent;
    gboolean sentinel;
    gboolean finished;
    QgaReplyDone done;
    gpointer data;
    GString *line;
    QgaWriter *writer; /* of `line`; NULL before qga_reply_begin() */
    QgaReplyMore more; /* NULL when the line is complete */
    gpointer more_data;
    GDestroyNotify free_more;
};

QgaReply *qga_reply_new(const char *id, gsize id_length, gboolean silent, gboolean sentinel,
                        QgaReplyDone done, gpointer data)
{
    QgaReply *reply = g_new0(QgaReply, 1);

    reply->references = 1;
    if (id) {
        reply->id = g_strndup(id, id_length);
        reply->id_length = id_length;
    }
    reply->silent = silent;
    reply->sentinel = sentinel;
    reply->done = done;
    reply->data = data;
    return reply;
}

QgaReply *qga_reply_ref(QgaReply *reply)
{
    reply->references++;
    return reply;
}

static void end_pieces(QgaReply *reply)
{
    reply->more = NULL;
    if (reply->free_more)
        reply->free_more(g_steal_pointer(&reply->more_data));
    reply->free_more = NULL;
}

void qga_reply_unref(QgaReply *reply)
{
    if (!reply)
        return;
    if (reply->references == 1 && !reply->finished)
        qga_reply_fail(reply, "The command ended without an answer: please report this");
    if (--reply->references > 0)
        return;
    end_pieces(reply);
    qga_writer_free(reply->writer);
    if (reply->line)
        g_string_free(reply->line, TRUE);
    g_free(reply->id);
    g_free(reply);
}

/* An empty line with `{"NAME": ` on it. */
static QgaWriter *open_line(QgaReply *reply, const char *name)
{
    g_clear_pointer(&reply->writer, qga_writer_free);
    if (reply->line)
        g_string_free(reply->line, TRUE);
    reply->line = g_string_new(reply->sentinel ? "\xFF" : NULL);
    reply->writer = qga_writer_new(reply->line);
    qga_writer_begin_object(reply->writer);
    qga_writer_name(reply->writer, name);
    return reply->writer;
}

QgaWriter *qga_reply_begin(QgaReply *reply)
{
    g_return_val_if_fail(!reply->finished, NULL);
    return open_line(reply, "return");
}

/* Hands the line over; `done` may drop the caller's reference. */
static void deliver(QgaReply *reply)
{
    GString *line = g_steal_pointer(&reply->line);

    g_clear_pointer(&reply->writer, qga_writer_free);
    reply->finished = TRUE;
    qga_reply_ref(reply);
    reply->done(reply, line ? line : g_string_new(NULL), reply->data);
    qga_reply_unref(reply);
}

static void end_line(QgaReply *reply)
{
    if (reply->id) {
        qga_writer_name(reply->writer, "id");
        qga_writer_value(reply->writer, (QgaValue){reply->id, reply->id + reply->id_length});
    }
    qga_writer_end_object(reply->writer);
    g_string_append_c(reply->line, '\n');
}

static void close_line(QgaReply *reply)
{
    end_line(reply);
    deliver(reply);
}

void qga_reply_finish_in_pieces(QgaReply *reply, QgaReplyMore more, gpointer data,
                                GDestroyNotify free_data)
{
    GString *beginning;

    g_return_if_fail(!reply->finished && reply->writer && !reply->silent);
    reply->more = more;
    reply->more_data = data;
    reply->free_more = free_data;
    reply->finished = TRUE;
    beginning = g_steal_pointer(&reply->line);
    qga_reply_ref(reply);
    reply->done(reply, beginning, reply->data);
    qga_reply_unref(reply);
}

gboolean qga_reply_has_more(const QgaReply *reply)
{
    return reply->more != NULL;
}

GString *qga_reply_next_piece(QgaReply *reply)
{
    g_return_val_if_fail(reply->more, NULL);
    reply->line = g_string_new(NULL);
    qga_writer_set_output(reply->writer, reply->line);
    if (!reply->more(reply->writer, reply->more_data)) {
        end_pieces(reply);
        end_line(reply);
    }
    return g_steal_pointer(&reply->line);
}

void qga_reply_finish(QgaReply *reply)
{
    g_return_if_fail(!reply->finished);
    if (reply->silent) {
        if (reply->line)
            g_string_free(g_steal_pointer(&reply->line), TRUE);
        deliver(reply);
        return;
    }
    if (!reply->writer) {
        qga_writer_begin_object(open_line(reply, "return"));
        qga_writer_end_object(reply->writer);
    }
    close_line(reply);
}

static void fail(QgaReply *reply, const char *class, const char *text)
{
    QgaWriter *writer;

    g_return_if_fail(!reply->finished);
    writer = open_line(reply, "error");
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "class", class);
    qga_writer_member_string(writer, "desc", text);
    qga_writer_end_object(writer);
    close_line(reply);
}

void qga_reply_fail(QgaReply *reply, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fail(reply, "GenericError", text);
}

void qga_reply_fail_error(QgaReply *reply, GError *error)
{
    fail(reply, "GenericError", error->message);
    g_error_free(error);
}

void qga_reply_fail_not_found(QgaReply *reply, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    fail(reply, "CommandNotFound", text);
}

gboolean qga_reply_is_finished(const QgaReply *reply)
{
    return reply->finished;
}
