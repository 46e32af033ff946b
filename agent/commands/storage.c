/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/disk-reply.h"
#include "agent/commands/families.h"
#include "agent/probe.h"
#include "platform/disks.h"
#include "platform/diskstats.h"
#include "platform/filesystems.h"
#include "platform/nvme-smart.h"

/* How long a reply waits for sizes of filesystems, or health of drives, in milliseconds: less than
 * any client waits. */
#define PROBE_MS 5000

/* The family's own; it outlives the commands where a probe still hangs. */
typedef struct {
    const FirnRoots *roots;
    GHashTable *hung; /* paths that a probe hangs on: nobody asks those again meanwhile */
} Storage;

static void storage_clear(gpointer data)
{
    g_hash_table_unref(((Storage *)data)->hung);
}

static void storage_unref(gpointer data)
{
    g_rc_box_release_full(data, storage_clear);
}

/* Notes what a probe hangs on, so that there is one hung thread for each at most. */
static char *note_hung(Storage *storage, const char *command, const char *path)
{
    g_warning("%s: %s does not answer; it is left out", command, path);
    g_hash_table_add(storage->hung, g_strdup(path));
    return g_strdup(path);
}

static void forget_hung(Storage *storage, char *path)
{
    if (path)
        g_hash_table_remove(storage->hung, path);
    g_free(path);
}

typedef struct {
    Storage *storage;
    QgaReply *reply;
    FirnFilesystems *filesystems;
    guint *asked; /* places in `filesystems` */
    guint asked_count;
    FirnUsage *usages; /* of each filesystem */
    char *hung;        /* NULL: none */
} UsageJob;

static void usage_job_free(gpointer data)
{
    UsageJob *job = data;

    forget_hung(job->storage, job->hung);
    firn_filesystems_free(job->filesystems);
    g_free(job->asked);
    g_free(job->usages);
    storage_unref(job->storage);
    g_free(job);
}

static void usage_ask(guint index, gpointer data)
{
    UsageJob *job = data;
    guint place = job->asked[index];

    job->usages[place] = firn_usage_read(job->filesystems->entries[place].usage_path);
}

static JsonObject *filesystem_object(const FirnFilesystem *filesystem, const FirnUsage *usage)
{
    JsonObject *object = json_object_new();
    JsonArray *disks = json_array_new();

    json_object_set_string_member(object, "name", filesystem->name);
    json_object_set_string_member(object, "mountpoint", filesystem->mountpoint);
    json_object_set_string_member(object, "type", filesystem->type);
    if (usage && usage->known) {
        qga_json_set_uint(object, "used-bytes", usage->used);
        qga_json_set_uint(object, "total-bytes", usage->total);
        qga_json_set_uint(object, "total-bytes-privileged", usage->total_privileged);
    }
    for (guint i = 0; i < filesystem->disk_count; i++)
        json_array_add_object_element(disks, firn_reply_disk_address(filesystem->disks[i]));
    json_object_set_array_member(object, "disk", disks);
    return object;
}

/* Sizes of what was not asked in time may be written at this moment: they are not looked at. */
static void usage_done(guint finished, gpointer data)
{
    UsageJob *job = data;
    JsonArray *array = json_array_new();
    guint next = 0;

    if (finished < job->asked_count) {
        const FirnFilesystem *hung = &job->filesystems->entries[job->asked[finished]];

        job->hung = note_hung(job->storage, "guest-get-fsinfo", hung->usage_path);
    }
    for (guint i = 0; i < job->filesystems->count; i++) {
        gboolean known = next < finished && job->asked[next] == i;

        if (known)
            next++;
        json_array_add_object_element(array, filesystem_object(&job->filesystems->entries[i],
                                                               known ? &job->usages[i] : NULL));
    }
    qga_reply_return_array(job->reply, array);
    g_clear_pointer(&job->reply, qga_reply_unref);
}

static void get_fsinfo(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Storage *storage = data;
    GError *error = NULL;
    FirnFilesystems *filesystems = firn_filesystems_read(storage->roots, &error);
    UsageJob *job;

    if (!filesystems) {
        qga_reply_fail_error(reply, error);
        return;
    }
    job = g_new0(UsageJob, 1);
    job->storage = g_rc_box_acquire(storage);
    job->reply = qga_reply_ref(reply);
    job->filesystems = filesystems;
    job->asked = g_new(guint, filesystems->count);
    job->usages = g_new0(FirnUsage, filesystems->count);
    for (guint i = 0; i < filesystems->count; i++) {
        const char *path = filesystems->entries[i].usage_path;

        if (path && !g_hash_table_contains(storage->hung, path))
            job->asked[job->asked_count++] = i;
    }
    firn_probe_start("fsinfo", job->asked_count, PROBE_MS, usage_ask, usage_done, job,
                     usage_job_free);
}

