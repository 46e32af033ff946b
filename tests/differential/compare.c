/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/compare.h"

#include "tests/lib/returns.h"

#include <check.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

#define PARSE_ERROR "JSON parse error"

struct Compare {
    TestDaemon *firn, *peer;
    TestClient *firn_client, *peer_client;
};

/* --- replies as text --- */

typedef struct {
    CompareHow how;
    const char *const *without;
} Canon;

static char *canon_node(const Canon *canon, JsonNode *node);

static gint by_text(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *join(GPtrArray *parts, char begin, char end)
{
    g_autofree char *text = NULL;

    g_ptr_array_add(parts, NULL);
    text = g_strjoinv(",", (char **)parts->pdata);
    return g_strdup_printf("%c%s%c", begin, text, end);
}

static char *canon_object(const Canon *canon, JsonObject *object)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GList) names = json_object_get_members(object);

    for (GList *name = names; name; name = name->next) {
        g_autofree char *value = NULL;

        if (canon->without && g_strv_contains(canon->without, name->data))
            continue;
        value = canon_node(canon, json_object_get_member(object, name->data));
        g_ptr_array_add(parts, g_strdup_printf("\"%s\":%s", (const char *)name->data, value));
    }
    g_ptr_array_sort(parts, by_text);
    return join(parts, '{', '}');
}

static char *canon_array(const Canon *canon, JsonArray *array)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

    for (guint i = 0; i < json_array_get_length(array); i++)
        g_ptr_array_add(parts, canon_node(canon, json_array_get_element(array, i)));
    if (canon->how & (COMPARE_UNORDERED | COMPARE_SHAPE))
        g_ptr_array_sort(parts, by_text);
    for (guint i = 1; canon->how & COMPARE_SHAPE && i < parts->len;) {
        if (strcmp(parts->pdata[i - 1], parts->pdata[i]) == 0)
            g_ptr_array_remove_index(parts, i);
        else
            i++;
    }
    return join(parts, '[', ']');
}

static char *canon_node(const Canon *canon, JsonNode *node)
{
    if (JSON_NODE_HOLDS_OBJECT(node))
        return canon_object(canon, json_node_get_object(node));
    if (JSON_NODE_HOLDS_ARRAY(node))
        return canon_array(canon, json_node_get_array(node));
    if (canon->how & COMPARE_SHAPE) {
        /* A number that happens to be whole may be written either way. */
        const char *type = json_node_type_name(node);

        return g_strdup(g_str_equal(type, "Floating Point") ? "Integer" : type);
    }
    return json_to_string(node, FALSE);
}

char *compare_canonical(const char *line, CompareHow how, const char *const *without)
{
    const Canon canon = {how, without};
    g_autoptr(JsonNode) node = NULL;
    JsonObject *reply;

    while ((guchar)*line == 0xff)
        line++;
    node = json_from_string(line, NULL);
    ck_assert_msg(node && JSON_NODE_HOLDS_OBJECT(node), "no reply: %s", line);
    reply = json_node_get_object(node);
    json_object_remove_member(reply, "id");
    /* The text and class of an error always count, but for what is wrong with a text that is no
     * JSON: nobody looks at that, and the packaged agents do not agree on it. */
    if (json_object_has_member(reply, "error")) {
        JsonObject *error = json_object_get_object_member(reply, "error");

        if (g_str_has_prefix(json_object_get_string_member(error, "desc"), PARSE_ERROR))
            json_object_set_string_member(error, "desc", PARSE_ERROR);
        return canon_object(&(Canon){COMPARE_ALL, NULL}, reply);
    }
    return canon_object(&canon, reply);
}

/* --- agents --- */

char *compare_peer_program(void)
{
    char *program = g_find_program_in_path("qemu-ga");

    if (!program && g_file_test("/usr/sbin/qemu-ga", G_FILE_TEST_IS_EXECUTABLE))
        program = g_strdup("/usr/sbin/qemu-ga");
    return program;
}

TestDaemon *compare_start(const char *program, const char *const *options)
{
    g_autofree char *firn = g_strdup(g_getenv("FIRN_BINARY"));
    TestDaemon *daemon;

    ck_assert_msg(firn != NULL, "FIRN_BINARY does not say where the agent is: use meson test");
    g_setenv("FIRN_BINARY", program, TRUE);
    daemon = test_daemon_start(options);
    g_setenv("FIRN_BINARY", firn, TRUE);
    return daemon;
}

Compare *compare_new(void)
{
    return compare_new_with(NULL);
}

