/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What glibc has and musl does not: said here once, so that the rest of the code is the same.
 */
#pragma once

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_NOREPLACE
#define RENAME_NOREPLACE 1u
#define RENAME_EXCHANGE 2u
static inline int renameat2(int from_dir, const char *from, int to_dir, const char *to,
                            unsigned flags)
{
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}
#endif

/* musl's strerror() is safe in threads. */
#ifndef __GLIBC__
static inline const char *strerrordesc_np(int error)
{
    return strerror(error);
}
#endif
