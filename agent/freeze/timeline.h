/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_TIMELINE_H
#define AGENT_FREEZE_TIMELINE_H

#include <glib.h>

/*
 * Draws what happened when, for a terminal. A freeze takes milliseconds and is held for minutes, so
 * one scale would show nothing: time is cut into panels, each with a scale of its own and its
 * length above it.
 */
typedef enum {
    FIRN_SPAN_HELD, /* drawn below all others */
    FIRN_SPAN_SYNC,
    FIRN_SPAN_HOOK,
    FIRN_SPAN_FREEZE,
    FIRN_SPAN_THAW,
    FIRN_SPAN_FAILED,
    FIRN_SPAN_KINDS,
} FirnSpanKind;

/* Times in microseconds, of one clock. */
typedef struct {
    FirnSpanKind kind;
    gint64 begin;
    gint64 end;
} FirnSpan;

typedef struct {
    const char *label; /* any bytes; shortened and made printable */
    const FirnSpan *spans;
    guint count;
} FirnTimelineRow;

typedef struct {
    const char *name;
    gint64 begin;
    gint64 end;
    guint weight; /* its share of the width */
} FirnTimelinePanel;

/* Lines of at most `width` columns (taken for 60 when it is less), with a legend of what is drawn.
 * utf8: else ASCII alone. Free with g_free(). */
char *firn_timeline_draw(const FirnTimelinePanel *panels, guint panel_count,
                         const FirnTimelineRow *rows, guint row_count, guint width, gboolean utf8);

/* A length of time for people, such as "0.42 ms", "31 ms", "4.2 s", "10 min"; free with g_free().
 */
char *firn_timeline_duration(gint64 microseconds);

/* `text` safe for a terminal: control bytes and what is no UTF-8 (or, without `utf8`, no ASCII) as
 * \ooo; free with g_free(). */
char *firn_timeline_printable(const char *text, gboolean utf8);

/* Appends `text`, printable, filled or shortened in its middle to exactly `columns` columns. */
void firn_timeline_append_fixed(GString *out, const char *text, guint columns, gboolean utf8);

#endif
