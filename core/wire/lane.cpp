#include "core/wire/lane.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/runtime/engine.h"
#include "core/runtime/process.h"
#include "core/wire/node.h"

namespace cachecore_internal {
namespace {

constexpr size_t gather_bytes = size_t{64} << 10;
constexpr size_t large_request = size_t{16} << 10;  // sent from where it is
constexpr size_t receive_bytes = tls_session::receive_bytes;
constexpr size_t max_waiting = 1u << 18;                 // requests a lane holds before callers get BUSY
constexpr size_t max_waiting_bytes = size_t{256} << 20;  // and bytes of them
constexpr int candidates_looked_at = 64;

// The lane's sockets are blocking ones, used with MSG_DONTWAIT; a leader may then wait in recv itself, in slices of
// this.
constexpr int64_t receive_slice_ns = 50 * ns_per_ms;

}  // namespace

// ---- request_list ----

void request_list::push(request *added) noexcept {
  added->next_request = nullptr;
  (tail != nullptr ? tail->next_request : head) = added;
  tail = added;
  count++;
}

request *request_list::pop() noexcept {
  request *first = head;
  if (first == nullptr) return nullptr;
  head = first->next_request;
  if (head == nullptr) tail = nullptr;
  count--;
  return first;
}

void request_list::append(request_list &other) noexcept {
  if (other.empty()) return;
  (tail != nullptr ? tail->next_request : head) = other.head;
  tail = other.tail;
  count += other.count;
  other = request_list();
}

void request_list::prepend(request_list &other) noexcept {
  other.append(*this);
  std::swap(*this, other);
}

bool request_list::remove(request *removed) noexcept {
  request *previous = nullptr;
  for (request *each = head; each != nullptr; previous = each, each = each->next_request) {
    if (each != removed) continue;
    (previous != nullptr ? previous->next_request : head) = removed->next_request;
    if (tail == removed) tail = previous;
    count--;
    return true;
  }
  return false;
}

// ---- Lifecycle ----

lane::lane(engine &owner, node &server, purpose use) : engine_(owner), node_(server), purpose_(use) {
  service_node_.line = this;
  service_node_.run = [](post_node *posted) { static_cast<service_node *>(posted)->line->service(); };
  retry_.line = this;
  retry_.expire = [](timer_entry *entry) {
    lane &self = *static_cast<retry_timer *>(entry)->line;
    std::unique_lock<std::mutex> lock(self.mutex_);
    if (self.state_ == state::backing_off) self.dial(lock);
  };
}

lane::~lane() {
  if (read_event_ != nullptr) event_free(read_event_);
  if (write_event_ != nullptr) event_free(write_event_);
  close_descriptor(descriptor_);
}

void lane::dial(std::unique_lock<std::mutex> &lock) noexcept {
  state_ = state::dialing;
  dialing_ = true;
  lock.unlock();
  node_.dial(*this);
}

void lane::connected(int descriptor, std::shared_ptr<tls_session> tls) noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  dialing_ = false;
  if (state_ != state::dialing) {
    lock.unlock();
    close_descriptor(descriptor);
    return;
  }
  try {
    decoder_ = std::make_unique<reply_reader>();
    if (buffer_ == nullptr) buffer_ = std::make_unique<char[]>(receive_bytes);
    read_event_ = event_new(
        engine_.events().base(), descriptor, EV_READ | EV_PERSIST,
        [](evutil_socket_t, short, void *self) { static_cast<lane *>(self)->on_readable(); }, this);
    write_event_ = event_new(
        engine_.events().base(), descriptor, EV_WRITE,
        [](evutil_socket_t, short, void *self) {
          auto *line = static_cast<lane *>(self);
          std::unique_lock<std::mutex> held(line->mutex_);
          line->write_all(held);
        },
        this);
    if (read_event_ == nullptr || write_event_ == nullptr) throw std::bad_alloc();
  } catch (const std::bad_alloc &) {
    lock.unlock();
    close_descriptor(descriptor);
    refused(CACHECORE_NO_MEMORY, "out of memory");
    return;
  }
  descriptor_ = descriptor;
  tls_ = std::move(tls);
  state_ = state::ready;
  refusals_ = 0;
  write_blocked_ = false;
  last_received_.store(now_ns(), std::memory_order_relaxed);
  ready_.store(true, std::memory_order_release);
  write_all(lock);
  if (!lock.owns_lock()) lock.lock();
  if (state_ == state::ready && reader_ == reader::nobody && !in_flight_.empty()) {
    reader_ = reader::by_loop;
    lock.unlock();
    arm_read();
  }
}

