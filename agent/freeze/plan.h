/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_FREEZE_PLAN_H
#define AGENT_FREEZE_PLAN_H

#include "agent/freeze/selection.h"
#include "platform/devices.h"
#include "platform/mountinfo.h"
#include "platform/roots.h"

/*
 * What a freeze freezes, and in which order. Pure: tables in, list out. To make the tables, loop
 * devices are opened, and where that is not enough mountpoints that no server leads to
 * (platform/backing.h); a filesystem whose server is gone is not even looked at.
 *
 * A target is one superblock. Network and FUSE filesystems and those without a device are left out.
 * The order is that of mounting, reversed, by each superblock's first mount, the root filesystem
 * last; corrected only where one stands on another (a loop device's file, dm, md): what stands on
 * top comes first. Thawing goes through the same list backwards.
 */
typedef struct {
    int id; /* as statx(2) gives it in stx_mnt_id */
    const char *path;
    gboolean hidden; /* something is mounted over it: the path leads elsewhere */
    gboolean
        remote; /* the way to it leads through a network or FUSE filesystem: opening it may hang */
} FirnPlanMount;

typedef struct {
    dev_t device; /* of the superblock; on btrfs it is not the st_dev of its files */
    const char *type;
    const char *source;
    const char *mountpoint;      /* the one to tell people: the first of `mounts` */
    const FirnPlanMount *mounts; /* in the order to try them: visible ones before hidden ones, then
                                    those that no server holds up before remote ones, then whole
                                    filesystems before folders and files of it */
    guint mount_count;           /* at least 1 */
    gboolean read_only;          /* the superblock is */
    guint disk;                  /* targets of one number share a disk; from 0 */
} FirnPlanTarget;

typedef enum {
    FIRN_OMITTED_NETWORK,
    FIRN_OMITTED_FUSE,
    FIRN_OMITTED_NO_DEVICE, /* proc, tmpfs, overlay and the like */
    FIRN_OMITTED_EXCLUDED,
    FIRN_OMITTED_NOT_INCLUDED,
    FIRN_OMITTED_NOT_REQUESTED,
    FIRN_OMITTED_ELSEWHERE, /* only another mount namespace has it */
} FirnPlanReason;

typedef struct {
    const char *mountpoint; /* of its first mount; of ELSEWHERE, as that process sees it */
    const char *type;
    const char *source;
    FirnPlanReason reason;
    const char *pattern; /* of EXCLUDED: the configuration's; else NULL */
    const char *whose;   /* of ELSEWHERE: a process there, such as "pid 812 (nginx)"; else NULL */
    dev_t device;        /* of the superblock */
} FirnPlanOmission;

typedef struct {
    const FirnPlanTarget *targets; /* in the order to freeze them */
    guint count;
    const FirnPlanOmission *omissions; /* in the order of mounting, one a superblock;
                                          those elsewhere last */
    guint omission_count;
    struct FirnPlanStore *store; /* what the strings and arrays live in */
} FirnPlan;

/* devices: NULL when nothing is known of what stands on what. Keeps nothing of its arguments. Free
 * with firn_plan_free(). */
FirnPlan *firn_plan_new(const FirnMounts *mounts, const FirnDevices *devices,
                        const FirnSelection *selection);
void firn_plan_free(FirnPlan *plan);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnPlan, firn_plan_free)

/*
 * Adds what only other mount namespaces have mounted to the plan's omissions, as far as the
 * selection would have it. others: of FirnMountNamespace, see firn_mount_namespaces_read(). mounts:
 * those that the plan was made of.
 */
void firn_plan_add_elsewhere(FirnPlan *plan, const FirnMounts *mounts, const GPtrArray *others,
                             const FirnSelection *selection);

/* Reads the tables of `roots` and plans by the patterns of freeze-exclude and freeze-include (see
 * firn_selection_new()) and the request's mountpoints (NULL: all). NULL with an error when the
 * table of mounts cannot be read. */
FirnPlan *firn_plan_make(const FirnRoots *roots, const char *const *exclude,
                         const char *const *include, const char *const *mountpoints,
                         GError **error);

/* Why, in a few words such as "network filesystem". */
const char *firn_plan_reason_text(FirnPlanReason reason);

#endif
