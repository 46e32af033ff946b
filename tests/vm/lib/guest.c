/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/lib/guest.h"
#include "tests/vm/lib/command-line.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MINUTE_US (60 * G_USEC_PER_SEC)
#define BOOT_US (3 * MINUTE_US)
#define TICK_US 20000
#define CONSOLE_TAIL 4000
/* Check takes no longer ones, and ends the test without any. */
#define MESSAGE_MAX 4000
/* How long a lost sync is waited for before the next one is sent. */
#define SYNC_MS 1000

/* A stream of lines to a socket of QEMU's, for one process. */
typedef struct {
    int fd; /* -1: none */
    pid_t owner;
    GString *input;
} Port;

struct TestGuest {
    const TestGuestOptions *options;
    char *folder;
    pid_t pid; /* 0 when it has ended */
    Port shell;
    guint runs;
};

static const TestGuestOptions defaults;

char *test_guest_path(const TestGuest *guest, const char *name)
{
    return g_build_filename(guest->folder, name, NULL);
}

int test_guest_pid(const TestGuest *guest)
{
    return (int)guest->pid;
}

static char *read_file(const TestGuest *guest, const char *name)
{
    g_autofree char *path = test_guest_path(guest, name);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text ? text : g_strdup("");
}

char *test_guest_console(const TestGuest *guest)
{
    return read_file(guest, "console");
}

/* --- failing and waiting ---------------------------------------------------------------------- */

static void explain(gpointer data)
{
    const TestGuest *guest = data;
    g_autofree char *console = test_guest_console(guest);
    g_autofree char *output = read_file(guest, "output");
    gsize length = strlen(console);

    fprintf(stderr, "--- the guest's console%s\n%s\n%s---\n", *output ? ", and QEMU" : "",
            console + (length > CONSOLE_TAIL ? length - CONSOLE_TAIL : 0), output);
    fflush(stderr);
}

static void give_up(TestGuest *guest, const char *format, ...) G_GNUC_PRINTF(2, 3) G_GNUC_NORETURN;

static void give_up(TestGuest *guest, const char *format, ...)
{
    g_autofree char *text = NULL;
    va_list args;

    va_start(args, format);
    text = g_strdup_vprintf(format, args);
    va_end(args);
    explain(guest);
    ck_abort_msg("%.*s", MESSAGE_MAX, text);
    abort(); /* for the compiler: the line above does not return */
}

/* QEMU may be the child of the process that this one was forked from. */
static gboolean is_running(TestGuest *guest)
{
    char state = 'X';
    g_autofree char *path = g_strdup_printf("/proc/%d/stat", (int)guest->pid);
    g_autofree char *text = NULL;

    if (guest->pid > 0 && g_file_get_contents(path, &text, NULL, NULL) && strrchr(text, ')'))
        sscanf(strrchr(text, ')'), ") %c", &state);
    return state != 'X' && state != 'Z';
}

static void wait_until(TestGuest *guest, gint64 end, const char *what)
{
    if (!is_running(guest))
        give_up(guest, "QEMU has ended, while waiting for %s", what);
    if (g_get_monotonic_time() > end)
        give_up(guest, "time is up, while waiting for %s", what);
    g_usleep(TICK_US);
}

void test_guest_wait(TestGuest *guest, gint64 since, const char *what)
{
    wait_until(guest, since + MINUTE_US, what);
}

void test_guest_await_end(TestGuest *guest)
{
    gint64 end = g_get_monotonic_time() + MINUTE_US;

    while (is_running(guest)) {
        if (g_get_monotonic_time() > end)
            give_up(guest, "QEMU does not end");
        g_usleep(TICK_US);
    }
}

/* --- its life -----------------------------------------------------------------------------------
 */

