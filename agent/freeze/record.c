/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/record.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/freeze/report.h"
#include "platform/text-file.h"

#define FILE_NAME "freeze-record"
/* What keeper and watcher are given beyond a deadline: each has a second, and a thaw a second more
 * for each filesystem that hangs. */
#define OVERDUE_NS ((gint64)5000000000)
#define REPORTS "reports"
#define MAGIC "firnrec1"
#define VERSION 3
/* More than any machine needs; keeps a broken file from being taken for a record. */
#define COUNT_MAX 1000000
#define NS_PER_SECOND ((gint64)1000000000)

gint64 firn_record_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (gint64)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static gint64 record_real_offset(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (gint64)now.tv_sec * NS_PER_SECOND + now.tv_nsec - firn_record_now();
}

/* --- making one --------------------------------------------------------------------------------
 */

static gsize record_size(const FirnRecordHead *head)
{
    return sizeof *head + head->target_count * sizeof(FirnRecordTarget) +
           head->hook_count * sizeof(FirnRecordHook) + head->text_length;
}

gsize firn_record_estimate(guint targets)
{
    const gsize texts = 128; /* mountpoint, type and source of one */

    return sizeof(FirnRecordHead) + targets * (sizeof(FirnRecordTarget) + texts);
}

/* Appends a text, with its NUL, and returns its number: an offset. 0 is "". */
static guint draft_text(GString *texts, const char *text)
{
    guint number = (guint)texts->len;

    if (!text || !*text)
        return 0;
    g_string_append_len(texts, text, (gssize)strlen(text) + 1);
    return number;
}

static void draft_targets(GArray *targets, const FirnPlan *plan, GString *texts)
{
    for (guint i = 0; plan && i < plan->count; i++) {
        const FirnPlanTarget *from = &plan->targets[i];
        FirnRecordTarget target = {
            .mount_id = from->mounts[0].id,
            .disk = from->disk,
            .device = from->device,
            .mountpoint = draft_text(texts, from->mountpoint),
            .type = draft_text(texts, from->type),
            .source = draft_text(texts, from->source),
        };

        g_array_append_val(targets, target);
    }
}

/* What other mount namespaces alone have mounted: told, and not touched. */
static void draft_elsewhere(GArray *targets, const FirnPlan *plan, GString *texts)
{
    for (guint i = 0; plan && i < plan->omission_count; i++) {
        const FirnPlanOmission *from = &plan->omissions[i];
        FirnRecordTarget target = {.state = FIRN_TARGET_ELSEWHERE};

        if (from->reason != FIRN_OMITTED_ELSEWHERE)
            continue;
        target.mountpoint = draft_text(texts, from->mountpoint);
        target.type = draft_text(texts, from->type);
        target.source = draft_text(texts, from->source);
        target.whose = draft_text(texts, from->whose);
        g_array_append_val(targets, target);
    }
}

static void draft_hooks(GArray *hooks, const char *const *paths, GString *texts)
{
    for (guint i = 0; paths && paths[i]; i++) {
        FirnRecordHook hook = {.path = draft_text(texts, paths[i])};

        g_array_append_val(hooks, hook);
    }
}

static gint64 seconds_after(gint64 time, guint seconds)
{
    return seconds > 0 ? time + seconds * NS_PER_SECOND : 0;
}

static void draft_head(FirnRecordHead *head, const FirnFreezeRequest *request, GString *texts)
{
    g_autofree char *path = g_strconcat(request->root, "/proc/sys/kernel/random/boot_id", NULL);
    g_autofree char *boot = firn_text_file_read(path, NULL);
    g_autofree char *asked = request->mountpoints ? g_strjoinv(",", request->mountpoints) : NULL;

    memcpy(head->magic, MAGIC, sizeof head->magic);
    head->version = VERSION;
    g_strlcpy(head->boot, boot ? boot : "", sizeof head->boot);
    head->freeze_timeout = request->freeze_timeout;
    head->walk_timeout = request->walk_timeout;
    head->hook_timeout = request->hook_timeout;
    head->report_keep = request->report_keep;
    head->verbose = request->verbose != FALSE;
    head->begin = firn_record_now();
    head->deadline = seconds_after(head->begin, request->freeze_timeout);
    head->real_offset = record_real_offset();
    head->log_file = draft_text(texts, request->log_file);
    head->who = draft_text(texts, request->who);
    head->mountpoints = draft_text(texts, asked);
}

