/* nng: a pipeline over ipc to each subscriber. PUB drops what a subscriber has no room for, PUSH waits. */
#include "side.h"

#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>

static nng_socket to[64], from;
static int subs;
static bool receives;
static nng_msg *out, *in;

static void check(int code, const char *what) {
    if (code) fail(what, nng_strerror(code));
}

static void url(char *at, size_t n, const char *channel, int index) { snprintf(at, n, "ipc://%s/%s.%d", opt.dir, channel, index); }

static void peer_open(const char *o, const char *i) {
    char at[200];
    if (i) {
        receives = true;
        check(nng_pull0_open(&from), "nng_pull0_open");
        check(nng_socket_set_size(from, NNG_OPT_RECVMAXSZ, 2 * opt.size), "NNG_OPT_RECVMAXSZ");
        url(at, sizeof at, i, opt.publisher ? 0 : opt.index);
        check(nng_listen(from, at, NULL, 0), "nng_listen");
    }
    for (subs = 0; o && subs < receivers(o); subs++) {
        check(nng_push0_open(&to[subs]), "nng_push0_open");
        check(nng_socket_set_ms(to[subs], NNG_OPT_RECONNMINT, 5), "NNG_OPT_RECONNMINT");
        url(at, sizeof at, o, subs);
        check(nng_dial(to[subs], at, NULL, NNG_FLAG_NONBLOCK), "nng_dial");
    }
}

static void *peer_room(bool *fresh) {
    *fresh = true;
    check(nng_msg_alloc(&out, opt.size), "nng_msg_alloc");
    return nng_msg_body(out);
}

static void peer_send(void) {
    for (int i = 0; i < subs; i++) {
        nng_msg *m = out;
        if (i < subs - 1) check(nng_msg_dup(&m, out), "nng_msg_dup");
        check(nng_sendmsg(to[i], m, 0), "nng_sendmsg");
    }
}

static const void *peer_take(void) {
    check(nng_recvmsg(from, &in, 0), "nng_recvmsg");
    if (nng_msg_len(in) != opt.size) fail("nng_recvmsg", "a message has another size");
    return nng_msg_body(in);
}

static void peer_give(void) { nng_msg_free(in); }

static void peer_close(void) {
    for (int i = 0; i < subs; i++) nng_close(to[i]);
    if (receives) nng_close(from);
}
