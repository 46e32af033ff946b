/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/work.h"
#include "platform/processors.h"

/* Handlers of this family get the roots. */

static void get_vcpus(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    g_autoptr(GArray) all = firn_processors_read(data, &error);
    JsonArray *array;

    if (!all) {
        qga_reply_fail_error(reply, error);
        return;
    }
    array = json_array_new();
    for (guint i = 0; i < all->len; i++) {
        const FirnProcessor *processor = &g_array_index(all, FirnProcessor, i);
        JsonObject *object = json_object_new();

        json_object_set_int_member(object, "logical-id", processor->id);
        json_object_set_boolean_member(object, "online", processor->online);
        json_object_set_boolean_member(object, "can-offline", processor->can_offline);
        json_array_add_object_element(array, object);
    }
    qga_reply_return_array(reply, array);
}

/* What one guest-set-vcpus asks for: FirnProcessor elements in the order given. */
typedef struct {
    const FirnRoots *roots;
    QgaReply *reply;
    GArray *wanted;
    guint done;
    GError *error;
} Job;

static void add_one(JsonArray *array, guint index, JsonNode *element, gpointer data)
{
    JsonObject *object = json_node_get_object(element);
    FirnProcessor processor = {
        .id = json_object_get_int_member(object, "logical-id"),
        .online = json_object_get_boolean_member(object, "online"),
    };

    g_array_append_val((GArray *)data, processor);
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
        qga_reply_return_int(job->reply, job->done);
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
    json_array_foreach_element(json_object_get_array_member(arguments->object, "vcpus"), add_one,
                               job->wanted);
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

static const QgaMember vcpu_members[] = {
    {"logical-id", QGA_TYPE_INT},
    {"online", QGA_TYPE_BOOL},
    {"can-offline", QGA_TYPE_BOOL},
    {0},
};
static const QgaMember vcpus_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = vcpu_members};
static const QgaMember count_returns = {.type = QGA_TYPE_INT};

static const QgaCommand rows[] = {
    {
        .name = "guest-get-vcpus",
        .returns = &vcpus_returns,
        .summary = "The processors; one without the kernel's switch is online for good.",
        .handler = get_vcpus,
    },
    {
        .name = "guest-set-vcpus",
        .arguments = set_vcpus_arguments,
        .returns = &count_returns,
        .summary = "Switches processors on and off in the order given until one fails, and tells "
                   "how many were done.",
        .handler = set_vcpus,
    },
};

void firn_processor_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
