/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef PLATFORM_CPU_TIMES_H
#define PLATFORM_CPU_TIMES_H

#include "platform/roots.h"

/* The columns of a CPU's line of proc_stat(5), in its order. */
enum {
    FIRN_CPU_USER,
    FIRN_CPU_NICE,
    FIRN_CPU_SYSTEM,
    FIRN_CPU_IDLE,
    FIRN_CPU_IOWAIT,
    FIRN_CPU_IRQ,
    FIRN_CPU_SOFTIRQ,
    FIRN_CPU_STEAL,
    FIRN_CPU_GUEST,
    FIRN_CPU_GUEST_NICE,
    FIRN_CPU_COLUMNS,
};

typedef struct {
    guint cpu;
    guint columns;                /* how many this kernel has, at least up to idle */
    guint64 ms[FIRN_CPU_COLUMNS]; /* milliseconds since the start */
} FirnCpuTimes;

/*
 * One FirnCpuTimes for each CPU that is online. ticks: how many of the file's units a second has,
 * 0 for what sysconf(_SC_CLK_TCK) says. Free with g_array_unref().
 */
GArray *firn_cpu_times_read(const FirnRoots *roots, guint ticks, GError **error);

#endif
