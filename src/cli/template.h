/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Building the template of a new object.
 */
#pragma once

#include "base/secret.h"

#define KK_CLI_TEMPLATE_MAX 32

/* Borrowed values only: they must outlive the template. Zero-initialise. */
struct kk_cli_template {
    CK_ATTRIBUTE attributes[KK_CLI_TEMPLATE_MAX];
    CK_ULONG count;
};

void kk_cli_template_put(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type, const void *value,
                         size_t len);
void kk_cli_template_put_bool(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type, bool value);
void kk_cli_template_put_ulong(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type,
                               const CK_ULONG *value);
void kk_cli_template_put_secret(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type,
                                const struct kk_secret *value);
