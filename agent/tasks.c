/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/tasks.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "platform/authorized-keys.h"
#include "platform/memory-file.h"
#include "platform/password.h"
#include "platform/trim.h"

/* Output kept of all processes, in shares of what one may have. */
#define OUTPUT_SHARES 8

const char *const firn_task_requests[FIRN_TASK_KINDS] = {
    [FIRN_TASK_EXEC] = "(u(ayaaybaaybayut))",
    [FIRN_TASK_STATUS] = "(ux)",
    [FIRN_TASK_OPEN] = "(u(ayay))",
    [FIRN_TASK_CLOSE] = "(ux)",
    [FIRN_TASK_FLUSH] = "(ux)",
    [FIRN_TASK_READ] = "(u(xt))",
    [FIRN_TASK_WRITE] = "(u(xay))",
    [FIRN_TASK_SEEK] = "(u(xxi))",
    [FIRN_TASK_KEYS] = "(u(iayaayb))",
    [FIRN_TASK_TRIM] = "(u(ayt))",
    [FIRN_TASK_PASSWORD] = "(u(ayayb))",
};

const char *const firn_task_answers[FIRN_TASK_KINDS] = {
    [FIRN_FRAME_ERROR] = "(bay)", [FIRN_TASK_EXEC] = "i",    [FIRN_TASK_STATUS] = "(bbiiaybayb)",
    [FIRN_TASK_FLUSH] = "i",      [FIRN_TASK_OPEN] = "x",    [FIRN_TASK_CLOSE] = "i",
    [FIRN_TASK_READ] = "(aytb)",  [FIRN_TASK_WRITE] = "t",   [FIRN_TASK_SEEK] = "x",
    [FIRN_TASK_KEYS] = "aay",     [FIRN_TASK_TRIM] = "(tt)", [FIRN_TASK_PASSWORD] = "i",
};

/* A copy, with a zero byte after it that does not count. */
static guint8 *copy_bytes(GVariant *value, gsize *length)
{
    gconstpointer data = g_variant_get_fixed_array(value, length, 1);
    guint8 *copy = g_malloc(*length + 1);

    if (*length > 0)
        memcpy(copy, data, *length);
    copy[*length] = 0;
    return copy;
}

static guint8 *copy_memory(int fd, gsize *length)
{
    guint8 *copy;

    *length = firn_memory_file_size(fd);
    copy = g_malloc(*length + 1);
    *length = firn_memory_file_read(fd, 0, copy, *length);
    copy[*length] = 0;
    return copy;
}

static gboolean prepare_exec(FirnTask *task)
{
    g_autofree const char **argv = NULL;
    g_autofree const char **environment = NULL;
    g_autoptr(GVariant) input = NULL;
    gboolean has_environment, has_input;
    guint64 output;
    guint32 capture;
    FirnProcessStart start = {0};

    g_variant_get(task->request, "(^&ay^a&ayb^a&ayb@ayut)", &start.path, &argv, &has_environment,
                  &environment, &has_input, &input, &capture, &output);
    firn_processes_set_output(task->table->processes, output, output * OUTPUT_SHARES);
    start.argv = argv;
    start.environment = has_environment ? environment : NULL;
    start.capture = (FirnCapture)MIN(capture, FIRN_CAPTURE_MERGED);
    if (has_input && task->memory >= 0)
        start.input = copy_memory(task->memory, &start.input_length);
    else if (has_input)
        start.input = copy_bytes(input, &start.input_length);
    task->launch = firn_launch_new(&start, &task->error);
    return task->launch != NULL;
}

static void output_unref(gpointer data)
{
    if (data)
        g_byte_array_unref(data);
}

/* The output itself and no copy of it; nothing where there is none. */
static GVariant *output_value(const FirnProcessOutput *output)
{
    if (output->array)
        g_byte_array_ref(output->array);
    return g_variant_new_from_data(G_VARIANT_TYPE_BYTESTRING, output->data, output->length, TRUE,
                                   output_unref, output->array);
}

