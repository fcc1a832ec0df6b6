#include "server.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "forks.h"

namespace http_plugin {

namespace {

constexpr int64_t longest_examination_ms = 5'000;
constexpr timeval retry_after = {1, 0};

int port_of(int descriptor) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6 &>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in &>(address).sin_port);
}

}  // namespace

server::server(const host &host, const settings &settings)
    : host_(host),
      settings_(settings),
      submit_(*host.services().submit),
      access_(host, settings),
      routes_(host, access_),
      requests_counter_(host.counter("requests", "Requests that were answered.")),
      refused_counter_(host.counter("refused", "Connections closed to make room for others.")),
      connections_gauge_(host.gauge("connections", "Open connections of HTTP clients.")) {
  base_.reset(event_base_new());
  if (base_ == nullptr) throw error(CACHECORE_INTERNAL, "the event loop could not be made: too many open files?");
  try {
    cachecore_error failed;
    if (submit_.completions_create(host.raw(), &queue_, &failed) != CACHECORE_OK) throw error(failed);
    stop_descriptor_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_descriptor_ < 0) throw error(CACHECORE_INTERNAL, std::string("eventfd: ") + std::strerror(errno));
    note_descriptor(stop_descriptor_);
    const auto make = [this](int descriptor, short what, event_callback_fn then) {
      event_pointer made(event_new(base_.get(), descriptor, what, then, this));
      if (made == nullptr) throw std::bad_alloc();
      return made;
    };
    stop_event_ = make(stop_descriptor_, EV_READ, [](evutil_socket_t, short, void *self) {
      event_base_loopbreak(static_cast<server *>(self)->base_.get());
    });
    completed_event_ = make(submit_.completions_fd(queue_), EV_READ | EV_PERSIST,
                            [](evutil_socket_t, short, void *self) { static_cast<server *>(self)->drain(); });
    retry_event_ = make(-1, EV_PERSIST, [](evutil_socket_t, short, void *self) {
      auto &again = *static_cast<server *>(self);
      if (again.listen()) event_del(again.retry_event_.get());
    });
    event_add(stop_event_.get(), nullptr);
    event_add(completed_event_.get(), nullptr);
    if (!listen()) {
      host_.log(severity::info,
                settings_.listen + " is in use: another process serves it, and this one will when " + "that has gone");
      event_add(retry_event_.get(), &retry_after);
    }
    sigset_t every;
    sigset_t before;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &before);
    try {
      thread_ = std::thread([this] { run(); });
    } catch (...) {
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
      throw;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    pthread_setname_np(thread_.native_handle(), "cachecore-http");
  } catch (...) {
    release_all();
    throw;
  }
}

server::~server() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t told = write(stop_descriptor_, &one, sizeof(one));
  thread_.join();
  release_all();
}

void server::release_all() noexcept {
  while (!connections_.empty()) gone(*connections_.front());
  if (listener_ != nullptr) {
    forget_descriptor(evconnlistener_get_fd(listener_));
    evconnlistener_free(listener_);
  }
  stop_event_.reset();
  completed_event_.reset();
  retry_event_.reset();
  if (queue_ != nullptr) submit_.completions_destroy(queue_);
  if (stop_descriptor_ >= 0) {
    forget_descriptor(stop_descriptor_);
    close(stop_descriptor_);
  }
}

void server::run() noexcept { event_base_dispatch(base_.get()); }

// False where the port is in use.
bool server::listen() {
  listener_ = evconnlistener_new_bind(
      base_.get(),
      [](evconnlistener *, evutil_socket_t descriptor, sockaddr *, int, void *self) {
        static_cast<server *>(self)->open(descriptor);
      },
      this, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE, 128,
      reinterpret_cast<const sockaddr *>(&settings_.address), static_cast<int>(settings_.address_size));
  if (listener_ == nullptr) {
    if (errno == EADDRINUSE) return false;
    throw error(CACHECORE_INVALID_ARGUMENT, "listen " + settings_.listen + ": " + std::strerror(errno));
  }
  // Out of descriptors: what waits is taken when some are free again.
  evconnlistener_set_error_cb(listener_, [](evconnlistener *, void *) {});
  const int descriptor = evconnlistener_get_fd(listener_);
  note_descriptor(descriptor);
  port_.store(port_of(descriptor), std::memory_order_release);
  return true;
}

void server::open(int descriptor) {
  if (connections_.size() >= settings_.max_connections) {
    const auto oldest =
        std::find_if(connections_.begin(), connections_.end(), [](const auto &each) { return each->is_waiting(); });
    refused_counter_.add();
    if (oldest == connections_.end()) {
      close(descriptor);
      return;
    }
    gone(**oldest);
  }
  try {
    note_descriptor(descriptor);
    connections_.push_back(
        std::make_unique<connection>(static_cast<connection_owner &>(*this), base_.get(), settings_, descriptor));
    connections_.back()->number = ++last_number_;
  } catch (const std::bad_alloc &) {
    forget_descriptor(descriptor);
    close(descriptor);
    return;
  }
  open_.fetch_add(1, std::memory_order_relaxed);
  connections_gauge_.set(open_.load(std::memory_order_relaxed));
}

