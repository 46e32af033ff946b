/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/freezer.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/freeze/memory.h"
#include "agent/freeze/reach.h"
#include "agent/freeze/record.h"
#include "agent/freeze/report.h"
#include "agent/freeze/request.h"
#include "agent/freeze/state-dir.h"
#include "agent/freeze/wire.h"
#include "agent/log.h"
#include "platform/grace-periods.h"
#include "platform/pidfd.h"
#include "qga-protocol/json.h"

#define RECORD_NAME "freeze-record"
/* A path that does not open by then costs the freeze. */
#define OPENING_S 10
/* A host that cancels, or a service manager that stops, waits no longer than this for it. */
#define CANCEL_S 2
/* Between two tries to have ended what killed processes left. */
#define RETRY_S 1
/* How often the agent looks whether a freeze is overdue. */
#define LOOKOUT_S 1
#define RETRIES_MAX 3
/* How often a keeper that is about to end is looked after. */
#define REAP_MS 100
/* For so long the processes of a freeze may take to be gone after their last word. */
#define LINGER_MS 1000

/* Somebody who waits for an answer; all 0: nobody. */
typedef struct {
    FirnFreezerDone done;
    gpointer data;
} Caller;

/* What is known of the keeper: all that the agent knows of a freeze. */
typedef enum {
    IDLE,     /* there is none */
    OPENING,  /* it has not said `ready`: the agent sees to its time */
    FREEZING, /* it will say `frozen` or `failed` */
    HELD,     /* it has said `frozen` */
    ENDING,   /* it has been asked to thaw, or does so by itself, and will say `done` */
    STUCK,    /* it has said `done`, but its FIFREEZE hangs */
} Mode;

/*
 * The host is answered a freeze as soon as all is frozen. It is answered a thaw, or a freeze that
 * failed, once the processes of the freeze are gone: what the host does next meets nothing of it.
 */

struct FirnFreezer {
    const FirnConfig *config;
    const FirnRoots *roots;
    int program; /* of the keeper, opened at the start: an upgrade mixes no two versions */
    Mode mode;
    gboolean frozen; /* as far as the keeper has said */
    gboolean ended;  /* it has said its last word */
    FirnWire *wire;  /* NULL when idle */
    guint source;    /* of the wire */
    guint timer;     /* of OPENING, or of a retry */
    guint retries;
    pid_t child;    /* the keeper; 0: not started by this agent, or waited for */
    char *at;       /* what it does that may hang */
    char *stuck;    /* what hangs */
    char *given_up; /* why the keeper was killed while it opened */
    char *failed;   /* why the freeze failed */
    char *unthawed; /* what the thaw is answered in place of a number */
    gint64 thawed;
    guint lookout;     /* a timer of its own, while there is a wire */
    gboolean telling;  /* an answer to a thaw is on its way */
    gboolean resuming; /* the keeper was started to end what is left, and has not begun yet */
    gboolean quiet;
    Caller freeze;
    Caller thaw;
    Caller shutdown;
    FirnFreezeRequest *next; /* begins once the keeper before has said `done` */
    Caller next_caller;
};

static void freezer_start(FirnFreezer *freezer, const FirnFreezeRequest *request, const char *word);

/* --- answers --- */

/* The caller may ask for more before this returns. */
static void caller_answer(Caller *caller, gint64 count, const GError *error)
{
    Caller told = *caller;

    memset(caller, 0, sizeof *caller);
    if (told.done)
        told.done(count, error, told.data);
}

static void G_GNUC_PRINTF(2, 3) caller_refuse(Caller *caller, const char *format, ...)
{
    g_autoptr(GError) error = NULL;
    va_list args;

    va_start(args, format);
    error = g_error_new_valist(G_FILE_ERROR, G_FILE_ERROR_FAILED, format, args);
    va_end(args);
    caller_answer(caller, 0, error);
}

/* It is noted after the answer that it was given: a host that hears an error twice, because the
 * agent was killed in between, is better off than one that never does. */
