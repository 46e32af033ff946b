/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_SELECTION_H
#define AGENT_FREEZE_SELECTION_H

#include <glib.h>

/*
 * Which filesystems a freeze is about: what the configuration leaves out or keeps to, and what a
 * request names. A pattern is, by its looks, a device ("/dev/sd?", or "8:1"), a mountpoint
 * ("/srv/data"), or a filesystem type ("xfs", "ext*"); the shell's wildcards, where '*' stands for
 * '/' too.
 */
typedef struct FirnSelection FirnSelection;

/*
 * exclude: patterns, wins over the rest; NULL or empty: none. include: patterns; NULL or empty:
 * all. mountpoints: of the request; NULL: all; those not mounted are ignored. All are copied. Free
 * with firn_selection_free().
 */
FirnSelection *firn_selection_new(const char *const *exclude, const char *const *include,
                                  const char *const *mountpoints);
void firn_selection_free(FirnSelection *selection);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnSelection, firn_selection_free)

/* A filesystem to judge. */
typedef struct {
    const char *type;
    const char *const *devices; /* names, such as "/dev/dm-0", and "MAJOR:MINOR"; NULL-terminated */
    const char *const *mountpoints; /* all of them, the main one first; NULL-terminated */
} FirnSelectionSubject;

typedef enum {
    FIRN_SELECTED,
    FIRN_SELECTION_EXCLUDED,      /* freeze-exclude has a pattern for it */
    FIRN_SELECTION_NOT_INCLUDED,  /* freeze-include has none */
    FIRN_SELECTION_NOT_REQUESTED, /* the request names others */
} FirnSelectionVerdict;

/*
 * A mountpoint to exclude is a filesystem's main one: a bind mount somewhere below it must not take
 * the root filesystem out of a snapshot. To include or request one, any of its mountpoints will do.
 * pattern: the one that decided, or NULL; belongs to the selection; may be NULL itself.
 */
FirnSelectionVerdict firn_selection_judge(const FirnSelection *selection,
                                          const FirnSelectionSubject *subject,
                                          const char **pattern);

#endif
