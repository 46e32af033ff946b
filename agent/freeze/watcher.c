/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/child.h"
#include "agent/freeze/memory.h"
#include "agent/freeze/walk.h"
#include "platform/descriptors.h"
#include "platform/grace-periods.h"
#include "platform/pidfd.h"

#define NS_PER_SECOND ((gint64)1000000000)
#define NS_PER_MS ((gint64)1000000)
/* For so long the keeper may be late. */
#define LATE_NS NS_PER_SECOND
/* For so long the agent's word may lie unread: a keeper that runs reads it within 50 ms. */
#define UNREAD_NS (2 * NS_PER_SECOND)
/* A thaw in a process of its own has a second, and the keeper may be late besides. */
#define APART_LATE_NS (3 * NS_PER_SECOND)
/* What the keeper has for asking a script to end, and for the report. */
#define HOOK_LATE_NS (15 * NS_PER_SECOND)
/* How often it looks, whatever wakes it besides. No timer is needed, so none can fail. */
#define TICK_MS 250
#define READY_TIMEOUT_MS 20000
/* A killed process that is in no system call that hangs is gone in no time. */
#define DEATH_TRIES 100

/* What one watcher knows. */
typedef struct {
    FirnWatcherPost post;
    FirnRecord *record;
    pid_t keeper;
    int keeper_fd;      /* pidfd of the keeper; -1 where the kernel has none */
    int keeper_stat;    /* of /proc/KEEPER/stat */
    int lifeline;       /* its end of file is the keeper's death */
    gint64 agent_since; /* since when the agent's word lies unread, or it is gone; 0: not so */
    gint64
        ended_since; /* since when an end is decided that the keeper does not see to; 0: not so */
    gboolean agent_gone;
    FirnEnd agent_word;
} Watch;

/* --- looking -----------------------------------------------------------------------------------
 */

/* A process that the keeper has just forked, and that hangs, has the other end of the lifeline too.
 */
static gboolean watch_keeper_is_dead(const Watch *watch)
{
    return firn_pidfd_has_ended(watch->lifeline) ||
           (watch->keeper_fd >= 0 && firn_pidfd_has_ended(watch->keeper_fd));
}

/* The letter that proc_pid_stat(5) gives for the keeper; '?' where it cannot be read. */
static char watch_keeper_state(const Watch *watch)
{
    char text[256];
    ssize_t got = pread(watch->keeper_stat, text, sizeof text - 1, 0);
    const char *after;

    text[MAX(got, 0)] = '\0';
    after = strrchr(text, ')');
    return after && after[1] == ' ' ? after[2] : '?';
}

/* The first unread word of the agent's decides why the freeze ends. */
static FirnEnd watch_peek_word(const Watch *watch, gboolean *gone)
{
    gboolean held = g_atomic_int_get(&watch->record->head->phase) >= FIRN_PHASE_HELD;
    char text[8];
    ssize_t got = recv(watch->post.agent, text, sizeof text, MSG_PEEK | MSG_DONTWAIT);

    *gone = got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
    if (got <= 0)
        return *gone ? FIRN_END_DIED : FIRN_END_NONE;
    if (!strncmp(text, "stop", MIN((gsize)got, 4)))
        return FIRN_END_SHUTDOWN;
    return held ? FIRN_END_REQUEST : FIRN_END_CANCELLED;
}

static void watch_look_at_agent(Watch *watch, gint64 now)
{
    gboolean gone = FALSE;
    FirnEnd word = watch->post.agent >= 0 ? watch_peek_word(watch, &gone) : FIRN_END_NONE;

    watch->agent_gone = gone;
    watch->agent_word = word;
    if (word == FIRN_END_NONE)
        watch->agent_since = 0;
    else if (!watch->agent_since)
        watch->agent_since = now;
}

/* When the thaw has last gone on. */
static gint64 judge_last_thaw(const FirnRecord *record)
{
    gint64 last = record->head->thaw_begin;

    for (guint i = 0; i < record->head->target_count; i++) {
        const FirnRecordTarget *target = &record->targets[i];

        last = MAX(last, MAX(target->thaw_begin, target->thaw_end));
    }
    return last;
}

static gint64 judge_last_hook(const FirnRecord *record)
{
    gint64 last = MAX(record->head->thaw_hooks_begin, record->head->thaw_end);

    for (guint i = 0; i < record->head->hook_count; i++)
        last = MAX(last, MAX(record->hooks[i].thaw_begin, record->hooks[i].thaw_end));
    return MAX(last, record->head->thaw_hooks_end);
}

