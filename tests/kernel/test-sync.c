/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is written before a freeze, when, and by whom; and that nobody waits for it without end. */
#include "tests/lib/freezing.h"
#include "tests/lib/hang.h"
#include "tests/lib/suite.h"
#include "tests/lib/tracer.h"

#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>

#define STATE_DIR "/run/firn-sync"
#define HOOKS "/run/firn-sync-hooks"

static void setup(void)
{
    test_freezing_check_namespace();
    g_free(test_freezing_shell("rm -rf " STATE_DIR " " HOOKS));
    test_freezing_make_hooks(HOOKS);
}

static TestDaemon *start(void)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOKS,
                                          "--freeze-sync-timeout=1", "--freeze-walk-timeout=2",
                                          NULL};

    return test_daemon_start(options);
}

/* What a trace tells of: the calls of one freeze in their order, one letter each. */
typedef struct {
    GString *calls; /* s: syncfs, h: a hook's freeze, F: FIFREEZE */
    GHashTable *syncers;
    GHashTable *freezers;
} Story;

static void add_call(Story *story, char letter, int process)
{
    g_string_append_c(story->calls, letter);
    if (letter == 's')
        g_hash_table_add(story->syncers, GINT_TO_POINTER(process));
    if (letter == 'F')
        g_hash_table_add(story->freezers, GINT_TO_POINTER(process));
}

static Story read_story(const char *file)
{
    Story story = {g_string_new(NULL), g_hash_table_new(NULL, NULL), g_hash_table_new(NULL, NULL)};
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;

    ck_assert(g_file_get_contents(file, &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        if (strstr(*line, " syncfs("))
            add_call(&story, 's', atoi(*line));
        else if (strstr(*line, " execve(\"" HOOKS) && strstr(*line, "\"freeze\""))
            add_call(&story, 'h', atoi(*line));
        else if (strstr(*line, "FIFREEZE") && !strstr(*line, "resumed>"))
            add_call(&story, 'F', atoi(*line));
    }
    return story;
}

static void story_clear(Story *story)
{
    g_string_free(story->calls, TRUE);
    g_hash_table_unref(story->syncers);
    g_hash_table_unref(story->freezers);
}

/* One more, in memory: where the others lie on a disk, they share it. */
static char *add_disk(void)
{
    char *loop = test_freezing_shell("truncate -s 16M /run/disk && mkfs.ext4 -q -F /run/disk && "
                                     "mkdir -p /mnt/disk && losetup -f --show /run/disk");

    g_free(test_freezing_shell("mount %s /mnt/disk", loop));
    return loop;
}

static guint count_disks(void)
{
    g_autoptr(FirnRecord) record = firn_record_open(STATE_DIR, NULL);
    g_autoptr(GHashTable) disks = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < record->head->target_count; i++)
        g_hash_table_add(disks, GUINT_TO_POINTER(record->targets[i].disk));
    return g_hash_table_size(disks);
}

/* All are synced before the hooks and again after them, each time by processes of that pass; then
 * one process freezes. None of them is the agent's. */
START_TEST(test_order_and_processes)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *file = test_daemon_path(daemon, "trace");
    pid_t tracer = test_tracer_begin(daemon, file, "--trace=syncfs,execve,ioctl");
    gpointer agent = GINT_TO_POINTER(test_daemon_pid(daemon));
    g_autofree char *loop = add_disk();
    Story story;

    test_freezing_ask(daemon, TEST_FREEZE, "4");
    test_freezing_ask(daemon, TEST_THAW, "4");
    test_tracer_end(tracer);
    g_free(test_freezing_shell("umount /mnt/disk && losetup -d %s && rm /run/disk", loop));
    story = read_story(file);
    ck_assert_msg(g_str_has_prefix(story.calls->str, "sssshhssss"), "%s", story.calls->str);
    ck_assert_msg(g_str_has_suffix(story.calls->str, "sFFFF"), "%s", story.calls->str);
    ck_assert_uint_ge(g_hash_table_size(story.syncers), 2);
    ck_assert_uint_eq(g_hash_table_size(story.freezers), 1);
    ck_assert(!g_hash_table_contains(story.syncers, agent));
    ck_assert(!g_hash_table_contains(story.freezers, agent));
    story_clear(&story);
}
END_TEST

/* While one disk is slow, another one is synced by a process of its own. The tracer makes all slow.
 */
START_TEST(test_side_by_side)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autofree char *file = test_daemon_path(daemon, "trace");
    pid_t tracer = test_tracer_begin(daemon, file, "--inject=syncfs:delay_enter=200000");
    g_autofree char *loop = add_disk();
    guint disks;
    Story story;

    test_freezing_ask(daemon, TEST_FREEZE, "4");
    disks = count_disks();
    test_freezing_ask(daemon, TEST_THAW, "4");
    test_tracer_end(tracer);
    g_free(test_freezing_shell("umount /mnt/disk && losetup -d %s && rm /run/disk", loop));
    story = read_story(file);
    ck_assert_uint_ge(disks, 2);
    ck_assert_uint_ge(g_hash_table_size(story.syncers), 2 * disks); /* of two passes at least */
    story_clear(&story);
}
END_TEST

/* A syncfs() that hangs is left behind after freeze-sync-timeout; the host is answered by then, and
 * while the walk hangs. */
START_TEST(test_hung)
{
    g_autoptr(TestDaemon) daemon = start();
    g_autoptr(TestClient) client = test_daemon_connect(daemon);
    g_autofree char *error = NULL;
    TestHang hang;

    test_hang_begin(&hang);
    test_client_send(client, TEST_FREEZE);
    test_freezing_await_phase(STATE_DIR, FIRN_PHASE_PREPARE);
    for (int i = 0; i < 20; i++) {
        test_client_send(client, "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":5}}");
        error = test_client_line(client);
        ck_assert_str_eq(error, "{\"return\": 5}");
        g_clear_pointer(&error, g_free);
        test_client_ping(client);
    }
    test_freezing_await_phase(STATE_DIR, FIRN_PHASE_WALK); /* the hung sync did not keep it */
    test_client_ping(client);
    test_freezing_await_phase(STATE_DIR, FIRN_PHASE_DONE);
    test_hang_assert_writable("/mnt/other");
    ck_assert_int_eq(test_freezing_ioctl("/mnt/ext4", FITHAW), 0);
    test_freezing_await_end(STATE_DIR);
    test_hang_end(&hang);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync");
    TCase *tests = tcase_create("sync");

    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_order_and_processes);
    tcase_add_test(tests, test_side_by_side);
    tcase_add_test(tests, test_hung);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
