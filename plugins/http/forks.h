// forks.h: descriptors that a forked child must not keep.
//
// A child that kept the listening socket would keep the port taken after the parent has gone, and clients would wait in
// a line that nobody serves. So every socket is noted here, and closed in the child.
//
// Thread rule: any thread.
#pragma once

namespace http_plugin {

void note_descriptor(int descriptor);
// Before it is closed.
void forget_descriptor(int descriptor) noexcept;

}  // namespace http_plugin
