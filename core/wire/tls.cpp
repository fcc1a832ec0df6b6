#include "core/wire/tls.h"

#include "core/build_config.h"
#include "core/failure.h"

#if CACHECORE_HAVE_TLS

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <new>

namespace cachecore_internal {
namespace {

constexpr size_t ciphertext_bytes = size_t{32} << 10;  // taken from the socket at once: with a record's rest it fits
constexpr size_t record_bytes = size_t{16} << 10;

SSL_CTX *context_of(void *kept) noexcept { return static_cast<SSL_CTX *>(kept); }
SSL *session_of(void *kept) noexcept { return static_cast<SSL *>(kept); }

// OpenSSL's own words for the last thing that went wrong.
std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char *reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "unknown reason";
}

[[noreturn]] void reject_file(const char *key, const std::string &path) {
  throw failure(CACHECORE_INVALID_ARGUMENT, std::string(key) + " " + path + " cannot be used: " + openssl_reason());
}

bool is_ip_address(const std::string &host) {
  unsigned char scratch[16];
  return inet_pton(AF_INET, host.c_str(), scratch) == 1 || inet_pton(AF_INET6, host.c_str(), scratch) == 1;
}

}  // namespace

void keep_openssl_until_exit() noexcept {
  OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_LOAD_SSL_STRINGS, nullptr);
}

// ---- Context ----

std::shared_ptr<tls_context> tls_context::make(const tls_settings &settings) {
  keep_openssl_until_exit();
  std::shared_ptr<tls_context> made(new tls_context());
  ERR_clear_error();
  SSL_CTX *context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) throw std::bad_alloc();
  made->context_ = context;
  made->server_name_ = settings.server_name;
  made->verify_ = settings.verify;
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, settings.verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (!settings.ca_file.empty()) {
    if (SSL_CTX_load_verify_file(context, settings.ca_file.c_str()) != 1) reject_file("tls.ca_file", settings.ca_file);
  } else if (settings.verify && SSL_CTX_set_default_verify_paths(context) != 1) {
    throw failure(CACHECORE_INVALID_ARGUMENT,
                  "the system's certificate authorities cannot be read: set tls.ca_file: " + openssl_reason());
  }
  if (!settings.certificate_file.empty()) {
    if (SSL_CTX_use_certificate_chain_file(context, settings.certificate_file.c_str()) != 1) {
      reject_file("tls.certificate_file", settings.certificate_file);
    }
    if (SSL_CTX_use_PrivateKey_file(context, settings.key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
      reject_file("tls.key_file", settings.key_file);
    }
    if (SSL_CTX_check_private_key(context) != 1) {
      reject_file("tls.key_file does not belong to tls.certificate_file:", settings.key_file);
    }
  }
  return made;
}

tls_context::~tls_context() { SSL_CTX_free(context_of(context_)); }

std::shared_ptr<tls_session> tls_context::make_session(const std::string &host) const {
  std::shared_ptr<tls_session> made(new tls_session());
  ERR_clear_error();
  SSL *session = SSL_new(context_of(context_));
  if (session == nullptr) throw std::bad_alloc();
  made->session_ = session;
  made->host_ = server_name_.empty() ? host : server_name_;
  BIO *incoming = BIO_new(BIO_s_mem());
  BIO *outgoing = BIO_new(BIO_s_mem());
  if (incoming == nullptr || outgoing == nullptr) {
    BIO_free(incoming);
    BIO_free(outgoing);
    throw std::bad_alloc();
  }
  BIO_set_mem_eof_return(incoming, -1);
  SSL_set_bio(session, incoming, outgoing);
  SSL_set_connect_state(session);
  const bool by_address = is_ip_address(made->host_);
  if (!by_address) SSL_set_tlsext_host_name(session, made->host_.c_str());
  if (verify_) {
    X509_VERIFY_PARAM *rules = SSL_get0_param(session);
    X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const int set = by_address ? X509_VERIFY_PARAM_set1_ip_asc(rules, made->host_.c_str())
                               : X509_VERIFY_PARAM_set1_host(rules, made->host_.c_str(), made->host_.size());
    if (set != 1) throw failure(CACHECORE_INTERNAL, "the host name cannot be verified: " + openssl_reason());
  }
  return made;
}

// ---- Session ----

tls_session::~tls_session() { SSL_free(session_of(session_)); }

void tls_session::take_ciphertext() {
  BIO *outgoing = SSL_get_wbio(session_of(session_));
  if (BIO_ctrl_pending(outgoing) == 0) return;
  char *data = nullptr;
  const long size = BIO_get_mem_data(outgoing, &data);
  if (size <= 0) return;
  out_.append(data, static_cast<size_t>(size));
  (void)BIO_reset(outgoing);
}

