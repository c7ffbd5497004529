/* SPDX-License-Identifier: BSD-2-Clause */
/* Two ends of TLS in one thread, each with a certificate. */
import java.nio.ByteBuffer;
import java.security.cert.Certificate;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;

final class Talk {
    private final SSLEngine engine;
    private final ByteBuffer wire = ByteBuffer.allocate(1 << 17); /* what has come */
    private final ByteBuffer got = ByteBuffer.allocate(1 << 17);
    private final ByteBuffer text;

    private Talk(SSLContext context, boolean isClient, String protocol, byte[] text) {
        engine = context.createSSLEngine("localhost", 1);
        engine.setUseClientMode(isClient);
        engine.setNeedClientAuth(!isClient);
        engine.setEnabledProtocols(new String[] {protocol});
        this.text = ByteBuffer.wrap(text);
    }

    private void step(Talk other) throws Exception {
        wire.flip();
        boolean moves = true;
        while (wire.hasRemaining() && moves) {
            moves = engine.unwrap(wire, got).bytesConsumed() > 0;
            for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                task.run();
            }
        }
        wire.compact();
        HandshakeStatus wants = engine.getHandshakeStatus();
        if (wants == HandshakeStatus.NEED_WRAP || wants == HandshakeStatus.NOT_HANDSHAKING) {
            engine.wrap(text, other.wire);
        }
    }

    private boolean received(byte[] said) {
        return Arrays.equals(Arrays.copyOf(got.array(), got.position()), said);
    }

    /* Both ends show the certificate and hear what the other says. */
    static boolean talks(SSLContext context, String protocol, Certificate certificate) throws Exception {
        byte[] asked = Tap.bytes(1000, 1);
        byte[] answered = Tap.bytes(2000, 2);
        Talk client = new Talk(context, true, protocol, asked);
        Talk server = new Talk(context, false, protocol, answered);
        client.engine.beginHandshake();
        for (int i = 0; i < 40; i++) {
            client.step(server);
            server.step(client);
        }
        return server.received(asked) && client.received(answered)
            && client.engine.getSession().getPeerCertificates()[0].equals(certificate)
            && server.engine.getSession().getPeerCertificates()[0].equals(certificate)
            && client.engine.getSession().getProtocol().equals(protocol);
    }
}
