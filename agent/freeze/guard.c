/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/memory.h"
#include "agent/freeze/undo.h"
#include "agent/freeze/walk.h"
#include "platform/descriptors.h"
#include "platform/grace-periods.h"
#include "platform/pidfd.h"

#define NS_PER_SECOND ((gint64)1000000000)
/* The agent sees to the walk's deadline itself; this is for one that cannot. */
#define WALK_GRACE_NS (5 * NS_PER_SECOND)
/* How often it looks again when it has to wait for somebody who ends the freeze. */
#define RETRY_NS (NS_PER_SECOND / 4)
#define READY_TIMEOUT_MS 20000
/* How often who stands by looks whether the thaw hangs. */
#define STAND_BY_MS 20
/* How often it looks for an agent that was killed while a thread of it hangs. */
#define LOOK_MS 1000

/* All that the process needs, made before it is forked. */
typedef struct {
    FirnState *state;
    const FirnTrace *trace;
    int timer;
    int grace;
    int agent; /* reading end of a pipe that the agent keeps open while it lives */
    int agent_end;
    pid_t agent_pid;
    int ready; /* pipe to the agent */
    int *keep; /* descriptors that stay open, sorted */
    guint keep_count;
    const char *argv[4];
    char **environment;
    const char *program;
} Post;

/* --- before the fork ----------------------------------------------------------------------------
 */

static int compare_ints(gconstpointer a, gconstpointer b)
{
    return *(const int *)a - *(const int *)b;
}

static void post_keep(Post *post)
{
    const int others[] = {
        post->timer,  post->grace, post->agent, post->ready, firn_trace_descriptor(post->trace),
        STDERR_FILENO};
    g_autoptr(GArray) keep = g_array_new(FALSE, FALSE, sizeof(int));

    for (guint i = 0; i < post->state->head->target_count; i++) {
        int fd = post->state->fds[i];

        post->state->targets[i].fd = fd;
        if (fd >= 0)
            g_array_append_val(keep, fd);
    }
    for (guint i = 0; i < G_N_ELEMENTS(others); i++) {
        if (others[i] >= 0)
            g_array_append_val(keep, others[i]);
    }
    g_array_sort(keep, compare_ints);
    post->keep_count = keep->len;
    post->keep = (int *)(gpointer)g_array_free(g_steal_pointer(&keep), FALSE);
}

static void post_clear(Post *post)
{
    if (post->agent >= 0)
        close(post->agent);
    if (post->ready >= 0)
        close(post->ready);
    g_free(post->keep);
    g_strfreev(post->environment);
}

int firn_guard_timer(void)
{
    return timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
}

static void set_timer(int timer, gint64 when)
{
    struct itimerspec spec = {
        .it_value = {.tv_sec = when / NS_PER_SECOND, .tv_nsec = when % NS_PER_SECOND},
    };

    timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, NULL);
}

/* When the walk is overdue; 0: never. */
static gint64 walk_overdue(FirnState *state)
{
    gboolean walking = g_atomic_int_get(&state->head->phase) == FIRN_PHASE_WALK;

    return walking && state->head->walk_deadline ? state->head->walk_deadline + WALK_GRACE_NS : 0;
}

void firn_guard_arm(int timer, FirnState *state)
{
    gint64 overdue = walk_overdue(state);
    gint64 when = state->head->deadline;

    if (overdue && (!when || overdue < when))
        when = overdue;
    set_timer(timer, when);
}

/* --- after the fork: system calls alone ---------------------------------------------------------
 */

static void settle_in(const Post *post)
{
    sigset_t all;
    int score;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setsid();
    prctl(PR_SET_NAME, FIRN_GUARD_NAME);
    firn_descriptors_close_but(post->keep, post->keep_count);
    score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        if (write(score, "-1000", 5) < 0) {
            /* it may not, then: the kernel's choice is as good as any */
        }
        close(score);
    }
    firn_memory_lock(FIRN_MEMORY_SYSTEM_CALLS);
}