void lane::refused(cachecore_status status, const std::string &why) noexcept {
  constexpr uint8_t max_attempts = 3;
  request_list ended;
  std::unique_lock<std::mutex> lock(mutex_);
  dialing_ = false;
  if (state_ != state::dialing) return;
  refusals_++;
  const bool final_answer = status != CACHECORE_UNAVAILABLE || !node_.is_trusted();
  request_list kept;
  while (request *each = unsent_.pop()) {
    each->refused++;
    (final_answer || each->at_replica || each->refused >= max_attempts ||
             each->phase.load(std::memory_order_relaxed) != wait::pending
         ? ended
         : kept)
        .push(each);
  }
  unsent_.append(kept);
  if (unsent_.empty()) {
    state_ = state::idle;
  } else {
    state_ = state::backing_off;
    engine_.events().remove_timer(retry_);
    engine_.events().add_timer(retry_, now_ns() + node_.backoff_ns(refusals_));
  }
  lock.unlock();
  end_unsent(ended, status, why);
}

void lane::shut(cachecore_status reason) noexcept {
  request_list ended;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    shut_with_ = reason;
    ended.append(unsent_);
    if (state_ == state::ready) {
      begin_failing("the core is being closed");
    } else if (state_ != state::failing) {
      state_ = state::closed;
    }
  }
  end_unsent(ended, reason, "the core is being closed or reset");
}

void lane::begin_lease() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  used_in_lease_ = lost_in_lease_ = false;
}

bool lane::is_torn_down() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return (state_ == state::closed || state_ == state::idle) && !service_posted_ && reader_ == reader::nobody &&
         !writing_;
}

bool lane::may_be_freed() noexcept {
  if (!is_torn_down()) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (dialing_ || dirty) return false;
  engine_.events().remove_timer(retry_);
  return true;
}

bool lane::is_clean() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  return (state_ == state::ready || state_ == state::idle) && load_.load(std::memory_order_acquire) == 0 && !writing_;
}

// ---- Adding and withdrawing ----

void lane::add(request *first) noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  request_list refused_here;
  const bool full = load_.load(std::memory_order_relaxed) >= max_waiting ||
                    bytes_.load(std::memory_order_relaxed) >= max_waiting_bytes;
  const bool broken = purpose_ == purpose::exclusive && lost_in_lease_;
  const bool gone = shut_with_ != CACHECORE_OK;
  while (first != nullptr) {
    request *next = first->next_request;
    (full || gone || broken ? refused_here : unsent_).push(first);
    load_.fetch_add(1, std::memory_order_relaxed);
    bytes_.fetch_add(first->size, std::memory_order_relaxed);
    first = next;
  }
  if (!refused_here.empty()) {
    const cachecore_status status = gone ? shut_with_ : broken ? CACHECORE_UNAVAILABLE : CACHECORE_BUSY;
    lock.unlock();
    end_unsent(refused_here, status,
               gone     ? "the core is being closed or reset"
               : broken ? "the leased connection was lost, and with it what it had been told"
                        : "too many requests wait for the server");
    return;
  }
  if (state_ == state::idle) {
    dial(lock);
    return;
  }
  if (state_ != state::ready) return;
  if (engine_.events().is_this_thread()) {
    lock.unlock();
    engine_.events().mark_dirty(*this);
    return;
  }
  // After a pause the server may have closed the connection; a change sent into it would be UNCERTAIN for nothing.
  // So may a connection that has waited for its next lease, for however short a time.
  const bool fresh_lease = purpose_ == purpose::exclusive && !used_in_lease_;
  if (in_flight_.empty() && reader_ == reader::nobody && !writing_ &&
      (fresh_lease || now_ns() - last_received_.load(std::memory_order_relaxed) > 1'000 * ns_per_ms)) {
    // Under TLS the end announces itself in a record of its own, as tickets do: only decrypting tells them apart. There
    // is no reader, and none can come while the mutex is held.
    char probe = 0;
    const ssize_t got = tls_ != nullptr ? tls_->receive(descriptor_, buffer_.get(), receive_bytes, MSG_DONTWAIT)
                                        : recv(descriptor_, &probe, 1, MSG_PEEK | MSG_DONTWAIT);
    if (tls_ != nullptr && got > 0) {
      begin_failing("the server answered what nobody asked");
      return;
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
      begin_failing("the server closed the connection");
      return;
    }
  }
  write_all(lock);
}

