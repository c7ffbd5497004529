/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PEM blocks without headers of their own, RFC 7468.
 */
#include "cli/pem.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/base64.h"

#include "base/banned.h"

/* What stands before the first place of `line` in the text, and what behind it. */
static bool split(struct kk_span text, const char *line, struct kk_span *ret_before,
                  struct kk_span *ret_behind)
{
    const uint8_t *at = memmem(text.data, text.len, line, strlen(line));
    if (text.len == 0 || at == NULL) {
        return false;
    }
    size_t before = (size_t)(at - text.data);
    *ret_before = KK_SPAN(text.data, before);
    *ret_behind = KK_SPAN(at + strlen(line), text.len - before - strlen(line));
    return true;
}

KK_RV kk_pem_decode(struct kk_span text, const char *name, struct kk_secret **ret_bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *joined = NULL;
    char begin[64];
    char end[64];
    struct kk_span before = {0};
    struct kk_span body = {0};
    struct kk_span behind = {0};
    (void)snprintf(begin, sizeof begin, "-----BEGIN %s-----", name);
    (void)snprintf(end, sizeof end, "-----END %s-----", name);
    KK_ENSURE(split(text, begin, &before, &body) && split(body, end, &body, &behind),
              CKR_DATA_INVALID);
    KK_TRY(kk_secret_new(body.len, &joined));
    size_t len = 0;
    for (size_t i = 0; i < body.len; i++) {
        if (body.data[i] != '\n' && body.data[i] != '\r') {
            kk_secret_data(joined)[len++] = body.data[i];
        }
    }
    KK_ENSURE(len > 0, CKR_DATA_INVALID);
    return kk_base64_decode(KK_SPAN(kk_secret_data(joined), len), ret_bytes);
}

#define LINE 64

KK_RV kk_pem_encode(struct kk_span bytes, const char *name, struct kk_buffer *text)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *base64 = NULL;
    char line[80];
    KK_TRY(kk_base64_encode(bytes, &base64));
    struct kk_span rest = kk_secret_span(base64);
    (void)snprintf(line, sizeof line, "-----BEGIN %s-----\n", name);
    kk_buffer_put(text, line, strlen(line));
    while (rest.len > 0) {
        size_t len = KK_MIN(rest.len, (size_t)LINE);
        kk_buffer_put(text, rest.data, len);
        kk_buffer_put_u8(text, '\n');
        rest = KK_SPAN(rest.data + len, rest.len - len);
    }
    (void)snprintf(line, sizeof line, "-----END %s-----\n", name);
    kk_buffer_put(text, line, strlen(line));
    return kk_buffer_check(text);
}