static void pause_shortly(void)
{
    poll(NULL, 0, (int)(RETRY_NS / 1000000));
}

/* What is known of the agent. A thread that hangs in the kernel keeps it from being dead, though
 * nothing of it runs any more: then it is gone. */
typedef struct {
    gboolean dead;
    gboolean gone;
} Agent;

static Agent look_at_agent(const Post *post)
{
    Agent agent = {.dead = firn_pidfd_has_ended(post->agent)};

    agent.gone = agent.dead || firn_pid_is_zombie(post->agent_pid);
    return agent;
}

/* TRUE when nobody will do what this process has to: it is gone, or stopped in the middle. */
static gboolean has_left(const Post *post, int who, Agent agent)
{
    if (who == post->agent_pid && agent.gone)
        return TRUE;
    return firn_pid_is_stopped(who) || (who != post->agent_pid && !firn_pid_is_running(who));
}

/* TRUE when it is this process that has to end the freeze. */
static gboolean claim(const Post *post, Agent agent)
{
    gint *ender = &post->state->head->ender;
    int who = g_atomic_int_get(ender);

    if (who == (int)getpid())
        return TRUE;
    return (who == 0 || has_left(post, who, agent)) && firn_state_move(ender, who, (int)getpid());
}

static void restore_grace(const Post *post)
{
    gint *expedited = &post->state->head->expedited;

    if (post->grace < 0 || !g_atomic_int_get(expedited))
        return;
    firn_grace_periods_expedite(post->grace, FALSE);
    g_atomic_int_set(expedited, FALSE);
}

G_NORETURN static void become_finisher(const Post *post)
{
    sigset_t none;

    g_atomic_int_set(&post->state->head->phase, FIRN_PHASE_THAW_HOOKS);
    fcntl(post->ready, F_SETFD, 0); /* the agent sees our end by it */
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    execve(post->program ? post->program : "/proc/self/exe", (char **)(guintptr)post->argv,
           post->environment);
    _exit(1); /* whoever comes next finishes it */
}

/* Until nothing is frozen: an error of FITHAW may pass. */
static void thaw_until_done(FirnState *state, const FirnTrace *trace)
{
    while (firn_state_count_frozen(state) > 0) {
        firn_walk_thaw(state, trace);
        if (firn_state_count_frozen(state) > 0)
            pause_shortly();
    }
}

/* Returns when all who thaw hang. */
static void await_held_up(FirnState *state)
{
    while (!firn_walk_is_held_up(state)) {
        if (firn_state_count_frozen(state) == 0)
            _exit(0);
        poll(NULL, 0, STAND_BY_MS);
    }
}

/*
 * A FITHAW that hangs must keep no other filesystem frozen. While this process thaws, a second one
 * stands by; when the first hangs, it thaws the others and has a third one stand by for itself.
 * The pid of the one that stands by for this process; -1: none could be had.
 */
static pid_t have_stand_by(const Post *post)
{
    gboolean helper = FALSE;
    pid_t pid;

    while ((pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)) == 0) {
        helper = TRUE;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(post->ready); /* the guard's end is not this process's */
        firn_memory_lock(FIRN_MEMORY_SYSTEM_CALLS);
        await_held_up(post->state);
    }
    if (!helper)
        return pid;
    thaw_until_done(post->state, NULL);
    _exit(0);
}

static void thaw_all(const Post *post)
{
    FirnState *state = post->state;
    pid_t stand_by = have_stand_by(post);

    firn_walk_thaw(state, post->trace);
    /* last, as this may hang where the one before hangs */
    firn_walk_adopt_thawing(state);
    thaw_until_done(state, post->trace);
    if (stand_by > 0) { /* it has the filesystems open: who unmounts them now may do so */
        kill(stand_by, SIGKILL);
        waitpid(stand_by, NULL, 0);
    }
}

