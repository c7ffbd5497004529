/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Base64. No character of the text is an index into a table: what it stands for is a secret.
 */
#include "cli/base64.h"

#include "base/banned.h"

#define NO_DIGIT (-1)

static int digit_of(uint8_t c, bool url)
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
    if (c == (url ? '-' : '+')) {
        return 62;
    }
    return c == (url ? '_' : '/') ? 63 : NO_DIGIT;
}

struct decoder {
    uint8_t *out;
    size_t len;
    uint32_t bits;     /* of the present group */
    unsigned digits;   /* in the present group */
    unsigned paddings; /* '=' seen */
    bool url;
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
    if (c == '=' && !decoder->url) {
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
    int digit = digit_of(c, decoder->url);
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

KK_RV kk_base64url_decode(struct kk_span text, struct kk_secret **ret_bytes)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *bytes = NULL;
    KK_TRY(kk_secret_new(text.len / 4 * 3 + 3, &bytes));
    struct decoder decoder = {.out = kk_secret_data(bytes), .url = true};
    for (size_t i = 0; i < text.len; i++) {
        KK_TRY(take(&decoder, text.data[i]));
    }
    if (decoder.digits > 0) {
        uint32_t unused = decoder.digits == 3 ? 0xffu : 0xffffu;
        KK_ENSURE(decoder.digits >= 2 && (decoder.bits & unused) == 0, CKR_DATA_INVALID);
        decoder.paddings = 4 - decoder.digits;
        end_group(&decoder);
    }
    kk_secret_truncate(bytes, decoder.len);
    *ret_bytes = KK_STEAL(bytes);
    return CKR_OK;
}

/* ---- encoding ---- */

static uint8_t letter(uint32_t digit, bool url)
{
    if (digit < 26) {
        return (uint8_t)('A' + digit);
    }
    if (digit < 52) {
        return (uint8_t)('a' + digit - 26);
    }
    if (digit < 62) {
        return (uint8_t)('0' + digit - 52);
    }
    return digit == 62 ? (url ? '-' : '+') : (url ? '_' : '/');
}

static KK_RV encode(struct kk_span bytes, bool url, struct kk_secret **ret_text)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *text = NULL;
    KK_ENSURE(bytes.len <= SIZE_MAX / 2, CKR_DATA_LEN_RANGE);
    KK_TRY(kk_secret_new(bytes.len / 3 * 4 + 4, &text));
    uint8_t *out = kk_secret_data(text);
    size_t len = 0;
    for (size_t at = 0; at < bytes.len; at += 3) {
        size_t taken = KK_MIN(bytes.len - at, (size_t)3);
        uint32_t bits = 0;
        for (size_t i = 0; i < taken; i++) {
            bits |= (uint32_t)bytes.data[at + i] << (16 - 8 * i);
        }
        for (size_t i = 0; i <= taken; i++) {
            out[len++] = letter(bits >> (18 - 6 * i) & 0x3f, url);
        }
        for (size_t i = taken; i < 3 && !url; i++) {
            out[len++] = '=';
        }
    }
    kk_secret_truncate(text, len);
    *ret_text = KK_STEAL(text);
    return CKR_OK;
}

KK_RV kk_base64_encode(struct kk_span bytes, struct kk_secret **ret_text)
{
    return encode(bytes, false, ret_text);
}

KK_RV kk_base64url_encode(struct kk_span bytes, struct kk_secret **ret_text)
{
    return encode(bytes, true, ret_text);
}
