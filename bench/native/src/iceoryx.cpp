// iceoryx 2: chunks are filled and read in place. A publisher waits for a subscriber whose queue is full. Subscribers poll, or wait in a
// WaitSet.
#include "side.h"

#include <string>
#include <unistd.h>

#include "iceoryx_posh/popo/untyped_publisher.hpp"
#include "iceoryx_posh/popo/untyped_subscriber.hpp"
#include "iceoryx_posh/popo/wait_set.hpp"
#include "iceoryx_posh/runtime/posh_runtime.hpp"

static iox::popo::UntypedPublisher *pub;
static iox::popo::UntypedSubscriber *sub;
static iox::popo::WaitSet<1> *waits;
static void *out;
static const void *in;

// Publishers say hello, with messages whose first word is zero, until each subscriber has heard all of them and has made a file.
static std::string heard(const char *channel, int index) {
    return std::string(opt.dir) + "/" + channel + "." + std::to_string(index);
}

static const void *try_take() {
    const void *b = nullptr;
    sub->take().and_then([&](const void *p) { b = p; }).or_else([](auto r) {
        if (r != iox::popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE) fail("take", "it has failed");
    });
    return b;
}

static void say_hello() {
    bool fresh;
    uint64_t word = uint64_t(opt.index + 1) << 32;
    char *b = (char *)peer_room(&fresh);
    memset(b, 0, opt.size);
    memcpy(b + 8, &word, 8);
    peer_send();
}

static void meet(const char *o, const char *i) {
    uint64_t seen = 0;
    bool told = !i, all = !o;
    for (int ms = 0; !told || !all; ms += 2) {
        if (ms > 30000) fail("iceoryx", "the other side does not come");
        if (o && !all) {
            say_hello();
            all = true;
            for (int s = 0; s < receivers(o); s++) all = all && !access(heard(o, s).c_str(), F_OK);
        }
        while (const void *b = i ? try_take() : nullptr) {
            uint64_t who;
            memcpy(&who, (const char *)b + 8, 8);
            seen |= UINT64_C(1) << ((who >> 32) - 1);
            sub->release(b);
        }
        if (!told && seen == (UINT64_C(1) << senders(i)) - 1) {
            told = true;
            FILE *f = fopen(heard(i, opt.publisher ? 0 : opt.index).c_str(), "w");
            if (!f) fail("iceoryx", "a file cannot be made");
            fclose(f);
        }
        usleep(2000);
    }
}

static iox::capro::IdString_t name(const std::string &s) { return iox::capro::IdString_t(iox::cxx::TruncateToCapacity, s.c_str()); }

static void peer_open(const char *o, const char *i) {
    std::string me = "shmbus-bench-" + std::to_string(getpid()), dir = opt.dir;
    iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, me.c_str()));
    auto service = [&](const char *channel) {
        return iox::capro::ServiceDescription{"shmbus-bench", name(dir.substr(dir.rfind('/') + 1)), name(channel)};
    };
    if (o) {
        iox::popo::PublisherOptions options;
        options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
        pub = new iox::popo::UntypedPublisher(service(o), options);
    }
    if (i) {
        iox::popo::SubscriberOptions options;
        options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
        if (opt.queue) options.queueCapacity = opt.queue;
        sub = new iox::popo::UntypedSubscriber(service(i), options);
    }
    meet(o, i);
    if (sub && !opt.spin) {
        waits = new iox::popo::WaitSet<1>();
        waits->attachState(*sub, iox::popo::SubscriberState::HAS_DATA).or_else([](auto) { fail("iceoryx", "the WaitSet takes no subscriber"); });
    }
}

static void *peer_room(bool *fresh) {
    *fresh = true;
    pub->loan(uint32_t(opt.size), 8).and_then([](void *p) { out = p; }).or_else([](auto) { fail("loan", "there is no chunk"); });
    return out;
}

static void peer_send(void) { pub->publish(out); }

static const void *peer_take(void) {
    for (;;) {
        if ((in = try_take())) {
            uint64_t word;
            memcpy(&word, in, 8);
            if (word) return in;
            sub->release(in);
        } else if (waits) {
            waits->wait();
        } else {
            relax();
        }
    }
}

static void peer_give(void) { sub->release(in); }

static void peer_close(void) {
    delete waits;
    delete sub;
    delete pub;
}
