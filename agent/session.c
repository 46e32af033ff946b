/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/session.h"

#include <string.h>

#include "agent/log.h"
#include "qga-protocol/request.h"

/* Requests that wait behind a running command: beyond that the client is not read any more. */
#define MAX_WAITING 256
#define MAX_WAITING_BYTES (1024 * 1024)
/* How long a sync waits for brief commands, in milliseconds: hosts wait a second and more for it.
 */
#define BRIEF_MS 500

typedef enum {
    WAITING,
    RUNNING,
    SENDING, /* the reply goes out in pieces; counts as running */
    DONE,
} State;

/* One request and its reply. */
typedef struct {
    FirnSession *session; /* NULL: it ended while the command ran */
    const QgaCommand *command;
    State state;
    gboolean dropped;   /* nobody waits for the reply */
    QgaRequest request; /* that waits */
    GString *line;      /* the reply, once done, or its beginning */
    QgaReply *reply;    /* where the pieces of one that is SENDING come from */
    gboolean begun;     /* some of the reply is out */
} Exchange;

struct FirnSession {
    const QgaCommands *commands;
    const FirnPolicy *policy;
    FirnSessionWay way;
    gpointer data;
    QgaGate *gate;
    JsonParser *parser;
    GQueue exchanges; /* in the order of the requests */
    guint running;
    gsize waiting_bytes;
    guint brief_timer; /* while a sync waits for brief commands */
    gboolean eof;
    gboolean stopped;
    gboolean reading;
    gboolean advancing;
};

static void exchange_free(gpointer data)
{
    Exchange *exchange = data;

    qga_request_clear(&exchange->request);
    if (exchange->line)
        g_string_free(exchange->line, TRUE);
    qga_reply_unref(exchange->reply);
    g_free(exchange);
}

FirnSession *firn_session_new(const QgaCommands *commands, const FirnPolicy *policy,
                              const FirnSessionWay *way, gpointer data)
{
    FirnSession *session = g_new0(FirnSession, 1);

    session->commands = commands;
    session->policy = policy;
    session->way = *way;
    session->data = data;
    session->gate = qga_gate_new(NULL, qga_commands_base64(commands));
    session->parser = json_parser_new();
    session->reading = TRUE;
    g_queue_init(&session->exchanges);
    return session;
}

void firn_session_free(FirnSession *session)
{
    Exchange *exchange;

    if (!session)
        return;
    while ((exchange = g_queue_pop_head(&session->exchanges))) {
        if (exchange->state == RUNNING)
            exchange->session = NULL; /* on_reply() frees it */
        else
            exchange_free(exchange);
    }
    if (session->brief_timer)
        g_source_remove(session->brief_timer);
    qga_gate_free(session->gate);
    g_object_unref(session->parser);
    g_free(session);
}

static void set_done(Exchange *exchange)
{
    if (exchange->state == RUNNING || exchange->state == SENDING)
        exchange->session->running--;
    exchange->state = DONE;
}

static void on_reply(QgaReply *reply, GString *line, gpointer data)
{
    Exchange *exchange = data;
    FirnSession *session = exchange->session;

    exchange->line = line;
    if (!session) {
        exchange_free(exchange);
        return;
    }
    if (qga_reply_has_more(reply)) {
        exchange->state = SENDING;
        exchange->reply = qga_reply_ref(reply);
    } else {
        set_done(exchange);
    }
    firn_session_advance(session);
}

static Exchange *exchange_new(FirnSession *session, const QgaCommand *command)
{
    Exchange *exchange = g_new0(Exchange, 1);

    exchange->session = session;
    exchange->command = command;
    g_queue_push_tail(&session->exchanges, exchange);
    return exchange;
}

static QgaReply *exchange_reply(Exchange *exchange, const QgaRequest *request)
{
    QgaCommandFlags flags = exchange->command ? exchange->command->flags : QGA_COMMAND_NONE;

    return qga_reply_new(request->id, (flags & QGA_COMMAND_SILENT) != 0,
                         (flags & QGA_COMMAND_SENTINEL) != 0, on_reply, exchange);
}

typedef struct {
    QgaReply *reply;
    char *text;
} Refusal;

