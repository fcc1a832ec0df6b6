#include "forks.h"

#include <pthread.h>
#include <unistd.h>

#include <mutex>
#include <new>
#include <unordered_set>

namespace http_plugin {

namespace {

// Never destroyed: forks happen also while a process ends.
struct noted {
  std::mutex mutex;
  std::unordered_set<int> descriptors;
};

noted &all() {
  static noted &kept = *new noted();
  return kept;
}

void watch() {
  static const int done = pthread_atfork([] { all().mutex.lock(); }, [] { all().mutex.unlock(); },
                                         [] {
                                           for (const int each : all().descriptors) close(each);
                                           all().descriptors.clear();
                                           all().mutex.unlock();
                                         });
  if (done != 0) throw std::bad_alloc();
}

}  // namespace

void note_descriptor(int descriptor) {
  watch();
  const std::lock_guard<std::mutex> lock(all().mutex);
  all().descriptors.insert(descriptor);
}

void forget_descriptor(int descriptor) noexcept {
  const std::lock_guard<std::mutex> lock(all().mutex);
  all().descriptors.erase(descriptor);
}

}  // namespace http_plugin
