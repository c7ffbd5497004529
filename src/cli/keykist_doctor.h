/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist doctor: what its files share. A finding is a line of its report.
 */
#pragma once

#include "base/config.h"
#include "cli/keykist.h"

enum kk_finding_level {
    KK_FINDING_OK,
    KK_FINDING_NOTE, /* how it is; nothing to mend, or a choice to be made */
    KK_FINDING_BAD
};

struct kk_doctor {
    struct kk_keykist *keykist;
    struct kk_config *config; /* NULL: it cannot be read */
    struct kk_table table;
    size_t bad;
};

void kk_doctor_say(struct kk_doctor *doctor, enum kk_finding_level level, const char *topic,
                   const char *format, ...) KK_PRINTF(4, 5);

/* keykist_doctor_files.c: reads the configuration and says what is wrong with it; who may read and
 * write what lies on the disk. */
KK_RV kk_doctor_config(struct kk_doctor *doctor);
void kk_doctor_files(struct kk_doctor *doctor);

/* keykist_doctor_system.c: the paths of the module, p11-kit, OpenSSL, room on the disk. */
void kk_doctor_system(struct kk_doctor *doctor);

/* Tokens on the disk that the module does not show: `shown` are the directories of those that it
 * does. */
struct kk_doctor_paths {
    char **paths;
    size_t count;
};
void kk_doctor_hidden(struct kk_doctor *doctor, const struct kk_doctor_paths *shown);
