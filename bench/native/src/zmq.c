/* ZeroMQ: XPUB and SUB over ipc. XPUB_NODROP makes a publisher wait where it would drop. Each publisher has its socket. */
#include "side.h"

#include <errno.h>
#include <zmq.h>

static void *ctx, *pub, *sub;
static char *buffer;
static zmq_msg_t message;

static void check(bool ok, const char *what) {
    if (!ok) fail(what, zmq_strerror(zmq_errno()));
}

static void url(char *to, size_t n, const char *channel, int index) { snprintf(to, n, "ipc://%s/%s.%d", opt.dir, channel, index); }

static void peer_open(const char *out, const char *in) {
    char at[200];
    int one = 1, none = 0;
    check((ctx = zmq_ctx_new()) != NULL, "zmq_ctx_new");
    if (out) {
        check((pub = zmq_socket(ctx, ZMQ_XPUB)) != NULL, "zmq_socket");
        check(!zmq_setsockopt(pub, ZMQ_XPUB_NODROP, &one, sizeof one), "ZMQ_XPUB_NODROP");
        check(!zmq_setsockopt(pub, ZMQ_XPUB_VERBOSE, &one, sizeof one), "ZMQ_XPUB_VERBOSE");
        check(!zmq_setsockopt(pub, ZMQ_LINGER, &none, sizeof none), "ZMQ_LINGER");
        url(at, sizeof at, out, opt.publisher ? opt.index : 0);
        check(!zmq_bind(pub, at), "zmq_bind");
        buffer = (char *)memory(opt.size);
    }
    if (in) {
        check((sub = zmq_socket(ctx, ZMQ_SUB)) != NULL, "zmq_socket");
        check(!zmq_setsockopt(sub, ZMQ_SUBSCRIBE, "", 0), "ZMQ_SUBSCRIBE");
        int ms = 5;
        check(!zmq_setsockopt(sub, ZMQ_RECONNECT_IVL, &ms, sizeof ms), "ZMQ_RECONNECT_IVL");
        for (int i = 0; i < senders(in); i++) {
            url(at, sizeof at, in, i);
            check(!zmq_connect(sub, at), "zmq_connect");
        }
    }
    for (int i = 0; out && i < receivers(out); i++) { /* all have subscribed */
        char hello[16];
        check(zmq_recv(pub, hello, sizeof hello, 0) > 0, "waiting for subscribers");
    }
}

static void *peer_room(bool *fresh) {
    *fresh = false;
    return buffer;
}

static void peer_send(void) { check(zmq_send(pub, buffer, opt.size, 0) == (int)opt.size, "zmq_send"); }

static const void *peer_take(void) {
    int n;
    zmq_msg_init(&message);
    while ((n = zmq_msg_recv(&message, sub, opt.spin ? ZMQ_DONTWAIT : 0)) < 0 && errno == EAGAIN) relax();
    check(n == (int)opt.size, "zmq_msg_recv");
    return zmq_msg_data(&message);
}

static void peer_give(void) { zmq_msg_close(&message); }

static void peer_close(void) {
    if (pub) zmq_close(pub);
    if (sub) zmq_close(sub);
    zmq_ctx_term(ctx);
}
