/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A sealed token as this format's first program wrote it: SO PIN "so-secret", user PIN
 * "user-secret", pepper "pepper of the tests, no secret.", one private and one public data object.
 * What later programs write may differ; that they read this may not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct golden_row {
    uint32_t table, no;
    uint64_t generation;
    const char *tag, *blob; /* hex */
};

struct golden_object {
    const char *uuid;
    uint64_t generation;
    bool is_private;
    const char *tag;
    uint32_t columns_set;
    uint64_t columns[8];
    const char *blob;
};

/* clang-format off */
static const struct golden_row golden_rows[] = {
    {1, 0, 0, "00000000000000000000000000000000",
     "000100015199b9b294288bb34e807d387e5b22be3964366130313233343536373839616261206c61"
     "62656c202020202020202020202020202020202020202020202020200000000100000001"},
    {2, 0, 1, "c43b36681f026dba33867bcca9be95f2",
     "000100000000000001000000010000200051369dc82e517932850da87f56be1a03016095bc7c635d"
     "b9dd0303b2c00d440e94894da1f45d3e062ac42202b887f730786e075442ce5276cd0faadfdab372"
     "3edcc523fc09862c211652f05e751df5cc8c620c1a1a705767e4f73c4edc4b75c1bd1fb8698fcc"},
    {2, 1, 2, "8a029d69cb26828660c8b96da65c7ce0",
     "00010000000101000100000001000020001b8e23aa5f8d7a5bef9bc97a6b602ff2016095bc7c635d"
     "b9dd03628e4bbc84672caa0316362b04ebbced8728db7f5937f6ea96a2ab405cf798d4e0a7b7088a"
     "9673143f9a1f8ca9d47a3a363d5a5537f8f5446155aa8ce51762a3d89cef3e87ce02526527cdfc"},
    {4, 0, 0, "16c118d7f0e4a0d44f4962abaffe4567",
     "0001016095bc7c635db9dd89dd936958b8b4219fb18e79958cb46dd89bd3ea508c0795ecfd3e6809"
     "3ffced09e0c160ca5a38cac8ee1090"},
    {5, 2247, 3, "fda4467c827510c868f3a96e5743d21d",
     "0001aa5f08417de2fe0aa8f6ceca6a02e7ab448d3001adcebd6cd21c1f4bc8a02657ddeca6da3fdf"
     "4e5dbbbd6a0e1cf88451b4b0288e"},
    {6, 2622, 2, "32af0c3cf760c47dd438f3b7280ad478",
     "0001efecfcc36a23eedd3dbebfb3822ebdbeb328abf4f03019e6da70f8b800f5c6ed9b7ffd64d765"
     "cd92532cacbbd044144aaa056f56"},
    {7, 0, 3, "87453f9e7ecd7adc9db102508b325005",
     "0001241563bb6dd6d6f33528950b547f55795ce033197f378bf0b45afbf78f6f83d5e72a217803c9"
     "9312ed56b97ebd89b159586f116850eeca8a6c83e4950d731200ddabfca02e84f149458191b6c2d6"
     "c390f723f6c84062b57ee512a56d2c9d3f8894e556171a4a5594ae0131d7b76685e6481683f993b6"
     "fbff348f68f416ba831305a209e2f15ebab8acf8c99b79a28ff6ff4e2efbf26002fe452dd00e4443"
     "8ff22c4c80a31b3107f22be2b2f33d30a65a528c8e7e1272ed91f8b4e899eb3be502753f5cc4466b"
     "a6b240c81dbe"},
    {7, 1, 2, "e3fc81cd2c88d1d5466fc474240848ff",
     "0001df7a17120bd1be49999fc9eb2e17b67fa9078b32c925afceae71c2148cab55e84f5c43feef4b"
     "e71fd3538b6bbf53a91f30ee3dbbaf4dcc043b5eb3542d68995c"},
};

static const struct golden_object golden_objects[] = {
    {"8c7e1060c97f274fa854a07db04a50f8", 3, true, "a0e5b25aef2a3ea642f4aeff8b24e46a", 5,
     {0xd04ff89bdf110763, 0x0, 0xf1b9a08937ec3b9c, 0x0, 0x0, 0x0, 0x0, 0x0},
     "0001000000000137d7d69f72778e09107cc37d93e5a16fe21b0452d55be0b8e2813f96e7fb89da5e"
     "ae274a9e283ed2fd6144db9364dfd3190e8a235d2b440ec13e8dc3f77e350a68d503a4c0c0136ed1"
     "9a1f812764fc891f76777e111414f13e9d164ed2dab3fbcdd43c536094"},
    {"a3e1e7310cd4faedfe1697564261f8d4", 2, false, "d91b8af230b5a645b0b6c16e40c00dc7", 5,
     {0x2c35d0c597edfb00, 0x0, 0x6fc058b229df885b, 0x0, 0x0, 0x0, 0x0, 0x0},
     "00010100000001532072a7faeed7926bb9d40cae6e2078e8356bc09c1d925811c9f54a804b838074"
     "550718ee93fee394ef6934a9410ee72ed5595d347e4a8b9a59db48e1ee5556fcac1f092a51044d35"
     "8bb3d7cde8d88baa54f99dd3b4480a513f215f8b3bc7327ca50b319d3db99de7150bf6bd5678347b"
     "0c45516ceeed1ed017f95636a0c8ad508afe815433"},
};
/* clang-format on */
