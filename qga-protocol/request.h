/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_REQUEST_H
#define QGA_PROTOCOL_REQUEST_H

#include "qga-protocol/value.h"

/*
 * What a request says. `arguments` and `id` are slices of the text that was parsed and live as long
 * as it does; `name` is a copy. scanner.h shows the whole way of a request.
 */
typedef struct {
    char *name;         /* NULL when parsing failed; cut where it is longer than any command's */
    QgaValue arguments; /* an object; start is NULL where none was given */
    const char *id;     /* the id's exact text, for qga_reply_new(); NULL where none was given */
    gsize id_length;
} QgaRequest;

/*
 * Takes apart a text of qga_scanner_next(). On failure `error` has the packaged agent's words and
 * `id` is filled in all the same, so that the error goes out with it. Whatever the outcome, release
 * with qga_request_clear().
 */
gboolean qga_request_parse(const char *text, gsize length, QgaRequest *request, GError **error);
void qga_request_clear(QgaRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(QgaRequest, qga_request_clear)

#define QGA_REQUEST_ERROR (qga_request_error_quark())
GQuark qga_request_error_quark(void);

#endif
