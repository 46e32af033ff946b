/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TESTS_VM_LIB_LIBVIRT_H
#define TESTS_VM_LIB_LIBVIRT_H

#include <glib.h>

/*
 * Guests as domains of the libvirtd that tests/vm/libvirtd runs beside the test (FIRN_LIBVIRT is
 * its folder). Guests boot what tests/vm/images made (FIRN_VM) as tests/vm/domain.xml describes
 * them (FIRN_DOMAIN). Everything waits for at most three minutes and then fails the test.
 */
typedef struct TestDomain TestDomain;

typedef enum {
    TEST_DOMAIN_TINY = 0,    /* an initramfs with firn */
    TEST_DOMAIN_SYSTEMD = 1, /* Debian with firn on /dev/vda */
    TEST_DOMAIN_PEER = 2,    /* a flag: the packaged agent instead of firn */
} TestDomainKind;

/*
 * Defines and starts a guest. Disks (NULL-terminated, or NULL) come after the systemd guest's own:
 * ext4, xfs or btrfs for an overlay of that empty filesystem, or the path of a file, which the
 * guest can read. Does not wait for the agent. Free with test_domain_free(), which leaves the guest
 * as it is: it ends with libvirtd.
 */
TestDomain *test_domain_start(const char *name, TestDomainKind kind, const char *const *disks);
void test_domain_free(TestDomain *domain);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(TestDomain, test_domain_free)

const char *test_domain_name(const TestDomain *domain);
/* Defines it anew with its first disks (after snapshots changed them), and starts it. It must be
 * off. */
void test_domain_restart(TestDomain *domain);
/* Powers it off without asking the guest. */
void test_domain_destroy(TestDomain *domain);
/* The file of a disk, such as "vda"; free with g_free(). */
char *test_domain_disk(const TestDomain *domain, const char *target);
/* The host's end of a port beside the agent's: "shell" or "acks"; free with g_free(). */
char *test_domain_port(const TestDomain *domain, const char *port);

/* Waits until the agent answers a ping through libvirt, which from then on waits a minute for it.
 */
void test_domain_await_agent(TestDomain *domain);
/* Waits for a state as `virsh domstate` names it. */
void test_domain_await_state(TestDomain *domain, const char *state);

/* Runs a line of shell in the guest, which must end with status 0, over a port of its own that
 * works while filesystems are frozen. What it prints, without the last newline; free with g_free().
 */
char *test_domain_shell(TestDomain *domain, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, and the status. */
char *test_domain_try(TestDomain *domain, int *status, const char *format, ...) G_GNUC_PRINTF(3, 4);
/* Ends the connection to the shell; the next line makes a new one. QEMU serves one at a time, so a
 * fixture does this before its tests are forked. */
void test_domain_forget_shell(TestDomain *domain);

/* virsh with these arguments, which a shell reads: what it prints (errors included), without empty
 * lines at its end, and its status. Free with g_free(). */
char *test_virsh(int *status, const char *format, ...) G_GNUC_PRINTF(2, 3);
/* The same, and it must succeed. */
char *test_virsh_ok(const char *format, ...) G_GNUC_PRINTF(1, 2);
/* A line of shell on the host, the same way. */
char *test_host(int *status, const char *format, ...) G_GNUC_PRINTF(2, 3);
char *test_host_ok(const char *format, ...) G_GNUC_PRINTF(1, 2);

#endif
