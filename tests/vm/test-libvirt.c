/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every verb of virsh that reaches the agent, in a Debian guest with firn and in the same guest
 * with the packaged agent: the same status and the same text, or a reason listed in
 * docs/libvirt.md. */
#include "tests/lib/suite.h"
#include "tests/vm/lib/libvirt.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
    const char *group;
    const char *command; /* virsh's arguments; '@' is the domain, '%' the test's folder */
    int status;
    const char *shows;  /* what both must print, among others */
    const char *reason; /* NULL: both print the same; else its name in docs/libvirt.md */
} Verb;

#define AGENT(json) "qemu-agent-command @ '" json "'"

static const Verb verbs[] = {
    {"freeze", "domfsinfo @", 0, "/mnt/btrfs", NULL},
    {"freeze", "domfsfreeze @", 0, "Froze 4 filesystem(s)", NULL},
    {"freeze", AGENT("{\"execute\":\"guest-fsfreeze-status\"}"), 0, "frozen", NULL},
    {"freeze", "domfsfreeze @", 1, "the agent is in frozen state", NULL},
    {"freeze", "domfsinfo @", 1, "the agent is in frozen state", NULL},
    {"freeze", "guestinfo @ --os", 1, "the agent is in frozen state", NULL},
    {"freeze", "domfsthaw @", 0, "Thawed 4 filesystem(s)", NULL},
    {"freeze", "domfsthaw @", 0, "Thawed 0 filesystem(s)", NULL},
    {"freeze", "domfsfreeze @ --mountpoint /mnt/xfs", 0, "Froze 1 filesystem(s)", NULL},
    {"freeze", "domfsthaw @ --mountpoint /mnt/xfs", 1, "mountpoints is not supported", NULL},
    {"freeze", "domfsthaw @", 0, "Thawed 1 filesystem(s)", NULL},
    {"freeze", "domfsfreeze @ --mountpoint /mnt/ext4 --mountpoint /mnt/btrfs", 0, "Froze 2", NULL},
    {"freeze", "domfsthaw @", 0, "Thawed 2 filesystem(s)", NULL},
    {"freeze", "domfsfreeze @ --mountpoint /nonexistent", 0, "Froze 0 filesystem(s)", NULL},
    {"freeze", AGENT("{\"execute\":\"guest-fsfreeze-status\"}"), 0, "thawed", NULL},
    {"freeze", "domfsthaw @", 0, "Thawed 0 filesystem(s)", NULL},
    {"trim", "domfstrim @", 0, "", NULL},
    {"trim", "domfstrim @ --minimum 4096", 0, "", NULL},
    {"trim", "domfstrim @ --mountpoint /mnt/ext4", 1, "argument unsupported", NULL},
    {"trim", AGENT("{\"execute\":\"guest-fstrim\"}"), 0, "/mnt/xfs", "trim-order"},
    {"information", "guestinfo @", 0, "user.0.name         : tester", NULL},
    {"information", "guestinfo @ --user", 0, "user.count          : 1", NULL},
    {"information", "guestinfo @ --os", 0, "os.id               : debian", NULL},
    {"information", "guestinfo @ --timezone", 0, "timezone.offset     : 7200", NULL},
    {"information", "guestinfo @ --hostname", 0, "hostname", NULL},
    {"information", "guestinfo @ --filesystem", 0, "/mnt/xfs", NULL},
    {"information", "guestinfo @ --disk", 0, "/dev/vdd", NULL},
    {"information", "guestinfo @ --interface", 0, "10.0.2.15", NULL},
    {"information", "domhostname @ --source agent", 0, "", NULL},
    {"information", "domifaddr @ --source agent", 0, "10.0.2.15/24", NULL},
    {"information", "domifaddr @ --source agent --full", 0, "10.0.2.15/24", NULL},
    {"information", "domifaddr @ --source agent --interface lo", 0, "127.0.0.1/8", NULL},
    {"information", "domifaddr @ --source agent --interface nosuch0", 0, "Address", NULL},
    {"clock", "domtime @ --time 1700000000", 0, "", NULL},
    {"clock", "domtime @ --pretty", 0, "Time: 2023-11-14", NULL},
    {"clock", "domtime @ --sync", 0, "", NULL},
    {"clock", "domtime @ --time 1700000000", 0, "", NULL},
    {"clock", "domtime @ --now", 0, "", NULL},
    {"processors", "guestvcpus @", 0, "online         : 0-1", NULL},
    {"processors", "guestvcpus @ --cpulist 1 --disable", 0, "", NULL},
    {"processors", "guestvcpus @", 0, "online         : 0", NULL},
    {"processors", "guestvcpus @ --cpulist 1 --enable", 0, "", NULL},
    {"processors", "guestvcpus @ --cpulist 0 --disable", 1, "error", NULL},
    {"processors", "setvcpus @ 1 --guest", 0, "", NULL},
    {"processors", "vcpucount @ --guest", 0, "1", NULL},
    {"processors", "setvcpus @ 2 --guest", 0, "", NULL},
    {"processors", "vcpucount @ --guest", 0, "2", NULL},
    {"processors", "setvcpus @ 7 --guest", 1, "error", NULL},
    {"password", "set-user-password @ tester 's3cret! of tester'", 0, "set successfully", NULL},
    {"password", "set-user-password @ nobody-here s3cret", 1, "failed", "password-reason"},
    {"keys", "get-user-sshkeys @ tester", 1, "No such file or directory", NULL},
    {"keys", "set-user-sshkeys @ tester --file %/one.pub", 0, "", NULL},
    {"keys", "get-user-sshkeys @ tester", 0, "one@host", NULL},
    {"keys", "set-user-sshkeys @ tester --file %/two.pub", 0, "", NULL},
    {"keys", "get-user-sshkeys @ tester", 0, "two@host", NULL},
    {"keys", "set-user-sshkeys @ tester --remove --file %/one.pub", 0, "", NULL},
    {"keys", "get-user-sshkeys @ tester", 0, "two@host", NULL},
    {"keys", "set-user-sshkeys @ tester --reset --file %/one.pub", 0, "", NULL},
    {"keys", "get-user-sshkeys @ tester", 0, "one@host", NULL},
    {"keys", "set-user-sshkeys @ tester --reset", 0, "", NULL},
    {"keys", "get-user-sshkeys @ tester", 0, "", NULL},
    {"keys", "get-user-sshkeys @ nobody-here", 1, "nobody-here", "ssh-unknown-user"},
    {"commands", AGENT("{\"execute\":\"guest-ping\"}"), 0, "{\"return\":{}}", NULL},
    {"commands", AGENT("{\"execute\":\"guest-get-host-name\"}") " --pretty", 0, "  \"return\"",
     NULL},
    {"commands", AGENT("{\"execute\":\"guest-get-timezone\"}") " --timeout 5", 0, "offset", NULL},
    {"commands", AGENT("{\"execute\":\"guest-ping\"}") " --block", 0, "return", NULL},
    {"commands", AGENT("{\"execute\":\"guest-no-such\"}"), 1, "has not been found", NULL},
    {"commands", AGENT("{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":7}}"), 1,
     "handle", NULL},
    {"timeout", "guest-agent-timeout @ --timeout 1", 0, "", NULL},
    {"timeout", "domfsinfo @", 1, "not responding", NULL},
    {"timeout again", "domhostname @ --source agent", 0, "", NULL},
    {"timeout again", "guest-agent-timeout @ --timeout 60", 0, "", NULL},
    {"suspend", "dompmsuspend @ mem", 0, "successfully suspended", NULL},
    {"reboot", "reboot @ --mode agent", 0, "is being rebooted", NULL},
    {"shutdown", "shutdown @ --mode agent", 0, "is being shutdown", NULL},
};

