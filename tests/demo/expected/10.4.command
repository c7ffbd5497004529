softhsm2-util --init-token --slot 0 --label "MyToken" --pin 1234 --so-pin 5678
