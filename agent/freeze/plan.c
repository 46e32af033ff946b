/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/plan.h"

#include "agent/freeze/order.h"
#include "platform/mount-namespaces.h"
#include "platform/mount-ways.h"

#include <string.h>
#include <sys/sysmacros.h>

/* One superblock while the plan is made. */
typedef struct {
    dev_t device;
    guint first; /* its first mount: an index into the table */
    guint last;  /* its last so far */
    gboolean read_only;
} Super;

struct FirnPlanStore {
    GStringChunk *strings;
    GArray *targets;
    GArray *omissions;
    GPtrArray *mounts; /* FirnPlanMount arrays */
};

typedef struct {
    const FirnMounts *table;
    const FirnDevices *devices;
    const FirnSelection *selection;
    FirnMountIndex *index;
    FirnMountWays *ways;
    GArray *supers;        /* Super, in the order of mounting */
    GHashTable *by_device; /* dev_t -> index of a Super + 1 */
    guint *next;           /* the next mount of the same superblock, or 0 */
    struct FirnPlanStore *store;
} Planner;

static Super *super_at(const Planner *planner, guint number)
{
    return &g_array_index(planner->supers, Super, number);
}

static Super *find_super(const Planner *planner, dev_t device)
{
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(planner->by_device, &device));

    return number > 0 ? super_at(planner, number - 1) : NULL;
}

/* Gathers the mounts by superblock: a chain through the table for each. */
static void group(Planner *planner)
{
    const FirnMounts *table = planner->table;

    planner->next = g_new0(guint, table->count);
    for (guint i = 0; i < table->count; i++) {
        FirnMount *mount = &table->entries[i];
        Super *super = find_super(planner, mount->device);
        Super added = {.device = mount->device, .first = i, .last = i};

        if (super) {
            planner->next[super->last] = i;
            super->last = i;
            continue;
        }
        added.read_only = firn_mount_option(mount->super_options, "ro");
        g_array_append_val(planner->supers, added);
        g_hash_table_insert(planner->by_device, &mount->device,
                            GUINT_TO_POINTER(planner->supers->len));
    }
}

/* The kernel gives filesystems over several devices a number of no device, as it does those that
 * have none. Told apart by type, and by a source that is a path (/dev/root, with no such node, is
 * what a kernel says that mounted its root alone). */
static gboolean has_device(const FirnMount *mount)
{
    if (major(mount->device) != 0)
        return TRUE;
    return mount->source[0] == '/' &&
           (g_str_equal(mount->type, "btrfs") || g_str_equal(mount->type, "bcachefs"));
}

/* Visible before hidden, near before remote, whole before part, then in the order of mounting. */
static int compare_mounts(gconstpointer a, gconstpointer b, gpointer data)
{
    const FirnMount *const *table = data;
    const FirnPlanMount *left = a;
    const FirnPlanMount *right = b;
    gboolean left_part = strcmp((*table)[left->id].root, "/") != 0;
    gboolean right_part = strcmp((*table)[right->id].root, "/") != 0;

    if (left->hidden != right->hidden)
        return left->hidden - right->hidden;
    if (left->remote != right->remote)
        return left->remote - right->remote;
    if (left_part != right_part)
        return left_part - right_part;
    return (left->id > right->id) - (left->id < right->id);
}

/* Until they are sorted, the ids are indices into the table. */
static GArray *list_mounts(const Planner *planner, const Super *super)
{
    GArray *mounts = g_array_new(FALSE, FALSE, sizeof(FirnPlanMount));
    const FirnMount *table = planner->table->entries;
    guint i = super->first;

    do {
        const FirnMount *mount = &table[i];
        FirnPlanMount entry = {
            .id = (int)i,
            .path = mount->mountpoint,
            .hidden = firn_mount_index_find(planner->index, mount->mountpoint) != mount,
            .remote = firn_mount_ways_is_remote(planner->ways, i),
        };

        g_array_append_val(mounts, entry);
        i = planner->next[i];
    } while (i != 0);
    g_array_sort_with_data(mounts, compare_mounts, &table);
    for (i = 0; i < mounts->len; i++) {
        FirnPlanMount *entry = &g_array_index(mounts, FirnPlanMount, i);

        entry->id = table[entry->id].id;
    }
    return mounts;
}

