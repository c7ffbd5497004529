/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The gate in front of everything that must not be cut in two by a fork(): connections and file
 * locks. A call under way has entered it; a fork waits until the gate is empty, and holds it shut
 * until both processes go on.
 *
 * SQLite's connections do not survive a fork (its file locks belong to the process, its counts of
 * them to its memory), and an open file description that a child inherits keeps a lock alive.
 */
#pragma once

#include "base/lock.h"

/* Enter before and leave after; a thread that is inside may enter again. Held across I/O: it is a
 * count, not a lock. */
void kk_gate_enter(void);
void kk_gate_leave(void);

/* The one lock of this layer, for the lists of connections and of file locks. Taken by a thread
 * that has entered, for a few pointer moves. */
extern struct kk_mutex kk_gate_mutex;

/* Registers the fork handlers, once. */
void kk_gate_start(void);
