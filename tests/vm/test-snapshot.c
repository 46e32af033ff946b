/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Snapshots under a steady load of writing, taken through libvirt: with --quiesce every filesystem
 * in them is whole as it is, without the replay of a journal, has all that was promised to be safe
 * before, and its database is whole. Without --quiesce the same looks find faults.
 */
#include "tests/lib/client.h"
#include "tests/lib/suite.h"
#include "tests/vm/lib/libvirt.h"

#include <stdlib.h>
#include <string.h>

#define SNAPSHOTS 20
#define CONTROLS 5
#define RECORD 32      /* bytes; see guest/writer.c */
#define NEWS 3         /* records and rows that are written between two snapshots, at least */
#define PATIENCE_S 120 /* for them */

enum { EXT4, XFS, BTRFS, FILESYSTEMS };
static const char *const types[] = {"ext4", "xfs", "btrfs"};
static const char *const targets[] = {"vdb", "vdc", "vdd"};
enum { RECORDS, ROWS, KINDS };
static const char *const kinds[] = {"records", "rows"};

typedef struct {
    guint number[FILESYSTEMS][KINDS];
} Safe;

static TestDomain *domain;

/* --- what the writers say is safe --- */

static GMutex safe_lock;
static Safe safe;

static gpointer listen(gpointer client)
{
    for (;;) {
        g_autofree char *line = test_client_line(client);

        if (!line)
            return NULL;
        g_mutex_lock(&safe_lock);
        for (guint i = 0; i < FILESYSTEMS; i++) {
            for (guint k = 0; k < KINDS; k++) {
                g_autofree char *name = g_strdup_printf("%s/%s ", types[i], kinds[k]);

                if (g_str_has_prefix(line, name))
                    safe.number[i][k] = (guint)atoi(line + strlen(name));
            }
        }
        g_mutex_unlock(&safe_lock);
    }
}

/* The writers' port is read by a thread from now on: while nobody reads, they stand still. */
static void start_listening(void)
{
    g_autofree char *path = test_domain_port(domain, "acks");

    g_thread_unref(g_thread_new("listen", listen, test_client_connect(path)));
}

static Safe what_is_safe(void)
{
    Safe now;

    g_mutex_lock(&safe_lock);
    now = safe;
    g_mutex_unlock(&safe_lock);
    return now;
}

/* Waits until every writer has written on. */
static void await_news(void)
{
    Safe before = what_is_safe();
    gint64 end = g_get_monotonic_time() + PATIENCE_S * G_USEC_PER_SEC;

    for (guint i = 0; i < FILESYSTEMS * KINDS; i++) {
        for (;;) {
            Safe now = what_is_safe();

            if (now.number[i / KINDS][i % KINDS] >= before.number[i / KINDS][i % KINDS] + NEWS)
                break;
            ck_assert_msg(g_get_monotonic_time() < end, "%s/%s stands still at %u",
                          types[i / KINDS], kinds[i % KINDS], now.number[i / KINDS][i % KINDS]);
            g_usleep(10000);
        }
    }
}

/* --- the guest --- */

static void start(void)
{
    const char *disks[] = {"ext4", "xfs", "btrfs", g_getenv("FIRN_WRITER"), NULL};

    domain = test_domain_start("snapshots", TEST_DOMAIN_SYSTEMD, disks);
    test_domain_await_agent(domain);
    g_free(test_domain_shell(domain, "cat /dev/vde >/run/writer && chmod +x /run/writer"));
    for (guint i = 0; i < FILESYSTEMS; i++)
        g_free(test_domain_shell(domain, "mkdir /mnt/%s && mount -t %s /dev/%s /mnt/%s", types[i],
                                 types[i], targets[i], types[i]));
    g_free(test_domain_shell(
        domain, "exec 3>/dev/virtio-ports/firn.acks; for t in ext4 xfs btrfs; do for k in records "
                "rows; do setsid /run/writer $k $t /mnt/$t >&3 2>/run/$t.$k.log & done; done"));
    test_domain_forget_shell(domain);
}

static void stop(void)
{
    test_domain_free(domain);
}

/* --- snapshots --- */

/* The file that a disk is in now. */
static char *source(const char *target)
{
    g_autofree char *list = test_virsh_ok("domblklist %s", test_domain_name(domain));
    g_autofree char *pattern = g_strdup_printf("^ *%s +(\\S+)$", target);
    g_autoptr(GRegex) regex = g_regex_new(pattern, G_REGEX_MULTILINE, 0, NULL);
    g_autoptr(GMatchInfo) match = NULL;

    ck_assert_msg(g_regex_match(regex, list, 0, &match), "%s: %s", target, list);
    return g_match_info_fetch(match, 1);
}

/* The disks' files before the snapshot are the snapshot: from then on they are not written to. */
static void take(const char *name, const char *option, char *images[FILESYSTEMS + 1])
{
    images[FILESYSTEMS] = source("vda");
    for (guint i = 0; i < FILESYSTEMS; i++)
        images[i] = source(targets[i]);
    g_free(test_virsh_ok("snapshot-create-as %s %s --disk-only --no-metadata %s"
                         " --diskspec vda,file=%s/%s.vda --diskspec vdb,file=%s/%s.vdb"
                         " --diskspec vdc,file=%s/%s.vdc --diskspec vdd,file=%s/%s.vdd"
                         " --diskspec vde,snapshot=no",
                         test_domain_name(domain), name, option, g_getenv("FIRN_LIBVIRT"), name,
                         g_getenv("FIRN_LIBVIRT"), name, g_getenv("FIRN_LIBVIRT"), name,
                         g_getenv("FIRN_LIBVIRT"), name));
}

