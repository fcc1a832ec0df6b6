#include "connection.h"

#include <event2/buffer.h>
#include <sys/socket.h>

#include <algorithm>
#include <new>

namespace http_plugin {

namespace {

constexpr int64_t linger_ms = 1'000;
constexpr int64_t heartbeat_ms = 15'000;
constexpr size_t most_unread = size_t{1} << 20;  // of a stream

}  // namespace

connection::connection(connection_owner &owner, event_base *base, const settings &limits, int descriptor)
    : owner_(owner), limits_(limits) {
  deadline_ =
      event_new(base, -1, 0, [](evutil_socket_t, short, void *self) { static_cast<connection *>(self)->late(); }, this);
  if (deadline_ == nullptr) throw std::bad_alloc();
  buffered_ = bufferevent_socket_new(base, descriptor, BEV_OPT_CLOSE_ON_FREE);
  if (buffered_ == nullptr) {
    event_free(deadline_);
    throw std::bad_alloc();
  }
  bufferevent_setcb(
      buffered_, [](bufferevent *, void *self) { static_cast<connection *>(self)->read(); },
      [](bufferevent *, void *self) { static_cast<connection *>(self)->written(); },
      [](bufferevent *, short what, void *self) { static_cast<connection *>(self)->happened(what); }, this);
  bufferevent_setwatermark(buffered_, EV_READ, 0, max_head + limits_.max_body);
  bufferevent_enable(buffered_, EV_READ | EV_WRITE);
  set_deadline(limits_.request_timeout_ms);
}

connection::~connection() {
  event_free(deadline_);
  bufferevent_free(buffered_);
}

void connection::set_deadline(int64_t ms) {
  if (ms < 0) {
    event_del(deadline_);
    return;
  }
  const timeval after = {static_cast<time_t>(ms / 1000), static_cast<suseconds_t>((ms % 1000) * 1000)};
  event_add(deadline_, &after);
}

bool connection::take_head() {
  evbuffer *input = bufferevent_get_input(buffered_);
  // A line's end behind the last body, as old clients send, is passed over.
  while (evbuffer_get_length(input) >= 2) {
    const unsigned char *start = evbuffer_pullup(input, 2);
    if (start[0] != '\r' || start[1] != '\n') break;
    evbuffer_drain(input, 2);
  }
  const size_t size = std::min(evbuffer_get_length(input), max_head);
  if (size == 0) return false;
  const auto *text = reinterpret_cast<const char *>(evbuffer_pullup(input, static_cast<ev_ssize_t>(size)));
  request found;
  const head_result head = parse_head({text, size}, found);
  if (head.status != 0) {
    refuse(head.status, head.why);
    return false;
  }
  if (head.size == 0) {
    if (size == max_head) refuse(431, "the head of a request has at most 16 KiB");
    return false;
  }
  head_.assign(text, head.size);
  (void)parse_head(head_, request_);  // its views point into what is kept
  evbuffer_drain(input, head.size);
  if (request_.content_length > limits_.max_body) {
    refuse(413, "the body is larger than max_body_bytes");
    return false;
  }
  has_head_ = true;
  if (request_.expects_continue && evbuffer_get_length(input) < request_.content_length) {
    constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    bufferevent_write(buffered_, go_on.data(), go_on.size());
  }
  return true;
}

void connection::read() {
  evbuffer *input = bufferevent_get_input(buffered_);
  if (state_ == state::closing) {
    evbuffer_drain(input, evbuffer_get_length(input));
    return;
  }
  if (state_ != state::reading) return;
  if (!has_head_ && !take_head()) return;
  if (evbuffer_get_length(input) < request_.content_length) return;
  body_.resize(request_.content_length);
  evbuffer_remove(input, body_.data(), body_.size());
  has_head_ = false;
  keep_alive_ = request_.keep_alive;
  state_ = state::busy;
  set_deadline(-1);
  owner_.handle(*this, request_, body_);
}

void connection::refuse(int status, const char *why) {
  keep_alive_ = false;
  response answer;
  answer.status = status;
  answer.content_type = "text/plain; charset=utf-8";
  answer.body = std::string(why) + "\n";
  request_.method = {};
  respond(answer);
}

void connection::respond(const response &answer) {
  if (ended_) keep_alive_ = false;
  const std::string head = make_head(answer, static_cast<long long>(answer.body.size()), keep_alive_);
  state_ = state::writing;
  set_deadline(limits_.request_timeout_ms);
  bufferevent_write(buffered_, head.data(), head.size());
  if (request_.method != "HEAD" && answer.status != 304)
    bufferevent_write(buffered_, answer.body.data(), answer.body.size());
}

void connection::begin_stream() {
  keep_alive_ = false;
  response answer;
  answer.content_type = "text/event-stream";
  state_ = state::streaming;
  const std::string head = make_head(answer, -1, false);
  bufferevent_write(buffered_, head.data(), head.size());
  set_deadline(heartbeat_ms);
}

bool connection::stream(std::string_view text) {
  if (evbuffer_get_length(bufferevent_get_output(buffered_)) + text.size() > most_unread) return false;
  bufferevent_write(buffered_, text.data(), text.size());
  return true;
}

void connection::end_stream() {
  state_ = state::writing;
  set_deadline(limits_.request_timeout_ms);
  if (evbuffer_get_length(bufferevent_get_output(buffered_)) == 0) written();
}

// All of it is with the system.
void connection::written() {
  if (state_ != state::writing) return;
  if (!keep_alive_ || ended_) {
    state_ = state::closing;
    shutdown(descriptor(), SHUT_WR);
    set_deadline(linger_ms);
    if (ended_) owner_.gone(*this);
    return;
  }
  state_ = state::reading;
  set_deadline(limits_.request_timeout_ms);
  read();
}

void connection::happened(short what) {
  if ((what & BEV_EVENT_EOF) != 0 && (state_ == state::busy || state_ == state::writing)) {
    ended_ = true;  // it may still read
    return;
  }
  owner_.gone(*this);
}

void connection::late() {
  if (state_ == state::streaming) {
    // A comment: shows both sides that the other is there.
    if (!stream(":\n\n")) {
      owner_.gone(*this);
      return;
    }
    set_deadline(heartbeat_ms);
    return;
  }
  const bool began = has_head_ || evbuffer_get_length(bufferevent_get_input(buffered_)) > 0;
  if (state_ == state::reading && began) {
    refuse(408, "the request took too long");
    return;
  }
  owner_.gone(*this);
}

}  // namespace http_plugin
