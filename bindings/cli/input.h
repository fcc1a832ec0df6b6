// input.h: values that do not stand on the command line.
//
// Thread rule: main thread only. Invariant: standard input is read once; asking for it twice is an error, not an empty
// second value.
#pragma once

#include <string>

namespace cachectl {

class input {
 public:
  // Everything on standard input.
  std::string standard();
  // Everything in a file; "-" is standard input.
  std::string file(const std::string &path);
  // A secret: asked for twice without echo on a terminal, else standard input without its last newline. Never empty.
  std::string secret(const std::string &what);

 private:
  bool taken_ = false;
};

}  // namespace cachectl
