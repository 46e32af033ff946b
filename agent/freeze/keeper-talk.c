/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/keeper.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/freeze/walk.h"
#include "agent/log.h"

#define NS_PER_SECOND ((gint64)1000000000)
/* For so long a host waits for a thaw that hangs before it is told. */
#define HANGING_NS (10 * NS_PER_SECOND)
#define NS_PER_MS ((gint64)1000000)
/* How long the keeper sleeps at most: no clock but the record's wakes it for a deadline. */
#define TICK_MS 1000

static volatile sig_atomic_t keeper_terminated;

/* --- the agent's word --- */

void keeper_clear(Keeper *keeper)
{
    if (keeper->agent)
        keeper->agent->fd = -1; /* closes with the process: its end says that it is gone */
    g_clear_pointer(&keeper->agent, firn_wire_free);
    g_clear_pointer(&keeper->request, firn_freeze_request_free);
    g_clear_pointer(&keeper->plan, firn_plan_free);
    g_clear_pointer(&keeper->record, firn_record_free);
    g_clear_pointer(&keeper->roots, firn_roots_free);
    g_clear_pointer(&keeper->trace, firn_trace_close);
    g_clear_pointer(&keeper->message, g_free);
    firn_log_close();
}

/* The first reason is the one that counts. */
void keeper_set_end(Keeper *keeper, FirnEnd why)
{
    FirnRecordHead *head = keeper->record->head;
    gboolean held = g_atomic_int_get(&head->phase) == FIRN_PHASE_HELD;

    if (firn_record_move(&head->end, FIRN_END_NONE, (int)why) && held && why != FIRN_END_REQUEST)
        head->early = TRUE;
}

FirnEnd keeper_end(const Keeper *keeper)
{
    return (FirnEnd)g_atomic_int_get(&keeper->record->head->end);
}

int keeper_phase(const Keeper *keeper)
{
    return g_atomic_int_get(&keeper->record->head->phase);
}

static void keeper_lose_agent(Keeper *keeper)
{
    g_clear_pointer(&keeper->agent, firn_wire_free);
    keeper->record->head->asked = FIRN_ASKED_NOTHING;
    if (keeper_phase(keeper) < FIRN_PHASE_HELD)
        keeper_set_end(keeper, FIRN_END_DIED);
}

void keeper_terminate(int signal)
{
    keeper_terminated = 1;
}

/* SIGTERM is blocked but while the keeper sleeps: one that came in the middle of a step. */
static void keeper_take_signal(void)
{
    const struct timespec now = {0};
    sigset_t term;

    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    if (sigtimedwait(&term, NULL, &now) == SIGTERM)
        keeper_terminate(SIGTERM);
}

/* Takes over what the agent has said, and sees to the deadline; the agent's words before the record
 * are read by keeper_await(). */
void keeper_listen(Keeper *keeper)
{
    gboolean held = keeper_phase(keeper) >= FIRN_PHASE_HELD;
    gint64 deadline = keeper->record->head->deadline;
    gboolean alive = keeper->agent && firn_wire_read(keeper->agent);
    char *line;

    while (keeper->agent && (line = firn_wire_line(keeper->agent))) {
        if (!strcmp(line, "thaw")) {
            keeper->record->head->asked = FIRN_ASKED_THAW;
            keeper_set_end(keeper, held ? FIRN_END_REQUEST : FIRN_END_CANCELLED);
        } else if (!strcmp(line, "stop")) {
            keeper->record->head->asked = FIRN_ASKED_STOP;
            keeper_set_end(keeper, FIRN_END_SHUTDOWN);
        }
        g_free(line);
    }
    if (keeper->agent && !alive)
        keeper_lose_agent(keeper);
    keeper_take_signal();
    if (keeper_terminated)
        keeper_set_end(keeper, FIRN_END_SHUTDOWN);
    if (deadline && firn_record_now() >= deadline)
        keeper_set_end(keeper, FIRN_END_DEADLINE);
}

