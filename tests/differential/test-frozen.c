/* SPDX-License-Identifier: GPL-2.0-or-later */
/* While filesystems are frozen: /mnt/ext4, /mnt/xfs and /mnt/btrfs of tests/kernel/ns. A frozen
 * filesystem is both agents' matter, so they take turns: each plays a whole script by itself. */
#include "tests/differential/compare.h"
#include "tests/lib/freezing.h"
#include "tests/lib/suite.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define NO_PEER "the packaged agent is not installed (apt-get install qemu-guest-agent)"

#define FREEZE TEST_FREEZE
#define STATUS TEST_STATUS
#define THAW TEST_THAW
#define FREEZE_LIST(LIST)                                                                          \
    "{\"execute\":\"guest-fsfreeze-freeze-list\",\"arguments\":{\"mountpoints\":" LIST "}}"
#define FSTRIM(MINIMUM) "{\"execute\":\"guest-fstrim\",\"arguments\":{\"minimum\":" MINIMUM "}}"
/* Steps that are no requests: a line of shell, whose output counts; the agent killed or told to
 * stop, and started anew where it has ended. */
#define SHELL "!"
#define KILL "kill"
#define STOP "stop"

#define STATE_DIR "/run/frozen-state"
#define HOOK "/run/frozen-hook"
#define LOG "/run/frozen-log"

typedef struct {
    const char *program;
    const char *const *options;
    TestDaemon *daemon;
    TestClient *client;
} Player;

static void start(Player *player)
{
    player->daemon = compare_start(player->program, player->options);
    player->client = test_daemon_connect(player->daemon);
}

static void end(Player *player)
{
    g_clear_pointer(&player->client, test_client_free);
    g_clear_pointer(&player->daemon, test_daemon_free);
}

/* Asks until it is gone, or has answered so often that it goes on for good. */
static const char *stop(Player *player)
{
    kill(test_daemon_pid(player->daemon), SIGTERM);
    for (guint tries = 0; tries < 100; tries++) {
        g_autofree char *line = NULL;

        test_client_send(player->client, STATUS "\n");
        line = test_client_line(player->client);
        if (!line) {
            test_daemon_wait(player->daemon);
            end(player);
            start(player);
            return "ended";
        }
        g_usleep(10 * 1000);
    }
    return "goes on";
}

static char *play_step(Player *player, const char *step)
{
    g_autofree char *line = NULL;

    if (g_str_has_prefix(step, SHELL))
        return test_freezing_shell("%s", step + strlen(SHELL));
    if (!strcmp(step, STOP))
        return g_strdup(stop(player));
    if (!strcmp(step, KILL)) {
        end(player);
        start(player);
        return g_strdup("killed");
    }
    test_client_send(player->client, step);
    test_client_send(player->client, "\n");
    line = test_client_line(player->client);
    ck_assert_msg(line != NULL, "%s hung up at %s", player->program, step);
    return compare_canonical(line, COMPARE_ALL, NULL);
}

/* What comes of each step; free with g_strfreev(). */
static char **play(const char *program, const char *const *options, const char *const *steps)
{
    GPtrArray *replies = g_ptr_array_new();
    Player player = {program, options, NULL, NULL};

    g_free(test_freezing_shell("rm -rf " STATE_DIR " " LOG "; mkdir " STATE_DIR "; touch " LOG));
    start(&player);
    for (; *steps; steps++)
        g_ptr_array_add(replies, play_step(&player, *steps));
    end(&player);
    g_ptr_array_add(replies, NULL);
    for (const char *const *mount = (const char *const[]){"ext4", "xfs", "btrfs", NULL}; *mount;
         mount++) {
        g_autofree char *path = g_strconcat("/mnt/", *mount, NULL);

        test_freezing_assert_thawed(path);
    }
    return (char **)g_ptr_array_free(replies, FALSE);
}

typedef struct {
    const char *const *steps;
    char **firn, **peer;
} Turns;

static void turns_clear(Turns *turns)
{
    g_strfreev(turns->firn);
    g_strfreev(turns->peer);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Turns, turns_clear)

