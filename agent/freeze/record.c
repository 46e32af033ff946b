/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "platform/text-file.h"

#define FILE_NAME "freeze-state"
#define MAGIC "firnfrz1"
#define VERSION 2
/* More than any machine needs; keeps a broken file from being taken for one. */
#define COUNT_MAX 1000000
#define NS_PER_SECOND ((gint64)1000000000)

gint64 firn_state_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (gint64)now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static gint64 real_offset(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (gint64)now.tv_sec * NS_PER_SECOND + now.tv_nsec - firn_state_now();
}

/* Where the parts lie in the mapping, by the counts in its head. */
static gsize size_of(const FirnStateHead *head)
{
    return sizeof *head + head->target_count * sizeof(FirnStateTarget) +
           head->hook_count * sizeof(FirnStateHook) + head->text_length;
}

static void lay_out(FirnState *state)
{
    guint8 *at = (guint8 *)state->head;

    at += sizeof *state->head;
    state->targets = (FirnStateTarget *)(gpointer)at;
    at += state->head->target_count * sizeof(FirnStateTarget);
    state->hooks = (FirnStateHook *)(gpointer)at;
    at += state->head->hook_count * sizeof(FirnStateHook);
    state->texts = (const char *)at;
}

/* Appends a text, with its NUL, and returns its number: an offset. 0 is "". */
static guint add_text(GString *texts, const char *text)
{
    guint number = (guint)texts->len;

    if (!text || !*text)
        return 0;
    g_string_append_len(texts, text, (gssize)strlen(text) + 1);
    return number;
}

static char *join(const char *const *mountpoints)
{
    return mountpoints ? g_strjoinv(",", (char **)(guintptr)mountpoints) : NULL;
}

static void fill_targets(GArray *targets, const FirnPlan *plan, GString *texts)
{
    for (guint i = 0; i < plan->count; i++) {
        const FirnPlanTarget *from = &plan->targets[i];
        FirnStateTarget target = {
            .fd = -1,
            .mount_id = from->mounts[0].id,
            .disk = from->disk,
            .device = from->device,
            .mountpoint = add_text(texts, from->mountpoint),
            .type = add_text(texts, from->type),
            .source = add_text(texts, from->source),
        };

        g_array_append_val(targets, target);
    }
}

static void fill_hooks(GArray *hooks, const char *const *paths, GString *texts)
{
    for (guint i = 0; paths && paths[i]; i++) {
        FirnStateHook hook = {.path = add_text(texts, paths[i])};

        g_array_append_val(hooks, hook);
    }
}

static void fill_head(FirnStateHead *head, const FirnConfig *config, const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/sys/kernel/random/boot_id");
    g_autofree char *boot = firn_text_file_read(path, NULL);

    memcpy(head->magic, MAGIC, sizeof head->magic);
    head->version = VERSION;
    g_strlcpy(head->boot, boot ? boot : "", sizeof head->boot);
    head->freezer = (gint)getpid();
    head->agent = head->freezer;
    head->freeze_timeout = config->freeze_timeout;
    head->walk_timeout = config->freeze_walk_timeout;
    head->hook_timeout = config->freeze_hook_timeout;
    head->report_keep = config->report_keep;
    head->verbose = config->verbose != FALSE;
    head->begin = firn_state_now();
    head->real_offset = real_offset();
}

static void set_file_error(GError **error, const char *call, const char *path, int cause)
{
    g_set_error(
        error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
        "cannot keep what is frozen: %s(\"%s\"): %s; --statedir names another folder, which "
        "must be writable and on no disk that is frozen",
        call, path, g_strerror(cause));
}

/* All of the file is there before it gets its name; its space is taken, so that no write to the
 * mapping can fail. */
