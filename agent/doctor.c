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

static void check_target(FirnDoctor *doctor, const FirnPlanTarget *target,
                         const FirnDoctorTarget *found)
{
    const char *name = target->mountpoint;

    switch (found->state) {
    case FIRN_DOCTOR_HIDDEN:
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_WARNING,
                        "unmount what lies over it, or mount it a second time elsewhere",
                        "%s (%s) cannot be reached: another filesystem is mounted over it", name,
                        target->source);
        break;
    case FIRN_DOCTOR_ERROR:
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_FAILURE,
                        "see the kernel's log, and for SELinux 'ausearch -m avc'; or leave it out "
                        "with freeze-exclude",
                        "every freeze fails: %s (%s on %s) cannot be opened: %s", name,
                        target->type, target->source, found->text);
        break;
    case FIRN_DOCTOR_SHUT_DOWN:
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_FAILURE,
                        "unmount it, check it with fsck, and mount it again; or leave it out with "
                        "freeze-exclude",
                        "every freeze fails: %s (%s on %s) was shut down after an error", name,
                        target->type, target->source);
        break;
    case FIRN_DOCTOR_HANGS:
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_FAILURE,
                        "see whose server or disk does not answer, or leave it out with "
                        "freeze-exclude",
                        "every freeze is given up: %s (%s on %s) hangs when %s is opened", name,
                        target->type, target->source, found->text);
        break;
    case FIRN_DOCTOR_HELD:
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_FAILURE, NULL,
                        "a freeze would be refused now: %s", found->text);
        break;
    case FIRN_DOCTOR_FREEZES:
    case FIRN_DOCTOR_UNSUPPORTED:
    default:
        break;
    }
}

/* What other namespaces have mounted is named among what is left out. */
static void check_elsewhere(FirnDoctor *doctor)
{
    guint count = 0;

    for (guint i = 0; i < doctor->plan->omission_count; i++)
        count += doctor->plan->omissions[i].reason == FIRN_OMITTED_ELSEWHERE;
    if (count > 0)
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_WARNING,
                        "mount them here, too, or see to them where they are mounted",
                        "%u filesystem%s only other mount namespaces have mounted would not be "
                        "frozen",
                        count, count == 1 ? " that" : "s that");
}

static void check_count(FirnDoctor *doctor)
{
    guint count = 0;

    for (guint i = 0; i < doctor->plan->count; i++)
        count += doctor->targets[i].state == FIRN_DOCTOR_FREEZES;
    if (count > 0)
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_OK, NULL, "%u filesystem%s would be frozen",
                        count, count == 1 ? "" : "s");
    else
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_WARNING,
                        "see below what is left out, and why", "nothing would be frozen");
}

static void check_freeze(FirnDoctor *doctor, const FirnConfig *config)
{
    for (guint i = 0; i < doctor->plan->count; i++)
        check_target(doctor, &doctor->plan->targets[i], &doctor->targets[i]);
    for (char **pattern = config->freeze_exclude; *pattern; pattern++)
        check_pattern(doctor, *pattern);
    check_elsewhere(doctor);
    check_count(doctor);
}

static void make_plan(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots,
                      GError **error)
{
    doctor->plan = firn_plan_make(roots, (const char *const *)config->freeze_exclude,
                                  (const char *const *)config->freeze_include, NULL, error);
    if (!doctor->plan)
        return;
    doctor->targets = g_new0(FirnDoctorTarget, doctor->plan->count);
    firn_doctor_examine_targets(doctor, roots);
}

FirnDoctor *firn_doctor_examine(const FirnConfig *config, const GError *config_error,
                                const FirnRoots *roots)
{
    FirnDoctor *doctor = g_new0(FirnDoctor, 1);
    g_autoptr(GError) error = NULL;

    make_plan(doctor, config, roots, &error);
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
    firn_doctor_check_state_dir(doctor, config, roots);
    firn_doctor_check_configuration(doctor, config);
    firn_doctor_check_hooks(doctor, config);
    firn_doctor_check_tracing(doctor, config, roots);
    firn_doctor_check_kernel(doctor, config, roots);
    if (doctor->plan)
        check_freeze(doctor, config);
    else
        firn_doctor_add(doctor, "freeze", FIRN_FINDING_FAILURE, "mount /proc",
                        "no table of mounts: %s", error->message);
    return doctor;
}

void firn_doctor_free(FirnDoctor *doctor)
{
    if (!doctor)
        return;
    for (guint i = 0; doctor->plan && i < doctor->plan->count; i++)
        g_free(doctor->targets[i].text);
    g_free(doctor->targets);
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
