/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_PROVE_TRUTH_H
#define TESTS_PROVE_TRUTH_H

#include "tests/lib/tracee.h"

#include <glib.h>

/*
 * What is really frozen, as the tracer sees it: the results of every FIFREEZE and FITHAW, whatever
 * their callers are told or remember. Nothing else freezes or thaws in the namespace of the proof.
 */
#define PROVE_PLACES 3  /* of ours */
#define PROVE_FOREIGN 3 /* the index of what somebody else has frozen */
#define PROVE_NOWHERE (-1)

typedef struct {
    guint64 device[PROVE_PLACES + 1];
    gboolean frozen[PROVE_PLACES + 1]; /* by firn */
    gboolean lost[PROVE_PLACES + 1];   /* its caller was killed inside of the call */
    guint most;                        /* frozen at one time, of this freeze */
    gint64 begin;                      /* since when something is frozen; 0: nothing is */
    gint64 first_thaw;                 /* the first FITHAW of this freeze began then; 0: none has */
} ProveTruth;

extern const char *const prove_places[PROVE_PLACES + 1];

void prove_truth_init(ProveTruth *truth);
/* Another freeze begins. */
void prove_truth_reset(ProveTruth *truth);

/* Of a call that is FIFREEZE or FITHAW: which place it is about; PROVE_NOWHERE for others. */
int prove_truth_place(const ProveTruth *truth, const TestTracee *tracee);

void prove_truth_enter(ProveTruth *truth, const TestTracee *tracee);
void prove_truth_leave(ProveTruth *truth, const TestTracee *tracee);
/* It is killed, wherever it stands. */
void prove_truth_lose(ProveTruth *truth, const TestTracee *tracee);

guint prove_truth_count(const ProveTruth *truth);

#endif