static void freezer_answer_thaw(FirnFreezer *freezer)
{
    g_autofree char *text = g_steal_pointer(&freezer->unthawed);
    gboolean first = freezer->thaw.done && !freezer->telling;
    gint64 count = freezer->thawed;

    freezer->thawed = 0;
    if (first && !text && count == 0)
        text = firn_report_note(freezer->config->state_dir, FALSE);
    freezer->telling = freezer->telling || first; /* the answer may bring the next thaw */
    if (text)
        caller_refuse(&freezer->thaw, "%s", text);
    else
        caller_answer(&freezer->thaw, count, NULL);
    if (first) {
        g_free(firn_report_note(freezer->config->state_dir, TRUE));
        freezer->telling = FALSE;
    }
    caller_answer(&freezer->shutdown, count, NULL);
}

static void freezer_answer_failed(FirnFreezer *freezer)
{
    g_autofree char *text = g_steal_pointer(&freezer->failed);

    caller_refuse(&freezer->freeze, "%s",
                  text ? text : "the freeze was undone: its process was killed");
}

/* --- quiet --- */

/* Nothing of the agent touches a disk while filesystems may be frozen. */
static void freezer_hush(FirnFreezer *freezer)
{
    /* the agent goes on answering while the disk that they lie on stands still */
    static const FirnMemoryFunction libraries[] = {(FirnMemoryFunction)g_free,
                                                   (FirnMemoryFunction)g_object_ref,
                                                   (FirnMemoryFunction)json_parser_new, NULL};

    if (freezer->quiet)
        return;
    freezer->quiet = TRUE;
    firn_log_hold();
    firn_memory_lock(libraries);
}

static void freezer_wake(FirnFreezer *freezer)
{
    freezer->frozen = FALSE;
    /* a log file may lie on what hangs */
    if (!freezer->quiet || (freezer->stuck && freezer->config->log_file))
        return;
    freezer->quiet = FALSE;
    firn_log_release();
}

/* --- the keeper's words --- */

static void freezer_stop_timer(FirnFreezer *freezer)
{
    if (freezer->timer)
        g_source_remove(freezer->timer);
    freezer->timer = 0;
}

