/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A key of a file as the attributes of an object.
 *
 * Some kinds have several ways to be written down (the standard changed its mind, or a module knows
 * an older one only): these styles are tried in turn, the standard's present one first.
 */
#pragma once

#include "cli/template.h"
#include "crypto/keyfile.h"

/* What a kind of key is for: both halves of each pair of flags. */
enum kk_key_use {
    KK_KEY_USE_SIGN = 1,    /* CKA_SIGN, CKA_VERIFY */
    KK_KEY_USE_ENCRYPT = 2, /* CKA_DECRYPT, CKA_ENCRYPT */
    KK_KEY_USE_WRAP = 4,    /* CKA_UNWRAP, CKA_WRAP */
    KK_KEY_USE_DERIVE = 8,
    KK_KEY_USE_ENCAPSULATE = 16 /* CKA_DECAPSULATE, CKA_ENCAPSULATE: PKCS#11 3.2 */
};

struct kk_key_kind;
struct kk_key_style;
struct kk_key_algorithm;

/* A key on its way in. `file` is borrowed; templates borrow from both. */
struct kk_key_form {
    const struct kk_keyfile *file;
    const struct kk_key_kind *kind;
    const struct kk_key_style *style;
    const struct kk_key_algorithm *algorithm; /* NULL: nothing goes by its name */
    struct kk_buffer point;
    struct kk_buffer params;
};

void kk_key_form_begin(struct kk_key_form *form, const struct kk_keyfile *file);
void kk_key_form_clear(struct kk_key_form *form);

/* How many styles there are, one at least. */
size_t kk_key_form_styles(const struct kk_key_form *form);

/* enum kk_key_use: what this kind of key can do. */
unsigned int kk_key_form_uses(const struct kk_key_form *form);

/* Makes the values of a style; must come before a template is filled. */
KK_RV kk_key_form_style(struct kk_key_form *form, size_t number);

/* CKA_KEY_TYPE and the key's own attributes. */
void kk_key_form_put_private(struct kk_cli_template *tmpl, const struct kk_key_form *form);
void kk_key_form_put_public(struct kk_cli_template *tmpl, const struct kk_key_form *form);

/* The flags of these uses. */
void kk_key_put_private_uses(struct kk_cli_template *tmpl, unsigned int uses);
void kk_key_put_public_uses(struct kk_cli_template *tmpl, unsigned int uses);
