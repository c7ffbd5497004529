# SPDX-License-Identifier: BSD-2-Clause
"""Writes program.exe, the smallest Windows program: headers, one section, nothing to do."""
import struct
head = bytearray(0x400)
head[0:2] = b"MZ"
struct.pack_into("<I", head, 0x3C, 0x40)
struct.pack_into("<4sHHIIIHH", head, 0x40, b"PE\0\0", 0x14C, 1, 0, 0, 0, 0xE0, 0x102)
struct.pack_into("<HBBIIIIIIIIIHHHHHHIIIIHHIIIIII", head, 0x58, 0x10B, 1, 0, 0x200, 0, 0, 0x1000, 0x1000, 0x2000,
                 0x400000, 0x1000, 0x200, 4, 0, 0, 0, 4, 0, 0, 0x2000, 0x400, 0, 3, 0, 0x100000, 0x1000, 0x100000,
                 0x1000, 0, 16)
struct.pack_into("<8sIIIIIIHHI", head, 0x138, b".text", 1, 0x1000, 0x200, 0x400, 0, 0, 0, 0, 0x60000020)
open("program.exe", "wb").write(head + b"\xc3" + bytes(0x1FF))