static void become(char **argv, const char *log, pid_t parent)
{
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    int in = open("/dev/null", O_RDONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(127);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execvp(argv[0], argv);
    fprintf(stderr, "%s: %s\n", argv[0], g_strerror(errno));
    _exit(127);
}

static void launch(TestGuest *guest)
{
    g_autoptr(GPtrArray) argv = test_guest_command_line(guest->options, guest->folder);
    g_autofree char *log = test_guest_path(guest, "output");
    pid_t parent = getpid();

    guest->pid = fork();
    ck_assert_int_ge(guest->pid, 0);
    if (guest->pid == 0)
        become((char **)argv->pdata, log, parent);
}

TestGuest *test_guest_start(const TestGuestOptions *options)
{
    TestGuest *guest = g_new0(TestGuest, 1);

    guest->options = options ? options : &defaults;
    guest->folder = g_dir_make_tmp("firn-vm-XXXXXX", NULL);
    guest->shell.fd = -1;
    ck_assert_ptr_nonnull(guest->folder);
    launch(guest);
    return guest;
}

static void close_port(Port *port)
{
    if (port->fd >= 0)
        close(port->fd);
    if (port->input)
        g_string_free(port->input, TRUE);
    port->input = NULL;
    port->fd = -1;
}

static gboolean has_agent(const TestGuest *guest)
{
    return !guest->options->no_agent_port && g_strcmp0(guest->options->agent, "none") != 0;
}

TestGuest *test_guest_boot(const TestGuestOptions *options)
{
    TestGuest *guest = test_guest_start(options);
    g_autofree char *output = NULL;

    if (has_agent(guest)) {
        G_GNUC_UNUSED g_autoptr(TestClient) client = test_guest_agent(guest);
    }
    output = test_guest_shell(guest, "true");
    return guest;
}

static void end(TestGuest *guest)
{
    close_port(&guest->shell);
    if (guest->pid > 0 && kill(guest->pid, SIGKILL) == 0)
        waitpid(guest->pid, NULL, 0);
    guest->pid = 0;
}

void test_guest_free(TestGuest *guest)
{
    g_autoptr(GDir) dir = NULL;
    const char *name;

    if (!guest)
        return;
    end(guest);
    dir = g_dir_open(guest->folder, 0, NULL);
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = test_guest_path(guest, name);

        g_unlink(path);
    }
    g_rmdir(guest->folder);
    g_free(guest->folder);
    g_free(guest);
}

/* --- the control shell
 * ---------------------------------------------------------------------------- */

static int connect_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path));
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void open_port(TestGuest *guest, Port *port, const char *name, gint64 end)
{
    g_autofree char *path = test_guest_path(guest, name);

    if (port->fd >= 0)
        return;
    while ((port->fd = connect_socket(path)) < 0)
        wait_until(guest, end, "QEMU's sockets");
    port->input = g_string_new(NULL);
}

static void send_text(TestGuest *guest, Port *port, const char *text)
{
    gsize left = strlen(text);

    while (left > 0) {
        ssize_t n = send(port->fd, text, left, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            give_up(guest, "QEMU takes no more: %s", g_strerror(errno));
        text += n;
        left -= (gsize)n;
    }
}

/* The next line, without its '\n', or NULL when `end` or, sooner, so many milliseconds are over. */
static char *read_line(TestGuest *guest, Port *port, gint64 end, int milliseconds)
{
    gint64 soon = g_get_monotonic_time() + milliseconds * 1000LL;

    for (;;) {
        char *newline = strchr(port->input->str, '\n');
        struct pollfd entry = {.fd = port->fd, .events = POLLIN};
        char chunk[4096];
        ssize_t n;

        if (newline) {
            char *line = g_strndup(port->input->str, (gsize)(newline - port->input->str));

            g_string_erase(port->input, 0, newline - port->input->str + 1);
            return line;
        }
        if (g_get_monotonic_time() > MIN(end, soon))
            return NULL;
        if (poll(&entry, 1, 50) <= 0)
            continue;
        n = read(port->fd, chunk, sizeof(chunk));
        if (n == 0 || (n < 0 && errno != EINTR))
            give_up(guest, "QEMU has closed a socket");
        for (ssize_t i = 0; i < n; i++)
            g_string_append_c(port->input, chunk[i] ? chunk[i] : '?');
    }
}

/* Unlike any other of this guest's, in this process or another. */
static char *new_mark(TestGuest *guest)
{
    return g_strdup_printf("=%d.%u=", (int)getpid(), ++guest->runs);
}

/* A shell that was just started may have lost what was sent before: it is asked until it answers.
 */
static gboolean sync_shell(TestGuest *guest, gint64 end)
{
    Port *port = &guest->shell;

    open_port(guest, port, "shell", end);
    for (;;) {
        g_autofree char *mark = new_mark(guest);
        g_autofree char *text = g_strdup_printf("\necho %s\n", mark);
        g_autofree char *line = NULL;

        if (g_get_monotonic_time() > end || !is_running(guest))
            return FALSE;
        send_text(guest, port, text);
        while ((line = read_line(guest, port, end, SYNC_MS))) {
            gboolean found = g_str_has_suffix(line, mark);

            if (found)
                return TRUE;
            g_clear_pointer(&line, g_free);
        }
    }
}

static int run(TestGuest *guest, char **output, const char *command)
{
    gint64 end = g_get_monotonic_time() + BOOT_US;
    g_autofree char *mark = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GString) lines = g_string_new(NULL);

    if (guest->shell.owner != getpid() && !sync_shell(guest, end))
        give_up(guest, "the guest's shell does not answer");
    guest->shell.owner = getpid();
    mark = new_mark(guest);
    text = g_strdup_printf("{ %s\n} 2>&1 </dev/null; echo \"%s$?\"\n", command, mark);
    send_text(guest, &guest->shell, text);
    end = g_get_monotonic_time() + 2 * MINUTE_US;
    for (;;) {
        g_autofree char *line = read_line(guest, &guest->shell, end, (int)(MINUTE_US / 500));
        char *at;

        if (!line)
            give_up(guest, "'%s' does not end; so far: %s", command, lines->str);
        at = strstr(line, mark);
        if (at) {
            g_string_append_len(lines, line, at - line);
            if (at == line && lines->len > 0)
                g_string_truncate(lines, lines->len - 1);
            if (output)
                *output = g_strdup(lines->str);
            return atoi(at + strlen(mark));
        }
        g_string_append_printf(lines, "%s\n", line);
    }
}