/* The keeper asks a script to end, and waits for that. */
static gboolean judge_hook_runs(const FirnRecord *record)
{
    for (guint i = 0; i < record->head->hook_count; i++) {
        if (g_atomic_int_get(&record->hooks[i].state) == FIRN_HOOK_FREEZING)
            return TRUE;
    }
    return FALSE;
}

/* For how long the thaw may stand still: filesystems wait, and the keeper for a child of its own at
 * most. 0: nothing waits but for such children. */
static gint64 judge_thaw_limit(const FirnRecord *record)
{
    guint frozen = 0, hanging = 0, apart = 0;

    for (guint i = 0; i < record->head->target_count; i++) {
        FirnRecordTarget *target = &record->targets[i];
        int now = g_atomic_int_get(&target->state);

        frozen += now == FIRN_TARGET_FROZEN;
        hanging += now == FIRN_TARGET_THAWING && !target->apart;
        apart += now == FIRN_TARGET_THAWING && target->apart;
    }
    if (frozen + hanging == 0)
        return 0;
    return apart > 0 ? APART_LATE_NS : LATE_NS;
}

static gboolean judge_is_held_up(const FirnRecord *record, gint64 now, gint64 ended)
{
    int phase = g_atomic_int_get(&record->head->phase);
    gint64 limit = record->head->hook_timeout * NS_PER_SECOND;

    if (phase < FIRN_PHASE_THAW)
        return now - ended > (judge_hook_runs(record) ? HOOK_LATE_NS : UNREAD_NS);
    if (phase > FIRN_PHASE_THAW)
        return limit > 0 && now - judge_last_hook(record) > limit + HOOK_LATE_NS;
    limit = judge_thaw_limit(record);
    return limit > 0 && now - judge_last_thaw(record) > limit;
}

static FirnEnd judge_time(const FirnRecord *record, gint64 now)
{
    const FirnRecordHead *head = record->head;
    int phase = g_atomic_int_get(&record->head->phase);
    gint64 late = firn_record_find(record, FIRN_TARGET_FREEZING) >= 0 ? 0 : LATE_NS;

    if (phase == FIRN_PHASE_WALK && head->walk_deadline && now >= head->walk_deadline + late)
        return FIRN_END_WALK_TIMEOUT;
    if (head->deadline && now >= head->deadline + late)
        return FIRN_END_DEADLINE;
    return FIRN_END_NONE;
}

FirnEnd firn_watcher_judge(const FirnRecord *record, gint64 now, gint64 ended)
{
    FirnEnd end = (FirnEnd)g_atomic_int_get(&record->head->end);

    if (end == FIRN_END_NONE)
        return judge_time(record, now);
    return judge_is_held_up(record, now, ended) ? end : FIRN_END_NONE;
}

/* Why the watcher has to end the freeze; FIRN_END_NONE: it has not. */
static FirnEnd watch_judge(Watch *watch)
{
    FirnRecordHead *head = watch->record->head;
    gint64 now = firn_record_now();
    FirnEnd end = (FirnEnd)g_atomic_int_get(&head->end);
    gboolean held = g_atomic_int_get(&head->phase) == FIRN_PHASE_HELD;
    FirnEnd why;

    if (watch_keeper_is_dead(watch))
        return end != FIRN_END_NONE ? end : FIRN_END_DIED;
    watch_look_at_agent(watch, now);
    if (end != FIRN_END_NONE && !watch->ended_since)
        watch->ended_since = now;
    why = firn_watcher_judge(watch->record, now, watch->ended_since);
    if (end != FIRN_END_NONE || why != FIRN_END_NONE)
        return why;
    if (!watch->agent_since || now - watch->agent_since < UNREAD_NS || (watch->agent_gone && held))
        return FIRN_END_NONE;
    return watch->agent_word;
}

/* --- acting ------------------------------------------------------------------------------------
 */

static void watch_pause(gint64 ns)
{
    const struct timespec pause = {.tv_nsec = ns};

    nanosleep(&pause, NULL);
}

static void watch_signal(const Watch *watch, int signal)
{
    if (watch->keeper_fd >= 0)
        firn_pidfd_kill(watch->keeper_fd, signal);
    else if (getppid() == watch->keeper) /* else it is gone, and its number may be a stranger's */
        kill(watch->keeper, signal);
}

