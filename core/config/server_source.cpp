#include "core/config/server_source.h"

#include "core/config/rejection.h"
#include "core/config/secret_key_source.h"
#include "core/config/url.h"
#include "core/failure.h"

namespace cachecore_internal {
namespace {

// The sources that may speak of the server that is used, in order: the one that named it, and those that name none.
std::vector<const settings *> sources_of_server(const std::vector<settings> &sources) {
  std::vector<const settings *> out;
  bool found = false;
  for (const settings &source : sources) {
    if (source.server && found) continue;
    found = found || source.server;
    out.push_back(&source);
  }
  return out;
}

// Puts the password of the first source that has one into `server`. Returns what messages call it, empty when there is
// none.
std::string choose_password(const std::vector<const settings *> &sources, endpoint &server) {
  for (const settings *source : sources) {
    const bool in_url = source->server && (!source->server->password.empty() || !source->server->password_file.empty());
    const int given = int{source->password.has_value()} + int{source->password_file.has_value()} + int{in_url};
    if (given > 1) {
      reject({source->source,
              " gives the password more than once: keep one of password, password_file and the url's own"});
    }
    if (in_url) return source->server_origin + ": the url's password";
    if (given == 0) continue;
    const said &chosen = source->password ? *source->password : *source->password_file;
    server.password = source->password ? chosen.value : "";
    server.password_file = source->password ? "" : chosen.value;
    return chosen.origin;
  }
  return {};
}

// A password that may be ENC(...).
std::string decrypted(std::string password, const std::string &origin, const settings &merged,
                      const environment &variables) {
  if (!is_encrypted(password)) return password;
  const auto key = find_secret_key(merged.secret_key_file, variables);
  if (!key) {
    reject(
        {origin,
         " is ENC(...) and there is no key: set CACHECORE_SECRET_KEY, CACHECORE_SECRET_KEY_FILE or secret_key_file"});
  }
  return decrypt(password, *key, origin);
}

void resolve_sentinel(const std::vector<const settings *> &sources, const settings &merged,
                      const environment &variables, configuration &out) {
  settings given;
  for (const settings *source : sources) {
    if ((source->sentinel_user || source->sentinel_password) && out.server.scheme != scheme::sentinel) {
      reject({source->source, ": sentinel is set and ", out.server.display(), " does not use Sentinel"});
    }
    inherit(given.sentinel_user, source->sentinel_user);
    inherit(given.sentinel_password, source->sentinel_password);
  }
  if (given.sentinel_user && !given.sentinel_password) {
    reject({given.sentinel_user->origin, " needs sentinel.password"});
  }
  if (given.sentinel_user) out.sentinel_user = given.sentinel_user->value;
  if (given.sentinel_password) {
    out.sentinel_password =
        decrypted(given.sentinel_password->value, given.sentinel_password->origin, merged, variables);
  }
}

void resolve_password(const std::vector<const settings *> &sources, const settings &merged,
                      const environment &variables, configuration &out) {
  endpoint &server = out.server;
  const std::string origin = choose_password(sources, server);
  const bool has_password = !server.password.empty() || !server.password_file.empty();
  if (server.scheme == scheme::embedded && has_password) {
    reject({origin, " cannot be used with embedded://, ",
            out.server_is_default ? "the default where no url is set: set url" : "which has none"});
  }
  if (!server.user.empty() && !has_password) {
    reject({merged.server_origin,
            ": the url names a user and there is no password: write user:password@, or set password_file"});
  }
  server.password = decrypted(std::move(server.password), origin, merged, variables);
  if (!server.password_file.empty()) {
    server.password_file_key = find_secret_key(merged.secret_key_file, variables);
    try {
      static_cast<void>(server.current_password());
    } catch (const failure &reason) {
      throw failure(CACHECORE_INVALID_ARGUMENT, reason.message());
    }
  }
}

void resolve_tls(const std::vector<const settings *> &sources, configuration &out) {
  settings merged;
  for (const settings *source : sources) {
    if (source->has_tls() && !out.server.tls) {
      reject({source->source, ": tls is set and ", out.server.display(), " does not use TLS: write rediss://"});
    }
    inherit(merged.tls_ca_file, source->tls_ca_file);
    inherit(merged.tls_certificate_file, source->tls_certificate_file);
    inherit(merged.tls_key_file, source->tls_key_file);
    inherit(merged.tls_server_name, source->tls_server_name);
    inherit(merged.tls_verify, source->tls_verify);
  }
  const auto value_of = [](const std::optional<said> &setting) { return setting ? setting->value : std::string(); };
  if (merged.tls_certificate_file && !merged.tls_key_file) {
    reject({merged.tls_certificate_file->origin, " needs tls.key_file, the certificate's private key"});
  }
  if (merged.tls_key_file && !merged.tls_certificate_file) {
    reject({merged.tls_key_file->origin, " needs tls.certificate_file, the key's certificate"});
  }
  out.tls.ca_file = value_of(merged.tls_ca_file);
  out.tls.certificate_file = value_of(merged.tls_certificate_file);
  out.tls.key_file = value_of(merged.tls_key_file);
  if (merged.tls_server_name)
    out.tls.server_name = checked_host(merged.tls_server_name->value, merged.tls_server_name->origin);
  out.tls.verify = merged.tls_verify.value_or(out.tls.verify);
}

}  // namespace

void resolve_server(const std::vector<settings> &sources, const settings &merged, const environment &variables,
                    configuration &out) {
  out.server_is_default = !merged.server;
  if (merged.server) out.server = *merged.server;
  const std::vector<const settings *> speakers = sources_of_server(sources);
  resolve_password(speakers, merged, variables, out);
  resolve_tls(speakers, out);
  resolve_sentinel(speakers, merged, variables, out);
}

}  // namespace cachecore_internal