/* FALSE where the packaged agent is not installed. */
static gboolean take_turns(Turns *turns, const char *const *options, const char *const *steps)
{
    static const char *const state[] = {"--statedir=" STATE_DIR, NULL};
    g_autofree char *peer = compare_peer_program();

    test_freezing_check_namespace();
    if (!peer)
        return FALSE;
    turns->steps = steps;
    turns->peer = play(peer, options ? options : state, steps);
    turns->firn = play(g_getenv("FIRN_BINARY"), options ? options : state, steps);
    return TRUE;
}

/* All of them, or those between two steps, are alike. */
static void same_between(const Turns *turns, guint first, guint last)
{
    for (guint i = first; i <= last && turns->steps[i]; i++)
        ck_assert_msg(!strcmp(turns->firn[i], turns->peer[i]), "%u: %s\n  firn: %s\n  peer: %s", i,
                      turns->steps[i], turns->firn[i], turns->peer[i]);
}

static void same(const Turns *turns)
{
    same_between(turns, 0, G_MAXUINT);
}

/* For compare_differs_text(). */
#define REPLIES(STEP, FIRN, PEER) turns.firn[STEP], FIRN, turns.peer[STEP], PEER

/* Counts and states. */
START_TEST(test_counts)
{
    static const char *const steps[] = {
        STATUS,
        THAW,
        FREEZE_LIST("[]"),
        STATUS,
        THAW,
        FREEZE_LIST("[\"/nope\",\"mnt/ext4\",\"\",\"/mnt/ext4/\"]"),
        STATUS,
        FREEZE_LIST("[\"/mnt/ext4\"]"),
        STATUS,
        THAW,
        STATUS,
        FREEZE_LIST("[\"/mnt/xfs\",\"/nope\",\"/mnt/ext4\",\"/mnt/xfs\"]"),
        THAW,
        THAW,
        "{\"execute\":\"guest-fsfreeze-freeze-list\"}",
        STATUS,
        THAW,
        FREEZE,
        STATUS,
        FREEZE,
        FREEZE_LIST("[\"/mnt/ext4\"]"),
        FREEZE_LIST("5"),
        FSTRIM("0"),
        STATUS,
        THAW,
        STATUS,
        FREEZE_LIST("5"),
        "{\"execute\":\"guest-fsfreeze-freeze\",\"arguments\":{\"x\":1}}",
        "{\"execute\":\"guest-fsfreeze-thaw\",\"arguments\":{\"x\":1}}",
        "{\"execute\":\"guest-fsfreeze-status\",\"arguments\":{\"x\":1}}",
        NULL,
    };
    g_auto(Turns) turns = {0};

    if (!take_turns(&turns, NULL, steps))
        TEST_SKIP(NO_PEER);
    same(&turns);
    ck_assert_str_eq(turns.firn[18], "{\"return\":\"frozen\"}");
    ck_assert_ptr_nonnull(strstr(turns.firn[19], "the agent is in frozen state"));
}
END_TEST

/* Every command, with an argument that none has: one that wrongly runs does no harm. */
START_TEST(test_every_command)
{
    g_autoptr(GPtrArray) steps = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *program = compare_peer_program();
    g_autoptr(TestDaemon) peer = program ? compare_start(program, NULL) : NULL;
    g_autoptr(TestClient) client = peer ? test_daemon_connect(peer) : NULL;
    g_autoptr(JsonNode) info =
        client ? test_client_value(client, "{\"execute\":\"guest-info\"}") : NULL;
    g_auto(Turns) turns = {0};
    JsonArray *list;
    guint refused = 0;

    if (!peer)
        TEST_SKIP(NO_PEER);
    list = json_object_get_array_member(json_node_get_object(info), "supported_commands");
    g_ptr_array_add(steps, g_strdup(FREEZE));
    for (guint i = 0; i < json_array_get_length(list); i++) {
        const char *name =
            json_object_get_string_member(json_array_get_object_element(list, i), "name");

        if (strcmp(name, "guest-get-devices") != 0)
            g_ptr_array_add(steps,
                            g_strdup_printf("{\"execute\":\"%s\",\"arguments\":{\"x\":1}}", name));
    }
    g_ptr_array_add(steps, g_strdup(STATUS));
    g_ptr_array_add(steps, g_strdup(THAW));
    g_ptr_array_add(steps, NULL);
    ck_assert(take_turns(&turns, NULL, (const char *const *)steps->pdata));
    same(&turns);
    for (char **reply = turns.firn; *reply; reply++)
        refused += strstr(*reply, "has been disabled: the agent is in frozen state") != NULL;
    ck_assert_uint_eq(refused, json_array_get_length(list) - 1 - 6);
}
END_TEST

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The names that guest-info says are enabled; free with g_free(). */
static char *enabled(const char *reply)
{
    g_autoptr(JsonNode) node = json_from_string(reply, NULL);
    JsonObject *info = json_object_get_object_member(json_node_get_object(node), "return");
    JsonArray *list = json_object_get_array_member(info, "supported_commands");
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < json_array_get_length(list); i++) {
        JsonObject *command = json_array_get_object_element(list, i);

        if (json_object_get_boolean_member(command, "enabled"))
            g_ptr_array_add(names, g_strdup(json_object_get_string_member(command, "name")));
    }
    g_ptr_array_sort(names, by_text);
    g_ptr_array_add(names, NULL);
    return g_strjoinv(" ", (char **)names->pdata);
}