void server::gone(connection &left) noexcept {
  if (left.operation != 0) (void)submit_.cancel(host_.raw(), left.operation, nullptr);
  std::erase_if(calls_, [&](const auto &each) { return each.second.from == &left; });
  std::erase_if(wait_for_health_, [&](const auto &each) { return each.first == &left; });
  forget_descriptor(left.descriptor());
  std::erase_if(connections_, [&](const auto &each) { return each.get() == &left; });
  connections_gauge_.set(open_.fetch_sub(1, std::memory_order_relaxed) - 1);
}

void server::handle(connection &from, const request &asked, std::string_view body) {
  requests_.fetch_add(1, std::memory_order_relaxed);
  requests_counter_.add();
  try {
    plan next = routes_.find(asked, body);
    switch (next.what) {
      case plan::kind::answer:
        from.respond(next.answer);
        return;
      case plan::kind::health:
      case plan::kind::full_health:
        ask_health(from, next.what == plan::kind::full_health);
        return;
      default:
        start(from, std::move(next));
    }
  } catch (const error &thrown) {
    from.respond(routes_.failure(thrown.raw()));
  } catch (const std::exception &) {
    static const cachecore_error failed = {CACHECORE_NO_MEMORY, "", "out of memory"};
    from.respond(routes_.failure(failed));
  }
}

void server::start(connection &from, plan what) {
  const uint64_t number = ++last_number_;
  const bool streams = what.what == plan::kind::stream;
  cachecore_error failed;
  uint64_t operation = 0;
  const cachecore_status status =
      submit_.submit(host_.raw(), what.method, what.arguments.data(), what.arguments.size(),
                     streams ? 0 : settings_.call_timeout_ms, queue_, number, &operation, &failed);
  if (status != CACHECORE_OK) throw error(failed);
  from.operation = operation;
  what.arguments.clear();
  what.kept.clear();
  if (streams) from.begin_stream();
  calls_.emplace(number, under_way{&from, std::move(what)});
}

void server::ask_health(connection &from, bool full) {
  if (!examining_) {
    cachecore_error failed;
    if (submit_.submit(host_.raw(), host_.find("monitor.health"), nullptr, 0, longest_examination_ms, queue_, 0,
                       nullptr, &failed) != CACHECORE_OK) {
      throw error(failed);
    }
    examining_ = true;
  }
  wait_for_health_.emplace_back(&from, full);
}

void server::drain() {
  cachecore_completion completed[32];
  size_t count = 0;
  do {
    count = submit_.completions_drain(queue_, completed, std::size(completed));
    for (size_t i = 0; i < count; i++) complete(completed[i]);
  } while (count == std::size(completed));
}

void server::complete(cachecore_completion &completed) {
  const result_holder owned(submit_, completed.result);
  if (completed.user_data == 0) {
    complete_health(completed);
    return;
  }
  const auto found = calls_.find(completed.user_data);
  if (found == calls_.end()) return;  // the client has left
  connection &to = *found->second.from;
  const bool more = (completed.flags & CACHECORE_COMPLETION_MORE) != 0;
  const plan::kind what = found->second.what.what;
  const cachecore_value *answer = submit_.result_value(completed.result);
  const cachecore_error *failed = submit_.result_error(completed.result);
  cachecore_error missing;
  if (failed == nullptr && completed.status != CACHECORE_OK) {
    write_error(&missing, completed.status, completed.status == CACHECORE_NOT_FOUND ? "not found" : "no reason given");
    failed = &missing;
  }
  if (more) {
    if (!to.stream(routes_.event("", *answer))) gone(to);
    return;
  }
  to.operation = 0;
  response whole = found->second.what.answer;
  calls_.erase(found);
  if (what == plan::kind::stream) {
    const value nothing;
    (void)to.stream(routes_.event("end", failed != nullptr ? value(std::string_view(failed->message)) : nothing));
    to.end_stream();
  } else if (failed != nullptr) {
    to.respond(routes_.failure(*failed));
  } else if (what == plan::kind::metrics) {
    whole.body = value(*answer).text();
    to.respond(whole);
  } else {
    to.respond(routes_.result(answer));
  }
}

void server::complete_health(const cachecore_completion &completed) {
  examining_ = false;
  const cachecore_value *answer = submit_.result_value(completed.result);
  const cachecore_error *failed = submit_.result_error(completed.result);
  std::vector<entry> unknown{{"status", "unhealthy"}, {"message", failed != nullptr ? failed->message : ""}};
  const value whole = completed.status == CACHECORE_OK ? value(*answer) : value(std::span<const entry>(unknown));
  const value status = whole.pairs()["status"];
  const std::vector<entry> brief{{"status", status}};
  const int code = status.text() == "healthy" ? 200 : 503;
  for (const auto &[to, full] : std::exchange(wait_for_health_, {})) {
    to->respond(routes_.text_of(full ? whole : value(std::span<const entry>(brief)), code));
  }
}

server::figures server::count() const {
  const int port = port_.load(std::memory_order_acquire);
  const std::string host = settings_.listen.substr(0, settings_.listen.rfind(':'));
  return {port == 0 ? std::string() : host + ":" + std::to_string(port), open_.load(std::memory_order_relaxed),
          requests_.load(std::memory_order_relaxed)};
}

}  // namespace http_plugin
