/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Certificates and requests for certificates: put together for a signature that a token makes, and
 * as much of certificates read as is shown of them (RFC 5280, RFC 2986).
 */
#pragma once

#include <time.h>

#include "base/bytes.h"

enum kk_x509_purpose {
    KK_X509_SERVER = 1,
    KK_X509_CLIENT = 2,
    KK_X509_CODE = 4,
    KK_X509_EMAIL = 8
};

/* What is to be signed. Spans are DER and borrowed. */
struct kk_x509_wish {
    struct kk_span name;
    struct kk_span key;       /* SubjectPublicKeyInfo */
    struct kk_span alt_names; /* GeneralName after GeneralName; empty: none */
    struct kk_span algorithm; /* AlgorithmIdentifier of the signature */
    unsigned int purposes;    /* enum kk_x509_purpose */
    bool is_ca;
    bool encrypts; /* the key may also decipher: RSA's */
    /* a certificate only */
    struct kk_span issuer;       /* Name; empty: its own key signs it */
    struct kk_span authority_id; /* of the issuer's key; empty: none */
    bool has_path_len;
    uint8_t path_len;      /* with is_ca; at most 127 */
    struct kk_span serial; /* big-endian, positive */
    struct kk_span key_id;
    time_t begin;
    time_t end;
};

/* Appends the part that is signed. */
KK_RV kk_x509_put_request(struct kk_buffer *out, const struct kk_x509_wish *wish);
KK_RV kk_x509_put_certificate(struct kk_buffer *out, const struct kk_x509_wish *wish);

/* Appends that part with its signature: the whole thing. */
KK_RV kk_x509_put_signed(struct kk_buffer *out, struct kk_span body, struct kk_span algorithm,
                         struct kk_span signature);

/* The mechanism of an AlgorithmIdentifier; 0 where it is that of the key (CKM_EDDSA, CKM_ML_DSA).
 * CKR_MECHANISM_INVALID: it is none of those that kk_x509_put_algorithm() knows. */
KK_RV kk_x509_mechanism(struct kk_span algorithm, struct kk_span key,
                        CK_MECHANISM_TYPE *ret_mechanism);

/* Appends the AlgorithmIdentifier of a mechanism (for CKM_EDDSA, CKM_ML_DSA: of the key's
 * algorithm, which its SubjectPublicKeyInfo names). CKR_MECHANISM_INVALID: there is none. */
KK_RV kk_x509_put_algorithm(struct kk_buffer *out, CK_MECHANISM_TYPE mechanism, struct kk_span key);

/* What a certificate says; spans into it, empty where it has none. */
struct kk_x509 {
    struct kk_span serial;
    struct kk_span issuer;
    struct kk_span subject;
    struct kk_span key;
    struct kk_span alt_names;
    char begin[24]; /* "2026-01-31T12:00:00Z" */
    char end[24];
    bool is_ca;
    struct kk_span key_id; /* of its own key */
    unsigned int purposes; /* enum kk_x509_purpose; others are passed over */
};

/* CKR_DATA_INVALID: it is no certificate. */
KK_RV kk_x509_read(struct kk_span der, struct kk_x509 *ret_x509);

/* A request; of `asked`, subject, key, alt_names and purposes are set. */
struct kk_x509_request {
    struct kk_x509 asked;
    struct kk_span body; /* what is signed */
    struct kk_span algorithm;
    struct kk_span signature;
};

/* CKR_DATA_INVALID: it is no request. Its signature is not looked at. */
KK_RV kk_x509_read_request(struct kk_span der, struct kk_x509_request *ret_request);
