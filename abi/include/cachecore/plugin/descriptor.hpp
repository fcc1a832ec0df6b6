// descriptor.hpp: from declarations (spec.hpp) to the static tables of plugin.h, and from the core's calls to member
// coroutines.
//
// All tables are constants of the shared object: nothing is built when a plugin is loaded, and nothing is destroyed at
// exit.
#pragma once

#include <array>
#include <concepts>
#include <exception>
#include <new>
#include <utility>

#include "call.hpp"
#include "spec.hpp"

namespace cachecore::plugin {

namespace detail {

// What `create` makes: the plugin's object beside the host it sees.
template <class Type>
struct instance : host {
  explicit instance(const cachecore_host *raw) : host(raw) {}
  [[nodiscard]] Type &plugin() noexcept { return *std::launder(reinterpret_cast<Type *>(storage)); }

  alignas(Type) std::byte storage[sizeof(Type)];
};

// Begins an invocation with the coroutine that `launch` makes.
template <class Launch>
void begin(host &owner, cachecore_invocation *raw, bool borrows, const Launch &launch) noexcept {
  void *memory = owner.services().invocation->allocate(raw, sizeof(call));
  if (memory == nullptr) [[unlikely]] {
    owner.services().invocation->fail(raw, CACHECORE_NO_MEMORY, "out of memory");
    return;
  }
  call &begun = *new (memory) call(owner, raw, borrows);
  try {
    launch(begun).run(begun);
  } catch (...) {
    // Only making the coroutine can throw: once it runs, its promise keeps what it threw.
    invocation::fail(owner, raw, std::current_exception());
  }
}

template <class Type, auto Function, bool Borrows>
void start(void *context, cachecore_invocation *raw, const cachecore_value *arguments, size_t) noexcept {
  auto &owner = *static_cast<instance<Type> *>(context);
  using parameters = typename spec::signature<decltype(Function)>::arguments;
  begin(owner, raw, Borrows, [&]<size_t... I>(std::index_sequence<I...>) {
    return [&owner, arguments](call &begun) {
      (void)arguments;  // of a method without parameters
      return (owner.plugin().*Function)(begun, spec::argument<std::tuple_element_t<I, parameters>>::from(
                                                   static_cast<const value &>(arguments[I]))...);
    };
  }(std::make_index_sequence<std::tuple_size_v<parameters>>()));
}

// The specs of what `Source::parameters()` declares, filled in from the C++ types where there are any.
template <class Source, class Arguments>
struct parameter_table {
  static constexpr size_t count = Source::parameters().size();

  template <size_t I>
  static constexpr cachecore_parameter_spec make() {
    const spec::parameter &given = Source::parameters()[I];
    uint32_t kinds = given.kinds_;
    uint32_t flags = given.flags_;
    if constexpr (!std::is_void_v<Arguments>) {
      using argument = spec::argument<std::tuple_element_t<I, Arguments>>;
      if (kinds == 0) kinds = argument::kinds;
      flags |= argument::flags;
    }
    return {sizeof(cachecore_parameter_spec),
            given.name_,
            given.doc_,
            kinds,
            given.meaning_,
            flags,
            0,
            given.default_.is_nil() ? nullptr : &given.default_,
            given.minimum_.is_nil() ? nullptr : &given.minimum_,
            given.fields_};
  }

  template <size_t... I>
  static constexpr std::array<cachecore_parameter_spec, count> make_all(std::index_sequence<I...>) {
    return {make<I>()...};
  }
  static constexpr std::array<cachecore_parameter_spec, count> specs = make_all(std::make_index_sequence<count>());

  template <size_t... I>
  static constexpr std::array<const cachecore_parameter_spec *, count + 1> point(std::index_sequence<I...>) {
    return {&specs[I]..., nullptr};
  }
  static constexpr std::array<const cachecore_parameter_spec *, count + 1> pointers =
      point(std::make_index_sequence<count>());
};

template <const auto &Fields>
struct field_source {
  static constexpr const auto &parameters() { return Fields; }
};

template <class Type, const auto &Methods, size_t I>
struct method_table {
  static constexpr const auto &declared = std::get<I>(Methods);
  static constexpr const auto &parameters() { return declared.parameters; }
  using declaration = std::remove_cvref_t<decltype(declared)>;

