/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * softhsm2-util: what its files share. Each action is a function that does the work, says what
 * happened, and returns CKR_OK or a failure that it has explained.
 */
#pragma once

#include "base/macros.h"
#include "cli/choose.h"
#include "cli/module.h"
#include "cli/pin.h"
#include "cli/select.h"

enum kk_util_import_type {
    KK_UTIL_IMPORT_UNSET,
    KK_UTIL_IMPORT_KEYPAIR,
    KK_UTIL_IMPORT_AES,
    KK_UTIL_IMPORT_CERT
};

/* The command line. What was not given is NULL or false. */
struct kk_util_options {
    const char *import_path;
    const char *config_key;
    const char *import_type;
    const char *id;
    const char *label;
    const char *module;
    struct kk_cli_choice choice;
    struct kk_cli_pin_source pin;
    struct kk_cli_pin_source so_pin;
    struct kk_secret *file_pin;
    bool aes;
    bool force;
    bool no_public_key;
};

struct kk_util_action;

/* Reads the command line. *ret_action is NULL when there is nothing left to do; then *ret_status is
 * the exit status, and the usage, the version or an error has been printed. */
void kk_util_parse(int argc, char **argv, struct kk_util_options *options,
                   const struct kk_util_action **ret_action, int *ret_status);
void kk_util_options_clear(struct kk_util_options *options);

struct kk_util {
    struct kk_util_options options;
    struct kk_module module;
};

struct kk_util_action {
    CK_RV (*run)(struct kk_util *util);
    bool needs_module; /* loaded and initialised before run() */
};

KK_RV kk_util_init_token(struct kk_util *util);
KK_RV kk_util_import(struct kk_util *util);
KK_RV kk_util_show_slots(struct kk_util *util);
KK_RV kk_util_show_config(struct kk_util *util);
KK_RV kk_util_delete_token(struct kk_util *util);

/* A session of an import, and what its objects are to be called. */
struct kk_util_target {
    CK_FUNCTION_LIST_PTR p11;
    CK_SESSION_HANDLE session;
    const char *label;
    CK_BYTE *id;
    CK_ULONG id_len;
};

KK_RV kk_util_import_keypair(const struct kk_util *util, struct kk_util_target *target);
KK_RV kk_util_import_aes(const struct kk_util *util, struct kk_util_target *target);
KK_RV kk_util_import_cert(const struct kk_util *util, struct kk_util_target *target);
