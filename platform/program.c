/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where programs are searched when the environment has no PATH. */
#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static gboolean is_program(const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return FALSE;
    if (!S_ISREG(status.st_mode)) {
        errno = EACCES;
        return FALSE;
    }
    return access(path, X_OK) == 0;
}

static void program_tries(const FirnProgram *program, const char *path)
{
    if (program->tries)
        program->tries(path, program->data);
}

/* The file to execute, or NULL with errno. Any other failure outlives a file not found. */
static char *find_program(const FirnProgram *program, const char *path)
{
    const char *name = program->path;
    g_auto(GStrv) folders = NULL;
    int failure = ENOENT;

    if (strchr(name, '/')) {
        program_tries(program, name);
        return g_strdup(name);
    }
    folders = g_strsplit(path ? path : DEFAULT_PATH, ":", -1);
    for (char **folder = folders; *folder && *name; folder++) {
        g_autofree char *candidate = NULL;

        if (!**folder) /* the working directory is no place to find programs in */
            continue;
        candidate = g_build_filename(*folder, name, NULL);
        program_tries(program, candidate);
        if (is_program(candidate))
            return g_steal_pointer(&candidate);
        if (errno != ENOENT && errno != ENOTDIR)
            failure = errno;
    }
    errno = failure;
    return NULL;
}

/* A standard descriptor of the child: `fd`, or /dev/null. */
static void give(posix_spawn_file_actions_t *actions, int fd, int number, int flags)
{
    if (fd >= 0)
        posix_spawn_file_actions_adddup2(actions, fd, number);
    else
        posix_spawn_file_actions_addopen(actions, number, "/dev/null", flags, 0);
}

/* This process's environment, but for the socket on which it alone talks to systemd. */
static char **own_environment(void)
{
    return g_environ_unsetenv(g_get_environ(), "NOTIFY_SOCKET");
}

static int start(const FirnProgram *program, const char *file, const char *const *argv, pid_t *pid)
{
    g_auto(GStrv) own = program->environment ? NULL : own_environment();
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int result;

    sigemptyset(&none);
    memset(&all, 0xff, sizeof all); /* sigfillset() leaves out two, which would be ignored */
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, (short)(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                                  (program->own_session ? POSIX_SPAWN_SETSID : 0)));
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawn_file_actions_init(&actions);
    give(&actions, program->stdin_fd, STDIN_FILENO, O_RDONLY);
    give(&actions, program->stdout_fd, STDOUT_FILENO, O_WRONLY);
    give(&actions, program->stderr_fd, STDERR_FILENO, O_WRONLY);
#if __GLIBC_PREREQ(2, 34)
    posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
#endif
    result = posix_spawn(pid, file, &actions, &attributes, (char *const *)(gconstpointer)argv,
                         own ? own : (char *const *)(gconstpointer)program->environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return result;
}

/* What execvp(3) does with a script that names no interpreter. */
static int start_script(const FirnProgram *program, const char *file, pid_t *pid)
{
    g_autoptr(GPtrArray) argv = g_ptr_array_new();

    g_ptr_array_add(argv, (gpointer)(gsize) "/bin/sh");
    g_ptr_array_add(argv, (gpointer)(gsize)file);
    for (guint i = 1; program->argv[0] && program->argv[i]; i++)
        g_ptr_array_add(argv, (gpointer)(gsize)program->argv[i]);
    g_ptr_array_add(argv, NULL);
    return start(program, "/bin/sh", (const char *const *)argv->pdata, pid);
}

/* Why a file that is there is not found by execve(2): that is the interpreter's, or the loader's,
 * error. NULL where it is none of these. */
static char *missing_interpreter(const char *file)
{
    char text[256] = "";
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    gssize length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    char *line = text + 2;

    if (fd >= 0)
        close(fd);
    if (length < 4)
        return NULL;
    if (memcmp(text, "\177ELF", 4) == 0)
        return g_strdup("the loader or the libraries of its architecture are not installed");
    if (memcmp(text, "#!", 2) != 0)
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    if (strchr(line, '\r'))
        return g_strdup("its first line ends in a carriage return, as DOS writes it; save it with "
                        "the line ends of Unix");
    g_strstrip(line);
    line[strcspn(line, " \t")] = '\0';
    return g_strdup_printf(
        "its interpreter '%s' is not there; install it, or change the first line", line);
}

pid_t firn_program_start(const FirnProgram *program, GError **error)
{
    const char *path =
        program->environment
            ? g_environ_getenv((char **)(gsize)(gconstpointer)program->environment, "PATH")
            : NULL;
    g_autofree char *file = find_program(program, path ? path : g_getenv("PATH"));
    g_autofree char *why = NULL;
    pid_t pid = 0;
    int failure;

    failure = file ? start(program, file, program->argv, &pid) : errno;
    if (failure == ENOEXEC)
        failure = start_script(program, file, &pid);
    if (failure == 0)
        return pid;
    why = file && failure == ENOENT ? missing_interpreter(file) : NULL;
    g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(failure),
                "Failed to execute child process “%s” (%s)%s%s", program->path, g_strerror(failure),
                why ? ": " : "", why ? why : "");
    return 0;
}

/* Moves a descriptor out of the way of a child's standard ones, should ours be closed. */
static int keep_clear(int fd)
{
    int moved;

    if (fd > STDERR_FILENO)
        return fd;
    moved = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return moved;
}

gboolean firn_program_pipe(int ends[2], int ours, GError **error)
{
    if (pipe2(ends, O_CLOEXEC) != 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot make a pipe: %s", g_strerror(errno));
        ends[0] = ends[1] = -1;
        return FALSE;
    }
    ends[0] = keep_clear(ends[0]);
    ends[1] = keep_clear(ends[1]);
    fcntl(ends[ours], F_SETFL, O_NONBLOCK);
    return TRUE;
}
