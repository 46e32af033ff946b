/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_GATE_H
#define QGA_PROTOCOL_GATE_H

#include <glib.h>

/*
 * What stands before json-glib: bytes in, in pieces of any size, one complete text at a time out.
 * Every token of a text is right by RFC 8259 (strings in single quotes are taken too), brackets are
 * closed as often as they are opened, and depth, size and number of tokens keep the limits. Which
 * token may follow which is for json-glib to judge. Time is linear in the bytes fed.
 *
 * The gate writes each text anew for json-glib, without what json-glib's versions read in different
 * ways:
 *
 * - A string of base64 becomes null; the text tells where in the message it stands. Such a string
 * is the value of a member of "arguments" that has one of the names given to qga_gate_new().
 * - A number that is no int64 becomes 0.5, but one that a uint64 holds becomes the int64 with the
 *   same bits, and the text tells which number that is.
 * - \u0000 becomes \uFFFD, and the text tells that it has one.
 * - Single quotes become double quotes, and the space between tokens goes.
 *
 * A message may hold a password: its bytes are cleared as soon as they are not needed any more, and
 * no copy of a string of base64 stays behind. Messages of more than 1 MiB hold files and are not
 * cleared.
 *
 * How a session strings the library together:
 *
 *     qga_gate_feed(gate, bytes, length);
 *     while ((found = qga_gate_next(gate, &text, &error)) != QGA_GATE_MORE)
 *         QGA_GATE_ERROR: qga_reply_new(NULL, ...), qga_reply_fail_error(reply, error)
 *         QGA_GATE_TEXT:  qga_request_parse(parser, &text, &request, &error)
 *                         qga_commands_find(commands, request.name, &data)
 *                         the agent's policy: is it allowed, does it have to wait
 *                         qga_arguments_check(&request.arguments, row->arguments, &error)
 *                         row->handler(&request.arguments, reply, data)
 *                         qga_request_clear(&request)
 */
typedef struct QgaGate QgaGate;

#define QGA_GATE_MAX_DEPTH 1024u               /* the packaged agent's */
#define QGA_GATE_MAX_MESSAGE ((gsize)72 << 20) /* a 48 MiB guest-file-write as base64 */
#define QGA_GATE_MAX_TEXT ((gsize)8 << 20)     /* of a message, what is no base64 */
#define QGA_GATE_MAX_STRING ((gsize)1 << 20)   /* one that is no base64 */
#define QGA_GATE_MAX_TOKENS (1u << 17)         /* json-glib takes some 200 bytes for each */
#define QGA_GATE_MAX_MEMBERS 256u              /* of one object: json-glib's hash has no secret */

typedef struct {
    guint max_depth;   /* nested objects and arrays, at most QGA_GATE_MAX_DEPTH; 0: as many */
    gsize max_message; /* bytes of one message; 0: QGA_GATE_MAX_MESSAGE */
} QgaGateLimits;

/* A string of base64 in a message: the bytes between the quotes, with escapes as they came. */
typedef struct {
    const char *name; /* of the member: the pointer that qga_gate_new() got */
    gsize start;      /* offset in the message */
    gsize length;
} QgaSlice;

/* One text. Everything in it belongs to the gate. */
typedef struct {
    const char *json; /* for json-glib; NUL-terminated */
    gsize length;
    const char *id; /* the member "id" of the outermost object, for the reply; NULL: none */
    const char *message;
    gsize message_length;
    const QgaSlice *slices; /* in `message` */
    guint slice_count;
    guint tokens;
    guint members;     /* of all objects together, those that have one name counted each */
    const guint *wide; /* which numbers of the text, counted from 0, are uint64 beyond int64 */
    guint wide_count;
    gboolean has_nul; /* \u0000 stands outside of the id */
} QgaText;

typedef enum {
    QGA_GATE_MORE,  /* all that was fed is used up: feed more */
    QGA_GATE_TEXT,  /* a complete text */
    QGA_GATE_ERROR, /* one broken text; the gate starts afresh behind it */
} QgaGateResult;

/* `limits` may be NULL for the defaults. base64: the names of members that are base64, ends with
 * NULL, outlives the gate. Free with qga_gate_free(). */
QgaGate *qga_gate_new(const QgaGateLimits *limits, const char *const *base64);
void qga_gate_free(QgaGate *gate);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaGate, qga_gate_free)

/*
 * Takes a copy of the bytes. Call qga_gate_next() until it wants more before the next feed: what is
 * fed and not yet asked for stays in memory and is not bounded here.
 */
void qga_gate_feed(QgaGate *gate, const void *data, gsize length);

/*
 * The next text or error. `text` lives until the next call of any function on the gate. On
 * QGA_GATE_ERROR `error` is set (QGA_GATE_ERROR_DOMAIN). A large message's memory is given back by
 * the call after it.
 */
QgaGateResult qga_gate_next(QgaGate *gate, QgaText *text, GError **error);

/* Forgets everything that was fed and not yet returned, as 0xFF in the stream does with a half
 * message: for a new client on the channel. */
void qga_gate_reset(QgaGate *gate);

/* Bytes allocated for input now: for tests and for a session that counts its memory. */
gsize qga_gate_memory(const QgaGate *gate);

#define QGA_GATE_ERROR_DOMAIN (qga_gate_error_quark())
GQuark qga_gate_error_quark(void);
typedef enum {
    QGA_GATE_ERROR_SYNTAX,
    QGA_GATE_ERROR_DEPTH,
    QGA_GATE_ERROR_SIZE,
} QgaGateError;

#endif
