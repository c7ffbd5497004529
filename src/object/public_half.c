/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The public key object that belongs to a private one: what it takes over from it, and the material
 * that is the same for both.
 */
#include "object/policy.h"

#include "base/memory.h"
#include "object/object.h"

#include "base/banned.h"

/*= pkcs11-3.2 Public key from private key: what is copied where the template leaves it out */
/* clang-format off */
static const struct {
    CK_ATTRIBUTE_TYPE to;
    CK_ATTRIBUTE_TYPE from;
} copied[] = {
    {CKA_ENCRYPT,            CKA_DECRYPT},
    {CKA_VERIFY,             CKA_SIGN},
    {CKA_VERIFY_RECOVER,     CKA_SIGN_RECOVER},
    {CKA_WRAP,               CKA_UNWRAP},
    {CKA_ENCAPSULATE,        CKA_DECAPSULATE},
    {CKA_DERIVE,             CKA_DERIVE},
    {CKA_ID,                 CKA_ID},
    {CKA_START_DATE,         CKA_START_DATE},
    {CKA_END_DATE,           CKA_END_DATE},
    {CKA_SUBJECT,            CKA_SUBJECT},
    {CKA_ALLOWED_MECHANISMS, CKA_ALLOWED_MECHANISMS},
};
/* clang-format on */

static KK_RV copy_one(struct kk_attrs *attrs, CK_ATTRIBUTE_TYPE to, const struct kk_attr *from)
{
    struct kk_attr renamed = *from;
    renamed.type = to;
    return kk_attrs_set_copy(attrs, &renamed);
}

static KK_RV copy_missing(const struct kk_attrs *private_key, const struct kk_attrs *imposed,
                          struct kk_attrs *attrs)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(copied); i++) {
        const struct kk_attr *from = kk_attrs_find(private_key, copied[i].from);
        bool is_said = kk_attrs_has(attrs, copied[i].to) ||
                       (imposed != NULL && kk_attrs_has(imposed, copied[i].to));
        if (from != NULL && !is_said) {
            KK_TRY(copy_one(attrs, copied[i].to, from));
        }
    }
    return CKR_OK;
}

/* The public material. A template may repeat it. */
static KK_RV add_material(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                          struct kk_attrs *attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *material = NULL;
    KK_TRY(kk_attrs_new(&material));
    KK_TRY(kk_key_parts_to(crypto, parts, CKO_PUBLIC_KEY, material));
    for (size_t i = 0; i < material->count; i++) {
        const struct kk_attr *right = &material->rows[i];
        const struct kk_attr *given = kk_attrs_find(attrs, right->type);
        KK_ENSURE(given == NULL || kk_attr_equal(given, right), CKR_TEMPLATE_INCONSISTENT);
        if (given == NULL) {
            KK_TRY(kk_attrs_set_copy(attrs, right));
        }
    }
    return CKR_OK;
}

/* The private key's, which no template can give. */
static KK_RV copy_origin(const struct kk_attrs *private_key, struct kk_attrs *attrs)
{
    uint64_t mechanism = kk_attrs_number(private_key, CKA_KEY_GEN_MECHANISM, UINT64_MAX);
    return kk_attrs_set_number(attrs, CKA_KEY_GEN_MECHANISM, mechanism);
}

KK_RV kk_policy_public_half(struct kk_crypto *crypto, const struct kk_public_half *half,
                            const struct kk_attrs *tmpl, struct kk_attrs **ret_attrs)
{
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *wanted = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    const struct kk_attrs *private_key = half->private_key;
    /*= pkcs11-3.2 Public key from private key: the same checks as for an object creation */
    struct kk_begin begin = {
        .verb = KK_VERB_CREATE,
        .actor = half->actor,
        .object_class = CKO_PUBLIC_KEY,
        .key_type =
            (CK_KEY_TYPE)kk_attrs_number(private_key, CKA_KEY_TYPE, CK_UNAVAILABLE_INFORMATION),
        .imposed = half->imposed,
    };
    struct kk_finish finish = {.verb = KK_VERB_CREATE, .uuid = half->uuid};
    KK_TRY(kk_attrs_dup(tmpl, &wanted));
    KK_TRY(copy_missing(private_key, half->imposed, wanted));
    KK_TRY(add_material(crypto, half->parts, wanted));
    KK_TRY(kk_policy_begin(&begin, wanted, &attrs));
    KK_TRY(kk_policy_finish(crypto, &finish, attrs));
    KK_TRY(copy_origin(private_key, attrs));
    *ret_attrs = KK_STEAL(attrs);
    return CKR_OK;
}
