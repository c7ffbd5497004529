/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Objects that say what they should be: what is in one follows from its name and its version, so
 * that who finds it can tell whether it is whole, and of which version.
 */
#pragma once

#include "guest.h"

/* A name is 16 characters: the kind, two digits of the writer, thirteen of a number. */
#define THING_NAME GUEST_ID_SIZE

enum thing_kind {
    THING_KEY = 'K',  /* a private AES key */
    THING_PAIR = 'P', /* a P-256 key pair */
    THING_DATA = 'D', /* a private data object of up to 7 KiB */
    THING_BIG = 'B',  /* one of a MiB */
};

/* Versions of an object: not there yet; made; changed (2 and more); a pair whose public key is
 * destroyed; destroyed. */
enum {
    THING_ABSENT = 0,
    THING_MADE = 1,
    THING_LAST = 0xfffd,
    THING_HALF = 0xfffe,
    THING_GONE = 0xffff
};

struct thing {
    char name[THING_NAME];
    CK_OBJECT_HANDLE handle;
    CK_OBJECT_HANDLE public_key; /* THING_PAIR */
};

struct thing thing_named(enum thing_kind kind, unsigned writer, unsigned number);

/* From one version to the next: a version of THING_MADE makes it, up to THING_LAST it is changed,
 * THING_HALF and THING_GONE destroy. One change of the token each. */
CK_RV thing_change(CK_SESSION_HANDLE session, struct thing *thing, unsigned version);

/* Makes it version `version`, whatever that takes. */
CK_RV thing_make(CK_SESSION_HANDLE session, struct thing *thing, unsigned version);

/* Visits every such object of the token; `whole`: it is what its version says, and works. A pair
 * without its private key, and what has no such name, is visited as not whole. The first failure
 * ends it. */
typedef void thing_visit(const struct thing *thing, unsigned version, bool whole, void *context);
CK_RV things_each(CK_SESSION_HANDLE session, thing_visit *visit, void *context);
