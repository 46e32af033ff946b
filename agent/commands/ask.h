/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_COMMANDS_ASK_H
#define AGENT_COMMANDS_ASK_H

#include "agent/worker.h"
#include "qga-protocol/reply.h"

/* Writes the answer of the worker as the reply, and finishes it. */
typedef void (*FirnAnswerWrite)(GVariant *answer, QgaReply *reply);

/* Hands a task to the worker (firn_worker_ask()), and finishes the reply when it has answered; with
 * an error by itself. write: NULL for a command that returns nothing. */
void firn_ask(FirnWorker *worker, FirnTaskKind kind, GVariant *request, QgaReply *reply,
              FirnAnswerWrite write);

#endif
