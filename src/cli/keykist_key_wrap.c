/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key wrap and unwrap: a key out of the token encrypted with another key, and in again.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/key_template.h"
#include "cli/keykist_key_use.h"
#include "cli/report.h"

#include "base/banned.h"

#define WRAPPED_MAX ((CK_ULONG)1 << 20)

/* What wraps when nothing is said, in the order in which it is tried. SoftHSM has RFC 5649 under
 * the number that the standard gave to another padding first. */
static const CK_MECHANISM_TYPE by_aes[] = {CKM_AES_KEY_WRAP_KWP, CKM_AES_KEY_WRAP_PAD};
static const CK_MECHANISM_TYPE by_rsa[] = {CKM_RSA_PKCS_OAEP};

/* ---- the wrapping key ---- */

/* The key of --with; use->key is the one that is wrapped. */
static KK_RV find_wrapping_key(struct kk_key_work *use, const char *class_name,
                               CK_OBJECT_HANDLE *ret_key)
{
    const char *label = use->options->with;
    struct kk_object_filter filter = {
        .kind = KK_OBJECTS_KEYS, .object_class = "secret", .label = label};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    KK_TRY(kk_object_find(&use->session, &filter, &list));
    if (list.count == 0) {
        filter.object_class = class_name;
        kk_object_list_clear(&list);
        KK_TRY(kk_object_find(&use->session, &filter, &list));
    }
    if (list.count != 1) {
        return kk_cli_error(list.count == 0 ? "there is no secret or %s key with the label \"%s\""
                                            : "several secret or %s keys have the label \"%s\"",
                            class_name, label);
    }
    *ret_key = list.handles[0];
    use->type =
        kk_object_ulong(&use->session, list.handles[0], CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION);
    return CKR_OK;
}

/* The first of them that the token has. */
static CK_MECHANISM_TYPE first_there(const struct kk_key_work *use, const CK_MECHANISM_TYPE *types,
                                     size_t count)
{
    CK_MECHANISM_INFO info;
    for (size_t i = 0; i < count; i++) {
        if (use->session.p11->C_GetMechanismInfo(use->session.slot, types[i], &info) == CKR_OK &&
            (info.flags & CKF_WRAP) != 0) {
            return types[i];
        }
    }
    return types[0];
}

static KK_RV choose_mechanism(struct kk_key_work *use, struct kk_key_use_options *options,
                              struct kk_mechanism_word *name)
{
    if (options->mechanism == NULL && use->type == CKK_AES) {
        *name = kk_mechanism_name(first_there(use, by_aes, KK_ARRAY_LEN(by_aes)));
        options->mechanism = name->text;
    }
    if (options->mechanism == NULL && use->type == CKK_RSA) {
        *name = kk_mechanism_name(first_there(use, by_rsa, KK_ARRAY_LEN(by_rsa)));
        options->mechanism = name->text;
    }
    KK_TRY(kk_key_use_cipher(use));
    if (kk_key_use_iv_len(use) == 0) {
        return CKR_OK;
    }
    if (options->iv == NULL) {
        return kk_cli_error("%s needs an --iv of %zu bytes",
                            kk_mechanism_name(use->mechanism.mechanism).text,
                            kk_key_use_iv_len(use));
    }
    KK_TRY(kk_key_use_hex(options->iv, "--iv", &use->iv));
    if (use->iv.len != kk_key_use_iv_len(use)) {
        return kk_cli_error("--iv has %zu bytes, and %s takes %zu", use->iv.len,
                            kk_mechanism_name(use->mechanism.mechanism).text,
                            kk_key_use_iv_len(use));
    }
    kk_key_use_put_iv(use);
    return CKR_OK;
}

/* ---- wrap ---- */

static KK_RV check_with(const struct kk_key_use_options *options)
{
    return options->with != NULL ? CKR_OK
                                 : kk_cli_error("--with is missing: which key is to wrap it?");
}

CK_RV kk_keykist_key_wrap(struct kk_keykist *keykist)
{
    struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {.keykist = keykist, .options = options};
    KK_CLEANUP(kk_freep) CK_BYTE *wrapped = NULL;
    struct kk_use_output output = {.path = options->out,
                                   .base64 = options->base64,
                                   .hex = options->hex,
                                   .force = options->force,
                                   .what = "wrapped key"};
    struct kk_mechanism_word name;
    CK_OBJECT_HANDLE wrapping_key = CK_INVALID_HANDLE;
    CK_ULONG len = WRAPPED_MAX;
    char how[200];
    KK_TRY(check_with(options));
    KK_TRY(kk_key_use_begin(&use, CKO_PRIVATE_KEY));
    KK_TRY(find_wrapping_key(&use, "public", &wrapping_key));
    KK_TRY(choose_mechanism(&use, options, &name));
    KK_TRY(kk_alloc(WRAPPED_MAX, &wrapped));
    CK_RV rv = use.session.p11->C_WrapKey(use.session.handle, &use.mechanism, wrapping_key, use.key,
                                          wrapped, &len);
    if (rv == CKR_KEY_UNEXTRACTABLE) {
        return kk_cli_error("the key may not leave the token: its CKA_EXTRACTABLE is false "
                            "(CKR_KEY_UNEXTRACTABLE); --extractable says otherwise when it is "
                            "made, and not later");
    }
    if (rv != CKR_OK || len > WRAPPED_MAX) {
        return kk_key_use_failed(&use, rv, "wrap");
    }
    (void)snprintf(how, sizeof how, "wrapped with %s",
                   kk_mechanism_name(use.mechanism.mechanism).text);
    return kk_use_write(keykist, use.session.slot, &output, KK_SPAN(wrapped, len), how);
}