/* TRUE when it is dead; one that hangs in the kernel dies before it does anything else. */
static gboolean watch_kill_keeper(const Watch *watch)
{
    watch_signal(watch, SIGKILL);
    for (int i = 0; i < DEATH_TRIES; i++) {
        if (watch_keeper_is_dead(watch))
            return TRUE;
        if (watch_keeper_state(watch) == 'D' && i > DEATH_TRIES / 10)
            return FALSE;
        watch_pause(10 * NS_PER_MS);
    }
    return FALSE;
}

/* One that is stopped in front of, or behind, its FIFREEZE is not in it. A plain stop is taken
 * away, so that the keeper can note the answer. */
static gboolean watch_is_in_kernel(const Watch *watch)
{
    char state = watch_keeper_state(watch);

    if (state == 'T' || state == 't') { /* a stopped process that is traced is shown as 't', too */
        watch_signal(watch, SIGCONT);
        watch_pause(200 * NS_PER_MS);
        state = watch_keeper_state(watch);
    }
    return state != 'T' && state != 't';
}

/* Leaves a keeper alive that stands in a FIFREEZE; TRUE when it does. */
static gboolean watch_give_up_stuck(const Watch *watch)
{
    int stuck = firn_record_find(watch->record, FIRN_TARGET_FREEZING);

    return stuck >= 0 && watch_is_in_kernel(watch) &&
           firn_record_move(&watch->record->targets[stuck].state, FIRN_TARGET_FREEZING,
                            FIRN_TARGET_STUCK);
}

static void watch_restore_grace(const Watch *watch)
{
    FirnRecordHead *head = watch->record->head;

    if (watch->post.grace < 0 || !g_atomic_int_get(&head->expedited))
        return;
    firn_grace_periods_restore(watch->post.grace);
    g_atomic_int_set(&head->expedited, FALSE);
}

/* The descriptors are for it alone. */
G_NORETURN static void watch_become_keeper(const Watch *watch)
{
    const int *passed[] = {&watch->record->fd, &watch->post.agent, &watch->post.listener};
    char numbers[G_N_ELEMENTS(passed)][16];
    const char *arguments[] = {"firn-keeper", "--resume",          numbers[0], numbers[1],
                               numbers[2],    watch->record->path, NULL};

    for (guint i = 0; i < G_N_ELEMENTS(passed); i++) {
        snprintf(numbers[i], sizeof numbers[i], "%d", *passed[i]);
        if (*passed[i] >= 0)
            fcntl(*passed[i], F_SETFD, 0);
    }
    /* signals stay blocked: one that has come would end this process here */
    fexecve(watch->post.program, (char **)(guintptr)arguments, environ);
    _exit(1); /* the next agent has it finished */
}

G_NORETURN static void watch_end_freeze(Watch *watch, FirnEnd why)
{
    FirnRecord *record = watch->record;
    FirnRecordHead *head = record->head;
    gboolean held = g_atomic_int_get(&head->phase) == FIRN_PHASE_HELD;
    gboolean dead = watch_keeper_is_dead(watch);
    gboolean stuck;

    if (firn_record_move(&head->end, FIRN_END_NONE, (int)why) && held && why != FIRN_END_REQUEST)
        head->early = TRUE;
    stuck = !dead && watch_give_up_stuck(watch);
    if (!stuck) {
        if (!dead)
            watch_kill_keeper(watch);
        firn_walk_adopt(record);
    }
    watch_restore_grace(watch);
    if (g_atomic_int_get(&head->phase) < FIRN_PHASE_THAW_HOOKS) {
        firn_record_advance(record, FIRN_PHASE_THAW);
        if (!head->thaw_begin)
            head->thaw_begin = firn_record_now();
        firn_walk_thaw_apart(record);
    }
    watch_become_keeper(watch);
}

static gboolean watch_is_over(const Watch *watch)
{
    return g_atomic_int_get(&watch->record->head->phase) == FIRN_PHASE_DONE;
}

/* --- starting ----------------------------------------------------------------------------------
 */

static int compare_ints(gconstpointer a, gconstpointer b)
{
    return *(const int *)a - *(const int *)b;
}

