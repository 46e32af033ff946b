/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/freeze/script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "platform/pidfd.h"

/* Between asking a script to end and killing it. */
#define GRACE_US (2 * G_USEC_PER_SEC)
/* How soon a cancel is noticed. */
#define TICK_MS 50
/* What the process says to its maker, in place of an errno, when somebody else was faster. */
#define TAKEN (-1)
/* A process, memory or descriptors are short for a moment: what is to be thawed is tried again. */
#define TRIES 30
#define PAUSE_US (100 * 1000)

/* Everything the child needs, made before fork(): it may not allocate. */
typedef struct {
    const char *argv[3];
    const char *shell_argv[4];
    char **environment;
    int null;
    int output;
    int failure; /* closed by a successful exec */
} Image;

static void image_init(Image *image, const FirnScript *script, int output, int failure)
{
    image->argv[0] = script->path;
    image->argv[1] = script->argument;
    image->argv[2] = NULL;
    image->shell_argv[0] = "sh";
    image->shell_argv[1] = script->path;
    image->shell_argv[2] = script->argument;
    image->shell_argv[3] = NULL;
    image->environment = g_environ_setenv(g_get_environ(), "FIRN_REASON", script->reason, TRUE);
    /* the agent's own talk with the service manager */
    image->environment = g_environ_unsetenv(image->environment, "NOTIFY_SOCKET");
    image->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    image->output = output;
    image->failure = failure;
}

static void default_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int i = 1; i < NSIG; i++)
        sigaction(i, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

G_NORETURN static void give_up(const Image *image, int cause)
{
    if (write(image->failure, &cause, sizeof cause) < 0)
        _exit(126);
    _exit(127);
}

/* The keeper's score is its own; daemons that a script starts are victims like others. */
static void script_reset_score(void)
{
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

    if (score < 0)
        return;
    if (write(score, "0", 1) < 0) {
        /* it stays, then */
    }
    close(score);
}

/* In the child. */
G_NORETURN static void become(const FirnScript *script, const Image *image)
{
    int cause;

    setsid();
    default_signals();
    dup2(image->null, STDIN_FILENO);
    dup2(image->output, STDOUT_FILENO);
    dup2(image->output, STDERR_FILENO);
    script_reset_score();
    script->hook->pid = (gint)getpid();
    script->hook->started = firn_pid_start(getpid());
    if (!firn_record_move(&script->hook->state, (int)script->from, (int)script->to))
        give_up(image, TAKEN);
    /* everything else is closed on exec */
    execve(script->path, (char **)(guintptr)image->argv, image->environment);
    if (errno == ENOEXEC) /* no "#!" line: a shell's, as execvp(3) has it */
        execve("/bin/sh", (char **)(guintptr)image->shell_argv, image->environment);
    cause = errno;
    g_atomic_int_set(&script->hook->state, (gint)script->from); /* nothing of it ran */
    give_up(image, cause);
}

/* Keeps the end of what is there; FALSE at the end of file. */
static gboolean read_output(FirnScript *script, int fd)
{
    char piece[FIRN_SCRIPT_OUTPUT];
    gsize kept = strlen(script->output);
    ssize_t got = read(fd, piece, sizeof piece);
    gsize drop;

    if (got <= 0)
        return got < 0 && (errno == EAGAIN || errno == EINTR);
    for (ssize_t i = 0; i < got; i++) {
        if (piece[i] == '\0')
            piece[i] = ' ';
    }
    drop = kept + (gsize)got > FIRN_SCRIPT_OUTPUT ? kept + (gsize)got - FIRN_SCRIPT_OUTPUT : 0;
    memmove(script->output, script->output + drop, kept - drop);
    memcpy(script->output + kept - drop, piece, (gsize)got);
    script->output[kept - drop + (gsize)got] = '\0';
    return TRUE;
}

/* Waits a moment for output or the end. TRUE when it has ended. */
static gboolean look(FirnScript *script, pid_t pid, int pidfd, int *output)
{
    struct pollfd entries[] = {{.fd = pidfd, .events = POLLIN}, {.fd = *output, .events = POLLIN}};

    poll(entries, G_N_ELEMENTS(entries), pidfd >= 0 ? TICK_MS : 5);
    if (entries[1].revents && !read_output(script, *output))
        *output = -1; /* poll() passes it over */
    return waitpid(pid, &script->status, WNOHANG) == pid;
}

static gboolean is_cancelled(const FirnScript *script)
{
    return script->check && script->check(script->data);
}

/* Asks for its end at first, then kills. */
static void watch(FirnScript *script, pid_t pid, int output)
{
    gint64 begin = g_get_monotonic_time();
    gint64 asked = 0;
    int pidfd = firn_pidfd_open(pid);

    while (!look(script, pid, pidfd, &output)) {
        gint64 now = g_get_monotonic_time();

        if (asked) {
            if (now - asked > 2 * GRACE_US)
                break; /* it hangs in the kernel, where nothing reaches it */
            if (now - asked > GRACE_US)
                kill(-pid, SIGKILL);
            continue;
        }
        script->cancelled = is_cancelled(script);
        script->timed_out = !script->cancelled && script->timeout > 0 &&
                            now - begin > (gint64)script->timeout * G_USEC_PER_SEC;
        if (script->cancelled || script->timed_out) {
            kill(-pid, SIGTERM);
            asked = now;
        }
    }
    if (asked)
        kill(-pid, SIGKILL); /* its children have had their time too */
    if (pidfd >= 0)
        close(pidfd);
    for (int i = 0; output >= 0 && i < 64; i++) {
        struct pollfd entry = {.fd = output, .events = POLLIN};

        if (poll(&entry, 1, 0) != 1 || !read_output(script, output))
            return;
    }
}

/* What the child said before it gave up, if it did. */
static void read_failure(FirnScript *script, int fd)
{
    int cause;

    if (read(fd, &cause, sizeof cause) != (ssize_t)sizeof cause)
        return;
    script->taken = cause == TAKEN;
    script->failed_errno = script->taken ? 0 : cause;
}

static void start(FirnScript *script, int output[2], int failure[2])
{
    Image image;
    pid_t pid;

    fcntl(output[0], F_SETFL, O_NONBLOCK);
    fcntl(failure[0], F_SETFL, O_NONBLOCK);
    image_init(&image, script, output[1], failure[1]);
    pid = fork();
    if (pid == 0)
        become(script, &image);
    if (pid < 0) {
        script->failed_errno = errno;
    } else {
        close(output[1]);
        output[1] = -1;
        watch(script, pid, output[0]);
        read_failure(script, failure[0]);
    }
    if (image.null >= 0)
        close(image.null);
    g_strfreev(image.environment);
}

static void close_pipe(const int ends[2])
{
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
    }
}

