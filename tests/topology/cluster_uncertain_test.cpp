// A change of several shards of which one was reached in time: what was applied there makes it UNCERTAIN.
#include <poll.h>

#include <string>

#include "tests/support/unit.h"
#include "tests/topology/cluster_nodes.h"
#include "tests/topology/redis_core.h"

using namespace topology_test;

namespace {

std::string key_of(const cluster_nodes &cluster, size_t node) {
  for (int i = 0;; i++) {
    std::string key = "shard:" + std::to_string(i);
    if (cluster.master_of(cluster_nodes::slot_of(key)) == node) return key;
  }
}

struct fixture {
  const cluster_nodes cluster{3, 0, {"--cluster-node-timeout", "60000"}};
  const std::string living = key_of(cluster, 0);
  const std::string paused = key_of(cluster, 1);

  ~fixture() { test_server_resume(cluster.node(1)); }
  fixture() = default;
  fixture(const fixture &) = delete;
  fixture &operator=(const fixture &) = delete;

  [[nodiscard]] bool has_living() const { return cluster.ask(0, "EXISTS " + living) == "1"; }

  // With the map known and no connection to the one that then stops: nothing is sent to that.
  void pause_behind(const redis_core &core) const {
    assert_answer(core.command({"SET", living, "1"}), "OK");
    test_server_pause(cluster.node(1));
  }
};

// The silence of a new connection is not what ends a call.
constexpr const char *patient = R"({"connect_timeout_ms": 60000})";

void a_deadline_after_one_of_two_shards_is_uncertain(void **) {
  const fixture of;
  const redis_core core(of.cluster.url(1), patient);
  of.pause_behind(core);
  const outcome came = core.command({"DEL", of.living, of.paused}, 1500);
  assert_false(of.has_living());
  if (came.status != CACHECORE_UNCERTAIN) print_error("%s\n", text_of(came).c_str());
  assert_int_equal(came.status, CACHECORE_UNCERTAIN);
}

void so_is_its_cancellation(void **) {
  const fixture of;
  const redis_core core(of.cluster.url(1), patient);
  of.pause_behind(core);
  const cachecore_value words[] = {cachecore_text("DEL"), cachecore_bytes(of.living.data(), of.living.size()),
                                   cachecore_bytes(of.paused.data(), of.paused.size())};
  const cachecore_value list = cachecore_list(words, 3);
  const cachecore_method *method = nullptr;
  cachecore_completions *queue = nullptr;
  cachecore_error error;
  uint64_t operation = 0;
  assert_int_equal(cachecore_method_find(core.handle(), "redis.command", &method, &error), CACHECORE_OK);
  assert_int_equal(cachecore_completions_create(core.handle(), &queue, &error), CACHECORE_OK);
  assert_int_equal(cachecore_submit(core.handle(), method, &list, 1, -1, queue, 0, &operation, &error), CACHECORE_OK);
  const auto applied = [](void *state) { return static_cast<const fixture *>(state)->has_living() ? 0 : 1; };
  assert_true(test_wait_until(applied, const_cast<fixture *>(&of), test_patience_ms()));
  assert_int_equal(cachecore_cancel(core.handle(), operation, &error), CACHECORE_OK);
  pollfd readable{cachecore_completions_fd(queue), POLLIN, 0};
  assert_int_equal(poll(&readable, 1, static_cast<int>(test_patience_ms())), 1);
  cachecore_completion came;
  assert_int_equal(cachecore_completions_drain(queue, &came, 1), 1);
  assert_int_equal(came.status, CACHECORE_UNCERTAIN);
  cachecore_result_free(came.result);
  cachecore_completions_destroy(queue);
}

}  // namespace

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_deadline_after_one_of_two_shards_is_uncertain),
      cmocka_unit_test(so_is_its_cancellation),
  };
  return cmocka_run_group_tests_name("cluster uncertain", tests, nullptr, nullptr);
}