static void answer_status(FirnTask *task)
{
    gint64 pid = g_variant_get_int64(task->request);
    FirnProcessStatus status = {0};
    gboolean known = firn_processes_status(task->table->processes, pid, &status);

    task->answer = g_variant_new("(bbii@ayb@ayb)", known, status.exited, status.exit_code,
                                 status.signal, output_value(&status.out), status.out.truncated,
                                 output_value(&status.err), status.err.truncated);
    firn_processes_forget(task->table->processes, pid);
}

static void answer_flush(FirnTask *task)
{
    gint64 handle = g_variant_get_int64(task->request);

    if (firn_files_find(task->table->files, handle, &task->error))
        task->answer = g_variant_new_int32(0);
}

static gboolean prepare_open(FirnTask *task)
{
    const char *path, *mode;

    g_variant_get(task->request, "(^&ay^&ay)", &path, &mode);
    task->what = g_strdup(path);
    return firn_files_check_room(task->table->files, path, mode, &task->error);
}

static void run_seek(FirnTask *task)
{
    gint64 handle, offset, position;
    gint32 whence;

    g_variant_get(task->request, "(xxi)", &handle, &offset, &whence);
    position = firn_file_seek(task->file, offset, whence, &task->error);
    if (position >= 0)
        task->answer = g_variant_new_int64(position);
}

/* What needs nobody else is done at once, without a thread. TRUE when it is. */
static gboolean file_now(FirnTask *task)
{
    gint64 handle, offset;
    gint32 whence;
    guint64 count;
    gboolean eof;
    guint8 *buffer;
    gssize got;

    if (task->kind == FIRN_TASK_SEEK) {
        g_variant_get(task->request, "(xxi)", &handle, &offset, &whence);
        if (whence != SEEK_END)
            run_seek(task);
        return whence != SEEK_END;
    }
    if (task->kind != FIRN_TASK_READ)
        return FALSE;
    g_variant_get_child(task->request, 1, "t", &count);
    if (task->memory >= 0)
        return FALSE;
    count = MIN(count, FIRN_TASK_BYTES_MAX);
    buffer = g_malloc(MAX(count, 1));
    if (firn_file_read_now(task->file, buffer, count, &got, &eof))
        task->answer =
            g_variant_new("(@aytb)", firn_frames_bytes(buffer, (gsize)got), (guint64)0, eof);
    else
        g_free(buffer);
    return task->answer != NULL;
}

/* The file of the handle that every other file task begins with. */
static gboolean prepare_file(FirnTask *task)
{
    g_autoptr(GVariant) handle = task->kind == FIRN_TASK_CLOSE
                                     ? g_variant_ref(task->request)
                                     : g_variant_get_child_value(task->request, 0);

    task->handle = g_variant_get_int64(handle);
    if (task->kind == FIRN_TASK_CLOSE)
        task->file = firn_files_take(task->table->files, task->handle, &task->error);
    else
        task->file = firn_files_find(task->table->files, task->handle, &task->error);
    if (!task->file)
        return FALSE;
    if (file_now(task))
        return FALSE;
    firn_file_set_busy(task->file, TRUE);
    task->what = g_strdup(firn_file_path(task->file));
    return TRUE;
}

static gboolean prepare_trim(FirnTask *task)
{
    const char *path;

    g_variant_get_child(task->request, 0, "^&ay", &path);
    task->what = g_strdup(path);
    return TRUE;
}

static gboolean prepare_account(FirnTask *task)
{
    const char *user;

    if (task->kind == FIRN_TASK_KEYS) {
        g_variant_get_child(task->request, 1, "^&ay", &user);
        task->what = g_strdup_printf("the authorized keys of %s", user);
    } else {
        g_variant_get_child(task->request, 0, "^&ay", &user);
        task->what = g_strdup_printf("the password of %s", user);
    }
    return TRUE;
}

