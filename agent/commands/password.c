/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/password.h"
#include "agent/commands/families.h"
#include "agent/work.h"

#include <string.h>

typedef struct {
    const FirnRoots *roots;
    char *user;
    char *password;
    gsize length;
    gboolean crypted;
    GError *error;
    QgaReply *reply;
} Job;

static void run(gpointer data)
{
    Job *job = data;

    firn_password_set(job->roots, job->user, job->password, job->length, job->crypted, &job->error);
    explicit_bzero(job->password, job->length);
}

static void done(gpointer data)
{
    Job *job = data;

    if (job->error)
        qga_reply_fail_error(job->reply, job->error);
    else
        qga_reply_finish(job->reply);
    qga_reply_unref(job->reply);
    g_free(job->user);
    g_free(job->password);
    g_free(job);
}

static void guest_set_user_password(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const FirnContext *context = data;
    GError *error = NULL;
    gsize length = 0;
    char *password = (char *)qga_arguments_base64(arguments, "password", &length, &error);
    JsonObject *object = arguments->object;
    Job *job;

    if (!password) {
        qga_reply_fail_error(reply, error);
        return;
    }
    job = g_new0(Job, 1);
    job->roots = context->roots;
    job->user = g_strdup(json_object_get_string_member(object, "username"));
    job->password = password;
    job->length = length;
    job->crypted = json_object_get_boolean_member(object, "crypted");
    job->reply = qga_reply_ref(reply);
    firn_work_start("password", run, done, job);
}

static const QgaMember password_arguments[] = {
    {"username", QGA_TYPE_STRING}, {"password", QGA_TYPE_BASE64}, {"crypted", QGA_TYPE_BOOL}, {0}};

static const QgaCommand rows[] = {
    {"guest-set-user-password", password_arguments, NULL,
     "Sets the password of an account, given in clear or as crypt(5) writes it.", QGA_COMMAND_NONE,
     guest_set_user_password},
};

void firn_password_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context, NULL);
}
