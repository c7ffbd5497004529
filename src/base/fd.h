/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * File descriptors in somebody else's process.
 */
#pragma once

/* Takes what open() gave. A descriptor that is 0, 1 or 2 (an application that closed its own) is
 * moved above them, where no message for standard output or standard error is written into a file
 * of ours. Gives the descriptor, close-on-exec; -1 with errno where open() failed or there is no
 * other one. */
int kk_fd_above_standard(int fd);
