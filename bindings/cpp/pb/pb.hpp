// SPDX-License-Identifier: MIT
//
// libpb for C++17: values, calls and objects with RAII and exceptions, in one header over
// the C API. Everything belongs to one thread, as there. Link with libpb.
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

// An error of our own: arguments, the connection, a limit. code() is a PB_ERR_ number.
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

// Any value of Python's, by one count.
class Value {
public:
    Value() : v_(pb_none()) {}
    Value(std::nullptr_t) : v_(pb_none()) {}
    Value(bool b) : v_(pb_bool(b)) {}
    template <class I, std::enable_if_t<std::is_integral_v<I> && !std::is_same_v<I, bool> &&
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

    // Takes over a count; throws bad_alloc for NULL. And a borrowed one.
    static Value steal(pb_value *v)
    {
        Value out;
        out.v_ = made(v);
        return out;
    }
    static Value borrow(pb_value *v) { return steal(pb_value_ref(v)); }
    static Value bytes(std::string_view b) { return steal(pb_bytes(span(b))); }
    static Value list(std::initializer_list<Value> items = {}) { return fill(PB_LIST, items); }
    static Value tuple(std::initializer_list<Value> items = {}) { return fill(PB_TUPLE, items); }
    static Value set(std::initializer_list<Value> items = {}) { return fill(PB_SET, items); }
    static Value dict(std::initializer_list<std::pair<Value, Value>> pairs = {})
    {
        Value out = steal(pb_dict());
        for (const auto &p : pairs) {
            out.put(p.first, p.second);
        }
        return out;
    }
    // A Python literal.
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
    // A copy that shares what is in it, as copy.copy makes it; Values otherwise are owners of
    // the same thing.
    Value copy() const { return steal(pb_value_copy(v_)); }
    size_t size() const { return pb_len(v_); }
    // An item of a list or tuple, the value under a text key of a dict: out_of_range where
    // there is none.
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
    // Takes an item out of a list by its place, a pair out of a dict by its key, or a member
    // out of a set: out_of_range where there is none.
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
    // str, or bytes as a Python 2 peer sends text.
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
    friend bool operator==(const Value &a, const Value &b) { return pb_value_equal(a.v_, b.v_); }
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

// What ended a call: the peer's exception, or an error of our own (code() is not PB_OK).
class Failure : public std::runtime_error {
public:
    explicit Failure(pb_failure *f)
        : std::runtime_error(std::string(pb_failure_type(f)) + ": " + pb_failure_text(f)),
          f_(pb_failure_ref(f), pb_failure_unref)
    {
    }
    // To be thrown by a method: type is a dotted class name, as for pb_request_fail.
    Failure(const std::string &type, const std::string &text)
        : std::runtime_error(type + ": " + text),
          f_(pb_failure_new(type.c_str(), text.c_str(), nullptr), pb_failure_unref)
    {
    }
    int code() const { return pb_failure_code(f_.get()); }
    std::string type() const { return pb_failure_type(f_.get()); }
    std::string text() const { return pb_failure_text(f_.get()); }
    std::string traceback() const { return pb_failure_traceback(f_.get()); }
    // Failure.check: whether it is of the class, or of one that inherits from it.
    bool check(const char *name) const { return pb_failure_check(f_.get(), name); }
    pb_failure *get() const { return f_.get(); }

private:
    std::shared_ptr<pb_failure> f_;
};

// A call that came in. Copies stand for the same call; what is left of the last one
// without an answer fails it.
class Request {
public:
    explicit Request(pb_request *r) : r_(pb_request_ref(r), pb_request_unref) {}
    std::string method() const { return pb_request_method(r_.get()); }
    Value args() const { return Value::borrow(pb_request_args(r_.get())); }
    Value kwargs() const { return Value::borrow(pb_request_kwargs(r_.get())); }
    // Positional argument i, or the keyword of that name; a TypeError where there is none.
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
    void answer(const Value &result) const { pb_request_answer_steal(r_.get(), result.ref()); }
    void fail(const Failure &f) const { pb_request_fail_with(r_.get(), f.get()); }
    pb_request *get() const { return r_.get(); }

private:
    std::shared_ptr<pb_request> r_;
};

// An object of ours, with methods as functions: those that return a Value answer with it,
// those that return nothing keep the request and answer later. What they throw is sent.
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
                found->second(request);
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

// A reference to the peer's object.
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

    // Calls without waiting: done gets the result, or null and the failure.
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

// A blocking client: each call gives its result or throws Failure or Error.
class Client {
public:
    explicit Client(const std::string &endpoint, const pb_net_config *config = nullptr)
        : c_(nullptr, pb_client_free)
    {
        pb_error e{};
        c_.reset(pb_client_open(endpoint.c_str(), config, &e));
        check(c_ ? 0 : e.code, e);
    }
    Remote root() const { return Remote(Value::steal(pb_remote_value(pb_client_root(c_.get())))); }
    // The avatar of a user.
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
    // Hears the peer for a time: false once the connection is gone.
    bool wait(int64_t milliseconds) { return pb_client_wait(c_.get(), milliseconds) == 0; }
    void set_timeout(int64_t milliseconds) { pb_client_set_timeout(c_.get(), milliseconds); }

private:
    Value called(const Remote &to, const char *method, pb_value *args, pb_value *kwargs)
    {
        pb_error e{};
        pb_value *v = pb_client_call_values(c_.get(), to.get(), method, args, kwargs, &e);
        if (!v) {
            raise(e);
        }
        return Value::steal(v);
    }
    [[noreturn]] void raise(const pb_error &e)
    {
        const pb_failure *f = pb_client_failure(c_.get());
        if (f && pb_failure_code(f) == PB_OK) {
            throw Failure(const_cast<pb_failure *>(f));
        }
        check(e.code, e);
        throw Error(PB_ERR_STATE);
    }
    Remote log_in(const pb_credentials &who)
    {
        pb_error e{};
        pb_remote *avatar = pb_client_login(c_.get(), &who, nullptr, &e);
        if (!avatar) {
            raise(e);
        }
        Value v = Value::steal(pb_remote_value(avatar));
        pb_remote_unref(avatar);
        return Remote(v);
    }

    std::unique_ptr<pb_client, void (*)(pb_client *)> c_;
};

// Offers an object to all who connect, on the process's loop: pb_run() runs it.
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
    // Closes, and lets the loop take notice of it.
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
