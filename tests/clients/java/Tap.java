/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks that print TAP, and data to compute with. */
import java.util.Arrays;

final class Tap {
    private static int number;
    private static boolean failed;

    interface Check {
        boolean run() throws Exception;
    }

    interface Step {
        void run() throws Exception;
    }

    private Tap() {
    }

    /* What Java itself cannot do, and where that can be seen. */
    static final class Skipped extends Exception {
        private static final long serialVersionUID = 1L;

        Skipped(String why) {
            super(why);
        }
    }

    static void check(String name, Check check) {
        boolean holds = false;
        number++;
        try {
            holds = check.run();
        } catch (Skipped skipped) {
            System.out.println("ok " + number + " - " + name + " # SKIP " + skipped.getMessage());
            return;
        } catch (Exception | LinkageError problem) {
            for (Throwable cause = problem; cause != null; cause = cause.getCause()) {
                System.out.println("# " + cause + " at " + Arrays.toString(Arrays.copyOf(cause.getStackTrace(), 4)));
            }
        }
        failed |= !holds;
        System.out.println((holds ? "ok " : "not ok ") + number + " - " + name);
    }

    static boolean fails(Class<? extends Throwable> expected, Step step) {
        try {
            step.run();
        } catch (Exception problem) {
            if (expected.isInstance(problem)) {
                return true;
            }
            System.out.println("# not " + expected.getName() + " but " + problem);
        }
        return false;
    }

    static byte[] bytes(int length, int seed) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) ((i * 37 + seed * 11) ^ (i >> 3));
        }
        return bytes;
    }

    static byte[] changed(byte[] bytes, int at) {
        byte[] other = bytes.clone();
        other[at] ^= 1;
        return other;
    }

    /* Prints the plan and ends the program. */
    static void end() {
        System.out.println("1.." + number);
        System.exit(failed ? 1 : 0);
    }
}