/* What is wrong with a filesystem as it is in an image, "" when nothing is. Free with g_free(). */
static char *faults(const char *type, const char *image)
{
    int status;
    char *output = test_host(&status, "%s %s %s %s/looked-at", g_getenv("FIRN_INSPECT"), type,
                             image, g_getenv("FIRN_LIBVIRT"));

    ck_assert_msg(status == 0 || status == 1, "%s: cannot be inspected: %s", image, output);
    ck_assert_msg((status == 0) == (*output == '\0'), "%s: status %d: %s", image, status, output);
    return output;
}

/* The last record of those that are there, from the first on without a gap. */
static guint last_record(void)
{
    g_autofree char *path =
        g_build_filename(g_getenv("FIRN_LIBVIRT"), "looked-at", "files", "records", NULL);
    g_autofree char *data = NULL;
    gsize length = 0;
    guint count = 0;

    if (!g_file_get_contents(path, &data, &length, NULL))
        return 0;
    while ((count + 1) * RECORD <= length) {
        g_autofree char *expected = g_strdup_printf("%0*u\n", RECORD - 1, count + 1);

        if (memcmp(data + count * RECORD, expected, RECORD) != 0)
            break;
        count++;
    }
    return count;
}

/* The last row, where the database is whole; 0 where it is not. */
static guint last_row(char **said)
{
    int status;

    *said = test_host(&status,
                      "sqlite3 %s/looked-at/files/rows.db 'PRAGMA integrity_check;"
                      " SELECT count(*), max(number) FROM rows' | tr '\\n' ' '",
                      g_getenv("FIRN_LIBVIRT"));
    if (status == 0 && g_str_has_prefix(*said, "ok ")) {
        g_auto(GStrv) numbers = g_strsplit(*said + strlen("ok "), "|", 2);

        if (numbers[0] && numbers[1] && atoi(numbers[0]) == atoi(numbers[1]))
            return (guint)atoi(numbers[1]);
    }
    return 0;
}

static void look(guint filesystem, const char *image, const Safe *before)
{
    const char *type = types[filesystem];
    g_autofree char *found = faults(type, image);
    g_autofree char *said = NULL;
    guint records, rows;

    ck_assert_msg(*found == '\0', "%s: %s: %s", image, type, found);
    records = last_record();
    ck_assert_msg(records >= before->number[filesystem][RECORDS],
                  "%s: %s: %u records, %u were safe", image, type, records,
                  before->number[filesystem][RECORDS]);
    rows = last_row(&said);
    ck_assert_msg(rows >= before->number[filesystem][ROWS] && rows > 0,
                  "%s: %s: %u rows, %u were safe: %s", image, type, rows,
                  before->number[filesystem][ROWS], said);
}

START_TEST(test_quiesced)
{
    g_autofree char *report = NULL;

    start_listening();
    for (guint n = 0; n < SNAPSHOTS; n++) {
        char *images[FILESYSTEMS + 1];
        g_autofree char *name = g_strdup_printf("quiesced%u", n);
        Safe before;

        await_news();
        before = what_is_safe();
        take(name, "--quiesce", images);
        for (guint i = 0; i < FILESYSTEMS; i++)
            look(i, images[i], &before);
        {
            g_autofree char *root = faults("ext4-root", images[FILESYSTEMS]);

            ck_assert_msg(*root == '\0', "%s: %s", images[FILESYSTEMS], root);
        }
        for (guint i = 0; i <= FILESYSTEMS; i++)
            g_free(images[i]);
    }
    /* each one was a freeze of all four, and what the host asked for ended it */
    report = test_domain_shell(domain,
                               "firn report --last %d | grep -c '^  4 frozen .* 4 thawed "
                               "(request)'",
                               SNAPSHOTS);
    ck_assert_int_eq(atoi(report), SNAPSHOTS);
}
END_TEST

/* The control: what is looked for above is found. */
START_TEST(test_not_quiesced)
{
    guint found[FILESYSTEMS + 1] = {0};
    guint missing = 0;

    start_listening();
    for (guint n = 0; n < CONTROLS; n++) {
        char *images[FILESYSTEMS + 1];
        g_autofree char *name = g_strdup_printf("plain%u", n);
        Safe before;

        await_news();
        before = what_is_safe();
        take(name, "", images);
        for (guint i = 0; i <= FILESYSTEMS; i++) {
            g_autofree char *fault = faults(i == FILESYSTEMS ? "ext4-root" : types[i], images[i]);

            found[i] += *fault != '\0';
            missing += i < FILESYSTEMS && last_record() < before.number[i][RECORDS];
            g_free(images[i]);
        }
    }
    for (guint i = 0; i <= FILESYSTEMS; i++)
        ck_assert_msg(found[i] > 0, "%s: %u snapshots, none with a fault",
                      i == FILESYSTEMS ? "/" : types[i], CONTROLS);
    ck_assert_uint_gt(missing, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("snapshot");
    TCase *tests = tcase_create("snapshot");

    tcase_add_unchecked_fixture(tests, start, stop);
    tcase_add_test(tests, test_quiesced);
    tcase_add_test(tests, test_not_quiesced);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
