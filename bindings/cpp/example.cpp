// SPDX-License-Identifier: MIT
//
// A shared counter: `example serve` is its server, `example PORT` a client. Each of them
// can also talk to Twisted.
#include "bindings/cpp/pb/pb.hpp"

#include <iostream>

static int serve()
{
    int64_t count = 0;
    pb::Object counter("Counter");
    counter.on("add", [&](pb::Request &r) { return count += r.arg(0, "n").to_int(); });
    counter.on("fail", [](pb::Request &r) -> pb::Value {
        throw pb::Failure("shop.SoldOut twisted.spread.pb.Error",
                          r.arg(0, "why").to_string());
    });
    pb::Server server("tcp:0:interface=127.0.0.1", counter);
    std::cout << "listening on tcp:" << server.port() << std::endl;
    return pb_run();
}

static int call(const std::string &port)
{
    pb::Client client("tcp:127.0.0.1:" + port);
    std::cout << client.call(client.root(), "add", 40).repr() << '\n';
    std::cout << client.call(client.root(), "add", 2).repr() << '\n';
    try {
        client.call(client.root(), "fail", "no more");
    } catch (const pb::Failure &f) {
        bool expected = f.check("twisted.spread.pb.Error");
        std::cout << f.what() << (expected ? ", as expected\n" : "\n");
    }
    return 0;
}

int main(int argc, char **argv)
try {
    return argc < 2 || std::string(argv[1]) == "serve" ? serve() : call(argv[1]);
} catch (const std::exception &e) {
    std::cerr << e.what() << '\n';
    return 1;
}
