// HTTP requests, chunked ones too: read whole and in pieces, which must come to the same.
// Two readers of one stream that see different requests are how requests are smuggled.
#include <algorithm>
#include <string>

#include "net/request_parser.h"
#include "tests/fuzz/fuzz_input.h"

namespace qed {
namespace {

struct Outcome {
  RequestParser::State state = RequestParser::State::kHeaders;
  HttpRequest request;
  size_t used = 0;
};

// Gives the parser `piece` bytes more at a time, as a connection does.
Outcome Parse(std::string_view stream, size_t piece) {
  using State = RequestParser::State;
  RequestParser parser({.max_target_bytes = 64, .max_header_bytes = 256, .max_body_bytes = 1024});
  Outcome outcome;
  size_t arrived = 0;
  while (arrived < stream.size()) {
    arrived = std::min(arrived + piece, stream.size());
    const size_t used = parser.Feed(stream.substr(outcome.used, arrived - outcome.used));
    FuzzCheck(used <= arrived - outcome.used, "Feed uses what it was given");
    outcome.used += used;
    outcome.state = parser.state();
    if (outcome.state == State::kDone || outcome.state == State::kFailed) break;
  }
  if (outcome.state == State::kDone) {
    outcome.request = parser.Take();
    FuzzCheck(outcome.request.body.size() <= 1024, "bodies are limited");
  } else if (outcome.state == State::kFailed) {
    FuzzCheck(parser.error_status() >= 400 && !parser.error().empty(), "errors are told");
  }
  return outcome;
}

}  // namespace
}  // namespace qed

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string post = "POST /v1/completions HTTP/1.1\r\nHost: localhost:5000\r\n";
  qed::WriteSeeds(
      *argc, *argv,
      {"GET /health?a=b%20c&d=+ HTTP/1.1\r\nHost: [::1]:5000\r\nConnection: close\r\n\r\n",
       post + "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
       post +
           "Transfer-Encoding: chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n",
       post + "Expect: 100-continue\r\nContent-Length: 1024\r\n\r\n",
       "\r\nGET http://a.example/sessions/x HTTP/1.0\r\n\r\n"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view stream = qed::FuzzText(data, size);
  const qed::Outcome whole = qed::Parse(stream, std::max<size_t>(size, 1));
  for (const size_t piece : {1, 7}) {
    const qed::Outcome pieces = qed::Parse(stream, piece);
    if (whole.state != qed::RequestParser::State::kDone) continue;
    qed::FuzzCheck(pieces.state == whole.state, "what is whole at once is whole in pieces");
    qed::FuzzCheck(pieces.used == whole.used, "a request ends at one place");
    qed::FuzzCheck(pieces.request.body == whole.request.body, "a request has one body");
    qed::FuzzCheck(pieces.request.target == whole.request.target, "a request has one target");
  }
  return 0;
}
