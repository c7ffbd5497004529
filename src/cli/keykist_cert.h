/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist cert: what its files share.
 */
#pragma once

#include "cli/keykist_key_use.h"

struct kk_cert_make_options {
    struct kk_key_use_options use; /* the key, --mechanism, --hash, --out, --force */
    const char *subject;
    struct kk_option_list alt_names;
    const char *purposes;
    const char *days;
    const char *format;
    bool is_ca;
    bool no_store;
    const char *issuer;   /* issue: a file; NULL: in the token */
    const char *path_len; /* issue */
};

CK_RV kk_keykist_cert_list(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_show(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_export(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_label(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_delete(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_request(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_self_sign(struct kk_keykist *keykist);
CK_RV kk_keykist_cert_issue(struct kk_keykist *keykist);
