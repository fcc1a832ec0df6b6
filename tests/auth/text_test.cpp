// How tokens are written: token_text.h.

#include <random>
#include <set>

#include "plugins/auth/token_text.h"
#include "tests/support/unit.h"

using namespace auth_plugin;

namespace {

constexpr letter kinds[] = {letter::access,         letter::refresh,       letter::token_handle,
                            letter::callers_handle, letter::family_handle, letter::ticket};

std::vector<uint8_t> some_payload(letter kind, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> out(payload_size(kind));
  for (uint8_t &each : out) each = static_cast<uint8_t>(random());
  return out;
}

void what_was_written_is_read(void ** /*state*/) {
  const token_text text("cc");
  for (const letter kind : kinds) {
    for (uint32_t seed = 0; seed < 50; seed++) {
      const std::vector<uint8_t> payload = some_payload(kind, seed);
      const auto read = text.parse(text.write(kind, payload));
      assert_true(read.is(kind));
      assert_int_equal(read.payload().size(), payload.size());
      assert_memory_equal(read.payload().data(), payload.data(), payload.size());
      assert_int_equal(read.bucket(), payload[0] << 8 | payload[1]);
    }
  }
}

// The text is a contract with every client that holds one.
void the_text_is_this(void ** /*state*/) {
  const token_text text("cc");
  std::vector<uint8_t> payload(payload_size(letter::access));
  for (size_t i = 0; i < payload.size(); i++) payload[i] = static_cast<uint8_t>(i);
  const std::string written = text.write(letter::access, payload);
  assert_string_equal(written.c_str(), "cc_a_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gIfYURLg");
  assert_int_equal(text.write(letter::refresh, some_payload(letter::refresh, 1)).size(), 5 + 72);
}

void every_change_of_one_character_is_noticed(void ** /*state*/) {
  const token_text text("cc");
  for (const letter kind : kinds) {
    const std::string written = text.write(kind, some_payload(kind, 7));
    for (size_t at = 0; at < written.size(); at++) {
      for (int byte = 0; byte < 256; byte++) {
        std::string changed = written;
        changed[at] = static_cast<char>(byte);
        if (changed == written) continue;
        assert_true(text.parse(changed).what != token_text::verdict::whole);
      }
    }
    for (size_t at = 0; at + 1 < written.size(); at++) {
      std::string swapped = written;
      std::swap(swapped[at], swapped[at + 1]);
      if (swapped != written) assert_true(text.parse(swapped).what != token_text::verdict::whole);
      assert_true(text.parse(written.substr(0, at)).what != token_text::verdict::whole);
    }
    for (const char *more : {"A", "=", " ", "\n"})
      assert_int_equal(text.parse(written + more).what, token_text::verdict::broken);
  }
}

void another_prefix_is_foreign(void ** /*state*/) {
  const std::string written = token_text("cc").write(letter::access, some_payload(letter::access, 3));
  assert_int_equal(token_text("ccc").parse(written).what, token_text::verdict::foreign);
  assert_int_equal(token_text("c").parse(written).what, token_text::verdict::foreign);
  for (const char *foreign : {"", "cc", "eyJ.eyJ.sig", "CC_a_", "c_c_a_"})
    assert_int_equal(token_text("cc").parse(foreign).what, token_text::verdict::foreign);
  for (const char *broken : {"cc_", "cc_a", "cc_a_", "cc_z_AAAA", "cc__"})
    assert_int_equal(token_text("cc").parse(broken).what, token_text::verdict::broken);
  // The checksum is over the prefix, too: one application's token is not another's.
  const std::string renamed = "dd" + written.substr(2);
  assert_int_equal(token_text("dd").parse(renamed).what, token_text::verdict::broken);
}

void base64url_has_one_spelling(void ** /*state*/) {
  for (size_t size = 0; size <= 6; size++) {
    std::vector<uint8_t> bytes(size, 0xA5);
    std::string written;
    append_base64url(written, bytes);
    std::vector<uint8_t> read(size);
    assert_true(read_base64url(written, read));
    assert_true(read == bytes);
    if (size == 0) continue;
    int spellings = 0;
    for (int last = 0; last < 256; last++) {
      std::string other = written;
      other.back() = static_cast<char>(last);
      std::vector<uint8_t> there(size);
      if (read_base64url(other, there) && there == bytes) spellings++;
    }
    assert_int_equal(spellings, 1);
    assert_false(read_base64url(written + "A", read));
    assert_false(read_base64url(written.substr(1), read));
  }
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_was_written_is_read),
      cmocka_unit_test(the_text_is_this),
      cmocka_unit_test(every_change_of_one_character_is_noticed),
      cmocka_unit_test(another_prefix_is_foreign),
      cmocka_unit_test(base64url_has_one_spelling),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