#define REBOOT_S 400 /* for a guest to be there again; half a minute where nothing else runs */

static TestDomain *firn, *peer;

/* --- comparing --- */

static char *replaced(char *text, const char *pattern, const char *with)
{
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    char *result = g_regex_replace(regex, text, -1, 0, with, 0, NULL);

    g_free(text);
    return result;
}

/* Without what differs between any two guests: names, times, what is used of a disk. */
static char *normal(char *output, const TestDomain *domain)
{
    g_autofree char *name = g_strdup_printf("\\b%s\\b", test_domain_name(domain));

    output = replaced(output, name, "@");
    output = replaced(output, "(login-time *: )[0-9]+", "\\1N");
    output = replaced(output, "(used-bytes *: )[0-9]+", "\\1N");
    output = replaced(output, "(Time: .*:)[0-9]+$", "\\1N");
    output = replaced(output, "(\"trimmed\":)[0-9]+", "\\1N");
    return output;
}

static char *virsh(const TestDomain *domain, const char *command, int *status)
{
    g_auto(GStrv) by_name = g_strsplit(command, "@", -1);
    g_autofree char *named = g_strjoinv(test_domain_name(domain), by_name);
    g_auto(GStrv) by_folder = g_strsplit(named, "%", -1);
    g_autofree char *line = g_strjoinv(g_getenv("FIRN_LIBVIRT"), by_folder);

    return normal(test_virsh(status, "%s", line), domain);
}

