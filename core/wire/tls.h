// tls.h: TLS of a connection, by OpenSSL over memory.
//
// OpenSSL never sees a socket: ciphertext goes through memory, so that whoever writes or reads a connection does it the
// same way with and without TLS. A session is used by one writer and one reader at a time, on any threads; OpenSSL's
// object is not made for that, so each of its steps is taken under a mutex, and no system call that can wait is.
//
// TLS 1.2 and later; no renegotiation, no compression. The server's certificate is verified against `ca_file`, or the
// system's authorities, and against the host of the URL (or tls.server_name), unless tls.verify is off.
//
// Thread rule: context: any thread. Session: send by one thread at a time, receive by one at a time. In a forked child
// an inherited session is left alone. Invariants
// - What receive took from the socket is decrypted and given out before it asks the socket again, and nothing that can
// be
//   given out stays behind when it returns: a readable socket is the only sign there is.
// - Ciphertext leaves in the order it was made.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <string>

#include "core/config/configuration.h"

namespace cachecore_internal {

// Keeps OpenSSL alive until the process is gone: threads of ours may be at work while exit runs its handlers. Before
// anything else touches OpenSSL.
void keep_openssl_until_exit() noexcept;

class tls_session;

class tls_context {
 public:
  // Throws failure(INVALID_ARGUMENT) for files that cannot be read or do not belong together, or when TLS was left out
  // of this build.
  static std::shared_ptr<tls_context> make(const tls_settings &settings);
  ~tls_context();
  tls_context(const tls_context &) = delete;
  tls_context &operator=(const tls_context &) = delete;

  // A client's session with `host`. Throws failure(INTERNAL), std::bad_alloc.
  [[nodiscard]] std::shared_ptr<tls_session> make_session(const std::string &host) const;

 private:
  tls_context() = default;

  void *context_ = nullptr;  // SSL_CTX
  std::string server_name_;
  bool verify_ = true;
};

class tls_session {
 public:
  // The most receive gives out at once; its buffer must be as large.
  static constexpr size_t receive_bytes = size_t{64} << 10;

  ~tls_session();
  tls_session(const tls_session &) = delete;
  tls_session &operator=(const tls_session &) = delete;

  // A step of the handshake over a socket that does not block: what to wait for (POLLIN, POLLOUT), 0 when it is done.
  // Throws failure(DENIED) when the certificate is refused by either side, failure(UNAVAILABLE) for all else.
  short shake_hands(int descriptor);

  // As send(2) and recv(2) with MSG_NOSIGNAL. After send there may be ciphertext the socket did not take: flush.
  ssize_t send(int descriptor, const char *data, size_t size) noexcept;
  // 0: everything has gone out; -1 and errno as send(2).
  int flush(int descriptor) noexcept;
  [[nodiscard]] bool has_unsent() noexcept;
  ssize_t receive(int descriptor, char *out, size_t size, int flags) noexcept;
  // OpenSSL's words for what made receive fail with EPROTO.
  [[nodiscard]] std::string problem() const { return problem_; }

 private:
  friend class tls_context;
  tls_session() = default;

  ssize_t decrypt(char *out, size_t size) noexcept;  // with the mutex; -1 EAGAIN when there is none
  void take_ciphertext();                            // with the mutex: what OpenSSL made
  int send_ciphertext(int descriptor) noexcept;      // with the mutex

  std::mutex mutex_;
  void *session_ = nullptr;  // SSL
  std::string host_;
  std::string out_;  // ciphertext on its way
  size_t out_sent_ = 0;
  const char *problem_ = "";
};

}  // namespace cachecore_internal
