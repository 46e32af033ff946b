/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_KEEPER_H
#define AGENT_FREEZE_KEEPER_H

#include "agent/freeze/record.h"
#include "agent/freeze/request.h"
#include "agent/freeze/trace.h"
#include "agent/freeze/watcher.h"
#include "agent/freeze/wire.h"

/*
 * What the two files of the keeper share: keeper.c is the freeze in its order, keeper-talk.c what
 * keeper and agent say to each other meanwhile.
 */
typedef struct {
    FirnFreezeRequest *request;
    FirnRoots *roots;
    FirnWire *agent; /* NULL: it is gone */
    int listener;    /* for the next agent; -1: none */
    int program;     /* this program, for the watcher to execute */
    FirnPlan *plan;
    FirnRecord *record; /* NULL until it is made */
    FirnTrace *trace;   /* NULL: none */
    int grace;          /* of firn_grace_periods_open(); -1 */
    FirnWatcher watcher;
    gboolean hindered; /* an earlier freeze hangs in the kernel: all that can be ended has been */
    gboolean quiet;    /* the log is held */
    char *message;     /* why the agent killed the keeper before; NULL */
} Keeper;

/* Frees all that it has, before the process ends. */
void keeper_clear(Keeper *keeper);

/* Decides why the freeze ends; the first reason is the one that counts. */
void keeper_set_end(Keeper *keeper, FirnEnd why);
FirnEnd keeper_end(const Keeper *keeper);
int keeper_phase(const Keeper *keeper);

/* SIGTERM's handler: ends the freeze. */
void keeper_terminate(int signal);

/* Reads the request up to the word that begins it. FALSE when the agent has gone. */
gboolean keeper_await(Keeper *keeper, gboolean *resume);

/* Takes over what the agent has said, or that it is gone, and sees to the deadline. Needs the
 * record. */
void keeper_listen(Keeper *keeper);
/* What the steps ask (FirnEndCheck): listens, and says whether the freeze is to end. */
gboolean keeper_is_ending(gpointer keeper);
/* Lets the next agent, if one has come, take the place of the one before. */
void keeper_accept(Keeper *keeper);
/* Sleeps until something has happened, `limit` (a time of the record's clock; 0: none) or a second
 * has passed; then accepts and listens. */
void keeper_sleep(Keeper *keeper, gint64 limit);

void keeper_say(Keeper *keeper, const char *word, const char *value);
void keeper_say_number(Keeper *keeper, const char *word, guint number);

gboolean keeper_start_watcher(Keeper *keeper, GError **error);

/* "/home (xfs on /dev/vdb)" of a filesystem whose FIFREEZE hangs, or NULL; free with g_free(). */
char *keeper_stuck_name(const FirnRecord *record);
/* The sentence for a freeze that came to nothing, other than by an error of a step; NULL for none.
 * Free with g_free(). */
char *keeper_explain_end(const Keeper *keeper);

/* Each answers the agent, once, if it waits for that. */
void keeper_answer_freeze(Keeper *keeper);
void keeper_answer_thaw(Keeper *keeper);
void keeper_tell_hanging(Keeper *keeper);

#endif
