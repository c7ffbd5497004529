/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UTF-8.
 */
#include "base/utf8.h"

#include "base/banned.h"

/* The forms: bits of the first byte, and the least value that needs so many bytes. */
static const struct {
    uint8_t mask, lead;
    uint32_t least;
} forms[KK_UTF8_MAX] = {
    {0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};

size_t kk_utf8_decode(struct kk_span text, uint32_t *ret_point)
{
    for (size_t i = 0; i < KK_UTF8_MAX; i++) {
        if (text.len < i + 1 || (text.data[0] & forms[i].mask) != forms[i].lead) {
            continue;
        }
        uint32_t point = text.data[0] & (uint8_t)~forms[i].mask;
        for (size_t k = 1; k <= i; k++) {
            if ((text.data[k] & 0xc0) != 0x80) {
                return 0;
            }
            point = point << 6 | (text.data[k] & 0x3f);
        }
        bool surrogate = point >= 0xd800 && point <= 0xdfff;
        if (point < forms[i].least || point > 0x10ffff || surrogate) {
            return 0;
        }
        *ret_point = point;
        return i + 1;
    }
    return 0;
}

size_t kk_utf8_encode(uint32_t point, uint8_t ret_bytes[KK_UTF8_MAX])
{
    size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = len; i-- > 1; point >>= 6) {
        ret_bytes[i] = (uint8_t)(0x80 | (point & 0x3f));
    }
    ret_bytes[0] = (uint8_t)(forms[len - 1].lead | point);
    return len;
}
