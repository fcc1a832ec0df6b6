// What callers hold: ids without bias or repetition, and texts of which only one spelling is read.

#include "plugins/session/ids.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "core/values/crypto.h"
#include "session_core.h"
#include "tests/support/unit.h"

namespace {

using namespace session_plugin;

const cachecore_crypto_service &crypto = *cachecore_internal::crypto_service();

std::string text(const token_text &chars) { return {chars.data(), chars.size()}; }

// 32 random bytes: chi-square over the values of each byte, and each bit set in half of the ids. The bounds are six
// standard deviations: a fair generator fails one run in some ten million.
void ids_neither_repeat_nor_lean(void **) {
  const size_t count = session_test::is_long() ? 1'000'000 : 100'000;
  constexpr size_t random_bytes = token_size - 2;
  std::vector<token> ids;
  ids.reserve(count);
  std::vector<std::array<uint32_t, 256>> values(random_bytes);
  std::array<uint32_t, random_bytes * 8> ones{};
  for (size_t i = 0; i < count; i++) {
    ids.push_back(make_id(crypto, static_cast<uint8_t>(i)));
    const token &id = ids.back();
    assert_int_equal(id[0], 1);
    assert_int_equal(id[1], static_cast<uint8_t>(i));
    for (size_t at = 0; at < random_bytes; at++) {
      values[at][id[at + 2]]++;
      for (size_t bit = 0; bit < 8; bit++) ones[at * 8 + bit] += id[at + 2] >> bit & 1;
    }
  }
  const double expected = static_cast<double>(count) / 256;
  for (const auto &of_byte : values) {
    double chi_square = 0;
    for (const uint32_t seen : of_byte) chi_square += (seen - expected) * (seen - expected) / expected;
    // 255 degrees of freedom: mean 255, standard deviation 22.6.
    assert_in_range(static_cast<uint64_t>(chi_square), 120, 391);
  }
  const double half = static_cast<double>(count) / 2;
  const double deviation = std::sqrt(static_cast<double>(count)) / 2;
  for (const uint32_t each : ones) assert_true(std::abs(each - half) < 6 * deviation);

  // The random bytes alone differ, whatever the bucket.
  std::sort(ids.begin(), ids.end(),
            [](const token &a, const token &b) { return std::memcmp(&a[2], &b[2], random_bytes) < 0; });
  const auto twin = std::adjacent_find(ids.begin(), ids.end(), [](const token &a, const token &b) {
    return std::memcmp(&a[2], &b[2], random_bytes) == 0;
  });
  assert_true(twin == ids.end());
}

void a_text_has_one_spelling(void **) {
  const token id = make_id(crypto, 0x7f);
  const std::string written = text(text_of(id));
  assert_true(read_token(written, token_kind::id) == id);
  assert_false(read_token(written, token_kind::handle).has_value());
  assert_false(read_token(written, token_kind::ticket).has_value());
  // The last character has 4 bits of the last byte; its 2 other bits are zero in the one spelling there is.
  size_t spellings = 0;
  for (int last = 0; last < 256; last++) {
    std::string changed = written;
    changed.back() = static_cast<char>(last);
    if (read_token(changed, token_kind::id) == id) spellings++;
  }
  assert_int_equal(spellings, 1);
  for (const std::string &wrong : {written + "=", written.substr(1), written + "A", "+" + written.substr(1),
                                   "/" + written.substr(1), " " + written.substr(1), std::string()}) {
    assert_false(read_token(wrong, token_kind::id).has_value());
  }
}

void base64url_follows_rfc_4648(void **) {
  const std::pair<const char *, const char *> vectors[] = {
      {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
      {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
  for (const auto &[plain, encoded] : vectors) {
    std::vector<char> out(std::strlen(encoded) + 1, '\0');
    write_base64url(reinterpret_cast<const uint8_t *>(plain), std::strlen(plain), out.data());
    assert_string_equal(out.data(), encoded);
    std::vector<uint8_t> back(std::strlen(plain) + 1);
    assert_true(read_base64url(encoded, back.data(), std::strlen(plain)));
    assert_memory_equal(back.data(), plain, std::strlen(plain));
  }
}

// The place is named by SHA-256 of the whole id, so that a changed bucket leads nowhere.
void places_come_from_the_whole_id(void **) {
  token id{};
  id[0] = 1;
  const place at = place_of_id(crypto, id);
  digest hash;
  crypto.sha256(id.data(), id.size(), hash.data());
  std::array<char, hash_text_size> expected{};
  write_base64url(hash.data(), hash.size(), expected.data());
  assert_true(at.hash == expected);
  id[1] = 1;
  const place other = place_of_id(crypto, id);
  assert_int_equal(other.bucket, 1);
  assert_true(other.hash != at.hash);
  assert_true(place_of_handle(*read_token(text(handle_of(at)), token_kind::handle)) == at);
  assert_true(place_in(0, at.text()) == at);
  assert_false(place_in(0, at.text().substr(1)).has_value());
  assert_false(place_in(0, std::string(hash_text_size, '*')).has_value());
}

void tickets_say_what_was_put_in(void **) {
  ticket_parts parts;
  parts.made_at_ms = 1'790'000'000'123;
  parts.user.fill(7);
  parts.mark.fill(0xee);
  const token ticket = make_ticket(9, parts);
  const std::optional<token> read = read_token(text(text_of(ticket)), token_kind::ticket);
  assert_true(read == ticket);
  const ticket_parts back = parts_of_ticket(*read);
  assert_int_equal(back.made_at_ms, parts.made_at_ms);
  assert_true(back.user == parts.user);
  assert_true(back.mark == parts.mark);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(ids_neither_repeat_nor_lean), cmocka_unit_test(a_text_has_one_spelling),
      cmocka_unit_test(base64url_follows_rfc_4648),  cmocka_unit_test(places_come_from_the_whole_id),
      cmocka_unit_test(tickets_say_what_was_put_in),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