/* Drives that can tell of their health; a partition has no address. */
static gboolean is_nvme(const FirnDisk *disk)
{
    return disk->address && disk->address->bus_type == FIRN_BUS_NVME;
}

typedef struct {
    FirnNvmeSmart smart;
    gboolean known;
} Health;

typedef struct {
    Storage *storage;
    QgaReply *reply;
    GPtrArray *disks; /* FirnDisk */
    GArray *asked;    /* guint, places in `disks` */
    Health *healths;  /* of each disk */
    char *hung;       /* NULL: none */
} HealthJob;

static void health_job_free(gpointer data)
{
    HealthJob *job = data;

    forget_hung(job->storage, job->hung);
    g_ptr_array_unref(job->disks);
    g_array_unref(job->asked);
    g_free(job->healths);
    storage_unref(job->storage);
    g_free(job);
}

static void health_ask(guint index, gpointer data)
{
    HealthJob *job = data;
    guint place = g_array_index(job->asked, guint, index);
    const FirnDisk *disk = g_ptr_array_index(job->disks, place);
    Health *health = &job->healths[place];

    health->known = firn_nvme_smart_read(disk->node, &health->smart);
}

static JsonObject *disk_object(const FirnDisk *disk, const Health *health)
{
    JsonObject *object = json_object_new();
    JsonArray *dependencies = json_array_new();

    json_object_set_string_member(object, "name", disk->node);
    json_object_set_boolean_member(object, "partition", disk->partition);
    for (char **node = disk->dependencies; *node; node++)
        json_array_add_string_element(dependencies, *node);
    json_object_set_array_member(object, "dependencies", dependencies);
    if (disk->address)
        json_object_set_object_member(object, "address", firn_reply_disk_address(disk->address));
    qga_json_set_string(object, "alias", disk->alias);
    if (health && health->known)
        json_object_set_object_member(object, "smart", firn_reply_nvme_smart(&health->smart));
    return object;
}

static void health_done(guint finished, gpointer data)
{
    HealthJob *job = data;
    JsonArray *array = json_array_new();
    guint next = 0;

    if (finished < job->asked->len) {
        guint place = g_array_index(job->asked, guint, finished);
        const FirnDisk *hung = g_ptr_array_index(job->disks, place);

        job->hung = note_hung(job->storage, "guest-get-disks", hung->node);
    }
    for (guint i = 0; i < job->disks->len; i++) {
        gboolean known = next < finished && g_array_index(job->asked, guint, next) == i;

        if (known)
            next++;
        json_array_add_object_element(
            array, disk_object(g_ptr_array_index(job->disks, i), known ? &job->healths[i] : NULL));
    }
    qga_reply_return_array(job->reply, array);
    g_clear_pointer(&job->reply, qga_reply_unref);
}

static void get_disks(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Storage *storage = data;
    GError *error = NULL;
    GPtrArray *disks = firn_disks_read(storage->roots, &error);
    HealthJob *job;

    if (!disks) {
        qga_reply_fail_error(reply, error);
        return;
    }
    job = g_new0(HealthJob, 1);
    job->storage = g_rc_box_acquire(storage);
    job->reply = qga_reply_ref(reply);
    job->disks = disks;
    job->asked = g_array_new(FALSE, FALSE, sizeof(guint));
    job->healths = g_new0(Health, disks->len);
    for (guint i = 0; i < disks->len; i++) {
        const FirnDisk *disk = g_ptr_array_index(disks, i);

        if (is_nvme(disk) && firn_roots_are_host(storage->roots) &&
            !g_hash_table_contains(storage->hung, disk->node))
            g_array_append_val(job->asked, i);
    }
    if (job->asked->len > 0) {
        firn_probe_start("disks", job->asked->len, PROBE_MS, health_ask, health_done, job,
                         health_job_free);
        return;
    }
    health_done(0, job);
    health_job_free(job);
}

