/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the rows of SSL and TLS (table_tls.c) point to. row->detail is an enum kk_tls_function where
 * the parameter does not say which function it is.
 */
#pragma once

#include "mechanism/tls_prf.h"

/* Bytes of a master secret, and of a pre-master secret with the client's version in front. */
#define KK_TLS_MASTER 48
#define KK_WTLS_MASTER 20 /* WTLS: one byte of version; the pre-master secret may be longer */

/* Pre-master secrets. */
extern const struct kk_generate_ops kk_tls_pre_master_ops;
extern const struct kk_generate_ops kk_wtls_pre_master_ops;

/* Master secrets, by the RSA key exchange (whose pre-master secret has a version) and by others. */
extern const struct kk_derive_ops kk_tls_master_ops;
extern const struct kk_derive_ops kk_tls_master_dh_ops;
extern const struct kk_derive_ops kk_tls12_master_ops; /* for the mechanisms of TLS 1.2 only */
extern const struct kk_derive_ops kk_tls12_master_dh_ops;

extern const struct kk_derive_ops kk_wtls_master_ops;
extern const struct kk_derive_ops kk_wtls_master_dh_ops;

/* Exporters, and the bare function. */
extern const struct kk_derive_ops kk_tls_kdf_ops;
extern const struct kk_derive_ops kk_tls_prf_ops;

/* The keys and IVs of a connection; WTLS has one row for each side, in row->detail. */
enum kk_wtls_side { KK_WTLS_SERVER, KK_WTLS_CLIENT };
extern const struct kk_derive_ops kk_tls_material_ops;

/* The "finished" message's MAC, and the records' of SSL 3.0: row->hash, row->detail is its
 * length. */
extern const struct kk_sign_ops kk_tls_mac_ops;
extern const struct kk_sign_ops kk_ssl3_mac_ops;