START_TEST(test_enabled)
{
    static const char *const steps[] = {FREEZE, "{\"execute\":\"guest-info\"}", THAW, NULL};
    g_auto(Turns) turns = {0};
    g_autofree char *firn = NULL;
    g_autofree char *peer = NULL;

    if (!take_turns(&turns, NULL, steps))
        TEST_SKIP(NO_PEER);
    firn = enabled(turns.firn[1]);
    peer = enabled(turns.peer[1]);
    ck_assert_str_eq(firn, peer);
    ck_assert_str_eq(firn, "guest-fsfreeze-status guest-fsfreeze-thaw guest-info guest-ping "
                           "guest-sync guest-sync-delimited");
}
END_TEST

/* Somebody else has frozen one of them. */
START_TEST(test_foreign)
{
    static const char *const steps[] = {
        SHELL "fsfreeze -f /mnt/xfs",
        FREEZE_LIST("[\"/mnt/xfs\"]"),
        STATUS,
        THAW,
        SHELL "fsfreeze -u /mnt/xfs 2>/dev/null && echo frozen still || echo thawed too",
        SHELL "fsfreeze -f /mnt/xfs",
        FREEZE,
        STATUS,
        THAW,
        SHELL "fsfreeze -u /mnt/xfs 2>/dev/null && echo frozen still || echo thawed too",
        NULL,
    };
    g_auto(Turns) turns = {0};

    if (!take_turns(&turns, NULL, steps))
        TEST_SKIP(NO_PEER);
    same_between(&turns, 0, 2);
    compare_differs_text("freeze-foreign", REPLIES(3, "{\"return\":0}", "{\"return\":1}"));
    compare_differs_text("freeze-foreign", REPLIES(4, "frozen still", "thawed too"));
    same_between(&turns, 5, 7);
    compare_differs_text("freeze-foreign", REPLIES(8, "{\"return\":2}", "{\"return\":3}"));
    compare_differs_text("freeze-foreign", REPLIES(9, "frozen still", "thawed too"));
}
END_TEST

/* A new agent knows that filesystems are frozen; one that is told to stop does. */
START_TEST(test_restart)
{
    static const char *const steps[] = {
        FREEZE, KILL, STATUS, "{\"execute\":\"guest-get-time\"}",
        FREEZE, THAW, STATUS, THAW,
        FREEZE, STOP, STATUS, THAW,
        STATUS, THAW, NULL,
    };
    g_auto(Turns) turns = {0};

    if (!take_turns(&turns, NULL, steps))
        TEST_SKIP(NO_PEER);
    same_between(&turns, 0, 8);
    compare_differs_text("freeze-stop", REPLIES(9, "ended", "goes on"));
    compare_differs_text("freeze-stop",
                         REPLIES(10, "{\"return\":\"thawed\"}", "{\"return\":\"frozen\"}"));
    compare_differs_text("freeze-stop",
                         REPLIES(11, "*3 filesystems were thawed early*", "{\"return\":3}"));
    same_between(&turns, 12, 13);
}
END_TEST

