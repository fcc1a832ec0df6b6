// process.h: what the core must know about its process: forks, and the descriptors a child must not keep.
//
// A fork's child has the parent's memory but none of its threads, and shares its sockets, epoll sets and locks' files.
// So every core remembers the generation it was made in; a child has a newer one and abandons what it inherited.
// Inherited descriptors are closed in the child by the fork handler itself (an attached embedded server must not
// outlive its parents because of a child that never heard of it).
//
// Thread rule: all functions are lock-free and may run at any time, the child handler included.
#pragma once

#include <cstdint>

namespace cachecore_internal {

// Rises by one in the child of every fork.
uint64_t fork_generation() noexcept;

// Installs the fork handler once a process. Called by every core's init.
void watch_forks() noexcept;

// Descriptors the child of a fork closes. `forget` comes before close, so that a number reused by others is never
// closed.
void remember_descriptor(int descriptor) noexcept;
void forget_descriptor(int descriptor) noexcept;

// forget_descriptor and close; -1 is ignored.
void close_descriptor(int descriptor) noexcept;

}  // namespace cachecore_internal