static gboolean freezer_reap(gpointer data)
{
    return waitpid(GPOINTER_TO_INT(data), NULL, WNOHANG) == 0 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

/* It has said its last word, or was killed: it ends soon, unless it hangs in the kernel. */
static void freezer_part_from_child(FirnFreezer *freezer)
{
    if (freezer->child > 0 && freezer_reap(GINT_TO_POINTER(freezer->child)))
        g_timeout_add(REAP_MS, freezer_reap, GINT_TO_POINTER(freezer->child));
    freezer->child = 0;
}

static void freezer_hang_up(FirnFreezer *freezer)
{
    freezer_stop_timer(freezer);
    if (freezer->source)
        g_source_remove(freezer->source);
    if (freezer->lookout)
        g_source_remove(freezer->lookout);
    freezer->source = freezer->lookout = 0;
    g_clear_pointer(&freezer->wire, firn_wire_free);
    g_clear_pointer(&freezer->at, g_free);
    freezer_part_from_child(freezer);
}

static void freezer_start_next(FirnFreezer *freezer)
{
    g_autoptr(FirnFreezeRequest) next = g_steal_pointer(&freezer->next);

    if (!next)
        return;
    freezer->freeze = freezer->next_caller;
    memset(&freezer->next_caller, 0, sizeof freezer->next_caller);
    freezer_start(freezer, next, "freeze");
}

static void freezer_refuse_stuck(FirnFreezer *freezer, Caller *caller)
{
    caller_refuse(caller,
                  "cannot freeze: an earlier freeze of %s still hangs in the kernel; free what it "
                  "waits for, or leave it out with freeze-exclude and restart the guest",
                  freezer->stuck);
}

/* The keeper has told all, and is gone. The mode is set before anybody is answered: the answer may
 * bring the next request. */
static void freezer_conclude(FirnFreezer *freezer)
{
    freezer->retries = 0;
    freezer_stop_timer(freezer);
    if (freezer->stuck) {
        freezer->mode = STUCK;
        if (freezer->config->log_file && freezer->failed) /* no keeper dares to write to it now */
            g_warning("freeze failed: %s", freezer->failed);
    } else {
        freezer_hang_up(freezer);
        freezer->mode = IDLE;
    }
    freezer_wake(freezer);
    freezer_answer_failed(freezer);
    freezer_answer_thaw(freezer);
    if (!freezer->stuck) {
        freezer_start_next(freezer);
    } else if (freezer->next) {
        g_clear_pointer(&freezer->next, firn_freeze_request_free);
        freezer_refuse_stuck(freezer, &freezer->next_caller);
    }
}

static void freezer_hear_frozen(FirnFreezer *freezer, gint64 count)
{
    freezer_stop_timer(freezer);
    freezer_hush(freezer);
    if (count == 0) {
        freezer->mode = ENDING;
        freezer_wake(freezer);
    } else {
        freezer->mode = freezer->thaw.done || freezer->shutdown.done ? ENDING : HELD;
        freezer->frozen = TRUE;
        if (!freezer->freeze.done)
            g_warning("an earlier instance left %" G_GINT64_FORMAT
                      " filesystems frozen: they stay so "
                      "until the thaw, or the deadline",
                      count);
    }
    caller_answer(&freezer->freeze, count, NULL);
}

static void freezer_hear_failed(FirnFreezer *freezer, const char *text)
{
    freezer_stop_timer(freezer);
    freezer->mode = ENDING;
    freezer->frozen = FALSE; /* the log stays held until it is known that nothing hangs */
    g_free(freezer->failed);
    freezer->failed = g_strdup(text);
}

static void freezer_hear_thawed(FirnFreezer *freezer, gint64 count, const char *unthawed)
{
    freezer->mode = ENDING;
    freezer->frozen = FALSE;
    freezer->thawed = count;
    g_free(freezer->unthawed);
    freezer->unthawed = g_strdup(unthawed);
}

/* What hangs in its thaw may do so for hours: nobody waits for it. */
static void freezer_hear_hangs(FirnFreezer *freezer, const char *text)
{
    caller_refuse(&freezer->thaw, "%s", text);
    caller_refuse(&freezer->shutdown, "%s", text);
}

/* The end of the file comes next, but where a process hangs. */
static gboolean freezer_on_lingering(gpointer data)
{
    FirnFreezer *freezer = data;

    freezer->timer = 0;
    freezer_conclude(freezer);
    return G_SOURCE_REMOVE;
}

static void freezer_hear_done(FirnFreezer *freezer)
{
    freezer->ended = TRUE;
    freezer_stop_timer(freezer);
    if (freezer->stuck)
        freezer_conclude(freezer);
    else
        freezer->timer = g_timeout_add(LINGER_MS, freezer_on_lingering, freezer);
}

static void freezer_hear(FirnFreezer *freezer, const char *line)
{
    g_autofree char *word = g_strndup(line, strcspn(line, " "));
    g_autofree char *value = firn_wire_value(line, word);
    gint64 number = g_ascii_strtoll(value, NULL, 10);

    if (!strcmp(word, "at")) {
        g_free(freezer->at);
        freezer->at = g_steal_pointer(&value);
    } else if (!strcmp(word, "ready")) {
        freezer->resuming = FALSE;
        freezer_stop_timer(freezer);
        freezer->mode = freezer->mode == OPENING ? FREEZING : freezer->mode;
        freezer_hush(freezer);
    } else if (!strcmp(word, "frozen")) {
        freezer_hear_frozen(freezer, number);
    } else if (!strcmp(word, "failed")) {
        freezer_hear_failed(freezer, value);
    } else if (!strcmp(word, "thawed")) {
        freezer_hear_thawed(freezer, number, NULL);
    } else if (!strcmp(word, "unthawed")) {
        freezer_hear_thawed(freezer, 0, value);
    } else if (!strcmp(word, "hangs")) {
        freezer_hear_hangs(freezer, value);
    } else if (!strcmp(word, "stuck")) {
        g_free(freezer->stuck);
        freezer->stuck = g_steal_pointer(&value);
    } else if (!strcmp(word, "done")) {
        freezer_hear_done(freezer);
    }
}

/* --- the keeper's end --- */

gboolean firn_freezer_finds_record(const FirnConfig *config)
{
    g_autofree char *path = g_build_filename(config->state_dir, RECORD_NAME, NULL);

    return access(path, F_OK) == 0;
}

static void freezer_resume(FirnFreezer *freezer)
{
    g_autoptr(FirnFreezeRequest) request =
        firn_freeze_request_new(freezer->config, freezer->roots, NULL, "");

    freezer_start(freezer, request, "resume");
}

static gboolean freezer_on_retry(gpointer data)
{
    FirnFreezer *freezer = data;

    freezer->timer = 0;
    freezer_resume(freezer);
    return G_SOURCE_REMOVE;
}

static void freezer_refuse_all(FirnFreezer *freezer)
{
    static const char why[] = "no process that ends the freeze before can be started, or lives; "
                              "firn goes on trying: see its log";

    g_clear_pointer(&freezer->next, firn_freeze_request_free);
    caller_refuse(&freezer->freeze, "the freeze was undone: its process was killed");
    caller_refuse(&freezer->next_caller, "cannot freeze: %s", why);
    caller_refuse(&freezer->thaw, "cannot thaw: %s", why);
    caller_refuse(&freezer->shutdown, "cannot thaw: %s", why);
}

/* Nobody waits for ever, and what is left is not forgotten. */
static void freezer_retry_later(FirnFreezer *freezer)
{
    freezer->mode = ENDING;
    if (freezer->retries++ >= RETRIES_MAX)
        freezer_refuse_all(freezer);
    freezer_stop_timer(freezer);
    freezer->timer = g_timeout_add_seconds(RETRY_S, freezer_on_retry, freezer);
}

static gboolean freezer_on_wire(gint fd, GIOCondition condition, gpointer data);

/* Both were killed, and one of them hangs in the kernel still: its socket says nothing. */
static gboolean freezer_is_forsaken(const FirnRecord *record)
{
    const FirnRecordHead *head = record->head;

    return head->keeper && firn_pid_is_doomed((pid_t)head->keeper, head->keeper_start) &&
           firn_pid_is_doomed((pid_t)head->watcher, head->watcher_start);
}

/* Keeper and watcher see to each other. Should one be dead and the other one stopped, or both be
 * stopped, there is the agent. */
static gboolean freezer_on_lookout(gpointer data)
{
    FirnFreezer *freezer = data;
    g_autoptr(FirnRecord) record = firn_record_open(freezer->config->state_dir, NULL);

    if (!record || freezer->mode == STUCK || freezer->ended || freezer->resuming ||
        (!firn_record_is_overdue(record) && !freezer_is_forsaken(record)))
        return G_SOURCE_CONTINUE;
    g_warning("the processes of a freeze do not end it: starting another that does");
    freezer->lookout = 0;
    freezer_hang_up(freezer);
    freezer_resume(freezer);
    return G_SOURCE_REMOVE;
}

static void freezer_connect(FirnFreezer *freezer, int fd)
{
    freezer->lookout = g_timeout_add_seconds(LOOKOUT_S, freezer_on_lookout, freezer);
    freezer->wire = firn_wire_new(fd);
    freezer->source = g_unix_fd_add(fd, G_IO_IN | G_IO_HUP | G_IO_ERR, freezer_on_wire, freezer);
}

/* Those who wait for a thaw are asked for once more. */
static void freezer_ask_again(FirnFreezer *freezer)
{
    if (freezer->thaw.done)
        firn_wire_say(freezer->wire, "thaw", NULL);
    if (freezer->shutdown.done)
        firn_wire_say(freezer->wire, "stop", NULL);
}

/* Goes on with the keeper that has the socket in the state directory; FALSE when there is none. */
static gboolean freezer_join(FirnFreezer *freezer)
{
    int fd = firn_reach_find(freezer->config->state_dir);

    if (fd < 0)
        return FALSE;
    freezer->mode = ENDING;
    freezer->ended = FALSE;
    freezer_connect(freezer, fd);
    freezer_ask_again(freezer);
    return TRUE;
}

/* All processes of the freeze are gone. */
static void freezer_on_end(FirnFreezer *freezer)
{
    freezer_hang_up(freezer);
    if (freezer->mode == STUCK) {
        g_clear_pointer(&freezer->stuck, g_free);
        freezer->mode = IDLE;
        freezer_wake(freezer);
        g_message("the filesystem that hung in a freeze has come back");
    } else if (!freezer->ended && !freezer->given_up && freezer_join(freezer)) {
        return; /* the watcher has become the keeper, and knew nothing of this agent */
    } else if (!freezer->ended &&
               (freezer->given_up || firn_freezer_finds_record(freezer->config))) {
        if (freezer->resuming && !freezer->given_up) {
            freezer_retry_later(freezer); /* it could not, and has said why */
            return;
        }
        if (!freezer->given_up)
            g_warning("the processes of a freeze were killed: starting another that ends it");
        if (freezer->retries++ == 0)
            freezer_resume(freezer);
        else /* where each is killed at once, the agent would do nothing else */
            freezer_retry_later(freezer);
    } else {
        freezer_conclude(freezer);
    }
}

static gboolean freezer_on_wire(gint fd, GIOCondition condition, gpointer data)
{
    FirnFreezer *freezer = data;
    FirnWire *wire = freezer->wire;
    gboolean alive = firn_wire_read(wire);
    char *line;

    /* an answer may hang up, and begin another freeze */
    while (freezer->wire == wire && (line = firn_wire_line(wire))) {
        freezer_hear(freezer, line);
        g_free(line);
    }
    if (freezer->wire != wire)
        return G_SOURCE_REMOVE;
    if (alive)
        return G_SOURCE_CONTINUE;
    freezer->source = 0;
    freezer_on_end(freezer);
    return G_SOURCE_REMOVE;
}

/* --- starting --- */

/* It hangs before anything was frozen, and before a watcher sees to it. */
static gboolean freezer_on_overdue(gpointer data)
{
    FirnFreezer *freezer = data;
    const char *at = freezer->at ? freezer->at : "planning the freeze";

    freezer->timer = 0;
    g_free(freezer->given_up);
    freezer->given_up = g_strdup_printf(
        "cannot freeze: %s did not come to an end in time: what answers for it (a file server, a "
        "FUSE process, a virus scanner) does not answer; nothing is frozen; put that right, or "
        "leave the filesystem out with freeze-exclude",
        at);
    if (freezer->child > 0)
        kill(freezer->child, SIGKILL); /* not waited for yet: the number is its own */
    freezer_stop_timer(freezer);
    freezer_on_end(freezer); /* what hangs in the kernel may die later */
    return G_SOURCE_REMOVE;
}

static guint freezer_opening_limit(const FirnFreezer *freezer)
{
    guint walk = freezer->config->freeze_walk_timeout;

    return walk > 0 ? MIN(walk, OPENING_S) : OPENING_S;
}

static void freezer_watch_opening(FirnFreezer *freezer, guint seconds)
{
    freezer_stop_timer(freezer);
    freezer->timer = g_timeout_add_seconds(seconds, freezer_on_overdue, freezer);
}

/* word: "freeze" or "resume". */
static void freezer_start(FirnFreezer *freezer, const FirnFreezeRequest *request, const char *word)
{
    gboolean resume = !strcmp(word, "resume");
    g_autofree char *lines = firn_freeze_request_save(request);
    g_autofree char *given_up = g_steal_pointer(&freezer->given_up);
    g_autoptr(GError) error = NULL;
    int fd;

    if (freezer->program < 0)
        freezer->program = firn_reach_open_program();
    fd = firn_reach_start(freezer->program, &freezer->child, &error);
    if (fd < 0) {
        g_warning("%s", error->message);
        if (resume) {
            freezer_retry_later(freezer);
            return;
        }
        freezer->mode = IDLE;
        caller_answer(&freezer->freeze, 0, error);
        return;
    }
    freezer_connect(freezer, fd);
    freezer->ended = FALSE;
    freezer->resuming = resume;
    freezer->mode = resume ? ENDING : OPENING;
    if (!resume)
        freezer_watch_opening(freezer, freezer_opening_limit(freezer));
    firn_wire_send(freezer->wire, lines);
    if (given_up)
        firn_wire_say(freezer->wire, "message", given_up);
    firn_wire_say(freezer->wire, word, NULL);
    freezer_ask_again(freezer);
    if (given_up) {
        g_warning("%s", given_up);
        freezer_hear_failed(freezer, given_up);
        freezer_answer_failed(freezer);
    }
}

/* --- requests --- */

gboolean firn_freezer_is_frozen(const FirnFreezer *freezer)
{
    return freezer->frozen;
}

void firn_freezer_freeze(FirnFreezer *freezer, const char *const *mountpoints, const char *who,
                         FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};
    FirnFreezeRequest *request;

    if (freezer->mode == STUCK) {
        freezer_refuse_stuck(freezer, &caller);
        return;
    }
    if ((freezer->mode != IDLE && freezer->mode != ENDING) || freezer->freeze.done ||
        freezer->next) {
        caller_refuse(&caller, "cannot freeze: another freeze or thaw still runs");
        return;
    }
    request = firn_freeze_request_new(freezer->config, freezer->roots, mountpoints, who);
    if (freezer->mode == ENDING) {
        freezer->next = request;
        freezer->next_caller = caller;
        return;
    }
    freezer->freeze = caller;
    freezer_start(freezer, request, "freeze");
    firn_freeze_request_free(request);
}

