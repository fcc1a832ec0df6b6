// description.h: what the library says can be called, in the shape this program works with.
//
// Thread rule: immutable once read. Invariant: a description keeps the result it was read from alive, and everything in
// it points there.
#pragma once

#include <cachecore/value.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core_handle.h"

namespace cachectl {

struct parameter_description {
  std::string name;
  std::string doc;
  uint32_t kinds = 0;   // mask of CACHECORE_KIND_BIT; 0: any
  std::string meaning;  // "key", "duration", ...; "" when it has none
  bool optional = false;
  bool secret = false;
  const cachecore_value *default_value = nullptr;  // nullptr: none
  const cachecore_value *minimum = nullptr;        // nullptr: none
  std::vector<parameter_description> fields;       // of a MAP; empty: any keys

  [[nodiscard]] bool takes(int32_t kind) const { return kinds == 0 || (kinds & CACHECORE_KIND_BIT(kind)) != 0; }
  // A list and nothing else, so that single words can be its items.
  [[nodiscard]] bool is_list() const { return kinds == CACHECORE_KIND_BIT(CACHECORE_LIST); }
};

struct method_description {
  std::string name;  // with the plugin's: "kv.get"
  std::string doc;
  std::string returns;
  std::vector<std::string> flags;
  std::vector<parameter_description> parameters;
  const cachecore_value *tree = nullptr;

  [[nodiscard]] bool streaming() const;
};

struct plugin_description {
  std::string name;
  std::string version;
  std::string path;
  std::string summary;
  std::vector<method_description> methods;
  const cachecore_value *tree = nullptr;
};

class description {
 public:
  explicit description(result_pointer described);

  [[nodiscard]] const std::vector<plugin_description> &plugins() const noexcept { return plugins_; }
  [[nodiscard]] const cachecore_value &tree() const noexcept { return *cachecore_result_value(described_.get()); }
  // nullptr when there is none of that name.
  [[nodiscard]] const method_description *method(std::string_view name) const;
  [[nodiscard]] const plugin_description *plugin(std::string_view name) const;
  [[nodiscard]] std::vector<std::string> method_names() const;
  [[nodiscard]] std::vector<std::string> plugin_names() const;

 private:
  result_pointer described_;
  std::vector<plugin_description> plugins_;
};

// The value of a map's key, or nullptr.
const cachecore_value *member(const cachecore_value &map, std::string_view key);

// The first sentence of a doc, for lists.
std::string first_sentence(std::string_view doc);

// "INT or BYTES", "any value".
std::string kinds_text(const parameter_description &parameter);

// "key=KEY value=BYTES [ttl_ms=MS]", as one types it.
std::string signature(const method_description &method);

}  // namespace cachectl