cachecore_status lane::withdraw(request *given_up, cachecore_status reason) noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  if (unsent_.remove(given_up)) {
    given_up->phase.store(wait::ended, std::memory_order_release);
    count_off(*given_up);
    return given_up->lost_change && reason != CACHECORE_CLOSED ? CACHECORE_UNCERTAIN : reason;
  }
  const bool changes = given_up->sent_change || given_up->lost_change;
  if (purpose_ == purpose::exclusive && state_ == state::ready) {
    // Nobody else's replies are behind it: the connection goes with it.
    begin_failing("its caller gave up");
  } else if (state_ == state::ready && reader_ == reader::nobody) {
    hand_off(lock);
  }
  return changes && reason != CACHECORE_CLOSED ? CACHECORE_UNCERTAIN : reason;
}

// ---- Writing ----

void lane::send_in_place(request &large) noexcept {
  large_ = &large;
  large_sent_ = 0;
  large.in_place.store(request::sending_in_place, std::memory_order_relaxed);
}

// A server may answer before it has read everything, be it to complain.
void lane::sent_in_place() noexcept {
  request *done = large_;
  large_ = nullptr;
  if (done->in_place.exchange(request::not_in_place, std::memory_order_acq_rel) == request::answered_in_place) {
    end_request(done);
  }
}

bool lane::gather() noexcept {
  bool any = false;
  while (out_.size() < gather_bytes && large_ == nullptr) {
    request *each = unsent_.pop();
    if (each == nullptr) break;
    if (!any && awaiting_since_.load(std::memory_order_relaxed) == 0) {
      awaiting_since_.store(now_ns(), std::memory_order_relaxed);
    }
    any = true;
    if (each->caller != this_thread.own) gathered_for_others_ = true;
    each->sent_change = each->changes;
    used_in_lease_ = true;
    if (each->size >= large_request) {
      send_in_place(*each);
    } else {
      try {
        out_.append(each->data, each->size);
      } catch (const std::bad_alloc &) {
        send_in_place(*each);
      }
    }
    in_flight_.push(each);
  }
  return any;
}

ssize_t lane::put(const char *data, size_t size, int flags) noexcept {
  if (tls_ != nullptr) return tls_->send(descriptor_, data, size);
  return ::send(descriptor_, data, size, MSG_NOSIGNAL | MSG_DONTWAIT | flags);
}

lane::sent lane::send_gathered() noexcept {
  while (out_sent_ < out_.size()) {
    const ssize_t count = put(out_.data() + out_sent_, out_.size() - out_sent_, large_ != nullptr ? MSG_MORE : 0);
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? sent::blocked : sent::failed;
    }
    out_sent_ += static_cast<size_t>(count);
  }
  out_.clear();
  out_sent_ = 0;
  while (large_ != nullptr) {
    if (large_sent_ == large_->size) {
      sent_in_place();
      break;
    }
    const ssize_t count = put(large_->data + large_sent_, large_->size - large_sent_, 0);
    if (count < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN || errno == EWOULDBLOCK ? sent::blocked : sent::failed;
    }
    large_sent_ += static_cast<size_t>(count);
  }
  if (tls_ != nullptr && tls_->flush(descriptor_) < 0) {
    return errno == EAGAIN || errno == EWOULDBLOCK ? sent::blocked : sent::failed;
  }
  return sent::all;
}

