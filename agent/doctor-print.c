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

static void append_targets(GString *out, const FirnPlan *plan, gboolean utf8)
{
    guint mountpoints = 0, types = 0;

    for (guint i = 0; i < plan->count; i++) {
        mountpoints = widest(mountpoints, plan->targets[i].mountpoint, utf8, 40);
        types = widest(types, plan->targets[i].type, utf8, 16);
    }
    g_string_append(out, "\nWould be frozen, in this order (and thawed in the opposite one):\n");
    for (guint i = 0; i < plan->count; i++) {
        const FirnPlanTarget *target = &plan->targets[i];

        g_string_append_printf(out, "%4u  ", i + 1);
        append_columns(out, target->mountpoint, mountpoints, target->type, types, utf8);
        append_printable(out, target->source, utf8);
        if (target->mount_count > 1)
            g_string_append_printf(out, " (%u mounts)", target->mount_count);
        if (target->read_only)
            g_string_append(out, " (read-only)");
        g_string_append_c(out, '\n');
    }
}

static void append_omission(GString *out, const FirnPlanOmission *omission, guint mountpoints,
                            guint types, gboolean utf8)
{
    g_string_append(out, "      ");
    append_columns(out, omission->mountpoint, mountpoints, omission->type, types, utf8);
    g_string_append(out, firn_plan_reason_text(omission->reason));
    if (omission->pattern) {
        g_string_append(out, " (");
        append_printable(out, omission->pattern, utf8);
        g_string_append_c(out, ')');
    }
    g_string_append_c(out, '\n');
}

/* Those without a device are many and never matter: their types are enough. */
static void append_omissions(GString *out, const FirnPlan *plan, gboolean utf8)
{
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GString) pseudo = g_string_new(NULL);
    guint mountpoints = 0, types = 0;

    for (guint i = 0; i < plan->omission_count; i++) {
        const FirnPlanOmission *omission = &plan->omissions[i];

        if (omission->reason != FIRN_OMITTED_NO_DEVICE) {
            mountpoints = widest(mountpoints, omission->mountpoint, utf8, 40);
            types = widest(types, omission->type, utf8, 16);
        } else if (g_hash_table_add(seen, (char *)(gsize)omission->type)) {
            g_string_append_c(pseudo, ' ');
            append_printable(pseudo, omission->type, utf8);
        }
    }
    if (plan->omission_count > 0)
        g_string_append(out, "\nLeft out:\n");
    for (guint i = 0; i < plan->omission_count; i++)
        if (plan->omissions[i].reason != FIRN_OMITTED_NO_DEVICE)
            append_omission(out, &plan->omissions[i], mountpoints, types, utf8);
    if (pseudo->len > 0)
        g_string_append_printf(out, "      no block device:%s\n", pseudo->str);
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
    if (doctor->plan && doctor->plan->count > 0)
        append_targets(out, doctor->plan, utf8);
    if (doctor->plan)
        append_omissions(out, doctor->plan, utf8);
    return g_string_free(out, FALSE);
}
