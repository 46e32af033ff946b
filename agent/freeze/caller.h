/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_CALLER_H
#define AGENT_FREEZE_CALLER_H

#include "agent/freeze/freezer.h"

/* Somebody who waits for an answer of the freezer; all 0: nobody. */
typedef struct {
    FirnFreezerDone done;
    gpointer data;
} FirnCaller;

/* Tells it, once; it may ask for more before this returns. */
void firn_caller_answer(FirnCaller *caller, gint64 count, const GError *error);
/* The same with an error of this text. */
void firn_caller_refuse(FirnCaller *caller, const char *format, ...) G_GNUC_PRINTF(2, 3);

#endif
