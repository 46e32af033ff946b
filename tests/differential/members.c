/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/differential/members.h"

#include <check.h>
#include <string.h>

/* One comparison: what was expected, and what of it was seen. */
typedef struct {
    const CompareMember *members;
    GHashTable *seen; /* paths */
    GString *faults;
} Comparison;

static const CompareMember *find_expected(const Comparison *comparison, const char *path)
{
    for (const CompareMember *it = comparison->members; it && it->path; it++)
        if (strcmp(it->path, path) == 0)
            return it;
    return NULL;
}

static char *to_text(JsonNode *node)
{
    return node ? json_to_string(node, FALSE) : g_strdup("(absent)");
}

static void note(Comparison *comparison, const char *path, JsonNode *peer, JsonNode *firn)
{
    g_autofree char *peer_text = to_text(peer);
    g_autofree char *firn_text = to_text(firn);

    g_hash_table_add(comparison->seen, g_strdup(path));
    if (!find_expected(comparison, path))
        g_string_append_printf(comparison->faults, "\n  %s\n    packaged %s\n    firn     %s", path,
                               peer_text, firn_text);
}

static void compare_nodes(Comparison *comparison, const char *path, JsonNode *peer, JsonNode *firn);

static void compare_objects(Comparison *comparison, const char *path, JsonObject *peer,
                            JsonObject *firn)
{
    g_autoptr(GList) members = json_object_get_members(peer);
    g_autoptr(GList) others = json_object_get_members(firn);

    for (GList *it = members; it; it = it->next) {
        g_autofree char *below =
            g_strdup_printf("%s%s%s", path, *path ? "." : "", (const char *)it->data);

        compare_nodes(comparison, below, json_object_get_member(peer, it->data),
                      json_object_get_member(firn, it->data));
    }
    for (GList *it = others; it; it = it->next) {
        g_autofree char *below =
            g_strdup_printf("%s%s%s", path, *path ? "." : "", (const char *)it->data);

        if (!json_object_has_member(peer, it->data))
            compare_nodes(comparison, below, NULL, json_object_get_member(firn, it->data));
    }
}

static void compare_arrays(Comparison *comparison, const char *path, JsonNode *peer, JsonNode *firn)
{
    g_autofree char *below = g_strconcat(path, "[]", NULL);
    JsonArray *ours = json_node_get_array(firn);
    JsonArray *theirs = json_node_get_array(peer);

    if (json_array_get_length(ours) != json_array_get_length(theirs)) {
        note(comparison, below, peer, firn);
        return;
    }
    for (guint i = 0; i < json_array_get_length(ours); i++)
        compare_nodes(comparison, below, json_array_get_element(theirs, i),
                      json_array_get_element(ours, i));
}

static void compare_nodes(Comparison *comparison, const char *path, JsonNode *peer, JsonNode *firn)
{
    const CompareMember *expected = find_expected(comparison, path);

    if (!peer || !firn || json_node_get_node_type(peer) != json_node_get_node_type(firn) ||
        json_node_get_value_type(peer) != json_node_get_value_type(firn)) {
        note(comparison, path, peer, firn);
    } else if (JSON_NODE_HOLDS_OBJECT(peer)) {
        compare_objects(comparison, path, json_node_get_object(peer), json_node_get_object(firn));
    } else if (JSON_NODE_HOLDS_ARRAY(peer)) {
        compare_arrays(comparison, path, peer, firn);
    } else if (!(expected && !expected->name) && !json_node_equal(peer, firn)) {
        note(comparison, path, peer, firn);
    }
}

static void check_expected(Comparison *comparison)
{
    for (const CompareMember *it = comparison->members; it && it->path; it++) {
        if (it->name && !g_hash_table_contains(comparison->seen, it->path))
            g_string_append_printf(comparison->faults,
                                   "\n  %s is the same, though `%s` says it is not", it->path,
                                   it->name);
        if (it->name && !compare_is_listed(it->name))
            g_string_append_printf(comparison->faults, "\n  docs/differences.md has no row `%s`",
                                   it->name);
    }
}

void compare_members(Compare *compare, const char *request, const CompareMember *members)
{
    g_autoptr(JsonNode) peer = test_client_ask(compare_peer(compare), request);
    g_autoptr(JsonNode) firn = test_client_ask(compare_firn(compare), request);
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GString) faults = g_string_new(NULL);
    Comparison comparison = {members, seen, faults};

    compare_nodes(&comparison, "", peer, firn);
    check_expected(&comparison);
    if (faults->len > 0)
        ck_abort_msg("%s: the agents differ:%s", request, faults->str);
}
