// trace.h: requests as they were recorded: a file of one of three formats.
//
//     ids            text: on each line the name or number of an object; every object counts as one
//     oracleGeneral  libCacheSim's binary format, 24 bytes a request, little-endian: 4 bytes time, 8 bytes object,
//                    4 bytes size, 8 bytes when the object is next asked for (not used)
//     csv            text: on each line the fields of a request, parted by commas. A first line that names an id column
//                    (id, obj_id, object, key ...) says which is which; else one field is the object, two are object
//                    and size, and of three or more the second is the object and the third its size. Without sizes
//                    every object counts as one.
//
// Empty lines and requests for objects of no bytes are passed over.
//
// Thread rule: one thread. Errors: trace_error, which says where and what was expected.
#pragma once

#include <cstdint>
#include <istream>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

namespace simulate {

struct request {
  uint64_t id = 0;
  uint32_t size = 1;
};

class trace_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class trace {
 public:
  trace() = default;
  trace(const trace &) = delete;
  trace &operator=(const trace &) = delete;
  virtual ~trace() = default;

  // False at the end.
  virtual bool next(request &out) = 0;
};

enum class trace_format { ids, oracle_general, csv };

// False: there is none of that name.
bool parse_trace_format(std::string_view name, trace_format &out);

// `source` outlives the trace; `name` is what errors call it.
std::unique_ptr<trace> open_trace(std::istream &source, trace_format format, std::string name);

}  // namespace simulate
