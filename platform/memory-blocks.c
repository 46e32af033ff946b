/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/memory-blocks.h"

#include "platform/text-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "/sys/devices/system/memory"

static char *block_file(const FirnRoots *roots, guint64 index, const char *file)
{
    return firn_roots_pathf(roots, FOLDER "/memory%" G_GUINT64_FORMAT "/%s", index, file);
}

static gboolean file_is(const FirnRoots *roots, guint64 index, const char *file, const char *wanted)
{
    g_autofree char *path = block_file(roots, index, file);
    g_autofree char *text = firn_text_file_read(path, NULL);

    return text && g_str_equal(text, wanted);
}

/* A block that cannot be switched is on. */
static gboolean is_online(const FirnRoots *roots, guint64 index)
{
    g_autofree char *path = block_file(roots, index, "state");
    g_autofree char *text = firn_text_file_read(path, NULL);

    return !text || g_str_equal(text, "online");
}

static gboolean parse_index(const char *name, guint64 *index)
{
    const gsize length = strlen("memory");
    char *end;

    if (!g_str_has_prefix(name, "memory") || !g_ascii_isdigit(name[length]))
        return FALSE;
    *index = g_ascii_strtoull(name + length, &end, 10);
    return *end == '\0';
}

static gint by_index(gconstpointer a, gconstpointer b)
{
    const FirnMemoryBlock *one = a, *other = b;

    return one->index < other->index ? -1 : one->index > other->index;
}

GArray *firn_memory_blocks_read(const FirnRoots *roots, GError **error)
{
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(FirnMemoryBlock));
    g_autofree char *folder = firn_roots_path(roots, FOLDER);
    g_autoptr(GDir) dir = NULL;
    const char *name;

    if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
        return g_steal_pointer(&all);
    dir = g_dir_open(folder, 0, error);
    if (!dir)
        return NULL;
    while ((name = g_dir_read_name(dir))) {
        FirnMemoryBlock block;

        if (!parse_index(name, &block.index))
            continue;
        block.online = is_online(roots, block.index);
        block.can_offline = file_is(roots, block.index, "removable", "1");
        g_array_append_val(all, block);
    }
    if (all->len == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "guest reported zero memory blocks!");
        return NULL;
    }
    g_array_sort(all, by_index);
    return g_steal_pointer(&all);
}

gboolean firn_memory_block_size(const FirnRoots *roots, guint64 *size, GError **error)
{
    g_autofree char *folder = firn_roots_path(roots, FOLDER);
    g_autofree char *path = firn_roots_path(roots, FOLDER "/block_size_bytes");
    g_autofree char *text = NULL;
    char *end;

    if (!g_file_test(folder, G_FILE_TEST_IS_DIR)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "open(\"" FOLDER "/\"): No such file or directory");
        return FALSE;
    }
    text = firn_text_file_read(path, NULL);
    if (!text) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
                    "open sysfs file \"block_size_bytes\": No such file or directory");
        return FALSE;
    }
    /* The kernel writes it in hexadecimal, without 0x. */
    *size = g_ascii_strtoull(text, &end, 16);
    if (end == text || *end || *size == 0) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    FOLDER "/block_size_bytes holds no size: '%s'", text);
        return FALSE;
    }
    return TRUE;
}

/* 0 or an errno. One write(2), as sysfs wants it. */
static int write_state(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    int cause = 0;

    if (fd < 0)
        return errno;
    if (write(fd, text, strlen(text)) < 0)
        cause = errno;
    close(fd);
    return cause;
}

FirnMemoryResult firn_memory_block_set(const FirnRoots *roots, guint64 index, gboolean online,
                                       int *cause)
{
    g_autofree char *folder = firn_roots_path(roots, FOLDER);
    g_autofree char *block = block_file(roots, index, "");
    g_autofree char *path = block_file(roots, index, "state");

    *cause = ENOENT;
    if (!g_file_test(folder, G_FILE_TEST_IS_DIR))
        return FIRN_MEMORY_UNSUPPORTED;
    if (!g_file_test(block, G_FILE_TEST_IS_DIR))
        return FIRN_MEMORY_NOT_FOUND;
    if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
        *cause = online ? 0 : ENOENT;
        return online ? FIRN_MEMORY_DONE : FIRN_MEMORY_UNSUPPORTED;
    }
    *cause = 0;
    if (file_is(roots, index, "state", online ? "online" : "offline"))
        return FIRN_MEMORY_DONE;
    *cause = write_state(path, online ? "online" : "offline");
    return *cause ? FIRN_MEMORY_FAILED : FIRN_MEMORY_DONE;
}
