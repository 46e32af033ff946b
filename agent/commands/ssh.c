/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

/* The last key of the file first, as clients know it from the packaged agent. */
static void return_keys(GVariant *answer, int memory, QgaReply *reply)
{
    gsize count;
    g_autofree const char **keys = g_variant_get_bytestring_array(answer, &count);
    JsonObject *object = json_object_new();
    JsonArray *array = json_array_new();

    for (gsize i = count; i-- > 0;)
        json_array_add_string_element(array, keys[i]);
    json_object_set_array_member(object, "keys", array);
    qga_reply_return_object(reply, object);
}

static void ask_keys(FirnKeysTask task, const QgaArguments *arguments, QgaReply *reply,
                     gpointer worker)
{
    JsonObject *object = arguments->object;
    const char *user = json_object_get_string_member(object, "username");
    gboolean reset = json_object_get_boolean_member_with_default(object, "reset", FALSE);
    g_auto(GStrv) given = qga_json_get_strings(object, "keys");
    const char *const nothing[] = {NULL};

    firn_ask(worker, FIRN_TASK_KEYS,
             g_variant_new("(i^ay^aayb)", task, user, given ? (const char *const *)given : nothing,
                           reset),
             -1, reply, task == FIRN_KEYS_GET ? return_keys : NULL);
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

static const QgaMember keys_members[] = {{"keys", QGA_TYPE_LIST, .element = QGA_TYPE_STRING}, {0}};
static const QgaMember keys_returns = {.type = QGA_TYPE_STRUCT, .members = keys_members};

static const QgaCommand rows[] = {
    {"guest-ssh-get-authorized-keys", get_arguments, &keys_returns,
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