/* What the steps ask: TRUE once the freeze is to end. */
gboolean keeper_is_ending(gpointer data)
{
    Keeper *keeper = data;

    keeper_listen(keeper);
    return keeper_end(keeper) != FIRN_END_NONE;
}

/* One line of the request; TRUE when it is the word that begins it. */
static gboolean keeper_take_line(Keeper *keeper, const char *line, gboolean *resume)
{
    *resume = !strcmp(line, "resume");
    if (*resume || !strcmp(line, "freeze"))
        return TRUE;
    if (!firn_freeze_request_load_line(keeper->request, line) && !keeper->message)
        keeper->message = firn_wire_value(line, "message");
    return FALSE;
}

gboolean keeper_await(Keeper *keeper, gboolean *resume)
{
    struct pollfd entry = {.fd = keeper->agent->fd, .events = POLLIN};
    gboolean begun = FALSE;
    gboolean alive = TRUE;

    while (alive && !begun) {
        char *line;

        poll(&entry, 1, -1);
        alive = firn_wire_read(keeper->agent);
        while (!begun && (line = firn_wire_line(keeper->agent))) {
            begun = keeper_take_line(keeper, line, resume);
            g_free(line);
        }
    }
    return begun;
}

void keeper_say(Keeper *keeper, const char *word, const char *value)
{
    if (keeper->agent)
        firn_wire_say(keeper->agent, word, value);
}

void keeper_say_number(Keeper *keeper, const char *word, guint number)
{
    if (keeper->agent)
        firn_wire_say_number(keeper->agent, word, number);
}

gboolean keeper_start_watcher(Keeper *keeper, GError **error)
{
    const FirnWatcherPost post = {
        .record = keeper->record,
        .agent = keeper->agent ? keeper->agent->fd : -1,
        .listener = keeper->listener,
        .grace = keeper->grace,
        .program = keeper->program,
    };

    return firn_watcher_start(&keeper->watcher, &post, error);
}

/* The watcher knows the agent too, to hear its word and to answer it in the end. */
static void keeper_renew_watcher(Keeper *keeper)
{
    FirnWatcher before = keeper->watcher;
    g_autoptr(GError) error = NULL;

    if (before.pid <= 0)
        return;
    if (keeper_start_watcher(keeper, &error)) {
        firn_watcher_dismiss(&before);
        return;
    }
    g_warning("%s: the watcher knows nothing of the next agent", error->message);
    keeper->watcher = before;
}

/* The next agent takes the place of the one before. */
void keeper_accept(Keeper *keeper)
{
    int fd = keeper->listener >= 0
                 ? accept4(keeper->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)
                 : -1;

    if (fd < 0)
        return;
    firn_wire_free(keeper->agent);
    keeper->agent = firn_wire_new(fd);
    keeper->record->head->asked = FIRN_ASKED_NOTHING;
    keeper_renew_watcher(keeper);
    if (keeper_phase(keeper) == FIRN_PHASE_HELD && keeper_end(keeper) == FIRN_END_NONE)
        keeper_say_number(keeper, "frozen", keeper->record->head->frozen);
}

/* Sleeps until something has happened, `limit` (record time, 0: none) or a tick has passed. */
void keeper_sleep(Keeper *keeper, gint64 limit)
{
    gint64 left = limit ? limit - firn_record_now() : G_MAXINT64;
    int tick =
        left / NS_PER_MS >= TICK_MS ? TICK_MS : (int)MAX((left + NS_PER_MS - 1) / NS_PER_MS, 0);
    struct timespec wait = {.tv_sec = tick / 1000, .tv_nsec = tick % 1000 * NS_PER_MS};
    struct pollfd entries[] = {
        {.fd = keeper->agent ? keeper->agent->fd : -1, .events = POLLIN},
        {.fd = keeper->listener, .events = POLLIN},
        {.fd = keeper->watcher.end, .events = POLLIN},
    };
    sigset_t mask;

    sigfillset(&mask);
    sigdelset(&mask, SIGTERM);
    if (ppoll(entries, G_N_ELEMENTS(entries), &wait, &mask) < 0 && errno != EINTR)
        poll(NULL, 0, 10); /* not as fast as it can */
    keeper_accept(keeper);
    keeper_listen(keeper);
}

