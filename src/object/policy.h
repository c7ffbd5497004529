/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The attribute policy: one row per attribute per object class or key type, with the standard's own
 * footnote numbers, and one interpreter that answers create, generate, unwrap/derive/decapsulate,
 * copy, set and get. No other place knows what an attribute is allowed to do.
 *
 * Making an object goes in two steps. kk_policy_begin() checks the template and gives back the
 * attributes with all defaults; for keys that are generated, unwrapped or derived it leaves out the
 * material. kk_policy_finish() adds the material and everything that follows from it (CHECK_VALUE,
 * PUBLIC_KEY_INFO, LOCAL, ALWAYS_SENSITIVE, ...), and CKA_UNIQUE_ID.
 */
#pragma once

#include "crypto/key.h"
#include "object/attrs.h"

enum kk_verb {
    KK_VERB_CREATE,   /* C_CreateObject */
    KK_VERB_GENERATE, /* C_GenerateKey, C_GenerateKeyPair */
    KK_VERB_UNWRAP,   /* C_UnwrapKey, C_DecapsulateKey, C_EncapsulateKey */
    KK_VERB_DERIVE,   /* C_DeriveKey */
    KK_VERB_COPY,
    KK_VERB_SET,
    KK_VERB_FIND, /* only typing and sanity of the template */
};

/* Who asks. */
struct kk_actor {
    bool user_logged_in; /* the user, or a named user */
    bool so_logged_in;
    bool rw_session;
};

/*
 * A caller's template, copied and typed by the policy's knowledge of each attribute's data type;
 * the only place where CK_ATTRIBUTE is read. Codes: CKR_ARGUMENTS_BAD (NULL with a count),
 * CKR_ATTRIBUTE_TYPE_INVALID (unknown; with KK_VERB_FIND unknown types are typed as bytes),
 * CKR_ATTRIBUTE_VALUE_INVALID (a length that does not fit the type, NULL with a length),
 * CKR_TEMPLATE_INCONSISTENT (one attribute twice with two values; too many attributes; templates
 * nested too deep).
 */
KK_RV kk_template_copy(const CK_ATTRIBUTE *attributes, CK_ULONG count, enum kk_verb verb,
                       struct kk_attrs **ret_template);

/* What kk_policy_begin() needs to know beside the template. Zero where it does not apply. */
struct kk_begin {
    enum kk_verb verb; /* CREATE, GENERATE, UNWRAP or DERIVE */
    struct kk_actor actor;
    CK_OBJECT_CLASS object_class; /* GENERATE: what the mechanism makes; CK_UNAVAILABLE_INFORMATION:
                                     from the template */
    CK_KEY_TYPE key_type; /* GENERATE: the mechanism's key type; CK_UNAVAILABLE_INFORMATION: from
                             the template */
    const struct kk_attrs *imposed; /* UNWRAP_TEMPLATE / DERIVE_TEMPLATE of the base key: added
                                       where absent, CKR_TEMPLATE_INCONSISTENT where different */
    CK_ATTRIBUTE_TYPE completes; /* GENERATE: the template has the material but for this attribute;
                                    0: none of it */
};

/*
 * Codes: CKR_TEMPLATE_INCOMPLETE, CKR_TEMPLATE_INCONSISTENT, CKR_ATTRIBUTE_READ_ONLY,
 * CKR_ATTRIBUTE_TYPE_INVALID (not of this class), CKR_ATTRIBUTE_VALUE_INVALID,
 * CKR_SESSION_READ_ONLY (a token object in a read-only session), CKR_USER_NOT_LOGGED_IN (a private
 * object without the user's login).
 */
KK_RV kk_policy_begin(const struct kk_begin *begin, const struct kk_attrs *tmpl,
                      struct kk_attrs **ret_attrs);

/* What a generation is to be made from: kind, bits, parameter_set and domain parts, read from the
 * checked attributes (the public key's for a pair). CKR_ATTRIBUTE_VALUE_INVALID for a secret key's
 * length that its type cannot have. */
KK_RV kk_policy_generation(struct kk_crypto *crypto, CK_KEY_TYPE key_type,
                           const struct kk_attrs *attrs, struct kk_key_parts *ret_parts);