static void compare(const Verb *verb)
{
    int firn_status, peer_status;
    g_autofree char *firn_output = virsh(firn, verb->command, &firn_status);
    g_autofree char *peer_output = virsh(peer, verb->command, &peer_status);
    gboolean same = firn_status == peer_status && strcmp(firn_output, peer_output) == 0;

    ck_assert_msg(firn_status == verb->status && strstr(firn_output, verb->shows),
                  "%s: status %d: %s", verb->command, firn_status, firn_output);
    ck_assert_msg(same == (verb->reason == NULL),
                  "%s: %s\nfirn, status %d: %s\nthe packaged agent, status %d: %s", verb->command,
                  same ? "no longer differs" : "differs", firn_status, firn_output, peer_status,
                  peer_output);
}

static void compare_all(const char *group)
{
    guint count = 0;

    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (strcmp(verbs[i].group, group) == 0) {
            compare(&verbs[i]);
            count++;
        }
    }
    ck_assert_uint_gt(count, 0);
}

/* The same line of shell in both guests, with the same result. */
static void compare_in_guests(const char *line, const char *expected)
{
    g_autofree char *ours = test_domain_shell(firn, "%s", line);
    g_autofree char *theirs = test_domain_shell(peer, "%s", line);

    ck_assert_str_eq(ours, theirs);
    if (expected)
        ck_assert_str_eq(ours, expected);
}

/* --- guests --- */

#define MOUNT                                                                                      \
    "for e in ext4:vdb xfs:vdc btrfs:vdd; do"                                                      \
    " mkdir -p /mnt/${e%:*}; mount -t ${e%:*} /dev/${e#*:} /mnt/${e%:*}; done"
/* No router's advertisement, so that addresses do not come and go. */
#define NETWORK                                                                                    \
    "i=$(cd /sys/class/net && echo en*); ip link set lo up;"                                       \
    " echo 0 >/proc/sys/net/ipv6/conf/$i/accept_ra; ip link set $i up;"                            \
    " ip addr add 10.0.2.15/24 dev $i"
/* A login of a user, as a terminal's getty makes one. */
#define LOGIN                                                                                      \
    "setsid script -qfc 'login -f tester' /dev/null <>/dev/ptmx >/dev/null 2>&1 &"                 \
    " until who | grep -q tester; do sleep 0.2; done"

static void prepare(TestDomain *domain)
{
    test_domain_await_agent(domain);
    g_free(test_domain_shell(domain, "%s", MOUNT));
    g_free(test_domain_shell(domain, "%s", NETWORK));
    g_free(test_domain_shell(domain, "%s", LOGIN));
    g_free(test_domain_shell(domain, "ln -sf /usr/share/zoneinfo/Etc/GMT-2 /etc/localtime"));
    /* each test has a process of its own, and the port serves one connection */
    test_domain_forget_shell(domain);
}

static void start(void)
{
    const char *disks[] = {"ext4", "xfs", "btrfs", NULL};

    firn = test_domain_start("with-firn", TEST_DOMAIN_SYSTEMD, disks);
    peer = test_domain_start("with-peer", TEST_DOMAIN_SYSTEMD | TEST_DOMAIN_PEER, disks);
    prepare(firn);
    prepare(peer);
}

