/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/bench/echo.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM (1 << 20)
#define PIECE (128 << 10)
#define READ_REQUEST "{\"execute\":\"guest-file-read\""
#define DATA_BEGIN "{\"return\": {\"buf-b64\": \""
#define DATA_END "\"}}\n"
#define NOTHING "{\"return\": 0}\n"

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 1) != 0)
        g_error("cannot listen on '%s': %s", path, g_strerror(errno));
    return fd;
}

static void send_all(int fd, const char *bytes, gsize length)
{
    while (length > 0) {
        ssize_t sent = write(fd, bytes, length);

        if (sent < 0)
            return; /* the client leaves: the next read() tells */
        bytes += sent;
        length -= (gsize)sent;
    }
}

/* The same piece again and again: not even memory is gone through. */
static void send_data(int fd, const char *piece, gsize length)
{
    gsize left = (length + 2) / 3 * 4;

    send_all(fd, DATA_BEGIN, strlen(DATA_BEGIN));
    for (; left > PIECE; left -= PIECE)
        send_all(fd, piece, PIECE);
    send_all(fd, piece, left);
    send_all(fd, DATA_END, strlen(DATA_END));
}

/* Answers every line that ends in these bytes, small ones all at once. */
static void answer(int fd, const char *bytes, gsize length, const char *piece, gsize read_length)
{
    g_autoptr(GString) replies = g_string_new(NULL);
    const char *end;

    while ((end = memchr(bytes, '\n', length))) {
        if (g_str_has_prefix(bytes, READ_REQUEST))
            send_data(fd, piece, read_length);
        else
            g_string_append(replies, NOTHING);
        length -= (gsize)(end + 1 - bytes);
        bytes = end + 1;
    }
    send_all(fd, replies->str, replies->len);
}

G_NORETURN void echo_serve(const char *socket_path, gsize read_length)
{
    g_autofree char *piece = g_strnfill(PIECE, 'A');
    g_autofree char *buffer = g_malloc0(ROOM + 1);
    int listener = listen_at(socket_path);

    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        ssize_t n;

        while ((n = read(fd, buffer, ROOM)) > 0) {
            buffer[n] = '\0';
            answer(fd, buffer, (gsize)n, piece, read_length);
        }
        close(fd);
    }
}
