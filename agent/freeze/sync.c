/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/sync.h"

#include "platform/superblock.h"

/* More disks than that do not get faster by being asked at once. */
#define THREADS_MAX 16
/* A pass that takes no longer leaves a walk little to write. */
#define SHORT_PASS_NS ((gint64)30 * 1000 * 1000)
/* Whoever writes without end does not keep the freeze from coming. */
#define PASSES_MAX 5
/* How soon a cancel is noticed. */
#define TICK_US (50 * 1000)
#define NS_PER_SECOND ((gint64)1000000000)

typedef struct {
    guint target; /* its row in the state */
    guint disk;
    int fd;
    int error;
    gint64 begin, end;
} Item;

/* A pass outlives its caller when a thread hangs: so it has copies of all it needs. */
typedef struct {
    gint refs;
    GMutex lock;
    GCond changed;
    FirnTargets *targets; /* keeps the descriptors open */
    Item *items;          /* by disk */
    guint count;
    guint next;    /* the first item of the disk that is next */
    guint pending; /* items not done */
    gboolean abandoned;
} Pass;

static void pass_unref(Pass *pass)
{
    if (!g_atomic_int_dec_and_test(&pass->refs))
        return;
    g_mutex_clear(&pass->lock);
    g_cond_clear(&pass->changed);
    firn_targets_unref(pass->targets);
    g_free(pass->items);
    g_free(pass);
}

static int compare_disks(gconstpointer a, gconstpointer b, gpointer data)
{
    const Item *left = a;
    const Item *right = b;

    if (left->disk != right->disk)
        return left->disk < right->disk ? -1 : 1;
    return (left->target > right->target) - (left->target < right->target);
}

static Pass *pass_new(FirnState *state, FirnTargets *targets)
{
    Pass *pass = g_new0(Pass, 1);

    pass->refs = 1;
    pass->targets = firn_targets_ref(targets);
    pass->items = g_new0(Item, state->head->target_count + 1);
    g_mutex_init(&pass->lock);
    g_cond_init(&pass->changed);
    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *target = &state->targets[i];

        int fd = state->fds[i];

        if (fd < 0 || g_atomic_int_get(&target->state) != FIRN_TARGET_PENDING)
            continue;
        pass->items[pass->count++] = (Item){.target = i, .disk = target->disk, .fd = fd};
    }
    pass->pending = pass->count;
    g_qsort_with_data(pass->items, (gint)pass->count, sizeof *pass->items, compare_disks, NULL);
    return pass;
}

/* The items of one disk that nobody has taken; FALSE when none is left. */
static gboolean take_disk(Pass *pass, guint *first, guint *end)
{
    gboolean taken;

    g_mutex_lock(&pass->lock);
    *first = pass->next;
    *end = *first;
    while (*end < pass->count && pass->items[*end].disk == pass->items[*first].disk)
        (*end)++;
    pass->next = *end;
    taken = *end > *first && !pass->abandoned;
    g_mutex_unlock(&pass->lock);
    return taken;
}

static gpointer sync_thread(gpointer data)
{
    Pass *pass = data;
    guint first, end;

    while (take_disk(pass, &first, &end)) {
        for (guint i = first; i < end; i++) {
            gint64 began = firn_state_now();
            int error = firn_superblock_sync(pass->items[i].fd);

            g_mutex_lock(&pass->lock);
            pass->items[i].begin = began;
            pass->items[i].end = firn_state_now();
            pass->items[i].error = error;
            pass->pending--;
            g_cond_signal(&pass->changed);
            g_mutex_unlock(&pass->lock);
        }
    }
    pass_unref(pass);
    return NULL;
}

static guint count_disks(const Pass *pass)
{
    guint count = 0;

    for (guint i = 0; i < pass->count; i++)
        count += i == 0 || pass->items[i].disk != pass->items[i - 1].disk;
    return count;
}

