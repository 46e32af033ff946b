/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/work.h"
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

/* What one guest-set-vcpus asks for: FirnProcessor elements in the order given. */
typedef struct {
    const FirnRoots *roots;
    QgaReply *reply;
    GArray *wanted;
    guint done;
    GError *error;
} Job;

static gboolean add_one(const QgaArguments *element, gpointer data)
{
    FirnProcessor processor = {
        .id = qga_arguments_int(element, "logical-id", 0),
        .online = qga_arguments_bool(element, "online", FALSE),
    };

    g_array_append_val((GArray *)data, processor);
    return TRUE;
}

static void run(gpointer data)
{
    Job *job = data;

    while (job->done < job->wanted->len) {
        const FirnProcessor *processor = &g_array_index(job->wanted, FirnProcessor, job->done);

        if (!firn_processor_set(job->roots, processor->id, processor->online, &job->error))
            return;
        job->done++;
    }
}

/* The schema wants the length of the prefix that was done, and an error only where that is none of
 * those asked for. */
static void done(gpointer data)
{
    Job *job = data;

    if (job->error && job->done == 0) {
        qga_reply_fail_error(job->reply, g_steal_pointer(&job->error));
    } else {
        if (job->error)
            g_warning("guest-set-vcpus stopped after %u: %s", job->done, job->error->message);
        qga_writer_int(qga_reply_begin(job->reply), job->done);
        qga_reply_finish(job->reply);
    }
    g_clear_error(&job->error);
    g_array_unref(job->wanted);
    qga_reply_unref(job->reply);
    g_free(job);
}

/* On a worker: a busy processor can take its time to go. */
static void set_vcpus(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Job *job = g_new0(Job, 1);

    job->roots = data;
    job->reply = qga_reply_ref(reply);
    job->wanted = g_array_new(FALSE, FALSE, sizeof(FirnProcessor));
    qga_arguments_each(arguments, "vcpus", add_one, job->wanted);
    firn_work_start("set-vcpus", run, done, job);
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
