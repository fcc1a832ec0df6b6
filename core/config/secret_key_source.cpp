#include "core/config/secret_key_source.h"

#include "core/config/rejection.h"

namespace cachecore_internal {
namespace {

// The key as it is written, and how messages call it.
struct written_key {
  secret_text text;
  std::string origin;
};

std::optional<written_key> find_written_key(const environment &variables) {
  std::optional<variable> key = variables.find("CACHECORE_SECRET_KEY");
  std::optional<variable> file = variables.find("CACHECORE_SECRET_KEY_FILE");
  if (key && (!file || key->rank <= file->rank)) return written_key{secret_text(std::move(key->value)), key->origin};
  if (file) return written_key{read_key_file(file->value, file->origin), file->origin};
  return std::nullopt;
}

}  // namespace

std::shared_ptr<const secret_key> find_secret_key(const std::optional<said> &key_file, const environment &variables) {
  if (key_file) {
    const secret_text written = read_key_file(key_file->value, key_file->origin);
    return std::make_shared<const secret_key>(written.text(), key_file->origin);
  }
  const std::optional<written_key> written = find_written_key(variables);
  if (!written) return nullptr;
  return std::make_shared<const secret_key>(written->text.text(), written->origin);
}

std::string secret_key_from_environment() {
  std::optional<written_key> written = find_written_key(environment());
  if (!written) {
    reject({"there is no secret key: set CACHECORE_SECRET_KEY, or CACHECORE_SECRET_KEY_FILE to a file that holds it"});
  }
  return std::move(written->text.text());
}

}  // namespace cachecore_internal