static void record_set_error(GError **error, const char *call, const char *path, int cause)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "cannot keep a record of the freeze: %s(\"%s\"): %s; make room there, or name "
                "another folder below /run with 'statedir'",
                call, path, g_strerror(cause));
}

/* All of the file is there, and locked, before it gets its name; its space is taken, so that no
 * write to the mapping can fail. The descriptor, or -1. */
static int record_write(const char *path, const struct iovec *parts, guint count, gsize size,
                        GError **error)
{
    g_autofree char *draft = g_strconcat(path, ".new", NULL);
    int fd = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int cause;

    if (fd < 0) {
        record_set_error(error, "open", draft, errno);
        return -1;
    }
    cause = posix_fallocate(fd, 0, (off_t)size);
    for (guint i = 0; i < count && !cause; i++) {
        if (parts[i].iov_len > 0 &&
            write(fd, parts[i].iov_base, parts[i].iov_len) != (ssize_t)parts[i].iov_len)
            cause = errno ? errno : ENOSPC;
    }
    if (!cause && flock(fd, LOCK_EX | LOCK_NB) < 0)
        cause = errno;
    if (!cause && rename(draft, path) < 0)
        cause = errno;
    if (!cause)
        return fd;
    unlink(draft);
    close(fd);
    record_set_error(error, "write", draft, cause);
    return -1;
}

static gboolean record_is_valid(const FirnRecordHead *head, gsize size)
{
    return size >= sizeof *head && !memcmp(head->magic, MAGIC, sizeof head->magic) &&
           head->version == VERSION && head->target_count <= COUNT_MAX &&
           head->hook_count <= COUNT_MAX && head->text_length >= 1 && record_size(head) == size &&
           ((const char *)head)[size - 1] == '\0' &&
           memchr(head->boot, '\0', sizeof head->boot) != NULL &&
           memchr(head->message, '\0', sizeof head->message) != NULL;
}

static void record_lay_out(FirnRecord *record)
{
    guint8 *at = (guint8 *)record->head;

    at += sizeof *record->head;
    record->targets = (FirnRecordTarget *)(gpointer)at;
    at += record->head->target_count * sizeof(FirnRecordTarget);
    record->hooks = (FirnRecordHook *)(gpointer)at;
    at += record->head->hook_count * sizeof(FirnRecordHook);
    record->texts = (const char *)at;
    record->fds = g_new(int, record->head->target_count + 1);
    for (guint i = 0; i < record->head->target_count; i++)
        record->fds[i] = -1;
}

/* A mapping holds the open file that it is of, and with that its flock(2), as long as a process has
 * it: so it is of another open file than the locked one. */
static gpointer record_map_apart(int fd, gsize size)
{
    g_autofree char *again = g_strdup_printf("/proc/self/fd/%d", fd);
    int other = open(again, O_RDWR | O_CLOEXEC);
    gpointer place;
    int cause;

    if (other < 0)
        return MAP_FAILED;
    place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
    cause = errno;
    close(other);
    errno = cause;
    return place;
}

