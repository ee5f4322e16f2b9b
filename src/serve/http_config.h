// What `qed serve` lets in: who may ask, and how much.
#ifndef QED_SERVE_HTTP_CONFIG_H_
#define QED_SERVE_HTTP_CONFIG_H_

#include "base/status.h"
#include "config/serve_config.h"
#include "net/http_server.h"
#include "serve/reading_queue.h"

namespace qed {

// Limits, guard and the shape of errors. Errors name the flag.
Result<HttpServerConfig> MakeHttpConfig(const ServeConfig& config);

// Threads that read bodies, and what may wait for them.
inline constexpr int kReaders = 2;
ReadingLimits MakeReadingLimits(const ServeConfig& config);

}  // namespace qed

#endif  // QED_SERVE_HTTP_CONFIG_H_
