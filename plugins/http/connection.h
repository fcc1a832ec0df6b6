// connection.h: one client's connection, from the first byte to the last.
//
// It reads one request at a time, hands it to its owner, and writes what comes back; what a client sends meanwhile
// waits in the buffer, which has a limit. Everything a client does has a deadline: the request from the moment it may
// begin (a client that sends byte by byte gains nothing), the response from the moment it is written (one that does not
// read neither). Only a call under way has none here: it has its own.
//
//     reading -> busy -> writing -> reading ...         Connection: keep-alive
//                busy -> streaming -> gone              server-sent events
//     reading -> writing -> closing -> gone             refused, or Connection: close
//
// Closing shuts the sending side and reads on for a moment, so that a response is not lost to a reset.
//
// Thread rule: the server's thread. `gone` is the last thing a connection does: the owner destroys it there.
#pragma once

#include <event2/bufferevent.h>
#include <event2/event.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "request.h"
#include "response.h"
#include "settings.h"

namespace http_plugin {

class connection;

class connection_owner {
 public:
  // `asked` stays readable until respond or begin_stream. Answers by one of these, now or later.
  virtual void handle(connection &from, const request &asked, std::string_view body) = 0;
  // The client has left, or was too slow: destroys it.
  virtual void gone(connection &left) noexcept = 0;

 protected:
  ~connection_owner() = default;
};

class connection {
 public:
  // Throws std::bad_alloc; then the descriptor is still the caller's.
  connection(connection_owner &owner, event_base *base, const settings &limits, int descriptor);
  ~connection();
  connection(const connection &) = delete;
  connection &operator=(const connection &) = delete;

  void respond(const response &answer);
  void begin_stream();
  // False when the client does not keep up: it will be gone.
  bool stream(std::string_view text);
  void end_stream();

  // Waits for a request, or for the rest of one: may be closed for another's sake.
  [[nodiscard]] bool is_waiting() const noexcept { return state_ == state::reading; }
  [[nodiscard]] int descriptor() const noexcept { return bufferevent_getfd(buffered_); }

  uint64_t number = 0;     // of this connection, given by its owner
  uint64_t operation = 0;  // what it waits for; 0: nothing

 private:
  enum class state : uint8_t { reading, busy, writing, streaming, closing };

  void read();
  bool take_head();  // false: there is no whole one yet, or it was refused
  void refuse(int status, const char *why);
  void written();
  void happened(short what);
  void late();
  void set_deadline(int64_t ms);

  connection_owner &owner_;
  const settings &limits_;
  bufferevent *buffered_ = nullptr;
  event *deadline_ = nullptr;
  state state_ = state::reading;
  bool has_head_ = false;
  bool keep_alive_ = true;
  bool ended_ = false;  // the client sends nothing more
  std::string head_;
  std::string body_;
  request request_;
};

}  // namespace http_plugin
