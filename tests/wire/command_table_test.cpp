// What the table of commands says, without a server; command_table_server_test.cpp compares it with one.

#include "core/wire/command_table.h"

#include <random>

#include "tests/support/support.h"
#include "tests/values/cmocka_cpp.h"
#include "tests/wire/command_words.h"

namespace {

using namespace cachecore_internal;
using namespace cachecore_test;

uint32_t flags_of(std::string_view line) {
  const words command = split(line);
  return classify_command(views(command)).flags;
}

// ---- finding ----

void case_does_not_matter(void **) {
  for (const char *name : {"get", "GET", "Get", "gEt"}) assert_text(find_command(name)->name, "get");
  assert_text(find_command("GeoRadiusByMember_RO")->name, "georadiusbymember_ro");
  assert_text(find_command("CLIENT", "No-Evict")->name, "client|no-evict");
  assert_text(find_command("Cluster", "COUNT-FAILURE-REPORTS")->name, "cluster|count-failure-reports");
}

void every_name_is_found_and_no_other(void **) {
  size_t subcommands = 0;
  for (const command_info &command : all_commands()) {
    const std::string name(command.name);
    const size_t bar = name.find('|');
    if (bar != std::string::npos) {
      subcommands++;
      assert_ptr_equal(find_command(name.substr(0, bar), name.substr(bar + 1)), &command);
      assert_null(find_command(name));
      continue;
    }
    assert_ptr_equal(find_command(name), &command);
    for (size_t place = 0; place < name.size(); place++) {
      for (const int change : {0x40, 0x80, 1, 0x5f}) {
        std::string other = name;
        other[place] = static_cast<char>(other[place] ^ change);
        const command_info *found = find_command(other);
        if (found != nullptr) assert_text(found->name, other);
      }
    }
    const command_info *longer = find_command(name + "x");
    if (longer != nullptr) assert_text(longer->name, name + "x");
    assert_null(find_command(name + '\0'));
  }
  assert_true(subcommands > 120);
}

void strange_names_are_unknown(void **) {
  assert_null(find_command(""));
  assert_null(find_command({}));
  assert_null(find_command({"\0", 1}));
  assert_null(find_command("json.set"));
  assert_null(find_command(std::string(33, 'a')));
  assert_null(find_command(std::string(100'000, 'a')));
  assert_null(find_command("get\n"));
  assert_null(find_command("sort\x7fro"));
  assert_null(classify_command({}).info);
  assert_int_equal(flags_of("NO.SUCH a b"), 0);
  assert_int_equal(find_first_key({}), -1);
}

void unknown_subcommands_are_assumed_to_do_harm(void **) {
  assert_text(find_command("CLIENT", "SOMETHING-NEW")->name, "client");
  assert_true(flags_of("CLIENT SOMETHING-NEW") & command_stateful);
  assert_true(flags_of("SCRIPT SOMETHING-NEW") & command_stateful);
  for (const command_info &command : all_commands()) {
    if (command.has_subcommands && command.name != "command")
      assert_int_equal(command.flags & ~uint32_t{command_stateful}, 0);
  }
  assert_text(find_command("GET", "anything")->name, "get");
  assert_text(find_command("CLIENT", std::string(40, 'x'))->name, "client");
}

// ---- classification ----

void commands_that_change_the_connection(void **) {
  for (const char *line : {"SELECT 1",
                           "AUTH x",
                           "HELLO 3",
                           "MULTI",
                           "EXEC",
                           "DISCARD",
                           "WATCH a",
                           "UNWATCH",
                           "RESET",
                           "QUIT",
                           "MONITOR",
                           "SYNC",
                           "PSYNC ? -1",
                           "REPLCONF x y",
                           "READONLY",
                           "READWRITE",
                           "ASKING",
                           "CLIENT REPLY OFF",
                           "client tracking on",
                           "CLIENT CACHING yes",
                           "CLIENT NO-EVICT on",
                           "CLIENT NO-TOUCH on",
                           "CLIENT SETNAME x",
                           "CLIENT SETINFO lib-name x",
                           "CLIENT CAPA redirect",
                           "CLIENT IMPORT-SOURCE on",
                           "SCRIPT DEBUG yes",
                           "SUBSCRIBE c",
                           "PSUBSCRIBE c",
                           "SSUBSCRIBE c",
                           "UNSUBSCRIBE",
                           "PUNSUBSCRIBE",
                           "SUNSUBSCRIBE"}) {
    if ((flags_of(line) & command_stateful) == 0 || (flags_of(line) & command_repeatable) != 0) test_die("%s", line);
  }
  for (const char *line : {"GET a", "CLIENT ID", "CLIENT LIST", "SCRIPT LOAD x", "SCRIPT FLUSH", "PUBLISH c m",
                           "CONFIG SET a b", "EVAL s 0", "PING", "CLIENT KILL x", "SWAPDB 0 1"}) {
    if ((flags_of(line) & command_stateful) != 0) test_die("%s", line);
  }
}

void commands_that_block(void **) {
  for (const char *line : {"BLPOP a 0", "BRPOP a 0", "BLMOVE a b LEFT LEFT 0", "BRPOPLPUSH a b 0", "BZPOPMIN a 0",
                           "BZPOPMAX a 0", "BLMPOP 0 1 a LEFT", "BZMPOP 0 1 a MIN", "WAIT 1 0", "WAITAOF 1 0 0",
                           "XREAD BLOCK 0 STREAMS a $", "XREAD COUNT 1 block 0 STREAMS a $",
                           "XREADGROUP GROUP g c BLOCK 1 STREAMS a >", "XREADGROUP BLOCK 1 GROUP g c STREAMS a >"}) {
    if ((flags_of(line) & command_may_block) == 0) test_die("%s", line);
  }
  for (const char *line :
       {"XREAD STREAMS BLOCK 0", "XREAD COUNT 1 STREAMS a 0", "XREADGROUP GROUP BLOCK BLOCK STREAMS a >", "LPOP a",
        "XREADGROUP GROUP g c COUNT 1 NOACK STREAMS BLOCK >", "GET a", "XREAD COUNT", "XREAD"}) {
    if ((flags_of(line) & command_may_block) != 0) test_die("%s", line);
  }
}

void commands_that_read(void **) {
  constexpr uint32_t reads = command_read_only | command_repeatable;
  for (const char *line :
       {"GET a", "PING", "ECHO x", "TIME", "INFO", "EVAL_RO s 0", "SORT a", "SORT a BY STORE b", "SORT_RO a",
        "GEORADIUS a 1 2 3 km", "GEORADIUSBYMEMBER a m 3 km", "XREAD STREAMS a 0", "CONFIG GET x", "CLIENT ID",
        "COMMAND", "COMMAND COUNT", "OBJECT ENCODING a", "KEYS *", "SCRIPT EXISTS x"}) {
    if ((flags_of(line) & reads) != reads || (flags_of(line) & command_write) != 0) test_die("%s", line);
  }
  for (const char *line :
       {"SET a v", "EVAL s 0", "EVALSHA s 0", "FCALL f 0", "SORT a STORE b", "GEORADIUS a 1 2 3 km STORE b",
        "XREADGROUP GROUP g c STREAMS a >", "PUBLISH c m", "CONFIG SET a b", "FLUSHALL", "GETDEL a", "SCRIPT FLUSH",
        "SLOWLOG RESET", "ACL LOG RESET", "SORT"}) {
    if ((flags_of(line) & command_read_only) != 0) test_die("%s", line);
  }
  for (const char *line : {"EVAL s 0", "EVALSHA s 0", "FCALL f 0", "EVAL_RO s 0", "EVALSHA_RO s 0", "FCALL_RO f 0"}) {
    if ((flags_of(line) & command_script) == 0) test_die("%s", line);
  }
}

void changes_that_may_be_repeated(void **) {
  for (const char *line :
       {"SET a v", "SET a v EX 5", "SET a v px 5", "SET a v EXAT 5", "SET a v PXAT 5", "SET a v KEEPTTL", "SETEX a 5 v",
        "PSETEX a 5 v", "MSET a 1 b 2", "HMSET a f v", "SCRIPT LOAD x", "SET NX GET"}) {
    if ((flags_of(line) & command_repeatable) == 0) test_die("%s", line);
  }
  for (const char *line :
       {"SET a v NX",        "SET a v XX",  "SET a v GET", "SET a v EX 5 NX", "SET a v nx EX 5", "SET a v IFEQ x",
        "SET a v EX NX GET", "DEL a",       "INCR a",      "HSET a f v",      "SADD a m",        "LPUSH a v",
        "MSETNX a 1",        "SETNX a v",   "GETSET a v",  "EXPIRE a 5",      "PERSIST a",       "APPEND a v",
        "EVAL s 0",          "PUBLISH c m", "FLUSHALL"}) {
    if ((flags_of(line) & command_repeatable) != 0) test_die("%s", line);
  }
}

// Nothing that blocks, changes the connection or runs a script with effects may ever be sent twice, but what only
// reads.
void what_may_be_repeated_does_no_harm(void **) {
  for (const command_info &command : all_commands()) {
    if (!has(command, command_repeatable)) continue;
    if (has(command, command_stateful)) test_die("%s", std::string(command.name).c_str());
    if (has(command, command_script) && !has(command, command_read_only))
      test_die("%s", std::string(command.name).c_str());
  }
}

// ---- slots ----

// CRC16 by its definition, bit by bit.
uint32_t slow_slot(std::string_view key) {
  uint32_t crc = 0;
  for (const char c : key) {
    crc ^= uint32_t{static_cast<unsigned char>(c)} << 8;
    for (int bit = 0; bit < 8; bit++) crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xFFFF : crc << 1;
  }
  return crc % slot_count;
}

void slots_follow_the_cluster_specification(void **) {
  assert_int_equal(key_slot("123456789"), 0x31C3);
  assert_int_equal(key_slot("foo"), 12182);
  assert_int_equal(key_slot("bar"), 5061);
  assert_int_equal(key_slot(""), 0);
  assert_int_equal(key_slot("{user1000}.following"), slow_slot("user1000"));
  assert_int_equal(key_slot("{user1000}.followers"), slow_slot("user1000"));
  assert_int_equal(key_slot("foo{}{bar}"), slow_slot("foo{}{bar}"));
  assert_int_equal(key_slot("foo{{bar}}zap"), slow_slot("{bar"));
  assert_int_equal(key_slot("foo{bar}{zap}"), slow_slot("bar"));
  assert_int_equal(key_slot("foo{bar"), slow_slot("foo{bar"));
  assert_int_equal(key_slot("}foo{"), slow_slot("}foo{"));
  std::mt19937_64 random(3);
  for (int round = 0; round < 1'000; round++) {
    std::string key(random() % 40, '\0');
    for (char &byte : key) byte = static_cast<char>(random());
    if (key.find('{') == std::string::npos) assert_int_equal(key_slot(key), slow_slot(key));
  }
}

void sharded_channels_have_a_place(void **) {
  assert_int_equal(find_first_key(views(split("SPUBLISH c m"))), 1);
  assert_int_equal(find_first_key(views(split("SSUBSCRIBE c d"))), 1);
  assert_int_equal(find_first_key(views(split("SUBSCRIBE c d"))), -1);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(case_does_not_matter),
      cmocka_unit_test(every_name_is_found_and_no_other),
      cmocka_unit_test(strange_names_are_unknown),
      cmocka_unit_test(unknown_subcommands_are_assumed_to_do_harm),
      cmocka_unit_test(commands_that_change_the_connection),
      cmocka_unit_test(commands_that_block),
      cmocka_unit_test(commands_that_read),
      cmocka_unit_test(changes_that_may_be_repeated),
      cmocka_unit_test(what_may_be_repeated_does_no_harm),
      cmocka_unit_test(slots_follow_the_cluster_specification),
      cmocka_unit_test(sharded_channels_have_a_place),
  };
  return cmocka_run_group_tests_name("wire command table", tests, nullptr, nullptr);
}
