echo "This is a super secret message for the HSM to encrypt." > \
  examples/intro-to-soft-hsm/secret_message.txt
