// arguments.h: the words behind a method as its arguments.
//
//     name=text        converted by the parameter's kinds        name=@file, name=-   the text is read
//     name:=json       JSON, explicitly                          name:=@file, name:=- likewise
//     name.field=text  a key of a MAP                            name=item again      one more item of a LIST
//     word             the next parameter in order, with @file and - as above; all words from a LIST parameter on are
//     its items
//
// A literal word (one that stood behind `--`) is the next parameter in order, just as it is.
//
// Thread rule: main thread only. Errors: failure(INVALID_ARGUMENT) that names the word or the parameter, with the
// nearest name.
#pragma once

#include <string>
#include <vector>

#include "description.h"
#include "input.h"
#include "value_store.h"

namespace cachectl {

struct word {
  std::string text;
  bool literal = false;
};

struct bound_arguments {
  value_store store;
  std::vector<cachecore_value> values;  // one for each parameter, NIL where absent
};

bound_arguments bind_arguments(const method_description &method, const std::vector<word> &words, input &in);

// `names` as "a, b and c"; for messages.
std::string joined(const std::vector<std::string> &names);

}  // namespace cachectl