int test_guest_run(TestGuest *guest, char **output, const char *format, ...)
{
    g_autofree char *command = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    return run(guest, output, command);
}

char *test_guest_shell(TestGuest *guest, const char *format, ...)
{
    g_autofree char *command = NULL;
    char *output = NULL;
    int status;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    status = run(guest, &output, command);
    if (status != 0)
        give_up(guest, "'%s' ended with %d: %s", command, status, output);
    return output;
}

void test_guest_leave(TestGuest *guest, const char *command)
{
    G_GNUC_UNUSED g_autofree char *ready = test_guest_shell(guest, "true");

    send_text(guest, &guest->shell, command);
    send_text(guest, &guest->shell, "\n");
    guest->shell.owner = 0;
}

void test_guest_await(TestGuest *guest, const char *format, ...)
{
    gint64 since = g_get_monotonic_time();
    g_autofree char *command = NULL;
    va_list args;

    va_start(args, format);
    command = g_strdup_vprintf(format, args);
    va_end(args);
    while (run(guest, NULL, command) != 0)
        test_guest_wait(guest, since, command);
}

/* --- the agent
 * ------------------------------------------------------------------------------------ */

/* Sends guest-sync-delimited with this number until its answer comes. FALSE when it does not by
 * then. */
static gboolean sync_agent(TestGuest *guest, Port *port, gint64 end)
{
    for (;;) {
        int number = g_random_int_range(1, G_MAXINT32);
        g_autofree char *text = g_strdup_printf(
            "\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":%d}}\n", number);
        g_autofree char *answer = g_strdup_printf("{\"return\": %d}", number);
        g_autofree char *line = NULL;

        if (g_get_monotonic_time() > end || !is_running(guest))
            return FALSE;
        send_text(guest, port, text);
        while ((line = read_line(guest, port, end, SYNC_MS))) {
            gboolean found = g_str_has_suffix(line, answer);

            g_clear_pointer(&line, g_free);
            if (found)
                return TRUE;
        }
    }
}

static TestClient *connect_agent(TestGuest *guest, const char *socket, gint64 end)
{
    Port port = {.fd = -1};
    TestClient *client;

    open_port(guest, &port, socket, end);
    if (!sync_agent(guest, &port, end)) {
        close_port(&port);
        return NULL;
    }
    client = test_client_new(port.fd);
    test_client_explain(client, explain, guest);
    port.fd = -1;
    close_port(&port);
    return client;
}

TestClient *test_guest_agent_at(TestGuest *guest, const char *socket)
{
    TestClient *client = connect_agent(guest, socket, g_get_monotonic_time() + BOOT_US);

    if (!client)
        give_up(guest, "the agent does not answer");
    return client;
}

