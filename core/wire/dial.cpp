#include "core/wire/dial.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "core/runtime/process.h"
#include "core/wire/encode.h"
#include "core/wire/reply_reader.h"

namespace cachecore_internal {
namespace {

constexpr int64_t poll_slice_ms = 50;  // how often an attempt looks whether it was cancelled
constexpr int64_t embedded_start_ms = 15'000;

struct socket_guard {
  int descriptor = -1;
  explicit socket_guard(int owned) noexcept : descriptor(owned) {}
  socket_guard(const socket_guard &) = delete;
  socket_guard &operator=(const socket_guard &) = delete;
  ~socket_guard() { close_descriptor(descriptor); }
  int release() noexcept {
    const int released = descriptor;
    descriptor = -1;
    return released;
  }
};

[[noreturn]] void unavailable(const std::string &what) { throw failure(CACHECORE_UNAVAILABLE, what); }

void wait_for(int descriptor, short events, int64_t deadline, const std::atomic<bool> &cancelled, const char *doing) {
  while (true) {
    if (cancelled.load(std::memory_order_relaxed)) unavailable("the core is being closed");
    const int64_t left = ms_until(deadline);
    if (left == 0) unavailable(std::string(doing) + " took longer than connect_timeout_ms");
    pollfd watched = {descriptor, events, 0};
    const int ready = poll(&watched, 1, static_cast<int>(std::min(left, poll_slice_ms)));
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) unavailable(std::string("poll: ") + std::strerror(errno));
  }
}

int connect_to(const sockaddr *address, socklen_t size, int family, int64_t deadline,
               const std::atomic<bool> &cancelled, std::string &problem) {
  socket_guard made(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (made.descriptor < 0) {
    problem = std::strerror(errno);
    return -1;
  }
  remember_descriptor(made.descriptor);
  if (::connect(made.descriptor, address, size) != 0) {
    // A unix socket whose backlog is full says EAGAIN.
    if (errno != EINPROGRESS) {
      problem = std::strerror(errno);
      return -1;
    }
    wait_for(made.descriptor, POLLOUT, deadline, cancelled, "connecting");
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(made.descriptor, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) {
      problem = std::strerror(error);
      return -1;
    }
  }
  return made.release();
}

int connect_unix(const std::string &path, int64_t deadline, const std::atomic<bool> &cancelled) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    throw failure(CACHECORE_INVALID_ARGUMENT, "unix socket path " + path + " is longer than 107 bytes");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  std::string problem;
  const int descriptor =
      connect_to(reinterpret_cast<const sockaddr *>(&address), sizeof(address), AF_UNIX, deadline, cancelled, problem);
  if (descriptor < 0) unavailable(path + ": " + problem);
  return descriptor;
}

int connect_tcp(const host_port &host, int64_t deadline, const std::atomic<bool> &cancelled) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo *found = nullptr;
  const std::string service = std::to_string(host.port);
  const std::string where = host.host + ":" + service;
  int code = getaddrinfo(host.host.c_str(), service.c_str(), &hints, &found);
  if (code == EAI_NONAME || code == EAI_ADDRFAMILY) {
    hints.ai_flags = 0;  // a host with loopback alone has no "configured" address
    code = getaddrinfo(host.host.c_str(), service.c_str(), &hints, &found);
  }
  if (code != 0) unavailable(where + ": " + gai_strerror(code));
  const std::unique_ptr<addrinfo, void (*)(addrinfo *)> owned(found, freeaddrinfo);
  std::string problem = "no address";
  for (const addrinfo *each = found; each != nullptr; each = each->ai_next) {
    const int descriptor = connect_to(each->ai_addr, each->ai_addrlen, each->ai_family, deadline, cancelled, problem);
    if (descriptor < 0) continue;
    const int on = 1;
    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    const int idle_s = 15;
    const int interval_s = 5;
    const int probes = 3;
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    return descriptor;
  }
  unavailable(where + ": " + problem);
}

// A connection during its handshake: every step waits until the deadline at most.
class handshake_stream {
 public:
  handshake_stream(int descriptor, tls_session *tls, int64_t deadline, const std::atomic<bool> &cancelled) noexcept
      : descriptor_(descriptor), tls_(tls), deadline_(deadline), cancelled_(cancelled) {}