static const QgaMember diskstat_columns[] = {
    {"read-ios", QGA_TYPE_UINT64, TRUE},       {"read-merges", QGA_TYPE_UINT64, TRUE},
    {"read-sectors", QGA_TYPE_UINT64, TRUE},   {"read-ticks", QGA_TYPE_UINT64, TRUE},
    {"write-ios", QGA_TYPE_UINT64, TRUE},      {"write-merges", QGA_TYPE_UINT64, TRUE},
    {"write-sectors", QGA_TYPE_UINT64, TRUE},  {"write-ticks", QGA_TYPE_UINT64, TRUE},
    {"ios-pgr", QGA_TYPE_UINT64, TRUE},        {"total-ticks", QGA_TYPE_UINT64, TRUE},
    {"weight-ticks", QGA_TYPE_UINT64, TRUE},   {"discard-ios", QGA_TYPE_UINT64, TRUE},
    {"discard-merges", QGA_TYPE_UINT64, TRUE}, {"discard-sectors", QGA_TYPE_UINT64, TRUE},
    {"discard-ticks", QGA_TYPE_UINT64, TRUE},  {"flush-ios", QGA_TYPE_UINT64, TRUE},
    {"flush-ticks", QGA_TYPE_UINT64, TRUE},    {0},
};
G_STATIC_ASSERT(G_N_ELEMENTS(diskstat_columns) == FIRN_DISKSTAT_COLUMNS + 1);

static JsonObject *diskstat_object(const FirnDiskstat *stat)
{
    JsonObject *object = json_object_new();
    JsonObject *columns = json_object_new();

    json_object_set_string_member(object, "name", stat->name);
    json_object_set_int_member(object, "major", stat->major);
    json_object_set_int_member(object, "minor", stat->minor);
    for (guint i = 0; i < stat->columns; i++)
        qga_json_set_uint(columns, diskstat_columns[i].name, stat->values[i]);
    json_object_set_object_member(object, "stats", columns);
    return object;
}

static void get_diskstats(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Storage *storage = data;
    GError *error = NULL;
    g_autoptr(FirnDiskstats) stats = firn_diskstats_read(storage->roots, &error);
    JsonArray *array;

    if (!stats) {
        qga_reply_fail_error(reply, error);
        return;
    }
    array = json_array_new();
    for (guint i = 0; i < stats->entries->len; i++)
        json_array_add_object_element(
            array, diskstat_object(&g_array_index(stats->entries, FirnDiskstat, i)));
    qga_reply_return_array(reply, array);
}

static const QgaMember fsinfo_members[] = {
    {"name", QGA_TYPE_STRING},
    {"mountpoint", QGA_TYPE_STRING},
    {"type", QGA_TYPE_STRING},
    {"used-bytes", QGA_TYPE_UINT64, TRUE},
    {"total-bytes", QGA_TYPE_UINT64, TRUE},
    {"total-bytes-privileged", QGA_TYPE_UINT64, TRUE},
    {"disk", QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = firn_disk_address_members},
    {0},
};
static const QgaMember fsinfo_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = fsinfo_members};
static const QgaMember disk_members[] = {
    {"name", QGA_TYPE_STRING},
    {"partition", QGA_TYPE_BOOL},
    {"dependencies", QGA_TYPE_LIST, .element = QGA_TYPE_STRING},
    {"address", QGA_TYPE_STRUCT, TRUE, .members = firn_disk_address_members},
    {"alias", QGA_TYPE_STRING, TRUE},
    {"smart", QGA_TYPE_STRUCT, TRUE, .members = firn_nvme_smart_members},
    {0},
};
static const QgaMember disks_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = disk_members};
static const QgaMember diskstat_members[] = {
    {"name", QGA_TYPE_STRING},
    {"major", QGA_TYPE_INT},
    {"minor", QGA_TYPE_INT},
    {"stats", QGA_TYPE_STRUCT, .members = diskstat_columns},
    {0},
};
static const QgaMember diskstats_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = diskstat_members};

static const QgaCommand rows[] = {
    {
        .name = "guest-get-fsinfo",
        .returns = &fsinfo_returns,
        .summary = "The mounted filesystems that have a device, each once, the last mounted first, "
                   "with the disks they lie on; network and FUSE filesystems are not touched.",
        .flags = QGA_COMMAND_BRIEF,
        .handler = get_fsinfo,
    },
    {
        .name = "guest-get-disks",
        .returns = &disks_returns,
        .summary = "The disks of non-zero size and their partitions, what each stands on, and the "
                   "health that NVMe drives tell (log page 02h).",
        .flags = QGA_COMMAND_BRIEF,
        .handler = get_disks,
    },
    {
        .name = "guest-get-diskstats",
        .returns = &diskstats_returns,
        .summary = "The kernel's counters of every block device, as far as this kernel has them.",
        .handler = get_diskstats,
    },
};

void firn_storage_commands_add(QgaCommands *commands, const FirnContext *context)
{
    Storage *storage = g_rc_box_new0(Storage);

    storage->roots = context->roots;
    storage->hung = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), storage, storage_unref);
}
