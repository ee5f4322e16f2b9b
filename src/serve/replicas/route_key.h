// What of a request's body matters for which replica gets it.
#ifndef QED_SERVE_REPLICAS_ROUTE_KEY_H_
#define QED_SERVE_REPLICAS_ROUTE_KEY_H_

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace qed {

// A block is so many bytes of text, about 32 tokens.
inline constexpr size_t kRouteBlockBytes = 128;
// What lies behind so many blocks does not count: prompts that agree so far go together.
inline constexpr size_t kMaxRouteBlocks = 512;

struct RouteKey {
  // Of the first prompt, a hash of all text up to the end of each block; the last block may be
  // short, so that equal prompts agree to their end.
  std::vector<uint64_t> blocks;
  int32_t completions = 1;  // that are asked for
};

// Of a body of /v1/completions or /v1/chat/completions, where the text is that of the functions and
// messages as JSON. Says nothing of what is wrong with a body: the replica will. Takes a time in
// proportion to the body's length.
RouteKey ReadRouteKey(std::string_view body);

}  // namespace qed

#endif  // QED_SERVE_REPLICAS_ROUTE_KEY_H_
