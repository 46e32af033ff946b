/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "platform/processors.h"

/* Handlers of this family get the roots. */

static void get_vcpus(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    g_autoptr(GArray) all = firn_processors_read(data, &error);
    QgaWriter *writer;

    if (!all) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    for (guint i = 0; i < all->len; i++) {
        const FirnProcessor *processor = &g_array_index(all, FirnProcessor, i);

        qga_writer_begin_object(writer);
        qga_writer_member_int(writer, "logical-id", processor->id);
        qga_writer_member_bool(writer, "online", processor->online);
        qga_writer_member_bool(writer, "can-offline", processor->can_offline);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

typedef struct {
    const FirnRoots *roots;
    gint64 done;
    GError *error;
} Setting;

static gboolean set_one(const QgaArguments *element, gpointer data)
{
    Setting *setting = data;

    if (!firn_processor_set(setting->roots, qga_arguments_int(element, "logical-id", 0),
                            qga_arguments_bool(element, "online", FALSE), &setting->error))
        return FALSE;
    setting->done++;
    return TRUE;
}

/* The schema wants the length of the prefix that was done, and an error only where that is none of
 * those asked for. */
static void set_vcpus(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Setting setting = {.roots = data};

    qga_arguments_each(arguments, "vcpus", set_one, &setting);
    if (setting.error && setting.done == 0) {
        qga_reply_fail_error(reply, setting.error);
        return;
    }
    if (setting.error)
        g_warning("guest-set-vcpus stopped after %" G_GINT64_FORMAT ": %s", setting.done,
                  setting.error->message);
    g_clear_error(&setting.error);
    qga_writer_int(qga_reply_begin(reply), setting.done);
    qga_reply_finish(reply);
}

static const QgaMember vcpu[] = {
    {"logical-id", QGA_TYPE_INT},
    {"online", QGA_TYPE_BOOL},
    {"can-offline", QGA_TYPE_BOOL, .optional = TRUE},
    {0},
};

static const QgaMember set_vcpus_arguments[] = {
    {"vcpus", QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = vcpu},
    {0},
};

static const QgaCommand rows[] = {
    {
        .name = "guest-get-vcpus",
        .returns = "[{logical-id: int, online: bool, can-offline: bool}]",
        .summary = "The processors; one without the kernel's switch is online for good.",
        .handler = get_vcpus,
    },
    {
        .name = "guest-set-vcpus",
        .arguments = set_vcpus_arguments,
        .returns = "int",
        .summary = "Switches processors on and off in the order given until one fails, and tells "
                   "how many were done.",
        .handler = set_vcpus,
    },
};

void firn_processor_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
