/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/process.h"

#include "platform/drains.h"
#include "platform/program.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define READ_SIZE (64 * 1024)
/* Reads of one stream in a row, before other sources get their turn. */
#define READS_AT_ONCE 16
/* A pipe's size unless somebody changed it, see pipe(7). */
#define PIPE_SIZE (64 * 1024)
/* Descriptors left for whatever else this process does: a client, a freeze. */
#define SPARE_DESCRIPTORS 64

typedef struct Process Process;

typedef struct {
    int fd;
    GSource *source;
    GByteArray *data;
    gboolean truncated;
    Process *process;
} Stream;

struct Process {
    FirnProcesses *table;
    pid_t pid;
    Stream out, err;
    int input_fd;
    GSource *input_source;
    guint8 *input;
    gsize input_length, input_sent;
    GSource *watch;
    gboolean exited;
    int wait_status;
    gint64 ended_at; /* monotonic microseconds */
    GList link;      /* in the queue of the ended */
};

struct FirnProcesses {
    FirnProcessLimits limits;
    GHashTable *by_pid;
    GQueue ended; /* of Process, oldest first */
    FirnDrains *drains;
    gsize kept; /* bytes of output, of all */
    GSource *age_timer;
};

static void drop_source(GSource **source)
{
    if (!*source)
        return;
    g_source_destroy(*source);
    g_clear_pointer(source, g_source_unref);
}