static void start_threads(Pass *pass)
{
    guint wanted = MIN(count_disks(pass), THREADS_MAX);
    guint started = 0;

    for (guint i = 0; i < wanted; i++) {
        GThread *thread;

        g_atomic_int_inc(&pass->refs);
        thread = g_thread_try_new("sync", sync_thread, pass, NULL);
        if (!thread) {
            pass_unref(pass);
            break;
        }
        g_thread_unref(thread);
        started++;
    }
    if (wanted > 0 && started == 0) {
        g_atomic_int_inc(&pass->refs);
        sync_thread(pass);
    }
}

static gboolean may_wait(FirnState *state, gint64 limit)
{
    return g_atomic_int_get(&state->head->end) == FIRN_END_NONE &&
           (limit == 0 || firn_state_now() < limit);
}

/* Takes over how it went; called with the lock. */
static void note(Pass *pass, FirnState *state, gboolean first)
{
    for (guint i = 0; i < pass->count; i++) {
        const Item *item = &pass->items[i];
        FirnStateTarget *target = &state->targets[item->target];

        if (first) {
            target->sync_begin = item->begin;
            target->sync_end = item->end;
        }
        if (item->error) {
            target->error = item->error;
            firn_state_move(&target->state, FIRN_TARGET_PENDING, FIRN_TARGET_FAILED);
        }
    }
}

/*
 * FALSE when something could not be written. The kernel says so once: a freeze after it may well
 * work, as it does on a filesystem that has gone read-only meanwhile, and would hide the loss.
 */
static gboolean check(FirnState *state, GError **error)
{
    for (guint i = 0; i < state->head->target_count; i++) {
        FirnStateTarget *target = &state->targets[i];
        g_autofree char *name = NULL;

        if (g_atomic_int_get(&target->state) != FIRN_TARGET_FAILED)
            continue;
        name = firn_target_describe(state, i);
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(target->error),
                    "failed to sync %s: %s; data written to it is lost: see the kernel's log for "
                    "errors of the disk, or leave it out with freeze-exclude; nothing is frozen",
                    name, g_strerror(target->error));
        return FALSE;
    }
    return TRUE;
}

/* FALSE when it was not waited for to its end. limit: 0 for none. */
static gboolean run_pass(FirnState *state, FirnTargets *targets, gint64 limit, gboolean first)
{
    Pass *pass = pass_new(state, targets);
    gboolean complete;

    start_threads(pass);
    g_mutex_lock(&pass->lock);
    while (pass->pending > 0 && may_wait(state, limit))
        g_cond_wait_until(&pass->changed, &pass->lock, g_get_monotonic_time() + TICK_US);
    complete = pass->pending == 0;
    pass->abandoned = TRUE;
    note(pass, state, first);
    g_mutex_unlock(&pass->lock);
    pass_unref(pass);
    return complete;
}

static gint64 limit_of(gint64 begin, guint timeout)
{
    return timeout > 0 ? begin + timeout * NS_PER_SECOND : 0;
}

gboolean firn_sync_before_hooks(FirnState *state, FirnTargets *targets, guint timeout,
                                GError **error)
{
    FirnStateHead *head = state->head;

    head->sync_begin = firn_state_now();
    if (!run_pass(state, targets, limit_of(head->sync_begin, timeout), TRUE) &&
        g_atomic_int_get(&head->end) == FIRN_END_NONE)
        g_warning("not all is synced after %u s (freeze-sync-timeout): freezing all the same",
                  timeout);
    head->sync_end = firn_state_now();
    return check(state, error);
}

gboolean firn_sync_before_walk(FirnState *state, FirnTargets *targets, guint timeout,
                               GError **error)
{
    FirnStateHead *head = state->head;
    gint64 limit = limit_of(firn_state_now(), timeout);
    /* what hung before would hang again */
    gboolean again = !limit || head->sync_end - head->sync_begin < timeout * NS_PER_SECOND;

    head->last_sync_begin = firn_state_now();
    for (guint i = 0; i < PASSES_MAX && again; i++) {
        gint64 begin = firn_state_now();

        again = run_pass(state, targets, limit, FALSE) && may_wait(state, limit) &&
                firn_state_now() - begin > SHORT_PASS_NS;
    }
    head->last_sync_end = firn_state_now();
    return check(state, error);
}
