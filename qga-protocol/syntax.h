/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_SYNTAX_H
#define QGA_PROTOCOL_SYNTAX_H

#include <glib.h>

/*
 * The grammar behind the scanner: a machine that is fed one JSON text byte by byte and says where
 * it ends or what is wrong with it. It keeps no bytes; offsets are into the text so far.
 *
 * A text whose tokens are fine but stand in a wrong place is `broken`: the machine then only counts
 * brackets, as the packaged agent does, so that the error comes out once and the next text is found
 * behind the closing bracket (or at the end of the line, should the bracket never come).
 */
typedef struct QgaSyntax QgaSyntax;

typedef enum {
    QGA_SYNTAX_MORE,   /* all bytes used up, the text goes on */
    QGA_SYNTAX_DONE,   /* the text ends before the position */
    QGA_SYNTAX_BROKEN, /* so does a broken one */
    QGA_SYNTAX_LOST,   /* broken, and where the next text starts is not known */
    QGA_SYNTAX_FORGET, /* the position is behind a byte 0xFF */
} QgaSyntaxResult;

QgaSyntax *qga_syntax_new(guint max_depth, guint max_tokens);
void qga_syntax_free(QgaSyntax *syntax);

/*
 * Goes on at text[*position], the text having `length` bytes so far; moves `*position`. A result
 * other than QGA_SYNTAX_MORE asks for qga_syntax_restart().
 */
QgaSyntaxResult qga_syntax_run(QgaSyntax *syntax, const char *text, gsize *position, gsize length);
void qga_syntax_restart(QgaSyntax *syntax);

/* TRUE once the text is broken: its bytes need not be kept any more. */
gboolean qga_syntax_is_broken(const QgaSyntax *syntax);
/* Makes it broken, without an error of its own. */
void qga_syntax_break(QgaSyntax *syntax);
/* What is wrong (QGA_SCANNER_ERROR), or NULL; the caller owns it. */
GError *qga_syntax_steal_error(QgaSyntax *syntax);

#endif
