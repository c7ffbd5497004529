/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The mechanism registry: one row per mechanism, which says everything that is known about it.
 *
 * Adding a mechanism is one row in its family's table and one vector file. The CKF_ flags of
 * C_GetMechanismInfo are computed from the operation pointers of the row, so that they cannot
 * disagree with what the code does. What the linked OpenSSL cannot fetch is not listed.
 */
#pragma once

#include "crypto/key.h"
#include "mechanism/param.h"

struct kk_mechanism;
struct kk_op;

enum kk_op_kind {
    KK_OP_ENCRYPT,
    KK_OP_DECRYPT,
    KK_OP_SIGN,
    KK_OP_VERIFY,
    KK_OP_DIGEST,
    KK_OP_SIGN_RECOVER,
    KK_OP_VERIFY_RECOVER,
    KK_OP_MESSAGE_ENCRYPT, /* many messages; a family sees the kinds above */
    KK_OP_MESSAGE_DECRYPT,
    KK_OP_MESSAGE_SIGN,
    KK_OP_MESSAGE_VERIFY,
    KK_OP_VERIFY_SIGNATURE, /* C_VerifySignatureInit; mechanisms see KK_OP_VERIFY */
    KK_OP_COUNT
};

enum kk_phase { KK_PHASE_UPDATE, KK_PHASE_FINAL, KK_PHASE_SINGLE };

/* What a key for one-time passwords says of them; zeros for other keys. */
struct kk_otp_rules {
    CK_ULONG format, length;                /* CKA_OTP_FORMAT, CKA_OTP_LENGTH */
    CK_ULONG pin, challenge, time, counter; /* CKA_OTP_..._REQUIREMENT */
    CK_ULONG interval;                      /* seconds; 0: as usual */
    bool is_friendly;
};

/*
 * One operation. session/ owns it and keeps it after its end, so that the next one with the same
 * mechanism and key finds its context (`context`) ready. The family's functions read mechanism,
 * kind, key and param, and own context.
 *
 * Outputs: `out` has room for what ops->bound() said (session/ has seen to that, with memory of its
 * own where the caller's was smaller), *ret_len gets the bytes written. Any failure ends the
 * operation; the family need not clean up but in reset().
 */
struct kk_op {
    const struct kk_mechanism *mechanism;
    enum kk_op_kind kind;
    struct kk_crypto *crypto;
    struct kk_key *key; /* a reference; NULL for digests */
    struct kk_param param;
    struct kk_otp_rules otp;
    size_t aead_buffer; /* limits.aead_buffer, bytes; 0: as held.h has it */
    bool has_turn;      /* `turn` is this signature's own: mechanisms with kk_turn_ops */
    uint64_t turn;
    void *context;                /* the family's; NULL at first */
    void (*context_free)(void *); /* set together with context */
};

