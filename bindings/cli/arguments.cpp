#include "arguments.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "conversion.h"
#include "failure.h"
#include "nearest.h"
#include "text.h"

namespace cachectl {
namespace {

// name=text, name:=json, name.field=text, name.field:=json, taken apart.
struct named_word {
  std::string name;
  std::string field;
  std::string text;
  bool json = false;
  bool has_field = false;
};

bool name_character(char c, bool first) {
  return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (!first && c >= '0' && c <= '9');
}

// Nothing for a word that is not written like one of a name.
std::optional<named_word> take_apart(const std::string &word) {
  const size_t equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return std::nullopt;
  named_word out;
  out.json = word[equals - 1] == ':';
  out.text = word.substr(equals + 1);
  std::string target = word.substr(0, out.json ? equals - 1 : equals);
  const size_t dot = target.find('.');
  if (dot != std::string::npos) {
    out.has_field = true;
    out.field = target.substr(dot + 1);
    target.resize(dot);
  }
  for (size_t i = 0; i < target.size(); ++i) {
    if (!name_character(target[i], i == 0)) return std::nullopt;
  }
  if (target.empty() || (out.has_field && out.field.empty())) return std::nullopt;
  out.name = std::move(target);
  return out;
}

// What was given for one parameter.
struct slot {
  std::optional<cachecore_value> whole;
  std::vector<cachecore_value> items;
  std::vector<cachecore_pair> fields;

  [[nodiscard]] bool empty() const { return !whole && items.empty() && fields.empty(); }
};

class binder {
 public:
  binder(const method_description &method, input &in, bound_arguments &out)
      : method_(method), in_(in), out_(out), slots_(method.parameters.size()) {}

  void add(const word &given) {
    if (!given.literal) {
      if (const auto named = take_apart(given.text)) return add_named(*named, given.text);
    }
    add_positional(given);
  }

  void finish() {
    std::vector<std::string> missing;
    for (size_t i = 0; i < slots_.size(); ++i) {
      if (slots_[i].empty() && !method_.parameters[i].optional) missing.push_back(method_.parameters[i].name);
      out_.values.push_back(value_of(slots_[i]));
    }
    if (!missing.empty()) throw usage(method_.name + " needs " + joined(missing) + usage_line());
  }

 private:
  cachecore_value value_of(slot &given) {
    if (given.whole) return *given.whole;
    if (!given.items.empty()) return out_.store.list(std::move(given.items));
    if (!given.fields.empty()) return out_.store.map(std::move(given.fields));
    return cachecore_nil();
  }

  [[nodiscard]] std::string usage_line() const {
    return "; it is called as: cachectl " + method_.name + (method_.parameters.empty() ? "" : " ") + signature(method_);
  }

  size_t index_of(const named_word &named, const std::string &word) const {
    std::vector<std::string> names;
    for (size_t i = 0; i < method_.parameters.size(); ++i) {
      if (method_.parameters[i].name == named.name) return i;
      names.push_back(method_.parameters[i].name);
    }
    throw usage(method_.name + " has no parameter '" + named.name + "'" + suggestion(named.name, names) + "; " +
                (names.empty() ? "it takes none" : "it takes " + joined(names)) + " (to pass " + quoted(word) +
                " as it is, put -- before it)");
  }

  std::string read(const std::string &text) {
    if (text == "-") return in_.standard();
    if (text.starts_with('@')) {
      if (text.size() == 1) throw usage("@ needs the name of a file behind it, or - for standard input");
      return in_.file(text.substr(1));
    }
    return text;
  }

  [[nodiscard]] std::string called(const parameter_description &parameter) const {
    return method_.name + ": " + parameter.name;
  }

  void refuse_second(const slot &given, const parameter_description &parameter) const {
    if (!given.empty()) throw usage(called(parameter) + " is given more than once");
  }

  void add_named(const named_word &named, const std::string &word) {
    const size_t index = index_of(named, word);
    const parameter_description &parameter = method_.parameters[index];
    slot &given = slots_[index];
    if (named.has_field) return add_field(given, parameter, named);
    if (named.json) {
      refuse_second(given, parameter);
      given.whole = convert_json(parameter, called(parameter), read(named.text), out_.store);
      return;
    }
    add_text(given, parameter, read(named.text), /*whole_list_allowed=*/true);
  }