static gboolean write_file(const char *path, const struct iovec *parts, guint count, gsize size,
                           GError **error)
{
    g_autofree char *draft = g_strconcat(path, ".new", NULL);
    int fd = open(draft, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int cause;

    if (fd < 0) {
        set_file_error(error, "open", draft, errno);
        return FALSE;
    }
    cause = posix_fallocate(fd, 0, (off_t)size);
    for (guint i = 0; i < count && !cause; i++) {
        if (parts[i].iov_len > 0 &&
            write(fd, parts[i].iov_base, parts[i].iov_len) != (ssize_t)parts[i].iov_len)
            cause = errno ? errno : ENOSPC;
    }
    close(fd);
    if (!cause && rename(draft, path) < 0)
        cause = errno;
    if (cause) {
        unlink(draft);
        set_file_error(error, "write", draft, cause);
    }
    return !cause;
}

FirnState *firn_state_create(const FirnConfig *config, const FirnRoots *roots, const FirnPlan *plan,
                             const char *const *hooks, const char *who,
                             const char *const *mountpoints, GError **error)
{
    g_autofree char *path = g_build_filename(config->state_dir, FILE_NAME, NULL);
    g_autofree FirnStateHead *head = g_new0(FirnStateHead, 1);
    g_autoptr(GArray) targets = g_array_new(FALSE, TRUE, sizeof(FirnStateTarget));
    g_autoptr(GArray) hook_rows = g_array_new(FALSE, TRUE, sizeof(FirnStateHook));
    g_autoptr(GString) texts = g_string_new(NULL);
    g_autofree char *asked = join(mountpoints);

    g_string_append_c(texts, '\0');
    fill_head(head, config, roots);
    head->log_file = add_text(texts, config->log_file);
    head->who = add_text(texts, who);
    head->asked = add_text(texts, asked);
    fill_targets(targets, plan, texts);
    fill_hooks(hook_rows, hooks, texts);
    head->target_count = targets->len;
    head->hook_count = hook_rows->len;
    head->text_length = (guint)texts->len;
    {
        const struct iovec parts[] = {
            {head, sizeof *head},
            {targets->data, targets->len * sizeof(FirnStateTarget)},
            {hook_rows->data, hook_rows->len * sizeof(FirnStateHook)},
            {texts->str, texts->len},
        };

        if (!write_file(path, parts, G_N_ELEMENTS(parts), size_of(head), error))
            return NULL;
    }
    return firn_state_open_file(path, error);
}

static gboolean is_valid(const FirnStateHead *head, gsize size)
{
    return size >= sizeof *head && !memcmp(head->magic, MAGIC, sizeof head->magic) &&
           head->version == VERSION && head->target_count <= COUNT_MAX &&
           head->hook_count <= COUNT_MAX && head->text_length >= 1 && size_of(head) == size &&
           ((const char *)head)[size - 1] == '\0' &&
           memchr(head->boot, '\0', sizeof head->boot) != NULL &&
           memchr(head->message, '\0', sizeof head->message) != NULL;
}

static FirnState *map(int fd, const char *path, gsize size, GError **error)
{
    gpointer place = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    FirnState *state;

    if (place == MAP_FAILED) {
        set_file_error(error, "mmap", path, errno);
        return NULL;
    }
    if (!is_valid(place, size)) {
        munmap(place, size);
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "%s is no state file of this version of firn", path);
        return NULL;
    }
    state = g_new0(FirnState, 1);
    state->head = place;
    state->size = size;
    state->path = g_strdup(path);
    lay_out(state);
    state->fds = g_new(int, state->head->target_count);
    for (guint i = 0; i < state->head->target_count; i++)
        state->fds[i] = -1;
    return state;
}

FirnState *firn_state_open_file(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    FirnState *state = NULL;
    struct stat status;

    if (fd < 0) {
        if (errno != ENOENT)
            set_file_error(error, "open", path, errno);
        return NULL;
    }
    if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode) ||
        (gsize)status.st_size < sizeof(FirnStateHead))
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s is no state file of firn's", path);
    else
        state = map(fd, path, (gsize)status.st_size, error);
    close(fd);
    return state;
}

FirnState *firn_state_open(const char *state_dir, GError **error)
{
    g_autofree char *path = g_build_filename(state_dir, FILE_NAME, NULL);

    return firn_state_open_file(path, error);
}

void firn_state_free(FirnState *state)
{
    if (!state)
        return;
    munmap(state->head, state->size);
    g_free(state->fds);
    g_free(state->path);
    g_free(state);
}

void firn_state_remove(const FirnState *state)
{
    unlink(state->path);
}

gboolean firn_state_is_of_this_boot(const FirnState *state, const FirnRoots *roots)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/sys/kernel/random/boot_id");
    g_autofree char *boot = firn_text_file_read(path, NULL);

    return !boot || !state->head->boot[0] || !strcmp(boot, state->head->boot);
}

const char *firn_state_text(const FirnState *state, guint text)
{
    return text < state->head->text_length ? state->texts + text : "";
}

int firn_state_fd(const FirnState *state, const FirnStateTarget *target)
{
    return state->fds[target - state->targets];
}

guint firn_state_count_frozen(const FirnState *state)
{
    guint count = 0;

    for (guint i = 0; i < state->head->target_count; i++) {
        int now = g_atomic_int_get(&state->targets[i].state);

        count += now == FIRN_TARGET_FROZEN || now == FIRN_TARGET_THAWING;
    }
    return count;
}

gboolean firn_state_move(gint *word, int from, int to)
{
    return g_atomic_int_compare_and_exchange(word, from, to);
}

void firn_state_advance(FirnState *state, FirnPhase phase)
{
    int now = g_atomic_int_get(&state->head->phase);

    while (now < (int)phase && !firn_state_move(&state->head->phase, now, (int)phase))
        now = g_atomic_int_get(&state->head->phase);
}

const char *firn_target_state_name(FirnTargetState state)
{
    static const char *const names[] = {"pending",     "freezing", "frozen", "thawing", "thawed",
                                        "unsupported", "foreign",  "hidden", "failed"};

    return (guint)state < G_N_ELEMENTS(names) ? names[state] : "unknown";
}

const char *firn_end_name(FirnEnd end)
{
    static const char *const names[] = {"none",     "request",   "failed",
                                        "empty",    "cancelled", "walk-timeout",
                                        "deadline", "shutdown",  "died"};

    return (guint)end < G_N_ELEMENTS(names) ? names[end] : "unknown";
}
