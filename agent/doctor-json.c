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

static JsonObject *omission_object(const FirnPlanOmission *omission)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "mountpoint", omission->mountpoint);
    json_object_set_string_member(object, "type", omission->type);
    qga_json_set_string(object, "device", omission->source);
    json_object_set_string_member(object, "reason", firn_plan_reason_text(omission->reason));
    qga_json_set_string(object, "pattern", omission->pattern);
    return object;
}

static void set_plan(JsonObject *object, const FirnPlan *plan)
{
    JsonArray *targets = json_array_new();
    JsonArray *omissions = json_array_new();

    for (guint i = 0; i < plan->count; i++)
        json_array_add_object_element(targets, target_object(&plan->targets[i]));
    for (guint i = 0; i < plan->omission_count; i++)
        json_array_add_object_element(omissions, omission_object(&plan->omissions[i]));
    json_object_set_array_member(object, "freeze", targets);
    json_object_set_array_member(object, "left-out", omissions);
}

char *firn_doctor_json(const FirnDoctor *doctor)
{
    JsonObject *object = json_object_new();

    json_object_set_string_member(object, "status", verdicts[firn_doctor_verdict(doctor)]);
    json_object_set_array_member(object, "checks", findings_array(doctor));
    if (doctor->plan)
        set_plan(object, doctor->plan);
    return qga_json_text(object);
}
