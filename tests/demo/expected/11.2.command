pkcs11-tool --module /usr/lib/softhsm/libsofthsm2.so --login --pin 1234 \
  --sign --label "MyKey" --mechanism RSA-PKCS --input \
  examples/intro-to-soft-hsm/confidential_document.txt \
  --output examples/intro-to-soft-hsm/document_signature.bin
