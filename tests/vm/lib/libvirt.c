/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/vm/lib/libvirt.h"

#include "tests/lib/client.h"

#include <check.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 180

struct TestDomain {
    char *name;
    TestDomainKind kind;
    char **disks;
    TestClient *shell;
    guint lines; /* run in it */
};

static const char *from_environment(const char *name)
{
    const char *value = g_getenv(name);

    ck_assert_msg(value != NULL, "%s is not set: this test runs beside tests/vm/libvirtd", name);
    return value;
}

/* --- commands --- */

static char *run(int *status, const char *line)
{
    g_autofree char *merged = g_strdup_printf("exec 2>&1; %s", line);
    const char *argv[] = {"timeout", "-k", "10",   G_STRINGIFY(PATIENCE_S),
                          "/bin/sh", "-c", merged, NULL};
    g_autoptr(GError) error = NULL;
    char *output = NULL;
    int wait_status;

    ck_assert_msg(g_spawn_sync(NULL, (char **)(guintptr)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL,
                               &output, NULL, &wait_status, &error),
                  "%s: %s", line, error ? error->message : "");
    *status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
    ck_assert_msg(*status != 124 && *status < 128, "%s: not ended after %d s: %s", line, PATIENCE_S,
                  output);
    return g_strchomp(output);
}

static char *run_ok(const char *line)
{
    int status;
    char *output = run(&status, line);

    ck_assert_msg(status == 0, "%s: status %d: %s", line, status, output);
    return output;
}

/* The line that format and arguments make, with `before` put before it. */
#define LINE(line, before, format)                                                                 \
    g_autofree char *line = NULL;                                                                  \
    do {                                                                                           \
        va_list args;                                                                              \
        g_autofree char *text = NULL;                                                              \
        va_start(args, format);                                                                    \
        text = g_strdup_vprintf(format, args);                                                     \
        va_end(args);                                                                              \
        line = g_strconcat(before, text, NULL);                                                    \
    } while (0)

char *test_virsh(int *status, const char *format, ...)
{
    LINE(line, "virsh ", format);
    return run(status, line);
}

char *test_virsh_ok(const char *format, ...)
{
    LINE(line, "virsh ", format);
    return run_ok(line);
}

char *test_host(int *status, const char *format, ...)
{
    LINE(line, "", format);
    return run(status, line);
}

char *test_host_ok(const char *format, ...)
{
    LINE(line, "", format);
    return run_ok(line);
}

/* --- domains --- */

const char *test_domain_name(const TestDomain *domain)
{
    return domain->name;
}

char *test_domain_port(const TestDomain *domain, const char *port)
{
    return g_strdup_printf("%s/%s.%s", from_environment("FIRN_LIBVIRT"), domain->name, port);
}

char *test_domain_disk(const TestDomain *domain, const char *target)
{
    return g_strdup_printf("%s/%s.%s", from_environment("FIRN_LIBVIRT"), domain->name, target);
}

static void replace(char **text, const char *name, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(*text, name, -1);

    g_free(*text);
    *text = g_strjoinv(value, parts);
}

/* One disk's element, and its file where it is an overlay. */
static void add_disk(TestDomain *domain, GString *xml, guint index, const char *source)
{
    g_autofree char *target = g_strdup_printf("vd%c", (char)('a' + index));
    g_autofree char *file = test_domain_disk(domain, target);

    if (*source == '/') {
        g_string_append_printf(xml,
                               "<disk type='file'><driver name='qemu' type='raw'/>"
                               "<source file='%s'/><target dev='%s' bus='virtio'/><readonly/>"
                               "</disk>\n",
                               source, target);
        return;
    }
    g_free(test_host_ok("qemu-img create -q -f qcow2 -F raw -b '%s/%s.img' '%s'",
                        from_environment("FIRN_VM"), source, file));
    g_string_append_printf(xml,
                           "<disk type='file'><driver name='qemu' type='qcow2' discard='unmap'/>"
                           "<source file='%s'/><target dev='%s' bus='virtio'/></disk>\n",
                           file, target);
}

static char *disks(TestDomain *domain)
{
    GString *xml = g_string_new(NULL);
    guint index = 0;

    if (domain->kind & TEST_DOMAIN_SYSTEMD)
        add_disk(domain, xml, index++,
                 domain->kind & TEST_DOMAIN_PEER ? "systemd-peer" : "systemd");
    for (char **disk = domain->disks; disk && *disk; disk++)
        add_disk(domain, xml, index++, *disk);
    return g_string_free(xml, FALSE);
}

static const char *initrd(TestDomainKind kind)
{
    if (kind & TEST_DOMAIN_SYSTEMD)
        return "systemd.cpio";
    return kind & TEST_DOMAIN_PEER ? "tiny-cloud-peer.cpio" : "tiny-cloud.cpio";
}

