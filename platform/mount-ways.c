/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/mount-ways.h"

typedef enum {
    UNKNOWN,
    ASKED, /* on the stack: only a made-up table has such a circle */
    LOCAL,
    REMOTE,
} Way;

struct FirnMountWays {
    gboolean *open; /* of each entry */
};

/* Whether a mount, or one that it lies on, is remote: walks up to one that is known, then notes the
 * answer all the way back. */
static Way judge(const FirnMounts *mounts, GHashTable *entries, Way *ways, guint entry)
{
    g_autoptr(GArray) walked = g_array_new(FALSE, FALSE, sizeof(guint));
    Way way = UNKNOWN;

    while (way == UNKNOWN) {
        const FirnMount *mount = &mounts->entries[entry];
        gpointer parent;

        if (ways[entry] == LOCAL || ways[entry] == REMOTE) {
            way = ways[entry];
            break;
        }
        if (ways[entry] == ASKED || firn_mount_type_is_fuse(mount->type) ||
            firn_mount_type_is_network(mount->type))
            way = REMOTE;
        else if (!g_hash_table_lookup_extended(entries, GINT_TO_POINTER(mount->parent), NULL,
                                               &parent) ||
                 GPOINTER_TO_UINT(parent) == entry)
            way = LOCAL;
        ways[entry] = ASKED;
        g_array_append_val(walked, entry);
        if (way == UNKNOWN)
            entry = GPOINTER_TO_UINT(parent);
    }
    for (guint i = 0; i < walked->len; i++)
        ways[g_array_index(walked, guint, i)] = way;
    return way;
}

FirnMountWays *firn_mount_ways_new(const FirnMounts *mounts)
{
    FirnMountWays *result = g_new0(FirnMountWays, 1);
    g_autoptr(FirnMountIndex) index = firn_mount_index_new(mounts);
    g_autoptr(GHashTable) entries = g_hash_table_new(NULL, NULL);
    g_autofree Way *ways = g_new0(Way, mounts->count);

    result->open = g_new0(gboolean, mounts->count);
    for (guint i = 0; i < mounts->count; i++)
        g_hash_table_insert(entries, GINT_TO_POINTER(mounts->entries[i].id), GUINT_TO_POINTER(i));
    for (guint i = 0; i < mounts->count; i++) {
        const FirnMount *mount = &mounts->entries[i];

        result->open[i] = judge(mounts, entries, ways, i) == LOCAL &&
                          firn_mount_index_find(index, mount->mountpoint) == mount;
    }
    return result;
}

void firn_mount_ways_free(FirnMountWays *ways)
{
    if (!ways)
        return;
    g_free(ways->open);
    g_free(ways);
}

gboolean firn_mount_ways_is_open(const FirnMountWays *ways, guint entry)
{
    return ways->open[entry];
}
