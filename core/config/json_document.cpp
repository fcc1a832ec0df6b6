#include "core/config/json_document.h"

#include <openssl/crypto.h>

#include <cstring>
#include <set>

#include "core/config/json_text.h"
#include "core/config/rejection.h"
#include "core/config/secret.h"
#include "core/config/small_file.h"
#include "core/failure.h"

namespace cachecore_internal {
namespace {

void wipe(cJSON *node) {
  for (; node != nullptr; node = node->next) {
    if (node->valuestring != nullptr) OPENSSL_cleanse(node->valuestring, std::strlen(node->valuestring));
    wipe(node->child);
  }
}

// `path` is that of `node` with a point behind it, or empty.
void check_duplicates(const cJSON *node, const std::string &path, std::string_view source) {
  std::set<std::string_view> seen;
  const cJSON *member = nullptr;
  cJSON_ArrayForEach(member, node) {
    const bool in_object = member->string != nullptr;
    if (in_object && !seen.insert(member->string).second) {
      reject({source, ": the key ", quoted(path + member->string), " is given twice"});
    }
    if (member->child != nullptr) check_duplicates(member, in_object ? path + member->string + "." : path, source);
  }
}

}  // namespace

void json_delete::operator()(cJSON *node) const {
  wipe(node);
  cJSON_Delete(node);
}

json_document parse_json_object(std::string_view text, std::string_view source) {
  if (text.size() > longest_file) reject({source, " is larger than 1 MiB"});
  check_json(text, source);
  const secret_text ended{std::string(text)};  // cJSON reads the NUL behind the text
  json_document document(cJSON_ParseWithLength(ended.text().c_str(), ended.text().size() + 1));
  if (!document) throw failure(CACHECORE_NO_MEMORY, std::string(source) + ": no memory to read it");
  if (!cJSON_IsObject(document.get())) reject({source, " must be a JSON object, got ", json_kind(document.get())});
  check_duplicates(document.get(), "", source);
  return document;
}

std::string_view json_kind(const cJSON *node) {
  if (cJSON_IsString(node)) return "a text";
  if (cJSON_IsNumber(node)) return "a number";
  if (cJSON_IsBool(node)) return "true or false";
  if (cJSON_IsArray(node)) return "a list";
  if (cJSON_IsObject(node)) return "an object";
  return "null (leave the key out)";
}

}  // namespace cachecore_internal
