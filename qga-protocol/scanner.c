/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "qga-protocol/scanner.h"

#include "qga-protocol/syntax.h"

#include <string.h>

#define MAX_TOKENS (2u << 20)        /* the packaged agent's; bounds what member names cost */
#define IDLE_CAPACITY ((gsize)16384) /* memory that is not worth giving back */
#define LARGE_CAPACITY ((gsize)1 << 20)
/* Texts that hold a password are shorter; those that are longer hold files. */
#define CLEARED_MAX LARGE_CAPACITY

G_DEFINE_QUARK(qga - scanner - error - quark, qga_scanner_error)

/* buffer[start..end) is held; the text being read starts at `start` and has been looked at up to
 * `position`. What is not held has been cleared, but for long texts. */
struct QgaScanner {
    gsize max_message;
    QgaSyntax *syntax;
    char *buffer;
    gsize capacity;
    gsize clean; /* what is in front of it has been cleared */
    gsize start;
    gsize position;
    gsize end;
    gboolean lost; /* skipping to where a text can start */
};

QgaScanner *qga_scanner_new(const QgaScannerLimits *limits)
{
    QgaScanner *scanner = g_new0(QgaScanner, 1);
    guint depth = limits && limits->max_depth ? limits->max_depth : QGA_SCANNER_MAX_DEPTH;

    scanner->max_message =
        limits && limits->max_message ? limits->max_message : QGA_SCANNER_MAX_MESSAGE;
    scanner->syntax = qga_syntax_new(depth, MAX_TOKENS);
    return scanner;
}

/* Clears what is no longer held. */
static void clear_used(QgaScanner *scanner)
{
    gsize used = scanner->start - scanner->clean;

    if (used > 0 && used <= CLEARED_MAX)
        explicit_bzero(scanner->buffer + scanner->clean, used);
    scanner->clean = scanner->start;
}

/* To the front of a new buffer, so that no copy is left behind; much of it with the kernel's help,
 * which takes no time. */
static void move(QgaScanner *scanner, gsize held, gsize capacity)
{
    char *from = scanner->buffer + scanner->start;
    char *buffer;

    if (held > CLEARED_MAX) {
        if (scanner->start > 0)
            memmove(scanner->buffer, from, held);
        scanner->buffer = g_realloc(scanner->buffer, capacity);
        return;
    }
    buffer = capacity > 0 ? g_malloc(capacity) : NULL;
    if (held > 0) {
        memcpy(buffer, from, held);
        explicit_bzero(from, held);
    }
    g_free(scanner->buffer);
    scanner->buffer = buffer;
}

/* Moves what is held to the front of a buffer of that capacity. */
static void resize(QgaScanner *scanner, gsize capacity)
{
    gsize held = scanner->end - scanner->start;

    clear_used(scanner);
    if (held > 0 || capacity != scanner->capacity)
        move(scanner, held, capacity);
    scanner->capacity = capacity;
    scanner->position -= scanner->start;
    scanner->clean = scanner->start = 0;
    scanner->end = held;
}

static void give_back_memory(QgaScanner *scanner)
{
    gsize held = scanner->end - scanner->start;

    if (held == 0)
        resize(scanner, scanner->capacity > IDLE_CAPACITY ? 0 : scanner->capacity);
    else if (scanner->capacity > IDLE_CAPACITY && held < scanner->capacity / 4)
        resize(scanner, MAX(held, IDLE_CAPACITY));
}

void qga_scanner_feed(QgaScanner *scanner, const void *data, gsize length)
{
    gsize held = scanner->end - scanner->start, capacity = scanner->capacity;

    if (length == 0)
        return;
    if (length > capacity - scanner->end) {
        if (length > capacity - held) {
            capacity += capacity < LARGE_CAPACITY ? capacity : capacity / 2;
            capacity = MAX(capacity, held + length);
        }
        resize(scanner, capacity);
    }
    memcpy(scanner->buffer + scanner->end, data, length);
    scanner->end += length;
}