/* Ends whatever goes on; the callers are answered when it has. */
static void freezer_end(FirnFreezer *freezer, const char *word)
{
    if (freezer->next) {
        g_clear_pointer(&freezer->next, firn_freeze_request_free);
        caller_refuse(&freezer->next_caller, "the freeze was cancelled before it began");
    }
    if (!freezer->wire)
        return; /* a retry will ask */
    if (freezer->mode == OPENING)
        freezer_watch_opening(freezer, CANCEL_S);
    if (freezer->mode == HELD)
        freezer->mode = ENDING;
    firn_wire_say(freezer->wire, word, NULL);
}

void firn_freezer_thaw(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    Caller caller = {done, data};

    if (freezer->thaw.done) {
        caller_refuse(&caller, "another thaw still runs");
        return;
    }
    freezer->thaw = caller;
    if (freezer->mode == IDLE || freezer->mode == STUCK)
        freezer_answer_thaw(freezer);
    else
        freezer_end(freezer, "thaw");
}

void firn_freezer_shutdown(FirnFreezer *freezer, FirnFreezerDone done, gpointer data)
{
    freezer->shutdown = (Caller){done, data};
    if (freezer->mode == IDLE || freezer->mode == STUCK)
        caller_answer(&freezer->shutdown, 0, NULL);
    else
        freezer_end(freezer, "stop");
}

