// configuration.h: what a core was told, from all its sources, validated and merged.
//
// Sources, first wins: options struct, config_json, config_file, process environment, env_files (".env", ".secrets" by
// explicit path). Anything unknown, malformed or contradictory throws failure(INVALID_ARGUMENT) whose message names the
// source, the key and the remedy, and never a secret. A value written ENC(base64) is decrypted here; a failed
// decryption is an error, never an empty password.
//
// Thread rule: load_configuration is reentrant (reads the environment); a configuration is immutable afterwards.
#pragma once

#include <cachecore/options.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace cachecore_internal {

class secret_key;   // secret.h
class tls_context;  // core/wire/tls.h

enum class scheme { redis, unix_socket, embedded, sentinel, cluster };

struct host_port {
  std::string host;
  uint16_t port = 6379;
};

// A parsed URL.
struct endpoint {
  enum scheme scheme = scheme::embedded;
  bool tls = false;
  std::vector<host_port> hosts;  // redis: one; sentinel, cluster: seeds
  std::string path;              // unix: the socket; embedded: the directory, empty for the user's own
  std::string master_name;       // sentinel
  std::string user;
  std::string password;
  std::string password_file;                            // re-read at every connect; excludes password
  std::shared_ptr<const secret_key> password_file_key;  // for a file that holds ENC(...); null when there is no key
  int database = 0;

  // The password to authenticate with, empty when there is none: `password`, or what `password_file` holds now (without
  // a line end, ENC(...) decrypted). Reads the file: call it at every connect. Throws failure(DENIED).
  [[nodiscard]] std::string current_password() const;

  // For logs and descriptions: the URL without user and password.
  [[nodiscard]] std::string display() const;
};

struct tls_settings {
  std::string ca_file, certificate_file, key_file, server_name;
  bool verify = true;
};

struct plugin_request {
  std::string name_or_path;
  std::string config_json;  // of a name that "plugins" holds, else ""
};

struct configuration {
  endpoint server;
  bool server_is_default = false;  // nothing was configured: embedded, with a warning in the log
  tls_settings tls;
  std::shared_ptr<tls_context> secured_by;            // made at init from `tls`, if the url asks for it
  std::string sentinel_user, sentinel_password;       // for the sentinels themselves; the url's are for the servers
  std::vector<plugin_request> plugins;                // in order; what to load
  bool all_built_in = false;                          // nothing was named: every built-in plugin that is installed
  std::map<std::string, std::string> plugin_configs;  // "plugins" of the JSON by name, also for plugins loaded later
  std::vector<std::string> plugin_path;  // absolute directories, in order: the application's, then the environment's
  std::string key_prefix;
  int64_t max_connections = 20;
  int64_t connect_timeout_ms = 2000;
  int64_t call_timeout_ms = 5000;  // -1: none
  int64_t busy_poll_us = 0;
  bool reads_from_replicas = false;  // read_from: where reads that may be stale go
  int64_t max_staleness_ms = 1000;
  // Accepted for compatibility, and without effect: what may be repeated is retried in any case; results are bytes.
  bool retry_on_timeout = true;
  std::optional<bool> decode_responses;
  bool ping_on_init = false;
  std::string embedded_fsync = "everysec";    // always, everysec, no
  std::string redis_server = "redis-server";  // program of the embedded server
  cachecore_log_function log = nullptr;
  void *log_context = nullptr;
};

// `options` may be null. Only the first options->struct_size bytes are read.
configuration load_configuration(const cachecore_options *options);

// Parses a URL; throws failure(INVALID_ARGUMENT). A password that is ENC(...) stays as it is: load_configuration
// decrypts.
endpoint parse_url(const std::string &url);

// Encrypts a secret as ENC(base64 of nonce, ciphertext, tag), AES-256-GCM. `key` is what CACHECORE_SECRET_KEY or the
// key file holds: 32 bytes as base64 or hex. Throws failure(INVALID_ARGUMENT).
std::string encrypt_secret(const std::string &plain, const std::string &key);
std::string decrypt_secret(const std::string &wrapped, const std::string &key);

// The key of this process' environment: CACHECORE_SECRET_KEY, else the file CACHECORE_SECRET_KEY_FILE names; throws
// when neither is set.
std::string secret_key_from_environment();

}  // namespace cachecore_internal
