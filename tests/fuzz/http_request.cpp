// The head of an HTTP request: what is taken is inside of the text, is as it was sent, and is taken the same again;
// more text behind a whole head changes nothing.

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "plugins/http/request.h"

namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

void check_inside(std::string_view part, std::string_view whole) {
  if (part.empty()) return;
  check(part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
  check(part.find('\r') == std::string_view::npos && part.find('\n') == std::string_view::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  using namespace http_plugin;
  const std::string_view text(reinterpret_cast<const char *>(data), size);
  request found;
  const head_result head = parse_head(text, found);
  check(head.size <= size);
  check(head.status == 0 || (head.status >= 400 && head.status <= 505));
  if (head.size == 0) {
    check(text.find("\r\n\r\n") == std::string_view::npos);
  } else {
    check(text.substr(0, head.size).ends_with("\r\n\r\n"));
    const std::string longer = std::string(text.substr(0, head.size)) + "GET / HTTP/1.1\r\nHost: b\r\n\r\n";
    request again;
    const head_result same = parse_head(longer, again);
    check(same.size == head.size && same.status == head.status && again.path == found.path);
  }
  if (head.size > 0 && head.status == 0) {
    for (const std::string_view part : {found.method, found.path, found.query, found.host, found.authorization,
                                        found.content_type, found.accept, found.if_none_match}) {
      check_inside(part, text);
    }
    check(!found.method.empty() && found.path.starts_with('/'));
    check(!found.http_1_1 || !found.host.empty() || text.find("ost") != std::string_view::npos);
  }
  const std::string name = host_name(text);
  check(name.size() <= size && name.find('A') == std::string::npos);
  const auto decoded = percent_decode(text);
  check(!decoded || decoded->size() <= size);
  (void)lists(text, "close");
  return 0;
}
