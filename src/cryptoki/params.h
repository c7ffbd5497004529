/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The layout of every mechanism parameter, as data: which shape a parameter has, and for each
 * member of a CK_*_PARAMS structure what it is, where it lies and which member says how long it is.
 * One walker over these tables copies a caller's parameter, finds the handles in it, or puts it on
 * the wire; nobody needs code per structure.
 */
#pragma once

#include "cryptoki/pkcs11.h"

#include <stdint.h>

/* NONE takes no parameter, BYTES is raw bytes (an IV), ULONG one CK_ULONG (CK_MAC_GENERAL_PARAMS,
 * CK_EXTRACT_PARAMS, CK_RC2_PARAMS), HANDLE one CK_OBJECT_HANDLE, VERSION a CK_VERSION. The others
 * are called after their structure, without CK_ and _PARAMS. */
enum kk_param_shape {
    KK_PARAM_NONE,
    KK_PARAM_BYTES,
    KK_PARAM_ULONG,
    KK_PARAM_HANDLE,
    KK_PARAM_VERSION,
    KK_PARAM_RSA_PKCS_OAEP,
    KK_PARAM_RSA_PKCS_PSS,
    KK_PARAM_ECDH1_DERIVE,
    KK_PARAM_ECDH2_DERIVE,
    KK_PARAM_ECMQV_DERIVE,
    KK_PARAM_X9_42_DH1_DERIVE,
    KK_PARAM_X9_42_DH2_DERIVE,
    KK_PARAM_X9_42_MQV_DERIVE,
    KK_PARAM_KEA_DERIVE,
    KK_PARAM_RC2_CBC,
    KK_PARAM_RC2_MAC_GENERAL,
    KK_PARAM_RC5,
    KK_PARAM_RC5_CBC,
    KK_PARAM_RC5_MAC_GENERAL,
    KK_PARAM_DES_CBC_ENCRYPT_DATA,
    KK_PARAM_AES_CBC_ENCRYPT_DATA,
    KK_PARAM_CAMELLIA_CBC_ENCRYPT_DATA,
    KK_PARAM_ARIA_CBC_ENCRYPT_DATA,
    KK_PARAM_SEED_CBC_ENCRYPT_DATA,
    KK_PARAM_SKIPJACK_PRIVATE_WRAP,
    KK_PARAM_SKIPJACK_RELAYX,
    KK_PARAM_PBE,
    KK_PARAM_KEY_WRAP_SET_OAEP,
    KK_PARAM_SSL3_MASTER_KEY_DERIVE,
    KK_PARAM_SSL3_KEY_MAT,
    KK_PARAM_TLS_PRF,
    KK_PARAM_WTLS_MASTER_KEY_DERIVE,
    KK_PARAM_WTLS_PRF,
    KK_PARAM_WTLS_KEY_MAT,
    KK_PARAM_CMS_SIG,
    KK_PARAM_KEY_DERIVATION_STRING_DATA,
    KK_PARAM_PKCS5_PBKD2,
    KK_PARAM_PKCS5_PBKD2_PARAMS2,
    KK_PARAM_OTP,
    KK_PARAM_KIP,
    KK_PARAM_AES_CTR,
    KK_PARAM_CAMELLIA_CTR,
    KK_PARAM_GCM,
    KK_PARAM_GCM_MESSAGE,
    KK_PARAM_GCM_WRAP,
    KK_PARAM_CCM,
    KK_PARAM_CCM_MESSAGE,
    KK_PARAM_CCM_WRAP,
    KK_PARAM_AES_GCM,
    KK_PARAM_AES_CCM,
    KK_PARAM_DSA_PARAMETER_GEN,
    KK_PARAM_ECDH_AES_KEY_WRAP,
    KK_PARAM_RSA_AES_KEY_WRAP,
    KK_PARAM_TLS12_MASTER_KEY_DERIVE,
    KK_PARAM_TLS12_KEY_MAT,
    KK_PARAM_TLS12_KEY_SAFE, /* the same structure; what it says of IVs is ignored */
    KK_PARAM_TLS_KDF,
    KK_PARAM_TLS_MAC,
    KK_PARAM_TLS12_EXTENDED_MASTER_KEY_DERIVE,
    KK_PARAM_GOSTR3410_DERIVE,
    KK_PARAM_GOSTR3410_KEY_WRAP,
    KK_PARAM_SP800_108_KDF,
    KK_PARAM_SP800_108_FEEDBACK_KDF,
    KK_PARAM_EDDSA,
    KK_PARAM_XEDDSA,
    KK_PARAM_CHACHA20,
    KK_PARAM_SALSA20,
    KK_PARAM_SALSA20_CHACHA20_POLY1305,
    KK_PARAM_SALSA20_CHACHA20_POLY1305_MSG,
    KK_PARAM_X3DH_INITIATE,
    KK_PARAM_X3DH_RESPOND,
    KK_PARAM_X2RATCHET_INITIALIZE,
    KK_PARAM_X2RATCHET_RESPOND,
    KK_PARAM_HKDF,
    KK_PARAM_IKE2_PRF_PLUS_DERIVE,
    KK_PARAM_IKE_PRF_DERIVE,
    KK_PARAM_IKE1_PRF_DERIVE,
    KK_PARAM_IKE1_EXTENDED_DERIVE,
    KK_PARAM_SIGN_ADDITIONAL_CONTEXT,
    KK_PARAM_HASH_SIGN_ADDITIONAL_CONTEXT,
    KK_PARAM_COUNT
};

