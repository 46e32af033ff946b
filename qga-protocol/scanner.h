/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_SCANNER_H
#define QGA_PROTOCOL_SCANNER_H

#include <glib.h>

/*
 * Finds the JSON texts in a byte stream: bytes in, in pieces of any size, complete and strictly
 * valid texts out (RFC 8259, plus strings in single quotes). Nothing behind the scanner ever sees
 * bytes that it has not passed: UTF-8 is valid, surrogates are paired, no object has a member
 * twice, nesting and size keep the limits. Time is linear in the bytes fed.
 *
 * A text may hold a password: its bytes are cleared as soon as they are not needed any more, and no
 * copy of them stays behind. Texts of more than 1 MiB hold files and are left.
 *
 * How a session strings the library together:
 *
 *     qga_scanner_feed(scanner, bytes, length);
 *     while ((scan = qga_scanner_next(scanner, &text, &length, &error)) != QGA_SCAN_MORE)
 *         QGA_SCAN_ERROR: qga_reply_new(NULL, 0, ...), qga_reply_fail_error(reply, error)
 *         QGA_SCAN_TEXT:  qga_request_parse(text, length, &request, &error)
 *                         qga_commands_find(commands, request.name, &data)
 *                         the agent's policy: is it allowed, does it have to wait
 *                         qga_arguments_new(row->arguments, request.arguments, &error)
 *                         row->handler(arguments, reply, data)
 *                         qga_arguments_free(), qga_request_clear()
 */
typedef struct QgaScanner QgaScanner;

#define QGA_SCANNER_MAX_DEPTH 1024u               /* the packaged agent's */
#define QGA_SCANNER_MAX_MESSAGE ((gsize)72 << 20) /* a 48 MiB guest-file-write as base64 */

typedef struct {
    guint max_depth;   /* nested objects and arrays; 0: QGA_SCANNER_MAX_DEPTH */
    gsize max_message; /* bytes of one text; 0: QGA_SCANNER_MAX_MESSAGE */
} QgaScannerLimits;

typedef enum {
    QGA_SCAN_MORE,  /* all that was fed is used up: feed more */
    QGA_SCAN_TEXT,  /* a complete, valid text */
    QGA_SCAN_ERROR, /* one broken text; the scanner has started afresh behind it */
} QgaScan;

/* `limits` may be NULL for the defaults. Free with qga_scanner_free(). */
QgaScanner *qga_scanner_new(const QgaScannerLimits *limits);
void qga_scanner_free(QgaScanner *scanner);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaScanner, qga_scanner_free)

/*
 * Takes a copy of the bytes. Call qga_scanner_next() until it wants more before the next feed: what
 * is fed and not yet asked for stays in memory and is not bounded here.
 */
void qga_scanner_feed(QgaScanner *scanner, const void *data, gsize length);

/*
 * The next text or error. `text` (not NUL-terminated, no space around it) points into the scanner
 * and lives until the next call of any function on it: copy it to keep it. On QGA_SCAN_ERROR
 * `error` is set (QGA_SCANNER_ERROR, in the packaged agent's words). A large message's memory is
 * given back by the call after it.
 */
QgaScan qga_scanner_next(QgaScanner *scanner, const char **text, gsize *length, GError **error);

/* Forgets everything that was fed and not yet returned, as 0xFF in the stream does with a half
 * message: for a new client on the channel. */
void qga_scanner_reset(QgaScanner *scanner);

/* Bytes allocated for input now: for tests and for a session that counts its memory. */
gsize qga_scanner_memory(const QgaScanner *scanner);

#define QGA_SCANNER_ERROR (qga_scanner_error_quark())
GQuark qga_scanner_error_quark(void);
typedef enum {
    QGA_SCANNER_ERROR_SYNTAX,
    QGA_SCANNER_ERROR_DEPTH,
    QGA_SCANNER_ERROR_SIZE,
} QgaScannerError;

#endif
