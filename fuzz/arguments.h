/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Arguments for the calls of fuzz_api.c, right more often than wrong.
 */
#pragma once

#include "structures.h"
#include "world.h"

/* A handle: any object's, that of a key which the mechanism takes and
 * which has this usage (most times), a wrong one. */
CK_OBJECT_HANDLE pick_object(struct input *input, const struct world *world);
CK_OBJECT_HANDLE pick_key(struct input *input, const struct world *world, CK_SESSION_HANDLE session,
                          const CK_MECHANISM *mechanism, CK_ATTRIBUTE_TYPE usage);

/* A session that is open, most times; opens one when there is none. */
CK_SESSION_HANDLE pick_session(struct input *input, struct world *world);

/* A mechanism that takes part in what `wanted` says, most times, with its parameter; rarely NULL.
 */
CK_MECHANISM *pick_mechanism(struct input *input, const struct world *world, CK_FLAGS wanted);

struct bytes {
    uint8_t *data;
    CK_ULONG len;
};
struct bytes pick_data(struct input *input);

/* Where a result may go; data NULL for a question, rarely no length at all. */
struct room {
    uint8_t *data;
    CK_ULONG *len;
    CK_ULONG given;
};
struct room pick_room(struct input *input);

/* Looks whether the call kept to its room; gives rv back. */
CK_RV checked(CK_RV rv, const struct room *room);
