cat examples/intro-to-soft-hsm/decrypted_message.txt
