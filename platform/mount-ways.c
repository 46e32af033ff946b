/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/mount-ways.h"

typedef enum {
    UNKNOWN,
    ASKED, /* on the stack: only a made-up table has such a circle */
    LOCAL,
    REMOTE,
} Way;

struct FirnMountWays {
    const FirnMounts *mounts;
    FirnMountIndex *index;
    GHashTable *entries; /* id of a mount -> its place in the table */
    Way *ways;           /* of each entry */
};

/* Whether a mount, or one that it lies on, is remote: walks up to one that is known, then notes the
 * answer all the way back. */
static Way judge(FirnMountWays *ways, guint entry)
{
    g_autoptr(GArray) walked = g_array_new(FALSE, FALSE, sizeof(guint));
    Way way = UNKNOWN;

    while (way == UNKNOWN) {
        const FirnMount *mount = &ways->mounts->entries[entry];
        gpointer parent;

        if (ways->ways[entry] == LOCAL || ways->ways[entry] == REMOTE) {
            way = ways->ways[entry];
            break;
        }
        if (ways->ways[entry] == ASKED || firn_mount_type_is_fuse(mount->type) ||
            firn_mount_type_is_network(mount->type))
            way = REMOTE;
        else if (!g_hash_table_lookup_extended(ways->entries, GINT_TO_POINTER(mount->parent), NULL,
                                               &parent) ||
                 GPOINTER_TO_UINT(parent) == entry)
            way = LOCAL;
        ways->ways[entry] = ASKED;
        g_array_append_val(walked, entry);
        if (way == UNKNOWN)
            entry = GPOINTER_TO_UINT(parent);
    }
    for (guint i = 0; i < walked->len; i++)
        ways->ways[g_array_index(walked, guint, i)] = way;
    return way;
}

FirnMountWays *firn_mount_ways_new(const FirnMounts *mounts)
{
    FirnMountWays *ways = g_new0(FirnMountWays, 1);

    ways->mounts = mounts;
    ways->index = firn_mount_index_new(mounts);
    ways->entries = g_hash_table_new(NULL, NULL);
    ways->ways = g_new0(Way, mounts->count);
    for (guint i = 0; i < mounts->count; i++)
        g_hash_table_insert(ways->entries, GINT_TO_POINTER(mounts->entries[i].id),
                            GUINT_TO_POINTER(i));
    return ways;
}

void firn_mount_ways_free(FirnMountWays *ways)
{
    if (!ways)
        return;
    firn_mount_index_free(ways->index);
    g_hash_table_unref(ways->entries);
    g_free(ways->ways);
    g_free(ways);
}

gboolean firn_mount_ways_is_open(FirnMountWays *ways, guint entry)
{
    const FirnMount *mount = &ways->mounts->entries[entry];

    return judge(ways, entry) == LOCAL &&
           firn_mount_index_find(ways->index, mount->mountpoint) == mount;
}

gboolean firn_mount_ways_is_remote(FirnMountWays *ways, guint entry)
{
    return judge(ways, entry) != LOCAL;
}
