#include "core/plugins/validate.h"

#include <cmath>
#include <cstring>

#include "core/failure.h"
#include "core/values/utf8.h"

namespace cachecore_internal {
namespace {

constexpr size_t max_bytes = size_t{512} << 20;
constexpr size_t max_key_bytes = 65'536;

// Where in the arguments we are, for messages: "kv.set: options.delay_ms".
struct place {
  const std::string &what;
  const place *outer;
  const char *name;

  [[nodiscard]] std::string path() const { return (outer != nullptr ? outer->path() + "." : std::string()) + name; }
  [[noreturn]] void refuse(const std::string &complaint) const {
    throw failure(CACHECORE_INVALID_ARGUMENT, what + ": " + path() + " " + complaint);
  }
};

std::string number_text(const cachecore_value &value) {
  if (value.kind == CACHECORE_DOUBLE) {
    std::string text = std::to_string(value.as.real);
    return text;
  }
  return std::to_string(value.as.integer);
}

void check_tree(const place &at, const cachecore_value &value, int depth) {
  if (depth > max_value_depth) at.refuse("is nested more than 64 levels deep");
  switch (value.kind) {
    case CACHECORE_NIL:
    case CACHECORE_BOOL:
    case CACHECORE_INT:
    case CACHECORE_DOUBLE:
      return;
    case CACHECORE_BYTES:
      if (value.as.bytes.size > max_bytes) {
        at.refuse("has " + std::to_string(value.as.bytes.size) +
                  " bytes; the server takes at most 536870912 (512 MiB): split it, or compress it");
      }
      if (value.as.bytes.data == nullptr && value.as.bytes.size > 0) at.refuse("has a size but its data is NULL");
      return;
    case CACHECORE_LIST:
      if (value.as.list.items == nullptr && value.as.list.count > 0) at.refuse("has a count but its items are NULL");
      for (size_t i = 0; i < value.as.list.count; i++) check_tree(at, value.as.list.items[i], depth + 1);
      return;
    case CACHECORE_MAP:
      if (value.as.map.pairs == nullptr && value.as.map.count > 0) at.refuse("has a count but its pairs are NULL");
      for (size_t i = 0; i < value.as.map.count; i++) {
        check_tree(at, value.as.map.pairs[i].key, depth + 1);
        check_tree(at, value.as.map.pairs[i].value, depth + 1);
      }
      return;
    case CACHECORE_ERROR:
      at.refuse("holds an ERROR, which only results may");
    default:
      at.refuse("has kind " + std::to_string(value.kind) + ", which does not exist; kinds are 0 to 7");
  }
}

void check_key(const place &at, const cachecore_value &value) {
  if (value.kind != CACHECORE_BYTES) return;
  if (value.as.bytes.size == 0) at.refuse("must not be empty");
  if (value.as.bytes.size > max_key_bytes) {
    at.refuse("has " + std::to_string(value.as.bytes.size) + " bytes; a key has at most 65536");
  }
  for (size_t i = 0; i < value.as.bytes.size; i++) {
    const char c = value.as.bytes.data[i];
    if (c == '\n' || c == '\r' || c == '\0') {
      at.refuse(std::string("contains a ") +
                (c == '\n'   ? "newline"
                 : c == '\r' ? "carriage return"
                             : "NUL byte") +
                " at offset " + std::to_string(i) + "; keys and names must not: encode it, for example as base64");
    }
  }
}

void check_minimum(const place &at, const cachecore_parameter_spec &spec, const cachecore_value &value) {
  if (spec.minimum == nullptr) return;
  const cachecore_value &minimum = *spec.minimum;
  const double least = minimum.kind == CACHECORE_DOUBLE ? minimum.as.real : static_cast<double>(minimum.as.integer);
  const bool secret = (spec.flags & CACHECORE_PARAMETER_SECRET) != 0;
  bool fine = true;
  switch (value.kind) {
    case CACHECORE_INT:
      fine = minimum.kind == CACHECORE_INT ? value.as.integer >= minimum.as.integer
                                           : static_cast<double>(value.as.integer) >= least;
      break;
    case CACHECORE_DOUBLE:
      fine = value.as.real >= least;  // not for NaN
      break;
    case CACHECORE_BYTES:
      if (static_cast<double>(value.as.bytes.size) < least) {
        at.refuse("must have at least " + number_text(minimum) + " bytes" +
                  (secret ? "" : ", has " + std::to_string(value.as.bytes.size)));
      }
      return;
    default:
      return;
  }
  if (!fine) {
    const std::string bound =
        minimum.kind == CACHECORE_INT && minimum.as.integer == 1 ? "> 0" : ">= " + number_text(minimum);
    at.refuse("must be " + bound + (secret ? "" : ", got " + number_text(value)));
  }
}

void check_fields(const place &at, const cachecore_parameter_spec *const *fields, cachecore_value &map, arena &memory);

void check_value(const place &at, const cachecore_parameter_spec &spec, cachecore_value &value, arena &memory) {
  if (value.kind == CACHECORE_NIL) {
    if (spec.default_value != nullptr) {
      value = *spec.default_value;
    } else if ((spec.flags & CACHECORE_PARAMETER_OPTIONAL) == 0 &&
               (spec.kinds & CACHECORE_KIND_BIT(CACHECORE_NIL)) == 0 && spec.kinds != 0) {
      at.refuse("is required: give " + kind_names(spec.kinds, false));
    }
    return;
  }
  if (value.kind < CACHECORE_NIL || value.kind > CACHECORE_ERROR) check_tree(at, value, 0);
  if (spec.kinds != 0 && (spec.kinds & CACHECORE_KIND_BIT(value.kind)) == 0) {
    at.refuse("must be " + kind_names(spec.kinds, (spec.flags & CACHECORE_PARAMETER_OPTIONAL) != 0) + ", got " +
              kind_name(value.kind));
  }
  check_tree(at, value, 0);
  if (spec.meaning == CACHECORE_MEANING_KEY) check_key(at, value);
  if (spec.meaning == CACHECORE_MEANING_TEXT && value.kind == CACHECORE_BYTES &&
      !is_utf8(std::string_view(value.as.bytes.data, value.as.bytes.size))) {
    at.refuse("must be text (UTF-8)");
  }
  check_minimum(at, spec, value);
  if (value.kind == CACHECORE_LIST && spec.meaning == CACHECORE_MEANING_KEY) {
    for (size_t i = 0; i < value.as.list.count; i++) {
      const std::string index = "[" + std::to_string(i) + "]";
      const place item{at.what, &at, index.c_str()};
      if (value.as.list.items[i].kind != CACHECORE_BYTES) item.refuse("must be BYTES");
      check_key(item, value.as.list.items[i]);
    }
  }
  if (value.kind == CACHECORE_MAP && spec.fields != nullptr) check_fields(at, spec.fields, value, memory);
}

const cachecore_parameter_spec *find_field(const cachecore_parameter_spec *const *fields,
                                           std::string_view name) noexcept {
  for (; *fields != nullptr; fields++) {
    if (name == (*fields)->name) return *fields;
  }
  return nullptr;
}

std::string field_list(const cachecore_parameter_spec *const *fields) {
  std::string out;
  for (; *fields != nullptr; fields++) out += (out.empty() ? "" : ", ") + std::string((*fields)->name);
  return out.empty() ? "none" : out;
}

void check_fields(const place &at, const cachecore_parameter_spec *const *fields, cachecore_value &map, arena &memory) {
  size_t field_count = 0;
  while (fields[field_count] != nullptr) field_count++;
  const size_t given = map.as.map.count;
  auto *pairs = memory.allocate_array<cachecore_pair>(given + field_count);
  size_t count = 0;
  for (size_t i = 0; i < given; i++) {
    const cachecore_pair &pair = map.as.map.pairs[i];
    if (pair.key.kind != CACHECORE_BYTES) at.refuse("has a key that is not text");
    const std::string_view name(pair.key.as.bytes.data, pair.key.as.bytes.size);
    const cachecore_parameter_spec *spec = find_field(fields, name);
    if (spec == nullptr) {
      at.refuse("has no field \"" + std::string(name.substr(0, 64)) + "\"; it takes: " + field_list(fields));
    }
    for (size_t j = 0; j < i; j++) {
      const cachecore_value &other = map.as.map.pairs[j].key;
      if (name == std::string_view(other.as.bytes.data, other.as.bytes.size))
        at.refuse("names \"" + std::string(name) + "\" twice");
    }
    pairs[count] = pair;
    const place field{at.what, &at, spec->name};
    check_value(field, *spec, pairs[count].value, memory);
    count++;
  }
  for (size_t i = 0; i < field_count; i++) {
    bool present = false;
    for (size_t j = 0; j < given && !present; j++) {
      const cachecore_value &key = map.as.map.pairs[j].key;
      present = std::string_view(key.as.bytes.data, key.as.bytes.size) == fields[i]->name;
    }
    if (present) continue;
    cachecore_value absent = cachecore_nil();
    const place field{at.what, &at, fields[i]->name};
    check_value(field, *fields[i], absent, memory);
    if (absent.kind == CACHECORE_NIL) continue;
    pairs[count].key = cachecore_text(fields[i]->name);
    pairs[count].value = absent;
    count++;
  }
  map = cachecore_map(pairs, count);
}

// The common case without a copy: nothing nested to fill in, nothing absent with a default.
bool passes_as_it_is(const cachecore_method &method, const cachecore_value *args, size_t count) noexcept {
  if (count != method.parameters.size()) return false;
  for (size_t i = 0; i < count; i++) {
    const cachecore_parameter_spec &spec = *method.parameters[i];
    if (args[i].kind == CACHECORE_NIL && spec.default_value != nullptr) return false;
    if (args[i].kind == CACHECORE_MAP && spec.fields != nullptr) return false;
  }
  return true;
}

}  // namespace

argument_list validate_arguments(const cachecore_method &method, const cachecore_value *args, size_t count,
                                 arena &memory) {
  const size_t expected = method.parameters.size();
  if (args == nullptr && count > 0)
    throw failure(CACHECORE_INVALID_ARGUMENT, method.name + ": args is NULL but arg_count is " + std::to_string(count));
  if (count > expected) {
    std::string names;
    for (const auto *each : method.parameters) names += (names.empty() ? "" : ", ") + std::string(each->name);
    throw failure(CACHECORE_INVALID_ARGUMENT, method.name + ": takes at most " + std::to_string(expected) +
                                                  " arguments (" + names + "), got " + std::to_string(count));
  }
  if (passes_as_it_is(method, args, count)) {
    for (size_t i = 0; i < count; i++) {
      const cachecore_parameter_spec &spec = *method.parameters[i];
      // Numbers without bounds need no look at all.
      if ((args[i].kind == CACHECORE_INT || args[i].kind == CACHECORE_BOOL) && spec.minimum == nullptr &&
          (spec.kinds == 0 || (spec.kinds & CACHECORE_KIND_BIT(args[i].kind)) != 0)) {
        continue;
      }
      cachecore_value checked = args[i];
      check_value(place{method.name, nullptr, spec.name}, spec, checked, memory);
    }
    return {args, count};
  }
  auto *values = memory.allocate_array<cachecore_value>(expected);
  for (size_t i = 0; i < expected; i++) {
    const cachecore_parameter_spec &spec = *method.parameters[i];
    values[i] = i < count ? args[i] : cachecore_nil();
    check_value(place{method.name, nullptr, spec.name}, spec, values[i], memory);
  }
  return {values, expected};
}

void validate_configuration(const std::string &what, const cachecore_parameter_spec *const *specs,
                            cachecore_value &config, arena &memory) {
  static const cachecore_parameter_spec *const none[] = {nullptr};
  const place at{what, nullptr, "configuration"};
  check_tree(at, config, 0);
  check_fields(at, specs != nullptr ? specs : none, config, memory);
}

const char *kind_name(int32_t kind) noexcept {
  static const char *const names[] = {"NIL", "BOOL", "INT", "DOUBLE", "BYTES", "LIST", "MAP", "ERROR"};
  return kind >= 0 && kind <= 7 ? names[kind] : "an unknown kind";
}

std::string kind_names(uint32_t kinds, bool optional) {
  if (kinds == 0) return "any value";
  if (optional) kinds |= CACHECORE_KIND_BIT(CACHECORE_NIL);
  std::string out;
  int left = __builtin_popcount(kinds);
  for (int32_t kind = CACHECORE_BOOL; kind <= CACHECORE_ERROR + 1; kind++) {
    const int32_t shown = kind <= CACHECORE_ERROR ? kind : CACHECORE_NIL;  // NIL comes last
    if ((kinds & CACHECORE_KIND_BIT(shown)) == 0) continue;
    left--;
    if (!out.empty()) out += left == 0 ? " or " : ", ";
    out += kind_name(shown);
  }
  return out;
}

const char *meaning_name(uint32_t meaning) noexcept {
  static const char *const names[] = {"", "text", "bytes", "key", "json", "duration", "timestamp", "count", "pattern"};
  return meaning < sizeof(names) / sizeof(names[0]) ? names[meaning] : "";
}

}  // namespace cachecore_internal
