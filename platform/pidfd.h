/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_PIDFD_H
#define PLATFORM_PIDFD_H

#include <glib.h>
#include <sys/types.h>

/*
 * Processes by descriptor (pidfd_open(2), Linux 5.3), which a number used again cannot confuse;
 * older kernels have none. All are plain system calls, safe after fork().
 */

/* A descriptor that polls readable once the process, with all its threads, has ended; closed on
 * exec. -1 with errno when there is no such process. */
int firn_pidfd_open(pid_t pid);

/* TRUE when it has ended, be it reaped or not. Takes as well the reading end of a pipe whose other
 * end that process alone has. */
gboolean firn_pidfd_has_ended(int pidfd);

/* TRUE when a process of that number runs now. */
gboolean firn_pid_is_running(pid_t pid);

/* TRUE when it runs and /proc/PID/comm says `name`. */
gboolean firn_pid_is_named(pid_t pid, const char *name);

/* TRUE when it is dead but for threads that the kernel cannot end yet, or for being reaped. */
gboolean firn_pid_is_zombie(pid_t pid);

/* When it started, in clock ticks since boot (proc_pid_stat(5), field 22): with its number, this
 * names a process for ever. -1 when there is no such process. */
gint64 firn_pid_start(pid_t pid);

/* TRUE when a SIGSTOP or the like has stopped it, or a tracer. */
gboolean firn_pid_is_stopped(pid_t pid);

/* TRUE when it stands in a system call that no signal ends (state D). */
gboolean firn_pid_hangs(pid_t pid);

/* TRUE when there is no process of that number that started then, or it is dead, or is as soon as
 * the system call is over that it hangs in: SIGKILL waits for it. */
gboolean firn_pid_is_doomed(pid_t pid, gint64 start);

/* Kills the process of that number if it started then, see firn_pid_start(). */
void firn_pid_kill(pid_t pid, gint64 start);

/* Sends it a signal. FALSE with errno. */
gboolean firn_pidfd_kill(int pidfd, int signal);

/* A copy of a descriptor that another process has under that number (pidfd_getfd(2), Linux 5.6); -1
 * with errno. */
int firn_pidfd_take(int pidfd, int number);

#endif