/* Encryption and decryption, by op->kind. */
struct kk_cipher_ops {
    /* Checks key size and parameter; makes or reuses op->context. Called at every Init. Codes:
     * CKR_MECHANISM_PARAM_INVALID, CKR_KEY_SIZE_RANGE, CKR_KEY_TYPE_INCONSISTENT. */
    KK_RV (*init)(struct kk_op *op);
    /* The most that this phase may put out for in_len bytes now. */
    size_t (*bound)(const struct kk_op *op, enum kk_phase phase, size_t in_len);
    /* NULL where the mechanism is single-part only. */
    KK_RV (*update)(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
    KK_RV (*final)(struct kk_op *op, uint8_t *out, size_t *ret_len);
    /* NULL: update and final, one after the other. */
    KK_RV (*single)(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
    /* The code that `single` would give data of this length, asked for with a length query; NULL:
     * that shows with the data only. CKR_DATA_LEN_RANGE, CKR_ENCRYPTED_DATA_LEN_RANGE. */
    KK_RV (*check_length)(const struct kk_op *op, size_t in_len);
    /* bound() is the exact length for the phases in which data is encrypted or decrypted: session/
     * may answer CKR_BUFFER_TOO_SMALL from it without computing. Otherwise session/ computes into
     * memory of its own when the caller's buffer is below the bound. */
    bool exact;
    /* An operation with the context of last time puts nothing into OpenSSL's queue of errors, and
     * what may do so calls kk_crypto_mark() itself: session/ leaves it out. */
    bool quiet;
    /* C_GetOperationState and C_SetOperationState. `restore` makes or reuses op->context, as init
     * does, without a parameter. NULL: there is no way. CKR_STATE_UNSAVEABLE, also of operations
     * whose state cannot be had any more; CKR_SAVED_STATE_INVALID. */
    KK_RV (*save)(struct kk_op *op, struct kk_buffer *out);
    KK_RV (*restore)(struct kk_op *op, struct kk_reader *in);
};

/* What the parameter of one message says, the same for all AEADs. The pointers are the structure's
 * own. */
struct kk_message {
    uint8_t *iv; /* or nonce */
    size_t iv_len;
    CK_GENERATOR_FUNCTION generator;
    size_t fixed_bits;
    uint8_t *tag;
    size_t tag_len;
    size_t data_len; /* CCM: of the whole message; 0 elsewhere */
};

/* How an AEAD works on a message; `cipher` is its own. Lengths of IV and tag are read()'s. */
struct kk_aead_ops {
    /* For op's key and direction. CKR_KEY_SIZE_RANGE, CKR_KEY_TYPE_INCONSISTENT. */
    KK_RV (*open)(struct kk_op *op, void **ret_cipher);
    void (*close)(void *cipher);
    KK_RV (*start)(void *cipher, const struct kk_message *message, struct kk_span aad);
    /* What comes out of in_len bytes now, exactly; NULL: as many. */
    size_t (*bound)(const void *cipher, enum kk_phase phase, size_t in_len);
    KK_RV (*update)(void *cipher, struct kk_span in, uint8_t *out, size_t *ret_len);
    /* The last part. Encryption writes message->tag, decryption checks it
     * (CKR_ENCRYPTED_DATA_INVALID, nothing stays in `out`). */
    KK_RV (*final)(void *cipher, const struct kk_message *message, struct kk_span in, uint8_t *out,
                   size_t *ret_len);
};

/* Many messages under one key (C_MessageEncryptInit and its kin); the engine is message.h's. */
struct kk_message_ops {
    enum kk_param_shape shape; /* of the parameter that comes with each message */
    /* CKR_MECHANISM_PARAM_INVALID: lengths that cannot be. */
    KK_RV (*read)(const void *params, struct kk_message *ret_message);
    const struct kk_aead_ops *aead;
};

/* Keys that are another one after each signature: session/ takes the number that the key's object
 * has next out of it, durably and for this signature alone, and sets op->turn before it calls
 * `single` or `final` (object/stateful.h). */
struct kk_turn_ops {
    /* Whether this operation takes a number at all. */
    bool (*needed)(const struct kk_op *op);
    /* MAY. What takes long and can be done before the number is taken; it is expected to be `next`,
     * but may be another one. What comes out is kept in the object. */
    KK_RV (*prepare)(struct kk_op *op, uint64_t next, struct kk_buffer *ret_kept);
};

/* Signatures and MACs, by op->kind (sign, verify, and recover where `recover` is set). */
struct kk_sign_ops {
    KK_RV (*init)(struct kk_op *op);
    size_t (*length)(const struct kk_op *op); /* of the signature; the bound where it varies */
    /* MAY. Of the result that follows on in_len more bytes, exactly, where it is as long as the
     * message; length() is the most there is then. */
    size_t (*bound)(const struct kk_op *op, enum kk_phase phase, size_t in_len);
    KK_RV (*update)(struct kk_op *op, struct kk_span in); /* NULL: single-part only */
    KK_RV (*final)(struct kk_op *op, uint8_t *out, size_t *ret_len);
    KK_RV (*single)(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
    /* CKR_SIGNATURE_INVALID, CKR_SIGNATURE_LEN_RANGE. NULL for MACs: session/ signs and compares in
     * constant time. */
    KK_RV (*verify_final)(struct kk_op *op, struct kk_span signature);
    KK_RV (*verify_single)(struct kk_op *op, struct kk_span in, struct kk_span signature);
    /* C_VerifyRecover; out has room for length(). Set: sign recover is `single`. */
    KK_RV (*recover)(struct kk_op *op, struct kk_span signature, uint8_t *out, size_t *ret_len);
    bool quiet;    /* see kk_cipher_ops */
    bool one_time; /* two MACs under one key and parameter give the key away: no messages */
    const struct kk_turn_ops *turns; /* NULL: keys that stay as they are */
};

struct kk_digest_ops {
    KK_RV (*init)(struct kk_op *op);
    size_t (*length)(const struct kk_op *op);
    size_t (*bound)(const struct kk_op *op, enum kk_phase phase, size_t in_len); /* as above */
    KK_RV (*update)(struct kk_op *op, struct kk_span in);
    KK_RV (*update_key)(struct kk_op *op, struct kk_span key); /* NULL: update */
    KK_RV (*final)(struct kk_op *op, uint8_t *out, size_t *ret_len);
    KK_RV (*single)(struct kk_op *op, struct kk_span in, uint8_t *out, size_t *ret_len);
    KK_RV (*save)(struct kk_op *op, struct kk_buffer *out); /* as above */
    KK_RV (*restore)(struct kk_op *op, struct kk_reader *in);
};

/* Key and key-pair generation, and domain parameters. */
struct kk_generate_ops {
    /* `parts` comes with kind, bits, parameter_set and domain parts from the template, leaves with
     * everything. */
    KK_RV (*generate)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                      const struct kk_param *param, struct kk_key_parts *parts);
    bool pair;
    bool domain;             /* domain parameters, not a key */
    bool otp;                /* a key for one-time passwords */
    bool any_type;           /* the template says what type the key has */
    bool gives_nothing_back; /* the parameter is read only; the caller's memory may be so, too */
    size_t length;           /* the key's bytes where no template says them; 0: the template must */
    bool longer;             /* a template may say more */
    CK_ATTRIBUTE_TYPE completes; /* the one attribute that is made where the template has all others
                                     of the material; 0: all of it is made */
};

/* How a derived key's flags follow from those of the base key and of the keys that the parameter
 * names. */
enum kk_inherit {
    /* ALWAYS_SENSITIVE and NEVER_EXTRACTABLE go on as long as the base key and the new one have
     * them; the template decides the rest. */
    KK_INHERIT_HISTORY,
    /* One key that is sensitive makes the new one so, one that is not extractable too. */
    KK_INHERIT_FLAGS,
    /* SP 800-108: what the template leaves out is the base key's; one key with a history is enough.
     */
    KK_INHERIT_DEFAULTS,
    /* Both of the above for one base key: one that is sensitive or not extractable makes the new
     * one so; what the template leaves out is the base key's. */
    KK_INHERIT_BASE,
    /* The base key's, whatever its value; a template may repeat it. */
    KK_INHERIT_SAME,
};

/* What comes out. */
enum kk_derived {
    KK_DERIVED_KEY,      /* secret keys */
    KK_DERIVED_DATA,     /* a data object */
    KK_DERIVED_MATERIAL, /* secret keys and IVs, all of them into the parameter's outputs */
    KK_DERIVED_OUTPUT,   /* bytes, into the parameter's outputs; no object */
    KK_DERIVED_PUBLIC,   /* the public key of a private one */
};

/* One key of a key material. */
struct kk_material_key {
    CK_OBJECT_HANDLE *handle; /* the parameter's output */
    size_t len;               /* bytes; 0: there is no such key */
    bool is_mac;              /* a generic secret for MACs; others are what the template says */
};

#define KK_MATERIAL_KEYS 4

struct kk_material {
    struct kk_material_key keys[KK_MATERIAL_KEYS];
    size_t count;
    bool macs_derive; /* the keys for MACs may derive too */
};

/* The base key, where keys that the parameter names are numbered. */
#define KK_BASE_KEY SIZE_MAX

struct kk_derive_ops {
    /* `lengths` are the bytes asked for per key, 0 where neither template nor key type says it: the
     * mechanism's natural length then. Codes: CKR_MECHANISM_PARAM_INVALID, CKR_KEY_SIZE_RANGE (more
     * than the mechanism gives), CKR_KEY_TYPE_INCONSISTENT. On success every ret_values[i] is set,
     * and with it the parameter's own outputs (versions, IVs, bytes). */
    KK_RV (*derive)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *base, const struct kk_param *param, const size_t *lengths,
                    size_t count, struct kk_secret **ret_values);
    /* Further keys that the parameter asks for, in its own order; NULL: none ever. *ret_keys points
     * into the parameter, the handles go to its outputs. */
    void (*further)(const struct kk_param *param, const CK_DERIVED_KEY **ret_keys,
                    size_t *ret_count);
    /* Instead of derive() where a public key comes out: computes a private key's public parts.
     * CKR_KEY_TYPE_INCONSISTENT. */
    KK_RV (*publish)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                     struct kk_key_parts *parts);
    /* Whether the parameter's i-th handle is looked at; NULL: all are. */
    bool (*uses_key)(const struct kk_param *param, size_t i);
    /* Whether a key of this type will do as i-th key, or as KK_BASE_KEY, where the parameter has a
     * say in it; NULL: all that the row takes do. */
    bool (*key_fits)(const struct kk_param *param, size_t i, CK_KEY_TYPE key_type);
    /* The new key's type where no template says it; KK_NO_KEY_TYPE: one must. NULL: a generic
     * secret. */
    CK_KEY_TYPE (*type)(const struct kk_param *param);
    /* Whether this parameter may give away a part of the base key itself, so that KK_INHERIT_FLAGS
     * holds; NULL: as `inherit` says. */
    bool (*gives_base)(const struct kk_param *param);
    /* KK_DERIVED_MATERIAL: the keys that the parameter asks for, in the order in which derive()
     * gives those that have a length. CKR_MECHANISM_PARAM_INVALID. */
    KK_RV (*material)(const struct kk_mechanism *mechanism, const struct kk_param *param,
                      struct kk_material *ret_material);
    enum kk_inherit inherit;
    enum kk_derived makes;
    size_t length; /* the one length of the new key, which is a generic secret; 0: it is free */
    const uint64_t *uses; /* all that the new key may be used for: CKA_ALLOWED_MECHANISMS */
    size_t use_count;     /* 0: it is free */
    bool sized; /* a type without one length of its own, other than a generic secret, needs
                   CKA_VALUE_LEN */
};

