/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ask SOCKET REQUEST...: sends each request to an agent on a unix socket, as a host would, and
 * prints its reply. Waits up to a minute for the socket to be there and for each reply.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define STEP_MS 20

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
            return fd;
        if (errno != ENOENT && errno != ECONNREFUSED)
            break;
        poll(NULL, 0, STEP_MS);
    }
    close(fd);
    return -1;
}

static int send_all(int fd, const char *text, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, text, length, MSG_NOSIGNAL);

        if (sent < 0)
            return -1;
        text += sent;
        length -= (size_t)sent;
    }
    return 0;
}

/* Copies one line to stdout. */
static int print_reply(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    char byte;

    do {
        if (poll(&wait, 1, PATIENCE_MS) != 1 || read(fd, &byte, 1) != 1)
            return -1;
        putchar(byte);
    } while (byte != '\n');
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    int fd;

    if (argc < 3) {
        fprintf(stderr, "usage: ask SOCKET REQUEST...\n");
        return 2;
    }
    fd = connect_to(argv[1]);
    if (fd < 0) {
        fprintf(stderr, "ask: cannot connect to %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    for (int i = 2; i < argc; i++) {
        if (send_all(fd, argv[i], strlen(argv[i])) < 0 || send_all(fd, "\n", 1) < 0 ||
            print_reply(fd) < 0) {
            fprintf(stderr, "ask: no reply to %s\n", argv[i]);
            close(fd);
            return 1;
        }
    }
    close(fd);
    return 0;
}
