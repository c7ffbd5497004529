/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64. No character of the text is an index into a table: what it stands for is a secret.
 */
#include "cli/base64.h"

#include "base/banned.h"

#define NO_DIGIT (-1)

static int digit_of(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : NO_DIGIT;
}

struct decoder {
    uint8_t *out;
    size_t len;
    uint32_t bits;     /* of the present group */
    unsigned digits;   /* in the present group */
    unsigned paddings; /* '=' seen */
};

/* Four characters have come. */
static void end_group(struct decoder *decoder)
{
    for (unsigned i = 0; i + decoder->paddings < 3; i++) {
        decoder->out[decoder->len] = (uint8_t)(decoder->bits >> (16 - 8 * i));
        decoder->len++;
    }
    decoder->bits = 0;
    decoder->digits = 0;
}

static KK_RV take(struct decoder *decoder, uint8_t c)
{
    if (c == '=') {
        /* Only in the last two places of the last group, over bits that are zero. */
        decoder->paddings++;
        KK_ENSURE(decoder->paddings <= 2 && decoder->digits + decoder->paddings <= 4 &&
                      decoder->digits >= 2,
                  CKR_DATA_INVALID);
        if (decoder->digits + decoder->paddings == 4) {
            uint32_t unused = decoder->paddings == 1 ? 0xffu : 0xffffu;
            KK_ENSURE((decoder->bits & unused) == 0, CKR_DATA_INVALID);
            end_group(decoder);
        }
        return CKR_OK;
    }
    int digit = digit_of(c);
    KK_ENSURE(digit != NO_DIGIT && decoder->paddings == 0, CKR_DATA_INVALID);
    decoder->bits |= (uint32_t)digit << (18 - 6 * decoder->digits);
    decoder->digits++;
    if (decoder->digits == 4) {
        end_group(decoder);
    }
    return CKR_OK;
}

KK_RV kk_base64_decode(struct kk_span text, struct kk_secret **ret_bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    KK_TRY(kk_secret_new(text.len / 4 * 3, &bytes));
    struct decoder decoder = {.out = kk_secret_data(bytes)};
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] != ' ' && text.data[i] != '\t') {
            KK_TRY(take(&decoder, text.data[i]));
        }
    }
    KK_ENSURE(decoder.digits == 0, CKR_DATA_INVALID);
    kk_secret_truncate(bytes, decoder.len);
    *ret_bytes = KK_STEAL(bytes);
    return CKR_OK;
}
