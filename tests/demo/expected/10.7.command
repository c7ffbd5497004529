softhsm2-util --show-slots
