/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"

typedef struct {
    FirnTaskKind kind;
    QgaReply *reply;
    FirnAnswerWrite write;
} Question;

static void question_free(gpointer data)
{
    Question *question = data;

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
    else if (question->write)
        question->write(answer, question->reply);
    else
        qga_reply_finish(question->reply);
    question_free(question);
}

void firn_ask(FirnWorker *worker, FirnTaskKind kind, GVariant *request, QgaReply *reply,
              FirnAnswerWrite write)
{
    Question *question = g_new0(Question, 1);

    question->kind = kind;
    question->reply = qga_reply_ref(reply);
    question->write = write;
    firn_worker_ask(worker, kind, request, question_answered, question, question_free);
}