  // Gives a parameter a text: a list gets it as an item, unless it is the whole list as JSON.
  void add_text(slot &given, const parameter_description &parameter, std::string text, bool whole_list_allowed) {
    if (parameter.is_list() && !(whole_list_allowed && text.starts_with('['))) {
      if (given.whole) throw usage(called(parameter) + " is given both as a whole and by items");
      given.items.push_back(out_.store.bytes(std::move(text)));
      return;
    }
    refuse_second(given, parameter);
    given.whole = convert(parameter, called(parameter), std::move(text), out_.store);
  }

  void add_field(slot &given, const parameter_description &parameter, const named_word &named) {
    if (!parameter.takes(CACHECORE_MAP)) {
      throw usage(called(parameter) + " takes " + kinds_text(parameter) + ", which has no fields");
    }
    if (given.whole) throw usage(called(parameter) + " is given both as a whole and by fields");
    const std::string name = called(parameter) + "." + named.field;
    for (const cachecore_pair &pair : given.fields) {
      if (view_of(pair.key) == named.field) throw usage(name + " is given more than once");
    }
    const parameter_description field = field_of(parameter, named.field);
    std::string text = read(named.text);
    const cachecore_value value =
        named.json ? json_value(parameter, field, name, text) : convert(field, name, std::move(text), out_.store);
    given.fields.push_back({out_.store.bytes(named.field), value});
  }

  cachecore_value json_value(const parameter_description &parameter, parameter_description field,
                             const std::string &name, const std::string &json) {
    if (parameter.fields.empty()) field.kinds = 0;
    return convert_json(field, name, json, out_.store);
  }

  [[nodiscard]] parameter_description field_of(const parameter_description &parameter, const std::string &name) const {
    if (parameter.fields.empty()) {
      // Nothing is known about it: text stays what was typed, anything else is written with := .
      parameter_description any;
      any.kinds = CACHECORE_KIND_BIT(CACHECORE_BYTES);
      return any;
    }
    std::vector<std::string> names;
    for (const parameter_description &field : parameter.fields) {
      if (field.name == name) return field;
      names.push_back(field.name);
    }
    throw usage(called(parameter) + " has no field '" + shown(name) + "'" + suggestion(name, names) + "; it has " +
                joined(names));
  }

  void add_positional(const word &given) {
    // A list that words have begun to fill takes the rest of them.
    if (next_ > 0 && filling_) return add_item(given);
    while (next_ < slots_.size() && !slots_[next_].empty()) ++next_;
    if (next_ == slots_.size()) {
      throw usage(method_.name + " has no parameter for " + quoted(given.text) + usage_line());
    }
    const parameter_description &parameter = method_.parameters[next_++];
    if (parameter.is_list()) {
      filling_ = given.literal || !given.text.starts_with('[');
      if (filling_) return add_item(given);
    }
    slot &target = slots_[next_ - 1];
    target.whole = convert(parameter, called(parameter), given.literal ? given.text : read(given.text), out_.store);
  }

  void add_item(const word &given) {
    add_text(slots_[next_ - 1], method_.parameters[next_ - 1], given.literal ? given.text : read(given.text),
             /*whole_list_allowed=*/false);
  }

  const method_description &method_;
  input &in_;
  bound_arguments &out_;
  std::vector<slot> slots_;
  size_t next_ = 0;       // the parameter the next positional word is for
  bool filling_ = false;  // the one before it is a list that takes all further words
};

}  // namespace

bound_arguments bind_arguments(const method_description &method, const std::vector<word> &words, input &in) {
  bound_arguments out;
  binder binding(method, in, out);
  for (const word &given : words) binding.add(given);
  binding.finish();
  return out;
}

std::string joined(const std::vector<std::string> &names) {
  std::string out;
  for (size_t i = 0; i < names.size(); ++i) {
    if (i > 0) out += i + 1 == names.size() ? " and " : ", ";
    out += names[i];
  }
  return out;
}

}  // namespace cachectl
