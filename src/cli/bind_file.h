/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The private key files of BIND (K<name>+<algorithm>+<tag>.private): lines of a name, a colon and a
 * value.
 */
#pragma once

#include "crypto/keyfile.h"

/*
 * Reads the key in `content`. Lines that are not known, and fields that come again, are reported
 * and passed over; so are those that a later version 1.x of the format may add.
 *
 * Everything else that is wrong is reported and refused: a version other than 1.x, a number that is
 * not Base64, an algorithm that is not handled, parts that are missing. The parts are not checked
 * against each other.
 */
KK_RV kk_bind_file_parse(struct kk_span content, struct kk_keyfile **ret_keyfile);
