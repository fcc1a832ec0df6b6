// crypto.h: what stands behind the service "crypto/1" of plugin.h (OpenSSL's EVP, the kernel's random numbers).
//
// Problem: OpenSSL 3 looks an algorithm up by name at every use unless told otherwise, which costs more than hashing 64
// bytes. Choice: SHA-256, HMAC and AES-256-GCM are fetched once a process; every call makes its own context (40 of 270
// ns for SHA-256 of 64 bytes). Rejected: contexts kept per thread, because they keep keys in memory after the call;
// RAND_bytes, because it takes three times as long as getrandom and its locks may be held, in the child of a fork, by a
// thread that is gone.
//
// Thread rule: every function of the table may run on any thread, at any time, in a fork's child too: there are no
// locks. Invariants: OpenSSL's error queue is as it was; keys and plain texts that are not the caller's leave memory
// with the call.
#pragma once

#include <cachecore/plugin.h>

namespace cachecore_internal {

// The table, static. The first call fetches the algorithms, so a host makes it before anybody forks.
//
// A null pointer with a size is INVALID_ARGUMENT. `out` must not overlap what is read. An `open` that fails leaves
// zeroes in `out`.
const cachecore_crypto_service *crypto_service() noexcept;

}  // namespace cachecore_internal
