/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Templates. A template has room for what the programs put into one; more is a programmer's error.
 */
#include "cli/template.h"

#include "base/banned.h"

void kk_cli_template_put(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type, const void *value,
                         size_t len)
{
    KK_ASSERT(tmpl->count < KK_CLI_TEMPLATE_MAX);
    CK_ATTRIBUTE *attribute = &tmpl->attributes[tmpl->count];
    attribute->type = type;
    /* CK_ATTRIBUTE is one for reading and for writing; C_CreateObject only reads. */
    attribute->pValue = (void *)(uintptr_t)value;
    attribute->ulValueLen = (CK_ULONG)len;
    tmpl->count++;
}

void kk_cli_template_put_bool(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type, bool value)
{
    static const CK_BBOOL values[] = {CK_FALSE, CK_TRUE};
    kk_cli_template_put(tmpl, type, &values[value ? 1 : 0], sizeof values[0]);
}

void kk_cli_template_put_ulong(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type,
                               const CK_ULONG *value)
{
    kk_cli_template_put(tmpl, type, value, sizeof *value);
}

void kk_cli_template_put_secret(struct kk_cli_template *tmpl, CK_ATTRIBUTE_TYPE type,
                                const struct kk_secret *value)
{
    struct kk_span span = kk_secret_span(value);
    kk_cli_template_put(tmpl, type, span.data, span.len);
}
