/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"

typedef struct {
    const FirnContext *context;
    const QgaCommands *commands;
} Basic;

static void guest_sync(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_return_int(reply, json_object_get_int_member(arguments->object, "id"));
}

static void guest_ping(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_finish(reply);
}

static JsonObject *command_object(const Basic *basic, const QgaCommand *command)
{
    g_autofree char *refusal = firn_policy_refuses(basic->context->policy, command);
    JsonObject *object = json_object_new();

    json_object_set_boolean_member(object, "enabled", refusal == NULL);
    json_object_set_string_member(object, "name", command->name);
    json_object_set_boolean_member(object, "success-response",
                                   !(command->flags & QGA_COMMAND_SILENT));
    return object;
}

static void guest_info(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const Basic *basic = data;
    JsonObject *info = json_object_new();
    JsonArray *commands = json_array_new();
    guint count;
    const QgaCommand *const *list = qga_commands_list(basic->commands, &count);

    for (guint i = 0; i < count; i++)
        json_array_add_object_element(commands, command_object(basic, list[i]));
    json_object_set_string_member(info, "version", FIRN_VERSION);
    json_object_set_array_member(info, "supported_commands", commands);
    qga_reply_return_object(reply, info);
}

static const QgaMember sync_arguments[] = {{"id", QGA_TYPE_INT}, {0}};
static const QgaMember sync_returns = {.type = QGA_TYPE_INT};
static const QgaMember info_command[] = {{"name", QGA_TYPE_STRING},
                                         {"enabled", QGA_TYPE_BOOL},
                                         {"success-response", QGA_TYPE_BOOL},
                                         {0}};
static const QgaMember info_members[] = {
    {"version", QGA_TYPE_STRING},
    {"supported_commands", QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = info_command},
    {0}};
static const QgaMember info_returns = {.type = QGA_TYPE_STRUCT, .members = info_members};

static const QgaCommand rows[] = {
    {"guest-sync", sync_arguments, &sync_returns,
     "Echoes the id, so that a client finds its place.", QGA_COMMAND_FROZEN_SAFE | QGA_COMMAND_SYNC,
     guest_sync},
    {"guest-sync-delimited", sync_arguments, &sync_returns,
     "Echoes the id with the byte 0xFF before it, so that a client finds its place.",
     QGA_COMMAND_FROZEN_SAFE | QGA_COMMAND_SYNC | QGA_COMMAND_SENTINEL, guest_sync},
    {"guest-ping", NULL, NULL, "Answers.", QGA_COMMAND_FROZEN_SAFE, guest_ping},
    {"guest-info", NULL, &info_returns, "Tells the agent's version and its commands.",
     QGA_COMMAND_FROZEN_SAFE, guest_info},
};

void firn_basic_commands_add(QgaCommands *commands, const FirnContext *context)
{
    Basic *basic = g_new0(Basic, 1);

    basic->context = context;
    basic->commands = commands;
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), basic, g_free);
}
