/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/calls.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>

#define MOST 8

typedef enum {
    EFFECT = 1, /* outlasts the process, or tells another one */
    WAITS = 2,
} Kind;

typedef struct {
    long call;
    const char *name;
    int kind;
    int errnos[MOST];
} Row;

#define CALL(name) SYS_##name, #name

/* No row: a call that does not fail, or only for a mistake in the program (EINVAL, EBADF, EFAULT).
 * ENOMEM of brk(2) is no error code of the raw call. */
static const Row rows[] = {
    {CALL(read), 0, {EIO, EINTR}},
    {CALL(readv), 0, {EIO, EINTR}},
    {CALL(pread64), 0, {EIO, EINTR}},
    {CALL(write), EFFECT, {EIO, ENOSPC, EINTR, EAGAIN}},
    {CALL(writev), EFFECT, {EIO, ENOSPC, EINTR, EAGAIN}},
    {CALL(pwrite64), EFFECT, {EIO, ENOSPC, EINTR}},
    {CALL(close), 0, {EIO, EINTR}},
    {CALL(lseek), 0, {0}},
    {CALL(newfstatat), 0, {ENOMEM}},
    {CALL(fstat), 0, {ENOMEM}},
    {CALL(statx), 0, {ENOMEM}},
    {CALL(statfs), 0, {EIO, EINTR, ENOMEM}},
    {CALL(fstatfs), 0, {EIO, EINTR, ENOMEM}},
    {CALL(faccessat), 0, {EIO, ENOMEM}},
    {CALL(faccessat2), 0, {EIO, ENOMEM}},
    {CALL(readlinkat), 0, {EIO, ENOMEM}},
    {CALL(getdents64), 0, {ENOMEM}},
    {CALL(name_to_handle_at), 0, {ENOMEM}},
    {CALL(mmap), 0, {ENOMEM, EAGAIN, ENFILE}},
    {CALL(munmap), 0, {ENOMEM}},
    {CALL(mremap), 0, {ENOMEM, EAGAIN}},
    {CALL(mprotect), 0, {ENOMEM}},
    {CALL(madvise), 0, {ENOMEM, EAGAIN, EIO}},
    {CALL(msync), 0, {EBUSY, ENOMEM}},
    {CALL(mlock), 0, {ENOMEM, EAGAIN, EPERM}},
    {CALL(mlock2), 0, {ENOMEM, EAGAIN, EPERM}},
    {CALL(mlockall), 0, {ENOMEM, EAGAIN, EPERM}},
    {CALL(munlock), 0, {ENOMEM}},
    {CALL(munlockall), 0, {ENOMEM}},
    {CALL(clone), EFFECT, {EAGAIN, ENOMEM}},
    {CALL(clone3), EFFECT, {EAGAIN, ENOMEM}},
    {CALL(execve), EFFECT, {ENOMEM, EIO, EMFILE, EAGAIN}},
    {CALL(execveat), EFFECT, {ENOMEM, EIO, EMFILE, EAGAIN}},
    {CALL(wait4), EFFECT | WAITS, {EINTR}},
    {CALL(waitid), EFFECT | WAITS, {EINTR}},
    {CALL(ppoll), WAITS, {EINTR, ENOMEM}},
    {CALL(clock_nanosleep), WAITS, {EINTR}},
    {CALL(nanosleep), WAITS, {EINTR}},
    {CALL(rt_sigtimedwait), WAITS, {EINTR, EAGAIN}},
    {CALL(socket), 0, {EMFILE, ENFILE, ENOMEM, ENOBUFS}},
    {CALL(socketpair), 0, {EMFILE, ENFILE, ENOMEM}},
    {CALL(bind), EFFECT, {ENOMEM, EADDRINUSE}},
    {CALL(listen), EFFECT, {EADDRINUSE}},
    {CALL(connect), EFFECT, {EAGAIN, EINTR, ECONNREFUSED}},
    {CALL(accept4), EFFECT, {EMFILE, ENFILE, ENOMEM, EINTR, EAGAIN}},
    {CALL(sendto), EFFECT, {EAGAIN, EINTR, ENOMEM, ENOBUFS}},
    {CALL(sendmsg), EFFECT, {EAGAIN, EINTR, ENOMEM, ENOBUFS}},
    {CALL(recvfrom), EFFECT, {EINTR, ENOMEM}},
    {CALL(recvmsg), EFFECT, {EINTR, ENOMEM}},
    {CALL(pipe2), 0, {EMFILE, ENFILE}},
    {CALL(dup), 0, {EMFILE}},
    {CALL(dup3), 0, {EMFILE, EBUSY, EINTR}},
    {CALL(flock), EFFECT, {EINTR, ENOLCK}},
    {CALL(ftruncate), EFFECT, {EINTR, EIO}},
    {CALL(fallocate), EFFECT, {ENOSPC, EINTR, EIO}},
    {CALL(renameat2), EFFECT, {ENOSPC, ENOMEM, EIO}},
    {CALL(renameat), EFFECT, {ENOSPC, ENOMEM, EIO}},
    {CALL(unlinkat), EFFECT, {EIO, ENOMEM}},
    {CALL(mkdirat), EFFECT, {ENOSPC, ENOMEM}},
    {CALL(fchmod), 0, {EIO, ENOMEM}},
    {CALL(fchmodat), 0, {EIO, ENOMEM}},
    {CALL(chdir), 0, {EIO, ENOMEM}},
    {CALL(fchdir), 0, {EIO}},
    {CALL(syncfs), WAITS, {EIO, ENOSPC}},
    {CALL(fsync), 0, {EIO, ENOSPC, EINTR}},
    {CALL(kill), EFFECT, {0}},
    {CALL(pidfd_open), 0, {EMFILE, ENFILE, ENOMEM}},
    {CALL(pidfd_send_signal), EFFECT, {0}},
    {CALL(eventfd2), 0, {EMFILE, ENFILE, ENOMEM}},
    {CALL(timerfd_create), 0, {EMFILE, ENFILE, ENOMEM}},
    {CALL(memfd_create), 0, {EMFILE, ENFILE, ENOMEM}},
    {CALL(signalfd4), 0, {EMFILE, ENFILE, ENOMEM}},
    {CALL(unshare), EFFECT, {ENOMEM, ENOSPC}},
    {CALL(mount), EFFECT, {ENOMEM, EMFILE, ENXIO}},
    {CALL(umount2), EFFECT, {ENOMEM}},
    {CALL(pidfd_getfd), 0, {EMFILE, ENFILE}},
    {CALL(close_range), 0, {EMFILE, ENOMEM}},
    {CALL(getpeername), 0, {ENOBUFS}},
    {CALL(getsockopt), 0, {0}},
    {CALL(setsockopt), 0, {ENOBUFS, ENOMEM}},
    {CALL(sched_setscheduler), 0, {0}},
    {CALL(umask), 0, {0}},
    {CALL(getppid), 0, {0}},
    {CALL(getuid), 0, {0}},
    {CALL(geteuid), 0, {0}},
    {CALL(getgid), 0, {0}},
    {CALL(getegid), 0, {0}},
    {CALL(uname), 0, {0}},
    {CALL(sysinfo), 0, {0}},
    {CALL(setpgid), 0, {0}},
    {CALL(setrlimit), 0, {0}},
    {CALL(getrlimit), 0, {0}},
    {CALL(sigaltstack), 0, {ENOMEM}},
    {CALL(sched_getaffinity), 0, {0}},
    {CALL(gettid), 0, {0}},
    {CALL(tgkill), EFFECT, {EAGAIN}},
    {CALL(getrandom), 0, {EAGAIN, EINTR}},
    {CALL(prctl), 0, {0}},
    {CALL(setsid), 0, {0}},
    {CALL(exit_group), EFFECT, {0}},
    {CALL(brk), 0, {0}},
    {CALL(rt_sigprocmask), 0, {0}},
    {CALL(rt_sigaction), 0, {0}},
    {CALL(getpid), 0, {0}},
    {CALL(futex), WAITS, {EAGAIN, EINTR}},
    {CALL(prlimit64), 0, {0}},
    {CALL(set_tid_address), 0, {0}},
    {CALL(set_robust_list), 0, {0}},
#ifdef SYS_rseq
    {CALL(rseq), 0, {0}},
#endif
#ifdef SYS_poll /* architectures that have the older calls as well */
    {CALL(poll), WAITS, {EINTR, ENOMEM}},
    {CALL(open), 0, {ENOMEM, EINTR, EMFILE, ENFILE, ENOSPC}},
    {CALL(stat), 0, {ENOMEM}},
    {CALL(lstat), 0, {ENOMEM}},
    {CALL(access), 0, {EIO, ENOMEM}},
    {CALL(readlink), 0, {EIO, ENOMEM}},
    {CALL(fork), EFFECT, {EAGAIN, ENOMEM}},
    {CALL(vfork), EFFECT, {EAGAIN, ENOMEM}},
    {CALL(pipe), 0, {EMFILE, ENFILE}},
    {CALL(dup2), 0, {EMFILE, EBUSY, EINTR}},
    {CALL(rename), EFFECT, {ENOSPC, ENOMEM, EIO}},
    {CALL(unlink), EFFECT, {EIO, ENOMEM}},
    {CALL(mkdir), EFFECT, {ENOSPC, ENOMEM}},
    {CALL(chmod), 0, {EIO, ENOMEM}},
    {CALL(arch_prctl), 0, {0}},
#endif
};