gboolean firn_task_prepare(FirnTask *task)
{
    switch (task->kind) {
    case FIRN_TASK_EXEC:
        return prepare_exec(task);
    case FIRN_TASK_STATUS:
        answer_status(task);
        return FALSE;
    case FIRN_TASK_OPEN:
        return prepare_open(task);
    case FIRN_TASK_FLUSH:
        answer_flush(task);
        return FALSE;
    case FIRN_TASK_CLOSE:
    case FIRN_TASK_READ:
    case FIRN_TASK_WRITE:
    case FIRN_TASK_SEEK:
        return prepare_file(task);
    case FIRN_TASK_TRIM:
        return prepare_trim(task);
    case FIRN_TASK_KEYS:
    case FIRN_TASK_PASSWORD:
        return prepare_account(task);
    case FIRN_TASK_KINDS:
        break;
    }
    g_assert_not_reached();
}

static void run_open(FirnTask *task)
{
    const char *path, *mode;

    g_variant_get(task->request, "(^&ay^&ay)", &path, &mode);
    task->file = firn_file_open(path, mode, &task->error);
}

/* Into the memory file, which has nothing but what was read. */
static void read_to_memory(FirnTask *task, gsize count)
{
    gpointer map = firn_memory_file_map(task->memory, count, &task->error);
    gboolean eof = FALSE;
    gssize got;

    if (!map)
        return;
    got = firn_file_read(task->file, map, count, &eof, &task->error);
    firn_memory_file_unmap(map, count);
    if (got >= 0)
        task->answer = g_variant_new("(@aytb)", firn_frames_bytes(NULL, 0), (guint64)got, eof);
}

static void run_read(FirnTask *task)
{
    gboolean eof = FALSE;
    guint64 count;
    guint8 *buffer;
    gssize got;

    g_variant_get_child(task->request, 1, "t", &count);
    if (task->memory >= 0) {
        read_to_memory(task, count);
        return;
    }
    count = MIN(count, FIRN_TASK_BYTES_MAX);
    buffer = g_malloc(MAX(count, 1));
    got = firn_file_read(task->file, buffer, count, &eof, &task->error);
    if (got >= 0)
        task->answer =
            g_variant_new("(@aytb)", firn_frames_bytes(buffer, (gsize)got), (guint64)0, eof);
    else
        g_free(buffer);
}

static void write_bytes(FirnTask *task, gconstpointer data, gsize length)
{
    gssize written = firn_file_write(task->file, data, length, &task->error);

    if (written >= 0)
        task->answer = g_variant_new_uint64((guint64)written);
}

static void run_write(FirnTask *task)
{
    g_autoptr(GVariant) bytes = g_variant_get_child_value(task->request, 1);
    gsize length;
    gconstpointer data = g_variant_get_fixed_array(bytes, &length, 1);
    gpointer map = NULL;

    if (task->memory < 0) {
        write_bytes(task, data, length);
        return;
    }
    length = firn_memory_file_size(task->memory);
    map = firn_memory_file_map(task->memory, length, &task->error);
    if (!map)
        return;
    write_bytes(task, map, length);
    firn_memory_file_unmap(map, length);
}

static void run_close(FirnTask *task)
{
    if (firn_file_close(g_steal_pointer(&task->file), &task->error))
        task->answer = g_variant_new_int32(0);
}

/* From the task's thread, while the main loop may ask. */
static void task_set_what(FirnTask *task, char *what)
{
    g_mutex_lock(&task->lock);
    g_free(task->what);
    task->what = what;
    g_mutex_unlock(&task->lock);
}

char *firn_task_what(FirnTask *task)
{
    char *what;

    g_mutex_lock(&task->lock);
    what = g_strdup(task->what);
    g_mutex_unlock(&task->lock);
    return what;
}

/* A program that is searched in PATH hangs on one folder of it. */
static void exec_tries(const char *path, gpointer data)
{
    task_set_what(data, g_strdup(path));
}

