/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent/doctor.h"

#include "qga-protocol/json.h"

static const char *const level_names[] = {"ok", "warning", "failure"};
static const char *const verdicts[] = {"ok", "warnings", "failures"};

static JsonArray *findings_array(const FirnDoctor *doctor)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < doctor->findings->len; i++) {
        const FirnFinding *finding = &g_array_index(doctor->findings, FirnFinding, i);
        JsonObject *object = json_object_new();

        json_object_set_string_member(object, "area", finding->area);
        json_object_set_string_member(object, "level", level_names[finding->level]);
        json_object_set_string_member(object, "text", finding->text);
        qga_json_set_string(object, "remedy", finding->remedy);
        json_array_add_object_element(array, object);
    }
    return array;
}

static JsonObject *target_object(const FirnPlanTarget *target)
{
    JsonObject *object = json_object_new();
    JsonArray *mountpoints = json_array_new();

    json_object_set_string_member(object, "mountpoint", target->mountpoint);
    json_object_set_string_member(object, "type", target->type);
    qga_json_set_string(object, "device", target->source);
    json_object_set_boolean_member(object, "read-only", target->read_only);
    qga_json_set_uint(object, "disk", target->disk);
    for (guint i = 0; i < target->mount_count; i++)
        json_array_add_string_element(mountpoints, target->mounts[i].path);
    json_object_set_array_member(object, "mountpoints", mountpoints);
    return object;
}

static JsonObject *left_object(const FirnPlanOmission *left, const char *reason)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "mountpoint", left->mountpoint);
    json_object_set_string_member(object, "type", left->type);
    qga_json_set_string(object, "device", left->source);
    json_object_set_string_member(object, "reason", reason);
    qga_json_set_string(object, "pattern", left->pattern);
    qga_json_set_string(object, "whose", left->whose);
    return object;
}

static JsonArray *targets_array(const FirnDoctor *doctor)
{
    JsonArray *array = json_array_new();

    for (guint i = 0; i < doctor->plan->count; i++) {
        if (doctor->targets[i].state == FIRN_DOCTOR_FREEZES)
            json_array_add_object_element(array, target_object(&doctor->plan->targets[i]));
    }
    return array;
}

static JsonArray *left_array(const FirnDoctor *doctor)
{
    const FirnPlan *plan = doctor->plan;
    JsonArray *array = json_array_new();

    for (guint i = 0; i < plan->count; i++) {
        const FirnPlanTarget *target = &plan->targets[i];
        FirnDoctorTargetState state = doctor->targets[i].state;
        FirnPlanOmission left = {
            .mountpoint = target->mountpoint, .type = target->type, .source = target->source};

        if (state != FIRN_DOCTOR_FREEZES)
            json_array_add_object_element(array,
                                          left_object(&left, firn_doctor_target_reason(state)));
    }
    for (guint i = 0; i < plan->omission_count; i++) {
        const FirnPlanOmission *left = &plan->omissions[i];

        json_array_add_object_element(array,
                                      left_object(left, firn_plan_reason_text(left->reason)));
    }
    return array;
}

char *firn_doctor_json(const FirnDoctor *doctor)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "status", verdicts[firn_doctor_verdict(doctor)]);
    json_object_set_array_member(object, "checks", findings_array(doctor));
    if (doctor->plan) {
        json_object_set_array_member(object, "freeze", targets_array(doctor));
        json_object_set_array_member(object, "left-out", left_array(doctor));
    }
    return qga_json_text(object);
}