/* Takes the descriptor. */
static FirnRecord *record_map(int fd, const char *path, GError **error)
{
    struct stat status;
    gpointer place;
    FirnRecord *record;

    if (fstat(fd, &status) < 0) {
        record_set_error(error, "fstat", path, errno);
        close(fd);
        return NULL;
    }
    if (!S_ISREG(status.st_mode) || (gsize)status.st_size < sizeof(FirnRecordHead)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no record of a freeze", path);
        close(fd);
        return NULL;
    }
    place = record_map_apart(fd, (gsize)status.st_size);
    if (place == MAP_FAILED) {
        record_set_error(error, "mmap", path, errno);
        close(fd);
        return NULL;
    }
    if (!record_is_valid(place, (gsize)status.st_size)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s is no record of this version of firn: remove it once nothing is frozen",
                    path);
        munmap(place, (gsize)status.st_size);
        close(fd);
        return NULL;
    }
    record = g_new0(FirnRecord, 1);
    record->head = place;
    record->size = (gsize)status.st_size;
    record->path = g_strdup(path);
    record->fd = fd;
    record->calls = &firn_superblock_kernel_calls;
    record_lay_out(record);
    return record;
}

/* The report needs no room of its own later: its folder is there. */
static gboolean record_make_reports(const char *state_dir, GError **error)
{
    g_autofree char *folder = g_build_filename(state_dir, REPORTS, NULL);

    if (mkdir(folder, 0700) == 0 || errno == EEXIST)
        return TRUE;
    record_set_error(error, "mkdir", folder, errno);
    return FALSE;
}

FirnRecord *firn_record_create(const FirnFreezeRequest *request, const FirnPlan *plan,
                               const char *const *hooks, GError **error)
{
    g_autofree char *path = g_build_filename(request->state_dir, FILE_NAME, NULL);
    g_autofree FirnRecordHead *head = g_new0(FirnRecordHead, 1);
    g_autoptr(GArray) targets = g_array_new(FALSE, TRUE, sizeof(FirnRecordTarget));
    g_autoptr(GArray) hook_rows = g_array_new(FALSE, TRUE, sizeof(FirnRecordHook));
    g_autoptr(GString) texts = g_string_new(NULL);
    int fd;

    g_string_append_c(texts, '\0');
    draft_head(head, request, texts);
    draft_targets(targets, plan, texts);
    draft_elsewhere(targets, plan, texts);
    draft_hooks(hook_rows, hooks, texts);
    head->target_count = targets->len;
    head->hook_count = hook_rows->len;
    head->text_length = (guint)texts->len;
    {
        const struct iovec parts[] = {
            {head, sizeof *head},
            {targets->data, targets->len * sizeof(FirnRecordTarget)},
            {hook_rows->data, hook_rows->len * sizeof(FirnRecordHook)},
            {texts->str, texts->len},
        };

        if (!record_make_reports(request->state_dir, error))
            return NULL;
        fd = record_write(path, parts, G_N_ELEMENTS(parts), record_size(head), error);
    }
    return fd >= 0 ? record_map(fd, path, error) : NULL;
}

/* --- finding one -------------------------------------------------------------------------------
 */

FirnRecord *firn_record_open_report(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    if (fd >= 0)
        return record_map(fd, path, error);
    if (errno != ENOENT)
        record_set_error(error, "open", path, errno);
    return NULL;
}

FirnRecord *firn_record_open(const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, FILE_NAME, NULL);

    return firn_record_open_report(path, error);
}

FirnRecord *firn_record_adopt(int fd, const char *path, GError **error)
{
    return record_map(fd, path, error);
}

void firn_record_free(FirnRecord *record)
{
    if (!record)
        return;
    munmap(record->head, record->size);
    close(record->fd);
    g_free(record->fds);
    g_free(record->path);
    g_free(record);
}

gboolean firn_record_lock(FirnRecord *record)
{
    int result;

    do {
        result = flock(record->fd, LOCK_EX | LOCK_NB);
    } while (result < 0 && errno == EINTR);
    return result == 0;
}

/* The last time that a thaw went on. */
static gint64 record_last_thaw(const FirnRecord *record)
{
    gint64 last = record->head->thaw_begin;

    for (guint i = 0; i < record->head->target_count; i++)
        last = MAX(last, MAX(record->targets[i].thaw_begin, record->targets[i].thaw_end));
    return last;
}

