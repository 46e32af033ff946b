/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/worker-socket.h"
#include "platform/program.h"

#define LIMIT_MAX_S 3600
#define SELF "/proc/self/exe"

typedef struct {
    guint64 serial;
    FirnTaskKind kind;
    FirnWorkerAnswered answered;
    gpointer data;
    GDestroyNotify free_data;
    gint64 pid;           /* that the status is asked of */
    gboolean asked_older; /* for that status */
    GPtrArray *owing;     /* FirnFrames that have not answered */
} Ask;

struct FirnWorker {
    char *state_dir;
    guint limit;
    FirnFrames *own;  /* NULL: none runs */
    pid_t pid;        /* of the own one; 0: none was started */
    GPtrArray *older; /* FirnFrames, of workers of agents before; NULL: not looked for yet */
    GHashTable *asks; /* by serial number */
    guint64 serial;
};

static void ask_free(gpointer data)
{
    Ask *ask = data;

    if (ask->free_data)
        ask->free_data(ask->data);
    g_ptr_array_unref(ask->owing);
    g_free(ask);
}

static void ask_end(FirnWorker *worker, Ask *ask, GVariant *answer, const GError *error)
{
    g_hash_table_steal(worker->asks, &ask->serial);
    ask->free_data = NULL;
    ask->answered(answer, error, ask->data);
    ask_free(ask);
}

static void ask_fail(FirnWorker *worker, Ask *ask, const char *text)
{
    g_autoptr(GError) error = g_error_new_literal(G_FILE_ERROR, G_FILE_ERROR_FAILED, text);

    ask_end(worker, ask, NULL, error);
}

static void worker_arrived(FirnFrames *frames, const FirnFrameHead *head, GVariant *value,
                           gpointer data);
static void worker_gone(FirnFrames *frames, gpointer data);

static FirnFrames *worker_connect(FirnWorker *worker, int fd)
{
    return firn_frames_new(fd, firn_task_answers, G_N_ELEMENTS(firn_task_answers), worker_arrived,
                           worker_gone, worker);
}

static void ask_send(FirnWorker *worker, Ask *ask, FirnFrames *frames, GVariant *request,
                     int memory)
{
    g_ptr_array_add(ask->owing, frames);
    firn_frames_send(frames, ask->kind, ask->serial, g_variant_new("(u@*)", worker->limit, request),
                     memory);
}

/* The workers of agents before this one: nobody else can become one later. */
static void worker_find_older(FirnWorker *worker)
{
    g_autoptr(GArray) fds = NULL;

    if (worker->older)
        return;
    worker->older = g_ptr_array_new_with_free_func((GDestroyNotify)firn_frames_free);
    fds = firn_worker_socket_connect_all(worker->state_dir, worker->pid);
    for (guint i = 0; i < fds->len; i++)
        g_ptr_array_add(worker->older, worker_connect(worker, g_array_index(fds, int, i)));
}

/* Nobody of those that were asked knows the process. */
static void ask_unknown(FirnWorker *worker, Ask *ask)
{
    if (!ask->asked_older) {
        ask->asked_older = TRUE;
        worker_find_older(worker);
        for (guint i = 0; i < worker->older->len; i++)
            ask_send(worker, ask, g_ptr_array_index(worker->older, i),
                     g_variant_new_int64(ask->pid), -1);
    }
    if (ask->owing->len == 0)
        ask_fail(worker, ask, "Invalid parameter 'pid'");
}

static gboolean answer_is_unknown(const Ask *ask, GVariant *answer)
{
    gboolean known = TRUE;

    if (ask->kind == FIRN_TASK_STATUS)
        g_variant_get_child(answer, 0, "b", &known);
    return !known;
}

static void worker_failed(FirnWorker *worker, Ask *ask, GVariant *value)
{
    const char *text;
    gboolean late;

    g_variant_get(value, "(b^&ay)", &late, &text);
    if (late)
        g_warning("%s", text);
    ask_fail(worker, ask, text);
}

