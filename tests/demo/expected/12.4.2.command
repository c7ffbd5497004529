python3 examples/intro-to-soft-hsm/encrypt_message.py