int tls_session::send_ciphertext(int descriptor) noexcept {
  while (out_sent_ < out_.size()) {
    const ssize_t count =
        ::send(descriptor, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    out_sent_ += static_cast<size_t>(count);
  }
  out_.clear();
  out_sent_ = 0;
  return 0;
}

short tls_session::shake_hands(int descriptor) {
  const std::lock_guard<std::mutex> lock(mutex_);
  SSL *session = session_of(session_);
  char buffer[ciphertext_bytes];
  while (true) {
    ERR_clear_error();
    const int done = SSL_do_handshake(session);
    const int why = done == 1 ? SSL_ERROR_NONE : SSL_get_error(session, done);
    const long verdict = SSL_get_verify_result(session);
    const std::string reason = why == SSL_ERROR_NONE || why == SSL_ERROR_WANT_READ ? "" : openssl_reason();
    take_ciphertext();
    const int flushed = send_ciphertext(descriptor);
    if (why != SSL_ERROR_NONE && why != SSL_ERROR_WANT_READ) {
      if (verdict != X509_V_OK && SSL_get_verify_mode(session) != SSL_VERIFY_NONE) {
        throw failure(CACHECORE_DENIED, "TLS: the certificate is not accepted for " + host_ + ": " +
                                            X509_verify_cert_error_string(verdict));
      }
      throw failure(CACHECORE_UNAVAILABLE, "TLS: the handshake failed: " + reason + " (is it a TLS port?)");
    }
    if (flushed < 0) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return POLLOUT;
      throw failure(CACHECORE_UNAVAILABLE, "TLS: the connection was closed during the handshake");
    }
    if (why == SSL_ERROR_NONE) return 0;
    const ssize_t count = recv(descriptor, buffer, sizeof(buffer), MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return POLLIN;
    if (count <= 0) throw failure(CACHECORE_UNAVAILABLE, "TLS: the connection was closed during the handshake");
    if (BIO_write(SSL_get_rbio(session), buffer, static_cast<int>(count)) != count) throw std::bad_alloc();
  }
}

ssize_t tls_session::send(int descriptor, const char *data, size_t size) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  // What the socket has not taken goes first; new plain text waits meanwhile, so that memory stays bounded.
  if (send_ciphertext(descriptor) < 0) return -1;
  size_t taken = 0;
  try {
    while (taken < size) {
      ERR_clear_error();
      const int wanted = static_cast<int>(std::min(size - taken, record_bytes));
      const int count = SSL_write(session_of(session_), data + taken, wanted);
      if (count <= 0) {
        errno = EPROTO;
        return taken > 0 ? static_cast<ssize_t>(taken) : -1;
      }
      taken += static_cast<size_t>(count);
      take_ciphertext();
      if (out_.size() >= 4 * record_bytes && send_ciphertext(descriptor) < 0) {
        if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
        return static_cast<ssize_t>(taken);
      }
    }
  } catch (const std::bad_alloc &) {
    errno = ENOMEM;
    return -1;
  }
  if (send_ciphertext(descriptor) < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return -1;
  return static_cast<ssize_t>(taken);
}

int tls_session::flush(int descriptor) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return send_ciphertext(descriptor);
}

bool tls_session::has_unsent() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return out_sent_ < out_.size();
}

ssize_t tls_session::decrypt(char *out, size_t size) noexcept {
  size_t got = 0;
  while (got < size) {
    ERR_clear_error();
    const int count =
        SSL_read(session_of(session_), out + got, static_cast<int>(std::min<size_t>(size - got, 1u << 30)));
    if (count > 0) {
      got += static_cast<size_t>(count);
      continue;
    }
    const int why = SSL_get_error(session_of(session_), count);
    if (got > 0) break;  // what is wrong shows again at the next call
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (reason != nullptr) problem_ = reason;
    ERR_clear_error();
    if (why == SSL_ERROR_ZERO_RETURN) return 0;
    errno = why == SSL_ERROR_WANT_READ ? EAGAIN : EPROTO;
    return -1;
  }
  return static_cast<ssize_t>(got);
}

ssize_t tls_session::receive(int descriptor, char *out, size_t size, int flags) noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    const ssize_t ready = decrypt(out, size);
    if (ready >= 0 || errno != EAGAIN) return ready;
  }
  char buffer[ciphertext_bytes];
  const ssize_t count = recv(descriptor, buffer, sizeof(buffer), flags);
  if (count <= 0) return count;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (BIO_write(SSL_get_rbio(session_of(session_)), buffer, static_cast<int>(count)) != count) {
    errno = ENOMEM;
    return -1;
  }
  const ssize_t plain = decrypt(out, size);
  const int why = errno;
  // An answer of the protocol itself (a key update); what the socket does not take now goes with the next send.
  try {
    take_ciphertext();
  } catch (const std::bad_alloc &) {
    errno = ENOMEM;
    return -1;
  }
  (void)send_ciphertext(descriptor);
  errno = why;
  return plain;
}

}  // namespace cachecore_internal

#else

namespace cachecore_internal {

void keep_openssl_until_exit() noexcept {}

std::shared_ptr<tls_context> tls_context::make(const tls_settings &) {
  throw failure(CACHECORE_INVALID_ARGUMENT, "url: this build of cachecore has no TLS: use redis:// or unix://");
}
tls_context::~tls_context() = default;
std::shared_ptr<tls_session> tls_context::make_session(const std::string &) const { return nullptr; }
tls_session::~tls_session() = default;
short tls_session::shake_hands(int) { return 0; }
ssize_t tls_session::send(int, const char *, size_t) noexcept { return -1; }
int tls_session::flush(int) noexcept { return 0; }
bool tls_session::has_unsent() noexcept { return false; }
ssize_t tls_session::receive(int, char *, size_t, int) noexcept { return -1; }

}  // namespace cachecore_internal

#endif