/* What a member is. "Length" below is the CK_ULONG at length_offset in the same structure, if
 * nothing else is said. Every pointer may be NULL. */
enum kk_param_kind {
    KK_FIELD_ULONG,            /* a number */
    KK_FIELD_LENGTH,           /* a number that is the length or count of other members */
    KK_FIELD_BOOL,             /* a CK_BBOOL */
    KK_FIELD_BYTES,            /* `size` bytes, inline */
    KK_FIELD_HANDLE,           /* a CK_OBJECT_HANDLE; 0 is none */
    KK_FIELD_STRUCT,           /* `nested`, inline */
    KK_FIELD_POINTER,          /* to bytes, length in bytes */
    KK_FIELD_POINTER_BITS,     /* to bytes, length in bits, rounded up to bytes */
    KK_FIELD_POINTER_NONCE,    /* to bytes, length in bits; in bytes where it is below 64 */
    KK_FIELD_POINTER_FIXED,    /* to `size` bytes */
    KK_FIELD_POINTER_INDIRECT, /* to bytes; length_offset holds a CK_ULONG * to their number */
    KK_FIELD_POINTER_OUTER, /* to bytes; length in bits, in the structure that encloses this one */
    KK_FIELD_POINTER_OPEN,  /* to bytes whose number the standard does not say */
    KK_FIELD_POINTER_MAYBE, /* to bytes, length in bytes; NULL is other than no bytes */
    KK_FIELD_TEXT,          /* to zero-terminated text */
    KK_FIELD_ULONG_POINTER, /* to one CK_ULONG, the length of another member */
    KK_FIELD_NESTED,        /* to one `nested` */
    KK_FIELD_ARRAY,         /* to `nested` elements, their number at length_offset */
    KK_FIELD_VARIANT,       /* to bytes with a length; what they are depends on a type member */
    KK_FIELD_MECHANISM,     /* to one CK_MECHANISM */
    KK_FIELD_TEMPLATE,      /* to CK_ATTRIBUTEs, their number at length_offset */
    KK_FIELD_HANDLE_POINTER /* to one CK_OBJECT_HANDLE */
};

/* Who writes the member, or what it points to. */
enum kk_param_direction {
    KK_PARAM_IN,   /* the caller */
    KK_PARAM_OUT,  /* the module */
    KK_PARAM_INOUT /* either: a message's IV and tag, a length that comes back */
};

/* What the bytes of a VARIANT are for one value of the type member: a layout, or raw bytes when no
 * row has that value. */
struct kk_param_variant {
    CK_ULONG type;
    const struct kk_param_layout *layout;
};

struct kk_param_field {
    uint8_t kind;      /* enum kk_param_kind */
    uint8_t direction; /* enum kk_param_direction */
    uint16_t offset;
    uint16_t size; /* of the member itself; for POINTER_FIXED of what it points to */
    uint16_t length_offset;
    uint16_t type_offset; /* VARIANT only */
    const struct kk_param_layout *nested;
    const struct kk_param_variant *variants; /* VARIANT only; ends with a NULL layout */
    const char *name;
};

struct kk_param_layout {
    const char *name; /* the structure's */
    size_t size;
    const struct kk_param_field *fields; /* ascending offsets, each member once */
    size_t count;
};

/* The layout of a shape. NULL for NONE, for BYTES and for what is no shape. */
const struct kk_param_layout *kk_param_layout(enum kk_param_shape shape);

/* The layout that a VARIANT's bytes have for `type`; NULL when they are raw bytes. */
const struct kk_param_layout *kk_param_variant_layout(const struct kk_param_field *field,
                                                      CK_ULONG type);
