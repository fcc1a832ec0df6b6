// page.h: help texts made from what the library describes.
//
// Thread rule: main thread only.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "description.h"
#include "output.h"

namespace cachectl {

// A method: what it does, how it is called, what each parameter takes.
void write_method_page(output &out, const method_description &method);

// A plugin and its methods, one a line.
void write_plugin_page(output &out, const plugin_description &plugin);

// Names and what they are, in two columns that are broken at the page's width.
void write_definitions(output &out, const std::vector<std::pair<std::string, std::string>> &definitions);

void write_heading(output &out, const std::string &text);

}  // namespace cachectl