static void worker_arrived(FirnFrames *frames, const FirnFrameHead *head, GVariant *value,
                           gpointer data)
{
    FirnWorker *worker = data;
    Ask *ask = g_hash_table_lookup(worker->asks, &head->serial);

    if (!ask || !g_ptr_array_remove(ask->owing, frames))
        return; /* another one has answered */
    if (head->kind == FIRN_FRAME_ERROR)
        worker_failed(worker, ask, value);
    else if (head->kind != ask->kind)
        ask_fail(worker, ask, "the agent's worker has given a wrong answer");
    else if (answer_is_unknown(ask, value))
        ask_unknown(worker, ask);
    else
        ask_end(worker, ask, value, NULL);
}

static void worker_gone(FirnFrames *frames, gpointer data)
{
    FirnWorker *worker = data;
    g_autoptr(GList) asks = g_hash_table_get_values(worker->asks);

    if (frames == worker->own) {
        g_warning("the agent's worker (pid %d) has died; files and processes of it are lost",
                  (int)worker->pid);
        worker->own = NULL;
    } else {
        guint place;

        if (g_ptr_array_find(worker->older, frames, &place))
            g_ptr_array_steal_index_fast(worker->older, place);
    }
    for (GList *item = asks; item; item = item->next) {
        Ask *ask = item->data;

        if (!g_ptr_array_remove(ask->owing, frames))
            continue;
        if (ask->kind == FIRN_TASK_STATUS)
            ask_unknown(worker, ask);
        else
            ask_fail(worker, ask, "the agent's worker has died; try again");
    }
    firn_frames_free(frames);
}

static void worker_reaped(GPid pid, gint status, gpointer data)
{
}

/* The program that runs, also where an update has put another one in its place. */
static char *own_program(void)
{
    char *path = g_file_read_link(SELF, NULL);

    if (path && g_file_test(path, G_FILE_TEST_IS_EXECUTABLE))
        return path;
    g_free(path);
    return g_strdup(SELF);
}

static gboolean worker_start(FirnWorker *worker, GError **error)
{
    g_autofree char *path = own_program();
    const char *const argv[] = {"firn", "worker", worker->state_dir, NULL};
    FirnProgram program = {.path = path, .argv = argv, .stdout_fd = -1, .stderr_fd = -1};
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        g_set_error(error, G_FILE_ERROR, (int)g_file_error_from_errno(errno),
                    "cannot start the agent's worker: %s", g_strerror(errno));
        return FALSE;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    program.stdin_fd = ends[1];
    program.own_session = TRUE;
    worker->pid = firn_program_start(&program, error);
    close(ends[1]);
    if (worker->pid == 0) {
        g_prefix_error(error, "cannot start the agent's worker: ");
        close(ends[0]);
        return FALSE;
    }
    g_child_watch_add(worker->pid, worker_reaped, NULL);
    worker->own = worker_connect(worker, ends[0]);
    return TRUE;
}

FirnWorker *firn_worker_new(const char *state_dir, guint limit)
{
    FirnWorker *worker = g_new0(FirnWorker, 1);

    worker->state_dir = g_strdup(state_dir);
    worker->limit = CLAMP(limit, 1, LIMIT_MAX_S); /* as firn.conf(5) tells */
    worker->asks = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, ask_free);
    return worker;
}

void firn_worker_free(FirnWorker *worker)
{
    if (!worker)
        return;
    g_hash_table_unref(worker->asks);
    firn_frames_free(worker->own);
    if (worker->older)
        g_ptr_array_unref(worker->older);
    g_free(worker->state_dir);
    g_free(worker);
}

void firn_worker_ask(FirnWorker *worker, FirnTaskKind kind, GVariant *request, int memory,
                     FirnWorkerAnswered answered, gpointer data, GDestroyNotify free_data)
{
    Ask *ask = g_new0(Ask, 1);
    g_autoptr(GVariant) kept = g_variant_ref_sink(request);
    g_autoptr(GError) error = NULL;

    ask->serial = ++worker->serial;
    ask->kind = kind;
    ask->answered = answered;
    ask->data = data;
    ask->free_data = free_data;
    ask->owing = g_ptr_array_new();
    ask->pid = kind == FIRN_TASK_STATUS ? g_variant_get_int64(kept) : 0;
    g_hash_table_insert(worker->asks, &ask->serial, ask);
    if (worker->own || (kind != FIRN_TASK_STATUS && worker_start(worker, &error)))
        ask_send(worker, ask, worker->own, kept, memory);
    else if (kind == FIRN_TASK_STATUS)
        ask_unknown(worker, ask);
    else
        ask_end(worker, ask, NULL, error);
}
