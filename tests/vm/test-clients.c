/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What OpenStack Nova and KubeVirt do to a guest, played through libvirt from their documentation.
 */
#include "tests/lib/suite.h"
#include "tests/vm/lib/libvirt.h"

#include <string.h>

static TestDomain *domain;

static void start(void)
{
    const char *disks[] = {"ext4", "xfs", "btrfs", NULL};

    domain = test_domain_start("clients", TEST_DOMAIN_SYSTEMD, disks);
    test_domain_await_agent(domain);
    g_free(test_domain_shell(domain, "%s",
                             "for e in ext4:vdb xfs:vdc btrfs:vdd; do mkdir -p /mnt/${e%:*};"
                             " mount -t ${e%:*} /dev/${e#*:} /mnt/${e%:*}; done"));
    test_domain_forget_shell(domain);
}

static void stop(void)
{
    test_domain_free(domain);
}

/* --- Nova --- */

START_TEST(test_nova)
{
    int status;
    g_autofree char *output = test_host(&status, "%s %s %s 'of the project'", g_getenv("FIRN_NOVA"),
                                        test_domain_name(domain), g_getenv("FIRN_LIBVIRT"));
    g_autofree char *login = NULL;

    if (strstr(output, "No module named 'libvirt'"))
        TEST_SKIP("needs libvirt's Python binding (apt-get install python3-libvirt)");
    ck_assert_msg(status == 0, "%s", output);
    ck_assert_str_eq(output,
                     "fsFreeze 4\n"
                     "fsFreeze again internal error: unable to execute QEMU agent command "
                     "'guest-fsfreeze-freeze': Command guest-fsfreeze-freeze has been disabled: "
                     "the agent is in frozen state\n"
                     "snapshot\n"
                     "fsThaw 4\n"
                     "quiesced snapshot\n"
                     "fsThaw 0\n"
                     "setUserPassword 0\n"
                     "setTime True");
    login = test_domain_shell(domain, "echo 'of the project' | setsid -w runuser -u nobody -- "
                                      "su root -c 'id -un' >/run/login 2>&1; cat /run/login");
    ck_assert_msg(g_str_has_suffix(login, "root"), "%s", login);
    g_free(test_domain_shell(domain, "firn report --last 2 | grep -c '4 thawed (request)' | "
                                     "grep -qx 2"));
}
END_TEST

/* --- KubeVirt --- */

/* What it asks for, and every how many seconds. */
static const struct {
    const char *command;
    guint interval;
    gboolean while_frozen; /* also answered then */
} polls[] = {
    {"guest-fsfreeze-status", 5, TRUE},
    {"guest-get-users", 10, FALSE},
    {"guest-network-get-interfaces", 120, FALSE},
    {"guest-get-osinfo", 120, FALSE},
    {"guest-get-host-name", 120, FALSE},
    {"guest-get-timezone", 120, FALSE},
    {"guest-info", 300, TRUE},
    {"guest-get-fsinfo", 300, FALSE},
};

/* The run in seconds, longer than every interval but the longest ones; its freeze from one second
 * to another. */
#define RUN 122
#define FREEZE 52
#define THAW 73

/* What it needs to call an agent supported. */
static const char *const needed[] = {
    "guest-ping",
    "guest-get-time",
    "guest-info",
    "guest-shutdown",
    "guest-get-users",
    "guest-network-get-interfaces",
    "guest-get-host-name",
    "guest-get-fsinfo",
    "guest-get-timezone",
    "guest-get-osinfo",
    NULL,
};

static char *agent(const char *command, int *status)
{
    return test_virsh(status, "qemu-agent-command %s '{\"execute\":\"%s\"}'",
                      test_domain_name(domain), command);
}

static void check_supported(void)
{
    int status;
    g_autofree char *info = agent("guest-info", &status);

    ck_assert_int_eq(status, 0);
    for (guint i = 0; needed[i]; i++) {
        g_autofree char *pattern = g_strdup_printf("\\{[^{}]*\"name\":\"%s\"[^{}]*\\}", needed[i]);
        g_autoptr(GRegex) regex = g_regex_new(pattern, 0, 0, NULL);
        g_autoptr(GMatchInfo) match = NULL;
        g_autofree char *entry = NULL;

        ck_assert_msg(g_regex_match(regex, info, 0, &match), "%s: %s", needed[i], info);
        entry = g_match_info_fetch(match, 0);
        ck_assert_msg(strstr(entry, "\"enabled\":true"), "%s", entry);
    }
}

static void poll_one(guint index, gboolean frozen)
{
    int status;
    g_autofree char *output = agent(polls[index].command, &status);

    if (frozen && !polls[index].while_frozen) {
        ck_assert_msg(status == 1 && strstr(output, "the agent is in frozen state"), "%s", output);
        return;
    }
    ck_assert_msg(status == 0 && g_str_has_prefix(output, "{\"return\":"), "%s: %s",
                  polls[index].command, output);
    if (index == 0)
        ck_assert_msg(strstr(output, frozen ? "frozen" : "thawed"), "%s", output);
}

static void freeze_or_thaw(const char *command, const char *expected)
{
    int status;
    g_autofree char *output = agent(command, &status);

    ck_assert_msg(status == 0 && strcmp(output, expected) == 0, "%s: %s", command, output);
}

/* Two minutes of its polling, with a freeze in the middle. */
START_TEST(test_kubevirt)
{
    gint64 begin = g_get_monotonic_time();
    gboolean frozen = FALSE;
    guint counts[G_N_ELEMENTS(polls)] = {0};

    check_supported();
    for (guint second = 0; second < RUN; second++) {
        gint64 wait = begin + second * G_USEC_PER_SEC - g_get_monotonic_time();

        if (wait > 0)
            g_usleep((gulong)wait);
        if (second == FREEZE)
            freeze_or_thaw("guest-fsfreeze-freeze", "{\"return\":4}");
        if (second == THAW)
            freeze_or_thaw("guest-fsfreeze-thaw", "{\"return\":4}");
        frozen = second >= FREEZE && second < THAW;
        for (guint i = 0; i < G_N_ELEMENTS(polls); i++) {
            if (second % polls[i].interval == 0) {
                poll_one(i, frozen);
                counts[i]++;
            }
        }
    }
    ck_assert_uint_eq(counts[0], 25);
    ck_assert_uint_eq(counts[1], 13);
    ck_assert_uint_eq(counts[2], 2);
    g_free(test_domain_shell(domain, "touch /written /mnt/ext4/written"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("clients");
    TCase *tests = tcase_create("clients");

    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_test(tests, test_nova);
    tcase_add_test(tests, test_kubevirt);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
