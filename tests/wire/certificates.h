// certificates.h: certificates of a test: an authority and what it signs, as PEM files.
//
// Thread rule: none of it is shared.
#pragma once

#include <string>

namespace wire_test {

struct certificate_files {
  std::string certificate;
  std::string key;
};

class authority {
 public:
  // Writes <directory>/<name>.pem.
  authority(const std::string &directory, const std::string &name);
  ~authority();
  authority(const authority &) = delete;
  authority &operator=(const authority &) = delete;

  [[nodiscard]] const std::string &file() const { return file_; }
  // Signs one for `names` ("DNS:localhost,IP:127.0.0.1"), valid from an hour ago for `valid_s` seconds from now.
  [[nodiscard]] certificate_files issue(const std::string &name, const std::string &names, long valid_s = 3'600) const;

 private:
  std::string directory_;
  std::string file_;
  void *key_ = nullptr;
  void *certificate_ = nullptr;
};

}  // namespace wire_test