static void run_keys(FirnTask *task)
{
    g_autoptr(FirnUser) account = NULL;
    g_autofree const char **keys = NULL;
    g_auto(GStrv) found = NULL;
    const char *const nothing[] = {NULL};
    const char *user;
    gboolean reset;
    gint32 which;

    g_variant_get(task->request, "(i^&ay^a&ayb)", &which, &user, &keys, &reset);
    account = firn_user_find(user, &task->error);
    if (!account)
        return;
    task_set_what(task, g_build_filename(account->home, ".ssh", "authorized_keys", NULL));
    if (which == FIRN_KEYS_ADD)
        firn_authorized_keys_add(account, keys, reset, &task->error);
    else if (which == FIRN_KEYS_REMOVE)
        firn_authorized_keys_remove(account, keys, &task->error);
    else
        found = firn_authorized_keys_read(account, &task->error);
    if (!task->error)
        task->answer =
            g_variant_new_bytestring_array(found ? (const char *const *)found : nothing, -1);
}

static void run_trim(FirnTask *task)
{
    const char *path;
    guint64 minimum, trimmed;
    int fd;

    g_variant_get(task->request, "(^&ayt)", &path, &minimum);
    fd = firn_trim_open(path, &task->error);
    if (fd < 0)
        return;
    g_atomic_int_set(&task->slow, TRUE);
    if (firn_trim(fd, &minimum, &trimmed, &task->error))
        task->answer = g_variant_new("(tt)", minimum, trimmed);
}

static void run_password(FirnTask *task)
{
    g_autoptr(GVariant) bytes = g_variant_get_child_value(task->request, 1);
    const char *user;
    gboolean crypted;
    gsize length;
    char *password = (char *)copy_bytes(bytes, &length);

    g_variant_get_child(task->request, 0, "^&ay", &user);
    g_variant_get_child(task->request, 2, "b", &crypted);
    if (firn_password_set(task->table->roots, user, password, length, crypted, &task->error))
        task->answer = g_variant_new_int32(0);
    explicit_bzero(password, length);
    g_free(password);
}

void firn_task_run(FirnTask *task)
{
    static void (*const runs[FIRN_TASK_KINDS])(FirnTask *) = {
        [FIRN_TASK_OPEN] = run_open,         [FIRN_TASK_CLOSE] = run_close,
        [FIRN_TASK_READ] = run_read,         [FIRN_TASK_WRITE] = run_write,
        [FIRN_TASK_SEEK] = run_seek,         [FIRN_TASK_KEYS] = run_keys,
        [FIRN_TASK_PASSWORD] = run_password, [FIRN_TASK_TRIM] = run_trim,
    };

    if (task->kind == FIRN_TASK_EXEC)
        firn_launch_run(task->launch, exec_tries, task);
    else
        runs[task->kind](task);
}

static void finish_exec(FirnTask *task, gboolean late)
{
    FirnLaunch *launch = g_steal_pointer(&task->launch);
    pid_t pid;

    if (late) {
        firn_launch_abandon(launch);
        return;
    }
    pid = firn_processes_adopt(task->table->processes, launch, &task->error);
    if (pid > 0)
        task->answer = g_variant_new_int32(pid);
}

static void finish_open(FirnTask *task, gboolean late)
{
    FirnFile *file = g_steal_pointer(&task->file);

    if (!file)
        return;
    if (late)
        firn_file_close(file, NULL);
    else
        task->answer = g_variant_new_int64(firn_files_add(task->table->files, file));
}

void firn_task_finish(FirnTask *task, gboolean late)
{
    if (task->kind == FIRN_TASK_EXEC)
        finish_exec(task, late);
    else if (task->kind == FIRN_TASK_OPEN)
        finish_open(task, late);
    else if (task->file)
        firn_file_set_busy(task->file, FALSE);
}

FirnTask *firn_task_new(FirnTaskKind kind, GVariant *request, int memory,
                        const FirnTaskTable *table)
{
    FirnTask *task = g_new0(FirnTask, 1);

    task->kind = kind;
    task->request = g_variant_ref(request);
    task->memory = memory;
    task->table = table;
    g_mutex_init(&task->lock);
    return task;
}

void firn_task_free(FirnTask *task)
{
    if (task->answer)
        g_variant_unref(g_variant_ref_sink(task->answer));
    g_variant_unref(task->request);
    g_clear_error(&task->error);
    g_mutex_clear(&task->lock);
    if (task->memory >= 0)
        close(task->memory);
    g_free(task->what);
    g_free(task);
}