  void send(const char *data, size_t size) const {
    while (size > 0 || (tls_ != nullptr && tls_->has_unsent())) {
      const ssize_t count = tls_ == nullptr ? ::send(descriptor_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT)
                            : size > 0      ? tls_->send(descriptor_, data, size)
                                            : tls_->flush(descriptor_);
      if (count < 0) {
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) fail();
        wait_for(descriptor_, POLLOUT, deadline_, cancelled_, "the handshake");
        continue;
      }
      data += count;
      size -= static_cast<size_t>(count);
    }
  }

  void receive(reply_reader &into) const {
    char buffer[tls_session::receive_bytes];
    while (true) {
      const ssize_t count = tls_ == nullptr ? recv(descriptor_, buffer, sizeof(buffer), MSG_DONTWAIT)
                                            : tls_->receive(descriptor_, buffer, sizeof(buffer), MSG_DONTWAIT);
      if (count > 0) {
        into.feed(buffer, static_cast<size_t>(count));
        return;
      }
      if (count == 0)
        unavailable(
            tls_ == nullptr
                ? "the server closed the connection during the handshake"
                : "the server closed the connection during the handshake (does it want a client's certificate?)");
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) fail();
      wait_for(descriptor_, POLLIN, deadline_, cancelled_, "the handshake");
    }
  }

 private:
  [[noreturn]] void fail() const {
    if (tls_ != nullptr && errno == EPROTO) {
      // Under TLS 1.3 a server refuses a client's certificate only after the client has done its part.
      const std::string reason = tls_->problem();
      const bool refused =
          reason.find("certificate") != std::string::npos || reason.find("unknown ca") != std::string::npos;
      throw failure(refused ? CACHECORE_DENIED : CACHECORE_UNAVAILABLE, "TLS: the handshake failed: " + reason);
    }
    unavailable(std::string("the handshake failed: ") + std::strerror(errno) +
                (tls_ == nullptr ? " (for a TLS port write rediss://)" : " (does it want a client's certificate?)"));
  }

  int descriptor_;
  tls_session *tls_;
  int64_t deadline_;
  const std::atomic<bool> &cancelled_;
};

// The answer to ROLE.
bool says_master(const cachecore_value &role) noexcept {
  if (role.kind != CACHECORE_LIST || role.as.list.count == 0 || role.as.list.items[0].kind != CACHECORE_BYTES) {
    return false;
  }
  const cachecore_value &name = role.as.list.items[0];
  return std::string_view(name.as.bytes.data, name.as.bytes.size) == "master";
}

// What the server must agree to before the connection is used.
void shake_hands(const handshake_stream &stream, const configuration &settings, dial_target::kind target) {
  const endpoint &server = settings.server;
  const bool is_sentinel = target == dial_target::kind::sentinel;
  arena memory;
  std::vector<cachecore_value> commands;
  std::vector<std::vector<cachecore_value>> words;
  const std::string password = is_sentinel ? settings.sentinel_password : server.current_password();
  const std::string &user = is_sentinel ? settings.sentinel_user : server.user;
  const auto text = [](const std::string &from) { return cachecore_bytes(from.data(), from.size()); };
  if (!password.empty()) {
    words.push_back({cachecore_text("AUTH")});
    if (!user.empty()) words.back().push_back(text(user));
    words.back().push_back(text(password));
  }
  if (server.database != 0 && !is_sentinel) words.push_back({cachecore_text("SELECT"), cachecore_int(server.database)});
  // A replica of a cluster sends readers to its master unless they say that they know what they do.
  if (target == dial_target::kind::replica && server.scheme == scheme::cluster)
    words.push_back({cachecore_text("READONLY")});
  words.push_back({cachecore_text(target == dial_target::kind::master ? "ROLE" : "PING")});
  commands.reserve(words.size());
  for (const auto &command : words) commands.push_back(cachecore_list(command.data(), command.size()));
  const encoded bytes = encode_commands(memory, commands.data(), commands.size(), {}, {});
  stream.send(bytes.data, bytes.size);

  reply_reader decoder;
  for (size_t answered = 0; answered < commands.size();) {
    cachecore_value reply;
    const reply_reader::outcome outcome = decoder.next(memory, reply);
    if (outcome == reply_reader::outcome::failed)
      unavailable("what answers there does not speak the Redis protocol (for a TLS port write rediss://)");
    if (outcome == reply_reader::outcome::incomplete) {
      stream.receive(decoder);
      continue;
    }
    if (reply.kind == CACHECORE_ERROR) {
      const std::string_view message(reply.as.bytes.data, reply.as.bytes.size);
      const std::string_view code = code_of_reply(message);
      const bool later = code == "LOADING" || code == "BUSY" || code == "MASTERDOWN" ||
                         message.find("max number of clients") != std::string_view::npos;
      const bool about_password = answered == 0 && !password.empty();
      throw failure(later ? CACHECORE_UNAVAILABLE
                          : (about_password ? CACHECORE_DENIED : static_cast<cachecore_status>(reply.reserved)),
                    "the server refused the connection: " + std::string(message));
    }
    answered++;
    if (target == dial_target::kind::master && answered == commands.size() && !says_master(reply)) {
      unavailable("this server is not a master, though Sentinel said so");
    }
  }
}

}  // namespace