struct kk_wrap_auth_ops;

struct kk_wrap_ops {
    /* The wrapped length for `plain_len` bytes; CKR_KEY_SIZE_RANGE when it cannot be wrapped. */
    KK_RV (*length)(const struct kk_mechanism *mechanism, struct kk_key *key,
                    const struct kk_param *param, size_t plain_len, size_t *ret_len);
    KK_RV (*wrap)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                  struct kk_key *key, const struct kk_param *param, struct kk_span plain,
                  uint8_t *out, size_t *ret_len);
    /* CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE. */
    KK_RV (*unwrap)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                    struct kk_key *key, const struct kk_param *param, struct kk_span wrapped,
                    struct kk_secret **ret_plain);
    const struct kk_wrap_auth_ops *auth; /* see wrap_auth.h; NULL: not with associated data */
    bool private_keys;                   /* wraps PKCS#8 too; otherwise secret keys only */
    bool trailing;  /* raw RSA: the key is the last CKA_VALUE_LEN bytes of the plaintext; elsewhere
                       the first */
    bool discloses; /* what comes out is the key in clear: of keys that can be read anyway only */
};

/* Key encapsulation with the public key, decapsulation with the private one. */
struct kk_kem_ops {
    /* Of the ciphertext. */
    size_t (*length)(const struct kk_mechanism *mechanism, struct kk_key *key);
    /* `value_len` bytes of secret key, 0: the mechanism's natural length. `out` has room for
     * length(). Codes: CKR_MECHANISM_PARAM_INVALID, CKR_KEY_SIZE_RANGE (not that many bytes),
     * CKR_TEMPLATE_INCOMPLETE (0, and no natural length), CKR_KEY_TYPE_INCONSISTENT. */
    KK_RV (*encapsulate)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *key, const struct kk_param *param, size_t value_len,
                         uint8_t *out, size_t *ret_len, struct kk_secret **ret_value);
    /* Codes: CKR_MECHANISM_PARAM_INVALID, CKR_WRAPPED_KEY_INVALID, CKR_WRAPPED_KEY_LEN_RANGE. */
    KK_RV (*decapsulate)(struct kk_crypto *crypto, const struct kk_mechanism *mechanism,
                         struct kk_key *key, const struct kk_param *param, size_t value_len,
                         struct kk_span in, struct kk_secret **ret_value);
};