void firn_script_run(FirnScript *script)
{
    int output[2] = {-1, -1};
    int failure[2] = {-1, -1};

    if (pipe2(output, O_CLOEXEC) == 0 && pipe2(failure, O_CLOEXEC) == 0)
        start(script, output, failure);
    else
        script->failed_errno = errno;
    close_pipe(output);
    close_pipe(failure);
}

static gboolean is_shortage(int cause)
{
    return cause == EAGAIN || cause == ENOMEM || cause == EMFILE || cause == ENFILE ||
           cause == EIO || cause == ETXTBSY;
}

void firn_script_insist(FirnScript *script)
{
    for (int i = 0; i < TRIES; i++) {
        script->failed_errno = 0;
        firn_script_run(script);
        if (!is_shortage(script->failed_errno))
            return;
        g_usleep(PAUSE_US);
    }
}

/* TRUE while the process that the record names is the script's, and not a stranger's that has got
 * its number since. */
static gboolean script_is_running(const FirnRecordHook *hook)
{
    return hook->pid > 0 && firn_pid_start((pid_t)hook->pid) == hook->started &&
           !firn_pid_is_zombie((pid_t)hook->pid);
}

void firn_script_await(const FirnRecordHook *hook, guint timeout)
{
    gint64 limit = firn_record_now() + timeout * (gint64)1000000000;

    while (script_is_running(hook)) {
        if (timeout > 0 && firn_record_now() > limit) {
            kill(-(pid_t)hook->pid, SIGKILL);
            return;
        }
        poll(NULL, 0, TICK_MS);
    }
}