static gboolean is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Between texts: space, and 0xFF with nothing to forget. */
static void skip_space(QgaScanner *scanner)
{
    const char *buffer = scanner->buffer;
    gsize at = scanner->position;

    while (at < scanner->end && (is_space(buffer[at]) || (guint8)buffer[at] == 0xFF))
        at++;
    scanner->position = scanner->start = at;
}

/* Behind an error: a text can start on the next line, behind 0xFF or with the next brace. */
static void skip_lost(QgaScanner *scanner)
{
    const char *buffer = scanner->buffer;
    gsize at = scanner->position;

    while (at < scanner->end && buffer[at] != '{' && buffer[at] != '\n' &&
           (guint8)buffer[at] != 0xFF)
        at++;
    scanner->lost = at == scanner->end;
    scanner->position = scanner->start = at;
}

static gboolean is_too_long(const QgaScanner *scanner)
{
    return !qga_syntax_is_broken(scanner->syntax) &&
           scanner->end - scanner->start > scanner->max_message &&
           scanner->position - scanner->start >= scanner->max_message;
}

static QgaSyntaxResult run(QgaScanner *scanner)
{
    gsize position = scanner->position - scanner->start, length = scanner->end - scanner->start;
    QgaSyntaxResult result;

    if (!qga_syntax_is_broken(scanner->syntax))
        length = MIN(length, scanner->max_message);
    result = qga_syntax_run(scanner->syntax, scanner->buffer + scanner->start, &position, length);
    scanner->position = scanner->start + position;
    return result;
}

/* A text has ended, well or not. */
static GError *end_text(QgaScanner *scanner, QgaSyntaxResult result)
{
    GError *error = qga_syntax_steal_error(scanner->syntax);

    scanner->start = scanner->position;
    scanner->lost = result == QGA_SYNTAX_LOST;
    qga_syntax_restart(scanner->syntax);
    if (result == QGA_SYNTAX_FORGET)
        g_clear_error(&error);
    return error;
}

/* Scans until a text ends, well or with `*error`, or all is used up. */
static QgaScan scan(QgaScanner *scanner, const char **text, gsize *length, GError **error)
{
    QgaSyntaxResult result = run(scanner);
    GError *problem = NULL;

    *text = scanner->buffer + scanner->start;
    *length = scanner->position - scanner->start;
    if (result != QGA_SYNTAX_MORE) {
        problem = end_text(scanner, result);
    } else if (is_too_long(scanner)) {
        problem = g_error_new(QGA_SCANNER_ERROR, QGA_SCANNER_ERROR_SIZE,
                              "JSON message size limit exceeded (%" G_GSIZE_FORMAT " bytes)",
                              scanner->max_message);
        qga_syntax_break(scanner->syntax);
    }
    if (qga_syntax_is_broken(scanner->syntax))
        scanner->start = scanner->position;
    if (problem) {
        g_propagate_error(error, problem);
        return QGA_SCAN_ERROR;
    }
    return result == QGA_SYNTAX_DONE ? QGA_SCAN_TEXT : QGA_SCAN_MORE;
}

QgaScan qga_scanner_next(QgaScanner *scanner, const char **text, gsize *length, GError **error)
{
    clear_used(scanner);
    while (scanner->position < scanner->end) {
        QgaScan found;

        if (scanner->lost)
            skip_lost(scanner);
        if (scanner->position == scanner->start && !qga_syntax_is_broken(scanner->syntax))
            skip_space(scanner);
        if (scanner->position == scanner->end)
            break;
        found = scan(scanner, text, length, error);
        if (found != QGA_SCAN_MORE)
            return found;
    }
    give_back_memory(scanner);
    return QGA_SCAN_MORE;
}

void qga_scanner_free(QgaScanner *scanner)
{
    if (!scanner)
        return;
    qga_scanner_reset(scanner);
    qga_syntax_free(scanner->syntax);
    g_free(scanner->buffer);
    g_free(scanner);
}

void qga_scanner_reset(QgaScanner *scanner)
{
    qga_syntax_restart(scanner->syntax);
    scanner->lost = FALSE;
    scanner->position = scanner->start = scanner->end;
    give_back_memory(scanner);
}

gsize qga_scanner_memory(const QgaScanner *scanner)
{
    return scanner->capacity;
}