static void stop(void)
{
    test_domain_destroy(firn);
    test_domain_destroy(peer);
    test_domain_free(firn);
    test_domain_free(peer);
}

/* For going down and up: a guest without services, which is quick at that. */
static void start_tiny(void)
{
    firn = test_domain_start("tiny-with-firn", TEST_DOMAIN_TINY, NULL);
    peer = test_domain_start("tiny-with-peer", TEST_DOMAIN_TINY | TEST_DOMAIN_PEER, NULL);
    test_domain_await_agent(firn);
    test_domain_await_agent(peer);
}

static void stop_tiny(void)
{
    test_domain_free(firn);
    test_domain_free(peer);
}

/* --- tests --- */

START_TEST(test_freeze)
{
    compare_all("freeze");
}
END_TEST

/* libvirt's freeze is one of the kernel's: a second FIFREEZE finds the filesystem frozen. */
START_TEST(test_freeze_is_real)
{
    const char *line = "for m in / /mnt/ext4 /mnt/xfs /mnt/btrfs; do fsfreeze -f $m; done; true";

    g_free(test_virsh_ok("domfsfreeze %s", test_domain_name(firn)));
    {
        g_autofree char *output = test_domain_shell(firn, "%s", line);
        g_auto(GStrv) lines = g_strsplit(output, "\n", -1);

        ck_assert_uint_eq(g_strv_length(lines), 4);
        for (guint i = 0; i < 4; i++)
            ck_assert_msg(strstr(lines[i], "Device or resource busy"), "%s", output);
    }
    g_free(test_virsh_ok("domfsthaw %s", test_domain_name(firn)));
    g_free(test_domain_shell(firn, "touch /thawed /mnt/ext4/thawed /mnt/xfs/thawed"));
}
END_TEST

START_TEST(test_trim)
{
    compare_all("trim");
}
END_TEST

START_TEST(test_information)
{
    compare_all("information");
}
END_TEST

/* Seconds since the epoch, as `virsh domtime` prints them. */
static gint64 domain_time(const TestDomain *domain)
{
    g_autofree char *output = test_virsh_ok("domtime %s", test_domain_name(domain));

    ck_assert_msg(g_str_has_prefix(output, "Time: "), "%s", output);
    return g_ascii_strtoll(output + strlen("Time: "), NULL, 10);
}

START_TEST(test_clock)
{
    compare_all("clock");
    /* not in 2023 any more: neither the system's time nor the clock's */
    for (guint i = 0; i < 2; i++) {
        TestDomain *domain = i == 0 ? firn : peer;
        g_autofree char *clock = test_domain_shell(domain, "cat /sys/class/rtc/rtc0/since_epoch");
        gint64 now = g_get_real_time() / G_USEC_PER_SEC;

        ck_assert_int_lt(ABS(now - domain_time(domain)), 86400);
        ck_assert_int_lt(ABS(now - g_ascii_strtoll(clock, NULL, 10)), 86400);
    }
}
END_TEST

START_TEST(test_processors)
{
    compare_all("processors");
    compare_in_guests("cat /sys/devices/system/cpu/online", "0-1");
}
END_TEST

/* A login through PAM, by somebody who is asked for the password. */
static gboolean can_log_in(TestDomain *domain, const char *password)
{
    int status;
    g_autofree char *output = test_domain_try(
        domain, &status,
        "echo '%s' | setsid -w runuser -u nobody -- su tester -c 'id -un' >/run/login 2>&1;"
        " status=$?; cat /run/login; test $status = 0",
        password);

    return status == 0 && g_str_has_suffix(output, "tester");
}

START_TEST(test_password)
{
    ck_assert(!can_log_in(firn, "s3cret! of tester"));
    compare_all("password");
    ck_assert(can_log_in(firn, "s3cret! of tester"));
    ck_assert(can_log_in(peer, "s3cret! of tester"));
    ck_assert(!can_log_in(firn, "s3cret!"));
}
END_TEST

