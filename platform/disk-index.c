/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/disk-index.h"

typedef struct {
    FirnBlockDevice *device;
    FirnDiskAddress *address; /* of one that lies on a bus */
    GPtrArray *slaves;        /* Node, of one that does not; borrowed */
} Node;

struct FirnDiskIndex {
    const FirnRoots *roots;
    GHashTable *numbers; /* dev_t -> Node, borrowed */
    GHashTable *nodes;   /* path in sysfs -> Node */
};

G_STATIC_ASSERT(sizeof(dev_t) == sizeof(gint64));

static void node_free(gpointer data)
{
    Node *node = data;

    firn_block_device_free(node->device);
    firn_disk_address_free(node->address);
    g_ptr_array_unref(node->slaves);
    g_free(node);
}

FirnDiskIndex *firn_disk_index_new(const FirnRoots *roots)
{
    FirnDiskIndex *index = g_new0(FirnDiskIndex, 1);

    index->roots = roots;
    index->numbers = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    index->nodes = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, node_free);
    return index;
}

void firn_disk_index_free(FirnDiskIndex *index)
{
    if (!index)
        return;
    g_hash_table_unref(index->numbers);
    g_hash_table_unref(index->nodes);
    g_free(index);
}

/* Takes `device`. What it stands on is added by fill(). */
static Node *add_node(FirnDiskIndex *index, FirnBlockDevice *device, GPtrArray *queue)
{
    Node *node = g_hash_table_lookup(index->nodes, device->path);

    if (node) {
        firn_block_device_free(device);
        return node;
    }
    node = g_new0(Node, 1);
    node->device = device;
    node->slaves = g_ptr_array_new();
    g_hash_table_insert(index->nodes, device->path, node);
    g_ptr_array_add(queue, node);
    return node;
}

static void fill(FirnDiskIndex *index, Node *node, GPtrArray *queue)
{
    g_autoptr(FirnBlockFacts) facts = NULL;
    g_autoptr(GPtrArray) slaves = NULL;

    if (!firn_block_device_is_virtual(node->device)) {
        node->address = firn_disk_address_read(index->roots, node->device);
        return;
    }
    facts = firn_block_device_facts(index->roots, node->device);
    if (facts->partition) {
        FirnBlockDevice *whole = firn_block_device_parent(node->device);

        g_ptr_array_add(node->slaves, add_node(index, whole, queue));
        return;
    }
    slaves = firn_block_device_slaves(index->roots, node->device);
    for (guint i = 0; i < slaves->len; i++) {
        FirnBlockDevice *slave = g_ptr_array_index(slaves, i);

        g_ptr_array_add(node->slaves, add_node(index, firn_block_device_new(slave->path), queue));
    }
}

/* NULL where sysfs does not know it. */
static Node *find(FirnDiskIndex *index, dev_t number)
{
    gint64 key = (gint64)number;
    gpointer found = NULL;
    FirnBlockDevice *device;

    if (g_hash_table_lookup_extended(index->numbers, &key, NULL, &found))
        return found;
    device = firn_block_device_find(index->roots, number);
    if (device) {
        g_autoptr(GPtrArray) queue = g_ptr_array_new();

        found = add_node(index, device, queue);
        for (guint i = 0; i < queue->len; i++)
            fill(index, g_ptr_array_index(queue, i), queue);
    }
    g_hash_table_insert(index->numbers, g_memdup2(&key, sizeof(key)), found);
    return found;
}

const char *firn_disk_index_name(FirnDiskIndex *index, dev_t number)
{
    Node *node = find(index, number);

    return node ? node->device->name : NULL;
}

/* Depth first, in the order of the slaves, without recursion: a stack of devices is as deep as its
 * owner likes. */
void firn_disk_index_collect(FirnDiskIndex *index, dev_t number, GPtrArray *disks)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);
    g_autoptr(GPtrArray) stack = g_ptr_array_new();
    Node *node = find(index, number);

    if (node)
        g_ptr_array_add(stack, node);
    while (stack->len > 0) {
        node = g_ptr_array_steal_index(stack, stack->len - 1);
        if (!g_hash_table_add(seen, node))
            continue;
        if (node->address && !g_ptr_array_find(disks, node->address, NULL))
            g_ptr_array_add(disks, node->address);
        for (guint i = node->slaves->len; i > 0; i--)
            g_ptr_array_add(stack, g_ptr_array_index(node->slaves, i - 1));
    }
}
