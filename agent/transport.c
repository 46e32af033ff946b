/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/transport.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

#include <linux/vm_sockets.h>

/* sd_listen_fds(3): the first descriptor that is handed over */
#define LISTEN_FDS_START 3
#define BACKLOG 16

static int fail(int fd, int code, GError **error, const char *format, ...) G_GNUC_PRINTF(4, 5);

/* Closes fd, sets the error for `code`, and returns -1. */
static int fail(int fd, int code, GError **error, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    if (fd >= 0)
        close(fd);
    g_set_error_literal(error, G_FILE_ERROR, g_file_error_from_errno(code), what);
    return -1;
}

/*
 * Nobody but root opens the line while the agent has it (TIOCEXCL, tty_ioctl(4)): a member of the
 * device's group could put requests into it with TIOCSTI. Then 8 bits, no echo, no translation, no
 * signals: bytes are bytes. Hang-ups of a UART are ignored.
 */
static gboolean take_line(int fd)
{
    struct termios settings;

    if (ioctl(fd, TIOCEXCL) < 0 || tcgetattr(fd, &settings) < 0)
        return FALSE;
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    return tcsetattr(fd, TCSANOW, &settings) == 0;
}

static const char *device_remedy(int code)
{
    switch (code) {
    case ENOENT:
        return " (does the machine have the port? --retry-path waits for it)";
    case EBUSY:
        return " (another agent has it: stop that one, such as qemu-guest-agent.service)";
    case EACCES:
    case EPERM:
        return " (run the agent as root)";
    default:
        return "";
    }
}

int firn_transport_open_device(const char *path, GError **error)
{
    int fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat status;

    if (fd < 0)
        return fail(-1, errno, error, "error opening channel '%s': %s%s", path, g_strerror(errno),
                    device_remedy(errno));
    if (fstat(fd, &status) < 0 || !S_ISCHR(status.st_mode))
        return fail(fd, EINVAL, error,
                    "error opening channel '%s': it is no serial device (a socket needs "
                    "--method=unix-listen)",
                    path);
    if (isatty(fd) && !take_line(fd))
        return fail(fd, errno, error, "error configuring channel '%s': %s", path,
                    g_strerror(errno));
    return fd;
}

gboolean firn_transport_may_retry(const GError *error)
{
    return error->domain == G_FILE_ERROR && error->code != G_FILE_ERROR_INVAL;
}

/* Whether a process still listens at the address. */
static gboolean somebody_listens(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    gboolean answers;

    if (fd < 0)
        return FALSE;
    answers =
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EAGAIN;
    close(fd);
    return answers;
}

/* FALSE when something that is no stale socket stands at the path. */
static gboolean clear_path(const struct sockaddr_un *address, GError **error)
{
    const char *path = address->sun_path;
    struct stat status;

    if (lstat(path, &status) < 0)
        return TRUE;
    if (!S_ISSOCK(status.st_mode)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "Failed to bind socket to %s: there is a file that is no socket; remove it or "
                    "choose another path",
                    path);
        return FALSE;
    }
    if (somebody_listens(address)) {
        g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                    "Failed to bind socket to %s: another process listens there; stop it or "
                    "choose another path",
                    path);
        return FALSE;
    }
    unlink(path);
    return TRUE;
}

int firn_transport_listen_unix(const char *path, GError **error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    gboolean bound;
    mode_t mask;
    int fd;

    if (strlen(path) >= sizeof(address.sun_path))
        return fail(-1, ENAMETOOLONG, error,
                    "Failed to bind socket to %s: a socket's path has at most %zu bytes", path,
                    sizeof(address.sun_path) - 1);
    memcpy(address.sun_path, path, strlen(path));
    if (!clear_path(&address, error))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mask = umask(077); /* the socket is root's alone */
    bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    umask(mask);
    if (!bound || listen(fd, BACKLOG) < 0)
        return fail(fd, errno, error, "Failed to bind socket to %s: %s", path, g_strerror(errno));
    return fd;
}

static gboolean parse_vsock(const char *text, struct sockaddr_vm *address)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);
    guint64 cid = (guint)VMADDR_CID_ANY, port;

    if (g_strv_length(parts) != 2)
        return FALSE;
    if (strcmp(parts[0], "-1") != 0 &&
        !g_ascii_string_to_unsigned(parts[0], 10, 0, G_MAXUINT32, &cid, NULL))
        return FALSE;
    if (!g_ascii_string_to_unsigned(parts[1], 10, 0, G_MAXUINT32, &port, NULL))
        return FALSE;
    address->svm_family = AF_VSOCK;
    address->svm_cid = (guint)cid;
    address->svm_port = (guint)port;
    return TRUE;
}

int firn_transport_listen_vsock(const char *text, GError **error)
{
    struct sockaddr_vm address = {0};
    int fd;

    if (!parse_vsock(text, &address)) {
        g_set_error(error, FIRN_CONFIG_ERROR, 0,
                    "error parsing address '%s': vsock-listen needs --path=CID:PORT, CID -1 for "
                    "any",
                    text);
        return -1;
    }
    fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        listen(fd, BACKLOG) < 0)
        return fail(fd, errno, error, "Failed to bind vsock socket to %s: %s%s", text,
                    g_strerror(errno), fd < 0 ? " (is the kernel's vsock module there?)" : "");
    return fd;
}

gboolean firn_transport_takes_peer(const struct sockaddr_storage *peer, guint wanted)
{
    const struct sockaddr_vm *address = (const struct sockaddr_vm *)(gconstpointer)peer;

    return peer->ss_family != AF_VSOCK || wanted == VMADDR_CID_ANY || address->svm_cid == wanted;
}

static gboolean socket_option(int fd, int option, int *value)
{
    socklen_t size = sizeof(*value);

    return getsockopt(fd, SOL_SOCKET, option, value, &size) == 0;
}

int firn_transport_activated(FirnMethod *method, GError **error)
{
    const char *pid = g_getenv("LISTEN_PID");
    const char *count = g_getenv("LISTEN_FDS");
    int fd = LISTEN_FDS_START;
    int family = 0, type = 0, listening = 0;

    if (!pid || !count || strtoll(pid, NULL, 10) != getpid() || !strcmp(count, "0"))
        return -1;
    if (strcmp(count, "1") != 0)
        return fail(-1, EINVAL, error,
                    "%s sockets were handed over, the agent takes one: correct the socket unit",
                    count);
    if (!socket_option(fd, SO_DOMAIN, &family) || !socket_option(fd, SO_TYPE, &type) ||
        !socket_option(fd, SO_ACCEPTCONN, &listening) || type != SOCK_STREAM || !listening ||
        (family != AF_UNIX && family != AF_VSOCK))
        return fail(-1, EINVAL, error,
                    "what was handed over is no listening unix or vsock stream socket: correct "
                    "the socket unit (ListenStream=, Accept=no)");
    *method = family == AF_UNIX ? FIRN_METHOD_UNIX_LISTEN : FIRN_METHOD_VSOCK_LISTEN;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 || fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) < 0)
        return fail(-1, errno, error, "the socket handed over cannot be used: %s",
                    g_strerror(errno));
    g_unsetenv("LISTEN_PID");
    g_unsetenv("LISTEN_FDS");
    g_unsetenv("LISTEN_FDNAMES");
    return fd;
}