/* An agent that waits for a thaw that hangs is told, and the filesystem is tried again. */
void keeper_tell_hanging(Keeper *keeper)
{
    g_autoptr(GError) error = firn_walk_thaw_error(keeper->record);

    if (!error || !keeper->record->head->asked ||
        firn_record_now() - keeper->record->head->thaw_begin < HANGING_NS)
        return;
    keeper_say(keeper, "hangs", error->message);
    keeper->record->head->asked = FIRN_ASKED_NOTHING;
}

char *keeper_stuck_name(const FirnRecord *record)
{
    int stuck = firn_record_find_stuck(record);

    return stuck >= 0 ? firn_record_describe(record, (guint)stuck) : NULL;
}

/* The sentence for a freeze that came to nothing, other than by an error of a step. */
char *keeper_explain_end(const Keeper *keeper)
{
    const FirnRecordHead *head = keeper->record->head;
    g_autofree char *stuck = keeper_stuck_name(keeper->record);

    switch (keeper_end(keeper)) {
    case FIRN_END_CANCELLED:
        return g_strdup("the freeze was cancelled by guest-fsfreeze-thaw");
    case FIRN_END_SHUTDOWN:
        return g_strdup("the freeze was cancelled: the agent was told to stop");
    case FIRN_END_DEADLINE:
        return g_strdup_printf("the freeze was undone: it took longer than freeze-timeout (%u s)",
                               head->freeze_timeout);
    case FIRN_END_WALK_TIMEOUT:
        return g_strdup_printf(
            "failed to freeze %s: its FIFREEZE did not return within freeze-walk-timeout (%u s); "
            "all others are thawed; something holds it: a disk that does not answer, another "
            "freeze of it or of what it stands on, or a program that writes to it for as long (a "
            "scrub, a balance, a snapshot); find it in the kernel's log, or leave the filesystem "
            "out with freeze-exclude",
            stuck ? stuck : "all filesystems", head->walk_timeout);
    case FIRN_END_DIED:
        return g_strdup(
            "the freeze was undone: the process that held it, or the agent, was killed");
    case FIRN_END_NONE:
    case FIRN_END_REQUEST:
    case FIRN_END_FAILED:
    case FIRN_END_EMPTY:
    case FIRN_ENDS:
    default:
        return NULL;
    }
}

void keeper_answer_freeze(Keeper *keeper)
{
    FirnRecordHead *head = keeper->record->head;

    if (head->answered)
        return;
    head->answered = TRUE;
    if (head->message[0])
        keeper_say(keeper, "failed", head->message);
    else
        keeper_say_number(keeper, "frozen", head->frozen);
}

/* The first thaw after an early end is an error, once; a later one finds nothing to thaw. */
void keeper_answer_thaw(Keeper *keeper)
{
    FirnRecordHead *head = keeper->record->head;
    FirnEnd end = keeper_end(keeper);
    gboolean thaw = head->asked == FIRN_ASKED_THAW;
    /* a thaw that came after the end, or once more, has thawed nothing */
    gboolean ours = !head->told && (end == FIRN_END_REQUEST || end == FIRN_END_CANCELLED);
    g_autofree char *note = NULL;

    if (!head->asked || !keeper->agent)
        return;
    if (thaw && head->early && !head->told)
        note = firn_record_note(keeper->record);
    if (note)
        keeper_say(keeper, "unthawed", note);
    else
        keeper_say_number(keeper, "thawed", thaw && !ours ? 0 : (guint)head->thawed);
    if (thaw && !note) /* of a note the agent says when it has passed it on */
        head->told = TRUE;
    head->asked = FIRN_ASKED_NOTHING;
}
