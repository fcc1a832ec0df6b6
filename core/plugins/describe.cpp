#include "core/plugins/describe.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "core/api/guard.h"
#include "core/build_config.h"
#include "core/core.h"
#include "core/plugins/validate.h"

namespace cachecore_internal {
namespace {

class builder {
 public:
  explicit builder(arena &memory) noexcept : memory_(memory) {}

  cachecore_value plugins(const std::vector<const plugin_record *> &records) {
    std::vector<cachecore_value> items;
    items.reserve(records.size());
    for (const plugin_record *each : records) items.push_back(plugin(*each));
    return list(items);
  }

  cachecore_value map(std::span<const cachecore_pair> pairs) {
    auto *kept = memory_.allocate_array<cachecore_pair>(pairs.size());
    std::copy(pairs.begin(), pairs.end(), kept);
    return cachecore_map(kept, pairs.size());
  }

  cachecore_value text(const char *from) { return from == nullptr ? cachecore_nil() : memory_.copy_bytes(from); }

 private:
  cachecore_value list(const std::vector<cachecore_value> &items) {
    auto *kept = memory_.allocate_array<cachecore_value>(items.size());
    std::copy(items.begin(), items.end(), kept);
    return cachecore_list(kept, items.size());
  }

  cachecore_value words(uint32_t bits, std::initializer_list<const char *> names) {
    std::vector<cachecore_value> items;
    uint32_t bit = 1;
    for (const char *name : names) {
      if ((bits & bit) != 0) items.push_back(cachecore_text(name));
      bit <<= 1;
    }
    return list(items);
  }

  cachecore_value plugin(const plugin_record &record) {
    std::vector<cachecore_value> methods;
    methods.reserve(record.methods.size());
    for (const auto &each : record.methods) methods.push_back(method(*each));
    return map(std::initializer_list<cachecore_pair>{{cachecore_text("name"), text(record.descriptor.name)},
                                                     {cachecore_text("version"), text(record.descriptor.version)},
                                                     {cachecore_text("path"), text(record.path.c_str())},
                                                     {cachecore_text("summary"), text(record.descriptor.summary)},
                                                     {cachecore_text("methods"), list(methods)}});
  }

  cachecore_value method(const cachecore_method &described) {
    std::vector<cachecore_value> parameters;
    parameters.reserve(described.parameters.size());
    for (const cachecore_parameter_spec *each : described.parameters) parameters.push_back(parameter(*each));
    return map(std::initializer_list<cachecore_pair>{
        {cachecore_text("name"), text(described.name.c_str())},
        {cachecore_text("doc"), text(described.doc.c_str())},
        {cachecore_text("flags"),
         words(described.flags, {"read_only", "streaming", "borrows_arguments", "idempotent"})},
        {cachecore_text("parameters"), list(parameters)},
        {cachecore_text("returns"), text(described.returns.c_str())}});
  }

  cachecore_value parameter(const cachecore_parameter_spec &spec) {
    std::vector<cachecore_value> fields;
    for (const auto *const *each = spec.fields; each != nullptr && *each != nullptr; each++)
      fields.push_back(parameter(**each));
    const bool optional = (spec.flags & CACHECORE_PARAMETER_OPTIONAL) != 0 || spec.default_value != nullptr;
    std::vector<cachecore_pair> pairs = {
        {cachecore_text("name"), text(spec.name)},
        {cachecore_text("kinds"), words(spec.kinds, {"nil", "bool", "int", "double", "bytes", "list", "map", "error"})},
        {cachecore_text("meaning"), text(meaning_name(spec.meaning))},
        {cachecore_text("optional"), cachecore_bool(optional ? 1 : 0)},
        {cachecore_text("default"),
         spec.default_value != nullptr ? memory_.copy(*spec.default_value) : cachecore_nil()},
        {cachecore_text("minimum"), spec.minimum != nullptr ? memory_.copy(*spec.minimum) : cachecore_nil()},
        {cachecore_text("doc"), text(spec.doc)},
        {cachecore_text("fields"), spec.fields != nullptr ? list(fields) : cachecore_nil()}};
    if ((spec.flags & CACHECORE_PARAMETER_SECRET) != 0) pairs.push_back({cachecore_text("secret"), cachecore_bool(1)});
    return map(pairs);
  }

  arena &memory_;
};

}  // namespace

cachecore_result *describe(const cachecore_handle &core) {
  result_pointer made(make_result());
  builder build(made->memory);
  made->value =
      build.map(std::initializer_list<cachecore_pair>{{cachecore_text("abi"), cachecore_int(CACHECORE_ABI_MAJOR)},
                                                      {cachecore_text("version"), build.text(CACHECORE_VERSION)},
                                                      {cachecore_text("plugins"), build.plugins(core.plugins.all())}});
  return made.release();
}

}  // namespace cachecore_internal
