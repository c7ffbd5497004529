/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2.conf: found as SoftHSM finds it, read anew by each C_Initialize and each program.
 *
 * Search: $SOFTHSM2_CONF if set (even empty: then there is none, and no further search); else
 * $HOME/.config/softhsm2/softhsm2.conf if readable (home from the password database when HOME is
 * unset or empty); else the path of the build, /etc/softhsm/softhsm2.conf. A set-user-id program
 * does not heed either variable.
 *
 * A line is `key = value`; # begins a comment; values hold no # and, but for tpm2.tcti, no =. One
 * table row per key (config.c) says its type, its default and its member. An unknown key, a bad
 * value or a malformed line is a warning that names file, line and key, and the default holds.
 */
#pragma once

#include "base/bytes.h"
#include "base/macros.h"

enum kk_config_backend { KK_BACKEND_SQLITE, KK_BACKEND_MEMORY, KK_BACKEND_FILE };
enum kk_config_identity { KK_IDENTITY_SOFTHSM, KK_IDENTITY_KEYKIST };
enum kk_config_kdf { KK_KDF_DEFAULT, KK_KDF_STRONG, KK_KDF_TEST };
enum kk_config_audit { KK_AUDIT_LOG_OFF, KK_AUDIT_LOG_NO_USE, KK_AUDIT_LOG_ON };
enum kk_config_audit_error { KK_AUDIT_REFUSE, KK_AUDIT_GO_ON };
enum kk_config_guard { KK_GUARD_NONE, KK_GUARD_TPM2 };
enum kk_config_policy { KK_POLICY_ALL, KK_POLICY_NO_LEGACY, KK_POLICY_FIPS };
enum kk_config_integrity { KK_INTEGRITY_NORMAL, KK_INTEGRITY_STRICT };

struct kk_config {
    char *path;             /* the file that was read */
    char *tokendir;         /* directories.tokendir */
    int backend;            /* objectstore.backend: enum kk_config_backend */
    bool backend_is_set;    /* the file names one */
    unsigned int umask;     /* objectstore.umask, octal, default 0077 */
    int log_level;          /* log.level: enum kk_log_level, default INFO */
    int log_target;         /* log.target: enum kk_log_target */
    char *log_file;         /* log.file; set without log.target means file */
    char *log_trace;        /* log.trace: a path; "": no trace of calls */
    bool slots_removable;   /* slots.removable */
    char *slots_mechanisms; /* slots.mechanisms: "ALL", "A, B" or "-A, B"; names not parsed here */
    int policy;             /* mechanisms.policy: enum kk_config_policy, default all */
    char *fips_config;      /* mechanisms.fips_config: a path; "": the usual one */
    unsigned long fips_certificate; /* mechanisms.fips_certificate; 0: none */
    bool reset_on_fork;             /* library.reset_on_fork: taken, and always true in effect */
    int identity;                   /* token.identity = softhsm | keykist */
    int pin_kdf;                    /* pin.kdf = default | strong | test */
    unsigned long pin_max_tries;    /* pin.max_tries, default 10; 0 never locks */
    unsigned long pin_min_length;   /* pin.min_length, default 4, 1 to 255 */
    int pin_guard;                  /* pin.guard = none | tpm2: enum kk_config_guard */
    char *pin_auto;                 /* pin.auto = none | credential:NAME | tpm2:PATH; "none" */
    char *pepper;       /* token.pepper = none | file:PATH | credential:NAME | tpm2 | tpm2:PATH */
    char *tcti;         /* tpm2.tcti: where the TPM is, as tpm2-tss says it */
    bool so_recovery;   /* token.so_recovery = on | off, default on */
    int integrity;      /* token.integrity = normal | strict */
    int audit_log;      /* audit.log = off | on | no-use: enum kk_config_audit */
    int audit_on_error; /* audit.on_error = refuse | continue: enum kk_config_audit_error */
    unsigned long audit_max_size; /* audit.max_size, KiB, default 16384 */
    unsigned long audit_keep;     /* audit.keep: older files kept, default 0: all */
    unsigned long cache_keys;     /* cache.keys: parsed keys kept, default 4096 */
    unsigned long cache_objects;  /* cache.objects: object snapshots kept, default 65536 */
    unsigned long aead_buffer;    /* limits.aead_buffer, KiB, default 65536 */
    unsigned long *lines;         /* by setting: the line that it comes from; 0: none */
};

/* Finds and reads the file. CKR_GENERAL_ERROR, with a log line that names path and errno, when
 * there is no file to read or when log.level, objectstore.backend (as SoftHSM) or mechanisms.policy
 * is not a known word. */
KK_RV kk_config_load(struct kk_config **ret_config);

/* The same from a given path (tests, tools). */
KK_RV kk_config_load_file(const char *path, struct kk_config **ret_config);

/* The path that kk_config_load() would read; CKR_GENERAL_ERROR when SOFTHSM2_CONF is empty. */
KK_RV kk_config_find(char **ret_path);

/* All defaults, no file read (tests). */
KK_RV kk_config_new(struct kk_config **ret_config);

/* One setting as it holds, for people. */
struct kk_config_setting {
    const char *name;
    struct kk_buffer value; /* as a file would say it; a zero byte stands behind it */
    const char *fallback;   /* the default */
    unsigned long line;     /* of the file; 0: no line says it */
};

/* The n-th setting; the caller frees its value. CKR_DATA_INVALID: there are no more. */
KK_RV kk_config_setting(const struct kk_config *config, size_t n,
                        struct kk_config_setting *ret_setting);

void kk_config_free(struct kk_config *config);
KK_DEFINE_CLEANUP(struct kk_config *, kk_config_free);