/* A password that was hashed before. */
START_TEST(test_hashed_password)
{
    g_autofree char *hash =
        test_domain_shell(firn, "perl -e 'print crypt(\"zw8lf\", \"\\$6\\$firnfirn\\$\")'");
    g_autofree char *command = g_strdup_printf("set-user-password @ tester --encrypted '%s'", hash);

    ck_assert_msg(g_str_has_prefix(hash, "$6$"), "%s", hash);
    compare(&(Verb){"password", command, 0, "set successfully", NULL});
    ck_assert(can_log_in(firn, "zw8lf"));
    ck_assert(can_log_in(peer, "zw8lf"));
    ck_assert(!can_log_in(firn, "s3cret! of tester"));
}
END_TEST

START_TEST(test_keys)
{
    const char *folder = g_getenv("FIRN_LIBVIRT");

    g_free(test_host_ok("echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB0e one@host' >%s/one.pub;"
                        "echo 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC1f two@host' >%s/two.pub",
                        folder, folder));
    compare_all("keys");
    compare_in_guests("cd ~tester && stat -c '%U:%G %a %n' .ssh .ssh/authorized_keys",
                      "tester:tester 700 .ssh\ntester:tester 600 .ssh/authorized_keys");
}
END_TEST

START_TEST(test_commands)
{
    compare_all("commands");
}
END_TEST

/* A process of the guest, started and asked for. */
START_TEST(test_exec)
{
    const char *name = test_domain_name(firn);
    g_autofree char *started = test_virsh_ok(
        "qemu-agent-command %s '{\"execute\":\"guest-exec\",\"arguments\":{\"path\":\"/bin/sh\","
        "\"arg\":[\"-c\",\"echo hi; exit 7\"],\"capture-output\":true}}'",
        name);
    const char *pid = strstr(started, "\"pid\":");

    ck_assert_msg(pid != NULL, "%s", started);
    for (;;) {
        g_autofree char *output = test_virsh_ok("qemu-agent-command %s "
                                                "'{\"execute\":\"guest-exec-status\",\"arguments\":"
                                                "{\"pid\":%d}}'",
                                                name, atoi(pid + strlen("\"pid\":")));

        if (strstr(output, "\"exited\":false")) {
            g_usleep(50000);
            continue;
        }
        ck_assert_msg(strstr(output, "\"exitcode\":7") && strstr(output, "aGkK"), "%s", output);
        break;
    }
}
END_TEST

static void signal_agents(const char *name)
{
    g_free(test_domain_shell(firn, "kill -%s $(grep -slx firn /proc/[0-9]*/comm | cut -d/ -f3)",
                             name));
    g_free(test_domain_shell(peer, "kill -%s $(pidof qemu-ga)", name));
}

/* How long libvirt waits for an agent that is there and does not answer. */
START_TEST(test_timeout)
{
    signal_agents("STOP");
    compare_all("timeout");
    signal_agents("CONT");
    test_domain_await_agent(firn);
    test_domain_await_agent(peer);
    compare_all("timeout again");
}
END_TEST

START_TEST(test_suspend)
{
    compare_all("suspend");
    test_domain_await_state(firn, "pmsuspended");
    test_domain_await_state(peer, "pmsuspended");
    g_free(test_virsh_ok("dompmwakeup %s", test_domain_name(firn)));
    g_free(test_virsh_ok("dompmwakeup %s", test_domain_name(peer)));
    test_domain_await_state(firn, "running");
    test_domain_await_state(peer, "running");
    test_domain_await_agent(firn);
    test_domain_await_agent(peer);
    compare_in_guests("dmesg | grep -c 'PM: suspend exit'", "1");
}
END_TEST

/* What names the boot, asked of the agent: the shell's port loses what is sent while the guest goes
 * down. NULL while nobody answers. */
