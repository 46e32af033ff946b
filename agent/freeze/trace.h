/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_TRACE_H
#define AGENT_FREEZE_TRACE_H

#include "platform/roots.h"

#include <glib.h>

/*
 * What tracers see of a freeze: static probes of provider "firn" (sys/sdt.h, when it was there at
 * build time; a nop until somebody looks), and lines in the kernel's trace buffer, which then stand
 * between the kernel's own of freeze_super() and thaw_super().
 */
typedef struct FirnTrace FirnTrace;

/*
 * Opens tracefs's trace_marker, before anything is frozen; it is closed on exec and writing to it
 * touches no disk. NULL with an error naming the file when tracefs is not there. Free with
 * firn_trace_close().
 */
FirnTrace *firn_trace_open(const FirnRoots *roots, GError **error);
void firn_trace_close(FirnTrace *trace);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnTrace, firn_trace_close)

/*
 * The calls below fire the probe of the same name (less "firn_trace_"), and write one line when
 * `trace` is not NULL. They allocate nothing and hold no lock: the watcher may call them. error: an
 * errno, 0 for success.
 */
void firn_trace_freeze_begin(const FirnTrace *trace, guint filesystems);
void firn_trace_freeze_end(const FirnTrace *trace, guint frozen, int error);
void firn_trace_filesystem_begin(const FirnTrace *trace, const char *mountpoint);
void firn_trace_filesystem_end(const FirnTrace *trace, const char *mountpoint, int error);
void firn_trace_thaw_begin(const FirnTrace *trace, guint filesystems);
void firn_trace_thaw_end(const FirnTrace *trace, guint thawed, int error);
/* A deadline thaws `filesystems`. */
void firn_trace_deadline(const FirnTrace *trace, guint filesystems);

/* The open descriptor, for a process that closes all others; -1 for NULL. */
int firn_trace_descriptor(const FirnTrace *trace);

/* TRUE when the static probes were built in. */
gboolean firn_trace_has_probes(void);

/* Where trace_marker is on this machine; free with g_free(). NULL: tracefs is not mounted. */
char *firn_trace_marker_path(const FirnRoots *roots);

#endif
