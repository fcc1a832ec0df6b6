#include "monitored.h"

#include <cstdlib>
#include <cstring>

namespace session_test {

namespace {

using reply_ptr = std::unique_ptr<redisReply, void (*)(redisReply *)>;

reply_ptr owned(void *reply) {
  if (reply == nullptr) test_die("the server hung up");
  return {static_cast<redisReply *>(reply), [](redisReply *each) { freeReplyObject(each); }};
}

std::unique_ptr<redisContext, decltype(&redisFree)> connect(const test_server *server) {
  std::unique_ptr<redisContext, decltype(&redisFree)> made(redisConnectUnix(test_server_socket(server)), redisFree);
  if (made == nullptr || made->err != 0) test_die("cannot connect");
  return made;
}

// "a" "b\"c" "\xff": as MONITOR writes words.
std::vector<std::string> words_of(const std::string &line) {
  std::vector<std::string> words;
  for (size_t at = line.find('"'); at < line.size(); at = line.find('"', at)) {
    std::string word;
    for (at++; line[at] != '"'; at++) {
      if (line[at] != '\\') {
        word += line[at];
        continue;
      }
      at++;
      if (line[at] == 'x') {
        word += static_cast<char>(std::stoi(line.substr(at + 1, 2), nullptr, 16));
        at += 2;
      } else {
        const char *const escapes = "nrtab";
        const char *const known = std::strchr(escapes, line[at]);
        word += known != nullptr ? "\n\r\t\a\b"[known - escapes] : line[at];
      }
    }
    words.push_back(word);
    at++;
  }
  return words;
}

std::string text_of(const redisReply *reply) {
  switch (reply->type) {
    case REDIS_REPLY_INTEGER:
      return std::to_string(reply->integer);
    case REDIS_REPLY_NIL:
      return "(nil)";
    case REDIS_REPLY_ARRAY: {
      std::string all;
      for (size_t i = 0; i < reply->elements; i++) all += (i == 0 ? "" : ", ") + text_of(reply->element[i]);
      return "[" + all + "]";
    }
    default:
      return {reply->str, reply->len};
  }
}

}  // namespace

monitored::monitored(const test_server *server) : server_(server), line_(connect(server)) {
  if (text_of(owned(redisCommand(line_.get(), "MONITOR")).get()) != "OK") test_die("MONITOR is refused");
}

std::vector<std::vector<std::string>> monitored::commands() {
  const char *const last = "the-last-command";
  redis(server_, std::string("ECHO ") + last);
  std::vector<std::vector<std::string>> all;
  for (;;) {
    void *reply = nullptr;
    if (redisGetReply(line_.get(), &reply) != REDIS_OK) test_die("MONITOR has ended: %s", line_->errstr);
    all.push_back(words_of(text_of(owned(reply).get())));
    if (!all.back().empty() && all.back().back() == last) {
      all.pop_back();
      return all;
    }
  }
}

std::string run(const test_server *server, const std::vector<std::string> &words) {
  std::vector<const char *> data;
  std::vector<size_t> sizes;
  for (const std::string &each : words) {
    data.push_back(each.data());
    sizes.push_back(each.size());
  }
  const auto line = connect(server);
  return text_of(owned(redisCommandArgv(line.get(), static_cast<int>(words.size()), data.data(), sizes.data())).get());
}

}  // namespace session_test
