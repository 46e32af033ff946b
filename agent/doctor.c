/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

static void finding_clear(gpointer data)
{
    FirnFinding *finding = data;

    g_free(finding->text);
    g_free(finding->remedy);
}

void firn_doctor_add(FirnDoctor *doctor, const char *area, FirnFindingLevel level,
                     const char *remedy, const char *format, ...)
{
    FirnFinding finding = {.area = area, .level = level, .remedy = g_strdup(remedy)};
    va_list args;

    va_start(args, format);
    finding.text = g_strdup_vprintf(format, args);
    va_end(args);
    g_array_append_val(doctor->findings, finding);
}

/* A pattern that takes nothing out is most often misspelt. */
static void check_pattern(FirnDoctor *doctor, const char *pattern)
{
    for (guint i = 0; i < doctor->plan->omission_count; i++)
        if (g_strcmp0(doctor->plan->omissions[i].pattern, pattern) == 0)
            return;
    firn_doctor_add(doctor, "freeze", FIRN_FINDING_WARNING,
                    "give a filesystem's first mountpoint, its type or its device; wildcards are "
                    "*, ? and [...]",
                    "freeze-exclude has '%s', which leaves out nothing", pattern);
}

static void check_targets(FirnDoctor *doctor, const FirnConfig *config)
{
    const FirnPlan *plan = doctor->plan;

    for (guint i = 0; i < plan->count; i++)
        if (plan->targets[i].mounts[0].hidden)
            firn_doctor_add(doctor, "freeze", FIRN_FINDING_WARNING,
                            "unmount what lies over it, or mount it a second time elsewhere",
                            "%s (%s) cannot be reached: another filesystem is mounted over it",
                            plan->targets[i].mountpoint, plan->targets[i].source);
    for (char **pattern = config->freeze_exclude; *pattern; pattern++)
        check_pattern(doctor, *pattern);
    if (plan->count > 0)
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_OK, NULL, "%u filesystem%s would be frozen",
                        plan->count, plan->count == 1 ? "" : "s");
    else
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_WARNING,
                        "see below what is left out, and why", "nothing would be frozen");
}

static void check_plan(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots)
{
    g_autoptr(GError) error = NULL;

    doctor->plan = firn_plan_make(roots, config, NULL, &error);
    if (doctor->plan)
        check_targets(doctor, config);
    else
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_FAILURE, "mount /proc",
                        "no table of mounts: %s", error->message);
}

FirnDoctor *firn_doctor_examine(const FirnConfig *config, const GError *config_error,
                                const FirnRoots *roots)
{
    FirnDoctor *doctor = g_new0(FirnDoctor, 1);

    doctor->findings = g_array_new(FALSE, FALSE, sizeof(FirnFinding));
    g_array_set_clear_func(doctor->findings, finding_clear);
    firn_doctor_check_port(doctor, config, roots);
    firn_doctor_check_line(doctor, config, roots);
    firn_doctor_check_unit(doctor, config, roots);
    firn_doctor_check_rights(doctor, roots);
    if (config_error)
        firn_doctor_add(doctor, "configuration", FIRN_FINDING_FAILURE,
                        "correct it; what follows is for the defaults", "%s",
                        config_error->message);
    firn_doctor_check_sources(doctor, config);
    firn_doctor_check_configuration(doctor, config, roots);
    firn_doctor_check_hooks(doctor, config);
    firn_doctor_check_tracing(doctor, config, roots);
    firn_doctor_check_kernel(doctor, config, roots);
    check_plan(doctor, config, roots);
    return doctor;
}

void firn_doctor_free(FirnDoctor *doctor)
{
    if (!doctor)
        return;
    g_array_unref(doctor->findings);
    firn_plan_free(doctor->plan);
    g_free(doctor);
}

FirnFindingLevel firn_doctor_verdict(const FirnDoctor *doctor)
{
    FirnFindingLevel worst = FIRN_FINDING_OK;

    for (guint i = 0; i < doctor->findings->len; i++)
        worst = MAX(worst, g_array_index(doctor->findings, FirnFinding, i).level);
    return worst;
}