static char *boot_id(TestDomain *domain)
{
    const char *name = test_domain_name(domain);
    int status;
    g_autofree char *opened =
        test_virsh(&status,
                   "qemu-agent-command %s '{\"execute\":\"guest-file-open\",\"arguments\":"
                   "{\"path\":\"/proc/sys/kernel/random/boot_id\"}}' --timeout 5",
                   name);
    const char *handle = strchr(opened, ':');
    g_autofree char *read = NULL;

    if (status != 0 || !handle)
        return NULL;
    read = test_virsh(&status,
                      "qemu-agent-command %s '{\"execute\":\"guest-file-read\",\"arguments\":"
                      "{\"handle\":%" G_GINT64_FORMAT "}}' --timeout 5",
                      name, g_ascii_strtoll(handle + 1, NULL, 10));
    return status == 0 ? g_steal_pointer(&read) : NULL;
}

/* Waits for a boot that is another one. Free with g_free(). */
static char *await_boot(TestDomain *domain, const char *other)
{
    gint64 end = g_get_monotonic_time() + REBOOT_S * G_USEC_PER_SEC;

    for (;;) {
        g_autofree char *id = boot_id(domain);

        if (id && strcmp(id, other) != 0)
            return g_steal_pointer(&id);
        ck_assert_msg(g_get_monotonic_time() < end, "%s: not booted after %d s",
                      test_domain_name(domain), REBOOT_S);
        g_usleep(200000);
    }
}

START_TEST(test_reboot)
{
    g_autofree char *firn_boot = await_boot(firn, "");
    g_autofree char *peer_boot = await_boot(peer, "");

    ck_assert_msg(strstr(firn_boot, "buf-b64"), "%s", firn_boot);
    compare_all("reboot");
    g_free(await_boot(firn, firn_boot));
    g_free(await_boot(peer, peer_boot));
}
END_TEST

START_TEST(test_shutdown)
{
    compare_all("shutdown");
    test_domain_await_state(firn, "shut off");
    test_domain_await_state(peer, "shut off");
}
END_TEST

/* The page lists the reasons that are met here, and no others. */
START_TEST(test_page)
{
    const char *heading = "\n## Where virsh shows something else than with qemu-ga\n";
    g_autofree char *page = NULL;
    const char *list;
    g_autoptr(GRegex) regex = g_regex_new("^\\| `([a-z0-9-]+)` \\|", G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;
    g_autoptr(GHashTable) listed = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) met = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    ck_assert(g_file_get_contents(g_getenv("FIRN_LIBVIRT_PAGE"), &page, NULL, NULL));
    list = strstr(page, heading);
    ck_assert_ptr_nonnull(list);
    for (g_regex_match(regex, list, 0, &match); g_match_info_matches(match);
         g_match_info_next(match, NULL))
        g_hash_table_add(listed, g_match_info_fetch(match, 1));
    for (guint i = 0; i < G_N_ELEMENTS(verbs); i++) {
        if (verbs[i].reason) {
            g_hash_table_add(met, g_strdup(verbs[i].reason));
            ck_assert_msg(g_hash_table_contains(listed, verbs[i].reason),
                          "%s is not in docs/libvirt.md", verbs[i].reason);
        }
    }
    ck_assert_uint_gt(g_hash_table_size(met), 0);
    ck_assert_uint_eq(g_hash_table_size(met), g_hash_table_size(listed));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("libvirt");
    TCase *tests = tcase_create("libvirt");
    TCase *power = tcase_create("power");

    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_test(tests, test_freeze);
    tcase_add_test(tests, test_freeze_is_real);
    tcase_add_test(tests, test_trim);
    tcase_add_test(tests, test_information);
    tcase_add_test(tests, test_clock);
    tcase_add_test(tests, test_processors);
    tcase_add_test(tests, test_password);
    tcase_add_test(tests, test_hashed_password);
    tcase_add_test(tests, test_keys);
    tcase_add_test(tests, test_commands);
    tcase_add_test(tests, test_exec);
    tcase_add_test(tests, test_timeout);
    tcase_add_test(tests, test_suspend);
    tcase_add_test(tests, test_page);
    suite_add_tcase(suite, tests);
    tcase_add_unchecked_fixture(power, start_tiny, stop_tiny);
    tcase_add_test(power, test_reboot);
    tcase_add_test(power, test_shutdown);
    suite_add_tcase(suite, power);
    return test_suite_run(suite);
}
