// edges_plugin.cpp: methods that stop at the places where a core may go wrong. Used by edges_test.c, leases_test.c and
// renewal_test.c.
//
// Who waits for the test does so at the server: it pushes to the list `reached` and pops from `gate`.

#include <cachecore/plugin.hpp>
#include <unistd.h>

#include <atomic>

using namespace cachecore::plugin;

namespace {

std::atomic<bool> refuses_next{false};  // outlives the instance that says so

struct seen_on {
  std::atomic<pid_t> thread{0};
};

void ignore(void *, cachecore_status, const cachecore_value *, const cachecore_error *) {}

void note_thread(void *state, cachecore_status, const cachecore_value *, const cachecore_error *) {
  static_cast<seen_on *>(state)->thread = gettid();
}

class edges {
 public:
  explicit edges(host &host) : host_(host) {
    if (refuses_next.exchange(false)) throw error(CACHECORE_DENIED, "the moon is not full");
    host_.log(severity::info, "made");
  }

  // ---- Nothing at all

  task<int64_t> empty_pipeline(call &call) {
    co_return static_cast<int64_t>((co_await call.pipeline()).items().size());
  }

  task<int64_t> empty_transaction(call &call) {
    co_return static_cast<int64_t>((co_await call.transaction()).items().size());
  }

  task<int64_t> empty_leased(call &call) {
    const lease connection = co_await call.lease();
    const auto none = static_cast<int64_t>((co_await connection.commands()).items().size());
    (void)co_await connection.redis("PING");
    co_return none;
  }

  // ---- Children

  task<int64_t> now(call &) { co_return 1; }

  task<int64_t> begins_and_ends(call &call) {
    call.services().call->call(call.raw(), host_.find("edges.now"), nullptr, 0, ignore, nullptr);
    co_return 7;
  }

  // Whether all of it ran on one thread: a child's end is seen where the method goes on.
  task<bool> speaks(call &call) {
    const pid_t here = gettid();
    seen_on child;
    call.services().call->call(call.raw(), host_.find("edges.now"), nullptr, 0, note_thread, &child);
    host_.log(severity::warning, "speaks");
    (void)co_await call.redis("PING");
    co_return child.thread == here &&gettid() == here;
  }

  task<void> lingers(call &call) {
    try {
      co_await call.sleep(600'000);
    } catch (const error &) {
      host_.log(severity::warning, "given up");
      throw;
    }
  }

  task<void> changes_then_lingers(call &call) {
    (void)co_await call.redis("RPUSH", "changed", "x");
    (void)co_await call.method(host_.find("edges.lingers"));
  }

  // ---- Leases

  task<value> checked_set(call &call) {
    const lease connection = co_await call.lease();
    const value id = co_await connection.redis("CLIENT", "ID");
    (void)co_await connection.redis("WATCH", "watched");
    co_await wait_at_gate(call, id);
    // Whoever goes on after a loss must not get a connection that watches nothing.
    try {
      (void)co_await connection.redis("PING");
    } catch (const error &) {
      host_.log(severity::info, "lost");
    }
    (void)co_await connection.redis("MULTI");
    (void)co_await connection.redis("SET", "watched", "mine");
    co_return call.copy((co_await connection.redis("EXEC")).is_nil() ? "aborted" : "applied");
  }

  // ---- Instances

  task<void> refuse_next(call &) {
    refuses_next = true;
    co_return;
  }

 private:
  static task<void> wait_at_gate(call &call, const value &says) {
    const lease gate = co_await call.lease();
    (void)co_await gate.redis("RPUSH", "reached", says);
    (void)co_await gate.redis("BLPOP", "gate", "0");
  }

  host &host_;
};

constexpr about edges_about{.name = "edges",
                            .version = "1.0.0",
                            .license = "MIT",
                            .summary = "Edges for a test.",
                            .needs = {"redis/1", "timer/1", "call/1"}};

using spec::none;

constexpr auto edges_methods = spec::declare(
    spec::method<&edges::empty_pipeline>("empty_pipeline", "Sends no commands.", "INT: replies", none),
    spec::method<&edges::empty_transaction>("empty_transaction", "Sends no commands as one.", "INT: replies", none),
    spec::method<&edges::empty_leased>("empty_leased", "Sends no commands, then one.", "INT: replies to none", none),
    spec::method<&edges::now>("now", "Ends at once.", "INT", none),
    spec::method<&edges::begins_and_ends>("begins_and_ends", "Ends without its child.", "INT", none),
    spec::method<&edges::speaks>("speaks", "Logs between its child's end and the news of it.", "BOOL", none),
    spec::method<&edges::lingers>("lingers", "Waits to be given up, and logs that.", "NIL", none),
    spec::method<&edges::changes_then_lingers>("changes_then_lingers", "Pushes, then lingers in a child.", "NIL", none),
    spec::method<&edges::checked_set>("checked_set", "Sets what it watches.", "BYTES", none),
    spec::method<&edges::refuse_next>("refuse_next", "The next instance cannot be made.", "NIL", none));

}  // namespace

CACHECORE_PLUGIN(edges, edges_about, edges_methods)
