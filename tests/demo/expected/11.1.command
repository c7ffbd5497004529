echo "This is a confidential document that needs to be signed securely." > \
  examples/intro-to-soft-hsm/confidential_document.txt
