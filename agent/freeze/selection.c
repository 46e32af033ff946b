/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/selection.h"

#include <fnmatch.h>
#include <string.h>

struct FirnSelection {
    char **exclude;
    char **include;
    GHashTable *requested; /* mountpoints; NULL: all */
};

static char **copy(const char *const *list)
{
    GPtrArray *array = g_ptr_array_new();

    for (; list && *list; list++)
        g_ptr_array_add(array, g_strdup(*list));
    g_ptr_array_add(array, NULL);
    return (char **)(gpointer)g_ptr_array_free(array, FALSE);
}

FirnSelection *firn_selection_new(const char *const *exclude, const char *const *include,
                                  const char *const *mountpoints)
{
    FirnSelection *selection = g_new0(FirnSelection, 1);

    selection->exclude = copy(exclude);
    selection->include = copy(include);
    if (!mountpoints)
        return selection;
    selection->requested = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (; *mountpoints; mountpoints++)
        g_hash_table_add(selection->requested, g_strdup(*mountpoints));
    return selection;
}

void firn_selection_free(FirnSelection *selection)
{
    if (!selection)
        return;
    g_strfreev(selection->exclude);
    g_strfreev(selection->include);
    g_clear_pointer(&selection->requested, g_hash_table_unref);
    g_free(selection);
}

static gboolean is_device(const char *pattern)
{
    return g_str_has_prefix(pattern, "/dev/") || strchr(pattern, ':');
}

static gboolean any_matches(const char *pattern, const char *const *texts)
{
    for (; *texts; texts++)
        if (fnmatch(pattern, *texts, 0) == 0)
            return TRUE;
    return FALSE;
}

static gboolean matches(const char *pattern, const FirnSelectionSubject *subject,
                        gboolean any_mountpoint)
{
    if (is_device(pattern))
        return any_matches(pattern, subject->devices);
    if (pattern[0] != '/')
        return fnmatch(pattern, subject->type, 0) == 0;
    if (any_mountpoint)
        return any_matches(pattern, subject->mountpoints);
    return subject->mountpoints[0] && fnmatch(pattern, subject->mountpoints[0], 0) == 0;
}

static const char *find_pattern(char **patterns, const FirnSelectionSubject *subject,
                                gboolean any_mountpoint)
{
    for (; *patterns; patterns++)
        if (matches(*patterns, subject, any_mountpoint))
            return *patterns;
    return NULL;
}

static gboolean is_requested(const FirnSelection *selection, const FirnSelectionSubject *subject)
{
    if (!selection->requested)
        return TRUE;
    for (const char *const *mountpoint = subject->mountpoints; *mountpoint; mountpoint++)
        if (g_hash_table_contains(selection->requested, *mountpoint))
            return TRUE;
    return FALSE;
}

FirnSelectionVerdict firn_selection_judge(const FirnSelection *selection,
                                          const FirnSelectionSubject *subject, const char **pattern)
{
    const char *found = find_pattern(selection->exclude, subject, FALSE);
    FirnSelectionVerdict verdict = FIRN_SELECTED;

    if (found) {
        verdict = FIRN_SELECTION_EXCLUDED;
    } else if (selection->include[0]) {
        found = find_pattern(selection->include, subject, TRUE);
        if (!found)
            verdict = FIRN_SELECTION_NOT_INCLUDED;
    }
    if (verdict == FIRN_SELECTED && !is_requested(selection, subject))
        verdict = FIRN_SELECTION_NOT_REQUESTED;
    if (pattern)
        *pattern = found;
    return verdict;
}
