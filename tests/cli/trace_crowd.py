#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""trace_crowd.py MODULE: eight threads with 200 calls each, then a child of fork() with calls of its
own, by exported symbols alone."""
import ctypes
import os
import sys
import threading


def calls(lib):
    info = ctypes.create_string_buffer(512)
    for _ in range(200):
        lib.C_GetInfo(info)


def main():
    lib = ctypes.CDLL(sys.argv[1])
    assert lib.C_Initialize(None) == 0
    threads = [threading.Thread(target=calls, args=(lib,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    child = os.fork()
    if child == 0:
        assert lib.C_Initialize(None) == 0
        lib.C_GetInfo(ctypes.create_string_buffer(512))
        assert lib.C_Finalize(None) == 0
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    # No C_Finalize: the summary comes with the end of the process.


if __name__ == "__main__":
    main()
