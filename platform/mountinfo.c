/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "platform/mountinfo.h"

#include <string.h>
#include <sys/sysmacros.h>

/* Takes the next field off the line at *at. Fields are parted by exactly one space: an empty source
 * makes an empty field. NULL at the end of the line. */
static char *next_field(char **at)
{
    char *field = *at;
    char *end;

    if (!field)
        return NULL;
    end = strchr(field, ' ');
    if (end)
        *end++ = '\0';
    *at = end;
    return field;
}

static gboolean is_octal(char c)
{
    return c >= '0' && c <= '7';
}

/* The kernel writes space, tab, newline, backslash and '#' as \ooo. */
static char *unescape(char *text)
{
    char *from = strchr(text, '\\');
    char *to = from;

    while (from && *from) {
        if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && is_octal(from[2]) &&
            is_octal(from[3]) && (from[1] != '0' || from[2] != '0' || from[3] != '0')) {
            *to++ = (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0'));
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    if (to)
        *to = '\0';
    return text;
}

static gboolean parse_number(const char *text, guint64 max, guint64 *value)
{
    return text && g_ascii_string_to_unsigned(text, 10, 0, max, value, NULL);
}

static gboolean parse_device(char *text, dev_t *device)
{
    char *colon = text ? strchr(text, ':') : NULL;
    guint64 major_number, minor_number;

    if (!colon)
        return FALSE;
    *colon = '\0';
    if (!parse_number(text, G_MAXUINT32, &major_number) ||
        !parse_number(colon + 1, G_MAXUINT32, &minor_number))
        return FALSE;
    *device = makedev((guint)major_number, (guint)minor_number);
    return TRUE;
}

/* "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue" */
static gboolean parse_line(char *line, FirnMount *mount)
{
    guint64 id, parent;
    char *field;

    if (!parse_number(next_field(&line), G_MAXINT, &id) ||
        !parse_number(next_field(&line), G_MAXINT, &parent) ||
        !parse_device(next_field(&line), &mount->device))
        return FALSE;
    mount->id = (int)id;
    mount->parent = (int)parent;
    mount->root = next_field(&line);
    mount->mountpoint = next_field(&line);
    mount->options = next_field(&line);
    do {
        field = next_field(&line);
    } while (field && strcmp(field, "-") != 0);
    mount->type = next_field(&line);
    mount->source = next_field(&line);
    mount->super_options = line;
    if (!mount->super_options)
        return FALSE;
    unescape(mount->root);
    unescape(mount->mountpoint);
    unescape(mount->type);
    unescape(mount->source);
    return TRUE;
}

FirnMounts *firn_mounts_parse(const char *text, gssize length)
{
    FirnMounts *mounts = g_new0(FirnMounts, 1);
    g_autoptr(GArray) entries = g_array_new(FALSE, FALSE, sizeof(FirnMount));
    gsize size = length < 0 ? strlen(text) : (gsize)length;
    char *line, *end;

    mounts->text = g_malloc(size + 1);
    if (size > 0)
        memcpy(mounts->text, text, size);
    mounts->text[size] = '\0';
    end = mounts->text + size;
    for (line = mounts->text; line < end;) {
        char *newline = memchr(line, '\n', (gsize)(end - line));
        char *next = newline ? newline + 1 : end;
        FirnMount mount = {0};

        if (newline)
            *newline = '\0';
        if (parse_line(line, &mount))
            g_array_append_val(entries, mount);
        else
            mounts->skipped++;
        line = next;
    }
    mounts->count = entries->len;
    mounts->entries = (FirnMount *)(gpointer)g_array_free(g_steal_pointer(&entries), FALSE);
    return mounts;
}

void firn_mounts_free(FirnMounts *mounts)
{
    if (!mounts)
        return;
    g_free(mounts->entries);
    g_free(mounts->text);
    g_free(mounts);
}

FirnMounts *firn_mounts_read(const FirnRoots *roots, GError **error)
{
    g_autofree char *path = firn_roots_path(roots, "/proc/self/mountinfo");
    g_autofree char *text = NULL;
    gsize length;

    if (!g_file_get_contents(path, &text, &length, error))
        return NULL;
    return firn_mounts_parse(text, (gssize)length);
}

/* The option at *at and its length; moves *at behind it. */
static const char *next_option(const char **at, gsize *length)
{
    const char *option = *at;

    if (!option || !*option)
        return NULL;
    *length = strcspn(option, ",");
    *at = option + *length + (option[*length] == ',' ? 1 : 0);
    return option;
}

gboolean firn_mount_option(const char *options, const char *option)
{
    gsize wanted = strlen(option);
    const char *found;
    gsize length;

    while ((found = next_option(&options, &length)))
        if (length == wanted && strncmp(found, option, length) == 0)
            return TRUE;
    return FALSE;
}

char *firn_mount_option_value(const char *options, const char *name)
{
    gsize wanted = strlen(name);
    const char *found;
    gsize length;

    while ((found = next_option(&options, &length)))
        if (length > wanted && found[wanted] == '=' && strncmp(found, name, wanted) == 0)
            return unescape(g_strndup(found + wanted + 1, length - wanted - 1));
    return NULL;
}

gboolean firn_mount_is_read_only(const FirnMount *mount)
{
    return firn_mount_option(mount->options, "ro") || firn_mount_option(mount->super_options, "ro");
}

gboolean firn_mount_type_is_fuse(const char *type)
{
    return g_str_equal(type, "fuse") || g_str_has_prefix(type, "fuse.") ||
           g_str_equal(type, "fuseblk") || g_str_has_prefix(type, "fuseblk.");
}

static gboolean is_one_of(const char *type, const char *const *types, gsize count)
{
    for (gsize i = 0; i < count; i++)
        if (g_str_equal(type, types[i]))
            return TRUE;
    return FALSE;
}

gboolean firn_mount_type_is_network(const char *type)
{
    static const char *const types[] = {
        "9p",    "acfs",   "afs",  "beegfs", "ceph",  "cifs",     "coda",
        "gpfs",  "lustre", "ncp",  "ncpfs",  "nfs",   "nfs4",     "orangefs",
        "panfs", "pvfs2",  "smb2", "smb3",   "smbfs", "virtiofs", "vboxsf",
    };

    return is_one_of(type, types, G_N_ELEMENTS(types));
}

gboolean firn_mount_type_cannot_freeze(const char *type)
{
    static const char *const types[] = {
        "cramfs", "erofs", "exfat", "hfs",   "hfsplus",  "iso9660", "minix", "msdos",
        "ntfs",   "ntfs3", "ocfs2", "romfs", "squashfs", "udf",     "ufs",   "vfat",
    };

    return is_one_of(type, types, G_N_ELEMENTS(types));
}

/* A mount is found by the mount below it and its mountpoint, as the kernel does. */
typedef struct {
    int parent;
    const char *mountpoint;
} Place;

struct FirnMountIndex {
    const FirnMount *root;
    Place *places;
    GHashTable *children; /* Place -> FirnMount */
};

static guint place_hash(gconstpointer key)
{
    const Place *place = key;

    return g_str_hash(place->mountpoint) * 31 + (guint)place->parent;
}

static gboolean place_equal(gconstpointer a, gconstpointer b)
{
    const Place *left = a;
    const Place *right = b;

    return left->parent == right->parent && g_str_equal(left->mountpoint, right->mountpoint);
}

FirnMountIndex *firn_mount_index_new(const FirnMounts *mounts)
{
    FirnMountIndex *index = g_new0(FirnMountIndex, 1);
    g_autoptr(GHashTable) ids = g_hash_table_new(NULL, NULL);

    index->places = g_new(Place, mounts->count);
    index->children = g_hash_table_new(place_hash, place_equal);
    for (guint i = 0; i < mounts->count; i++)
        g_hash_table_add(ids, GINT_TO_POINTER(mounts->entries[i].id));
    for (guint i = 0; i < mounts->count; i++) {
        FirnMount *mount = &mounts->entries[i];

        index->places[i] = (Place){mount->parent, mount->mountpoint};
        if (mount->parent != mount->id &&
            g_hash_table_contains(ids, GINT_TO_POINTER(mount->parent)))
            g_hash_table_insert(index->children, &index->places[i], mount);
        else if (!index->root && g_str_equal(mount->mountpoint, "/"))
            index->root = mount;
    }
    return index;
}

void firn_mount_index_free(FirnMountIndex *index)
{
    if (!index)
        return;
    g_hash_table_unref(index->children);
    g_free(index->places);
    g_free(index);
}

/* Climbs to the topmost mount at exactly this place. A table cannot hold more steps than mounts, so
 * a made-up circle ends. */
static const FirnMount *climb(const FirnMountIndex *index, const FirnMount *mount, const char *path)
{
    guint steps = g_hash_table_size(index->children);

    for (; steps > 0; steps--) {
        Place place = {mount->id, path};
        const FirnMount *above = g_hash_table_lookup(index->children, &place);

        if (!above)
            break;
        mount = above;
    }
    return mount;
}

const FirnMount *firn_mount_index_find(const FirnMountIndex *index, const char *path)
{
    g_autofree char *walk = g_strdup(path);
    const FirnMount *mount = index->root;

    if (!mount || path[0] != '/')
        return NULL;
    mount = climb(index, mount, "/");
    for (char *at = walk + 1; *at; at++) {
        char *slash = strchr(at, '/');

        if (!slash)
            return climb(index, mount, walk);
        *slash = '\0';
        mount = climb(index, mount, walk);
        *slash = '/';
        at = slash;
    }
    return mount;
}