  static constexpr cachecore_method_spec table{
      sizeof(cachecore_method_spec),
      declared.name,
      declared.doc,
      declared.flags,
      0,
      parameter_table<method_table, typename declaration::arguments>::pointers.data(),
      declared.returns,
      &start<Type, declaration::function, (declared.flags & CACHECORE_METHOD_BORROWS_ARGUMENTS) != 0>,
      declared.undo};
};

template <class Type, const about &About, const auto &Methods, const auto &Config = spec::no_fields>
struct descriptor {
  static cachecore_status create(const cachecore_host *raw, const cachecore_value *config, void **out,
                                 cachecore_error *failed) noexcept {
    *out = nullptr;
    try {
      auto made = std::make_unique<instance<Type>>(raw);
      const value settings = config == nullptr ? value() : value(*config);
      if constexpr (std::constructible_from<Type, host &, const value &>) {
        new (made->storage) Type(static_cast<host &>(*made), settings);
      } else if constexpr (std::constructible_from<Type, host &>) {
        new (made->storage) Type(static_cast<host &>(*made));
      } else {
        new (made->storage) Type();
      }
      *out = made.release();
      return write_error(failed, CACHECORE_OK, {});
    } catch (const error &thrown) {
      return write_error(failed, thrown.status(), thrown.message(), thrown.server_code());
    } catch (const std::bad_alloc &) {
      return write_error(failed, CACHECORE_NO_MEMORY, "out of memory");
    } catch (const std::exception &thrown) {
      return write_error(failed, CACHECORE_INTERNAL, thrown.what());
    } catch (...) {
      return write_error(failed, CACHECORE_INTERNAL, "the plugin threw something that is no std::exception");
    }
  }

  static void destroy(void *context) noexcept {
    auto *made = static_cast<instance<Type> *>(context);
    if (made == nullptr) return;
    made->plugin().~Type();
    delete made;
  }

  template <size_t... I>
  static constexpr std::array<const cachecore_method_spec *, sizeof...(I) + 1> point(std::index_sequence<I...>) {
    return {&method_table<Type, Methods, I>::table..., nullptr};
  }
  static constexpr auto methods =
      point(std::make_index_sequence<std::tuple_size_v<std::remove_cvref_t<decltype(Methods)>>>());

  static constexpr cachecore_plugin table{
      sizeof(cachecore_plugin),
      CACHECORE_PLUGIN_ABI_MAJOR,
      CACHECORE_PLUGIN_ABI_MINOR,
      About.name,
      About.version,
      About.license,
      About.summary,
      About.needs,
      methods.data(),
      Config.empty() ? nullptr : parameter_table<field_source<Config>, void>::pointers.data(),
      &create,
      nullptr,
      &destroy};
};

}  // namespace detail

template <const auto &Fields>
constexpr spec::parameter spec::parameter::with_fields() const noexcept {
  parameter changed = *this;
  changed.fields_ = detail::parameter_table<detail::field_source<Fields>, void>::pointers.data();
  return changed;
}

template <auto Function, size_t Count>
template <auto Undo>
constexpr spec::method_declaration<Function, Count> spec::method_declaration<Function, Count>::undone_by()
    const noexcept {
  method_declaration changed = *this;
  changed.undo = &detail::start<typename signature<decltype(Undo)>::type, Undo, true>;
  return changed;
}

template <auto Function>
void host::spawn(const char *name) {
  using type = typename spec::signature<decltype(Function)>::type;
  auto *owner = static_cast<detail::instance<type> *>(this);
  const cachecore_status status = services_.call->spawn(raw_, name, &detail::start<type, Function, false>, owner);
  if (status != CACHECORE_OK) throw error(status, std::string("could not start ") + name);
}

template <auto Function>
void host::spawn_when_started(const char *name) {
  using type = typename spec::signature<decltype(Function)>::type;
  auto *owner = static_cast<detail::instance<type> *>(this);
  const cachecore_status status =
      services_.call->spawn_when_started(raw_, name, &detail::start<type, Function, false>, owner);
  if (status != CACHECORE_OK) throw error(status, std::string("could not start ") + name);
}

}  // namespace cachecore::plugin

// Exports a plugin: its type, and the constants that describe it.
//
//     CACHECORE_PLUGIN(kv, kv_about, kv_methods)             or, with configuration: (..., kv_methods, kv_config)
//
// The type is made with (host &, const value &config), (host &) or nothing; an `error` it throws is what cachecore_init
// answers, so its message names the configuration key.
#define CACHECORE_PLUGIN(type, ...)                                                           \
  extern "C" CACHECORE_PLUGIN_EXPORT const cachecore_plugin *cachecore_plugin_entry_v1(void); \
  extern "C" const cachecore_plugin *cachecore_plugin_entry_v1(void) {                        \
    return &::cachecore::plugin::detail::descriptor<type, __VA_ARGS__>::table;                \
  }