/* The facts that finish() turns into attributes. */
struct kk_finish {
    enum kk_verb verb;
    CK_MECHANISM_TYPE mechanism;      /* GENERATE: CKA_KEY_GEN_MECHANISM */
    const struct kk_key_parts *parts; /* NULL for CREATE (the template held the material) */
    bool base_always_sensitive;       /* DERIVE: of the base key */
    bool base_never_extractable;
    struct kk_uuid uuid;
};

/* Adds material and what follows. For CREATE it checks the material by parsing it (codes of
 * kk_key_new(); a wrong CHECK_VALUE is CKR_ATTRIBUTE_VALUE_INVALID), completes what the key type
 * demands (RSA CRT parts, canonical EC_PARAMS and EC_POINT) and computes the rest. A secret key
 * whose length does not fit its type or the template's CKA_VALUE_LEN: CKR_ATTRIBUTE_VALUE_INVALID
 * (create), CKR_WRAPPED_KEY_LEN_RANGE (unwrap), CKR_KEY_SIZE_RANGE (derive). What was unwrapped and
 * is no key of the template's type: CKR_WRAPPED_KEY_INVALID. */
KK_RV kk_policy_finish(struct kk_crypto *crypto, const struct kk_finish *finish,
                       struct kk_attrs *attrs);

/* C_CopyObject and C_SetAttributeValue: the new set from the old one and the template. Codes:
 * CKR_ACTION_PROHIBITED (COPYABLE, MODIFIABLE false; trusted certificates, security.md),
 * CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT (a private object copied public), and those of
 * begin(). For COPY `uuid` is the new object's. */
KK_RV kk_policy_copy(struct kk_crypto *crypto, const struct kk_attrs *old,
                     const struct kk_attrs *tmpl, const struct kk_actor *actor,
                     const struct kk_uuid *uuid, struct kk_attrs **ret_attrs);
KK_RV kk_policy_set(struct kk_crypto *crypto, const struct kk_attrs *old,
                    const struct kk_attrs *tmpl, const struct kk_actor *actor,
                    struct kk_attrs **ret_attrs);

/* C_DestroyObject: CKR_ACTION_PROHIBITED when CKA_DESTROYABLE is false. Session kind and login are
 * session/'s to check. */
KK_RV kk_policy_destroy(const struct kk_attrs *attrs);

/*
 * An object that another program stored: missing attributes get their defaults, the material its
 * canonical form, and what follows from it is computed; X25519 and X448 keys get the key type of
 * their own; CKA_UNIQUE_ID is the uuid. What does not fit together stays as it was. The set may be
 * replaced by another. CKR_DEVICE_ERROR: the check value or CKA_PUBLIC_KEY_INFO is of another key:
 * the object was damaged.
 */
KK_RV kk_policy_adopt(struct kk_crypto *crypto, const struct kk_uuid *uuid,
                      struct kk_attrs **attrs);

/* Whether the attribute has the value that it would have if nobody had given it. */
bool kk_policy_is_default(const struct kk_attrs *attrs, const struct kk_attr *attr);

/*
 * One attribute of C_GetAttributeValue, into the caller's CK_ATTRIBUTE: sets ulValueLen, and the
 * value where pValue is not NULL and large enough. CKR_ATTRIBUTE_SENSITIVE,
 * CKR_ATTRIBUTE_TYPE_INVALID and CKR_BUFFER_TOO_SMALL with ulValueLen CK_UNAVAILABLE_INFORMATION,
 * as chapter 5.7 says; nested templates by their own rules.
 */
KK_RV kk_policy_get(const struct kk_attrs *attrs, CK_ATTRIBUTE *attribute);

/* C_FindObjects: kk_attrs_match(), but an attribute whose value may not be read matches nothing. */
bool kk_policy_matches(const struct kk_attrs *attrs, const struct kk_attrs *wanted);

/* Whether an attribute's value is key material (memory, logs). */
bool kk_policy_is_secret(CK_ATTRIBUTE_TYPE type);

/* Attributes that repositories may index, in a fixed order that never changes (KK_INDEX_COLUMNS of
 * them); the value to be hashed for a row. */
#define KK_INDEX_COLUMNS 8
extern const CK_ATTRIBUTE_TYPE kk_index_types[KK_INDEX_COLUMNS];
KK_RV kk_index_value(const struct kk_attr *attr, struct kk_buffer *ret_value);

/* Prints the policy as text, a row per line, for tests/snapshot/attributes.txt. */
void kk_policy_print(void (*line)(const char *text, void *context), void *context);
