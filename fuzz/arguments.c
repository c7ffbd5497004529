/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Choosing arguments.
 */
#include "arguments.h"

#include <string.h>

#include "base/macros.h"

static struct known_handles known(const struct world *world)
{
    size_t count = world->handle_count < HANDLES ? world->handle_count : HANDLES;
    return (struct known_handles){world->handles, count};
}

CK_OBJECT_HANDLE pick_object(struct input *input, const struct world *world)
{
    struct known_handles handles = known(world);
    return make_handle(input, &handles);
}

CK_OBJECT_HANDLE pick_key(struct input *input, const struct world *world, CK_SESSION_HANDLE session,
                          const CK_MECHANISM *mechanism, CK_ATTRIBUTE_TYPE usage)
{
    const struct kk_mechanism *row =
        mechanism == NULL ? NULL : kk_registry_find(world->engine->registry, mechanism->mechanism);
    struct known_handles handles = known(world);
    size_t at = input_u8(input);
    bool any_usage = input_rarely(input, 16);
    for (size_t i = 0; row != NULL && i < handles.count; i++, at++) {
        size_t place = at % handles.count;
        if (kk_mechanism_takes(row, world->types[place]) &&
            (any_usage || world_flag(world, session, handles.handles[place], usage, CK_FALSE))) {
            return handles.handles[place];
        }
    }
    return make_handle(input, &handles);
}

CK_SESSION_HANDLE pick_session(struct input *input, struct world *world)
{
    size_t at = input_u8(input);
    if (at >= 250) {
        return world->sessions[at % SESSIONS] + at % 2;
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        CK_SESSION_INFO info;
        CK_SESSION_HANDLE session = world->sessions[(at + i) % SESSIONS];
        if (kk_api_C_GetSessionInfo(world->app, session, &info) == CKR_OK) {
            return session;
        }
    }
    FUZZ_CHECK(kk_api_C_OpenSession(world->app, world->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION,
                                    NULL, NULL, &world->sessions[0]) == CKR_OK);
    (void)kk_api_C_Login(world->app, world->sessions[0], CKU_USER, world_pin, sizeof world_pin);
    return world->sessions[0];
}

CK_MECHANISM *pick_mechanism(struct input *input, const struct world *world, CK_FLAGS wanted)
{
    const struct kk_registry *registry = world->engine->registry;
    struct known_handles handles = known(world);
    size_t count = kk_registry_count(registry);
    size_t at = input_u8(input) % count;
    uint8_t oddity = input_u8(input);
    for (size_t i = 0; i < count && oddity != 255; i++, at = (at + 1) % count) {
        if ((kk_mechanism_flags(kk_registry_at(registry, at)) & wanted) != 0) {
            break;
        }
    }
    if (oddity == 254) {
        return NULL;
    }
    const struct kk_mechanism *row = kk_registry_at(registry, at);
    CK_MECHANISM *mechanism = guarded(sizeof *mechanism);
    *mechanism = (CK_MECHANISM){oddity == 253 ? (CK_ULONG)input_u64(input) : row->type, NULL, 0};
    make_param(input, row->shape, &handles, mechanism);
    return mechanism;
}

struct bytes pick_data(struct input *input)
{
    static const size_t usual[] = {0, 1, 15, 16, 17, 20, 32, 48, 64, 128, 256, 1000};
    size_t len = usual[input_below(input, KK_ARRAY_LEN(usual))];
    struct bytes data = {guarded(len), len};
    if (len > 0) {
        memset(data.data, input_u8(input), len);
    }
    if (input_rarely(input, 48)) {
        data.data = NULL;
    }
    return data;
}

struct room pick_room(struct input *input)
{
    static const size_t usual[] = {4096, 4096, 4096, 0, 1, 15, 16, 31, 64, 128, 127, 300};
    struct room room = {0};
    room.given = usual[input_below(input, KK_ARRAY_LEN(usual))];
    room.data = guarded(room.given);
    room.len = guarded(sizeof *room.len);
    *room.len = room.given;
    uint8_t how = input_u8(input);
    if (how % 8 == 7) {
        room.data = NULL;
    }
    if (how == 254) {
        room.len = NULL;
    }
    return room;
}

CK_RV checked(CK_RV rv, const struct room *room)
{
    if (room->len != NULL && rv == CKR_OK && room->data != NULL) {
        FUZZ_CHECK(*room->len <= room->given);
    }
    FUZZ_CHECK(rv != CKR_BUFFER_TOO_SMALL || (room->len != NULL && *room->len > room->given));
    return rv;
}
