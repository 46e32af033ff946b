/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/config.h"
#include "agent/work.h"
#include "agent/worker-socket.h"
#include "agent/worker.h"

/* Processes that have ended and that nobody asked for: how many, and for how many seconds. */
#define ENDED_MAX 256
#define ENDED_SECONDS 3600
/* Tasks that hang: each is a thread. */
#define HUNG_MAX 32
/* The error comes so much before the limit, to be with the host in time; milliseconds. */
#define EARLY_MS 500
/* So many times as long may a task last that is at work and not held up. */
#define SLOW_TURNS 360
/* How often a worker without an agent looks whether it is of use to anybody, in seconds. */
#define IDLE_SECONDS 5

typedef struct {
    GMainLoop *loop;
    FirnTaskTable table;
    int listener;         /* -1: no other agent finds it */
    GPtrArray *clients;   /* FirnFrames: the agent's, and those of agents after it */
    FirnFrames *first;    /* NULL: the agent that started it is gone */
    GThreadPool *threads; /* which keeps one for the next task */
    GPtrArray *jobs;      /* that run, and whose client may be waiting */
    guint hung;
    const char *state_dir;
} Worker;

/* A task, and who waits for it. */
typedef struct {
    Worker *worker;
    FirnTask *task;
    FirnFrames *client; /* NULL: gone */
    guint64 serial;
    guint limit; /* seconds */
    guint timer; /* 0: late */
    guint turns; /* how often the limit has passed */
} Job;

/* Nobody can ask for what it knows: its state directory was removed, as with the package. */
static gboolean worker_is_forgotten(const Worker *worker)
{
    return worker->clients->len == 0 &&
           firn_processes_count_running(worker->table.processes) == 0 &&
           !firn_worker_socket_is_there(worker->state_dir, getpid());
}

/* Ends when its agent is gone and no process is left to be told of, or nobody to tell it to. */
static gboolean worker_look(gpointer data)
{
    Worker *worker = data;

    if (!worker->first &&
        (firn_processes_are_idle(worker->table.processes) || worker_is_forgotten(worker))) {
        g_main_loop_quit(worker->loop);
        return G_SOURCE_REMOVE;
    }
    return G_SOURCE_CONTINUE;
}

static void job_send(Job *job, guint32 kind, GVariant *value)
{
    g_autoptr(GVariant) kept = g_variant_ref_sink(value);

    if (job->client)
        firn_frames_send(job->client, kind, job->serial, kept, -1);
}

static void job_fail(Job *job, gboolean late, const char *text)
{
    job_send(job, FIRN_FRAME_ERROR, g_variant_new("(b^ay)", late, text));
}

static void job_answer(Job *job)
{
    FirnTask *task = job->task;

    if (task->error)
        job_fail(job, FALSE, task->error->message);
    else
        job_send(job, task->kind, g_steal_pointer(&task->answer));
}

static void job_free(Job *job)
{
    g_ptr_array_remove_fast(job->worker->jobs, job);
    firn_task_free(job->task);
    g_free(job);
}

static gboolean job_done(gpointer data)
{
    Job *job = data;
    gboolean late = job->timer == 0;

    if (late)
        job->worker->hung--;
    else
        g_source_remove(job->timer);
    firn_task_finish(job->task, late || !job->client);
    if (!late)
        job_answer(job);
    job_free(job);
    return G_SOURCE_REMOVE;
}

/* On a thread. */
static void job_run(gpointer data, gpointer unused)
{
    firn_task_run(((Job *)data)->task);
    g_idle_add_full(G_PRIORITY_DEFAULT, job_done, data, NULL);
}

static gboolean job_late(gpointer data)
{
    Job *job = data;
    g_autofree char *what = NULL;
    g_autofree char *text = NULL;

    if (g_atomic_int_get(&job->task->slow) && ++job->turns < SLOW_TURNS)
        return G_SOURCE_CONTINUE;
    what = firn_task_what(job->task);
    text =
        g_strdup_printf("%s: no answer within %u s; the file server or disk behind it may be gone",
                        what ? what : "the task", job->limit);

    job->timer = 0;
    job->worker->hung++;
    job_fail(job, TRUE, text);
    return G_SOURCE_REMOVE;
}

static void job_start(Job *job)
{
    FirnTask *task = job->task;

    g_ptr_array_add(job->worker->jobs, job);
    if (job->worker->hung >= HUNG_MAX && task->kind != FIRN_TASK_STATUS)
        g_set_error(&task->error, G_FILE_ERROR, G_FILE_ERROR_AGAIN,
                    "%u earlier requests hang on file servers or disks that are gone; bring those "
                    "back, or unmount what lies on them (umount -f -l)",
                    job->worker->hung);
    if (task->error || !firn_task_prepare(task)) {
        job_answer(job);
        job_free(job);
        return;
    }
    job->timer = g_timeout_add(MAX(job->limit, 1) * 1000 - EARLY_MS, job_late, job);
    g_thread_pool_push(job->worker->threads, job, NULL);
}

