// Runs a fuzz target over its corpus, without a fuzzer: each file as it is, and every beginning of the short ones. So
// what a fuzzer has found stays found, with any compiler.
//
//     replay DIRECTORY-OR-FILE...

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

namespace {

constexpr size_t longest_cut_up = 2048;

void run(const std::string &input, size_t size) {
  // A copy of exactly this size, so that a sanitizer sees a read behind its end.
  const std::vector<uint8_t> exact(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(size));
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::vector<std::filesystem::path> inputs_of(const std::filesystem::path &given) {
  std::vector<std::filesystem::path> out;
  if (!std::filesystem::is_directory(given)) {
    out.push_back(given);
    return out;
  }
  for (const auto &entry : std::filesystem::directory_iterator(given)) out.push_back(entry.path());
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace

int main(int argc, char **argv) {
  size_t files = 0;
  for (int i = 1; i < argc; i++) {
    for (const std::filesystem::path &path : inputs_of(argv[i])) {
      std::ifstream stream(path, std::ios::binary);
      if (!stream) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        return 1;
      }
      const std::string input{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
      std::fprintf(stderr, "%s\n", path.c_str());  // the last line names the culprit of a crash
      if (input.size() <= longest_cut_up) {
        for (size_t size = 0; size < input.size(); size++) run(input, size);
      }
      run(input, input.size());
      files++;
    }
  }
  std::fprintf(stderr, "%zu inputs\n", files);
  return files > 0 ? 0 : 1;
}
