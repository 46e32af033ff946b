/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_REQUEST_H
#define QGA_PROTOCOL_REQUEST_H

#include "qga-protocol/arguments.h"

/* What a request says; starts as {0}. gate.h shows the whole way of a request. */
typedef struct {
    char *name; /* NULL when parsing failed; cut where it is longer than any command's */
    QgaArguments arguments; /* not checked yet */
    char *id;               /* for qga_reply_new(); NULL where none was given */
    gsize cost;             /* about how many bytes it holds while it is kept */
    JsonNode *root;
    char *kept; /* the strings of base64, once they are the request's own */
    gsize kept_length;
} QgaRequest;

/*
 * Takes apart a text of qga_gate_next(), whose strings of base64 the request borrows until the
 * gate's next call. `parser` is used and left empty: it takes time to make one. FALSE with
 * QGA_REQUEST_ERROR: either the text is no JSON, or an object in it has two members of one name
 * ("JSON parse error", no id), or it is no request (in the packaged agent's words; `id` is filled
 * in all the same, so that the error goes out with it). Whatever the outcome, release with
 * qga_request_clear().
 */
gboolean qga_request_parse(JsonParser *parser, const QgaText *text, QgaRequest *request,
                           GError **error);

/* Makes copies of what is borrowed, for a request that has to wait. */
void qga_request_keep(QgaRequest *request);

/* Releases all; what was kept is cleared, for it may be a password. */
void qga_request_clear(QgaRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QgaRequest, qga_request_clear)

#define QGA_REQUEST_ERROR (qga_request_error_quark())
GQuark qga_request_error_quark(void);

#endif