/* No key type: digests; a second type that is not there. */
#define KK_NO_KEY_TYPE CK_UNAVAILABLE_INFORMATION

/* As second type: any secret key at all; any key of a pair; DES keys of one, two and three parts;
 * any key of any type that we know. */
#define KK_ANY_SECRET (CK_UNAVAILABLE_INFORMATION - 1)
#define KK_ANY_PAIR (CK_UNAVAILABLE_INFORMATION - 2)
#define KK_ANY_DES (CK_UNAVAILABLE_INFORMATION - 3)
#define KK_ANY_KEY (CK_UNAVAILABLE_INFORMATION - 4)

struct kk_mechanism {
    CK_MECHANISM_TYPE type;
    const char *name; /* "CKM_AES_GCM" */
    CK_KEY_TYPE key_type;
    CK_KEY_TYPE key_type2;     /* HMACs also take their own CKK_; KK_NO_KEY_TYPE elsewhere */
    CK_ULONG min_key, max_key; /* as C_GetMechanismInfo reports them */
    enum kk_param_shape shape;
    bool param_required; /* absent: CKR_MECHANISM_PARAM_INVALID */
    const struct kk_cipher_ops *cipher;
    const struct kk_message_ops *message;
    const struct kk_sign_ops *sign;
    const struct kk_digest_ops *digest;
    const struct kk_generate_ops *generate;
    const struct kk_derive_ops *derive;
    const struct kk_wrap_ops *wrap;
    const struct kk_kem_ops *kem;
    enum kk_algorithm_kind needs; /* what `algorithm` must be for the row to be listed */
    const char *algorithm; /* OpenSSL's name; "AES-%u-GCM" takes the key's bits, tried with 128 */
    const char *hash;      /* OpenSSL's digest name, NULL when the mechanism has none */
    CK_ULONG detail;       /* the family's own: a tag length, a mode, a CKG_ ... */
    CK_FLAGS extra_flags;  /* CKF_EC_ and the like */
    /* Set where a policy is in force, never in a table: enum kk_config_policy, and the least bits
     * of a key that it lets the row use (CKR_KEY_SIZE_RANGE). */
    int policy;
    CK_ULONG floor_bits;
};

