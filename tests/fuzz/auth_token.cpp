// A text for a token: it is foreign, broken or whole; and what is whole is exactly what is written again from its
// payload, so no two texts mean the same.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "plugins/auth/token_text.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using auth_plugin::token_text;
  static const token_text format("cc");
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  const token_text::parsed read = format.parse(text);
  check((read.what == token_text::verdict::foreign) == !text.starts_with("cc_"));
  if (read.what == token_text::verdict::whole) check(format.write(read.kind, read.payload()) == text);

  // The same bytes as base64url: read back as they are, and only from their one spelling.
  std::string written;
  auth_plugin::append_base64url(written, {data, size});
  std::vector<uint8_t> back(size);
  check(auth_plugin::read_base64url(written, back));
  check(std::string_view(reinterpret_cast<const char *>(back.data()), size) == text);
  std::vector<uint8_t> decoded(size * 3 / 4);
  if (auth_plugin::read_base64url(text, decoded)) {
    std::string again;
    auth_plugin::append_base64url(again, decoded);
    check(again == text);
  }
  return 0;
}
