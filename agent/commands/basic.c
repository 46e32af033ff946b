/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"

typedef struct {
    const FirnContext *context;
    const QgaCommands *commands;
} Basic;

static void guest_sync(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_writer_int(qga_reply_begin(reply), qga_arguments_int(arguments, "id", 0));
    qga_reply_finish(reply);
}

static void guest_ping(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    qga_reply_finish(reply);
}

static void write_command(QgaWriter *writer, const Basic *basic, const QgaCommand *command)
{
    g_autofree char *refusal = firn_policy_refuses(basic->context->policy, command);

    qga_writer_begin_object(writer);
    qga_writer_member_bool(writer, "enabled", refusal == NULL);
    qga_writer_member_string(writer, "name", command->name);
    qga_writer_member_bool(writer, "success-response", !(command->flags & QGA_COMMAND_SILENT));
    qga_writer_end_object(writer);
}

static void guest_info(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const Basic *basic = data;
    QgaWriter *writer = qga_reply_begin(reply);
    guint count;
    const QgaCommand *const *list = qga_commands_list(basic->commands, &count);

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "version", FIRN_VERSION);
    qga_writer_name(writer, "supported_commands");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < count; i++)
        write_command(writer, basic, list[i]);
    qga_writer_end_array(writer);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
}

static const QgaMember sync_arguments[] = {{"id", QGA_TYPE_INT}, {0}};

static const QgaCommand rows[] = {
    {"guest-sync", sync_arguments, "int", "Echoes the id, so that a client finds its place.",
     QGA_COMMAND_FROZEN_SAFE | QGA_COMMAND_SYNC, guest_sync},
    {"guest-sync-delimited", sync_arguments, "int",
     "Echoes the id with the byte 0xFF before it, so that a client finds its place.",
     QGA_COMMAND_FROZEN_SAFE | QGA_COMMAND_SYNC | QGA_COMMAND_SENTINEL, guest_sync},
    {"guest-ping", NULL, NULL, "Answers.", QGA_COMMAND_FROZEN_SAFE, guest_ping},
    {"guest-info", NULL,
     "{version: str, supported_commands: [{name: str, enabled: bool, success-response: bool}]}",
     "Tells the agent's version and its commands.", QGA_COMMAND_FROZEN_SAFE, guest_info},
};

void firn_basic_commands_add(QgaCommands *commands, const FirnContext *context)
{
    Basic *basic = g_new0(Basic, 1);

    basic->context = context;
    basic->commands = commands;
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), basic, g_free);
}
