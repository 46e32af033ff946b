/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include "qga-protocol/writer.h"

static const char *const level_names[] = {"ok", "warning", "failure"};
static const char *const verdicts[] = {"ok", "warnings", "failures"};

static void write_findings(QgaWriter *writer, const FirnDoctor *doctor)
{
    qga_writer_name(writer, "checks");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < doctor->findings->len; i++) {
        const FirnFinding *finding = &g_array_index(doctor->findings, FirnFinding, i);

        qga_writer_begin_object(writer);
        qga_writer_member_string(writer, "area", finding->area);
        qga_writer_member_string(writer, "level", level_names[finding->level]);
        qga_writer_member_string(writer, "text", finding->text);
        qga_writer_member_string(writer, "remedy", finding->remedy);
        qga_writer_end_object(writer);
    }
    qga_writer_end_array(writer);
}

static void write_target(QgaWriter *writer, const FirnPlanTarget *target)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "mountpoint", target->mountpoint);
    qga_writer_member_string(writer, "type", target->type);
    qga_writer_member_string(writer, "device", target->source);
    qga_writer_member_bool(writer, "read-only", target->read_only);
    qga_writer_member_uint(writer, "disk", target->disk);
    qga_writer_name(writer, "mountpoints");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < target->mount_count; i++)
        qga_writer_string(writer, target->mounts[i].path);
    qga_writer_end_array(writer);
    qga_writer_end_object(writer);
}

static void write_left(QgaWriter *writer, const FirnPlanOmission *left, const char *reason)
{
    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "mountpoint", left->mountpoint);
    qga_writer_member_string(writer, "type", left->type);
    qga_writer_member_string(writer, "device", left->source);
    qga_writer_member_string(writer, "reason", reason);
    qga_writer_member_string(writer, "pattern", left->pattern);
    qga_writer_member_string(writer, "whose", left->whose);
    qga_writer_end_object(writer);
}

static void write_targets(QgaWriter *writer, const FirnDoctor *doctor)
{
    qga_writer_name(writer, "freeze");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < doctor->plan->count; i++) {
        if (doctor->targets[i].state == FIRN_DOCTOR_FREEZES)
            write_target(writer, &doctor->plan->targets[i]);
    }
    qga_writer_end_array(writer);
}

static void write_left_out(QgaWriter *writer, const FirnDoctor *doctor)
{
    const FirnPlan *plan = doctor->plan;

    qga_writer_name(writer, "left-out");
    qga_writer_begin_array(writer);
    for (guint i = 0; i < plan->count; i++) {
        const FirnPlanTarget *target = &plan->targets[i];
        FirnPlanOmission left = {
            .mountpoint = target->mountpoint, .type = target->type, .source = target->source};

        if (doctor->targets[i].state != FIRN_DOCTOR_FREEZES)
            write_left(writer, &left, firn_doctor_target_reason(doctor->targets[i].state));
    }
    for (guint i = 0; i < plan->omission_count; i++)
        write_left(writer, &plan->omissions[i], firn_plan_reason_text(plan->omissions[i].reason));
    qga_writer_end_array(writer);
}

char *firn_doctor_json(const FirnDoctor *doctor)
{
    GString *out = g_string_new(NULL);
    g_autoptr(QgaWriter) writer = qga_writer_new(out);

    qga_writer_begin_object(writer);
    qga_writer_member_string(writer, "status", verdicts[firn_doctor_verdict(doctor)]);
    write_findings(writer, doctor);
    if (doctor->plan) {
        write_targets(writer, doctor);
        write_left_out(writer, doctor);
    }
    qga_writer_end_object(writer);
    return g_string_free(out, FALSE);
}