static void close_end(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void stream_close(Stream *stream)
{
    drop_source(&stream->source);
    close_end(&stream->fd);
}

/* It may hold a password. */
static void input_forget(guint8 *input, gsize length)
{
    if (input)
        explicit_bzero(input, length);
    g_free(input);
}

static void input_close(Process *process)
{
    drop_source(&process->input_source);
    close_end(&process->input_fd);
    input_forget(process->input, process->input_length);
    process->input = NULL;
}

static gsize kept_of(const Process *process)
{
    return process->out.data->len + process->err.data->len;
}

static void process_free(gpointer data)
{
    Process *process = data;

    process->table->kept -= kept_of(process);
    stream_close(&process->out);
    stream_close(&process->err);
    input_close(process);
    drop_source(&process->watch);
    if (process->exited)
        g_queue_unlink(&process->table->ended, &process->link);
    g_byte_array_unref(process->out.data);
    g_byte_array_unref(process->err.data);
    g_free(process);
}

static gboolean forget_oldest(FirnProcesses *processes)
{
    Process *oldest = g_queue_peek_head(&processes->ended);

    if (!oldest)
        return FALSE;
    return g_hash_table_remove(processes->by_pid, GINT_TO_POINTER(oldest->pid));
}

/* Cuts a stream's end off, or all of it: what comes later is not kept then, or it had a hole. */
static void stream_cut(Stream *stream, gsize length)
{
    if (stream->data->len <= length)
        return;
    stream->process->table->kept -= stream->data->len - length;
    if (length == 0) /* give the memory back as well */
        g_byte_array_free(g_steal_pointer(&stream->data), TRUE);
    stream->data =
        length == 0 ? g_byte_array_new() : g_byte_array_set_size(stream->data, (guint)length);
    stream->truncated = TRUE;
}

/* Drops the output of the oldest that has ended and has some; how it ended stays known. */
static gboolean drop_oldest_output(FirnProcesses *processes)
{
    for (GList *item = processes->ended.head; item; item = item->next) {
        Process *process = item->data;

        if (kept_of(process) == 0)
            continue;
        stream_cut(&process->out, 0);
        stream_cut(&process->err, 0);
        return TRUE;
    }
    return FALSE;
}

static gsize room(gsize limit, gsize used)
{
    return limit > used ? limit - used : 0;
}

/* How much more of a stream may be kept. Half of the limit is its own: when the other stream has
 * more than its half, that gives way. */
static gsize stream_room(const Stream *stream, gsize length)
{
    Process *process = stream->process;
    Stream *other = stream == &process->out ? &process->err : &process->out;
    gsize limit = process->table->limits.output, half = limit / 2;
    gsize wanted = MIN(length, room(MAX(half, room(limit, other->data->len)), stream->data->len));

    if (stream->data->len + wanted + other->data->len > limit)
        stream_cut(other, limit - stream->data->len - wanted);
    return wanted;
}

static void stream_keep(Stream *stream, const guint8 *data, gsize length)
{
    FirnProcesses *table = stream->process->table;
    gsize keep = stream->truncated ? 0 : stream_room(stream, length);

    while (room(table->limits.total, table->kept) < keep && drop_oldest_output(table))
        continue;
    keep = MIN(keep, room(table->limits.total, table->kept));
    g_byte_array_append(stream->data, data, (guint)keep);
    table->kept += keep;
    if (keep < length)
        stream->truncated = TRUE;
}

/* One read; the bytes read, 0 when there is nothing now, -1 at the end. */
static gssize stream_read(Stream *stream)
{
    guint8 buffer[READ_SIZE];
    gssize length = read(stream->fd, buffer, sizeof buffer);

    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (length <= 0)
        return -1;
    stream_keep(stream, buffer, (gsize)length);
    return length;
}

static gboolean stream_ready(gint fd, GIOCondition condition, gpointer data)
{
    Stream *stream = data;

    for (guint i = 0; i < READS_AT_ONCE; i++) {
        gssize length = stream_read(stream);

        if (length == 0)
            return G_SOURCE_CONTINUE;
        if (length < 0) {
            stream_close(stream);
            return G_SOURCE_REMOVE;
        }
    }
    return G_SOURCE_CONTINUE;
}

/* What the process had written when it ended is in the pipe; what follows is of others, who may
 * hold the pipe for ever, and are not to be killed for writing to it. */
static void stream_finish(Stream *stream)
{
    int size = stream->fd < 0 ? 0 : fcntl(stream->fd, F_GETPIPE_SZ);
    gssize left = size < 0 ? PIPE_SIZE : size;

    while (left > 0) {
        gssize length = stream_read(stream);

        if (length < 0)
            stream_close(stream);
        if (length <= 0)
            break;
        left -= length;
    }
    drop_source(&stream->source);
    if (stream->fd >= 0)
        firn_drains_add(stream->process->table->drains, stream->fd);
    stream->fd = -1;
}

static gboolean input_ready(gint fd, GIOCondition condition, gpointer data)
{
    Process *process = data;

    while (process->input_sent < process->input_length) {
        gssize sent = write(process->input_fd, process->input + process->input_sent,
                            process->input_length - process->input_sent);

        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return G_SOURCE_CONTINUE;
        if (sent < 0) /* the process does not want it */
            break;
        process->input_sent += (gsize)sent;
    }
    input_close(process);
    return G_SOURCE_REMOVE;
}

static gboolean forget_aged(gpointer data);

/* Wakes when the oldest of the ended has aged; not at all while there is none. */
static void arm_age_timer(FirnProcesses *processes)
{
    const Process *oldest = g_queue_peek_head(&processes->ended);
    gint64 age;

    drop_source(&processes->age_timer);
    if (!oldest)
        return;
    age = (g_get_monotonic_time() - oldest->ended_at) / G_USEC_PER_SEC;
    processes->age_timer =
        g_timeout_source_new_seconds((guint)MAX(1, processes->limits.ended_time + 1 - age));
    g_source_set_callback(processes->age_timer, forget_aged, processes, NULL);
    g_source_attach(processes->age_timer, NULL);
}

static gboolean forget_aged(gpointer data)
{
    FirnProcesses *processes = data;
    gint64 limit = g_get_monotonic_time() - (gint64)processes->limits.ended_time * G_USEC_PER_SEC;
    const Process *oldest;

    while ((oldest = g_queue_peek_head(&processes->ended)) && oldest->ended_at <= limit)
        forget_oldest(processes);
    arm_age_timer(processes);
    return G_SOURCE_REMOVE;
}

static void process_ended(GPid pid, gint wait_status, gpointer data)
{
    Process *process = data;
    FirnProcesses *table = process->table;

    drop_source(&process->watch);
    input_close(process);
    stream_finish(&process->out);
    stream_finish(&process->err);
    process->exited = TRUE;
    process->wait_status = wait_status;
    process->ended_at = g_get_monotonic_time();
    process->link.data = process;
    g_queue_push_tail_link(&table->ended, &process->link);
    while (table->ended.length > table->limits.ended)
        forget_oldest(table);
    if (!table->age_timer)
        arm_age_timer(table);
}

FirnProcesses *firn_processes_new(const FirnProcessLimits *limits)
{
    FirnProcesses *processes = g_new0(FirnProcesses, 1);

    processes->limits = *limits;
    processes->by_pid = g_hash_table_new_full(NULL, NULL, NULL, process_free);
    g_queue_init(&processes->ended);
    processes->drains = firn_drains_new();
    return processes;
}

void firn_processes_free(FirnProcesses *processes)
{
    if (!processes)
        return;
    drop_source(&processes->age_timer);
    g_hash_table_unref(processes->by_pid);
    firn_drains_free(processes->drains);
    g_free(processes);
}

static GSource *watch_fd(int fd, GIOCondition condition, GUnixFDSourceFunc ready, gpointer data)
{
    GSource *source = g_unix_fd_source_new(fd, condition);

    g_source_set_callback(source, G_SOURCE_FUNC(ready), data, NULL);
    g_source_attach(source, NULL);
    return source;
}

/* The descriptors of a child, and our ends of their pipes; -1 where there is none. */
typedef struct {
    int input[2], out[2], err[2];
} Pipes;

struct FirnLaunch {
    Pipes pipes;
    char *path;
    char **argv;
    char **environment;
    guint8 *input;
    gsize input_length;
    FirnCapture capture;
    pid_t pid; /* 0: not started */
    GError *error;
};

static void pipes_close(Pipes *pipes)
{
    for (guint i = 0; i < 2; i++) {
        close_end(&pipes->input[i]);
        close_end(&pipes->out[i]);
        close_end(&pipes->err[i]);
    }
}

/* The lowest free descriptors are taken first, so the highest tells how many are in use. */
static gboolean leaves_some(const Pipes *pipes, GError **error)
{
    int highest = MAX(MAX(pipes->input[1], pipes->out[1]), pipes->err[1]);
    struct rlimit limit;
    rlim_t spare;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return TRUE;
    spare = MIN(SPARE_DESCRIPTORS, limit.rlim_cur / 4);
    if (highest < 0 || (rlim_t)highest < limit.rlim_cur - spare)
        return TRUE;
    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_MFILE,
                "Too many open files: wait for processes to end, or close files with "
                "guest-file-close");
    return FALSE;
}

