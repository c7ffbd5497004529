python3 examples/intro-to-soft-hsm/decrypt_message.py
