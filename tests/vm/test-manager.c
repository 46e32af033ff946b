/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libvirtd ends, or is killed, while a guest of its is frozen: the one after it finds it so, and
 * can thaw it. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/libvirt.h"

#include <string.h>

#define STATUS "qemu-agent-command guest '{\"execute\":\"guest-fsfreeze-status\"}'"
#define LIBVIRTD "\"$FIRN_LIBVIRT/libvirtd.pid\""

static const char *const disks[] = {"ext4", "xfs", "btrfs", NULL};
static TestDomain *domain;

static void boot(void)
{
    domain = test_domain_start("guest", TEST_DOMAIN_TINY, disks);
    test_domain_await_agent(domain);
    g_free(test_domain_shell(domain,
                             "for e in ext4:vda xfs:vdb btrfs:vdc; do mkdir -p /mnt/${e%%:*};"
                             " mount -t ${e%%:*} /dev/${e#*:} /mnt/${e%%:*}; done"));
    test_domain_forget_shell(domain);
}

static void finish(void)
{
    test_domain_destroy(domain);
    test_domain_free(domain);
}

static void assert_virsh(const char *command, const char *expected)
{
    g_autofree char *said = test_virsh_ok("%s", command);

    ck_assert_msg(strstr(said, expected) != NULL, "%s says '%s', not '%s'", command, said,
                  expected);
}

/* Ends libvirtd and starts it again as tests/vm/libvirtd does. QEMU goes on meanwhile. */
static void restart_libvirtd(const char *signal)
{
    g_free(test_host_ok("pid=$(cat " LIBVIRTD ") && kill -%s $pid && timeout 60 tail --pid=$pid -f "
                        "/dev/null",
                        signal));
    g_free(
        test_host_ok("LIBVIRT_DRIVER_DIR=\"$FIRN_LIBVIRT/drivers\" setsid libvirtd -f "
                     "\"$FIRN_LIBVIRT/libvirtd.conf\" -p " LIBVIRTD
                     " </dev/null >>\"$FIRN_LIBVIRT/libvirtd.out\" 2>&1 & timeout 60 sh -c 'until "
                     "virsh version; do sleep 0.1; done' >/dev/null 2>&1"));
}

static const char *const signals[] = {"TERM", "KILL"};

START_TEST(test_restarted_while_frozen)
{
    assert_virsh("domfsfreeze guest", "Froze 3 filesystem(s)");
    restart_libvirtd(signals[_i]);
    test_domain_await_state(domain, "running");
    test_domain_await_agent(domain);
    assert_virsh(STATUS, "{\"return\":\"frozen\"}");
    assert_virsh("domfsthaw guest", "Thawed 3 filesystem(s)");
    assert_virsh(STATUS, "{\"return\":\"thawed\"}");
    g_free(test_domain_shell(domain, "for place in /mnt/*; do echo probe >$place/probe; done"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("manager");
    TCase *manager = tcase_create("manager");

    tcase_add_unchecked_fixture(manager, boot, finish);
    tcase_add_loop_test(manager, test_restarted_while_frozen, 0, G_N_ELEMENTS(signals));
    suite_add_tcase(suite, manager);
    return test_suite_run(suite);
}
