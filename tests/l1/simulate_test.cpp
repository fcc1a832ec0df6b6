// The replay of traces: what each format says, what is refused, and that the policies are what they are called.

#include <sstream>

#include "bindings/cli/simulate/plot.h"
#include "bindings/cli/simulate/replay.h"
#include "copies.h"
#include "tests/support/unit.h"

namespace l1_test {

namespace {

using namespace simulate;

std::vector<request> read(const std::string &text, trace_format format) {
  std::istringstream source(text);
  const auto opened = open_trace(source, format, "test");
  std::vector<request> out;
  for (request each; opened->next(each);) out.push_back(each);
  return out;
}

void assert_refused(const std::string &text, trace_format format, const std::string &message) {
  std::string refusal = "none";
  try {
    (void)read(text, format);
  } catch (const trace_error &thrown) {
    refusal = thrown.what();
  }
  assert_string_equal(refusal.c_str(), message.c_str());
}

void ids_are_lines(void **) {
  const auto read_ids = read("7\nuser:1\r\n\n7\n  8  \nlast", trace_format::ids);
  assert_int_equal(read_ids.size(), 5);
  assert_true(read_ids[0].id == read_ids[2].id && read_ids[0].id != read_ids[1].id && read_ids[0].size == 1);
  assert_true(read("", trace_format::ids).empty());
  assert_refused("1\n2 3\n", trace_format::ids, "test, line 2: expected one object on a line, got \"2 3\"");
  assert_refused(std::string("1\n\n2\x01\n"), trace_format::ids,
                 "test, line 3: expected text, found a control character; is this a binary trace?");
  assert_refused(std::string(70'000, 'x'), trace_format::ids,
                 "test, line 1: a line has at most 65,536 characters; is this a binary trace?");
}

std::string record(uint64_t id, uint32_t size) {
  std::string out(4, '\x07');
  for (int i = 0; i < 8; i++) out += static_cast<char>(id >> (8 * i));
  for (int i = 0; i < 4; i++) out += static_cast<char>(size >> (8 * i));
  return out + std::string(8, '\xff');
}

void oracle_general_is_binary(void **) {
  const auto read_two =
      read(record(0x0102030405060708, 4'000'000'000) + record(5, 0) + record(6, 1), trace_format::oracle_general);
  assert_int_equal(read_two.size(), 2);
  assert_true(read_two[0].id == 0x0102030405060708 && read_two[0].size == 4'000'000'000);
  assert_true(read_two[1].id == 6 && read_two[1].size == 1);
  assert_refused(record(5, 1) + record(6, 1).substr(0, 23), trace_format::oracle_general,
                 "test, request 2: the file ends after 23 of its 24 bytes; is this an oracleGeneral trace?");
}

void csv_says_or_implies_which_field_is_which(void **) {
  const auto id_of = [](const char *name) { return read(name, trace_format::ids)[0].id; };
  const auto check = [&](const std::string &text, uint32_t size) {
    const auto requests = read(text, trace_format::csv);
    assert_int_equal(requests.size(), 2);
    assert_true(requests[0].id == id_of("a") && requests[1].id == id_of("b"));
    assert_true(requests[0].size == size && requests[1].size == size);
  };
  check("a\nb\n", 1);
  check("a,10\nb,10\n", 10);
  check("100,a,10,7\n101,b,10,8", 10);
  check("#time, object_id, size, next\n1,a,10,x\n2,b,10,y", 10);
  check("size;,Key\r\n10,a\r\n10,b\r\n", 10);
  check("op,key\nGET,\"a\"\nGET,b\n", 1);
  check("a,10\nnothing,0\nb,10\n", 10);
  assert_refused("a,10\nb\n", trace_format::csv, "test, line 2: expected 2 fields, as on the first line, got 1");
  assert_refused("a,10\nb,-1\n", trace_format::csv,
                 "test, line 2: field 2, the object's size, must be a whole number of bytes below 4,294,967,296, got "
                 "\"-1\"");
  assert_refused("id,size\n,5\n", trace_format::csv, "test, line 2: field 1, the object, is empty");
  assert_refused("\"a,10\n", trace_format::csv, "test, line 1: a quote has no end");
}

// Twelve requests of which each policy's hits can be counted by hand.
void policies_are_what_they_are_called(void **) {
  const std::vector<uint64_t> requests = {1, 1, 2, 3, 4, 1, 2, 5, 1, 6, 1, 1};
  const auto hits = [&](const char *name) {
    const auto cache = find_policy(name)->make({3, true});
    std::string out;
    for (const uint64_t id : requests) out += cache->request(id, 1) ? 'h' : '.';
    return out;
  };
  assert_string_equal(hits("lru").c_str(), ".h......h.hh");
  assert_string_equal(hits("lfu").c_str(), ".h...h..h.hh");
  assert_string_equal(hits("sieve").c_str(), ".h...h..h.hh");
  assert_null(find_policy("fifo"));
  for (const known_policy &known : policies()) {
    const auto cache = known.make({100, false});
    assert_false(cache->request(1, 60));
    assert_true(cache->request(1, 60));
    assert_false(cache->request(2, 101));
    assert_false(cache->request(2, 101));
    assert_true(cache->request(1, 60));
  }
}

void s3_fifo_remembers_what_left_the_small_queue(void **) {
  const auto cache = find_policy("s3fifo")->make({10, true});
  for (uint64_t id = 1; id <= 11; id++) assert_false(cache->request(id, 1));
  // 1 went, and is remembered: it comes back into the main queue, where ten new ones do not drive it out.
  assert_false(cache->request(1, 1));
  for (uint64_t id = 20; id < 29; id++) assert_false(cache->request(id, 1));
  assert_true(cache->request(1, 1));
}

void a_replay_counts_hits_and_bytes(void **) {
  std::istringstream source("a,10\na,10\nb,100\nb,100\na,10\n");
  const auto opened = open_trace(source, trace_format::csv, "test");
  const auto outcomes = replay(*opened, {find_policy("lru"), find_policy("l1")}, {{15, false}, {200, false}});
  assert_int_equal(outcomes.size(), 4);
  assert_string_equal(outcomes[0].policy.c_str(), "lru");
  assert_string_equal(outcomes[2].policy.c_str(), "l1");
  for (const outcome &each : outcomes) {
    assert_int_equal(each.requests, 5);
    assert_int_equal(each.hits, each.capacity == 15 ? 2 : 3);
    assert_true(each.hit_ratio() == (each.capacity == 15 ? 0.4 : 0.6));
    assert_true(each.byte_hit_ratio() == (each.capacity == 15 ? 20.0 / 230 : 120.0 / 230));
  }
}

// A replay comes out the same each time: sizes and hits of a long one, twice.
void a_replay_is_repeatable(void **) {
  const auto run = [] {
    std::string text;
    for (uint64_t i = 0; i < 20'000; i++) text += std::to_string(i * i % 997) + "," + std::to_string(i % 50 + 1) + "\n";
    std::istringstream source(text);
    const auto opened = open_trace(source, trace_format::csv, "test");
    return replay(*opened, {find_policy("l1")}, {{3'000, false}})[0].hits;
  };
  const uint64_t hits = run();
  assert_true(hits > 1'000);
  assert_int_equal(run(), hits);
}

void pictures_show_each_outcome(void **) {
  const std::vector<outcome> outcomes = {{"l1", 10, 4, 2, 4, 2}, {"l1", 1'000, 4, 4, 4, 4}, {"lru", 10, 4, 0, 4, 0}};
  assert_string_equal(bars(outcomes, 37).c_str(),
                      "l1    10  50.00 % ##########\n"
                      "l1  1000 100.00 % ###################\n"
                      "lru   10   0.00 %\n");
  const std::string picture = svg(outcomes, "<a & b>");
  assert_true(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
  assert_true(picture.find("&lt;a &amp; b>") != std::string::npos);
  assert_true(picture.find("points=\"70.0,220.0 690.0,50.0 \"") != std::string::npos);
  assert_true(picture.find(">lru</text>") != std::string::npos);
}

}  // namespace

int simulate_tests() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(ids_are_lines),
      cmocka_unit_test(oracle_general_is_binary),
      cmocka_unit_test(csv_says_or_implies_which_field_is_which),
      cmocka_unit_test(policies_are_what_they_are_called),
      cmocka_unit_test(s3_fifo_remembers_what_left_the_small_queue),
      cmocka_unit_test(a_replay_counts_hits_and_bytes),
      cmocka_unit_test(a_replay_is_repeatable),
      cmocka_unit_test(pictures_show_each_outcome),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}

}  // namespace l1_test