static void set_end(const Post *post, FirnEnd why)
{
    FirnStateHead *head = post->state->head;
    gboolean held = g_atomic_int_get(&head->phase) >= FIRN_PHASE_HELD;

    if (!firn_state_move(&head->end, FIRN_END_NONE, (int)why))
        return;
    if (held)
        g_atomic_int_set(&head->early, TRUE);
    if (why == FIRN_END_DEADLINE)
        firn_trace_deadline(post->trace, firn_state_count_frozen(post->state));
}

/* Ends the freeze. Returns when somebody else is at that, who must be looked after. */
static void act(const Post *post, Agent agent, FirnEnd why)
{
    FirnState *state = post->state;
    FirnStateHead *head = state->head;

    if (g_atomic_int_get(&head->phase) == FIRN_PHASE_DONE) {
        firn_undo_start(state);
        _exit(0);
    }
    set_end(post, why);
    if (agent.dead)
        firn_walk_adopt_freezing(state);
    restore_grace(post);
    if (!claim(post, agent)) {
        firn_walk_thaw(state, post->trace);
        return;
    }
    if (!head->thaw_begin)
        head->thaw_begin = firn_state_now();
    thaw_all(post);
    head->thaw_end = firn_state_now();
    firn_undo_start(state);
    become_finisher(post);
}

static gboolean is_over(FirnState *state)
{
    return g_atomic_int_get(&state->head->phase) == FIRN_PHASE_DONE &&
           firn_walk_find_stuck(state) < 0;
}

/* What has come due; FIRN_END_NONE: nothing. */
static FirnEnd judge(const Post *post, Agent agent)
{
    FirnState *state = post->state;
    gint64 now = firn_state_now();
    gint64 overdue = walk_overdue(state);
    gboolean held = g_atomic_int_get(&state->head->phase) == FIRN_PHASE_HELD;

    if (state->head->deadline && now >= state->head->deadline)
        return FIRN_END_DEADLINE;
    if (overdue && now >= overdue)
        return FIRN_END_WALK_TIMEOUT;
    if (agent.gone && (!held || g_atomic_int_get(&state->head->end) != FIRN_END_NONE))
        return FIRN_END_DIED;
    return FIRN_END_NONE;
}

/* Nothing but the agent's death in the middle makes no descriptor readable, and none of its threads
 * is in the middle of anything while filesystems are held. */
static int patience(FirnState *state)
{
    return g_atomic_int_get(&state->head->phase) == FIRN_PHASE_HELD ? -1 : LOOK_MS;
}

G_NORETURN static void stand_guard(Post *post)
{
    struct pollfd entries[] = {{.fd = post->timer, .events = POLLIN},
                               {.fd = post->agent, .events = POLLIN}};

    g_atomic_int_set(&post->state->head->guard, (gint)getpid());
    settle_in(post);
    firn_guard_arm(post->timer, post->state);
    if (write(post->ready, "", 1) != 1)
        _exit(1);
    for (;;) {
        Agent agent;
        FirnEnd why;

        poll(entries, G_N_ELEMENTS(entries), patience(post->state));
        agent = look_at_agent(post);
        why = judge(post, agent);
        if (agent.dead)
            entries[1].fd = -1; /* that is known now */
        if (is_over(post->state))
            _exit(0);
        if (why != FIRN_END_NONE)
            act(post, agent, why);
        if (why != FIRN_END_NONE)
            set_timer(post->timer, firn_state_now() + RETRY_NS);
        else
            firn_guard_arm(post->timer, post->state);
    }
}

/* --- the agent's side --------------------------------------------------------------------------
 */

static gboolean await_ready(int fd)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    char byte;

    return poll(&entry, 1, READY_TIMEOUT_MS) == 1 && read(fd, &byte, 1) == 1;
}

static void fail(GError **error, int cause)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause),
                "cannot start the guard process that thaws at the deadline: %s", g_strerror(cause));
}

