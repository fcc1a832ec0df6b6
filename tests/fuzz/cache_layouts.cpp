// What others may have written into the cache's keys: entries, markers and leases of any bytes.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "plugins/cache/lease_note.h"
#include "plugins/cache/marker.h"

using namespace cache_plugin;

namespace {

void require(bool holds) {
  if (!holds) abort();
}

bool lies_within(std::string_view part, std::string_view whole) {
  return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const std::string_view stored(reinterpret_cast<const char *>(data), size);
  require(lies_within(entry_id(stored), stored));

  generation seen;
  tag_list tags;
  if (const std::optional<entry_view> entry = parse_entry(stored)) {
    require(lies_within(entry->payload, stored) && lies_within(entry->tags.packed(), stored));
    require(entry->coding <= (compressed | sealed));
    size_t found = 0;
    for (const std::string_view tag : entry->tags) {
      require(lies_within(tag, entry->tags.packed()));
      found++;
    }
    require(found == entry->tags.count() && found == data[49]);
    seen = entry->seen;
    tags = entry->tags;
  }

  if (const std::shared_ptr<const marker> marks = marker::parse(stored)) {
    require(marks->is(stored.substr(0, marker::header_size)));
    const verdict with_tags = marks->judge(seen, "key", tags);
    if (!marks->admits(seen, "key")) require(with_tags == verdict::invalid);
    if (tags.empty()) require(with_tags != verdict::ask);
  }

  const lease_note note = lease_note::parse(stored);
  require(lies_within(note.token, stored) && lies_within(note.message, stored));
  if (note.what == lease_note::kind::loading) require(lease_note::begun(note.token, note.seen) == stored);
  return 0;
}
