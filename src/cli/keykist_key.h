/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key: what its files share. All of it uses PKCS#11 only and works with any module.
 */
#pragma once

#include "cli/keykist_object.h"

struct kk_key_generate_options {
    const char *label;
    const char *id;
    const char *usage;
    bool extractable;
    bool not_sensitive;
    bool not_private;
    bool force;
};

/* Which key; --mechanism and its parameters; input and output. One structure for the commands that
 * use a key: each has the options that it needs. */
struct kk_key_use_options {
    struct kk_object_filter filter;
    const char *mechanism;
    const char *hash;
    const char *format;
    const char *signature;
    const char *out;
    const char *iv;
    const char *aad;
    const char *with; /* wrapping key: label or URI */
    const char *type; /* of the unwrapped key */
    const char *usage;
    const char *new_label;
    const char *new_id;
    bool base64;
    bool hex;
    bool force;
    bool extractable;
    bool not_sensitive;
    const char *peer; /* key derive: the other side's public key, a file */
    const char *kdf;
    const char *salt;
    const char *info;
};

CK_RV kk_keykist_key_list(struct kk_keykist *keykist);
CK_RV kk_keykist_key_show(struct kk_keykist *keykist);
CK_RV kk_keykist_key_generate(struct kk_keykist *keykist);
CK_RV kk_keykist_key_label(struct kk_keykist *keykist);
CK_RV kk_keykist_key_delete(struct kk_keykist *keykist);
CK_RV kk_keykist_key_export(struct kk_keykist *keykist);
CK_RV kk_keykist_key_sign(struct kk_keykist *keykist);
CK_RV kk_keykist_key_verify(struct kk_keykist *keykist);
CK_RV kk_keykist_key_encrypt(struct kk_keykist *keykist);
CK_RV kk_keykist_key_decrypt(struct kk_keykist *keykist);
CK_RV kk_keykist_key_wrap(struct kk_keykist *keykist);
CK_RV kk_keykist_key_unwrap(struct kk_keykist *keykist);
CK_RV kk_keykist_key_derive(struct kk_keykist *keykist);
CK_RV kk_keykist_key_encapsulate(struct kk_keykist *keykist);
CK_RV kk_keykist_key_decapsulate(struct kk_keykist *keykist);
