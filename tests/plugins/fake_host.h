// fake_host.h: a host of plugin.h without a core, a thread or a server, for tests of plugin.hpp.
//
// Requests are written down as text ("GET a") and answered as the test says; continuations wait in a queue until `run`
// calls them, never inside the function that asked for them. Every piece of an invocation's memory is an allocation of
// its own, freed when the invocation ends, so that a sanitizer sees a use after that.
//
// Thread rule: one thread.
#pragma once

#include <cachecore/plugin.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "show.h"

namespace fake {

// How a request ends: a status with a value (in static storage) or a message.
struct outcome {
  cachecore_status status = CACHECORE_OK;
  cachecore_value value = cachecore_nil();
  std::string message;
  std::string server_code;
};

// A piece of memory that is overwritten before it is freed, so that a late reader reads nonsense.
class piece {
 public:
  explicit piece(size_t size);
  piece(piece &&other) = default;
  piece &operator=(piece &&other) = default;
  ~piece();
  [[nodiscard]] char *data() const { return data_.get(); }

 private:
  size_t size_;
  std::unique_ptr<char[]> data_;
};

outcome ok(cachecore_value value);
outcome failed(cachecore_status status, std::string message, std::string code = "");

class host;

}  // namespace fake

struct cachecore_invocation {
  fake::host *host = nullptr;
  std::vector<fake::piece> memory;
  std::map<const cachecore_value *, std::vector<fake::piece>> replies;  // each with its memory
  size_t allocations = 0;
  size_t allocations_left = SIZE_MAX;
  cachecore_status given_up = CACHECORE_OK;

  int ended = 0;  // how often
  cachecore_status status = CACHECORE_OK;
  std::string answer;   // as `show` writes it
  std::string message;  // of a failure
  std::string server_code;
  uint32_t flags = 0;      // of complete
  bool passed_on = false;  // ended by fail_with
  std::vector<std::string> items;
  size_t forgotten = 0;
};

struct cachecore_parked {
  cachecore_invocation *invocation;
  cachecore_continuation then;
  void *state;
  bool continued;
};

struct cachecore_method {
  std::string name;
};

namespace fake {

// The table that plugins see is its base.
class host : public cachecore_host {
 public:
  explicit host(const cachecore_plugin *plugin, const char *prefix = "");
  ~host();
  host(const host &) = delete;
  host &operator=(const host &) = delete;

  // Makes the instance; why not is in `create_error`.
  cachecore_status create(const cachecore_value &config = cachecore_map(nullptr, 0));

  // Starts a method. Its arguments live as a real host's would: as long as the invocation, or until start returns when
  // borrowed.
  cachecore_invocation &start(const std::string &method, const std::vector<cachecore_value> &args,
                              size_t allocations_left = SIZE_MAX);
  // Runs continuations until none is left.
  void run();
  // Both.
  cachecore_invocation &call(const std::string &method, const std::vector<cachecore_value> &args = {});
  // Starts the method's undo with a value.
  cachecore_invocation &undo(const std::string &method, const cachecore_value &granted);
  // Continues what is parked with a status, as a core does when a caller goes away.
  void give_up(cachecore_invocation &invocation, cachecore_status status);
  // Sends a message to the last subscription.
  void send(const outcome &message);

  // Used by the services.
  void reply(cachecore_invocation &invocation, const std::string &request, cachecore_continuation then, void *state);
  void continue_with(cachecore_invocation &invocation, const outcome &outcome, cachecore_continuation then,
                     void *state);
  void listen(cachecore_invocation &invocation, cachecore_continuation on_message, void *state);

  cachecore_error create_error{};
  std::vector<std::string> requests;                   // in order
  std::map<std::string, std::deque<outcome>> answers;  // by request, used up in order; otherwise NIL
  std::vector<std::string> logged;
  size_t parked_alive = 0;
  std::vector<cachecore_parked *> parked;
  bool parking_fails = false;
  bool waits_fail =
      false;  // every request ends with NO_MEMORY inside the function that began it, as where a core has none left
  std::deque<std::function<void()>> ready;
  std::vector<std::unique_ptr<cachecore_invocation>> invocations;
  std::vector<std::unique_ptr<cachecore_method>> methods;

 private:
  const cachecore_method_spec &find(const std::string &method) const;
  cachecore_invocation &begin(cachecore_method_function function, const std::vector<cachecore_value> &args,
                              bool borrowed, size_t allocations_left);

  const cachecore_plugin *plugin_;
  void *instance_ = nullptr;
  cachecore_invocation *listener_ = nullptr;
  cachecore_continuation on_message_ = nullptr;
  void *message_state_ = nullptr;
};

}  // namespace fake
