/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_COMMANDS_ASK_H
#define AGENT_COMMANDS_ASK_H

#include "agent/worker.h"
#include "qga-protocol/arguments.h"
#include "qga-protocol/reply.h"

/* Makes the reply of the worker's answer, and finishes it. memory: the memory file that was asked
 * with, or -1; borrowed. */
typedef void (*FirnAnswerReturn)(GVariant *answer, int memory, QgaReply *reply);

/* Hands a task to the worker (firn_worker_ask()), and finishes the reply when it has answered; with
 * an error by itself. Takes `memory`, which may be -1. finish: NULL for a command that returns
 * nothing. */
void firn_ask(FirnWorker *worker, FirnTaskKind kind, GVariant *request, int memory, QgaReply *reply,
              FirnAnswerReturn finish);

/*
 * The first `length` bytes of the argument `name` of type BASE64, which has been checked and has as
 * many: as a value for a request, floating, or where they are more than FIRN_TASK_BYTES_MAX in the
 * memory file that `memory` gets (else -1), and the value is empty. NULL with an error where there
 * is no memory for them.
 */
GVariant *firn_ask_bytes(const QgaArguments *arguments, const char *name, gsize length, int *memory,
                         GError **error);

#endif
