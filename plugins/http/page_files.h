// page_files.h: the web page, as it was built in; the build makes page_content.h of page/.
#pragma once

#include <cstddef>
#include <string_view>

namespace http_plugin {

struct page_file {
  std::string_view path;  // "/page.js"
  std::string_view content_type;
  std::string_view tag;  // an entity tag: changes with the content
  std::string_view content;
};

// Null where there is none.
const page_file *find_page_file(std::string_view path);

}  // namespace http_plugin
