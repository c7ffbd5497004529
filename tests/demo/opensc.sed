# SPDX-License-Identifier: BSD-2-Clause
# What pkcs11-tool prints beyond the document, version by version. Applied to the real output before
# it is compared; nothing else may differ.

# 0.24 and newer end each object with its PKCS#11 URI; the document's version knew none.
/^  uri:        pkcs11:[^ ]*$/d

# 0.24 and newer also print the two recover flags. SoftHSM has them true by default, and the
# document's version left them out.
s/^\(  Usage:      decrypt, sign\), signRecover/\1/
s/^\(  Usage:      encrypt, verify\), verifyRecover/\1/

# 0.23 and newer print CKA_UNIQUE_ID where a module has it. It came with PKCS#11 3.0; the SoftHSM of
# the document is a 2.40 module without it.
/^  Unique ID:  [0-9A-Za-z-]\{1,64\}$/d
