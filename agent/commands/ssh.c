/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

/* The last key of the file first, as clients know it from the packaged agent. */
static void write_keys(GVariant *answer, QgaReply *reply)
{
    gsize count;
    g_autofree const char **keys = g_variant_get_bytestring_array(answer, &count);
    QgaWriter *writer = qga_reply_begin(reply);

    qga_writer_begin_object(writer);
    qga_writer_name(writer, "keys");
    qga_writer_begin_array(writer);
    for (gsize i = count; i-- > 0;)
        qga_writer_string(writer, keys[i]);
    qga_writer_end_array(writer);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static void ask_keys(FirnKeysTask task, const QgaArguments *arguments, QgaReply *reply,
                     gpointer worker)
{
    g_autofree char *user = qga_arguments_string(arguments, "username");
    g_auto(GStrv) given = task == FIRN_KEYS_GET ? NULL : qga_arguments_strings(arguments, "keys");
    gboolean reset = task == FIRN_KEYS_ADD && qga_arguments_bool(arguments, "reset", FALSE);
    const char *const nothing[] = {NULL};

    firn_ask(worker, FIRN_TASK_KEYS,
             g_variant_new("(i^ay^aayb)", task, user, given ? (const char *const *)given : nothing,
                           reset),
             reply, task == FIRN_KEYS_GET ? write_keys : NULL);
}

static void guest_ssh_get_authorized_keys(const QgaArguments *arguments, QgaReply *reply,
                                          gpointer data)
{
    ask_keys(FIRN_KEYS_GET, arguments, reply, data);
}

static void guest_ssh_add_authorized_keys(const QgaArguments *arguments, QgaReply *reply,
                                          gpointer data)
{
    ask_keys(FIRN_KEYS_ADD, arguments, reply, data);
}

static void guest_ssh_remove_authorized_keys(const QgaArguments *arguments, QgaReply *reply,
                                             gpointer data)
{
    ask_keys(FIRN_KEYS_REMOVE, arguments, reply, data);
}

static const QgaMember get_arguments[] = {{"username", QGA_TYPE_STRING}, {0}};
static const QgaMember add_arguments[] = {{"username", QGA_TYPE_STRING},
                                          {"keys", QGA_TYPE_LIST, .element = QGA_TYPE_STRING},
                                          {"reset", QGA_TYPE_BOOL, TRUE},
                                          {0}};
static const QgaMember remove_arguments[] = {
    {"username", QGA_TYPE_STRING}, {"keys", QGA_TYPE_LIST, .element = QGA_TYPE_STRING}, {0}};

static const QgaCommand rows[] = {
    {"guest-ssh-get-authorized-keys", get_arguments, "{keys: [str]}",
     "Lists the keys of a user's ~/.ssh/authorized_keys, without comments, the last one first.",
     QGA_COMMAND_BRIEF, guest_ssh_get_authorized_keys},
    {"guest-ssh-add-authorized-keys", add_arguments, NULL,
     "Adds the keys that are not there; with reset, in place of all that are.", QGA_COMMAND_BRIEF,
     guest_ssh_add_authorized_keys},
    {"guest-ssh-remove-authorized-keys", remove_arguments, NULL, "Removes the keys.",
     QGA_COMMAND_BRIEF, guest_ssh_remove_authorized_keys},
};

void firn_ssh_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), context->worker, NULL);
}
