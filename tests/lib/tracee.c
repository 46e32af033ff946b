/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/tracee.h"

#include <check.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK_NS (5 * 1000 * 1000)
#define OPTIONS                                                                                    \
    (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |      \
     PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct TestTracees {
    TestTraceesEvents events;
    gpointer data;
    GHashTable *all; /* by thread: TestTracee */
};

/* --- registers: the only part that knows the architecture ---------------------------------------
 */

#ifdef __x86_64__
/* At the entry: no call is made. */
static void tracee_cancel_call(pid_t tid)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0)
        return;
    registers.orig_rax = (unsigned long long)-1;
    ptrace(PTRACE_SETREGS, tid, NULL, &registers);
}

/* At the exit. */
static void tracee_set_result(pid_t tid, gint64 result)
{
    struct user_regs_struct registers;

    if (ptrace(PTRACE_GETREGS, tid, NULL, &registers) != 0)
        return;
    registers.rax = (unsigned long long)result;
    ptrace(PTRACE_SETREGS, tid, NULL, &registers);
}
#define HAS_REGISTERS 1
#else
static void tracee_cancel_call(pid_t tid)
{
    (void)tid;
}

static void tracee_set_result(pid_t tid, gint64 result)
{
    (void)tid;
    (void)result;
}
#define HAS_REGISTERS 0
#endif

/* --- the table ----------------------------------------------------------------------------------
 */

static void tracee_free(gpointer data)
{
    TestTracee *tracee = data;

    g_free(tracee->of_test);
    g_free(tracee);
}

TestTracees *test_tracees_new(const TestTraceesEvents *events, gpointer data)
{
    TestTracees *tracees;
    sigset_t child;

    if (!HAS_REGISTERS)
        return NULL;
    tracees = g_new0(TestTracees, 1);
    tracees->events = *events;
    tracees->data = data;
    tracees->all = g_hash_table_new_full(NULL, NULL, NULL, tracee_free);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return tracees;
}

TestTracee *test_tracees_find(TestTracees *tracees, pid_t tid)
{
    return g_hash_table_lookup(tracees->all, GINT_TO_POINTER(tid));
}

GList *test_tracees_list(TestTracees *tracees)
{
    return g_hash_table_get_values(tracees->all);
}

static TestTracee *tracees_add(TestTracees *tracees, pid_t tid, pid_t pid, guint role)
{
    TestTracee *tracee = g_new0(TestTracee, 1);

    tracee->tid = tid;
    tracee->pid = pid;
    tracee->role = role;
    g_hash_table_insert(tracees->all, GINT_TO_POINTER(tid), tracee);
    return tracee;
}

static pid_t status_number(const char *status, const char *field)
{
    const char *at = strstr(status, field);

    return at ? (pid_t)g_ascii_strtoll(at + strlen(field), NULL, 10) : 0;
}

/* A child's first stop comes before or after its parent's event, so /proc tells whose it is. */
static TestTracee *tracees_adopt(TestTracees *tracees, pid_t tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/status", tid);
    g_autofree char *status = NULL;
    TestTracee *tracee, *parent;
    pid_t pid;

    g_file_get_contents(path, &status, NULL, NULL);
    pid = status ? status_number(status, "\nTgid:") : tid;
    parent =
        test_tracees_find(tracees, pid != tid || !status ? pid : status_number(status, "\nPPid:"));
    tracee = tracees_add(tracees, tid, pid, parent ? parent->role : 0);
    tracee->watched = parent ? parent->watched : TRUE;
    tracee->stack = parent ? parent->stack : 0;
    if (tracees->events.born)
        tracees->events.born(tracee, parent, tracees->data);
    return tracee;
}

/* --- stops --------------------------------------------------------------------------------------
 */

static void tracee_resume(const TestTracee *tracee, int signal)
{
    ptrace(tracee->watched ? PTRACE_SYSCALL : PTRACE_CONT, tracee->tid, NULL,
           (void *)(gintptr)signal);
}

void test_tracees_release(TestTracees *tracees, TestTracee *tracee)
{
    (void)tracees;
    if (tracee->held)
        tracee_resume(tracee, 0);
    tracee->held = FALSE;
}

void test_tracees_fail_with(TestTracee *tracee, int error)
{
    tracee->injected = error;
}

static void tracees_enter(TestTracees *tracees, TestTracee *tracee)
{
    TestCallNext next = TEST_CALL_GO;

    tracee->inside = TRUE;
    tracee->injected = 0;
    tracee->repeated = tracee->last_call == tracee->call &&
                               !memcmp(tracee->last_args, tracee->args, sizeof(tracee->args))
                           ? tracee->repeated + 1
                           : 0;
    if (tracees->events.enter)
        next = tracees->events.enter(tracee, tracees->data);
    if (next == TEST_CALL_FAIL)
        tracee_cancel_call(tracee->tid);
    else
        tracee->injected = 0;
    tracee->held = next == TEST_CALL_HOLD;
}

