/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Mechanism parameters and templates made from a fuzzer's bytes: the members and lengths of the
 * standard's structures, right more often than wrong, every byte in guarded memory.
 */
#pragma once

#include "cryptoki/params.h"
#include "input.h"

/* Handles that parameters may name. */
struct known_handles {
    const CK_OBJECT_HANDLE *handles;
    size_t count;
};

CK_OBJECT_HANDLE make_handle(struct input *input, const struct known_handles *known);

/* A parameter of a shape; sometimes of a wrong length, or none. */
void make_param(struct input *input, enum kk_param_shape shape, const struct known_handles *known,
                CK_MECHANISM *ret_mechanism);

/* A template; *ret_count elements, NULL when there are none. `depth` templates may lie in it. */
CK_ATTRIBUTE *make_template(struct input *input, int depth, CK_ULONG *ret_count);

/* What a template is for: it says what that needs, most times, and a few things more. */
enum purpose {
    FOR_DATA,
    FOR_SECRET,
    FOR_GENERATION,
    FOR_PAIR,
    FOR_UNWRAPPING,
    FOR_CHANGE,
    PURPOSES
};
CK_ATTRIBUTE *make_template_for(struct input *input, enum purpose purpose, CK_ULONG *ret_count);

/* A value fit for the attribute's type, most times. */
void make_attribute(struct input *input, int depth, CK_ATTRIBUTE_TYPE type, CK_ATTRIBUTE *ret);