/* How much btrfs trims depends on how much it has trimmed before. */
START_TEST(test_trim)
{
    static const char *const without[] = {"trimmed", NULL};
    static const char *const steps[] = {
        "{\"execute\":\"guest-fstrim\"}",
        FSTRIM("0"),
        FSTRIM("9223372036854775807"),
        FSTRIM("-1"),
        FSTRIM("1048576"),
        NULL,
    };
    g_auto(Turns) turns = {0};

    if (!take_turns(&turns, NULL, steps))
        TEST_SKIP(NO_PEER);
    for (guint i = 0; steps[i]; i++) {
        for (guint shape = 0; shape < 2; shape++) {
            CompareHow how = shape ? COMPARE_SHAPE : COMPARE_ALL;
            g_autofree char *firn = compare_canonical(turns.firn[i], how, shape ? NULL : without);
            g_autofree char *peer = compare_canonical(turns.peer[i], how, shape ? NULL : without);

            ck_assert_msg(!strcmp(firn, peer), "%s\n  firn: %s\n  peer: %s", steps[i], firn, peer);
        }
    }
    ck_assert_ptr_nonnull(
        strstr(turns.firn[0], "{\"minimum\":0,\"path\":\"/mnt/ext4\",\"trimmed\":"));
}
END_TEST

/* A filesystem that is mounted twice, and one that is read-only. */
START_TEST(test_trim_mounts)
{
    static const char *const steps[] = {
        SHELL
        "mkdir -p /mnt/twice; mount --bind /mnt/ext4 /mnt/twice; mount -o remount,ro /mnt/xfs",
        "{\"execute\":\"guest-fstrim\"}",
        SHELL "umount /mnt/twice; mount -o remount,rw /mnt/xfs",
        NULL,
    };
    g_auto(Turns) turns = {0};

    if (!take_turns(&turns, NULL, steps))
        TEST_SKIP(NO_PEER);
    compare_differs_text("fstrim-once",
                         REPLIES(1, "*\"/mnt/btrfs\"*\"/mnt/ext4\"*",
                                 "*\"/mnt/twice\"*\"/mnt/btrfs\"*\"/mnt/xfs\"*\"/mnt/ext4\"*"));
    ck_assert_ptr_null(strstr(turns.firn[1], "/mnt/twice"));
    ck_assert_ptr_null(strstr(turns.firn[1], "/mnt/xfs"));
}
END_TEST

#define SHOW_LOG SHELL "echo $(cat " LOG "); : >" LOG

/* The hook that the configuration names. */
START_TEST(test_hook)
{
    static const char *const options[] = {"--statedir=" STATE_DIR, "--fsfreeze-hook=" HOOK, NULL};
    static const char *const steps[] = {
        SHELL "printf '#!/bin/sh\\necho $1 >>" LOG "\\necho out; echo err >&2\\n"
              "[ ! -e /run/fail-$1 ]\\n' >" HOOK "; chmod 755 " HOOK,
        FREEZE,
        THAW,
        SHOW_LOG, /* 3 */
        THAW,
        SHOW_LOG,
        SHELL "touch /run/fail-freeze", /* 6 */
        FREEZE,
        STATUS,
        SHELL "rm /run/fail-freeze; touch /run/fail-thaw; : >" LOG, /* 9 */
        FREEZE,
        THAW,
        STATUS, /* 12 */
        SHELL "rm /run/fail-thaw; : >" LOG,
        FREEZE_LIST("[]"),
        SHOW_LOG, /* 15 */
        SHELL "chmod 644 " HOOK,
        FREEZE,
        STATUS, /* 18 */
        SHELL "rm " HOOK,
        FREEZE,
        STATUS, /* 21 */
        THAW,
        NULL,
    };
    g_auto(Turns) turns = {0};

    if (!take_turns(&turns, options, steps))
        TEST_SKIP(NO_PEER);
    same_between(&turns, 0, 3);
    ck_assert_str_eq(turns.firn[3], "freeze thaw");
    compare_differs_text("hook-thaw", REPLIES(5, "", "thaw"));
    compare_differs_text("hook-complaint",
                         REPLIES(7, "*fsfreeze hook has failed with status 1: *out err\"*",
                                 "*fsfreeze hook has failed with status 1\"*"));
    same_between(&turns, 8, 10);
    compare_differs_text("hook-thaw-fails", REPLIES(11, "{\"return\":3}",
                                                    "*fsfreeze hook has failed with status 1\"*"));
    same_between(&turns, 12, 14);
    compare_differs_text("hook-thaw", REPLIES(15, "freeze thaw", "freeze"));
    same_between(&turns, 16, 21);
    compare_differs_text("hook-thaw-fails",
                         REPLIES(22, "{\"return\":0}", "*can't access fsfreeze hook*"));
}
END_TEST

