/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Distinguished names (X.501 Name), as a person writes them and as certificates have them, and the
 * alternative names beside them (RFC 5280, 4.2.1.6).
 */
#pragma once

#include "base/bytes.h"

struct kk_dn_why {
    char text[200];
};

/*
 * Appends the DER of a name. "CN=web.example,O=Example,C=DE" as RFC 4514 has it (the last part is
 * the first of the Name), "/C=DE/O=Example/CN=web.example" as openssl has it, or a word without
 * "=", which is a CN. Backslashes quote. CKR_DATA_INVALID with the reason.
 */
KK_RV kk_dn_parse(const char *text, struct kk_buffer *der, struct kk_dn_why *ret_why);

/* Appends a Name as RFC 4514 writes it. CKR_DATA_INVALID: it is none. */
KK_RV kk_dn_print(struct kk_span der, struct kk_buffer *text);

/* Appends one GeneralName: "dns:web.example", "ip:192.0.2.1", "email:a@b", "uri:https://...";
 * without one of these it is a DNS name. */
KK_RV kk_san_parse(const char *text, struct kk_buffer *der, struct kk_dn_why *ret_why);

/* Appends the GeneralNames (a SEQUENCE) as text with commas; those of other forms as "other". */
KK_RV kk_san_print(struct kk_span der, struct kk_buffer *text);