static void add_names(const FirnDevices *devices, dev_t device, GPtrArray *names)
{
    guint count;
    const char *const *list = firn_devices_names(devices, device, &count);

    for (guint i = 0; i < count; i++)
        g_ptr_array_add(names, g_strconcat("/dev/", list[i], NULL));
}

/* All that a pattern for devices may say of this one. */
static GPtrArray *list_names(const Planner *planner, const FirnMount *mount)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const dev_t *lower;
    guint count;

    g_ptr_array_add(names, g_strdup(mount->source));
    g_ptr_array_add(names, g_strdup_printf("%u:%u", major(mount->device), minor(mount->device)));
    if (planner->devices) {
        add_names(planner->devices, mount->device, names);
        lower = firn_devices_lower(planner->devices, mount->device, &count);
        for (guint i = 0; major(mount->device) == 0 && i < count; i++)
            add_names(planner->devices, lower[i], names);
    }
    g_ptr_array_add(names, NULL);
    return names;
}

static gboolean judge_selection(const Planner *planner, const FirnMount *mount,
                                const GArray *mounts, FirnPlanReason *reason, const char **pattern)
{
    g_autoptr(GPtrArray) names = list_names(planner, mount);
    g_autofree const char **paths = g_new0(const char *, mounts->len + 1);
    FirnSelectionSubject subject = {.type = mount->type};
    FirnSelectionVerdict verdict;

    for (guint i = 0; i < mounts->len; i++)
        paths[i] = g_array_index(mounts, FirnPlanMount, i).path;
    subject.devices = (const char *const *)(gconstpointer)names->pdata;
    subject.mountpoints = paths;
    verdict = firn_selection_judge(planner->selection, &subject, pattern);
    switch (verdict) {
    case FIRN_SELECTION_EXCLUDED:
        *reason = FIRN_OMITTED_EXCLUDED;
        return FALSE;
    case FIRN_SELECTION_NOT_INCLUDED:
        *reason = FIRN_OMITTED_NOT_INCLUDED;
        return FALSE;
    case FIRN_SELECTION_NOT_REQUESTED:
        *reason = FIRN_OMITTED_NOT_REQUESTED;
        return FALSE;
    case FIRN_SELECTED:
    default:
        return TRUE;
    }
}

static gboolean judge_type(const FirnMount *mount, FirnPlanReason *reason)
{
    if (firn_mount_type_is_fuse(mount->type))
        *reason = FIRN_OMITTED_FUSE;
    else if (firn_mount_type_is_network(mount->type))
        *reason = FIRN_OMITTED_NETWORK;
    else if (!has_device(mount))
        *reason = FIRN_OMITTED_NO_DEVICE;
    else
        return TRUE;
    return FALSE;
}

/* NULL stays NULL. */
static const char *store_keep(struct FirnPlanStore *store, const char *text)
{
    return text ? g_string_chunk_insert(store->strings, text) : NULL;
}

static void store_omit(struct FirnPlanStore *store, const FirnMount *mount,
                       const FirnPlanOmission *why)
{
    FirnPlanOmission omission = {
        .mountpoint = store_keep(store, why->mountpoint),
        .type = store_keep(store, mount->type),
        .source = store_keep(store, mount->source),
        .reason = why->reason,
        .pattern = store_keep(store, why->pattern),
        .whose = store_keep(store, why->whose),
        .device = mount->device,
    };

    g_array_append_val(store->omissions, omission);
}

static void omit(Planner *planner, const FirnMount *mount, const char *mountpoint,
                 FirnPlanReason reason, const char *pattern)
{
    FirnPlanOmission why = {.mountpoint = mountpoint, .reason = reason, .pattern = pattern};

    store_omit(planner->store, mount, &why);
}

static void add_target(Planner *planner, const Super *super, GArray *mounts)
{
    const FirnMount *mount = &planner->table->entries[super->first];
    FirnPlanTarget target = {
        .device = super->device,
        .type = store_keep(planner->store, mount->type),
        .source = store_keep(planner->store, mount->source),
        .mount_count = mounts->len,
        .read_only = super->read_only,
    };

    for (guint i = 0; i < mounts->len; i++) {
        FirnPlanMount *entry = &g_array_index(mounts, FirnPlanMount, i);

        entry->path = store_keep(planner->store, entry->path);
    }
    target.mounts = (const FirnPlanMount *)(gconstpointer)mounts->data;
    target.mountpoint = target.mounts[0].path;
    g_array_append_val(planner->store->targets, target);
    g_ptr_array_add(planner->store->mounts, g_array_ref(mounts));
}

