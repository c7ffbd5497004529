/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What kinds of keys there are to be made, by the words of a command line: "rsa:3072", "ec:p-384",
 * "ed25519", "aes:256", "ml-dsa-65".
 */
#pragma once

#include "cli/key_template.h"

struct kk_key_spec {
    const char *name; /* of the kind, as it was found */
    CK_MECHANISM_TYPE mechanism;
    CK_KEY_TYPE type;
    bool is_pair;
    unsigned int uses;     /* enum kk_key_use */
    struct kk_span params; /* CKA_EC_PARAMS; empty: none */
    CK_ULONG set;          /* CKA_PARAMETER_SET; 0: none */
    CK_ULONG bits;         /* the size; 0: it has none to be chosen */
};

/* CKR_OK; CKR_DATA_INVALID, with the reason in `why` ("there is no curve "x""). */
struct kk_key_spec_why {
    char text[240];
};
KK_RV kk_key_spec_parse(const char *text, struct kk_key_spec *ret_spec,
                        struct kk_key_spec_why *ret_why);

/* The names, for a message: "rsa[:BITS], ec[:CURVE], ...". */
const char *kk_key_spec_names(void);
