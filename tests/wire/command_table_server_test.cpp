// The table of commands, compared with what the server that is installed says.

#include <hiredis/hiredis.h>

#include <algorithm>
#include <memory>
#include <random>
#include <set>
#include <span>

#include "core/wire/command_table.h"
#include "tests/support/support.h"
#include "tests/values/cmocka_cpp.h"
#include "tests/wire/command_words.h"

namespace {

using namespace cachecore_internal;
using namespace cachecore_test;

struct free_reply {
  void operator()(redisReply *reply) const { freeReplyObject(reply); }
};
using reply = std::unique_ptr<redisReply, free_reply>;

test_server *server;
redisContext *connection;

reply ask(const words &command) {
  std::vector<const char *> data;
  std::vector<size_t> sizes;
  for (const std::string &word : command) {
    data.push_back(word.data());
    sizes.push_back(word.size());
  }
  void *answer = redisCommandArgv(connection, static_cast<int>(command.size()), data.data(), sizes.data());
  if (answer == nullptr) test_die("%s: %s", command[0].c_str(), connection->errstr);
  return reply(static_cast<redisReply *>(answer));
}

std::span<redisReply *> elements(const redisReply *list) {
  return list->type == REDIS_REPLY_ARRAY ? std::span(list->element, list->elements) : std::span<redisReply *>();
}

std::string text(const redisReply *item) { return {item->str, static_cast<size_t>(item->len)}; }

// Commands that come with a module are named in capitals.
std::string name_of(const redisReply *command) {
  std::string name = text(command->element[0]);
  for (char &c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return name;
}

std::set<std::string> texts(const redisReply *list) {
  std::set<std::string> out;
  for (const redisReply *item : elements(list)) out.insert(text(item));
  return out;
}

// ---- COMMAND ----

void expect_same(const std::string &name, const char *what, int64_t ours, int64_t theirs) {
  if (ours == theirs) return;
  print_error("%s: %s is %lld in the table, %lld in the server: run core/wire/generate_command_table.py\n",
              name.c_str(), what, static_cast<long long>(ours), static_cast<long long>(theirs));
  _fail(__FILE__, __LINE__);
}

// One command as the server describes it, and its subcommands.
void compare(const redisReply *theirs, std::set<std::string> &seen) {
  const std::string name = name_of(theirs);
  const size_t bar = std::min(name.find('|'), name.size());
  const command_info *ours =
      find_command(name.substr(0, bar), bar < name.size() ? name.substr(bar + 1) : std::string());
  if (ours == nullptr || ours->name != name) {
    print_error("%s is not in the table: run core/wire/generate_command_table.py\n", name.c_str());
    _fail(__FILE__, __LINE__);
    return;
  }
  seen.insert(name);
  const std::set<std::string> flags = texts(theirs->element[2]);
  const bool reads = flags.contains("readonly"), writes = flags.contains("write");
  if (reads) expect_same(name, "read_only", has(*ours, command_read_only), 1);
  if (has(*ours, command_read_only)) expect_same(name, "write", has(*ours, command_write), 0);
  expect_same(name, "write", has(*ours, command_write), writes);
  expect_same(name, "may_block", has(*ours, command_may_block), flags.contains("blocking") || name == "wait");
  expect_same(name, "pub_sub", has(*ours, command_pub_sub), flags.contains("pubsub"));
  expect_same(name, "admin", has(*ours, command_admin), flags.contains("admin"));
  expect_same(name, "movable_keys", has(*ours, command_movable_keys), flags.contains("movablekeys"));
  expect_same(name, "dangerous", has(*ours, command_dangerous), texts(theirs->element[6]).contains("@dangerous"));
  expect_same(name, "first_key", ours->first_key, theirs->element[3]->integer);
  expect_same(name, "last_key", ours->last_key, theirs->element[4]->integer);
  expect_same(name, "key_step", ours->key_step, theirs->element[5]->integer);
  expect_same(name, "has_subcommands", ours->has_subcommands, theirs->element[9]->elements > 0);
  for (const redisReply *subcommand : elements(theirs->element[9])) compare(subcommand, seen);
}

void table_agrees_with_the_server(void **) {
  const reply commands = ask({"COMMAND"});
  std::set<std::string> seen;
  for (const redisReply *command : elements(commands.get())) compare(command, seen);
  assert_true(seen.size() > 350);
  const words later = split(
      "waitaof client|no-touch client|setinfo cluster|myshardid hexpire hexpireat hexpiretime hgetdel hgetex hpersist "
      "hpexpire hpexpireat hpexpiretime hpttl hsetex httl "
      "vadd vcard vdim vemb vgetattr vinfo vismember vlinks vrandmember vrem vsetattr vsim "
      "client|capa client|import-source cluster|slot-stats commandlog commandlog|get commandlog|help commandlog|len "
      "commandlog|reset script|show");
  for (const command_info &command : all_commands()) {
    if (seen.contains(std::string(command.name)) || std::ranges::count(later, command.name) > 0) continue;
    print_error("%s is in the table, but not in the server\n", std::string(command.name).c_str());
    _fail(__FILE__, __LINE__);
  }
}

// ---- COMMAND GETKEYS ----

// Keys where COMMAND GETKEYS sees none on purpose: the channels of sharded pub/sub.
bool is_sharded_channel(const words &command) {
  const command_info *info = find_command(command[0]);
  return info != nullptr && has(*info, command_pub_sub);
}

words our_keys(const words &command) {
  words out;
  const key_positions keys = find_keys(views(command));
  for (uint32_t range = 0; range < keys.range_count; range++) {
    const auto [first, count, step] = keys.ranges[range];
    for (uint32_t i = 0; i < count; i++) out.push_back(command.at(first + i * step));
  }
  if (keys.range_count > 0) assert_int_equal(find_first_key(views(command)), keys.ranges[0].first);
  if (keys.range_count == 0) assert_int_equal(find_first_key(views(command)), -1);
  return out;
}

words their_keys(const words &command) {
  words question = {"COMMAND", "GETKEYS"};
  question.insert(question.end(), command.begin(), command.end());
  const reply answer = ask(question);
  words out;
  for (const redisReply *key : elements(answer.get())) out.push_back(text(key));
  return out;
}

std::string joined(const words &command) {
  std::string out;
  for (const std::string &word : command) out += word.empty() ? "'' " : word + ' ';
  return out;
}

void expect_same_keys(const words &command) {
  const words ours = our_keys(command), theirs = their_keys(command);
  if (ours == theirs) return;
  print_error("%s\n  table: %s\n server: %s\n", joined(command).c_str(), joined(ours).c_str(), joined(theirs).c_str());
  _fail(__FILE__, __LINE__);
}

void keys_agree_with_the_server(void **) {
  for (const char *line : {"GET a",
                           "set a v NX GET",
                           "MSET a 1 b 2 c 3",
                           "MGET a b c",
                           "DEL a b",
                           "BITOP AND d a b c",
                           "PING",
                           "ECHO a",
                           "SMOVE a b m",
                           "RENAME a b",
                           "COPY a b",
                           "LMOVE a b LEFT RIGHT",
                           "BLPOP a b c 0",
                           "BZPOPMIN a b 1",
                           "PFMERGE d a b",
                           "EVAL s 0",
                           "EVAL s 2 a b c",
                           "EVALSHA x 1 a",
                           "EVAL_RO s 1 a b",
                           "FCALL f 2 a b c",
                           "FCALL_RO f 0 a",
                           "EVAL s 3 a b",
                           "EVAL s -1 a",
                           "EVAL s x a",
                           "EVAL s 99999999999999999999 a",
                           "EVAL s '' a",
                           "XREAD STREAMS a b 0 0",
                           "XREAD COUNT 2 BLOCK 0 STREAMS a $",
                           "XREAD COUNT 2",
                           "xread streams a",
                           "XREADGROUP GROUP g c STREAMS a b > >",
                           "XREADGROUP GROUP g c COUNT 1 BLOCK 5 NOACK STREAMS a >",
                           "XADD a * f v",
                           "XGROUP CREATE a g $",
                           "XGROUP DESTROY a g",
                           "XINFO STREAM a",
                           "XINFO CONSUMERS a g",
                           "XACK a g 1-1",
                           "OBJECT ENCODING a",
                           "OBJECT HELP",
                           "MEMORY USAGE a",
                           "MEMORY DOCTOR",
                           "OBJECT NONSENSE a",
                           "ZUNION 2 a b",
                           "ZINTER 1 a WITHSCORES",
                           "ZDIFF 2 a b",
                           "ZUNIONSTORE d 2 a b WEIGHTS 1 2",
                           "ZINTERSTORE d 1 a",
                           "ZDIFFSTORE d 2 a b",
                           "ZINTERCARD 2 a b LIMIT 1",
                           "SINTERCARD 2 a b",
                           "ZRANGESTORE d a 0 -1",
                           "SUNIONSTORE d a b",
                           "LMPOP 2 a b LEFT",
                           "BLMPOP 0 2 a b LEFT",
                           "ZMPOP 1 a MIN",
                           "BZMPOP 0 2 a b MAX",
                           "ZUNION 0 a",
                           "ZUNION 3 a b",
                           "SORT a",
                           "SORT a BY w_* GET # LIMIT 0 10 STORE d",
                           "SORT a STORE d STORE e",
                           "SORT a GET STORE",
                           "SORT a BY STORE b",
                           "SORT a LIMIT STORE STORE b",
                           "SORT_RO a BY x",
                           "sort a store",
                           "GEORADIUS a 1 2 3 km",
                           "GEORADIUS a 1 2 3 km STORE d",
                           "GEORADIUS a 1 2 3 km COUNT 5 STOREDIST d",
                           "GEORADIUSBYMEMBER a m 3 km STORE d",
                           "GEORADIUS a 1 2 3 km STORE d STOREDIST e",
                           "GEOSEARCHSTORE d a FROMMEMBER m BYRADIUS 1 km",
                           "GEORADIUS a 1 2 3 km STORE",
                           "GEORADIUS_RO a 1 2 3 km",
                           "GEOSEARCH a FROMMEMBER m BYRADIUS 1 km ASC",
                           "MIGRATE h 1 a 0 5",
                           "MIGRATE h 1 '' 0 5 KEYS a b",
                           "MIGRATE h 1 '' 0 5 COPY REPLACE KEYS a",
                           "MIGRATE h 1 '' 0 5 AUTH KEYS KEYS a b",
                           "MIGRATE h 1 '' 0 5 AUTH2 KEYS KEYS KEYS a",
                           "MIGRATE h 1 a 0 5 KEYS b",
                           "MIGRATE h 1 '' 0 5 KEYS",
                           "SCAN 0",
                           "HSCAN a 0",
                           "WAIT 0 0",
                           "CONFIG GET a",
                           "CLUSTER KEYSLOT a",
                           "CLIENT ID",
                           "SET",
                           "GET",
                           "TOUCH a b",
                           "UNLINK a",
                           "EXISTS a a",
                           "LCS a b",
                           "DUMP a",
                           "RESTORE a 0 x",
                           "PUBLISH c m",
                           "FLUSHALL",
                           "WATCH a b",
                           "PFCOUNT a b",
                           "MSETNX a 1 b 2",
                           "HSET a f v",
                           "DEBUG OBJECT a",
                           "BRPOPLPUSH a b 0",
                           "RPOPLPUSH a b"}) {
    expect_same_keys(split(line));
  }
}

// Every command with random words, among them the words that move keys.
void random_words_agree_with_the_server(void **) {
  std::mt19937_64 random(20260401);
  constexpr std::string_view special[] = {"0",     "1",         "2",     "3",    "-1",    "9223372036854775807",
                                          "STORE", "storedist", "KEYS",  "",     "GET",   "BY",
                                          "LIMIT", "STREAMS",   "GROUP", "AUTH", "AUTH2", "COPY",
                                          "count", "BLOCK"};
  const reply commands = ask({"COMMAND"});
  std::vector<std::pair<std::string, size_t>> names;  // and the fewest words
  const auto collect = [&](const redisReply *command) {
    const int64_t arity = command->element[1]->integer;
    names.emplace_back(name_of(command), static_cast<size_t>(arity < 0 ? -arity : arity));
    if (arity > 0) names.back().second |= size_t{1} << 32;  // exactly
  };
  for (const redisReply *command : elements(commands.get())) {
    if (command->element[9]->elements == 0) collect(command);
    for (const redisReply *subcommand : elements(command->element[9])) collect(subcommand);
  }
  for (int round = 0; round < 40; round++) {
    for (const auto &[name, arity] : names) {
      words command = split(std::string(name).replace(std::min(name.find('|'), name.size()), 1, " "));
      if (name.find('|') == std::string::npos) command = {name};
      size_t size = arity & 0xFFFFFFFF;
      if (arity >> 32 == 0) size += random() % 8;
      while (command.size() < size) {
        if (random() % 2 == 0) {
          command.emplace_back(special[random() % std::size(special)]);
        } else {
          command.push_back("k" + std::to_string(command.size()));
        }
      }
      // With two of these the words mean nothing, and the server has two ways to guess.
      const bool guessed = (name == "xreadgroup" && std::count(command.begin(), command.end(), "STREAMS") > 1) ||
                           (name == "migrate" && std::count(command.begin(), command.end(), "KEYS") > 1);
      if (!guessed && !is_sharded_channel(command)) expect_same_keys(command);
    }
  }
}

int start(void **) {
  server = test_server_start(nullptr, nullptr);
  connection = redisConnectUnix(test_server_socket(server));
  return connection == nullptr || connection->err != 0;
}

int stop(void **) {
  redisFree(connection);
  test_server_stop(server);
  return 0;
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(table_agrees_with_the_server),
      cmocka_unit_test(keys_agree_with_the_server),
      cmocka_unit_test(random_words_agree_with_the_server),
  };
  return cmocka_run_group_tests_name("wire command table server", tests, start, stop);
}
