#include "peers.h"

#include "bench.h"

namespace bench {

context_ptr connect_peer() {
  context_ptr made(redisConnect("127.0.0.1", test_server_port(server())));
  if (made == nullptr || made->err != 0) test_die("hiredis cannot connect");
  return made;
}

void get_once(redisContext *context) {
  const char *words[] = {"GET", bench_key.data()};
  const size_t sizes[] = {3, bench_key.size()};
  auto *reply = static_cast<redisReply *>(redisCommandArgv(context, 2, words, sizes));
  if (reply == nullptr || reply->len != bench_value_size) test_die("hiredis: a wrong value");
  freeReplyObject(reply);
}

peer_pool::peer_pool(size_t size) {
  idle_.reserve(size);
  for (size_t i = 0; i < size; i++) idle_.push_back(connect_peer());
}

void peer_pool::get_once() {
  context_ptr borrowed;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return !idle_.empty(); });
    borrowed = std::move(idle_.back());
    idle_.pop_back();
  }
  bench::get_once(borrowed.get());
  {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(borrowed));
  }
  returned_.notify_one();
}

}  // namespace bench
