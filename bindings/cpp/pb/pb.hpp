// SPDX-License-Identifier: MIT
//
// libpb for C++17: values, calls and objects with RAII and exceptions, in one header on
// top of the C API. As in C, everything belongs to one thread. Link with libpb.
#ifndef PB_PB_HPP
#define PB_PB_HPP

#include <pb/pb.h>

#include <cstring>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace pb {

// An error that did not come from the peer: of arguments, the connection, a limit. code()
// is a PB_ERR_ number.
class Error : public std::runtime_error {
public:
    explicit Error(const pb_error &e)
        : std::runtime_error(*e.where ? std::string(e.where) + ": " + e.text : e.text),
          code_(e.code)
    {
    }
    explicit Error(int code) : std::runtime_error(pb_strerror(code)), code_(code) {}
    int code() const { return code_; }

private:
    int code_;
};

inline void check(int code)
{
    if (code == PB_ERR_NOMEM) {
        throw std::bad_alloc();
    }
    if (code) {
        throw Error(code);
    }
}

inline void check(int code, const pb_error &e)
{
    if (code == PB_ERR_NOMEM) {
        throw std::bad_alloc();
    }
    if (code) {
        throw e.code ? Error(e) : Error(code);
    }
}

inline pb_span span(std::string_view s)
{
    return {reinterpret_cast<const uint8_t *>(s.data()), s.size()};
}

// Owns one count of a value, which is any data that Python can send.
class Value {
public:
    Value() : v_(pb_none()) {}
    Value(std::nullptr_t) : v_(pb_none()) {}
    Value(bool b) : v_(pb_bool(b)) {}
    template <class I,
              std::enable_if_t<std::is_integral_v<I> && !std::is_same_v<I, bool> &&
                                   (sizeof(I) < 8 || std::is_signed_v<I>),
                               int> = 0>
    Value(I i) : v_(made(pb_int(static_cast<int64_t>(i))))
    {
    }
    Value(double d) : v_(made(pb_float(d))) {}
    Value(std::string_view utf8) : v_(text(utf8)) {}
    Value(const std::string &utf8) : v_(text(utf8)) {}
    Value(const char *utf8) : v_(text(utf8)) {}
    Value(const Value &o) : v_(pb_value_ref(o.v_)) {}
    Value(Value &&o) noexcept : v_(std::exchange(o.v_, pb_none())) {}
    Value &operator=(Value o) noexcept
    {
        std::swap(v_, o.v_);
        return *this;
    }
    ~Value() { pb_value_unref(v_); }

    // steal takes over a count, borrow adds one. Both throw bad_alloc for NULL.
    static Value steal(pb_value *v)
    {
        Value out;
        out.v_ = made(v);
        return out;
    }
    static Value borrow(pb_value *v) { return steal(pb_value_ref(v)); }
    static Value bytes(std::string_view b) { return steal(pb_bytes(span(b))); }
    static Value list(std::initializer_list<Value> items = {})
    {
        return fill(PB_LIST, items);
    }
    static Value tuple(std::initializer_list<Value> items = {})
    {
        return fill(PB_TUPLE, items);
    }
    static Value set(std::initializer_list<Value> items = {})
    {
        return fill(PB_SET, items);
    }
    static Value dict(std::initializer_list<std::pair<Value, Value>> pairs = {})
    {
        Value out = steal(pb_dict());
        for (const auto &p : pairs) {
            out.put(p.first, p.second);
        }
        return out;
    }
    // The value of a Python literal.
    static Value parse(const char *literal)
    {
        pb_error e{};
        pb_value *v = pb_value_parse(literal, &e);
        check(v ? 0 : e.code, e);
        return steal(v);
    }