void lane::write_all(std::unique_lock<std::mutex> &lock) noexcept {
  if (writing_ || state_ != state::ready) return;
  writing_ = true;
  write_blocked_ = false;
  gathered_for_others_ = false;
  while (state_ == state::ready) {
    const bool left_over = out_sent_ < out_.size() || large_ != nullptr || (tls_ != nullptr && tls_->has_unsent());
    if (!gather() && !left_over) break;
    lock.unlock();
    const sent result = send_gathered();
    lock.lock();
    if (result == sent::failed) {
      begin_failing("sending failed");
      break;
    }
    if (result == sent::blocked) {
      write_blocked_ = true;
      if (reader_ != reader::caller) post_service();
      break;
    }
  }
  writing_ = false;
  if (state_ == state::failing) post_service();
  // Somebody whose request went out with these may have found a reader then, who has left since without seeing it in
  // flight. This thread looks after its own request; for the others a reader is found.
  if (state_ == state::ready && reader_ == reader::nobody && gathered_for_others_) hand_off(lock);
}

void lane::write_from_loop() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  if (state_ != state::ready) {
    if (state_ == state::idle && !unsent_.empty() && shut_with_ == CACHECORE_OK) dial(lock);
    return;
  }
  write_all(lock);
  if (!lock.owns_lock()) lock.lock();
  if (state_ == state::ready && reader_ == reader::nobody && !(in_flight_.empty() && reading_.empty())) {
    reader_ = reader::by_loop;
    lock.unlock();
    arm_read();
  }
}

// ---- Reading ----

bool lane::try_lead() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (state_ != state::ready || reader_ != reader::nobody) return false;
  reader_ = reader::caller;
  return true;
}

void lane::decode() noexcept {
  while (true) {
    if (reading_.empty()) {
      const std::lock_guard<std::mutex> lock(mutex_);
      reading_.append(in_flight_);
      in_flight_ = request_list();
    }
    request *oldest = reading_.head;
    if (oldest == nullptr) {
      if (!decoder_->has_unread()) return;
      const std::lock_guard<std::mutex> lock(mutex_);
      begin_failing("the server answered what nobody asked");
      return;
    }
    const reply_reader::outcome outcome = decoder_->next(oldest->memory, oldest->target());
    if (outcome == reply_reader::outcome::incomplete) return;
    if (outcome == reply_reader::outcome::failed) {
      const std::lock_guard<std::mutex> lock(mutex_);
      begin_failing("the server broke the protocol");
      return;
    }
    if (oldest->take_reply()) {
      reading_.pop();
      if (oldest->in_place.load(std::memory_order_acquire) != request::not_in_place &&
          oldest->in_place.exchange(request::answered_in_place, std::memory_order_acq_rel) ==
              request::sending_in_place) {
        continue;
      }
      end_request(oldest);
    }
  }
}

bool lane::receive(int flags) noexcept {
  const ssize_t count = tls_ != nullptr ? tls_->receive(descriptor_, buffer_.get(), receive_bytes, flags)
                                        : recv(descriptor_, buffer_.get(), receive_bytes, flags);
  if (count > 0) {
    const int64_t now = now_ns();
    last_received_.store(now, std::memory_order_relaxed);
    awaiting_since_.store(now, std::memory_order_relaxed);
    if (decoder_->feed(buffer_.get(), static_cast<size_t>(count))) {
      decode();
      return true;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    begin_failing("out of memory while reading");
    return false;
  }
  if (count < 0 && errno == EINTR) return true;
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  begin_failing(count == 0 ? "the server closed the connection" : "receiving failed");
  return false;
}

bool lane::read_for(waiter &leader, int64_t deadline) noexcept {
  const int64_t spin_us = node_.busy_poll_us();
  if (spin_us > 0 && load() <= 1) {
    const int64_t until = now_ns() + spin_us * 1'000;
    do {
      if (receive(MSG_DONTWAIT) && leader.has_work()) return false;
    } while (ready_.load(std::memory_order_relaxed) && now_ns() < until);
  }
  const bool asks = this_thread.question.ask != nullptr;
  while (!leader.has_work() && leader.interrupted() == 0) {
    bool blocked = false;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      if (state_ != state::ready) return false;
      blocked = write_blocked_;
    }
    const int64_t left = deadline == no_deadline ? no_deadline : deadline - now_ns();
    if (left <= 0) return false;
    if (!blocked && left > 2 * receive_slice_ns) {
      const int64_t heard = last_received_.load(std::memory_order_relaxed);
      receive(0);  // waits for at most one slice
      if (asks && last_received_.load(std::memory_order_relaxed) == heard) return true;
      continue;
    }
    pollfd watched = {descriptor_, static_cast<short>(blocked ? POLLIN | POLLOUT : POLLIN), 0};
    const auto wait_ms = static_cast<int>(std::min<int64_t>(receive_slice_ns, left) / ns_per_ms + 1);
    if (poll(&watched, 1, wait_ms) <= 0) {
      if (asks) return true;
      continue;
    }
    if ((watched.revents & POLLOUT) != 0) {
      std::unique_lock<std::mutex> lock(mutex_);
      write_all(lock);
    }
    if ((watched.revents & ~POLLOUT) != 0) receive(MSG_DONTWAIT);
  }
  return false;
}

