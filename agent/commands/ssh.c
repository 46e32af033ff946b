/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/work.h"
#include "platform/authorized-keys.h"

typedef enum {
    GET,
    ADD,
    REMOVE,
} Task;

/* A home may be on a slow network and an account in a slow directory: all of it runs aside. */
typedef struct {
    Task task;
    char *user;
    char **keys; /* given, or read */
    gboolean reset;
    GError *error;
    QgaReply *reply;
} Job;

static void run(gpointer data)
{
    Job *job = data;
    g_autoptr(FirnUser) account = firn_user_find(job->user, &job->error);
    const char *const *keys = (const char *const *)job->keys;

    if (!account)
        return;
    switch (job->task) {
    case ADD:
        firn_authorized_keys_add(account, keys, job->reset, &job->error);
        break;
    case REMOVE:
        firn_authorized_keys_remove(account, keys, &job->error);
        break;
    case GET:
    default:
        job->keys = firn_authorized_keys_read(account, &job->error);
    }
}

/* The last key of the file first, as clients know it from the packaged agent. */
static void return_keys(QgaReply *reply, char **keys)
{
    JsonObject *object = json_object_new();
    JsonArray *array = json_array_new();

    for (guint i = g_strv_length(keys); i-- > 0;)
        json_array_add_string_element(array, keys[i]);
    json_object_set_array_member(object, "keys", array);
    qga_reply_return_object(reply, object);
}

static void done(gpointer data)
{
    Job *job = data;

    if (job->error)
        qga_reply_fail_error(job->reply, job->error);
    else if (job->task == GET)
        return_keys(job->reply, job->keys);
    else
        qga_reply_finish(job->reply);
    qga_reply_unref(job->reply);
    g_strfreev(job->keys);
    g_free(job->user);
    g_free(job);
}

static Job *job_new(Task task, const QgaArguments *arguments, QgaReply *reply)
{
    Job *job = g_new0(Job, 1);

    job->task = task;
    job->user = g_strdup(json_object_get_string_member(arguments->object, "username"));
    job->reply = qga_reply_ref(reply);
    return job;
}

static void guest_ssh_get_authorized_keys(const QgaArguments *arguments, QgaReply *reply,
                                          gpointer data)
{
    firn_work_start("ssh-keys", run, done, job_new(GET, arguments, reply));
}

static void guest_ssh_add_authorized_keys(const QgaArguments *arguments, QgaReply *reply,
                                          gpointer data)
{
    Job *job = job_new(ADD, arguments, reply);

    job->keys = qga_json_get_strings(arguments->object, "keys");
    job->reset = json_object_get_boolean_member_with_default(arguments->object, "reset", FALSE);
    firn_work_start("ssh-keys", run, done, job);
}

static void guest_ssh_remove_authorized_keys(const QgaArguments *arguments, QgaReply *reply,
                                             gpointer data)
{
    Job *job = job_new(REMOVE, arguments, reply);

    job->keys = qga_json_get_strings(arguments->object, "keys");
    firn_work_start("ssh-keys", run, done, job);
}

static const QgaMember get_arguments[] = {{"username", QGA_TYPE_STRING}, {0}};
static const QgaMember add_arguments[] = {{"username", QGA_TYPE_STRING},
                                          {"keys", QGA_TYPE_LIST, .element = QGA_TYPE_STRING},
                                          {"reset", QGA_TYPE_BOOL, TRUE},
                                          {0}};
static const QgaMember remove_arguments[] = {
    {"username", QGA_TYPE_STRING}, {"keys", QGA_TYPE_LIST, .element = QGA_TYPE_STRING}, {0}};

static const QgaMember keys_members[] = {{"keys", QGA_TYPE_LIST, .element = QGA_TYPE_STRING}, {0}};
static const QgaMember keys_returns = {.type = QGA_TYPE_STRUCT, .members = keys_members};

static const QgaCommand rows[] = {
    {"guest-ssh-get-authorized-keys", get_arguments, &keys_returns,
     "Lists the keys of a user's ~/.ssh/authorized_keys, without comments, the last one first.",
     QGA_COMMAND_NONE, guest_ssh_get_authorized_keys},
    {"guest-ssh-add-authorized-keys", add_arguments, NULL,
     "Adds the keys that are not there; with reset, in place of all that are.", QGA_COMMAND_NONE,
     guest_ssh_add_authorized_keys},
    {"guest-ssh-remove-authorized-keys", remove_arguments, NULL, "Removes the keys.",
     QGA_COMMAND_NONE, guest_ssh_remove_authorized_keys},
};

void firn_ssh_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), NULL, NULL);
}
