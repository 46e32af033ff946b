/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "platform/pidfd.h"

#define LOCK_TRIES 20
#define LOCK_PAUSE_US (100 * 1000)

/* The child's end of the pipe its parent waits at; 0 in the foreground. */
static int ready_fd;

static void ignore_signal(int signal)
{
}

void firn_startup_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

void firn_startup_process(gboolean daemon)
{
    /* a handler, not SIG_IGN: an exec puts it back to the default */
    struct sigaction action = {.sa_handler = ignore_signal, .sa_flags = SA_RESTART};
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    /* Fixed, or the C library would raise both after one large message and keep its memory. */
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    sigaction(SIGPIPE, &action, NULL);
    signal(SIGCHLD, SIG_DFL); /* where the starter ignores it, no child's end could be learned */
    umask(umask(0) | 022);    /* else the starter's: it is that of programs and files of clients */
    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    if (daemon && chdir("/") < 0)
        g_warning("cannot change to /: %s", g_strerror(errno));
}

/* In the parent: how the child's start went, as an exit status. */
static int await_child(int fd)
{
    char byte = 1;
    ssize_t n;

    do {
        n = read(fd, &byte, 1);
    } while (n < 0 && errno == EINTR);
    close(fd);
    return n == 1 ? byte : EXIT_FAILURE;
}

gboolean firn_startup_background(gboolean *parent, int *status, GError **error)
{
    int ends[2];
    pid_t pid;

    if (pipe2(ends, O_CLOEXEC) < 0 || (pid = fork()) < 0) {
        g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno), "failed to daemonize: %s",
                    g_strerror(errno));
        return FALSE;
    }
    if (pid > 0) {
        close(ends[1]);
        *status = await_child(ends[0]);
        *parent = TRUE;
        return TRUE;
    }
    *parent = FALSE;
    close(ends[0]);
    setsid();
    ready_fd = ends[1];
    return TRUE;
}

void firn_startup_ready(void)
{
    char success = 0;

    if (ready_fd <= 0)
        return;
    dup2(STDIN_FILENO, STDOUT_FILENO);
    dup2(STDIN_FILENO, STDERR_FILENO);
    if (write(ready_fd, &success, 1) < 0)
        g_debug("nobody waits for the start");
    close(ready_fd);
    ready_fd = 0;
}

/* 0, or the process that has it. A record lock is not inherited, and tells who has it: one that was
 * killed may keep it while a thread of its hangs in the kernel. */
static pid_t lock_file(int fd)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

    if (fcntl(fd, F_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
        return 0;
    if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
        return lock_file(fd);
    return firn_pid_is_zombie(lock.l_pid) ? 0 : lock.l_pid;
}

static gboolean lock_state_dir(const FirnConfig *config, GError **error)
{
    g_autofree char *path = g_build_filename(config->state_dir, "lock", NULL);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    pid_t other = 0;

    if (fd < 0) {
        g_warning("cannot use the state directory: open(\"%s\"): %s: no freeze is possible "
                  "(--statedir names another)",
                  path, g_strerror(errno));
        return TRUE; /* all else is */
    }
    /* one that was just killed may not have come to its end */
    for (int i = 0; i < LOCK_TRIES && (other = lock_file(fd)) != 0; i++)
        g_usleep(LOCK_PAUSE_US);
    if (other == 0)
        return TRUE; /* locked while the process lives */
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_EXIST,
                "another agent (pid %d) uses the state directory %s: stop it, or name another with "
                "--statedir",
                (int)other, config->state_dir);
    close(fd);
    return FALSE;
}

gboolean firn_startup_state_dir(const FirnConfig *config, GError **error)
{
    if (g_mkdir_with_parents(config->state_dir, 0700) == 0)
        return lock_state_dir(config, error);
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(errno),
                "unable to create state directory %s: %s (--statedir names another)",
                config->state_dir, g_strerror(errno));
    return FALSE;
}

static int pid_file_fail(int fd, const char *path, GError **error)
{
    int code = errno;

    const char *reason = g_strerror(code);

    if (code == EWOULDBLOCK)
        reason = "another instance runs with it";
    else if (code == ELOOP)
        reason = "it is a symbolic link: name the file that is meant";
    g_set_error(error, G_FILE_ERROR, g_file_error_from_errno(code), "cannot create pid file %s: %s",
                path, reason);
    if (fd >= 0)
        close(fd);
    return -1;
}

int firn_startup_pid_file(const FirnConfig *config, GError **error)
{
    const char *path = config->pid_file;
    g_autofree char *text = g_strdup_printf("%d\n", (int)getpid());
    g_autofree char *folder = NULL;
    int fd;

    if (!path || (!config->daemonize && !strcmp(path, FIRN_DEFAULT_PID_FILE)))
        return -1;
    folder = g_path_get_dirname(path);
    if (!strcmp(path, FIRN_DEFAULT_PID_FILE))
        g_mkdir_with_parents(folder, 0700);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || ftruncate(fd, 0) < 0 ||
        fchmod(fd, 0644) < 0 || write(fd, text, strlen(text)) < 0)
        return pid_file_fail(fd, path, error);
    return fd;
}
