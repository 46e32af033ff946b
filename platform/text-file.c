/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/text-file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void set_error(GError **error, const char *call, const char *path, int cause)
{
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(cause), "%s(\"%s\"): %s", call,
                path, g_strerror(cause));
}

/* 0 or an errno. */
static int read_all(int fd, GString *text)
{
    char piece[4096];

    while (text->len < FIRN_TEXT_FILE_MAX) {
        ssize_t got = read(fd, piece, sizeof piece);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0)
            return 0;
        g_string_append_len(text, piece, got);
    }
    return 0;
}

char *firn_text_file_read(const char *path, GError **error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    GString *text;
    int cause;

    if (fd < 0) {
        set_error(error, "open", path, errno);
        return NULL;
    }
    text = g_string_new(NULL);
    cause = read_all(fd, text);
    close(fd);
    if (cause) {
        set_error(error, "read", path, cause);
        g_string_free(text, TRUE);
        return NULL;
    }
    return g_strchomp(g_string_free(text, FALSE));
}

gboolean firn_text_file_write(const char *path, const char *text, GError **error)
{
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOCTTY);
    ssize_t written;
    int cause;

    if (fd < 0) {
        set_error(error, "open", path, errno);
        return FALSE;
    }
    do {
        written = write(fd, text, strlen(text));
    } while (written < 0 && errno == EINTR);
    cause = written < 0 ? errno : 0;
    if (close(fd) < 0 && !cause)
        cause = errno;
    if (cause)
        set_error(error, "write", path, cause);
    return cause == 0;
}

gboolean firn_text_file_has_word(const char *path, const char *word)
{
    g_autofree char *text = firn_text_file_read(path, NULL);
    g_auto(GStrv) words = NULL;

    if (!text)
        return FALSE;
    words = g_strsplit_set(text, " \t\n[]", -1);
    return g_strv_contains((const char *const *)words, word);
}
