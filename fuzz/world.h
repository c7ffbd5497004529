/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the calls of fuzz_api.c work on: an engine on the memory store, one token with keys of every
 * family, and an application. The token outlives an input, the application does not.
 */
#pragma once

#include "api/api.h"
#include "input.h"

#define SESSIONS 6u
#define HANDLES 64u

struct world {
    struct kk_engine *engine;
    struct kk_app *keeper; /* stays logged in, so that a further login is quick */
    struct kk_app *app;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE sessions[SESSIONS]; /* stale ones among them */
    CK_OBJECT_HANDLE handles[HANDLES];
    CK_KEY_TYPE types[HANDLES]; /* of the objects behind them, if they are keys */
    size_t handle_count;
    bool is_spent; /* the token is not what it was: the next input starts with a new one */
};

extern CK_UTF8CHAR world_pin[4];
extern CK_UTF8CHAR world_so_pin[8];

/* A new application with two sessions, a user logged in, and handles to all objects. */
void world_begin(struct world *world);

/* Takes the application down. */
void world_end(struct world *world);

void world_remember(struct world *world, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE handle);

/* A flag of an object; `absent` where it cannot be read. */
bool world_flag(const struct world *world, CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                CK_ATTRIBUTE_TYPE type, CK_BBOOL absent);
