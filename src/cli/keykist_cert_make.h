/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist cert request, self-sign, issue: what is put together for a signature of a key in the
 * token.
 */
#pragma once

#include "cli/keykist_cert.h"
#include "cli/x509.h"

#define KK_CERT_SERIAL_LEN 16

/* Zero-initialise; free with kk_cert_making_clear(). */
struct kk_cert_making {
    const struct kk_cert_make_options *options;
    bool issues; /* for the key of another: --subject may be missing; set before kk_cert_begin() */
    struct kk_key_work work;
    struct kk_secret *key; /* SubjectPublicKeyInfo */
    struct kk_secret *id;  /* CKA_ID; NULL: none */
    struct kk_secret *label;
    struct kk_buffer name;
    struct kk_buffer alt_names;
    struct kk_buffer algorithm;
    struct kk_buffer body;
    struct kk_buffer result;
    uint8_t serial[KK_CERT_SERIAL_LEN];
    struct kk_x509_wish wish;
};
void kk_cert_making_clear(struct kk_cert_making *making);

/* Reads the options, finds the key that signs, and fills the wish with both. */
KK_RV kk_cert_begin(struct kk_keykist *keykist, bool writable, struct kk_cert_making *making);

/* The serial number of a certificate, and as its key's identifier the ID of the key that signs. */
KK_RV kk_cert_draw_serial(struct kk_cert_making *making);

/* Signs making->body into making->result. */
KK_RV kk_cert_finish(struct kk_cert_making *making);

/* Writes the result, in PEM or DER. `name`: "request" or "certificate"; `how`: what was done. */
KK_RV kk_cert_write(const struct kk_cert_making *making, const char *name, const char *how);