static void worker_arrived(FirnFrames *client, const FirnFrameHead *head, GVariant *value,
                           gpointer data)
{
    Worker *worker = data;
    g_autoptr(GVariant) request = g_variant_get_child_value(value, 1);
    Job *job = g_new0(Job, 1);

    job->worker = worker;
    job->client = client;
    job->serial = head->serial;
    job->task = firn_task_new((FirnTaskKind)head->kind, request, firn_frames_take_fd(client),
                              &worker->table);
    g_variant_get_child(value, 0, "u", &job->limit);
    if (head->fds > 0 && job->task->memory < 0)
        g_set_error(&job->task->error, G_FILE_ERROR, G_FILE_ERROR_MFILE,
                    "too many files are open for so large a request; close some of them");
    else if (client != worker->first && head->kind != FIRN_TASK_STATUS)
        g_set_error(&job->task->error, G_FILE_ERROR, G_FILE_ERROR_PERM,
                    "this worker is of an agent that has ended");
    job_start(job);
}

/* Closing may hang: a thread does it. */
static void files_close(gpointer data)
{
    firn_files_free(data);
}

static void nothing_left(gpointer data)
{
}

static void worker_gone(FirnFrames *client, gpointer data)
{
    Worker *worker = data;

    for (guint i = 0; i < worker->jobs->len; i++) {
        Job *job = g_ptr_array_index(worker->jobs, i);

        if (job->client == client)
            job->client = NULL;
    }
    if (client == worker->first) {
        worker->first = NULL;
        firn_work_start("close", files_close, nothing_left, worker->table.files);
        worker->table.files = firn_files_new(0);
        g_timeout_add_seconds(IDLE_SECONDS, worker_look, worker);
    }
    g_ptr_array_remove(worker->clients, client);
    worker_look(worker);
}

static void worker_add(Worker *worker, int fd)
{
    g_ptr_array_add(worker->clients,
                    firn_frames_new(fd, firn_task_requests, G_N_ELEMENTS(firn_task_requests),
                                    worker_arrived, worker_gone, worker));
}

static gboolean worker_accept(gint listener, GIOCondition condition, gpointer data)
{
    int fd = firn_worker_socket_accept(listener);

    if (fd >= 0)
        worker_add(data, fd);
    return G_SOURCE_CONTINUE;
}

/* Nobody is to be told of a process any more: what is left are children that hang on their way into
 * a program which the host was told not to have been started. */
static void kill_hung_starts(void)
{
    g_autoptr(GDir) threads = g_dir_open("/proc/self/task", 0, NULL);
    const char *thread;

    while (threads && (thread = g_dir_read_name(threads))) {
        g_autofree char *path = g_strdup_printf("/proc/self/task/%s/children", thread);
        g_autofree char *text = NULL;
        g_auto(GStrv) pids = NULL;

        if (!g_file_get_contents(path, &text, NULL, NULL))
            continue;
        pids = g_strsplit(text, " ", -1);
        for (char **pid = pids; *pid; pid++) {
            if (atoi(*pid) > 1)
                kill(atoi(*pid), SIGKILL);
        }
    }
}

static void worker_setup(Worker *worker, const char *state_dir, int fd)
{
    worker->state_dir = state_dir;
    worker->loop = g_main_loop_new(NULL, FALSE);
    worker->table.roots = firn_roots_new(g_getenv(FIRN_ROOT_VARIABLE));
    worker->table.processes = firn_processes_new(
        &(const FirnProcessLimits){.ended = ENDED_MAX, .ended_time = ENDED_SECONDS});
    worker->table.files = firn_files_new(firn_files_default_limit());
    worker->threads = g_thread_pool_new(job_run, NULL, -1, FALSE, NULL);
    worker->jobs = g_ptr_array_new();
    worker->clients = g_ptr_array_new_with_free_func((GDestroyNotify)firn_frames_free);
    worker_add(worker, fd);
    worker->first = g_ptr_array_index(worker->clients, 0);
    worker->listener = firn_worker_socket_listen(state_dir);
    if (worker->listener >= 0)
        g_unix_fd_add(worker->listener, G_IO_IN, worker_accept, worker);
}

/* Moves the agent's socket away from stdin, which becomes /dev/null for whoever reads it. */
static int take_socket(void)
{
    int fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null >= 0) {
        dup2(null, STDIN_FILENO);
        close(null);
    }
    if (fd >= 0)
        fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int firn_worker_main(int argc, char **argv)
{
    Worker worker = {0};
    int fd = take_socket();

    if (argc != 2 || fd < 0) {
        fprintf(stderr, "firn worker: the agent starts this by itself\n");
        return EXIT_FAILURE;
    }
    prctl(PR_SET_NAME, "firn-worker");
    signal(SIGPIPE, SIG_IGN);
    /* Fixed, or the C library would raise both after one large message and keep its memory. */
    mallopt(M_MMAP_THRESHOLD, 256 * 1024);
    mallopt(M_TRIM_THRESHOLD, 128 * 1024);
    worker_setup(&worker, argv[1], fd);
    g_main_loop_run(worker.loop);
    kill_hung_starts();
    if (worker.listener >= 0)
        firn_worker_socket_remove(argv[1], getpid());
    _exit(EXIT_SUCCESS); /* threads may hang, and files: nothing waits for those */
}