    pb_value *get() const { return v_; }
    pb_value *ref() const { return pb_value_ref(v_); }
    pb_kind kind() const { return pb_value_kind(v_); }
    bool is(pb_kind kind) const { return pb_is(v_, kind); }
    bool is_none() const { return is(PB_NONE); }
    // A shallow copy, as copy.copy makes it. A copied Value is one more owner of the same
    // value.
    Value copy() const { return steal(pb_value_copy(v_)); }
    size_t size() const { return pb_len(v_); }
    // An item of a list or tuple, or the value of a text key in a dict. Throws
    // out_of_range if there is none.
    template <class I, std::enable_if_t<std::is_integral_v<I>, int> = 0>
    Value operator[](I i) const
    {
        return at(pb_item(v_, static_cast<size_t>(i)));
    }
    Value operator[](const char *key) const { return at(pb_dict_get(v_, key)); }
    bool has(const char *key) const { return pb_dict_get(v_, key) != nullptr; }
    void append(const Value &item) { check(pb_append(v_, item.v_)); }
    void put(const Value &key, const Value &value)
    {
        check(pb_dict_set_value_steal(v_, key.ref(), value.ref()));
    }
    // Removes an item of a list by its index, a pair of a dict by its key, or a member of a
    // set. Throws out_of_range if there is none.
    void erase(const Value &at)
    {
        gone(is(PB_LIST)   ? pb_item_remove(v_, static_cast<size_t>(at.to_int()))
             : is(PB_DICT) ? pb_dict_remove_value(v_, at.v_)
                           : pb_set_remove(v_, at.v_));
    }
    void erase(const char *key) { is(PB_DICT) ? gone(pb_dict_remove(v_, key)) : erase(Value(key)); }
    int64_t to_int() const
    {
        int64_t i;
        check(pb_as_int(v_, &i));
        return i;
    }
    double to_double() const
    {
        double d;
        check(pb_as_float(v_, &d));
        return d;
    }
    bool to_bool() const
    {
        bool b;
        check(pb_as_bool(v_, &b));
        return b;
    }
    // The text of a str, or of bytes, because a Python 2 peer sends text as bytes.
    std::string to_string() const
    {
        pb_span s;
        check(pb_as_text(v_, &s));
        return {reinterpret_cast<const char *>(s.data), s.len};
    }
    std::string repr() const
    {
        std::unique_ptr<char, void (*)(void *)> text(pb_value_repr(v_), pb_free);
        if (!text) {
            throw std::bad_alloc();
        }
        return text.get();
    }
    friend bool operator==(const Value &a, const Value &b)
    {
        return pb_value_equal(a.v_, b.v_);
    }
    friend bool operator!=(const Value &a, const Value &b) { return !(a == b); }

private:
    static pb_value *made(pb_value *v)
    {
        if (!v) {
            throw std::bad_alloc();
        }
        return v;
    }
    static pb_value *text(std::string_view utf8)
    {
        pb_error e{};
        pb_value *v = pb_strn(span(utf8), &e);
        check(v ? 0 : e.code ? e.code : PB_ERR_NOMEM, e);
        return v;
    }
    static Value fill(pb_kind kind, std::initializer_list<Value> items)
    {
        Value out = steal(pb_seq(kind, items.size()));
        for (const Value &item : items) {
            out.append(item);
        }
        return out;
    }
    static void gone(int code)
    {
        if (code == PB_ERR_RANGE) {
            throw std::out_of_range("there is no such item");
        }
        check(code);
    }
    static Value at(pb_value *v)
    {
        if (!v) {
            throw std::out_of_range("there is no such item");
        }
        return borrow(v);
    }

    pb_value *v_;
};

// The failure of a call: an exception of the peer, or an error of libpb (code() is then
// not PB_OK).
class Failure : public std::runtime_error {
public:
    explicit Failure(pb_failure *f)
        : std::runtime_error(std::string(pb_failure_type(f)) + ": " + pb_failure_text(f)),
          f_(pb_failure_ref(f), pb_failure_unref)
    {
    }
    // For a method to throw. type is a dotted class name, as in pb_request_fail.
    Failure(const std::string &type, const std::string &text)
        : std::runtime_error(type + ": " + text),
          f_(pb_failure_newn(type.c_str(),
                             {reinterpret_cast<const uint8_t *>(text.data()), text.size()},
                             nullptr),
             pb_failure_unref)
    {
    }
    int code() const { return pb_failure_code(f_.get()); }
    std::string type() const { return pb_failure_type(f_.get()); }
    std::string text() const
    {
        pb_span text = pb_failure_text_span(f_.get());
        return std::string(reinterpret_cast<const char *>(text.data), text.len);
    }
    std::string traceback() const { return pb_failure_traceback(f_.get()); }
    // Whether it is of this class or of one that inherits from it. Mirrors Failure.check.
    bool check(const char *name) const { return pb_failure_check(f_.get(), name); }
    pb_failure *get() const { return f_.get(); }

private:
    std::shared_ptr<pb_failure> f_;
};

