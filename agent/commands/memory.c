/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/commands/families.h"
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

typedef struct {
    const FirnRoots *roots;
    QgaWriter *writer;
} Setting;

static gboolean set_one(const QgaArguments *element, gpointer data)
{
    static const char *const responses[] = {
        [FIRN_MEMORY_DONE] = "success",
        [FIRN_MEMORY_NOT_FOUND] = "not-found",
        [FIRN_MEMORY_UNSUPPORTED] = "operation-not-supported",
        [FIRN_MEMORY_FAILED] = "operation-failed",
    };
    Setting *setting = data;
    guint64 index = qga_arguments_uint(element, "phys-index", 0);
    FirnMemoryResult result;
    int cause;

    result = firn_memory_block_set(setting->roots, index,
                                   qga_arguments_bool(element, "online", FALSE), &cause);
    qga_writer_begin_object(setting->writer);
    qga_writer_member_uint(setting->writer, "phys-index", index);
    qga_writer_member_string(setting->writer, "response", responses[result]);
    if (cause)
        qga_writer_member_int(setting->writer, "error-code", cause);
    qga_writer_end_object(setting->writer);
    return TRUE;
}

static void set_memory_blocks(const QgaArguments *arguments, QgaReply *reply, gpointer data)
{
    Setting setting = {data, qga_reply_begin(reply)};

    qga_writer_begin_array(setting.writer);
    qga_arguments_each(arguments, "mem-blks", set_one, &setting);
    qga_writer_end_array(setting.writer);
    qga_reply_finish(reply);
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