static void choose(Planner *planner)
{
    for (guint i = 0; i < planner->supers->len; i++) {
        const Super *super = super_at(planner, i);
        const FirnMount *mount = &planner->table->entries[super->first];
        g_autoptr(GArray) mounts = NULL;
        const char *pattern = NULL;
        FirnPlanReason reason;

        if (!judge_type(mount, &reason)) {
            omit(planner, mount, mount->mountpoint, reason, NULL);
            continue;
        }
        mounts = list_mounts(planner, super);
        if (judge_selection(planner, mount, mounts, &reason, &pattern))
            add_target(planner, super, mounts);
        else
            omit(planner, mount, g_array_index(mounts, FirnPlanMount, 0).path, reason,
                 reason == FIRN_OMITTED_EXCLUDED ? pattern : NULL);
    }
}

static gboolean list_lower(dev_t device, GArray *lower, gpointer data)
{
    const Planner *planner = data;
    guint count = 0;
    const dev_t *found =
        planner->devices ? firn_devices_lower(planner->devices, device, &count) : NULL;

    if (count > 0)
        g_array_append_vals(lower, found, count);
    return !planner->devices || !firn_devices_is_unknown(planner->devices, device);
}

/* The order of mounting, reversed, the root filesystem last. */
static void reverse(const Planner *planner, GArray *targets)
{
    const FirnMount *root = firn_mount_index_find(planner->index, "/");
    FirnPlanTarget *list = (FirnPlanTarget *)(gpointer)targets->data;

    for (guint i = 0; i < targets->len / 2; i++) {
        FirnPlanTarget other = list[i];

        list[i] = list[targets->len - 1 - i];
        list[targets->len - 1 - i] = other;
    }
    for (guint i = 0; root && i < targets->len; i++) {
        FirnPlanTarget target = list[i];

        if (target.device == root->device) {
            g_array_remove_index(targets, i);
            g_array_append_val(targets, target);
            return;
        }
    }
}

/* Disks get small numbers, in the order in which they come up. */
static void number_disks(GArray *targets)
{
    g_autoptr(GHashTable) numbers = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < targets->len; i++) {
        FirnPlanTarget *target = &g_array_index(targets, FirnPlanTarget, i);
        gpointer key = GUINT_TO_POINTER(target->disk);
        gpointer number;

        if (!g_hash_table_lookup_extended(numbers, key, NULL, &number)) {
            number = GUINT_TO_POINTER(g_hash_table_size(numbers));
            g_hash_table_insert(numbers, key, number);
        }
        target->disk = GPOINTER_TO_UINT(number);
    }
}

static void sort(Planner *planner)
{
    GArray *targets = planner->store->targets;
    GArray *sorted = g_array_sized_new(FALSE, FALSE, sizeof(FirnPlanTarget), targets->len);
    g_autofree dev_t *wanted = g_new(dev_t, targets->len);
    g_autofree guint *order = g_new(guint, targets->len);
    g_autofree guint *disk = g_new(guint, targets->len);

    reverse(planner, targets);
    for (guint i = 0; i < targets->len; i++)
        wanted[i] = g_array_index(targets, FirnPlanTarget, i).device;
    firn_order_sort(wanted, targets->len, list_lower, planner, order, disk);
    for (guint i = 0; i < targets->len; i++) {
        FirnPlanTarget target = g_array_index(targets, FirnPlanTarget, order[i]);

        target.disk = disk[order[i]];
        g_array_append_val(sorted, target);
    }
    number_disks(sorted);
    planner->store->targets = sorted;
    g_array_unref(targets);
}

static struct FirnPlanStore *store_new(void)
{
    struct FirnPlanStore *store = g_new0(struct FirnPlanStore, 1);

    store->strings = g_string_chunk_new(4096);
    store->targets = g_array_new(FALSE, FALSE, sizeof(FirnPlanTarget));
    store->omissions = g_array_new(FALSE, FALSE, sizeof(FirnPlanOmission));
    store->mounts = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    return store;
}