static FirnGuard *guard_new(pid_t pid)
{
    FirnGuard *guard = g_new0(FirnGuard, 1);

    guard->pid = pid;
    guard->pidfd = firn_pidfd_open(pid);
    guard->lifeline = -1;
    guard->end = -1;
    return guard;
}

/* Pipes for both ways: either side sees the other's death by them. */
static gboolean post_connect(Post *post, int *from_guard)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0)
        return FALSE;
    *from_guard = ends[0];
    post->ready = ends[1];
    if (pipe2(ends, O_CLOEXEC) < 0)
        return FALSE;
    post->agent = ends[0];
    post->agent_end = ends[1];
    return TRUE;
}

static void close_end(int fd)
{
    if (fd >= 0)
        close(fd);
}

FirnGuard *firn_guard_start(FirnState *state, int timer, int grace, const FirnTrace *trace,
                            const char *program, GError **error)
{
    Post post = {
        .state = state,
        .trace = trace,
        .timer = timer,
        .grace = grace,
        .agent = -1,
        .agent_end = -1,
        .agent_pid = getpid(),
        .ready = -1,
        .argv = {"firn", "finish", state->path, NULL},
        .environment = g_get_environ(),
        .program = program,
    };
    FirnGuard *guard = NULL;
    int from_guard = -1;
    pid_t pid = -1;

    if (post_connect(&post, &from_guard)) {
        post_keep(&post);
        pid = fork();
    }
    if (pid == 0)
        stand_guard(&post);
    if (pid < 0)
        fail(error, errno);
    post_clear(&post);
    if (pid > 0) {
        guard = guard_new(pid);
        guard->lifeline = post.agent_end;
        guard->end = from_guard;
        if (await_ready(from_guard))
            return guard;
        fail(error, ETIMEDOUT);
        firn_guard_dismiss(guard);
        return NULL;
    }
    close_end(from_guard);
    close_end(post.agent_end);
    return NULL;
}

FirnGuard *firn_guard_of(pid_t pid)
{
    return firn_pid_is_running(pid) ? guard_new(pid) : NULL;
}

FirnGuard *firn_guard_find(FirnState *state)
{
    pid_t pid = g_atomic_int_get(&state->head->guard);

    /* it has no name of its own for a moment while it becomes the finisher */
    if (firn_pid_is_named(pid, FIRN_GUARD_NAME) || firn_pid_is_named(pid, "exe") ||
        g_atomic_int_get(&state->head->ender) == (int)pid)
        return firn_guard_of(pid);
    return NULL;
}

gboolean firn_guard_has_ended(const FirnGuard *guard)
{
    if (guard->end >= 0)
        return firn_pidfd_has_ended(guard->end);
    return guard->pidfd >= 0 ? firn_pidfd_has_ended(guard->pidfd)
                             : !firn_pid_is_running(guard->pid);
}

int firn_guard_watch_fd(const FirnGuard *guard)
{
    return guard->end >= 0 ? guard->end : guard->pidfd;
}

void firn_guard_forget(FirnGuard *guard)
{
    if (!guard)
        return;
    /* one of our own is about to end: its end of the pipe is closed */
    waitpid(guard->pid, NULL, guard->end >= 0 ? 0 : WNOHANG);
    close_end(guard->pidfd);
    close_end(guard->lifeline);
    close_end(guard->end);
    g_free(guard);
}

void firn_guard_kill(FirnGuard *guard)
{
    if (guard->pidfd >= 0)
        firn_pidfd_kill(guard->pidfd, SIGKILL);
    else
        kill(guard->pid, SIGKILL);
}

void firn_guard_dismiss(FirnGuard *guard)
{
    if (!guard)
        return;
    firn_guard_kill(guard);
    waitpid(guard->pid, NULL, 0); /* one that is no child of ours fails */
    firn_guard_forget(guard);
}
