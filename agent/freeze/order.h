/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_ORDER_H
#define AGENT_FREEZE_ORDER_H

#include <glib.h>
#include <sys/types.h>

/*
 * Corrects an order by what stands on what. Nodes are device numbers: a filesystem on a disk and
 * the disk are one node, an anonymous superblock is one of its own.
 */

/* Appends to `lower` (of dev_t) what `device` stands on. FALSE when it may stand on anything else
 * too. */
typedef gboolean (*FirnOrderLower)(dev_t device, GArray *lower, gpointer data);

/*
 * `wanted`: the devices of the filesystems to freeze, each once, in the order they would come in.
 * Fills order[0..count-1] with their indices, so that each comes before all it stands on, directly
 * or through others, and else the given order is kept: of those that may come next always the first
 * in the given one. What may stand on anything comes before all that does not stand on it. A circle
 * is broken at its first. Fills disk[i] with a number that the i-th
 * shares with all that have a device in common with it. O(n log n) in nodes and edges.
 */
void firn_order_sort(const dev_t *wanted, guint count, FirnOrderLower lower, gpointer data,
                     guint *order, guint *disk);

#endif
