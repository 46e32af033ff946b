/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_SESSION_H
#define AGENT_SESSION_H

#include "agent/policy.h"
#include "qga-protocol/command.h"

/*
 * Requests in, replies out: takes a client's bytes apart, runs its commands one at a time, and
 * sends the replies in the order of the requests. What happens to a request that comes while a
 * command still runs:
 *
 * 1. Replies keep the order of the requests.
 * 2. guest-sync and guest-sync-delimited are answered at once. The client has moved on: the running
 *    command goes on, but its reply is dropped, and what still waited is not run at all (a freeze
 *    that nobody waits for would find nobody to thaw it). The same when a client leaves.
 *    For a command that is brief (QGA_COMMAND_BRIEF) the sync waits up to half a second before: the
 *    client may just have sent both at once.
 * 3. guest-ping and guest-info are answered at once when no earlier reply is still due, as after
 *    such a sync.
 * 4. guest-fsfreeze-thaw starts at once while a freeze runs, and so cancels it; freezes that wait
 *    before it are refused.
 * 5. Everything else waits its turn; above all guest-fsfreeze-status, by which Proxmox VE learns,
 *    on a new connection, how a freeze ended whose reply it gave up on.
 */
typedef struct FirnSession FirnSession;

/* How the session reaches its client. */
typedef struct {
    void (*send)(GString *line, gpointer data); /* takes the line, which may be empty */
    gboolean (*is_full)(gpointer data);         /* make no more replies until advance */
    void (*set_reading)(gboolean reading, gpointer data);
    void (*finished)(gpointer data); /* after eof: every reply was sent */
} FirnSessionWay;

/* Borrows everything for its life. Free with firn_session_free(). */
FirnSession *firn_session_new(const QgaCommands *commands, const FirnPolicy *policy,
                              const FirnSessionWay *way, gpointer data);
void firn_session_free(FirnSession *session);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnSession, firn_session_free)

void firn_session_feed(FirnSession *session, const char *bytes, gsize length);
/* The client sends no more, but waits for its replies. */
void firn_session_eof(FirnSession *session);
/* The client is gone: nothing of it reaches the next one. */
void firn_session_left(FirnSession *session);
/* What comes next may be another client's, but so may be the requests that came last: forgets half
 * a request. FALSE when half a reply is out: then it is another client. */
gboolean firn_session_cut(FirnSession *session);
/* Goes on after is_full() has been true. */
void firn_session_advance(FirnSession *session);
/* Starts no further command. */
void firn_session_stop(FirnSession *session);

#endif