/* ---- unwrap ---- */

/* clang-format off */
static const struct unwrapped {
    const char *name;
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    unsigned int uses;
} types[] = {
    {"aes",         CKO_SECRET_KEY,  CKK_AES,            KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP | KK_KEY_USE_SIGN},
    {"generic",     CKO_SECRET_KEY,  CKK_GENERIC_SECRET, KK_KEY_USE_SIGN | KK_KEY_USE_DERIVE},
    {"rsa",         CKO_PRIVATE_KEY, CKK_RSA,            KK_KEY_USE_SIGN | KK_KEY_USE_ENCRYPT | KK_KEY_USE_WRAP},
    {"ec",          CKO_PRIVATE_KEY, CKK_EC,             KK_KEY_USE_SIGN},
    {"edwards",     CKO_PRIVATE_KEY, CKK_EC_EDWARDS,     KK_KEY_USE_SIGN},
    {"montgomery",  CKO_PRIVATE_KEY, CKK_EC_MONTGOMERY,  KK_KEY_USE_DERIVE},
};
/* clang-format on */

static KK_RV find_type(const char *name, const struct unwrapped **ret_type)
{
    for (size_t i = 0; name != NULL && i < KK_ARRAY_LEN(types); i++) {
        if (strcmp(types[i].name, name) == 0) {
            *ret_type = &types[i];
            return CKR_OK;
        }
    }
    return kk_cli_error("--type says what the key is: aes, generic, rsa, ec, edwards or "
                        "montgomery%s%s%s",
                        name != NULL ? ", not \"" : "", name != NULL ? name : "",
                        name != NULL ? "\"" : "");
}

static KK_RV put_template(const struct kk_key_use_options *options, const struct unwrapped *type,
                          struct kk_buffer *id, struct kk_cli_template *tmpl)
{
    unsigned int uses = type->uses;
    if (options->usage != NULL) {
        KK_TRY(kk_object_parse_usage(options->usage, &uses));
    }
    kk_cli_template_put_ulong(tmpl, CKA_CLASS, &type->object_class);
    kk_cli_template_put_ulong(tmpl, CKA_KEY_TYPE, &type->type);
    kk_cli_template_put_bool(tmpl, CKA_TOKEN, true);
    kk_cli_template_put_bool(tmpl, CKA_PRIVATE, true);
    kk_cli_template_put_bool(tmpl, CKA_SENSITIVE, !options->not_sensitive);
    kk_cli_template_put_bool(tmpl, CKA_EXTRACTABLE, options->extractable);
    kk_cli_template_put(tmpl, CKA_LABEL, options->filter.label, strlen(options->filter.label));
    if (options->filter.id != NULL) {
        KK_TRY(kk_object_parse_id(options->filter.id, id));
        kk_cli_template_put(tmpl, CKA_ID, id->data, id->len);
    }
    kk_key_put_private_uses(tmpl, uses);
    if (type->object_class == CKO_SECRET_KEY) {
        kk_cli_template_put_bool(tmpl, CKA_VERIFY, (uses & KK_KEY_USE_SIGN) != 0);
        kk_cli_template_put_bool(tmpl, CKA_ENCRYPT, (uses & KK_KEY_USE_ENCRYPT) != 0);
        kk_cli_template_put_bool(tmpl, CKA_WRAP, (uses & KK_KEY_USE_WRAP) != 0);
    }
    return CKR_OK;
}

CK_RV kk_keykist_key_unwrap(struct kk_keykist *keykist)
{
    struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {.keykist = keykist, .options = options};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *wrapped = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer id = {0};
    const struct unwrapped *type = NULL;
    struct kk_cli_template tmpl = {0};
    struct kk_mechanism_word name;
    CK_SLOT_ID slot = 0;
    KK_TRY(check_with(options));
    KK_TRY(find_type(options->type, &type));
    if (options->filter.label == NULL || options->filter.label[0] == '\0') {
        return kk_cli_error("--label is missing: how is the key to be called?");
    }
    KK_TRY(put_template(options, type, &id, &tmpl));
    KK_TRY(kk_object_begin(keykist, true, true, &use.session, &slot, &use.token));
    CK_OBJECT_HANDLE unwrapping_key = CK_INVALID_HANDLE;
    KK_TRY(find_wrapping_key(&use, "private", &unwrapping_key));
    KK_TRY(choose_mechanism(&use, options, &name));
    KK_TRY(kk_use_read(keykist->operand, &wrapped));
    CK_RV rv = use.session.p11->C_UnwrapKey(
        use.session.handle, &use.mechanism, unwrapping_key, kk_secret_data(wrapped),
        (CK_ULONG)kk_secret_len(wrapped), tmpl.attributes, tmpl.count, &use.key);
    if (rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_WRAPPED_KEY_LEN_RANGE) {
        return kk_cli_error("the file was not wrapped with this key and mechanism, or it was "
                            "changed (%s)",
                            kk_mechanism_name(use.mechanism.mechanism).text);
    }
    if (rv != CKR_OK) {
        return kk_key_use_failed(&use, rv, "unwrap");
    }
    return kk_object_say(keykist, &use.session, use.key, "key unwrapped");
}