std::string address_text(const host_port &where) {
  const bool v6 = where.host.find(':') != std::string::npos;
  return (v6 ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port);
}

dialer::~dialer() { cancel(); }

int dialer::connect_socket(int64_t deadline) {
  const endpoint &server = settings_.server;
  if (target_.what != dial_target::kind::configured) return connect_tcp(target_.where, deadline, cancelled_);
  switch (server.scheme) {
    case scheme::redis:
      return connect_tcp(server.hosts.front(), deadline, cancelled_);
    case scheme::unix_socket:
      return connect_unix(server.path, deadline, cancelled_);
    case scheme::embedded: {
      const std::lock_guard<std::mutex> lock(embedded_mutex_);
      if (embedded_.descriptor() >= 0) {
        try {
          return connect_unix(embedded_.socket_path(), deadline, cancelled_);
        } catch (const failure &) {
          embedded_ = embedded_attachment();  // the server is gone with its supervisor: attach again, which starts it
        }
      }
      embedded_ = attach_embedded(settings_, embedded_start_ms);
      remember_descriptor(embedded_.descriptor());
      return connect_unix(embedded_.socket_path(), deadline_after_ms(settings_.connect_timeout_ms), cancelled_);
    }
    default:
      throw failure(CACHECORE_INTERNAL, "there is no address to connect to");
  }
}

std::shared_ptr<tls_session> dialer::secure(int descriptor, int64_t deadline) {
  if (settings_.secured_by == nullptr) return nullptr;
  const bool configured = target_.what == dial_target::kind::configured;
  auto session =
      settings_.secured_by->make_session(configured ? settings_.server.hosts.front().host : target_.where.host);
  while (const short wanted = session->shake_hands(descriptor)) {
    wait_for(descriptor, wanted, deadline, cancelled_, "the TLS handshake (is it a TLS port?)");
  }
  return session;
}

std::string dialer::display() const {
  return target_.what == dial_target::kind::configured ? settings_.server.display() : address_text(target_.where);
}

dial_outcome dialer::attempt() {
  dial_outcome outcome;
  try {
    const int64_t deadline = deadline_after_ms(settings_.connect_timeout_ms);
    socket_guard made(connect_socket(deadline));
    const int64_t until = std::max(deadline, deadline_after_ms(200));
    outcome.tls = secure(made.descriptor, until);
    shake_hands(handshake_stream(made.descriptor, outcome.tls.get(), until, cancelled_), settings_, target_.what);
    // The socket is a blocking one from here on: a leader waits in recv, all else says MSG_DONTWAIT.
    fcntl(made.descriptor, F_SETFL, fcntl(made.descriptor, F_GETFL) & ~O_NONBLOCK);
    const timeval slice = {0, 50'000};
    setsockopt(made.descriptor, SOL_SOCKET, SO_RCVTIMEO, &slice, sizeof(slice));
    outcome.descriptor = made.release();
  } catch (const failure &fault) {
    outcome.status = fault.status() == CACHECORE_TIMEOUT ? CACHECORE_UNAVAILABLE : fault.status();
    outcome.why = display() + ": " + fault.message();
  } catch (const std::exception &fault) {
    outcome.status = CACHECORE_UNAVAILABLE;
    outcome.why = display() + ": " + fault.what();
  }
  return outcome;
}

void dialer::begin(std::function<void(dial_outcome)> done) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (cancelled_.load(std::memory_order_relaxed)) return;
    running_++;
  }
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    std::thread([this, done = std::move(done)] {
      dial_outcome outcome = attempt();
      const std::lock_guard<std::mutex> lock(mutex_);
      if (cancelled_.load(std::memory_order_relaxed)) {
        close_descriptor(outcome.descriptor);
      } else {
        loop_.post_function([done, outcome = std::move(outcome)] { done(outcome); });
      }
      running_--;
      idle_.notify_all();
    }).detach();
  } catch (const std::exception &fault) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    const std::lock_guard<std::mutex> lock(mutex_);
    running_--;
    throw failure(CACHECORE_INTERNAL, std::string("no thread to connect with: ") + fault.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void dialer::cancel() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  cancelled_.store(true, std::memory_order_relaxed);
  idle_.wait(lock, [this] { return running_ == 0; });
}

void dialer::abandon() noexcept { embedded_.drop_inherited(); }

}  // namespace cachecore_internal
