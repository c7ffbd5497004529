#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Stands between tpm2-tss ("cmd:" TCTI) and an swtpm's socket, and changes one bit in each answer to
TPM2_Unseal. Usage: between.py SOCKET PLACE, where PLACE is how many bytes before the answer's end (0:
nothing is changed)."""
import socket
import struct
import sys

UNSEAL = 0x15E


def take(read, size):
    data = b""
    while len(data) < size:
        more = read(size - len(data))
        if not more:
            sys.exit(0)
        data += more
    return data


def message(read):
    head = take(read, 10)
    _, size, code = struct.unpack(">HII", head)
    return code, bytearray(head + take(read, size - 10))


def main():
    place = int(sys.argv[2])
    tpm = socket.socket(socket.AF_UNIX)
    tpm.connect(sys.argv[1])
    while True:
        command, data = message(sys.stdin.buffer.raw.read)
        tpm.sendall(data)
        result, answer = message(tpm.recv)
        if command == UNSEAL and result == 0 and place > 0:
            answer[-place] ^= 1
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()


main()
