#include "page_files.h"

namespace http_plugin {

namespace {

#include "page_content.h"

}  // namespace

const page_file *find_page_file(std::string_view path) {
  for (const page_file &each : files) {
    if (each.path == path) return &each;
  }
  return nullptr;
}

}  // namespace http_plugin
