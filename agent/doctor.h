/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef AGENT_DOCTOR_H
#define AGENT_DOCTOR_H

#include "agent/config.h"
#include "agent/freeze/plan.h"
#include "platform/roots.h"

/*
 * 'firn doctor': whether a freeze would work here, what it would freeze, and what to do about the
 * rest. It opens the filesystems as a freeze does, for a bounded time; it opens no port, freezes
 * nothing and runs no hook.
 */
typedef enum {
    FIRN_FINDING_OK,
    FIRN_FINDING_WARNING,
    FIRN_FINDING_FAILURE,
} FirnFindingLevel;

typedef struct {
    const char *area; /* "port", "rights", "configuration", "hooks", "tracing", "freeze" */
    FirnFindingLevel level;
    char *text;
    char *remedy; /* what to do, or NULL */
} FirnFinding;

/* What a freeze would come to at a target of the plan. */
typedef enum {
    FIRN_DOCTOR_FREEZES,
    FIRN_DOCTOR_HIDDEN,      /* no path leads to it: not counted */
    FIRN_DOCTOR_UNSUPPORTED, /* its type cannot be frozen: not counted */
    FIRN_DOCTOR_ERROR,       /* it cannot be opened: the freeze fails. text: why */
    FIRN_DOCTOR_SHUT_DOWN,   /* after an error: the freeze fails */
    FIRN_DOCTOR_HANGS,       /* the freeze is given up. text: the path that hangs */
    FIRN_DOCTOR_HELD,        /* the freeze is refused. text: of firn_look_find_holder() */
} FirnDoctorTargetState;

typedef struct {
    FirnDoctorTargetState state;
    char *text; /* or NULL */
} FirnDoctorTarget;

typedef struct {
    GArray *findings;          /* FirnFinding, by area */
    FirnPlan *plan;            /* NULL when there is none: a finding says why */
    FirnDoctorTarget *targets; /* of the plan, in its order */
} FirnDoctor;

/* config: with its default path filled in. config_error: why that is not the configured one, or
 * NULL. Free with firn_doctor_free(). */
FirnDoctor *firn_doctor_examine(const FirnConfig *config, const GError *config_error,
                                const FirnRoots *roots);
void firn_doctor_free(FirnDoctor *doctor);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FirnDoctor, firn_doctor_free)

/* The worst of the findings; as a number it is the exit status. */
FirnFindingLevel firn_doctor_verdict(const FirnDoctor *doctor);

/* For people, with a trailing newline; free with g_free(). utf8: else ASCII alone. */
char *firn_doctor_text(const FirnDoctor *doctor, gboolean utf8);
/* For programs, one line; free with g_free(). */
char *firn_doctor_json(const FirnDoctor *doctor);

/* The checks, each adding to the findings. */
void firn_doctor_check_port(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots);
void firn_doctor_check_rights(FirnDoctor *doctor, const FirnRoots *roots);
void firn_doctor_check_configuration(FirnDoctor *doctor, const FirnConfig *config);
void firn_doctor_check_state_dir(FirnDoctor *doctor, const FirnConfig *config,
                                 const FirnRoots *roots);
void firn_doctor_check_hooks(FirnDoctor *doctor, const FirnConfig *config);
void firn_doctor_check_tracing(FirnDoctor *doctor, const FirnConfig *config,
                               const FirnRoots *roots);
void firn_doctor_check_kernel(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots);

/* Opens the plan's targets, in child processes, and fills in doctor->targets. Where the roots are
 * not this machine's, the table of mounts alone tells. */
void firn_doctor_examine_targets(FirnDoctor *doctor, const FirnRoots *roots);
/* In a few words, such as "cannot be reached". */
const char *firn_doctor_target_reason(FirnDoctorTargetState state);

/* The same for what was set up: files that configure the agent, the line's permissions, what
 * systemd has bound the service to. */
void firn_doctor_check_sources(FirnDoctor *doctor, const FirnConfig *config);
void firn_doctor_check_line(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots);
void firn_doctor_check_unit(FirnDoctor *doctor, const FirnConfig *config, const FirnRoots *roots);

/* Adds a finding. remedy: NULL or a sentence. */
void firn_doctor_add(FirnDoctor *doctor, const char *area, FirnFindingLevel level,
                     const char *remedy, const char *format, ...) G_GNUC_PRINTF(5, 6);

/* The subcommand: the arguments after its name. Returns the exit status. */
int firn_doctor_main(int argc, char **argv);

#endif
