/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/suite.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Tests run in forked children; their skips come back through a file that all of them share. */
static int skip_fd = -1;

void test_skip(const char *test, int round, const char *format, ...)
{
    /* what START_TEST() makes of a test's name */
    gsize length = strlen(test) - (g_str_has_suffix(test, "_fn") ? strlen("_fn") : 0);
    g_autofree char *why = NULL;
    g_autofree char *line = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    line = g_strdup_printf("%.*s:%d %s\n", (int)length, test, round, g_strdelimit(why, "\n", ' '));
    if (write(skip_fd, line, strlen(line)) < 0)
        ck_abort_msg("cannot tell the runner of a skip");
}

int test_on_valgrind(void)
{
    return g_strcmp0(g_getenv("FIRN_CHECKER"), "valgrind") == 0;
}

static GHashTable *read_skips(void)
{
    GHashTable *skips = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    off_t size = lseek(skip_fd, 0, SEEK_END);
    g_autofree char *text = g_malloc0((gsize)size + 1);
    g_auto(GStrv) lines = NULL;

    if (pread(skip_fd, text, (size_t)size, 0) != size)
        return skips;
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++) {
        char *space = strchr(*line, ' ');

        if (space)
            g_hash_table_insert(skips, g_strndup(*line, (gsize)(space - *line)),
                                g_strdup(space + 1));
    }
    return skips;
}

/*
 * A line of Check's TAP is "ok 1 - file:case:test: message". A test in a loop has a line for each
 * round, in their order: `rounds` counts them.
 */
static void print_line(const char *line, GHashTable *skips, GHashTable *rounds)
{
    g_auto(GStrv) parts = g_strsplit(line, ":", 4);
    const char *why = NULL;

    if (g_strv_length(parts) > 2) {
        int round = GPOINTER_TO_INT(g_hash_table_lookup(rounds, parts[2]));
        g_autofree char *name = g_strdup_printf("%s:%d", parts[2], round);

        g_hash_table_insert(rounds, g_strdup(parts[2]), GINT_TO_POINTER(round + 1));
        if (g_str_has_prefix(line, "ok "))
            why = g_hash_table_lookup(skips, name);
    }
    if (why)
        printf("%s:%s:%s # SKIP %s\n", parts[0], parts[1], parts[2], why);
    else
        printf("%s\n", line);
}

/* A fixture that failed before its tests were forked is in no line of Check's: those of its tests
 * are missing. */
static void print_fixtures(SRunner *runner, char **lines)
{
    TestResult **failures = srunner_failures(runner);
    int missing = srunner_ntests_failed(runner);

    for (char **line = lines; *line; line++)
        missing -= g_str_has_prefix(*line, "not ok ");
    for (int i = 0; missing > 0 && i < srunner_ntests_failed(runner); i++) {
        if (tr_ctx(failures[i]) == CK_CTX_SETUP)
            printf("not ok - %s:%s:fixture: %s\n", tr_lfile(failures[i]), tr_tcname(failures[i]),
                   tr_msg(failures[i]));
    }
    free(failures);
}

int test_suite_run(Suite *suite)
{
    SRunner *runner = srunner_create(suite);
    g_autofree char *path = NULL;
    g_autofree char *tap = NULL;
    g_autoptr(GHashTable) skips = NULL;
    g_autoptr(GHashTable) rounds = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = NULL;
    int run, failed, fd;

    /* no name made of the process id: programs in other process namespaces have the same one */
    fd = g_file_open_tmp("firn-tap.XXXXXX", &path, NULL);
    if (fd < 0)
        return 2;
    close(fd);
    skip_fd = memfd_create("skips", 0);
    srunner_set_tap(runner, path);
    srunner_run_all(runner, CK_SILENT);
    run = srunner_ntests_run(runner);
    failed = srunner_ntests_failed(runner);
    if (!g_file_get_contents(path, &tap, NULL, NULL))
        return 2;
    unlink(path);
    lines = g_strsplit(g_strchomp(tap), "\n", -1);
    print_fixtures(runner, lines);
    srunner_free(runner);
    skips = read_skips();
    for (char **line = lines; *line; line++)
        print_line(*line, skips, rounds);
    return run == 0 || failed > 0;
}