static gboolean pipes_open(Pipes *pipes, const FirnProcessStart *start, GError **error)
{
    FirnCapture capture = start->capture;
    gboolean out = capture != FIRN_CAPTURE_NONE && capture != FIRN_CAPTURE_STDERR;
    gboolean err = capture == FIRN_CAPTURE_STDERR || capture == FIRN_CAPTURE_SEPARATED;

    if ((!start->input || firn_program_pipe(pipes->input, 1, error)) &&
        (!out || firn_program_pipe(pipes->out, 0, error)) &&
        (!err || firn_program_pipe(pipes->err, 0, error)) && leaves_some(pipes, error))
        return TRUE;
    pipes_close(pipes);
    return FALSE;
}

static void stream_open(Stream *stream, Process *process, int *fd)
{
    stream->process = process;
    stream->data = g_byte_array_new();
    stream->fd = *fd;
    *fd = -1;
    if (stream->fd >= 0)
        stream->source = watch_fd(stream->fd, G_IO_IN | G_IO_HUP | G_IO_ERR, stream_ready, stream);
}

static void process_new(FirnProcesses *processes, FirnLaunch *launch)
{
    Process *process = g_new0(Process, 1);
    Pipes *pipes = &launch->pipes;

    process->table = processes;
    process->pid = launch->pid;
    stream_open(&process->out, process, &pipes->out[0]);
    stream_open(&process->err, process, &pipes->err[0]);
    process->input = g_steal_pointer(&launch->input);
    process->input_length = launch->input_length;
    process->input_fd = pipes->input[1];
    pipes->input[1] = -1;
    if (process->input_fd >= 0 && input_ready(process->input_fd, G_IO_OUT, process))
        process->input_source =
            watch_fd(process->input_fd, G_IO_OUT | G_IO_HUP | G_IO_ERR, input_ready, process);
    process->watch = g_child_watch_source_new(process->pid);
    g_source_set_callback(process->watch, G_SOURCE_FUNC(process_ended), process, NULL);
    g_source_attach(process->watch, NULL);
    /* A pid comes again only once its process was reaped: then the older one was not asked for. */
    g_hash_table_replace(processes->by_pid, GINT_TO_POINTER(process->pid), process);
}

