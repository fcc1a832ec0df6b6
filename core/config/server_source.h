// server_source.h: the server and what belongs to it: password and TLS.
//
// Invariant: a password written beside one url is never sent to the server of another. So a source that names a url of
// its own gives its password and its tls only to that url; a source without one gives them to whichever url is used.
//
// Thread rule: reentrant.
#pragma once

#include <vector>

#include "core/config/settings.h"

namespace cachecore_internal {

// Fills in server, server_is_default and tls. `sources` are in order of precedence, `merged` is the first of each
// setting.
void resolve_server(const std::vector<settings> &sources, const settings &merged, const environment &variables,
                    configuration &out);

}  // namespace cachecore_internal
