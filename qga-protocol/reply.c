/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/reply.h"

#include <string.h>

/* Bytes of a large member that are read and encoded at once: whole groups of base64, and with the
 * rest of a line below 64 KiB, which the C library keeps for the next piece where it would give
 * more back to the kernel each time. */
#define PIECE (3 * 15 * 1024)

struct QgaReply {
    guint references;
    char *id; /* NULL: none */
    gboolean silent;
    gboolean sentinel;
    gboolean finished;
    QgaReplyDone done;
    gpointer data;
    const QgaReplySource *source; /* NULL when the line is complete */
    gpointer source_data;
    gboolean in_member; /* of the source */
    gboolean comma;     /* one is due before the next member */
    int encode_state, encode_save;
};

QgaReply *qga_reply_new(const char *id, gboolean silent, gboolean sentinel, QgaReplyDone done,
                        gpointer data)
{
    QgaReply *reply = g_new0(QgaReply, 1);

    reply->references = 1;
    reply->id = g_strdup(id);
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

static void reply_end_source(QgaReply *reply)
{
    const QgaReplySource *source = g_steal_pointer(&reply->source);

    if (source && source->free)
        source->free(g_steal_pointer(&reply->source_data));
}

void qga_reply_unref(QgaReply *reply)
{
    if (!reply)
        return;
    if (reply->references == 1 && !reply->finished)
        qga_reply_fail(reply, "The command ended without an answer: please report this");
    if (--reply->references > 0)
        return;
    reply_end_source(reply);
    g_free(reply->id);
    g_free(reply);
}

/* A line with `{"NAME": ` on it. */
static GString *reply_open_line(const QgaReply *reply, const char *name)
{
    GString *line = g_string_new(reply->sentinel ? "\xFF{\"" : "{\"");

    g_string_append(line, name);
    return g_string_append(line, "\": ");
}

static void reply_end_line(const QgaReply *reply, GString *line)
{
    if (reply->id) {
        g_string_append(line, ", \"id\": ");
        qga_json_append_text(line, reply->id);
    }
    g_string_append(line, "}\n");
}

/* Hands the line over; `done` may drop the caller's reference. */
static void reply_deliver(QgaReply *reply, GString *line)
{
    reply->finished = TRUE;
    qga_reply_ref(reply);
    reply->done(reply, line, reply->data);
    qga_reply_unref(reply);
}

static void reply_deliver_value(QgaReply *reply, const char *name, JsonNode *value)
{
    GString *line = reply_open_line(reply, name);

    if (value)
        qga_json_append(line, value);
    else
        g_string_append(line, "{}");
    g_clear_pointer(&value, json_node_unref);
    reply_end_line(reply, line);
    reply_deliver(reply, line);
}

void qga_reply_return(QgaReply *reply, JsonNode *value)
{
    g_return_if_fail(!reply->finished);
    if (!reply->silent) {
        reply_deliver_value(reply, "return", value);
        return;
    }
    g_clear_pointer(&value, json_node_unref);
    reply_deliver(reply, g_string_new(NULL));
}

void qga_reply_return_object(QgaReply *reply, JsonObject *value)
{
    qga_reply_return(reply, qga_json_node_object(value));
}

void qga_reply_return_array(QgaReply *reply, JsonArray *value)
{
    qga_reply_return(reply, qga_json_node_array(value));
}

void qga_reply_return_int(QgaReply *reply, gint64 value)
{
    qga_reply_return(reply, json_node_init_int(json_node_alloc(), value));
}

void qga_reply_finish(QgaReply *reply)
{
    qga_reply_return(reply, NULL);
}

void qga_reply_stream(QgaReply *reply, const QgaReplySource *source, gpointer data)
{
    GString *beginning = reply_open_line(reply, "return");

    g_return_if_fail(!reply->finished && !reply->silent);
    reply->source = source;
    reply->source_data = data;
    g_string_append_c(beginning, '{');
    reply_deliver(reply, beginning);
}

gboolean qga_reply_has_more(const QgaReply *reply)
{
    return reply->source != NULL;
}

/* The next bytes of a large member, and its end behind the last ones. */
static void reply_append_bytes(QgaReply *reply, GString *piece)
{
    guint8 bytes[PIECE];
    gsize count = reply->source->read(bytes, PIECE, reply->source_data), length;

    /* GLib's word for the room: so much for each step, and 5 for the end. */
    g_string_set_size(piece, (count / 3 + 1) * 4 + 4 + 5);
    length = g_base64_encode_step(bytes, count, FALSE, piece->str, &reply->encode_state,
                                  &reply->encode_save);
    if (count < PIECE) {
        length += g_base64_encode_close(FALSE, piece->str + length, &reply->encode_state,
                                        &reply->encode_save);
        reply->in_member = FALSE;
    }
    g_string_truncate(piece, length);
    if (!reply->in_member)
        g_string_append_c(piece, '"');
}

/* The members that are not large, and the end of the line. */
static void reply_append_rest(QgaReply *reply, GString *piece)
{
    g_autoptr(JsonNode) rest = qga_json_node_object(reply->source->rest(reply->source_data));
    gsize at = piece->len;

    qga_json_append(piece, rest);
    g_string_erase(piece, (gssize)at, 1); /* the bracket is out */
    if (reply->comma && piece->str[at] != '}')
        g_string_insert_c(piece, (gssize)at, ',');
    reply_end_source(reply);
    reply_end_line(reply, piece);
}

GString *qga_reply_next_piece(QgaReply *reply)
{
    GString *piece = g_string_new(NULL);
    const char *name;

    g_return_val_if_fail(reply->source, piece);
    if (reply->in_member) {
        reply_append_bytes(reply, piece);
        return piece;
    }
    name = reply->source->next(reply->source_data);
    if (!name) {
        reply_append_rest(reply, piece);
        return piece;
    }
    g_string_append_printf(piece, "%s\"%s\":\"", reply->comma ? "," : "", name);
    reply->in_member = reply->comma = TRUE;
    reply->encode_state = reply->encode_save = 0;
    return piece;
}

static void reply_fail(QgaReply *reply, const char *class, const char *text)
{
    JsonObject *error = json_object_new();

    g_return_if_fail(!reply->finished);
    json_object_set_string_member(error, "class", class);
    json_object_set_string_member(error, "desc", text);
    reply_deliver_value(reply, "error", qga_json_node_object(error));
}

static void reply_fail_valist(QgaReply *reply, const char *class, const char *format,
                              va_list arguments) G_GNUC_PRINTF(3, 0);

static void reply_fail_valist(QgaReply *reply, const char *class, const char *format,
                              va_list arguments)
{
    g_autofree char *text = g_strdup_vprintf(format, arguments);

    reply_fail(reply, class, text);
}

void qga_reply_fail(QgaReply *reply, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    reply_fail_valist(reply, "GenericError", format, arguments);
    va_end(arguments);
}

void qga_reply_fail_not_found(QgaReply *reply, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    reply_fail_valist(reply, "CommandNotFound", format, arguments);
    va_end(arguments);
}

void qga_reply_fail_error(QgaReply *reply, GError *error)
{
    reply_fail(reply, "GenericError", error->message);
    g_error_free(error);
}

gboolean qga_reply_is_finished(const QgaReply *reply)
{
    return reply->finished;
}