static void on_refusal_recorded(gint64 count, const GError *error, gpointer data)
{
    Refusal *refusal = data;

    qga_reply_fail_not_found(refusal->reply, "%s", refusal->text);
    qga_reply_unref(refusal->reply);
    g_free(refusal->text);
    g_free(refusal);
}

static void refuse(FirnSession *session, const QgaCommand *command, QgaReply *reply,
                   const char *text)
{
    Refusal *refusal = g_new(Refusal, 1);

    refusal->reply = qga_reply_ref(reply);
    refusal->text = g_strdup(text);
    if (!firn_policy_record_refusal(session->policy, command, on_refusal_recorded, refusal))
        on_refusal_recorded(0, NULL, refusal);
}

/* Hands the request to its handler, if it may run. The exchange may be gone afterwards. */
static void run(Exchange *exchange, const QgaRequest *request)
{
    FirnSession *session = exchange->session;
    const QgaCommand *command = exchange->command;
    g_autofree char *refusal = firn_policy_refuses(session->policy, command);
    g_autoptr(QgaReply) reply = exchange_reply(exchange, request);
    GError *error = NULL;
    gpointer data = NULL;

    exchange->state = RUNNING;
    session->running++;
    if (refusal) {
        refuse(session, command, reply, refusal);
        return;
    }
    if (!qga_arguments_check(&request->arguments, command->arguments, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    qga_commands_find(session->commands, command->name, &data);
    command->handler(&request->arguments, reply, data);
}

/* The request of an exchange that waits no more; release with qga_request_clear(). */
static QgaRequest take_waiting(Exchange *exchange)
{
    QgaRequest request = exchange->request;

    exchange->request = (QgaRequest){0};
    exchange->session->waiting_bytes -= request.cost;
    return request;
}

/* Runs a request that has waited. */
static void run_waiting(Exchange *exchange)
{
    g_auto(QgaRequest) request = take_waiting(exchange);

    run(exchange, &request);
}

static void fail_waiting(Exchange *exchange, const char *why)
{
    g_auto(QgaRequest) request = take_waiting(exchange);
    g_autoptr(QgaReply) reply = exchange_reply(exchange, &request);

    qga_reply_fail(reply, "%s", why);
}

/* Rule 2: nobody waits any more for what came before `end` (NULL: for anything). Where the client
 * has `gone` that goes for a line of which it has the beginning too; one that is still there gets
 * the rest, or what follows could not be read. */
static void drop_until(FirnSession *session, const Exchange *end, gboolean gone)
{
    GList *next;

    for (GList *item = session->exchanges.head; item && item->data != end; item = next) {
        Exchange *exchange = item->data;

        next = item->next;
        if (exchange->begun && !gone)
            continue;
        exchange->dropped = TRUE;
        if (exchange->state == RUNNING)
            continue;
        if (exchange->state == WAITING)
            session->waiting_bytes -= exchange->request.cost;
        set_done(exchange);
        g_queue_delete_link(&session->exchanges, item);
        exchange_free(exchange);
    }
}

/* Sends as many pieces as there is room for. */
static void send_pieces(Exchange *exchange)
{
    FirnSession *session = exchange->session;

    exchange->begun = TRUE;
    if (exchange->line)
        session->way.send(g_steal_pointer(&exchange->line), session->data);
    while (qga_reply_has_more(exchange->reply)) {
        if (session->way.is_full(session->data))
            return;
        session->way.send(qga_reply_next_piece(exchange->reply), session->data);
    }
    set_done(exchange);
}

/* Rule 1: sends what is done, up to the first reply that is still due. */
static void flush(FirnSession *session)
{
    GList *next;

    for (GList *item = session->exchanges.head; item; item = next) {
        Exchange *exchange = item->data;

        next = item->next;
        if (exchange->state == SENDING)
            send_pieces(exchange);
        if (exchange->state != DONE) {
            if (exchange->dropped)
                continue;
            return;
        }
        if (!exchange->dropped && exchange->line)
            session->way.send(g_steal_pointer(&exchange->line), session->data);
        g_queue_delete_link(&session->exchanges, item);
        exchange_free(exchange);
    }
}

static gboolean is_freeze(const QgaCommand *command)
{
    return command && (!strcmp(command->name, "guest-fsfreeze-freeze") ||
                       !strcmp(command->name, "guest-fsfreeze-freeze-list"));
}

/* Rule 4: whether this is a thaw and a freeze is what runs. */
static gboolean cancels_freeze(const FirnSession *session, const QgaCommand *command)
{
    gboolean freezing = FALSE;

    if (strcmp(command->name, "guest-fsfreeze-thaw") != 0)
        return FALSE;
    for (const GList *item = session->exchanges.head; item; item = item->next) {
        const Exchange *exchange = item->data;

        if (exchange->state != RUNNING)
            continue;
        if (!is_freeze(exchange->command))
            return FALSE; /* another thaw is at it already */
        freezing = TRUE;
    }
    return freezing;
}

/* Rule 4: no freeze that came before the thaw may start after it. */
static void refuse_waiting_freezes(FirnSession *session)
{
    for (GList *item = session->exchanges.head; item; item = item->next) {
        Exchange *exchange = item->data;

        if (exchange->state == WAITING && is_freeze(exchange->command))
            fail_waiting(exchange, "the freeze was cancelled by guest-fsfreeze-thaw");
    }
}

/* No reply is due to the client before this one; NULL: rule 3, none at all. */
static gboolean nothing_is_before(const FirnSession *session, const Exchange *end)
{
    for (const GList *item = session->exchanges.head; item && item->data != end;
         item = item->next) {
        if (!((const Exchange *)item->data)->dropped)
            return FALSE;
    }
    return TRUE;
}

static gboolean nothing_is_due(const FirnSession *session)
{
    return nothing_is_before(session, NULL);
}

/* The last sync that waits, or NULL. */
static Exchange *waiting_sync(FirnSession *session)
{
    for (GList *item = session->exchanges.tail; item; item = item->prev) {
        Exchange *exchange = item->data;

        if (exchange->state == WAITING && (exchange->command->flags & QGA_COMMAND_SYNC))
            return exchange;
    }
    return NULL;
}

/* What was brief is not: the sync waits no longer. */
static gboolean on_not_brief(gpointer data)
{
    FirnSession *session = data;
    Exchange *sync = waiting_sync(session);

    session->brief_timer = 0;
    if (!sync)
        return G_SOURCE_REMOVE;
    drop_until(session, sync, FALSE);
    if (nothing_is_before(session, sync))
        run_waiting(sync);
    firn_session_advance(session);
    return G_SOURCE_REMOVE;
}

/* Rule 2: whether a sync waits, as all that is before it is brief. */
static gboolean waits_for_brief(FirnSession *session)
{
    for (const GList *item = session->exchanges.head; item; item = item->next) {
        const Exchange *exchange = item->data;

        if (exchange->dropped || exchange->state == SENDING ||
            (exchange->command &&
             !(exchange->command->flags & (QGA_COMMAND_BRIEF | QGA_COMMAND_SYNC))))
            return FALSE;
    }
    if (!session->brief_timer)
        session->brief_timer = g_timeout_add(BRIEF_MS, on_not_brief, session);
    return TRUE;
}

/* A sync that will get an error: the client learns nothing from it, so nothing is dropped. */
static gboolean is_refused(const FirnSession *session, const QgaCommand *command,
                           const QgaRequest *request)
{
    g_autofree char *refusal = firn_policy_refuses(session->policy, command);

    return refusal || !qga_arguments_check(&request->arguments, command->arguments, NULL);
}

/* Whether a request runs now, whatever else runs. */
static gboolean runs_at_once(FirnSession *session, const QgaCommand *command,
                             const QgaRequest *request)
{
    if (session->exchanges.length == 0)
        return TRUE;
    if (command->flags & QGA_COMMAND_SYNC) {
        if (is_refused(session, command, request))
            return FALSE;
        if (waits_for_brief(session))
            return FALSE;
        drop_until(session, NULL, FALSE);
        return nothing_is_due(session);
    }
    if (!strcmp(command->name, "guest-ping") || !strcmp(command->name, "guest-info"))
        return nothing_is_due(session);
    if (cancels_freeze(session, command)) {
        refuse_waiting_freezes(session);
        return TRUE;
    }
    return FALSE; /* rule 5 */
}

static void take_text(FirnSession *session, const QgaText *text)
{
    g_auto(QgaRequest) request = {0};
    GError *error = NULL;
    const QgaCommand *command = NULL;

    if (!qga_request_parse(session->parser, text, &request, &error)) {
        g_autoptr(QgaReply) reply = exchange_reply(exchange_new(session, NULL), &request);

        qga_reply_fail_error(reply, error);
        return;
    }
    command = qga_commands_find(session->commands, request.name, NULL);
    if (!command) {
        g_autoptr(QgaReply) reply = exchange_reply(exchange_new(session, NULL), &request);

        qga_reply_fail_not_found(reply, "The command %s has not been found", request.name);
        return;
    }
    if (firn_log_is_verbose())
        g_debug("read data, count: %" G_GSIZE_FORMAT ", data: {\"execute\": \"%s\"}",
                text->message_length, request.name);
    if (runs_at_once(session, command, &request)) {
        run(exchange_new(session, command), &request);
        return;
    }
    qga_request_keep(&request);
    session->waiting_bytes += request.cost;
    exchange_new(session, command)->request = request;
    request = (QgaRequest){0};
}

/* Takes the next text out of the gate; FALSE when there is none. */
static gboolean scan(FirnSession *session)
{
    QgaRequest none = {0};
    QgaText text;
    GError *error = NULL;

    switch (qga_gate_next(session->gate, &text, &error)) {
    case QGA_GATE_TEXT:
        take_text(session, &text);
        return TRUE;
    case QGA_GATE_ERROR: {
        g_autoptr(QgaReply) reply = exchange_reply(exchange_new(session, NULL), &none);

        qga_reply_fail_error(reply, error);
        return TRUE;
    }
    case QGA_GATE_MORE:
    default:
        return FALSE;
    }
}

/* Of replies that wait for an earlier one: those of bad requests, with their ids. */
static gsize held_bytes(const FirnSession *session)
{
    gsize bytes = 0;

    for (GList *link = session->exchanges.head; link; link = link->next) {
        const Exchange *exchange = link->data;

        if (exchange->state == DONE && exchange->line)
            bytes += exchange->line->len;
    }
    return bytes;
}

static gboolean has_room(const FirnSession *session)
{
    return session->exchanges.length < MAX_WAITING &&
           session->waiting_bytes + held_bytes(session) < MAX_WAITING_BYTES;
}

/* One step; FALSE when nothing can be done now. */
static gboolean step(FirnSession *session)
{
    Exchange *first;

    flush(session);
    if (session->stopped || session->way.is_full(session->data))
        return FALSE;
    first = g_queue_peek_head(&session->exchanges);
    if (session->running == 0 && first) {
        run_waiting(first);
        return TRUE;
    }
    return has_room(session) && scan(session);
}

void firn_session_advance(FirnSession *session)
{
    gboolean reading;

    if (session->advancing)
        return; /* the outer call goes on */
    session->advancing = TRUE;
    while (step(session))
        ;
    session->advancing = FALSE;
    reading = !session->stopped && has_room(session) && !session->way.is_full(session->data);
    if (reading != session->reading) {
        session->reading = reading;
        session->way.set_reading(reading, session->data);
    }
    if (session->eof && reading && nothing_is_due(session)) {
        session->eof = FALSE;
        session->way.finished(session->data);
    }
}

void firn_session_feed(FirnSession *session, const char *bytes, gsize length)
{
    qga_gate_feed(session->gate, bytes, length);
    firn_session_advance(session);
}

void firn_session_eof(FirnSession *session)
{
    session->eof = TRUE;
    firn_session_advance(session);
}

void firn_session_left(FirnSession *session)
{
    qga_gate_reset(session->gate);
    session->eof = FALSE;
    drop_until(session, NULL, TRUE);
    firn_session_advance(session);
}

gboolean firn_session_cut(FirnSession *session)
{
    for (const GList *item = session->exchanges.head; item; item = item->next) {
        if (((const Exchange *)item->data)->begun)
            return FALSE;
    }
    qga_gate_reset(session->gate);
    return TRUE;
}

void firn_session_stop(FirnSession *session)
{
    session->stopped = TRUE;
    firn_session_advance(session);
}