static void tracees_leave(TestTracees *tracees, TestTracee *tracee, gint64 result)
{
    tracee->inside = FALSE;
    tracee->result = tracee->injected ? -tracee->injected : result;
    if (tracee->injected)
        tracee_set_result(tracee->tid, tracee->result);
    if (tracees->events.leave)
        tracees->events.leave(tracee, tracees->data);
    tracee->last_call = tracee->call;
    memcpy(tracee->last_args, tracee->args, sizeof(tracee->args));
}

static void tracees_call(TestTracees *tracees, TestTracee *tracee)
{
    struct __ptrace_syscall_info info = {0};

    if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->tid, (void *)sizeof(info), &info) <= 0)
        return;
    if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        tracee->call = info.entry.nr;
        if (!tracee->stack)
            tracee->stack = info.stack_pointer;
        tracee->place[0] = info.instruction_pointer & 0xfff;
        tracee->place[1] = tracee->stack - info.stack_pointer;
        for (int i = 0; i < 6; i++)
            tracee->args[i] = info.entry.args[i];
        tracees_enter(tracees, tracee);
    } else if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->inside) {
        tracees_leave(tracees, tracee, info.exit.rval);
    }
}

/* TRUE: it is let go. */
static gboolean tracees_exec(TestTracees *tracees, TestTracee *tracee)
{
    if (!tracees->events.execed || tracees->events.execed(tracee, tracees->data))
        return FALSE;
    ptrace(PTRACE_DETACH, tracee->tid, NULL, NULL);
    g_hash_table_remove(tracees->all, GINT_TO_POINTER(tracee->tid));
    return TRUE;
}

static gboolean is_stop_signal(int signal)
{
    return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

static void tracees_stop(TestTracees *tracees, TestTracee *tracee, int status)
{
    int event = (unsigned)status >> 16, signal = WSTOPSIG(status);

    tracee->stopped = FALSE;
    if (signal == (SIGTRAP | 0x80)) {
        tracees_call(tracees, tracee);
        if (!tracee->held)
            tracee_resume(tracee, 0);
    } else if (event == PTRACE_EVENT_STOP && is_stop_signal(signal)) {
        tracee->stopped = TRUE;
        ptrace(PTRACE_LISTEN, tracee->tid, NULL, NULL);
    } else if (event == PTRACE_EVENT_EXEC) {
        tracee->stack = 0;
        if (!tracees_exec(tracees, tracee))
            tracee_resume(tracee, 0);
    } else {
        tracee_resume(tracee, event ? 0 : signal);
    }
}

static void tracees_event(TestTracees *tracees, pid_t tid, int status)
{
    TestTracee *tracee = test_tracees_find(tracees, tid);

    if (WIFSTOPPED(status)) {
        if (!tracee)
            tracee = tracees_adopt(tracees, tid);
        tracees_stop(tracees, tracee, status);
        return;
    }
    if (!tracee)
        return; /* an orphan that was let go, or the test's own child */
    if (tracees->events.died)
        tracees->events.died(tracee, status, tracees->data);
    g_hash_table_remove(tracees->all, GINT_TO_POINTER(tid));
}

gboolean test_tracees_run(TestTracees *tracees, gint64 until, gboolean (*over)(gpointer data))
{
    const struct timespec tick = {.tv_nsec = TICK_NS};
    sigset_t child;

    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    for (;;) {
        int status = 0;
        pid_t tid = waitpid(-1, &status, WNOHANG | __WALL);

        if (tid > 0) {
            tracees_event(tracees, tid, status);
            continue;
        }
        if (over(tracees->data))
            return TRUE;
        if (g_get_monotonic_time() >= until)
            return FALSE;
        sigtimedwait(&child, NULL, &tick);
    }
}

/* --- beginning and end --------------------------------------------------------------------------
 */

static void tracee_become(const char *const *argv, const char *output, int gate)
{
    int out = open(output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    sigset_t none;
    char byte;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (read(gate, &byte, 1) == 1)
        execvp(argv[0], (char *const *)(guintptr)argv);
    _exit(127);
}

pid_t test_tracees_spawn(TestTracees *tracees, const char *const *argv, const char *output,
                         guint role)
{
    int gate[2];
    pid_t pid;

    ck_assert_int_eq(pipe2(gate, O_CLOEXEC), 0);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        tracee_become(argv, output, gate[0]);
    ck_assert_msg(ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) == 0, "cannot trace %d: %s", pid,
                  g_strerror(errno));
    tracees_add(tracees, pid, pid, role);
    ck_assert_int_eq(write(gate[1], "x", 1), 1);
    close(gate[0]);
    close(gate[1]);
    return pid;
}

static gboolean tracees_are_gone(gpointer data)
{
    (void)data;
    return FALSE;
}

void test_tracees_free(TestTracees *tracees)
{
    gint64 end = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

    if (!tracees)
        return;
    while (g_hash_table_size(tracees->all) > 0 && g_get_monotonic_time() < end) {
        GList *list = test_tracees_list(tracees);

        for (GList *at = list; at; at = at->next)
            kill(((TestTracee *)at->data)->pid, SIGKILL);
        g_list_free(list);
        test_tracees_run(tracees, g_get_monotonic_time() + 5000, tracees_are_gone);
    }
    g_hash_table_unref(tracees->all);
    g_free(tracees);
}
