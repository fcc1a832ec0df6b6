// Native types to values and back, without a core.
#include <array>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>

#include "tests/cpp/check.h"

using cachecore::list;
using cachecore::map;
using cachecore::value;
using cachecore::value_view;
using namespace std::chrono_literals;

struct point {
  int64_t x = 0;
  int64_t y = 0;
  friend bool operator==(const point &, const point &) = default;
};

template <>
struct cachecore::encoder<point> {
  static cachecore_value encode(const point &native, builder &memory) {
    return cachecore::encode(std::pair(native.x, native.y), memory);
  }
};

template <>
struct cachecore::decoder<point> {
  static point decode(value_view view) { return {view[0].as<int64_t>(), view[1].as<int64_t>()}; }
};

namespace {

// There and back through the C value.
template <class To, class T>
To carried(const T &native) {
  cachecore::builder memory;
  const cachecore_value encoded = cachecore::encode(native, memory);
  return value_view(&encoded).as<To>();
}

template <class T>
bool survives(const T &native) {
  return carried<T>(native) == native;
}

template <class T>
int32_t kind_of(const T &native) {
  cachecore::builder memory;
  return cachecore::encode(native, memory).kind;
}

template <class To, class T>
cachecore::error refusal(const T &native) {
  return check::error_of([&] { (void)carried<To>(native); });
}

void scalars() {
  CHECK(kind_of(nullptr) == CACHECORE_NIL);
  CHECK(kind_of(std::nullopt) == CACHECORE_NIL);
  CHECK(kind_of(std::monostate()) == CACHECORE_NIL);
  CHECK(kind_of(static_cast<const char *>(nullptr)) == CACHECORE_NIL);
  CHECK(kind_of(true) == CACHECORE_BOOL);
  CHECK(kind_of(short{1}) == CACHECORE_INT);
  CHECK(kind_of(1U) == CACHECORE_INT);
  CHECK(kind_of(1.0F) == CACHECORE_DOUBLE);
  CHECK(kind_of("text") == CACHECORE_BYTES);
  CHECK(survives(true) && survives(false));
  CHECK(survives(std::numeric_limits<int64_t>::min()) && survives(std::numeric_limits<int64_t>::max()));
  CHECK(survives(int8_t{-128}) && survives(uint8_t{255}) && survives(uint64_t{1} << 62U));
  CHECK(survives(0.1) && survives(1.5F));
  CHECK(std::signbit(carried<double>(-0.0)));
  CHECK(std::isnan(carried<double>(std::numeric_limits<double>::quiet_NaN())));
  CHECK(survives(std::string("text")) && survives(std::string("a\0b", 3)) && survives(std::string()));
}

void integers_are_checked() {
  CHECK(check::status_of([] { (void)kind_of(std::numeric_limits<uint64_t>::max()); }) ==
        cachecore::status::invalid_argument);
  CHECK(refusal<int8_t>(128).status() == cachecore::status::corrupt);
  CHECK(check::contains(refusal<int8_t>(128).message(), "-128 to 127"));
  CHECK(refusal<uint64_t>(-1).status() == cachecore::status::corrupt);
  CHECK(refusal<int64_t>(1.0).status() == cachecore::status::corrupt);
  CHECK(refusal<int64_t>("1").status() == cachecore::status::corrupt);
  CHECK(refusal<bool>(1).status() == cachecore::status::corrupt);
}

void doubles_take_exact_integers() {
  CHECK(carried<double>(int64_t{1} << 53U) == 9007199254740992.0);
  CHECK(refusal<double>((int64_t{1} << 53U) + 1).status() == cachecore::status::corrupt);
  CHECK(refusal<float>((int64_t{1} << 24U) + 1).status() == cachecore::status::corrupt);
}

void bytes() {
  const std::vector<std::byte> octets{std::byte{0}, std::byte{255}, std::byte{128}};
  CHECK(kind_of(octets) == CACHECORE_BYTES);
  CHECK(survives(octets));
  CHECK(survives(std::vector<uint8_t>{0, 255}));
  CHECK(kind_of(std::array<std::byte, 2>{}) == CACHECORE_BYTES);
  CHECK(carried<std::string>(octets) == std::string("\0\xff\x80", 3));
  CHECK(carried<std::vector<std::byte>>("ab").size() == 2);
}

void durations() {
  CHECK(carried<int64_t>(2s) == 2000);
  CHECK(carried<int64_t>(1500us) == 2);
  CHECK(carried<std::chrono::seconds>(60000) == 60s);
}

void containers() {
  CHECK(survives(std::vector<int>{1, 2, 3}) && survives(std::vector<std::string>{}));
  CHECK(survives(std::vector<bool>{true, false}));
  CHECK(survives(std::vector<std::vector<std::optional<int>>>{{1, std::nullopt}, {}}));
  CHECK(survives(std::set<std::string>{"a", "b"}));
  CHECK(survives(std::array<int, 3>{1, 2, 3}));
  CHECK(survives(std::map<std::string, int>{{"a", 1}, {"b", 2}}));
  CHECK(survives(std::unordered_map<int, std::vector<double>>{{1, {1.5}}, {2, {}}}));
  CHECK(survives(std::tuple<int, std::string, bool>{1, "a", true}));
  CHECK(survives(std::pair<std::string, std::optional<double>>{"a", std::nullopt}));
  CHECK(refusal<std::array<int, 2>>(std::vector<int>{1}).status() == cachecore::status::corrupt);
  CHECK(refusal<std::vector<int>>("text").status() == cachecore::status::corrupt);
  CHECK(refusal<std::map<std::string, int>>(std::vector<int>{}).status() == cachecore::status::corrupt);
}

void many_items_need_more_than_the_first_memory() {
  std::vector<std::vector<int>> rows(1000, std::vector<int>(10, 7));
  CHECK(survives(rows));
}

void own_types() {
  CHECK(survives(point{1, 2}));
  CHECK(survives(std::vector<point>{{1, 2}, {3, 4}}));
  CHECK(value(point{1, 2}).as<point>() == (point{1, 2}));
}

void owned_trees() {
  const value tree = list(1, "two", 3.0, nullptr, true, list(), map({{"k", list(1, list(2))}, {7, "int key"}}));
  CHECK(carried<value>(tree) == tree);
  value copy = tree;
  CHECK(copy == tree);
  copy = 7;
  CHECK(copy != tree && tree.kind() == cachecore::kind::list);
  CHECK(value(1) != value(1.0) && value("1") != value(1) && value() == value(nullptr));
  CHECK(list(list(1)) != list(1));
  CHECK(list(list(1)).as<std::vector<std::vector<int>>>() == (std::vector<std::vector<int>>{{1}}));
  CHECK(map({{"a", 1}}).as<std::map<std::string, int>>() == (std::map<std::string, int>{{"a", 1}}));
  CHECK(map({{"a", "b"}}).as<std::map<std::string, std::string>>().at("a") == "b");
  CHECK(map().kind() == cachecore::kind::map && list().kind() == cachecore::kind::list);
}

void views() {
  cachecore::builder memory;
  const value tree = map({{"name", "ada"}, {"scores", list(1, 2)}, {"none", nullptr}});
  const cachecore_value native = tree.encode(memory);
  const value_view view(&native);
  CHECK(view["name"].as<std::string_view>() == "ada");
  CHECK(view["scores"][1].as<int>() == 2);
  CHECK(view["none"].is_nil() && view["missing"].is_nil());
  CHECK(view["missing"].as<std::optional<int>>() == std::nullopt);
  CHECK(check::status_of([&] { (void)view["scores"][2]; }) == cachecore::status::corrupt);
  CHECK(check::status_of([&] { (void)view["scores"][-1]; }) == cachecore::status::corrupt);
  CHECK(check::status_of([&] { (void)view[0]; }) == cachecore::status::corrupt);
  CHECK(view.as<std::map<std::string, value>>().at("name") == value("ada"));
  CHECK(value_view(nullptr).is_nil());
}

void failed_replies() {
  const value replies = list(1, cachecore::failed_reply{cachecore::status::rejected, "WRONGTYPE no"});
  CHECK(carried<value>(replies) == replies);
  const auto reason = refusal<std::vector<int>>(replies);
  CHECK(reason.status() == cachecore::status::rejected && reason.message() == "WRONGTYPE no");
}

void json() {
  CHECK(cachecore::json_encode(map({{"a", list(1, 2.0, nullptr)}})) == R"({"a":[1,2.0,null]})");
  CHECK(cachecore::json_decode(R"([9223372036854775807, "ü"])").as<value>() ==
        list(std::numeric_limits<int64_t>::max(), "ü"));
  CHECK(check::status_of([] { (void)cachecore::json_decode("{"); }) == cachecore::status::invalid_argument);
  CHECK(check::status_of([] { (void)cachecore::json_decode({}); }) == cachecore::status::invalid_argument);
  CHECK(check::status_of([] { (void)cachecore::json_encode(HUGE_VAL); }) == cachecore::status::invalid_argument);
}

void errors_say_what_they_are() {
  const cachecore::error reason(cachecore::status::rejected, "kv.set: no", "ERR");
  CHECK(std::string(reason.what()) == "REJECTED: kv.set: no");
  CHECK(reason.message() == "kv.set: no" && reason.server_code() == "ERR");
  const cachecore::error copied = reason;  // NOLINT(performance-unnecessary-copy-initialization)
  CHECK(copied.message() == "kv.set: no");
}

// What borrows cannot be taken from a temporary.
template <class T>
concept from_temporary = requires { std::declval<cachecore::result>().template as<T>(); };
static_assert(from_temporary<std::string> && from_temporary<std::vector<std::byte>>);
static_assert(!from_temporary<std::string_view> && !from_temporary<std::vector<std::string_view>> &&
              !from_temporary<std::map<std::string, std::optional<value_view>>> &&
              !from_temporary<std::span<const std::byte>>);

// Neither can what belongs to a core.
static_assert(std::is_convertible_v<const cachecore::core &, cachecore::caller>);
static_assert(!std::is_convertible_v<cachecore::core, cachecore::caller>);
static_assert(!std::is_copy_constructible_v<cachecore::core> && std::is_nothrow_move_constructible_v<cachecore::core>);

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(check::run<scalars>),
      cmocka_unit_test(check::run<integers_are_checked>),
      cmocka_unit_test(check::run<doubles_take_exact_integers>),
      cmocka_unit_test(check::run<bytes>),
      cmocka_unit_test(check::run<durations>),
      cmocka_unit_test(check::run<containers>),
      cmocka_unit_test(check::run<many_items_need_more_than_the_first_memory>),
      cmocka_unit_test(check::run<own_types>),
      cmocka_unit_test(check::run<owned_trees>),
      cmocka_unit_test(check::run<views>),
      cmocka_unit_test(check::run<failed_replies>),
      cmocka_unit_test(check::run<json>),
      cmocka_unit_test(check::run<errors_say_what_they_are>),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
