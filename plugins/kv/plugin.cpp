// plugin.cpp: what callers see of kv.

#include "kv.h"

namespace kv_plugin {

namespace {

using namespace spec;

constexpr about kv_about{
    .name = "kv",
    .version = "0.1.0",
    .license = "MIT",
    .summary = "Keys and values of Redis' own types: strings, JSON, counters, hashes, lists, expiry.",
    .needs = {"redis/1", "json/1", "stream/1"}};

// Parameters that several methods have.
constexpr uint32_t a_string = some_bytes | an_int | a_double;
constexpr auto the_key = key("key", "The key, without the core's key_prefix.");
constexpr auto the_value = any("value", "Stored as bytes; numbers as their decimal text.").kinds(a_string);
constexpr auto the_ttl = duration("ttl_ms", "Expires so much later; without it, never.").at_least(1);
constexpr auto the_field = bytes("field", "The name of a field.");

constexpr auto set_options =
    fields(text("if", "\"absent\": only where there is no key; \"present\": only where there is one.")
               .kinds(some_bytes)
               .optional(),
           any("keep_ttl", "Keeps the expiry that the key has.").kinds(a_bool).by_default(false));

constexpr uint32_t borrows = borrows_arguments;
constexpr uint32_t reads = read_only | idempotent | borrows_arguments;
constexpr uint32_t writes_same = idempotent | borrows_arguments;

constexpr auto kv_methods = declare(
    // Strings
    method<&kv::set>("set", "Writes a value.",
                     "BOOL: whether it was written (false: the condition of `if` did not hold)", writes_same, the_key,
                     the_value, the_ttl, any("options", "Conditions.").optional().with_fields<set_options>()),
    method<&kv::get>("get", "Reads a value.", "BYTES, or NOT_FOUND", reads, the_key),
    method<&kv::set_many>("set_many", "Writes several values: at once, or with ttl_ms one after the other.",
                          "INT: how many", writes_same, any("pairs", "Keys and their values."), the_ttl),
    method<&kv::get_many>("get_many", "Reads several values. A key that holds no string reads as NIL, too.",
                          "LIST in the order of the keys: BYTES, or NIL where there is none", reads,
                          any("keys", "The keys.")),
    method<&kv::increment>(
        "increment", "Adds to a counter; one that does not exist counts as 0.", "INT: the new count", borrows, the_key,
        count("by", "What is added; may be negative.").by_default(1),
        duration("ttl_ms", "Expiry of a counter that is made by this call; an existing one keeps its own.")
            .at_least(1)),
    method<&kv::compare_and_set>(
        "compare_and_set", "Writes a value if the key holds what is expected.", "BOOL: whether it was written", borrows,
        the_key, any("expected", "What the key must hold; NIL: it must not exist.").kinds(a_string).optional(),
        the_value, the_ttl),

    // JSON
    method<&kv::set_json>("set_json", "Stores any value as JSON.", "NIL", writes_same, the_key,
                          json("value", "Lists, maps, text, numbers."), the_ttl),
    method<&kv::get_json>("get_json", "Reads what set_json stored; something else, or of another kind, is CORRUPT.",
                          "the value, or NOT_FOUND", reads, the_key,
                          text("kind", "What it must be: nil, bool, int, double (or int), text, bytes, list or map.")),

    // Keys
    method<&kv::remove>("delete", "Deletes a key of any type.", "BOOL: whether there was one", writes_same, the_key),
    method<&kv::delete_many>("delete_many", "Deletes keys of any type.", "INT: how many there were", writes_same,
                             any("keys", "The keys.")),
    method<&kv::delete_matching>(
        "delete_matching",
        "Deletes the keys that match a pattern, in batches on every node. It takes a time that grows with all keys.",
        "INT: how many", idempotent | borrows_arguments,
        pattern("pattern", "A glob within the key_prefix: * ? [a-z] and \\ for themselves.").at_least(1)),
    method<&kv::exists>("exists", "Tells whether there is such a key, of any type.", "BOOL", reads, the_key),
    method<&kv::expire>("expire", "Sets or removes the expiry of a key.", "BOOL true, or NOT_FOUND", writes_same,
                        the_key, duration("ttl_ms", "Expires so much later; -1: never.").at_least(-1)),
    method<&kv::ttl>("ttl", "Tells how long a key lives on.", "INT: milliseconds, -1 without expiry; or NOT_FOUND",
                     read_only | borrows, the_key),

    // Hashes
    method<&kv::hash_set>("hash_set", "Sets a field of a hash.", "BOOL: whether the field is new", writes_same, the_key,
                          the_field, the_value),
    method<&kv::hash_get>("hash_get", "Reads a field of a hash.", "BYTES, or NOT_FOUND", reads, the_key, the_field),
    method<&kv::hash_get_all>("hash_get_all", "Reads all fields of a hash.", "MAP of BYTES, or NOT_FOUND", reads,
                              the_key),
    method<&kv::hash_set_many>(
        "hash_set_many", "Sets fields of a hash, and its expiry.", "INT: how many fields are new", writes_same, the_key,
        any("fields", "Fields and their values."),
        duration("ttl_ms", "The whole hash expires so much later; without it, it keeps the expiry it has.")
            .at_least(1)),
    method<&kv::hash_increment>("hash_increment", "Adds to a field of a hash; one that does not exist counts as 0.",
                                "INT: the new count", borrows, the_key, the_field,
                                count("by", "What is added; may be negative.").by_default(1)),
    method<&kv::hash_delete>("hash_delete", "Deletes fields of a hash.", "INT: how many there were", writes_same,
                             the_key, bytes("field", "A field, or a list of them.").kinds(some_bytes | a_list)),

    // Lists
    method<&kv::list_push>("list_push", "Adds to a list.", "INT: its new length", borrows, the_key,
                           any("value", "Stored as bytes; a LIST adds its items, in order.").kinds(a_string | a_list),
                           text("side", "\"left\" or \"right\".").by_default("right")),
    method<&kv::list_pop>("list_pop", "Takes from a list; by default the oldest of what list_push added.",
                          "BYTES, or NOT_FOUND", borrows, the_key,
                          text("side", "\"left\" or \"right\".").by_default("left")),
    method<&kv::list_range>("list_range", "Reads a part of a list.", "LIST of BYTES, empty where there is none", reads,
                            the_key,
                            count("start", "The first, from 0; negative ones count from the end.").by_default(0),
                            count("stop", "The last, itself included.").by_default(-1)),
    method<&kv::list_remove>(
        "list_remove", "Removes items that equal a value.", "INT: how many", borrows, the_key, the_value,
        count("count", "How many at most: from the left; negative: from the right; 0: all.").by_default(0)),

    // Events
    method<&kv::watch_expired>(
        "watch_expired", "Streams keys that expire. The server must have E and x in notify-keyspace-events.",
        "MAPs {kind: \"watching\", verified}, {kind: \"expired\", key}, {kind: \"deaf\", reason}",
        read_only | streaming | borrows,
        pattern("pattern", "A glob within the key_prefix.").at_least(1).by_default("*")));

}  // namespace

}  // namespace kv_plugin

CACHECORE_PLUGIN(kv_plugin::kv, kv_plugin::kv_about, kv_plugin::kv_methods)