void lane::hand_off(std::unique_lock<std::mutex> &lock) noexcept {
  if (in_flight_.empty() && reading_.empty()) return;
  int looked_at = 0;
  for (const request_list *list : {&reading_, &in_flight_}) {
    for (request *each = list->head; each != nullptr && looked_at < candidates_looked_at; each = each->next_request) {
      looked_at++;
      if (each->caller == nullptr || each->phase.load(std::memory_order_acquire) != wait::pending) continue;
      waiter *chosen = each->caller;
      lock.unlock();
      chosen->wake();
      return;
    }
  }
  reader_ = reader::by_loop;
  post_service();
}

void lane::have_loop_read() noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (state_ != state::ready || reader_ != reader::nobody) return;
  reader_ = reader::by_loop;
  post_service();
}

// With the mutex, by the reader or where there is none.
void lane::note_progress() noexcept {
  if (in_flight_.empty() && reading_.empty()) awaiting_since_.store(0, std::memory_order_relaxed);
}

void lane::stop_leading() noexcept {
  std::unique_lock<std::mutex> lock(mutex_);
  reader_ = reader::nobody;
  note_progress();
  if (state_ == state::failing) {
    post_service();
    return;
  }
  if (write_blocked_) post_service();
  hand_off(lock);
}

void lane::on_readable() noexcept {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (state_ != state::ready || reader_ == reader::caller) {
      disarm();
      return;
    }
    reader_ = reader::by_loop;  // also an idle lane's, to learn of its end
  }
  receive(MSG_DONTWAIT);
  const std::lock_guard<std::mutex> lock(mutex_);
  note_progress();
  if (state_ == state::failing) {
    reader_ = reader::nobody;
    post_service();
  } else if (reading_.empty() && in_flight_.empty()) {
    reader_ = reader::nobody;
  }
}

// ---- Failing ----

void lane::begin_failing(const char *why) noexcept {
  if (state_ != state::ready) return;
  state_ = state::failing;
  failure_ = why;
  ready_.store(false, std::memory_order_release);
  ::shutdown(descriptor_, SHUT_RDWR);
  post_service();
}

void lane::fail(const char *why) noexcept {
  const std::lock_guard<std::mutex> lock(mutex_);
  begin_failing(why);
}

void lane::post_service() noexcept {
  if (service_posted_) return;
  service_posted_ = true;
  engine_.events().post(&service_node_);
}

void lane::service() noexcept {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    service_posted_ = false;
    if (state_ == state::ready) {
      if (write_blocked_ && reader_ != reader::caller) arm_write();
      if (reader_ == reader::by_loop) arm_read();
      return;
    }
    if (state_ != state::failing) return;
    if (writing_ || reader_ == reader::caller) return;  // whoever holds the role posts again
  }
  tear_down();
}

