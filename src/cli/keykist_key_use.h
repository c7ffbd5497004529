/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key sign, verify, encrypt, decrypt, wrap, unwrap: choosing key and mechanism, reading
 * what goes in and writing what comes out.
 */
#pragma once

#include "cli/keykist_key.h"
#include "cli/mechanism_name.h"

#define KK_USE_FILE_MAX ((size_t)64 << 20)

/* A command at work. Zero-initialise but for the first two; free with kk_key_use_clear(). */
struct kk_key_work {
    const struct kk_keykist *keykist;
    const struct kk_key_use_options *options;
    struct kk_keykist_session session;
    CK_TOKEN_INFO token;
    CK_OBJECT_HANDLE key;
    CK_OBJECT_CLASS object_class;
    CK_KEY_TYPE type;
    CK_MECHANISM mechanism;
    const struct kk_hash *hash; /* of the mechanism; NULL: none */
    bool writable;              /* the session is to write; set before kk_key_use_begin() */
    bool found_raw;             /* the ECDSA signature to be verified is r and s */
    bool hash_first;            /* CKM_ECDSA on a hash that is computed before */
    union {
        CK_RSA_PKCS_PSS_PARAMS pss;
        CK_RSA_PKCS_OAEP_PARAMS oaep;
        CK_GCM_PARAMS gcm;
        CK_AES_CTR_PARAMS ctr;
    } params;
    struct kk_buffer iv;
    struct kk_buffer aad;
};
void kk_key_use_clear(struct kk_key_work *use);

/* Opens the token and finds the one key that fits and is of this class, or a secret one. For a
 * private key the PIN is asked for; for another when none is seen without. */
KK_RV kk_key_use_begin(struct kk_key_work *use, CK_OBJECT_CLASS object_class);

/* The same, logged in whatever the class: a private object is to be made. */
KK_RV kk_key_use_begin_logged_in(struct kk_key_work *use, CK_OBJECT_CLASS object_class);

/* The PIN once more for a key with CKA_ALWAYS_AUTHENTICATE, once the operation has begun. */
CK_RV kk_key_use_authenticate(const struct kk_key_work *use);

/* What --mechanism and --hash ask for, or the key's default, for signatures and MACs. */
KK_RV kk_key_use_signature(struct kk_key_work *use);

/* Appends the signature of these bytes, as kk_key_use_signature() chose it; ECDSA's in DER unless
 * the options say otherwise (keykist_key_sign.c). */
KK_RV kk_key_use_sign(const struct kk_key_work *use, struct kk_span bytes, struct kk_buffer *out);

/* Whether that is the signature of these bytes, ECDSA's in DER. CKR_SIGNATURE_INVALID,
 * CKR_SIGNATURE_LEN_RANGE: it is not. */
CK_RV kk_key_use_verify(struct kk_key_work *use, struct kk_span bytes, struct kk_span signature);

/* The same for ciphers (keykist_key_cipher.c). */
KK_RV kk_key_use_cipher(struct kk_key_work *use);

/* How long the IV is that the mechanism takes; 0: it takes none. */
size_t kk_key_use_iv_len(const struct kk_key_work *use);

/* The parameter of the mechanism, once its IV is in use->iv. */
void kk_key_use_put_iv(struct kk_key_work *use);

/* Why the module did not: "Could not sign with CKM_...: ...". */
CK_RV kk_key_use_failed(const struct kk_key_work *use, CK_RV rv, const char *what);

/* Digits of --iv, --aad. `option` is for what is said. */
KK_RV kk_key_use_hex(const char *text, const char *option, struct kk_buffer *out);

/* ---- files (keykist_file_use.c) ---- */

/* All of a file, "-" for standard input; at most KK_USE_FILE_MAX. What is wrong is said. */
KK_RV kk_use_read(const char *path, struct kk_secret **ret_content);

/* A file piece by piece, with a bar on the terminal when it is long. */
typedef CK_RV (*kk_use_piece)(void *context, struct kk_span piece);
struct kk_use_input {
    const char *path;
    int fd;
    CK_ULONG size; /* 0: not known */
    uint8_t *piece;
};
KK_RV kk_use_open(const char *path, struct kk_use_input *ret_input);
void kk_use_close(struct kk_use_input *input);
/* What take_piece() says is passed on. */
KK_RV kk_use_pieces(struct kk_use_input *input, const char *what, kk_use_piece take_piece,
                    void *context);

/* How the result leaves: --out, --base64, --hex. */
struct kk_use_output {
    const char *path; /* NULL: standard output */
    bool base64;
    bool hex;
    bool force;
    bool is_text;     /* the content may go to a terminal, and into JSON as it is */
    const char *what; /* "signature": for messages, and its name in JSON */
};

/* With --json and no file, the result is in the document, in base64. Else it is written, and where
 * it went is said when that is not standard output. `how`: "signed with CKM_...". */
KK_RV kk_use_write(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                   const struct kk_use_output *output, struct kk_span content, const char *how);
