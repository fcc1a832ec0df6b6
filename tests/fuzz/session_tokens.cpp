// Texts that are taken for ids, handles, tickets and hashes: refused, or read as what is written in the same way, and
// as one kind only.

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "plugins/session/ids.h"

namespace {

using namespace session_plugin;

void check(bool holds) {
  if (!holds) std::abort();
}

void check_token(std::string_view text) {
  size_t kinds = 0;
  for (const token_kind kind : {token_kind::id, token_kind::handle, token_kind::ticket}) {
    const std::optional<token> read = read_token(text, kind);
    if (!read) continue;
    kinds++;
    const token_text written = text_of(*read);
    check(text == std::string_view(written.data(), written.size()));
    if (kind == token_kind::handle) check(handle_of(place_of_handle(*read)) == written);
    if (kind == token_kind::ticket) check(make_ticket((*read)[1], parts_of_ticket(*read)) == *read);
  }
  check(kinds <= 1);
}

void check_hash(std::string_view text) {
  const std::optional<place> at = place_in(0x7f, text);
  if (!at) return;
  check(at->text() == text);
  const token_text handle = handle_of(*at);
  const std::optional<token> read = read_token({handle.data(), handle.size()}, token_kind::handle);
  check(read.has_value() && place_of_handle(*read) == *at);
}

// What is written from any bytes is read back as these bytes.
void check_round_trip(const uint8_t *data, size_t size) {
  token bytes{};
  if (size > 0) std::memcpy(bytes.data(), data, size < bytes.size() ? size : bytes.size());
  const token_text text = text_of(bytes);
  token back{};
  check(read_base64url({text.data(), text.size()}, back.data(), back.size()) && back == bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  check_token(text);
  check_hash(text);
  check_round_trip(data, size);
  return 0;
}
