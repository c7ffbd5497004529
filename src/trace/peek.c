/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel copies, and says where it could not.
 */
#include "trace/peek.h"

#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/banned.h"

bool kk_trace_peek(const void *from, void *to, size_t len)
{
    int kept_errno = errno;
    struct iovec here = {.iov_base = to, .iov_len = len};
    struct iovec there = {.iov_base = (void *)(uintptr_t)from, .iov_len = len};
    bool is_read = len == 0 || (from != NULL &&
                                process_vm_readv(getpid(), &here, 1, &there, 1, 0) == (ssize_t)len);
    errno = kept_errno;
    return is_read;
}

bool kk_trace_peek_ulong(const void *from, CK_ULONG *ret_value)
{
    return kk_trace_peek(from, ret_value, sizeof *ret_value);
}
