/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/work.h"
#include "platform/memory-blocks.h"

/* Handlers of this family get the roots. */

static void get_memory_blocks(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    g_autoptr(GArray) all = firn_memory_blocks_read(data, &error);
    JsonArray *array;

    if (!all) {
        qga_reply_fail_error(reply, error);
        return;
    }
    array = json_array_new();
    for (guint i = 0; i < all->len; i++) {
        const FirnMemoryBlock *block = &g_array_index(all, FirnMemoryBlock, i);
        JsonObject *object = json_object_new();

        qga_json_set_uint(object, "phys-index", block->index);
        json_object_set_boolean_member(object, "online", block->online);
        json_object_set_boolean_member(object, "can-offline", block->can_offline);
        json_array_add_object_element(array, object);
    }
    qga_reply_return_array(reply, array);
}

static void get_memory_block_info(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    JsonObject *object;
    guint64 size;

    if (!firn_memory_block_size(data, &size, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    object = json_object_new();
    qga_json_set_uint(object, "size", size);
    qga_reply_return_object(reply, object);
}

/* One block that guest-set-memory-blocks asks for, and how it went. */
typedef struct {
    guint64 index;
    gboolean online;
    FirnMemoryResult result;
    int cause;
} Setting;

typedef struct {
    const FirnRoots *roots;
    QgaReply *reply;
    GArray *settings;
} Job;

static void add_one(JsonArray *array, guint index, JsonNode *element, gpointer data)
{
    JsonObject *block = json_node_get_object(element);
    Setting setting = {
        .index = (guint64)json_object_get_int_member(block, "phys-index"),
        .online = json_object_get_boolean_member(block, "online"),
    };

    g_array_append_val((GArray *)data, setting);
}

static void run(gpointer data)
{
    Job *job = data;

    for (guint i = 0; i < job->settings->len; i++) {
        Setting *setting = &g_array_index(job->settings, Setting, i);

        setting->result =
            firn_memory_block_set(job->roots, setting->index, setting->online, &setting->cause);
    }
}

static const char *const responses[] = {
    [FIRN_MEMORY_DONE] = "success",
    [FIRN_MEMORY_NOT_FOUND] = "not-found",
    [FIRN_MEMORY_UNSUPPORTED] = "operation-not-supported",
    [FIRN_MEMORY_FAILED] = "operation-failed",
    NULL,
};

static JsonObject *setting_object(const Setting *setting)
{
    JsonObject *object = json_object_new();

    qga_json_set_uint(object, "phys-index", setting->index);
    json_object_set_string_member(object, "response", responses[setting->result]);
    if (setting->cause)
        json_object_set_int_member(object, "error-code", setting->cause);
    return object;
}

static void done(gpointer data)
{
    Job *job = data;
    JsonArray *array = json_array_new();

    for (guint i = 0; i < job->settings->len; i++)
        json_array_add_object_element(array,
                                      setting_object(&g_array_index(job->settings, Setting, i)));
    qga_reply_return_array(job->reply, array);
    g_array_unref(job->settings);
    qga_reply_unref(job->reply);
    g_free(job);
}

/* On a worker: the kernel first moves away all that a block holds. */
static void set_memory_blocks(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Job *job = g_new0(Job, 1);

    job->roots = data;
    job->reply = qga_reply_ref(reply);
    job->settings = g_array_new(FALSE, FALSE, sizeof(Setting));
    json_array_foreach_element(json_object_get_array_member(arguments->object, "mem-blks"), add_one,
                               job->settings);
    firn_work_start("set-memory", run, done, job);
}

static const QgaMember memory_block[] = {
    {"phys-index", QGA_TYPE_UINT64},
    {"online", QGA_TYPE_BOOL},
    {"can-offline", QGA_TYPE_BOOL, .optional = TRUE},
    {0},
};

static const QgaMember set_memory_blocks_arguments[] = {
    {"mem-blks", QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = memory_block},
    {0},
};

static const QgaMember info_members[] = {{"size", QGA_TYPE_UINT64}, {0}};
static const QgaMember info_returns = {.type = QGA_TYPE_STRUCT, .members = info_members};
static const QgaMember block_members[] = {{"phys-index", QGA_TYPE_UINT64},
                                          {"online", QGA_TYPE_BOOL},
                                          {"can-offline", QGA_TYPE_BOOL},
                                          {0}};
static const QgaMember blocks_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = block_members};
static const QgaMember response_members[] = {{"phys-index", QGA_TYPE_UINT64},
                                             {"response", QGA_TYPE_ENUM, .values = responses},
                                             {"error-code", QGA_TYPE_INT, .optional = TRUE},
                                             {0}};
static const QgaMember responses_returns = {
    .type = QGA_TYPE_LIST, .element = QGA_TYPE_STRUCT, .members = response_members};

static const QgaCommand rows[] = {
    {
        .name = "guest-get-memory-block-info",
        .returns = &info_returns,
        .summary = "How many bytes a memory block has.",
        .handler = get_memory_block_info,
    },
    {
        .name = "guest-get-memory-blocks",
        .returns = &blocks_returns,
        .summary = "The blocks of memory that can be switched.",
        .handler = get_memory_blocks,
    },
    {
        .name = "guest-set-memory-blocks",
        .arguments = set_memory_blocks_arguments,
        .returns = &responses_returns,
        .summary = "Switches memory blocks on and off, each by itself, and tells of each how it "
                   "went.",
        .handler = set_memory_blocks,
    },
};

void firn_memory_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