gboolean firn_record_is_overdue(const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;
    gint64 late = firn_record_now() - OVERDUE_NS;

    /* a FITHAW that is on its way may take hours */
    if (head->phase >= FIRN_PHASE_THAW)
        return firn_record_find(record, FIRN_TARGET_FROZEN) >= 0 && late > record_last_thaw(record);
    if (firn_record_count_frozen(record) == 0 && firn_record_find(record, FIRN_TARGET_FREEZING) < 0)
        return FALSE;
    if (head->phase == FIRN_PHASE_WALK && head->walk_deadline && late > head->walk_deadline)
        return TRUE;
    return head->deadline && late > head->deadline;
}

gboolean firn_record_is_of_this_boot(const FirnRecord *record, const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/sys/kernel/random/boot_id");
    g_autofree char *boot = firn_text_file_read(path, NULL);

    return !boot || !record->head->boot[0] || !strcmp(boot, record->head->boot);
}

gboolean firn_record_is_left(const char *state_dir, const FirnRoots *roots, gboolean *frozen)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(FirnRecord) record = firn_record_open(state_dir, &error);

    *frozen = record && firn_record_count_frozen(record) > 0;
    if (error) {
        *frozen = TRUE; /* for all that is known: a keeper looks again, and says so */
        return TRUE;
    }
    if (!record || firn_record_is_of_this_boot(record, roots))
        return record != NULL;
    firn_record_forget(record);
    *frozen = FALSE;
    return FALSE;
}

int firn_record_find_stuck(const FirnRecord *record)
{
    for (guint i = 0; i < record->head->target_count; i++) {
        FirnRecordTarget *target = &record->targets[i];

        if (g_atomic_int_get(&target->state) == FIRN_TARGET_STUCK &&
            !g_atomic_int_get(&target->returned))
            return (int)i;
    }
    return -1;
}

/* --- changing one ------------------------------------------------------------------------------
 */

gboolean firn_record_move(gint *word, int from, int to)
{
    return g_atomic_int_compare_and_exchange(word, from, to);
}

void firn_record_advance(FirnRecord *record, FirnPhase phase)
{
    int now = g_atomic_int_get(&record->head->phase);

    while (now < (int)phase && !firn_record_move(&record->head->phase, now, (int)phase))
        now = g_atomic_int_get(&record->head->phase);
}

/* --- ending one --------------------------------------------------------------------------------
 */

/* The name may be a later freeze's by now. */
static gboolean record_has_name(const FirnRecord *record)
{
    struct stat own, named;

    return fstat(record->fd, &own) == 0 && lstat(record->path, &named) == 0 &&
           own.st_dev == named.st_dev && own.st_ino == named.st_ino;
}

void firn_record_forget(const FirnRecord *record)
{
    if (record_has_name(record))
        unlink(record->path);
}

/* A process that was killed since may have made it. */
static int record_link(const char *path, const char *report)
{
    return link(path, report) < 0 && errno != EEXIST ? -1 : 0;
}

gboolean firn_record_finish(FirnRecord *record, GError **error)
{
    FirnRecordHead *head = record->head;
    g_autofree char *state_dir = g_path_get_dirname(record->path);
    g_autofree char *report = firn_report_path(state_dir, (head->begin + head->real_offset) / 1000);
    gboolean stuck = firn_record_find_stuck(record) >= 0;
    /* a note that the host has not got yet is kept, whatever the configuration says */
    gboolean keep = head->report_keep > 0 || (head->early && !g_atomic_int_get(&head->told));
    int result = 0;

    if (keep && !record_has_name(record))
        result = access(report, F_OK); /* a process that was killed since has done it */
    else if (keep)
        result = stuck ? record_link(record->path, report) : rename(record->path, report);
    if (!stuck && result == 0)
        firn_record_forget(record); /* rename(2) leaves both names of one file */
    if (result < 0) {
        record_set_error(error, stuck ? "link" : "rename", report, errno);
        if (!stuck) /* else the next keeper must find it */
            firn_record_forget(record);
        return FALSE;
    }
    firn_report_remove_oldest(state_dir, keep ? MAX(head->report_keep, 1) : head->report_keep);
    return TRUE;
}