static const Row freeze_row = {
    SYS_ioctl, "FIFREEZE", EFFECT, {EIO, EINTR, ENOMEM, ENOSPC, EBUSY, EOPNOTSUPP}};
static const Row thaw_row = {SYS_ioctl, "FITHAW", EFFECT, {EIO, EINTR, ENOMEM}};
static const Row ioctl_row = {SYS_ioctl, "ioctl", 0, {EIO, EINTR, ENOMEM}};
static const Row dup_row = {SYS_fcntl, "fcntl(dup)", 0, {EMFILE}};
static const Row fcntl_row = {SYS_fcntl, "fcntl", 0, {0}};
static const Row create_row = {
    SYS_openat, "openat(O_CREAT)", EFFECT, {ENOMEM, EINTR, EMFILE, ENFILE, ENOSPC}};
static const Row plain_open_row = {SYS_openat, "openat", 0, {ENOMEM, EINTR, EMFILE, ENFILE}};

static const Row *call_row(guint64 call, const guint64 args[6])
{
    if (call == SYS_ioctl)
        return args[1] == FIFREEZE ? &freeze_row : args[1] == FITHAW ? &thaw_row : &ioctl_row;
    if (call == SYS_fcntl)
        return args[1] == F_DUPFD || args[1] == F_DUPFD_CLOEXEC ? &dup_row : &fcntl_row;
    if (call == SYS_openat)
        return args[2] & O_CREAT ? &create_row : &plain_open_row;
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        if ((guint64)rows[i].call == call)
            return &rows[i];
    }
    return NULL;
}

char *test_call_name(guint64 call, const guint64 args[6])
{
    const Row *row = call_row(call, args);

    return row ? g_strdup(row->name) : g_strdup_printf("call %u", (guint)call);
}

const int *test_call_errnos(guint64 call, const guint64 args[6])
{
    static const int none[1];
    const Row *row = call_row(call, args);

    return row ? row->errnos : none;
}

gboolean test_call_has_effect(guint64 call, const guint64 args[6])
{
    const Row *row = call_row(call, args);

    return row && (row->kind & EFFECT);
}

gboolean test_call_waits(guint64 call)
{
    static const guint64 args[6];
    const Row *row = call_row(call, args);

    return row && (row->kind & WAITS);
}
