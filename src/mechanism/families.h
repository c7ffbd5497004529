/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The families of mechanisms. Each is a table of rows in a file of its own (table_<family>.c);
 * registry.c lists them all.
 */
#pragma once

#include "mechanism/mechanism.h"

extern const struct kk_mechanism_family kk_family_digest;
extern const struct kk_mechanism_family kk_family_hmac;
extern const struct kk_mechanism_family kk_family_aes;
extern const struct kk_mechanism_family kk_family_secret;
extern const struct kk_mechanism_family kk_family_rsa;
extern const struct kk_mechanism_family kk_family_ec;
extern const struct kk_mechanism_family kk_family_stream;
extern const struct kk_mechanism_family kk_family_des;
extern const struct kk_mechanism_family kk_family_derive;
extern const struct kk_mechanism_family kk_family_cipher;
extern const struct kk_mechanism_family kk_family_dsa;
extern const struct kk_mechanism_family kk_family_dh;
extern const struct kk_mechanism_family kk_family_pq;
extern const struct kk_mechanism_family kk_family_tls;
extern const struct kk_mechanism_family kk_family_hss;
extern const struct kk_mechanism_family kk_family_otp;
extern const struct kk_mechanism_family kk_family_null;

/* For rows: the number and its name. To be written in the row itself: inside another macro the name
 * would be expanded to the number. */
#define KK_MECHANISM(x) .type = x, .name = #x