// An incoming call. Copies refer to the same call. If the last copy is destroyed without
// an answer, the call fails.
class Request {
public:
    explicit Request(pb_request *r) : r_(pb_request_ref(r), pb_request_unref) {}
    std::string method() const { return pb_request_method(r_.get()); }
    // The arguments are there until the method returns; they are nothing after that.
    Value args() const { return Value::borrow(pb_request_args(r_.get())); }
    Value kwargs() const { return Value::borrow(pb_request_kwargs(r_.get())); }
    // Positional argument i, or the keyword argument of that name. Throws a TypeError if
    // there is neither.
    Value arg(size_t i, const char *name) const
    {
        Value all = args(), named = kwargs();
        if (i < all.size()) {
            return all[i];
        }
        if (!named.has(name)) {
            throw Failure("builtins.TypeError",
                          method() + "() missing required argument: '" + name + "'");
        }
        return named[name];
    }
    void answer(const Value &result) const
    {
        pb_request_answer_steal(r_.get(), result.ref());
    }
    void fail(const Failure &f) const { pb_request_fail_with(r_.get(), f.get()); }
    pb_request *get() const { return r_.get(); }

private:
    std::shared_ptr<pb_request> r_;
};

// A local object. Its methods are functions: one that returns a Value answers with it,
// one that returns nothing keeps the request and answers later. Exceptions that they
// throw are sent as failures.
class Object {
public:
    using Now = std::function<Value(Request &)>;
    using Later = std::function<void(Request)>;

    explicit Object(std::string name) : self_(new Self{std::move(name), {}, {}})
    {
        std::unique_ptr<Self> owned(self_);
        self_->cls.name = self_->name.c_str();
        self_->cls.fallback = call;
        self_->cls.destroy = [](void *self) { delete static_cast<Self *>(self); };
        o_.reset(pb_object_new(&self_->cls, self_), pb_object_unref);
        if (!o_) {
            throw std::bad_alloc();
        }
        owned.release();
    }
    Object &on(const std::string &method, Now f)
    {
        self_->methods[method] = [f](Request r) { r.answer(f(r)); };
        return *this;
    }
    Object &on_later(const std::string &method, Later f)
    {
        self_->methods[method] = std::move(f);
        return *this;
    }
    // The object as a value, to be sent.
    Value value() const { return Value::steal(pb_object_value(o_.get())); }
    pb_object *get() const { return o_.get(); }

private:
    struct Self {
        std::string name;
        std::map<std::string, Later> methods;
        pb_class cls;
    };

    static int call(void *self, pb_request *r)
    {
        Request request(r);
        try {
            auto &methods = static_cast<Self *>(self)->methods;
            auto found = methods.find(request.method());
            if (found == methods.end()) {
                request.fail(Failure("twisted.spread.flavors.NoSuchMethod",
                                     "No such method: remote_" + request.method()));
            } else {
                Later method = found->second; // a copy: the method may replace itself
                method(request);
            }
        } catch (const Failure &f) {
            request.fail(f);
        } catch (const std::bad_alloc &) {
            return PB_ERR_NOMEM;
        } catch (const std::exception &e) {
            request.fail(Failure("builtins.RuntimeError", e.what()));
        }
        return 0;
    }

    Self *self_; // owned by o_
    std::shared_ptr<pb_object> o_;
};

// A keyword argument of a call: client.call(root, "list", "/tmp", pb::Keyword{"depth", 2}).
struct Keyword {
    std::string name;
    Value value;
};

// The arguments of a call, positional ones and keywords.
class Arguments {
public:
    template <class... Args> explicit Arguments(const Args &...each) { (add(each), ...); }
    pb_value *args() const { return args_.get(); }
    pb_value *kwargs() const { return kwargs_.get(); }

private:
    void add(const Value &v) { args_.append(v); }
    void add(const Keyword &k) { kwargs_.put(k.name, k.value); }

    Value args_ = Value::tuple();
    Value kwargs_ = Value::dict();
};

// A reference to an object of the peer.
class Remote {
public:
    explicit Remote(const Value &v) : v_(v)
    {
        if (!pb_as_remote(v.get())) {
            throw Error(PB_ERR_TYPE);
        }
    }
    Value value() const { return v_; }
    pb_remote *get() const { return pb_as_remote(v_.get()); }