/* All else is the keeper's alone: above all its end of the pipe. */
static void watch_close_others(const Watch *watch, int ready)
{
    const int own[] = {watch->record->fd,  watch->post.agent,   watch->post.listener,
                       watch->post.grace,  watch->post.program, watch->keeper_fd,
                       watch->keeper_stat, watch->lifeline,     ready};
    guint count = watch->record->head->target_count;
    g_autofree int *kept = g_new(int, count + G_N_ELEMENTS(own) + 3);
    guint length = 0;

    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        kept[length++] = fd;
    for (guint i = 0; i < count; i++) {
        if (watch->record->fds[i] >= 0)
            kept[length++] = watch->record->fds[i];
    }
    for (guint i = 0; i < G_N_ELEMENTS(own); i++) {
        if (own[i] > STDERR_FILENO)
            kept[length++] = own[i];
    }
    qsort(kept, length, sizeof *kept, compare_ints);
    firn_descriptors_close_but(kept, length);
}

G_NORETURN static void watch_run(Watch *watch, int ready)
{
    /* glib is in memory as long as the keeper lives, and the calls here hardly need it */
    static const FirnMemoryFunction libraries[] = {NULL};
    struct pollfd entries[] = {{.fd = watch->lifeline, .events = POLLIN}};
    char path[32];
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    firn_child_call(FIRN_WATCHER_NAME);
    watch->keeper_fd = firn_pidfd_open(watch->keeper);
    snprintf(path, sizeof path, "/proc/%d/stat", (int)watch->keeper);
    watch->keeper_stat = open(path, O_RDONLY | O_CLOEXEC);
    watch_close_others(watch, ready);
    firn_memory_lock(libraries);
    if (getppid() != watch->keeper || write(ready, "", 1) != 1)
        _exit(1);
    for (;;) {
        FirnEnd why;

        if (poll(entries, G_N_ELEMENTS(entries), TICK_MS) < 0)
            watch_pause(TICK_MS * NS_PER_MS);
        if (watch_is_over(watch))
            _exit(0);
        why = watch_judge(watch);
        if (why != FIRN_END_NONE)
            watch_end_freeze(watch, why);
    }
}

static gboolean watcher_fail(GError **error, int cause)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "cannot start the process that thaws at the deadline: %s; raise TasksMax or "
                "LimitNOFILE of the service",
                g_strerror(cause));
    return FALSE;
}

static gboolean watcher_await_ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&entry, 1, READY_TIMEOUT_MS) == 1 && read(fd, &byte, 1) == 1;
}

/* For whoever has to end both of them. */
static void watcher_note(FirnRecord *record, pid_t watcher)
{
    FirnRecordHead *head = record->head;

    head->keeper_start = firn_pid_start(getpid());
    head->keeper = getpid();
    head->watcher_start = firn_pid_start(watcher);
    head->watcher = watcher;
}

gboolean firn_watcher_start(FirnWatcher *watcher, const FirnWatcherPost *post, GError **error)
{
    Watch watch = {.post = *post, .record = post->record, .keeper = getpid()};
    int life[2], ready[2];
    pid_t pid;

    *watcher = (FirnWatcher){0, -1, -1};
    if (pipe2(life, O_CLOEXEC) < 0)
        return watcher_fail(error, errno);
    if (pipe2(ready, O_CLOEXEC) < 0) {
        int cause = errno;

        close(life[0]);
        close(life[1]);
        return watcher_fail(error, cause);
    }
    watch.lifeline = life[0];
    pid = fork();
    if (pid == 0)
        watch_run(&watch, ready[1]);
    close(life[0]);
    close(ready[1]);
    watcher->pid = pid;
    watcher->end = ready[0];
    watcher->life = life[1];
    if (pid > 0 && watcher_await_ready(ready[0])) {
        watcher_note(post->record, pid);
        return TRUE;
    }
    watcher_fail(error, pid < 0 ? errno : ETIMEDOUT);
    firn_watcher_dismiss(watcher);
    return FALSE;
}

void firn_watcher_dismiss(FirnWatcher *watcher)
{
    if (watcher->pid > 0) {
        kill(watcher->pid, SIGKILL); /* a child that has not been waited for keeps its number */
        waitpid(watcher->pid, NULL, 0);
    }
    if (watcher->end >= 0)
        close(watcher->end);
    if (watcher->life >= 0)
        close(watcher->life);
    *watcher = (FirnWatcher){0, -1, -1};
}