/* --- what an earlier instance has left --- */

static void freezer_look_back(FirnFreezer *freezer)
{
    g_autoptr(GError) error = NULL;

    if (!firn_freezer_finds_record(freezer->config))
        return;
    if (!firn_state_dir_check(freezer->config->state_dir, &error)) {
        g_warning("%s", error->message);
        return;
    }
    if (!firn_record_is_left(freezer->config->state_dir, freezer->roots, &freezer->frozen))
        return;
    freezer_hush(freezer);
    if (!freezer_join(freezer))
        freezer_resume(freezer);
}

FirnFreezer *firn_freezer_new(const FirnConfig *config, const FirnRoots *roots)
{
    FirnFreezer *freezer = g_new0(FirnFreezer, 1);

    freezer->config = config;
    freezer->roots = roots;
    freezer->program = firn_reach_open_program();
    firn_grace_periods_reclaim(roots, FALSE);
    freezer_look_back(freezer);
    return freezer;
}

void firn_freezer_free(FirnFreezer *freezer)
{
    if (!freezer)
        return;
    freezer_hang_up(freezer);
    if (freezer->program >= 0)
        close(freezer->program);
    firn_freeze_request_free(freezer->next);
    g_free(freezer->stuck);
    g_free(freezer->given_up);
    g_free(freezer->failed);
    g_free(freezer->unthawed);
    g_free(freezer);
}