/* A handle that is opened before is refused while frozen, and as good as before afterwards. */
static char *use_file(const char *program)
{
    static const char *const requests[] = {
        "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%s,\"buf-b64\":\"YWJj\"}}",
        FREEZE,
        "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%s,\"buf-b64\":\"ZGVm\"}}",
        "{\"execute\":\"guest-file-flush\",\"arguments\":{\"handle\":%s}}",
        "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":%s}}",
        "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":\"/mnt/xfs/"
        "new\",\"mode\":\"w\"}}",
        THAW,
        "{\"execute\":\"guest-file-write\",\"arguments\":{\"handle\":%s,\"buf-b64\":\"ZGVm\"}}",
        "{\"execute\":\"guest-file-close\",\"arguments\":{\"handle\":%s}}",
        SHELL "cat /mnt/xfs/file; ls /mnt/xfs",
    };
    Player player = {program, NULL, NULL, NULL};
    GString *replies = g_string_new(NULL);
    g_autofree char *handle = NULL;

    start(&player);
    handle =
        test_client_text(player.client, "{\"execute\":\"guest-file-open\",\"arguments\":{\"path\":"
                                        "\"/mnt/xfs/file\",\"mode\":\"w\"}}");
    for (guint i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_auto(GStrv) parts = g_strsplit(requests[i], "%s", -1);
        g_autofree char *request = g_strjoinv(handle, parts);
        g_autofree char *reply = play_step(&player, request);

        g_string_append_printf(replies, "%s\n", reply);
    }
    end(&player);
    g_free(test_freezing_shell("rm /mnt/xfs/file"));
    return g_string_free(replies, FALSE);
}

START_TEST(test_handles)
{
    g_autofree char *program = compare_peer_program();
    g_autofree char *peer = NULL;
    g_autofree char *firn = NULL;

    test_freezing_check_namespace();
    if (!program)
        TEST_SKIP(NO_PEER);
    peer = use_file(program);
    firn = use_file(g_getenv("FIRN_BINARY"));
    ck_assert_str_eq(firn, peer);
    ck_assert(g_str_has_suffix(firn, "abcdef\nfile\n") || g_str_has_suffix(firn, "abcdeffile\n"));
}
END_TEST

/* Without the right to freeze. */
START_TEST(test_no_right)
{
    static const char *const steps[] = {FREEZE, STATUS, THAW, FREEZE_LIST("[\"/mnt/xfs\"]"),
                                        STATUS, NULL};
    g_auto(Turns) turns = {0};
    gboolean there;

    g_setenv("FIRN_WRAPPER", "setpriv --bounding-set -sys_admin", TRUE);
    there = take_turns(&turns, NULL, steps);
    g_unsetenv("FIRN_WRAPPER");
    if (!there)
        TEST_SKIP(NO_PEER);
    compare_differs_text(
        "freeze-reason",
        REPLIES(0,
                "*\"failed to freeze /mnt/btrfs (btrfs on /dev/loop*): Operation not permitted; *",
                "*\"failed to freeze /mnt/btrfs: Operation not permitted\"*"));
    same_between(&turns, 1, 2);
    compare_differs_text(
        "freeze-reason",
        REPLIES(3, "*\"failed to freeze /mnt/xfs (xfs on /dev/loop*): Operation not permitted; *",
                "*\"failed to freeze /mnt/xfs: Operation not permitted\"*"));
    same_between(&turns, 4, 4);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("frozen");
    TCase *tests = tcase_create("frozen");

    tcase_set_timeout(tests, 20);
    tcase_add_test(tests, test_counts);
    tcase_add_test(tests, test_every_command);
    tcase_add_test(tests, test_enabled);
    tcase_add_test(tests, test_foreign);
    tcase_add_test(tests, test_restart);
    tcase_add_test(tests, test_trim);
    tcase_add_test(tests, test_trim_mounts);
    tcase_add_test(tests, test_hook);
    tcase_add_test(tests, test_handles);
    tcase_add_test(tests, test_no_right);
    suite_add_tcase(suite, tests);
    return test_suite_run(suite);
}