static void launch_free(FirnLaunch *launch)
{
    pipes_close(&launch->pipes);
    input_forget(launch->input, launch->input_length);
    g_clear_error(&launch->error);
    g_free(launch->path);
    g_strfreev(launch->argv);
    g_strfreev(launch->environment);
    g_free(launch);
}

FirnLaunch *firn_launch_new(const FirnProcessStart *start, GError **error)
{
    FirnLaunch *launch = g_new0(FirnLaunch, 1);

    launch->pipes = (Pipes){{-1, -1}, {-1, -1}, {-1, -1}};
    launch->path = g_strdup(start->path);
    launch->argv = g_strdupv((char **)(gsize)(gconstpointer)start->argv);
    launch->environment = g_strdupv((char **)(gsize)(gconstpointer)start->environment);
    launch->input = start->input;
    launch->input_length = start->input_length;
    launch->capture = start->capture;
    if (pipes_open(&launch->pipes, start, error))
        return launch;
    launch_free(launch);
    return NULL;
}

void firn_launch_run(FirnLaunch *launch, void (*tries)(const char *path, gpointer data),
                     gpointer data)
{
    Pipes *pipes = &launch->pipes;
    FirnProgram program = {
        .path = launch->path,
        .argv = (const char *const *)launch->argv,
        .environment = (const char *const *)launch->environment,
        .stdin_fd = pipes->input[0],
        .stdout_fd = pipes->out[1],
        .stderr_fd = launch->capture == FIRN_CAPTURE_MERGED ? pipes->out[1] : pipes->err[1],
        .tries = tries,
        .data = data,
    };

    launch->pid = firn_program_start(&program, &launch->error);
}

pid_t firn_processes_adopt(FirnProcesses *processes, FirnLaunch *launch, GError **error)
{
    pid_t pid = launch->pid;

    if (pid > 0)
        process_new(processes, launch);
    else
        g_propagate_error(error, g_steal_pointer(&launch->error));
    launch_free(launch);
    return pid;
}

void firn_launch_abandon(FirnLaunch *launch)
{
    if (launch->pid > 0) {
        kill(launch->pid, SIGKILL);
        while (waitpid(launch->pid, NULL, 0) < 0 && errno == EINTR)
            continue;
    }
    launch_free(launch);
}

static Process *find(const FirnProcesses *processes, gint64 pid)
{
    if (pid <= 0 || pid > G_MAXINT)
        return NULL;
    return g_hash_table_lookup(processes->by_pid, GINT_TO_POINTER((int)pid));
}

static FirnProcessOutput output_of(const Stream *stream)
{
    return (FirnProcessOutput){stream->data->data, stream->data->len, stream->truncated,
                               stream->data};
}

gboolean firn_processes_status(FirnProcesses *processes, gint64 pid, FirnProcessStatus *status)
{
    const Process *process = find(processes, pid);

    if (!process)
        return FALSE;
    *status = (FirnProcessStatus){.exited = process->exited, .exit_code = -1};
    if (!process->exited)
        return TRUE;
    if (WIFEXITED(process->wait_status))
        status->exit_code = WEXITSTATUS(process->wait_status);
    else if (WIFSIGNALED(process->wait_status))
        status->signal = WTERMSIG(process->wait_status);
    status->out = output_of(&process->out);
    status->err = output_of(&process->err);
    return TRUE;
}

void firn_processes_forget(FirnProcesses *processes, gint64 pid)
{
    const Process *process = find(processes, pid);

    if (!process || !process->exited)
        return;
    g_hash_table_remove(processes->by_pid, GINT_TO_POINTER(process->pid));
    if (g_queue_is_empty(&processes->ended))
        drop_source(&processes->age_timer);
}

guint firn_processes_count_running(const FirnProcesses *processes)
{
    return firn_processes_count(processes) -
           g_queue_get_length((GQueue *)(guintptr)&processes->ended);
}

gboolean firn_processes_are_idle(const FirnProcesses *processes)
{
    return firn_processes_count(processes) == 0 && firn_drains_count(processes->drains) == 0;
}

void firn_processes_set_output(FirnProcesses *processes, gsize output, gsize total)
{
    processes->limits.output = output;
    processes->limits.total = total;
}

guint firn_processes_count(const FirnProcesses *processes)
{
    return g_hash_table_size(processes->by_pid);
}
