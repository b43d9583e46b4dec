// SPDX-License-Identifier: MIT
//
// The C++ header: values, and a client with a server in another process.
#include "bindings/cpp/pb/pb.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

static int failed;

#define CHECK(condition)                                                 \
    do {                                                                 \
        if (!(condition)) {                                              \
            std::printf("%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            failed++;                                                    \
        }                                                                \
    } while (0)

template <class E, class F> static bool throws(F f)
{
    try {
        f();
    } catch (const E &) {
        return true;
    }
    return false;
}

static void test_values()
{
    using pb::Value;
    CHECK(Value().is_none() && Value(nullptr) == Value());
    CHECK(Value(true).repr() == "True" && Value(true) == Value(1));
    CHECK(Value(-5).to_int() == -5 && Value(2.5).to_double() == 2.5);
    CHECK(Value("text").to_string() == "text");
    CHECK(Value(std::string("a\0b", 3)).size() == 3);
    CHECK(Value::bytes("x").repr() == "b'x'");
    Value list = Value::list({1, "two", Value::tuple({3.0, nullptr})});
    CHECK(list.repr() == "[1, 'two', (3.0, None)]" && list.size() == 3);
    CHECK(list[1].to_string() == "two" && list[2][0].to_double() == 3);
    CHECK(throws<std::out_of_range>([&] { list[3]; }));
    CHECK(throws<pb::Error>([&] { list[1].to_int(); }));
    CHECK(throws<pb::Error>([&] { Value(1).append(2); }));
    CHECK(throws<pb::Error>([] { Value("\xff"); }));
    CHECK(throws<pb::Error>([] { Value::parse("[1"); }));
    Value dict = Value::dict({{"a", 1}, {2, Value::set({1})}});
    CHECK(dict == Value::parse("{'a': 1, 2: {1}}") && dict["a"].to_int() == 1);
    CHECK(dict.has("a") && !dict.has("b"));
    CHECK(dict.is(PB_DICT) && !dict.is(PB_LIST));
    Value other = dict.copy();
    other.erase("a");
    other.erase(2);
    CHECK(other.size() == 0 && dict.size() == 2);
    CHECK(throws<std::out_of_range>([&] { other.erase("a"); }));
    other = list.copy();
    other.erase(1);
    CHECK(other.repr() == "[1, (3.0, None)]" && list.size() == 3);
    CHECK(throws<std::out_of_range>([&] { other.erase(2); }));
    CHECK(throws<std::out_of_range>([&] { other.erase(-1); }));
    other = Value::set({1, "x"});
    other.erase("x");
    CHECK(other == Value::set({1}));
    CHECK(throws<pb::Error>([] { Value(1).erase(1); }));
    Value copy = dict, moved = std::move(copy);
    CHECK(moved == dict && copy.is_none());
    moved = moved;
    CHECK(moved == dict);
}

/* The server's process. Writes its port into the pipe. */
[[noreturn]] static void serve(int out)
{
    {
        std::vector<pb::Request> kept;
        pb::Object root("Root");
        root.on("echo", [](pb::Request &r) { return r.arg(0, "x"); });
        root.on("sum", [](pb::Request &r) {
            int64_t sum = 0;
            for (size_t i = 0; i < r.args().size(); i++) {
                sum += r.args()[i].to_int();
            }
            return pb::Value(sum);
        });
        root.on("two", [](pb::Request &) {
            return pb::Object("Two").on("three", [](pb::Request &) { return 3; }).value();
        });
        root.on("fail", [](pb::Request &) -> pb::Value {
            throw pb::Failure("shop.SoldOut twisted.spread.pb.Error", "none left");
        });
        root.on_later("keep", [&](pb::Request r) { kept.push_back(r); });
        root.on("release", [&](pb::Request &) {
            for (pb::Request &r : kept) {
                r.answer("released");
            }
            kept.clear();
            return nullptr;
        });
        root.on("call_back", [&](pb::Request &r) {
            pb::Remote(r.arg(0, "to"))
                .call_later([](const pb::Value *, const pb::Failure *) {}, "hear", 1, "x",
                            pb::Keyword{"y", 2});
            return true;
        });
        pb::Server server("tcp:0:interface=127.0.0.1", root);
        int port = server.port();
        if (write(out, &port, sizeof port) != sizeof port) {
            std::abort();
        }
        pb_run();
    }
    _exit(0);
}

static void test_calls(int port)
{
    pb::Client client("tcp:127.0.0.1:" + std::to_string(port));
    pb::Remote root = client.root();
    CHECK(client.call(root, "echo", pb::Value::list({1, "x"})).repr() == "[1, 'x']");
    CHECK(client.call_values(root, "echo", pb::Value::tuple(),
                             pb::Value::dict({{"x", 7}})) == pb::Value(7));
    CHECK(client.call(root, "echo", pb::Keyword{"x", 8}).to_int() == 8);
    CHECK(client.call(root, "sum", 1, 2, 3).to_int() == 6);
    pb::Remote two(client.call(root, "two"));
    CHECK(client.call(two, "three").to_int() == 3);
    CHECK(throws<pb::Error>([&] { pb::Remote(client.call(root, "sum")); }));
    try {
        client.call(root, "fail");
        CHECK(!"reached");
    } catch (const pb::Failure &f) {
        CHECK(f.type() == "shop.SoldOut" && f.text() == "none left" && f.code() == PB_OK);
        CHECK(f.check("twisted.spread.pb.Error") && !f.check("builtins.ValueError"));
    }
    try {
        client.call(root, "sum", "one");
        CHECK(!"reached");
    } catch (const pb::Failure &f) {
        CHECK(f.check("builtins.RuntimeError"));
    }
    CHECK(throws<pb::Failure>([&] { client.call(root, "echo"); }));
    CHECK(throws<pb::Failure>([&] { client.call(root, "nothing"); }));
    /* A call that is answered later, and one that is never answered. */
    std::string answer;
    root.call_later([&](const pb::Value *v, const pb::Failure *) { answer = v->repr(); },
                    "keep");
    client.call(root, "release");
    client.wait(100);
    CHECK(answer == "'released'");
    client.set_timeout(20);
    CHECK(throws<pb::Error>([&] { client.call(root, "keep"); }));
    client.set_timeout(0);
    /* A call by the server. */
    std::string heard;
    pb::Object ours("Ours");
    ours.on("hear", [&](pb::Request &r) {
        heard = r.args().repr() + r.kwargs().repr();
        return nullptr;
    });
    CHECK(client.call(root, "call_back", ours.value()).to_bool());
    client.wait(100);
    CHECK(heard == "(1, 'x'){'y': 2}");
    CHECK(throws<pb::Failure>([&] { client.login("a", "b"); }));
}

static void test_nested(int port)
{
    auto client = std::make_shared<pb::Client>("tcp:127.0.0.1:" + std::to_string(port));
    pb::Remote root = client->root();
    std::string heard, answered;
    pb::Object ours("Ours");
    ours.on("hear", [&](pb::Request &) {
        ours.on("hear", [](pb::Request &) { return 2; });
        heard = client->call(root, "echo", "in a method").to_string();
        return nullptr;
    });
    CHECK(client->call(root, "call_back", ours.value()).to_bool());
    client->wait(100);
    CHECK(heard == "in a method");
    root.call_later(
        [&](const pb::Value *, const pb::Failure *) {
            answered = client->call(root, "echo", "in a lambda").to_string();
            client.reset();
        },
        "echo", 1);
    /* Destroyed while it waits: the wait still completes. */
    pb::Client *used = client.get();
    CHECK(used->call(root, "echo", 5).to_int() == 5);
    CHECK(answered == "in a lambda" && !client);
    CHECK(throws<pb::Error>([&] { pb::Client("tcp:127.0.0.1:1"); }));
}

static int run_child(const std::function<void()> &f)
{
    pid_t pid = fork();
    int status = -1;
    if (pid == 0) {
        alarm(30);
        f();
        _exit(failed ? 1 : 0);
    }
    waitpid(pid, &status, 0);
    return status;
}

/* A child process that leaves the scopes of the objects that it has inherited. */
static void test_fork(int port)
{
    auto client = std::make_unique<pb::Client>("tcp:127.0.0.1:" + std::to_string(port));
    auto root = std::make_unique<pb::Remote>(client->root());
    auto two = std::make_unique<pb::Remote>(client->call(*root, "two"));
    pb::Object served("Served");
    auto server = std::make_unique<pb::Server>("tcp:0:interface=127.0.0.1", served);
    int status = run_child([&] {
        CHECK(throws<pb::Error>([&] { client->call(*root, "sum"); }));
        CHECK(throws<pb::Error>([&] { client->wait(1); }));
        two.reset();
        root.reset();
        client.reset();
        server.reset();
    });
    CHECK(status == 0);
    CHECK(client->call(*two, "three").to_int() == 3);
    CHECK(server->port() > 0);
}

int main()
{
    test_values();
    int pipes[2], port = 0, status = 0;
    if (pipe(pipes) != 0) {
        return 1;
    }
    pid_t child = fork();
    if (child == 0) {
        serve(pipes[1]);
    }
    CHECK(read(pipes[0], &port, sizeof port) == sizeof port);
    try {
        test_calls(port);
        test_nested(port);
        test_fork(port);
        pb::Client inherited("tcp:127.0.0.1:" + std::to_string(port));
        pb::Remote two(inherited.call(inherited.root(), "two"));
        pid_t leaver = fork();
        if (leaver == 0) {
            alarm(30);
            return failed != 0; /* a child process that returns from main */
        }
        waitpid(leaver, &status, 0);
        CHECK(status == 0);
        CHECK(inherited.call(two, "three").to_int() == 3);
    } catch (const std::exception &e) {
        std::printf("%s\n", e.what());
        failed++;
    }
    kill(child, SIGTERM);
    waitpid(child, &status, 0);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK(throws<pb::Error>([] { pb::Client("tcp:127.0.0.1:1"); }));
    CHECK(throws<pb::Error>([] { pb::Client("nowhere"); }));
    std::printf("%d failed\n", failed);
    return failed != 0;
}