    // Calls without waiting for the answer. done gets the result, or null and the
    // failure.
    using Done = std::function<void(const Value *, const Failure *)>;
    template <class... Args>
    void call_later(Done done, const char *method, const Args &...args) const
    {
        auto kept = std::make_unique<Done>(std::move(done));
        pb_error e{};
        Arguments all(args...);
        check(pb_remote_call_values(get(), method, all.args(), all.kwargs(), nullptr, ended,
                                    kept.get(), nullptr, &e),
              e);
        kept.release();
    }

private:
    static void ended(pb_value *result, pb_failure *failure, void *user_data)
    {
        std::unique_ptr<Done> done(static_cast<Done *>(user_data));
        if (result) {
            Value v = Value::borrow(result);
            (*done)(&v, nullptr);
        } else {
            Failure f(failure);
            (*done)(nullptr, &f);
        }
    }

    Value v_;
};

// A blocking client: each call gives its result or throws Failure or Error. It may be used,
// and destroyed, in methods and lambdas that run while one of its calls waits.
class Client {
public:
    explicit Client(const std::string &endpoint, const pb_net_config *config = nullptr)
    {
        pb_error e{};
        c_.reset(pb_client_open(endpoint.c_str(), config, &e), pb_client_free);
        check(c_ ? 0 : e.code, e);
    }
    Remote root() const
    {
        return Remote(Value::steal(pb_remote_value(pb_client_root(c_.get()))));
    }
    // Logs in. Returns the avatar.
    Remote login(const std::string &user, const std::string &password)
    {
        pb_credentials who{};
        who.username = user.c_str();
        who.username_len = user.size();
        who.password = password.c_str();
        who.password_len = password.size();
        return log_in(who);
    }
    Remote login_anonymous()
    {
        pb_credentials who{};
        who.anonymous = true;
        return log_in(who);
    }
    template <class... Args>
    Value call(const Remote &to, const char *method, const Args &...args)
    {
        Arguments all(args...);
        return called(to, method, all.args(), all.kwargs());
    }
    Value call_values(const Remote &to, const char *method, const Value &args,
                      const Value &kwargs)
    {
        return called(to, method, args.get(), kwargs.get());
    }
    // Runs the loop for that time, so that the peer can call. False if the connection is
    // lost.
    bool wait(int64_t milliseconds)
    {
        std::shared_ptr<pb_client> c = c_;
        int e = pb_client_wait(c.get(), milliseconds);
        check(e == PB_ERR_LOST ? 0 : e);
        return e == 0;
    }
    // The time for each call; 0: no limit.
    void set_timeout(int64_t milliseconds)
    {
        pb_client_set_timeout(c_.get(), milliseconds);
    }

private:
    Value called(const Remote &to, const char *method, pb_value *args, pb_value *kwargs)
    {
        pb_error e{};
        std::shared_ptr<pb_client> c = c_; // it may be destroyed meanwhile
        pb_value *v = pb_client_call_values(c.get(), to.get(), method, args, kwargs, &e);
        if (!v) {
            raise(c.get(), e);
        }
        return Value::steal(v);
    }
    [[noreturn]] static void raise(const pb_client *c, const pb_error &e)
    {
        const pb_failure *f = pb_client_failure(c);
        if (f && pb_failure_code(f) == PB_OK) {
            throw Failure(const_cast<pb_failure *>(f));
        }
        check(e.code, e);
        throw Error(PB_ERR_STATE);
    }
    Remote log_in(const pb_credentials &who)
    {
        pb_error e{};
        std::shared_ptr<pb_client> c = c_;
        pb_remote *avatar = pb_client_login(c.get(), &who, nullptr, &e);
        if (!avatar) {
            raise(c.get(), e);
        }
        Value v = Value::steal(pb_remote_value(avatar));
        pb_remote_unref(avatar);
        return Remote(v);
    }

    std::shared_ptr<pb_client> c_;
};

// Serves a root object to all clients, on the process's event loop: pb_run() runs it.
class Server {
public:
    Server(const std::string &endpoint, const Object &root, pb_net_config config = {})
        : root_(root)
    {
        pb_error e{};
        config.session.root = root.get();
        s_ = pb_serve(pb_loop_default(), endpoint.c_str(), &config, &e);
        check(s_ ? 0 : e.code, e);
    }
    Server(const Server &) = delete;
    Server &operator=(const Server &) = delete;
    // Closes the server, and runs the loop until it is closed, unless this is one of the
    // loop's callbacks, or the child of a fork.
    ~Server()
    {
        pb_server_close(s_, nullptr, nullptr);
        pb_run();
    }
    int port() const { return pb_server_port(s_); }

private:
    Object root_;
    pb_server *s_;
};

} // namespace pb

#endif
