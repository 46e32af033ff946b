/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SEND_PATIENCE_MS 10000
/* No side says more at once: what does not end is no line. */
#define INPUT_MAX (16 * 1024 * 1024)

FirnWire *firn_wire_new(int fd)
{
    FirnWire *wire = g_new0(FirnWire, 1);

    fcntl(fd, F_SETFL, O_NONBLOCK);
    wire->fd = fd;
    wire->input = g_string_new(NULL);
    return wire;
}

void firn_wire_free(FirnWire *wire)
{
    if (!wire)
        return;
    close(wire->fd);
    g_string_free(wire->input, TRUE);
    g_free(wire);
}

gboolean firn_wire_read(FirnWire *wire)
{
    char piece[4096];
    ssize_t got;

    while ((got = recv(wire->fd, piece, sizeof piece, MSG_DONTWAIT)) > 0) {
        g_string_append_len(wire->input, piece, got);
        if (wire->input->len > INPUT_MAX)
            return FALSE;
    }
    return got < 0 && (errno == EAGAIN || errno == EINTR);
}

char *firn_wire_line(FirnWire *wire)
{
    const char *end = memchr(wire->input->str, '\n', wire->input->len);
    gsize length = end ? (gsize)(end - wire->input->str) : 0;
    char *line;

    if (!end)
        return NULL;
    line = g_strndup(wire->input->str, length);
    g_string_erase(wire->input, 0, (gssize)length + 1);
    return line;
}

gboolean firn_wire_send(FirnWire *wire, const char *lines)
{
    gsize left = strlen(lines);

    while (left > 0) {
        ssize_t sent = send(wire->fd, lines, left, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd entry = {.fd = wire->fd, .events = POLLOUT};

        if (sent > 0) {
            lines += sent;
            left -= (gsize)sent;
        } else if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return FALSE;
        } else if (poll(&entry, 1, SEND_PATIENCE_MS) == 0) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean firn_wire_say(FirnWire *wire, const char *word, const char *value)
{
    g_autofree char *escaped = value ? g_strescape(value, NULL) : NULL;
    g_autofree char *line =
        escaped ? g_strconcat(word, " ", escaped, "\n", NULL) : g_strconcat(word, "\n", NULL);

    return firn_wire_send(wire, line);
}

gboolean firn_wire_say_number(FirnWire *wire, const char *word, guint number)
{
    g_autofree char *value = g_strdup_printf("%u", number);

    return firn_wire_say(wire, word, value);
}

char *firn_wire_value(const char *line, const char *word)
{
    gsize length = strlen(word);

    if (strncmp(line, word, length) != 0 || (line[length] != ' ' && line[length] != '\0'))
        return NULL;
    return g_strcompress(line[length] == ' ' ? line + length + 1 : "");
}