TestClient *test_guest_agent(TestGuest *guest)
{
    return test_guest_agent_at(guest, "agent");
}

/* --- QEMU's monitor -----------------------------------------------------------------------------
 */

JsonNode *test_guest_qmp(TestGuest *guest, const char *command)
{
    g_autofree char *path = test_guest_path(guest, "qmp");
    g_autoptr(TestClient) client = NULL;
    g_autofree char *greeting = NULL;
    g_autoptr(JsonNode) ready = NULL;
    g_autofree char *line = NULL;

    if (!is_running(guest))
        give_up(guest, "QEMU has ended before '%s'", command);
    client = test_client_connect(path);
    test_client_explain(client, explain, guest);
    greeting = test_client_line(client);
    ready = test_client_value(client, "{\"execute\":\"qmp_capabilities\"}\n");
    test_client_send(client, command);
    test_client_send(client, "\n");
    while ((line = test_client_line(client)) && strstr(line, "\"event\": ")) /* between */
        g_clear_pointer(&line, g_free);
    return test_reply_value(line);
}

#define PLUG                                                                                       \
    "{\"execute\":\"device_add\",\"arguments\":{\"driver\":\"virtserialport\",\"bus\":"            \
    "\"serial.0\",\"chardev\":\"agent\",\"id\":\"port-agent\",\"name\":"                           \
    "\"org.qemu.guest_agent.0\"}}"
#define UNPLUG "{\"execute\":\"device_del\",\"arguments\":{\"id\":\"port-agent\"}}"
#define DEVICES "{\"execute\":\"qom-list\",\"arguments\":{\"path\":\"/machine/peripheral\"}}"

static gboolean is_plugged(TestGuest *guest)
{
    g_autoptr(JsonNode) devices = test_guest_qmp(guest, DEVICES);
    g_autofree char *text = json_to_string(devices, FALSE);

    return strstr(text, "port-agent") != NULL;
}

/* QEMU forgets the port some time after it said so, and only then it can be plugged again. */
void test_guest_unplug_agent(TestGuest *guest)
{
    G_GNUC_UNUSED g_autoptr(JsonNode) done = test_guest_qmp(guest, UNPLUG);
    gint64 since = g_get_monotonic_time();

    while (is_plugged(guest))
        test_guest_wait(guest, since, "the port to be unplugged");
}

void test_guest_plug_agent(TestGuest *guest)
{
    G_GNUC_UNUSED g_autoptr(JsonNode) done = test_guest_qmp(guest, PLUG);
}

/* --- between tests ------------------------------------------------------------------------------
 */

/* What does not work any more; NULL: nothing. */
static const char *find_fault(TestGuest *guest)
{
    static const char thaw[] =
        "awk '$1 ~ \"^/dev/\" { print $2 }' /proc/mounts | while read -r place; do "
        "fsfreeze -u \"$place\" 2>/dev/null; done; true";
    gint64 end = g_get_monotonic_time() + MINUTE_US / 2;
    g_autoptr(TestClient) client = NULL;

    if (!is_running(guest))
        return "QEMU has ended";
    if (!sync_shell(guest, end))
        return "the shell does not answer";
    guest->shell.owner = getpid();
    run(guest, NULL, thaw);
    if (!has_agent(guest))
        return NULL;
    client = connect_agent(guest, "agent", g_get_monotonic_time() + MINUTE_US / 2);
    if (client) {
        G_GNUC_UNUSED g_autoptr(JsonNode) thawed =
            test_client_ask(client, "{\"execute\":\"guest-fsfreeze-thaw\"}\n");
    }
    return client ? NULL : "the agent does not answer";
}

void test_guest_settle(TestGuest *guest)
{
    const char *fault = find_fault(guest);
    g_autofree char *output = NULL;

    if (!fault)
        return;
    fprintf(stderr, "%s: the guest is started again\n", fault);
    explain(guest);
    close_port(&guest->shell);
    kill(guest->pid, SIGKILL);
    while (is_running(guest))
        g_usleep(TICK_US);
    guest->shell.owner = 0;
    launch(guest);
    if (has_agent(guest)) {
        G_GNUC_UNUSED g_autoptr(TestClient) client = test_guest_agent(guest);
    }
    output = test_guest_shell(guest, "true");
}
