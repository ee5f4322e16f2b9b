// A request as it goes out. Private to src/net.
#ifndef QED_NET_REQUEST_TEXT_H_
#define QED_NET_REQUEST_TEXT_H_

#include <string>

#include "net/http_client.h"

namespace qed {

// Request line, header fields and body of `fetch`.
std::string FormatRequest(const HttpFetch& fetch);

}  // namespace qed

#endif  // QED_NET_REQUEST_TEXT_H_
