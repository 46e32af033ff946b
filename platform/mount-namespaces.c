/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/mount-namespaces.h"

#include <fcntl.h>
#include <unistd.h>

#define MOST_NAMESPACES 256
#define MOST_BYTES (16 * 1024 * 1024)

static void mount_namespace_free(gpointer data)
{
    FirnMountNamespace *found = data;

    firn_mounts_free(found->mounts);
    g_free(found->whose);
    g_free(found);
}

/* "mnt:[4026531841]" of namespaces(7), or NULL. */
static char *mount_namespace_name(const FirnRoots *roots, const char *process)
{
    g_autofree char *path = firn_roots_pathf(roots, "/proc/%s/ns/mnt", process);

    return g_file_read_link(path, NULL);
}

/* The process with the lowest number in each (name -> number), but for this one's own. */
static GHashTable *mount_namespaces_list(const FirnRoots *roots)
{
    GHashTable *lowest = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autofree char *path = firn_roots_path(roots, "/proc");
    g_autofree char *own = mount_namespace_name(roots, "self");
    g_autoptr(GDir) proc = g_dir_open(path, 0, NULL);
    const char *entry;

    while (proc && (entry = g_dir_read_name(proc))) {
        guint64 pid, known;
        g_autofree char *name = NULL;

        if (!g_ascii_string_to_unsigned(entry, 10, 1, G_MAXINT, &pid, NULL))
            continue;
        name = mount_namespace_name(roots, entry);
        if (!name || g_strcmp0(name, own) == 0)
            continue;
        known = GPOINTER_TO_UINT(g_hash_table_lookup(lowest, name));
        if (known == 0 || pid < known)
            g_hash_table_replace(lowest, g_steal_pointer(&name), GUINT_TO_POINTER((guint)pid));
    }
    return lowest;
}

static char *mount_namespace_describe(const FirnRoots *roots, guint pid)
{
    g_autofree char *path = firn_roots_pathf(roots, "/proc/%u/comm", pid);
    g_autofree char *comm = NULL;

    if (!g_file_get_contents(path, &comm, NULL, NULL))
        return g_strdup_printf("pid %u", pid);
    g_strchomp(comm);
    for (char *at = comm; *at; at++) {
        if (g_ascii_iscntrl(*at))
            *at = '?';
    }
    return g_strdup_printf("pid %u (%s)", pid, comm);
}

/* The whole lines among the first `left` bytes, which it counts down; NULL when the process is
 * gone. Free with g_free(). */
static char *mount_namespace_read_table(const FirnRoots *roots, guint pid, gsize *left)
{
    g_autofree char *path = firn_roots_pathf(roots, "/proc/%u/mountinfo", pid);
    g_autoptr(GString) text = g_string_new(NULL);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char piece[65536];
    ssize_t length = 1;

    if (fd < 0)
        return NULL;
    while (*left > 0 && (length = read(fd, piece, MIN(sizeof piece, *left))) > 0) {
        g_string_append_len(text, piece, length);
        *left -= (gsize)length;
    }
    close(fd);
    while (*left == 0 && text->len > 0 && text->str[text->len - 1] != '\n')
        g_string_truncate(text, text->len - 1);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static FirnMountNamespace *mount_namespace_read(const FirnRoots *roots, guint pid, gsize *left)
{
    g_autofree char *text = mount_namespace_read_table(roots, pid, left);
    FirnMountNamespace *found;

    if (!text)
        return NULL;
    found = g_new0(FirnMountNamespace, 1);
    found->mounts = firn_mounts_parse(text, -1);
    found->whose = mount_namespace_describe(roots, pid);
    return found;
}

static int compare_pids(gconstpointer a, gconstpointer b)
{
    guint left = GPOINTER_TO_UINT(a);
    guint right = GPOINTER_TO_UINT(b);

    return (left > right) - (left < right);
}

GPtrArray *firn_mount_namespaces_read(const FirnRoots *roots)
{
    GPtrArray *namespaces = g_ptr_array_new_with_free_func(mount_namespace_free);
    g_autoptr(GHashTable) lowest = mount_namespaces_list(roots);
    g_autoptr(GList) pids = g_list_sort(g_hash_table_get_values(lowest), compare_pids);
    gsize left = MOST_BYTES;

    for (GList *item = pids; item && left > 0 && namespaces->len < MOST_NAMESPACES;
         item = item->next) {
        FirnMountNamespace *found =
            mount_namespace_read(roots, GPOINTER_TO_UINT(item->data), &left);

        if (found)
            g_ptr_array_add(namespaces, found);
    }
    return namespaces;
}
