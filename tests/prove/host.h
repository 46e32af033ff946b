/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVE_HOST_H
#define TESTS_PROVE_HOST_H

#include <glib.h>
#include <sys/types.h>

/* The host's side of one run, in a process of its own, so that the tracer never waits for an
 * answer that a process it holds up would give. */

#define PROVE_NONE (-1)  /* no answer: the agent closed the connection */
#define PROVE_ERROR (-2) /* an error: see `text` */
#define PROVE_LATE (-3)  /* no answer within PROVE_PATIENCE_S */
#define PROVE_PATIENCE_S 15

typedef struct {
    gint64 sent; /* of g_get_monotonic_time(); 0: it was not asked */
    gint64 answered;
    int count;      /* or a PROVE_* */
    char text[512]; /* the line */
} ProveAnswer;

/* Memory that the host and the tracer share. */
typedef struct {
    ProveAnswer first; /* of the first request, and so on */
    ProveAnswer second;
    gint first_answered; /* atomic */
    gint go;             /* atomic; the second request waits for it */
    gint done;           /* atomic */
} ProveHost;

ProveHost *prove_host_new(void);

/* Asks two requests over one connection each after the other; second: NULL for none. */
pid_t prove_host_begin(ProveHost *host, const char *socket, const char *first, const char *second);

#endif