Compare *compare_new_with(const char *const *options)
{
    g_autofree char *program = compare_peer_program();
    Compare *compare;

    if (!program)
        return NULL;
    compare = g_new0(Compare, 1);
    compare->peer = compare_start(program, options);
    compare->firn = test_daemon_start(options);
    compare->peer_client = test_daemon_connect(compare->peer);
    compare->firn_client = test_daemon_connect(compare->firn);
    return compare;
}

void compare_free(Compare *compare)
{
    if (!compare)
        return;
    test_client_free(compare->firn_client);
    test_client_free(compare->peer_client);
    test_daemon_free(compare->firn);
    test_daemon_free(compare->peer);
    g_free(compare);
}

TestClient *compare_firn(Compare *compare)
{
    return compare->firn_client;
}

TestClient *compare_peer(Compare *compare)
{
    return compare->peer_client;
}

int compare_peer_pid(const Compare *compare)
{
    return test_daemon_pid(compare->peer);
}

static char *ask_one(TestClient *client, const char *request, CompareHow how,
                     const char *const *without)
{
    g_autofree char *line = NULL;

    test_client_send(client, request);
    test_client_send(client, "\n");
    line = test_client_line(client);
    ck_assert_msg(line != NULL, "an agent hung up at %s", request);
    test_returns_check(request, line);
    return compare_canonical(line, how, without);
}

static void check_alike(const char *request, const char *firn, const char *peer)
{
    ck_assert_msg(strcmp(firn, peer) == 0, "%s\n  firn: %s\n  peer: %s", request, firn, peer);
}

void compare_ask(Compare *compare, const char *request, CompareHow how, const char *const *without)
{
    g_autofree char *peer = ask_one(compare->peer_client, request, how, without);
    g_autofree char *firn = ask_one(compare->firn_client, request, how, without);

    check_alike(request, firn, peer);
}

void compare_same(Compare *compare, const char *request)
{
    compare_ask(compare, request, COMPARE_ALL, NULL);
}

static char *put(const char *text, const char *what, const char *instead)
{
    g_auto(GStrv) parts = g_strsplit(text, what, -1);

    return g_strjoinv(instead, parts);
}

static char *ask_named(TestClient *client, const char *request, const char *name)
{
    g_autofree char *full = put(request, "%s", name);
    g_autofree char *reply = ask_one(client, full, COMPARE_ALL, NULL);
    g_autofree char *quoted = g_strdup_printf("'%s'", name);

    return put(reply, quoted, "'NAME'");
}

void compare_same_named(Compare *compare, const char *request, const char *firn_name,
                        const char *peer_name)
{
    g_autofree char *peer = ask_named(compare->peer_client, request, peer_name);
    g_autofree char *firn = ask_named(compare->firn_client, request, firn_name);

    check_alike(request, firn, peer);
}

gboolean compare_is_listed(const char *name)
{
    const char *page = g_getenv("FIRN_DIFFERENCES");
    g_autofree char *heading = g_strdup_printf("| `%s` |", name);
    g_autofree char *text = NULL;

    return page && g_file_get_contents(page, &text, NULL, NULL) && strstr(text, heading);
}

void compare_differs_text(const char *name, const char *from_firn, const char *firn,
                          const char *from_peer, const char *peer)
{
    ck_assert_msg(compare_is_listed(name), "docs/differences.md has no row `%s`", name);
    ck_assert_msg(g_pattern_match_simple(firn, from_firn), "%s\n  firn: %s\n  not: %s", name,
                  from_firn, firn);
    ck_assert_msg(g_pattern_match_simple(peer, from_peer), "%s\n  peer: %s\n  not: %s", name,
                  from_peer, peer);
}

void compare_differs_named(Compare *compare, const char *name, const char *request,
                           const char *firn_name, const char *peer_name, const char *firn,
                           const char *peer)
{
    g_autofree char *from_peer = ask_named(compare->peer_client, request, peer_name);
    g_autofree char *from_firn = ask_named(compare->firn_client, request, firn_name);

    compare_differs_text(name, from_firn, firn, from_peer, peer);
}

void compare_differs(Compare *compare, const char *name, const char *request, const char *firn,
                     const char *peer)
{
    g_autofree char *from_peer = ask_one(compare->peer_client, request, COMPARE_ALL, NULL);
    g_autofree char *from_firn = ask_one(compare->firn_client, request, COMPARE_ALL, NULL);

    compare_differs_text(name, from_firn, firn, from_peer, peer);
}

gboolean compare_own_mounts(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}
