/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef QGA_PROTOCOL_COMMAND_H
#define QGA_PROTOCOL_COMMAND_H

#include "qga-protocol/arguments.h"
#include "qga-protocol/reply.h"

/* Commands are data: a row each. Checking, guest-info, --block-rpcs=help and the protocol reference
 * all come from the rows. */
typedef enum {
    QGA_COMMAND_NONE = 0,
    QGA_COMMAND_FROZEN_SAFE = 1 << 0, /* may run while filesystems are frozen */
    QGA_COMMAND_SILENT = 1 << 1,      /* no reply on success */
    QGA_COMMAND_SENTINEL = 1 << 2,    /* 0xFF before the reply */
    QGA_COMMAND_SYNC = 1 << 3,        /* answered at once; drops the reply of a running command */
    QGA_COMMAND_BRIEF = 1 << 4,       /* answered at once unless something hangs: a sync that comes
                                         meanwhile waits a moment for it */
} QgaCommandFlags;

/* Finishes `reply` now, or keeps a reference and finishes it later. `data` is the family's own. */
typedef void (*QgaHandler)(const QgaArguments *arguments, QgaReply *reply, gpointer data);

typedef struct {
    const char *name;
    const QgaMember *arguments; /* ends with {0}; NULL for none */
    const QgaMember *returns;   /* a value without a name; NULL for {} */
    const char *summary;        /* one sentence for the reference */
    QgaCommandFlags flags;
    QgaHandler handler;
} QgaCommand;

/* All commands of an agent. Free with qga_commands_free(). */
typedef struct QgaCommands QgaCommands;
QgaCommands *qga_commands_new(void);
void qga_commands_free(QgaCommands *commands);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(QgaCommands, qga_commands_free)

/*
 * Adds a family of `count` rows (static data) whose handlers get `data`; `free_data` may be NULL.
 * Two rows of one name are a programming error and abort.
 */
void qga_commands_add(QgaCommands *commands, const QgaCommand *rows, guint count, gpointer data,
                      GDestroyNotify free_data);

/* The row of that name and its handler's data, or NULL. */
const QgaCommand *qga_commands_find(const QgaCommands *commands, const char *name, gpointer *data);

/* Every row in C-locale order of the names: `count` of them; the array belongs to `commands`. */
const QgaCommand *const *qga_commands_list(const QgaCommands *commands, guint *count);

/* The names of all arguments of type BASE64, each once, ends with NULL: for qga_gate_new(). The
 * array belongs to `commands`, and changes with the next qga_commands_add(). */
const char *const *qga_commands_base64(const QgaCommands *commands);

#endif