void lane::tear_down() noexcept {
  constexpr uint8_t max_attempts = 3;
  disarm();
  if (read_event_ != nullptr) event_free(read_event_);
  if (write_event_ != nullptr) event_free(write_event_);
  read_event_ = write_event_ = nullptr;
  decoder_.reset();
  request_list ended;
  std::unique_lock<std::mutex> lock(mutex_);
  close_descriptor(descriptor_);
  descriptor_ = -1;
  tls_.reset();
  reader_ = reader::nobody;
  write_blocked_ = false;
  out_.clear();
  out_sent_ = 0;
  request *answered = nullptr;
  if (large_ != nullptr &&
      large_->in_place.exchange(request::not_in_place, std::memory_order_acq_rel) == request::answered_in_place) {
    answered = large_;
  }
  large_ = nullptr;
  reading_.append(in_flight_);
  request_list again;
  while (request *each = reading_.pop()) {
    each->attempts++;
    const bool wanted = each->phase.load(std::memory_order_acquire) == wait::pending;
    const bool retry = wanted && each->repeatable && !each->at_replica && each->attempts < max_attempts &&
                       each->seen == 0 && shut_with_ == CACHECORE_OK && purpose_ != purpose::exclusive;
    if (retry) {
      each->lost_change |= each->sent_change;
      each->sent_change = false;
      again.push(each);
    } else {
      ended.push(each);
    }
  }
  unsent_.prepend(again);
  note_progress();
  if (shut_with_ != CACHECORE_OK) {
    state_ = state::closed;
  } else {
    state_ = state::idle;
    // Nothing of this lease was sent on it: another connection is as good.
    lost_in_lease_ = purpose_ == purpose::exclusive && used_in_lease_;
    if (lost_in_lease_) ended.append(unsent_);
  }
  const cachecore_status shut_with = shut_with_;
  const bool go_on = state_ == state::idle && !unsent_.empty();
  if (go_on) {
    dial(lock);
  } else {
    lock.unlock();
  }
  if (answered != nullptr) end_request(answered);
  while (request *each = ended.pop()) end_sent(each, shut_with);
}

// Counted off before its caller can know, who may give an exclusive lane back at once.
void lane::count_off(const request &gone) noexcept {
  load_.fetch_sub(1, std::memory_order_release);
  bytes_.fetch_sub(gone.size, std::memory_order_relaxed);
}

void lane::end_request(request *ended) noexcept {
  count_off(*ended);
  end_wait(ended);
}

void lane::end_sent(request *ended, cachecore_status shut_with) noexcept {
  const std::string where = node_.display() + ": " + failure_;
  if (shut_with == CACHECORE_CLOSED || engine_.ending() == CACHECORE_CLOSED) {
    set_wait_error(ended, CACHECORE_CLOSED, "the core is being closed");
  } else if (ended->sent_change || ended->lost_change) {
    ended->sent_change = true;
    set_wait_error(ended, CACHECORE_UNCERTAIN, where + " after a change was sent: it may or may not have been applied");
  } else {
    set_wait_error(ended, CACHECORE_UNAVAILABLE, where);
  }
  end_request(ended);
}

void lane::end_unsent(request_list &ended, cachecore_status status, const std::string &why) noexcept {
  while (request *each = ended.pop()) {
    count_off(*each);
    end_unsent_request(each, status, why);
  }
}

bool lane::check_stalled(int64_t now, int64_t read_deadline_ns) noexcept {
  const int64_t since = awaiting_since_.load(std::memory_order_relaxed);
  if (since == 0 || now - since <= read_deadline_ns || purpose_ == purpose::exclusive) return false;
  const std::lock_guard<std::mutex> lock(mutex_);
  begin_failing("the server has not answered within the read deadline");
  return true;
}

// ---- The loop's events ----

void lane::arm_read() noexcept {
  if (read_armed_ || read_event_ == nullptr) return;
  event_add(read_event_, nullptr);
  read_armed_ = true;
}

void lane::arm_write() noexcept {
  if (write_event_ != nullptr) event_add(write_event_, nullptr);
}

void lane::disarm() noexcept {
  if (!read_armed_) return;
  event_del(read_event_);
  read_armed_ = false;
}

}  // namespace cachecore_internal