FirnPlan *firn_plan_new(const FirnMounts *mounts, const FirnDevices *devices,
                        const FirnSelection *selection)
{
    FirnPlan *plan = g_new0(FirnPlan, 1);
    Planner planner = {
        .table = mounts,
        .devices = devices,
        .selection = selection,
        .index = firn_mount_index_new(mounts),
        .ways = firn_mount_ways_new(mounts),
        .supers = g_array_new(FALSE, FALSE, sizeof(Super)),
        .by_device = g_hash_table_new(g_int64_hash, g_int64_equal),
        .store = store_new(),
    };

    group(&planner);
    choose(&planner);
    sort(&planner);
    plan->store = planner.store;
    plan->targets = (const FirnPlanTarget *)(gconstpointer)plan->store->targets->data;
    plan->count = plan->store->targets->len;
    plan->omissions = (const FirnPlanOmission *)(gconstpointer)plan->store->omissions->data;
    plan->omission_count = plan->store->omissions->len;
    g_free(planner.next);
    g_hash_table_unref(planner.by_device);
    g_array_unref(planner.supers);
    firn_mount_ways_free(planner.ways);
    firn_mount_index_free(planner.index);
    return plan;
}

void firn_plan_free(FirnPlan *plan)
{
    if (!plan)
        return;
    g_ptr_array_unref(plan->store->mounts);
    g_array_unref(plan->store->omissions);
    g_array_unref(plan->store->targets);
    g_string_chunk_free(plan->store->strings);
    g_free(plan->store);
    g_free(plan);
}

/* One superblock of another namespace. */
static void plan_add_other(FirnPlan *plan, const FirnMount *mount, const char *whose,
                           const FirnSelection *selection)
{
    g_autofree char *number = g_strdup_printf("%u:%u", major(mount->device), minor(mount->device));
    const char *devices[] = {mount->source, number, NULL};
    const char *mountpoints[] = {mount->mountpoint, NULL};
    FirnSelectionSubject subject = {
        .type = mount->type, .devices = devices, .mountpoints = mountpoints};
    FirnPlanOmission why = {
        .mountpoint = mount->mountpoint, .reason = FIRN_OMITTED_ELSEWHERE, .whose = whose};
    FirnPlanReason reason;

    if (judge_type(mount, &reason) &&
        firn_selection_judge(selection, &subject, NULL) == FIRN_SELECTED)
        store_omit(plan->store, mount, &why);
}

void firn_plan_add_elsewhere(FirnPlan *plan, const FirnMounts *mounts, const GPtrArray *others,
                             const FirnSelection *selection)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_int64_hash, g_int64_equal);

    for (guint i = 0; i < mounts->count; i++)
        g_hash_table_add(seen, &mounts->entries[i].device);
    for (guint i = 0; i < others->len; i++) {
        const FirnMountNamespace *other = others->pdata[i];

        for (guint k = 0; k < other->mounts->count; k++) {
            FirnMount *mount = &other->mounts->entries[k];

            if (g_hash_table_add(seen, &mount->device))
                plan_add_other(plan, mount, other->whose, selection);
        }
    }
    plan->omissions = (const FirnPlanOmission *)(gconstpointer)plan->store->omissions->data;
    plan->omission_count = plan->store->omissions->len;
}

FirnPlan *firn_plan_make(const FirnRoots *roots, const char *const *exclude,
                         const char *const *include, const char *const *mountpoints, GError **error)
{
    g_autoptr(FirnMounts) mounts = firn_mounts_read(roots, error);
    g_autoptr(FirnDevices) devices = NULL;
    g_autoptr(FirnSelection) selection = NULL;
    g_autoptr(GPtrArray) others = NULL;
    FirnPlan *plan;

    if (!mounts)
        return NULL;
    devices = firn_devices_read(roots, mounts);
    selection = firn_selection_new(exclude, include, mountpoints);
    plan = firn_plan_new(mounts, devices, selection);
    others = firn_mount_namespaces_read(roots);
    firn_plan_add_elsewhere(plan, mounts, others, selection);
    return plan;
}

const char *firn_plan_reason_text(FirnPlanReason reason)
{
    switch (reason) {
    case FIRN_OMITTED_NETWORK:
        return "network filesystem";
    case FIRN_OMITTED_FUSE:
        return "FUSE filesystem";
    case FIRN_OMITTED_NO_DEVICE:
        return "no block device";
    case FIRN_OMITTED_EXCLUDED:
        return "left out by freeze-exclude";
    case FIRN_OMITTED_NOT_INCLUDED:
        return "not in freeze-include";
    case FIRN_OMITTED_NOT_REQUESTED:
        return "not asked for";
    case FIRN_OMITTED_ELSEWHERE:
        return "mounted in another namespace";
    default:
        return "unknown";
    }
}
