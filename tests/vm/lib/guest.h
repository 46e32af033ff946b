/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_VM_LIB_GUEST_H
#define TESTS_VM_LIB_GUEST_H

#include "tests/lib/client.h"

/*
 * A real guest under QEMU (emulated, no KVM), made of the images in the folder $FIRN_VM (see
 * tests/vm/images). It dies with the process that started it. Everything waits with a bound and
 * then fails the test, with the end of the guest's console printed.
 *
 * One guest may serve a whole program: boot it in an unchecked fixture, and let each test, which
 * runs in a process of its own, begin with test_guest_settle().
 */
typedef struct TestGuest TestGuest;

typedef struct {
    const char *kernel; /* "cloud" (NULL) or "full" */
    gboolean bzimage;   /* vmlinuz instead of vmlinux: slower, but it can be suspended */
    gboolean systemd;   /* the Debian system, disk vda being systemd.img; else the tiny guest */
    gboolean peer;      /* with the packaged qemu-ga instead of firn; the cloud kernel only */
    guint memory;       /* MiB; 0: 512, of a systemd guest 1024 */
    guint cpus;         /* 0: 1, of a systemd guest 2 */
    /* Further disks, ends with NULL: names in $FIRN_VM or absolute paths, *.qcow2 or raw. What the
     * guest writes is lost, but for disks in files of the test's own, which are absolute paths. The
     * tiny guest mounts ext4.img, xfs.img and btrfs.img on /mnt/ext4, /mnt/xfs and /mnt/btrfs, in
     * the order of the list. */
    const char *const *disks;
    const char *agent;  /* tiny guest: the agent's options, with commas between; "none": no agent is
                         * started; NULL: virtio-serial */
    const char *append; /* for the kernel's command line */
    const char *const *extra; /* for QEMU's, ends with NULL; '@' stands for the guest's folder */
    gboolean no_agent_port;   /* QEMU gives the guest none */
    gboolean may_reboot;      /* else QEMU ends when the guest reboots or panics */
} TestGuestOptions;

/* Starts QEMU and waits for nothing. NULL stands for no options. Free with test_guest_free(). */
TestGuest *test_guest_start(const TestGuestOptions *options);
/* The same, and waits for the control shell and, where one is started on its port, the agent. */
TestGuest *test_guest_boot(const TestGuestOptions *options);
/* Kills QEMU and removes the guest's folder. */
void test_guest_free(TestGuest *guest);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestGuest, test_guest_free)

/* Of the guest: agent answers, shell answers, nothing is frozen. A guest in which that cannot be
 * had any more (a test before this one broke it) is started again, for the calling process alone.
 */
void test_guest_settle(TestGuest *guest);

/* A file in the folder $FIRN_VM, and one in the guest's own folder: sockets "agent", "shell",
 * "qmp", files "console", "output" (QEMU's). Free with g_free(). */
char *test_guest_image(const char *name);
char *test_guest_path(const TestGuest *guest, const char *name);
int test_guest_pid(const TestGuest *guest);
/* All that was written to the serial console so far; free with g_free(). */
char *test_guest_console(const TestGuest *guest);
/* Fails the test when QEMU has ended, or a minute is over since `since`, g_get_monotonic_time();
 * for loops that wait for something. Else sleeps a moment. */
void test_guest_wait(TestGuest *guest, gint64 since, const char *what);
/* Waits until QEMU has ended by itself. */
void test_guest_await_end(TestGuest *guest);

/* A new connection to the agent's port, on which a guest-sync-delimited has been answered, within
 * three minutes: also the wait for a guest that boots. Free with test_client_free(). */
TestClient *test_guest_agent(TestGuest *guest);
/* The same through a socket in the guest's folder. */
TestClient *test_guest_agent_at(TestGuest *guest, const char *socket);

/* Runs a printf-formatted line of shell as the guest's root. Returns its status; `output`, which
 * may be NULL, is what it wrote to stdout and stderr, without the last newline; free with g_free().
 * The shell is one process for all calls, and keeps working while everything is frozen. */
int test_guest_run(TestGuest *guest, char **output, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* The same, and status 0 is a must. Returns the output; free with g_free(). */
char *test_guest_shell(TestGuest *guest, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* Has the shell run what ends it, such as a reboot, and does not wait: the next call of these here
 * waits for a new shell. What the old one could still answer must be kept from it: "...; sleep
 * 600". */
void test_guest_leave(TestGuest *guest, const char *command);
/* Runs it again and again until its status is 0, for up to a minute. */
void test_guest_await(TestGuest *guest, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Takes the agent's port out of the running machine, and puts it back. The guest may take note
 * later.
 */
void test_guest_unplug_agent(TestGuest *guest);
void test_guest_plug_agent(TestGuest *guest);

/* Runs a command of QEMU's monitor, {"execute":...}, and returns its return; an error fails the
 * test. Free with json_node_unref(). */
JsonNode *test_guest_qmp(TestGuest *guest, const char *command);

#endif