/* Families export their rows. */
struct kk_mechanism_family {
    const struct kk_mechanism *rows;
    size_t count;
};

/* The registry of one engine: the rows that the library can compute and the configuration allows.
 */
struct kk_registry;

/* `allowed` is slots.mechanisms: "ALL", a comma list, or a list behind "-". Unknown names are a
 * warning. */
KK_RV kk_registry_new(struct kk_crypto *crypto, const char *allowed,
                      struct kk_registry **ret_registry);

/* The same of what mechanisms.policy (enum kk_config_policy) leaves, see offer.h. */
KK_RV kk_registry_new_for(struct kk_crypto *crypto, const char *allowed, int policy,
                          struct kk_registry **ret_registry);

/* The row of the tables, offered or not; NULL: nobody has built it. */
const struct kk_mechanism *kk_registry_row(CK_MECHANISM_TYPE type);

/* All rows of the tables, in no order; NULL behind the last one. */
const struct kk_mechanism *kk_registry_any(size_t i);
void kk_registry_free(struct kk_registry *registry);
KK_DEFINE_CLEANUP(struct kk_registry *, kk_registry_free);

/* The row, NULL when it is not offered. Constant time. */
const struct kk_mechanism *kk_registry_find(const struct kk_registry *registry,
                                            CK_MECHANISM_TYPE type);

/* Offered rows by rising type. */
size_t kk_registry_count(const struct kk_registry *registry);
const struct kk_mechanism *kk_registry_at(const struct kk_registry *registry, size_t i);

/* Whether it has what a profile (CKP_) of the standard wants of the mechanisms. */
bool kk_registry_serves(const struct kk_registry *registry, CK_PROFILE_ID profile);

/* CKF_ flags from the operation pointers. */
CK_FLAGS kk_mechanism_flags(const struct kk_mechanism *mechanism);

/* CKR_KEY_SIZE_RANGE for a key that is smaller than the policy in force has it. */
static inline KK_RV kk_mechanism_check_floor(const struct kk_mechanism *mechanism,
                                             const struct kk_key *key)
{
    bool is_small =
        KK_UNLIKELY(mechanism->floor_bits > 0) && kk_key_bits(key) < mechanism->floor_bits;
    return is_small ? CKR_KEY_SIZE_RANGE : CKR_OK;
}

/* Whether C_DeriveKey gives a handle through its own argument. */
bool kk_mechanism_gives_handle(const struct kk_mechanism *mechanism);

/* Whether a key of this CKK_ fits. */
bool kk_mechanism_takes(const struct kk_mechanism *mechanism, CK_KEY_TYPE key_type);

/* Key types as the layers above see them. */
enum kk_key_kind
kk_key_kind_of(CK_KEY_TYPE key_type); /* KK_KEY_SECRET for every secret type; 0 unknown */

/* Bytes that a secret key of this type has: both 0 when any length will do. false: no secret type
 */
bool kk_key_type_lengths(CK_KEY_TYPE key_type, size_t *ret_min, size_t *ret_max, size_t *ret_step);

/* Makes a new value one that a key of this type may have: DES keys get their parity bits. */
void kk_key_value_settle(CK_KEY_TYPE key_type, struct kk_secret *value);

/* The first three bytes of the standard's check value for a secret key: AES and DES encrypt a block
 * of zeros, others hash with SHA-1. */
KK_RV kk_check_value(struct kk_crypto *crypto, CK_KEY_TYPE key_type, struct kk_span value,
                     uint8_t ret_check[3]);
