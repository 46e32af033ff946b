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

static void write_filesystem(QgaWriter *writer, const FirnFilesystem *filesystem,
                             const FirnUsage *usage)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "name", filesystem->name);
    qga_writer_member_string(writer, "mountpoint", filesystem->mountpoint);
    qga_writer_member_string(writer, "type", filesystem->type);
    if (usage && usage->known) {
        qga_writer_member_uint(writer, "used-bytes", usage->used);
        qga_writer_member_uint(writer, "total-bytes", usage->total);
        qga_writer_member_uint(writer, "total-bytes-privileged", usage->total_privileged);
    }
    qga_writer_name(writer, "disk");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < filesystem->disk_count; i++)
        firn_reply_disk_address(writer, filesystem->disks[i]);
    qga_writer_end_array(writer);
    qga_writer_end_object(writer);
}

/* Sizes of what was not asked in time may be written at this moment: they are not looked at. */
static void usage_done(guint finished, gpointer data)
{
    UsageJob *job = data;
    QgaWriter *writer = qga_reply_begin(job->reply);
    guint next = 0;

    if (finished < job->asked_count) {
        const FirnFilesystem *hung = &job->filesystems->entries[job->asked[finished]];

        job->hung = note_hung(job->storage, "guest-get-fsinfo", hung->usage_path);
    }
    qga_writer_begin_array(writer);
    for (guint i = 0; i < job->filesystems->count; i++) {
        gboolean known = next < finished && job->asked[next] == i;

        if (known)
            next++;
        write_filesystem(writer, &job->filesystems->entries[i], known ? &job->usages[i] : NULL);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(job->reply);
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

static void write_disk(QgaWriter *writer, const FirnDisk *disk, const Health *health)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "name", disk->node);
    qga_writer_member_bool(writer, "partition", disk->partition);
    qga_writer_name(writer, "dependencies");
    qga_writer_begin_array(writer);
    for (char **node = disk->dependencies; *node; node++)
        qga_writer_string(writer, *node);
    qga_writer_end_array(writer);
    if (disk->address) {
        qga_writer_name(writer, "address");
        firn_reply_disk_address(writer, disk->address);
    }
    qga_writer_member_string(writer, "alias", disk->alias);
    if (health && health->known) {
        qga_writer_name(writer, "smart");
        firn_reply_nvme_smart(writer, &health->smart);
    }
    qga_writer_end_object(writer);
}

static void health_done(guint finished, gpointer data)
{
    HealthJob *job = data;
    QgaWriter *writer = qga_reply_begin(job->reply);
    guint next = 0;

    if (finished < job->asked->len) {
        guint place = g_array_index(job->asked, guint, finished);
        const FirnDisk *hung = g_ptr_array_index(job->disks, place);

        job->hung = note_hung(job->storage, "guest-get-disks", hung->node);
    }
    qga_writer_begin_array(writer);
    for (guint i = 0; i < job->disks->len; i++) {
        gboolean known = next < finished && g_array_index(job->asked, guint, next) == i;

        if (known)
            next++;
        write_disk(writer, g_ptr_array_index(job->disks, i), known ? &job->healths[i] : NULL);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(job->reply);
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

static void write_diskstat(QgaWriter *writer, const FirnDiskstat *stat)
{
    static const char *const members[FIRN_DISKSTAT_COLUMNS] = {
        "read-ios",     "read-merges",   "read-sectors",   "read-ticks",      "write-ios",
        "write-merges", "write-sectors", "write-ticks",    "ios-pgr",         "total-ticks",
        "weight-ticks", "discard-ios",   "discard-merges", "discard-sectors", "discard-ticks",
        "flush-ios",    "flush-ticks",
    };

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "name", stat->name);
    qga_writer_member_uint(writer, "major", stat->major);
    qga_writer_member_uint(writer, "minor", stat->minor);
    qga_writer_name(writer, "stats");
    qga_writer_begin_object(writer);
    for (guint i = 0; i < stat->columns; i++)
        qga_writer_member_uint(writer, members[i], stat->values[i]);
    qga_writer_end_object(writer);
    qga_writer_end_object(writer);
}

static void get_diskstats(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Storage *storage = data;
    GError *error = NULL;
    g_autoptr(FirnDiskstats) stats = firn_diskstats_read(storage->roots, &error);
    QgaWriter *writer;

    if (!stats) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    for (guint i = 0; i < stats->entries->len; i++)
        write_diskstat(writer, &g_array_index(stats->entries, FirnDiskstat, i));
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

#define DISK_ADDRESS                                                                               \
    "{pci-controller: {domain: int, bus: int, slot: int, function: int}, bus-type: str, "          \
    "bus: int, target: int, unit: int, serial?: str, dev?: str, "                                  \
    "ccw-address?: {cssid: int, ssid: int, subchno: int, devno: int}}"

static const QgaCommand rows[] = {
    {
        .name = "guest-get-fsinfo",
        .returns = "[{name: str, mountpoint: str, type: str, used-bytes?: int, total-bytes?: int, "
                   "total-bytes-privileged?: int, disk: [" DISK_ADDRESS "]}]",
        .summary = "The mounted filesystems that have a device, each once, the last mounted first, "
                   "with the disks they lie on; network and FUSE filesystems are not touched.",
        .flags = QGA_COMMAND_BRIEF,
        .handler = get_fsinfo,
    },
    {
        .name = "guest-get-disks",
        .returns = "[{name: str, partition: bool, dependencies: [str], address?: " DISK_ADDRESS
                   ", alias?: str, smart?: {type: \"nvme\", ...}}]",
        .summary = "The disks of non-zero size and their partitions, what each stands on, and the "
                   "health that NVMe drives tell (log page 02h).",
        .flags = QGA_COMMAND_BRIEF,
        .handler = get_disks,
    },
    {
        .name = "guest-get-diskstats",
        .returns = "[{name: str, major: int, minor: int, stats: {read-sectors?: int, ...}}]",
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
