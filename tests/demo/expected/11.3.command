pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --verify --label \
  "MyKey" --mechanism RSA-PKCS --input \
  examples/intro-to-soft-hsm/confidential_document.txt --signature-file \
  examples/intro-to-soft-hsm/document_signature.bin