static void define(TestDomain *domain)
{
    const char *folder = from_environment("FIRN_LIBVIRT");
    const char *images = from_environment("FIRN_VM");
    /* only the compressed kernel can be woken from suspend to RAM; the other one boots faster */
    g_autofree char *kernel = g_strdup_printf(
        "%s/%s", images, domain->kind & TEST_DOMAIN_SYSTEMD ? "vmlinuz-cloud" : "vmlinux-cloud");
    g_autofree char *ramdisk = g_build_filename(images, initrd(domain->kind), NULL);
    g_autofree char *file = g_strdup_printf("%s/%s.xml", folder, domain->name);
    g_autofree char *disk_elements = disks(domain);
    g_autofree char *xml = NULL;

    ck_assert(g_file_get_contents(from_environment("FIRN_DOMAIN"), &xml, NULL, NULL));
    replace(&xml, "@NAME@", domain->name);
    replace(&xml, "@FOLDER@", folder);
    replace(&xml, "@KERNEL@", kernel);
    replace(&xml, "@INITRD@", ramdisk);
    replace(&xml, "@DISKS@", disk_elements);
    ck_assert(g_file_set_contents(file, xml, -1, NULL));
    g_free(test_virsh_ok("define '%s'", file));
    g_free(test_virsh_ok("start '%s'", domain->name));
}

TestDomain *test_domain_start(const char *name, TestDomainKind kind, const char *const *disk_list)
{
    TestDomain *domain = g_new0(TestDomain, 1);

    domain->name = g_strdup(name);
    domain->kind = kind;
    domain->disks = g_strdupv((char **)(guintptr)disk_list);
    define(domain);
    return domain;
}

void test_domain_restart(TestDomain *domain)
{
    test_domain_forget_shell(domain);
    define(domain);
}

void test_domain_destroy(TestDomain *domain)
{
    g_free(test_virsh_ok("destroy '%s'", domain->name));
    test_domain_forget_shell(domain);
}

void test_domain_free(TestDomain *domain)
{
    if (!domain)
        return;
    test_domain_forget_shell(domain);
    g_strfreev(domain->disks);
    g_free(domain->name);
    g_free(domain);
}

/* --- waiting --- */

static char *console(const TestDomain *domain)
{
    g_autofree char *file = test_domain_port(domain, "console");

    return test_host((int[]){0}, "tail -c 2000 '%s'", file);
}

void test_domain_await_agent(TestDomain *domain)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

    for (;;) {
        int status;
        g_autofree char *output = test_virsh(
            &status, "qemu-agent-command '%s' '{\"execute\":\"guest-ping\"}'", domain->name);

        if (status == 0) {
            /* libvirt's own 5 s are not enough for a guest on a machine that does other things */
            g_free(test_virsh_ok("guest-agent-timeout '%s' --timeout 60", domain->name));
            return;
        }
        if (g_get_monotonic_time() > end) {
            g_autofree char *said = console(domain);

            ck_abort_msg("%s: no agent: %s\n%s", domain->name, output, said);
        }
        g_usleep(100000);
    }
}

void test_domain_await_state(TestDomain *domain, const char *state)
{
    gint64 end = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

    for (;;) {
        g_autofree char *output = test_virsh_ok("domstate '%s'", domain->name);

        if (strcmp(output, state) == 0)
            return;
        ck_assert_msg(g_get_monotonic_time() < end, "%s is %s, and not %s", domain->name, output,
                      state);
        g_usleep(50000);
    }
}

/* --- the guest's shell --- */

void test_domain_forget_shell(TestDomain *domain)
{
    g_clear_pointer(&domain->shell, test_client_free);
}

/* Lines up to `mark`, which is followed by the status. */
static char *read_until(TestDomain *domain, const char *mark, int *status)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (;;) {
        g_autofree char *line = test_client_line(domain->shell);
        const char *found;

        ck_assert_msg(line != NULL, "%s: its shell is gone; so far: %s", domain->name, text->str);
        found = strstr(line, mark);
        if (found) {
            g_string_append_len(text, line, found - line);
            *status = atoi(found + strlen(mark));
            return g_strchomp(g_strdup(text->str));
        }
        g_string_append_printf(text, "%s\n", line);
    }
}

/* What arrives while the shell of the last connection ends is lost: greets until there is an
 * answer. */
static void connect_shell(TestDomain *domain)
{
    g_autofree char *path = test_domain_port(domain, "shell");
    gint64 end = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

    domain->shell = test_client_connect(path);
    do {
        g_autofree char *greeting = g_strdup_printf("echo firn-hello-%u\n", ++domain->lines);

        ck_assert_msg(g_get_monotonic_time() < end, "%s: its shell does not answer", domain->name);
        test_client_send(domain->shell, greeting);
    } while (!test_client_has_input(domain->shell, 1000));
}

static char *in_guest(TestDomain *domain, int *status, const char *line)
{
    g_autofree char *mark = g_strdup_printf("firn-%d-%u-", (int)getpid(), ++domain->lines);
    g_autofree char *input = NULL;
    int begin;

    if (!domain->shell)
        connect_shell(domain);
    /* what was left unread comes before the first mark */
    input =
        g_strdup_printf("echo %sbegin; { %s\n} 2>&1 </dev/null; echo %send$?\n", mark, line, mark);
    test_client_send(domain->shell, input);
    {
        g_autofree char *first = g_strconcat(mark, "begin", NULL);
        g_autofree char *last = g_strconcat(mark, "end", NULL);

        g_free(read_until(domain, first, &begin));
        return read_until(domain, last, status);
    }
}

char *test_domain_try(TestDomain *domain, int *status, const char *format, ...)
{
    LINE(line, "", format);
    return in_guest(domain, status, line);
}

char *test_domain_shell(TestDomain *domain, const char *format, ...)
{
    int status;
    char *output;

    LINE(line, "", format);
    output = in_guest(domain, &status, line);
    ck_assert_msg(status == 0, "%s: %s: status %d: %s", domain->name, line, status, output);
    return output;
}
