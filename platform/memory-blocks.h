/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_MEMORY_BLOCKS_H
#define PLATFORM_MEMORY_BLOCKS_H

#include "platform/roots.h"

typedef struct {
    guint64 index; /* N of /sys/devices/system/memory/memoryN */
    gboolean online;
    gboolean can_offline; /* as its file "removable" says */
} FirnMemoryBlock;

/*
 * All blocks, FirnMemoryBlock, by rising index; empty on a kernel without memory hotplug. Free
 * with g_array_unref().
 */
GArray *firn_memory_blocks_read(const FirnRoots *roots, GError **error);

/* How many bytes a block has. */
gboolean firn_memory_block_size(const FirnRoots *roots, guint64 *size, GError **error);

typedef enum {
    FIRN_MEMORY_DONE,
    FIRN_MEMORY_NOT_FOUND,
    FIRN_MEMORY_UNSUPPORTED, /* this kernel, or this block, cannot be switched */
    FIRN_MEMORY_FAILED,      /* such as pages that cannot be moved */
} FirnMemoryResult;

/* Switches one block on or off; nothing is written where it is so already. cause: the errno of a
 * failure, else 0. */
FirnMemoryResult firn_memory_block_set(const FirnRoots *roots, guint64 index, gboolean online,
                                       int *cause);

#endif
