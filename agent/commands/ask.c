/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"

#include <string.h>
#include <unistd.h>

#include "platform/memory-file.h"

typedef struct {
    FirnTaskKind kind;
    int memory;
    QgaReply *reply;
    FirnAnswerReturn finish;
} Question;

static void question_free(gpointer data)
{
    Question *question = data;

    if (question->memory >= 0)
        close(question->memory);
    qga_reply_unref(question->reply);
    g_free(question);
}

static void question_answered(GVariant *answer, const GError *error, gpointer data)
{
    Question *question = data;

    if (error && question->kind == FIRN_TASK_EXEC)
        qga_reply_fail(question->reply, "Guest agent command failed, error was '%s'",
                       error->message);
    else if (error)
        qga_reply_fail(question->reply, "%s", error->message);
    else if (question->finish)
        question->finish(answer, question->memory, question->reply);
    else
        qga_reply_finish(question->reply);
    question_free(question);
}

void firn_ask(FirnWorker *worker, FirnTaskKind kind, GVariant *request, int memory, QgaReply *reply,
              FirnAnswerReturn finish)
{
    Question *question = g_new0(Question, 1);

    question->kind = kind;
    question->memory = memory;
    question->reply = qga_reply_ref(reply);
    question->finish = finish;
    firn_worker_ask(worker, kind, request, memory, question_answered, question, question_free);
}

/* Where decoded bytes go: a memory file, or memory. */
typedef struct {
    int file; /* -1: none */
    guint8 *at;
    gsize left;
    GError *error;
} Taking;

static gboolean take_piece(const guint8 *bytes, gsize length, gpointer data)
{
    Taking *taking = data;
    gsize wanted = MIN(length, taking->left);

    taking->left -= wanted;
    if (taking->file >= 0)
        return firn_memory_file_append(taking->file, bytes, wanted, &taking->error) &&
               taking->left > 0;
    memcpy(taking->at, bytes, wanted);
    taking->at += wanted;
    return taking->left > 0;
}

GVariant *firn_ask_bytes(const QgaArguments *arguments, const char *name, gsize length, int *memory,
                         GError **error)
{
    Taking taking = {.file = -1, .left = length};
    gboolean many = length > FIRN_TASK_BYTES_MAX;
    guint8 *bytes = NULL;

    *memory = -1;
    if (many)
        taking.file = firn_memory_file_new(&taking.error);
    else
        bytes = taking.at = g_malloc(length + 1);
    if (!taking.error)
        qga_arguments_base64_each(arguments, name, take_piece, &taking);
    if (!taking.error) {
        *memory = taking.file;
        return firn_frames_bytes(bytes, many ? 0 : length);
    }
    if (taking.file >= 0)
        close(taking.file);
    g_propagate_error(error, taking.error);
    return NULL;
}
