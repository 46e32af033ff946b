/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
#include "agent/work.h"
#include "platform/memory-blocks.h"

/* Handlers of this family get the roots. */

static void get_memory_blocks(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    g_autoptr(GArray) all = firn_memory_blocks_read(data, &error);
    QgaWriter *writer;

    if (!all) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_array(writer);
    for (guint i = 0; i < all->len; i++) {
        const FirnMemoryBlock *block = &g_array_index(all, FirnMemoryBlock, i);

        qga_writer_begin_object(writer);
        qga_writer_member_uint(writer, "phys-index", block->index);
        qga_writer_member_bool(writer, "online", block->online);
        qga_writer_member_bool(writer, "can-offline", block->can_offline);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
    qga_reply_finish(reply);
}

static void get_memory_block_info(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    GError *error = NULL;
    QgaWriter *writer;
    guint64 size;

    if (!firn_memory_block_size(data, &size, &error)) {
        qga_reply_fail_error(reply, error);
        return;
    }
    writer = qga_reply_begin(reply);
    qga_writer_begin_object(writer);
    qga_writer_member_uint(writer, "size", size);
    qga_writer_end_object(writer);
    qga_reply_finish(reply);
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

static gboolean add_one(const QgaArguments *element, gpointer data)
{
    Setting setting = {
        .index = qga_arguments_uint(element, "phys-index", 0),
        .online = qga_arguments_bool(element, "online", FALSE),
    };

    g_array_append_val((GArray *)data, setting);
    return TRUE;
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

static void write_setting(QgaWriter *writer, const Setting *setting)
{
    static const char *const responses[] = {
        [FIRN_MEMORY_DONE] = "success",
        [FIRN_MEMORY_NOT_FOUND] = "not-found",
        [FIRN_MEMORY_UNSUPPORTED] = "operation-not-supported",
        [FIRN_MEMORY_FAILED] = "operation-failed",
    };

    qga_writer_begin_object(writer);
    qga_writer_member_uint(writer, "phys-index", setting->index);
    qga_writer_member_string(writer, "response", responses[setting->result]);
    if (setting->cause)
        qga_writer_member_int(writer, "error-code", setting->cause);
    qga_writer_end_object(writer);
}

static void done(gpointer data)
{
    Job *job = data;
    QgaWriter *writer = qga_reply_begin(job->reply);

    qga_writer_begin_array(writer);
    for (guint i = 0; i < job->settings->len; i++)
        write_setting(writer, &g_array_index(job->settings, Setting, i));
    qga_writer_end_array(writer);
    qga_reply_finish(job->reply);
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
    qga_arguments_each(arguments, "mem-blks", add_one, job->settings);
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

static const QgaCommand rows[] = {
    {
        .name = "guest-get-memory-block-info",
        .returns = "{size: int}",
        .summary = "How many bytes a memory block has.",
        .handler = get_memory_block_info,
    },
    {
        .name = "guest-get-memory-blocks",
        .returns = "[{phys-index: int, online: bool, can-offline: bool}]",
        .summary = "The blocks of memory that can be switched.",
        .handler = get_memory_blocks,
    },
    {
        .name = "guest-set-memory-blocks",
        .arguments = set_memory_blocks_arguments,
        .returns = "[{phys-index: int, response: \"success\" | \"not-found\" | "
                   "\"operation-not-supported\" | \"operation-failed\", error-code?: int}]",
        .summary = "Switches memory blocks on and off, each by itself, and tells of each how it "
                   "went.",
        .handler = set_memory_blocks,
    },
};

void firn_memory_commands_add(QgaCommands *commands, const FirnContext *context)
{
    qga_commands_add(commands, rows, G_N_ELEMENTS(rows), (gpointer)(guintptr)context->roots, NULL);
}
