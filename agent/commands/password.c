/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/ask.h"
#include "agent/commands/families.h"

static void guest_set_user_password(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    const char *user = json_object_get_string_member(arguments->object, "username");
    gboolean crypted = json_object_get_boolean_member(arguments->object, "crypted");
    GError *error = NULL;
    gsize length = 0;
    guint8 *password = qga_arguments_base64(arguments, "password", &length, &error);

    if (error)
        qga_reply_fail_error(reply, error);
    else
        firn_ask(data, FIRN_TASK_PASSWORD,
                 g_variant_new("(^ay@ayb)", user, firn_frames_bytes(password, length), crypted), -1,
                 reply, NULL);
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
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), context->worker, NULL);
}
