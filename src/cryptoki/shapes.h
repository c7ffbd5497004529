/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which parameter a mechanism has, for those who have no registry at hand. The registry's own
 * column decides what the module does; a test holds this table to it.
 */
#pragma once

#include "cryptoki/params.h"

struct kk_param_shape_row {
    CK_MECHANISM_TYPE type;
    enum kk_param_shape shape;
};

/* By rising type; a type that takes several structures has several rows. What is not here takes no
 * parameter, or nobody has said which. */
const struct kk_param_shape_row *kk_param_shape_rows(size_t *ret_count);
