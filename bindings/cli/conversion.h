// conversion.h: a text of the command line as the value its parameter takes.
//
// The parameter's kinds decide, never the text alone: what may be BYTES is BYTES, so that 007 and true stay what was
// typed. Only a parameter that takes any value looks at the text: JSON where it is JSON, else text.
//
// Thread rule: functions are reentrant. Errors: failure(INVALID_ARGUMENT) naming the parameter, what it takes and what
// it got; the value of a secret parameter is never repeated.
#pragma once

#include <string>

#include "description.h"
#include "value_store.h"

namespace cachectl {

// `name` is how the parameter is called in errors. The value's memory is in `store`.
cachecore_value convert(const parameter_description &parameter, const std::string &name, std::string text,
                        value_store &store);

// As above, for JSON given explicitly.
cachecore_value convert_json(const parameter_description &parameter, const std::string &name, const std::string &json,
                             value_store &store);

}  // namespace cachectl
