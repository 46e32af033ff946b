/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include "agent/freeze/timeline.h"

#include <string.h>

static void append_printable(GString *out, const char *text, gboolean utf8)
{
    g_autofree char *printable = firn_timeline_printable(text, utf8);

    g_string_append(out, printable);
}

static void append_finding(GString *out, const FirnFinding *finding, const char *area,
                           gboolean utf8)
{
    static const char *const ascii[] = {"ok  ", "WARN", "FAIL"};
    static const char *const marks[] = {"✓", "!", "✗"};

    g_string_append_printf(out, "%-14s %s ", area,
                           utf8 ? marks[finding->level] : ascii[finding->level]);
    append_printable(out, finding->text, utf8);
    g_string_append_c(out, '\n');
    if (!finding->remedy)
        return;
    g_string_append_printf(out, "%-14s %s ", "", utf8 ? "  →" : "     ->");
    append_printable(out, finding->remedy, utf8);
    g_string_append_c(out, '\n');
}

static guint widest(guint so_far, const char *text, gboolean utf8, guint most)
{
    g_autofree char *printable = firn_timeline_printable(text, utf8);

    return MIN(MAX(so_far, (guint)g_utf8_strlen(printable, -1)), most);
}

static void append_columns(GString *out, const char *mountpoint, guint mountpoint_width,
                           const char *type, guint type_width, gboolean utf8)
{
    firn_timeline_append_fixed(out, mountpoint, mountpoint_width, utf8);
    g_string_append(out, "  ");
    firn_timeline_append_fixed(out, type, type_width, utf8);
    g_string_append(out, "  ");
}

static gboolean freezes(const FirnDoctor *doctor, guint target)
{
    return doctor->targets[target].state == FIRN_DOCTOR_FREEZES;
}

static void append_targets(GString *out, const FirnDoctor *doctor, gboolean utf8)
{
    const FirnPlan *plan = doctor->plan;
    guint mountpoints = 0, types = 0, number = 0;

    for (guint i = 0; i < plan->count; i++) {
        if (!freezes(doctor, i))
            continue;
        mountpoints = widest(mountpoints, plan->targets[i].mountpoint, utf8, 40);
        types = widest(types, plan->targets[i].type, utf8, 16);
        number++;
    }
    if (number == 0)
        return;
    number = 0;
    g_string_append(out, "\nWould be frozen, in this order (and thawed in the opposite one):\n");
    for (guint i = 0; i < plan->count; i++) {
        const FirnPlanTarget *target = &plan->targets[i];

        if (!freezes(doctor, i))
            continue;
        g_string_append_printf(out, "%4u  ", ++number);
        append_columns(out, target->mountpoint, mountpoints, target->type, types, utf8);
        append_printable(out, target->source, utf8);
        if (target->mount_count > 1)
            g_string_append_printf(out, " (%u mounts)", target->mount_count);
        if (target->read_only)
            g_string_append(out, " (read-only)");
        g_string_append_c(out, '\n');
    }
}

typedef struct {
    const char *mountpoint;
    const char *type;
    const char *reason;
    const char *detail; /* or NULL */
} Left;

/* All that is left out but what has no device. */
static GArray *list_left(const FirnDoctor *doctor)
{
    const FirnPlan *plan = doctor->plan;
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Left));

    for (guint i = 0; i < plan->count; i++) {
        Left left = {plan->targets[i].mountpoint, plan->targets[i].type,
                     firn_doctor_target_reason(doctor->targets[i].state), NULL};

        if (!freezes(doctor, i))
            g_array_append_val(list, left);
    }
    for (guint i = 0; i < plan->omission_count; i++) {
        const FirnPlanOmission *omission = &plan->omissions[i];
        Left left = {omission->mountpoint, omission->type, firn_plan_reason_text(omission->reason),
                     omission->pattern ? omission->pattern : omission->whose};

        if (omission->reason != FIRN_OMITTED_NO_DEVICE)
            g_array_append_val(list, left);
    }
    return list;
}

static void append_left(GString *out, const GArray *list, gboolean utf8)
{
    guint mountpoints = 0, types = 0;

    for (guint i = 0; i < list->len; i++) {
        mountpoints = widest(mountpoints, g_array_index(list, Left, i).mountpoint, utf8, 40);
        types = widest(types, g_array_index(list, Left, i).type, utf8, 16);
    }
    for (guint i = 0; i < list->len; i++) {
        const Left *left = &g_array_index(list, Left, i);

        g_string_append(out, "      ");
        append_columns(out, left->mountpoint, mountpoints, left->type, types, utf8);
        g_string_append(out, left->reason);
        if (left->detail) {
            g_string_append(out, " (");
            append_printable(out, left->detail, utf8);
            g_string_append_c(out, ')');
        }
        g_string_append_c(out, '\n');
    }
}

/* Those without a device are many and never matter: their types are enough. */
static void append_types(GString *out, const FirnPlan *plan, gboolean utf8)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < plan->omission_count; i++) {
        const FirnPlanOmission *omission = &plan->omissions[i];

        if (omission->reason != FIRN_OMITTED_NO_DEVICE ||
            !g_hash_table_add(seen, (char *)(gsize)omission->type))
            continue;
        if (g_hash_table_size(seen) == 1)
            g_string_append(out, "      no block device:");
        g_string_append_c(out, ' ');
        append_printable(out, omission->type, utf8);
    }
    if (g_hash_table_size(seen) > 0)
        g_string_append_c(out, '\n');
}

static void append_omissions(GString *out, const FirnDoctor *doctor, gboolean utf8)
{
    g_autoptr(GArray) list = list_left(doctor);

    if (list->len > 0 || doctor->plan->omission_count > 0)
        g_string_append(out, "\nLeft out:\n");
    append_left(out, list, utf8);
    append_types(out, doctor->plan, utf8);
}

char *firn_doctor_text(const FirnDoctor *doctor, gboolean utf8)
{
    GString *out = g_string_new(NULL);
    const char *area = "";

    for (guint i = 0; i < doctor->findings->len; i++) {
        const FirnFinding *finding = &g_array_index(doctor->findings, FirnFinding, i);

        append_finding(out, finding, g_str_equal(area, finding->area) ? "" : finding->area, utf8);
        area = finding->area;
    }
    if (doctor->plan) {
        append_targets(out, doctor, utf8);
        append_omissions(out, doctor, utf8);
    }
    return g_string_free(out, FALSE);
}
