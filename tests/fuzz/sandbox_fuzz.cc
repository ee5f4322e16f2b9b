// What comes out of the jail (messages, output) and what comes from the sandbox's clients
// (requests). The first byte says in what pieces a stream arrives.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/unique_fd.h"
#include "nlohmann/json.hpp"
#include "sandbox/frame.h"
#include "sandbox/output.h"
#include "sandbox/protocol.h"
#include "tests/fuzz/fuzz_input.h"

namespace qed {
namespace {

// The payloads of all frames, up to the first that is none.
std::vector<std::string> Frames(std::string_view stream, size_t piece) {
  int ends[2];
  FuzzCheck(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0, "a pair of sockets");
  const UniqueFd reader(ends[0]), writer(ends[1]);
  FrameReader frames;
  std::vector<std::string> payloads;
  for (size_t at = 0; at < stream.size(); at += piece) {
    const std::string_view part = stream.substr(at, piece);
    FuzzCheck(::write(writer.get(), part.data(), part.size()) == static_cast<ssize_t>(part.size()),
              "a socket takes a piece");
    FuzzCheck(frames.Fill(reader.get()).ok(), "a piece can be read");
    while (true) {
      const Result<std::optional<Frame>> frame = frames.Next();
      if (!frame.ok()) return payloads;
      if (!*frame) break;
      FuzzCheck((*frame)->payload.size() <= FrameReader::kMaxPayload, "payloads are limited");
      payloads.push_back((*frame)->payload);
    }
  }
  return payloads;
}

void ReadOutput(std::string_view text, int32_t limit) {
  int ends[2];
  FuzzCheck(::pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0, "a pipe");
  const UniqueFd reader(ends[0]), writer(ends[1]);
  OutputStream stream(limit);
  for (size_t at = 0; at < text.size(); at += 4096) {
    const std::string_view part = text.substr(at, 4096);
    FuzzCheck(::write(writer.get(), part.data(), part.size()) == static_cast<ssize_t>(part.size()),
              "a pipe takes a piece");
    stream.Read(reader.get());
  }
  const std::string shown = stream.Finish();
  FuzzCheck(ParseJson(DumpJson(nlohmann::json(shown)))->get<std::string>() == shown,
            "what is shown is UTF-8");
  const auto begins = std::count_if(
      shown.begin(), shown.end(), [](char c) { return (static_cast<unsigned char>(c) >> 6) != 2; });
  FuzzCheck(begins <= limit + static_cast<int32_t>(std::string_view("<output cut>").size()),
            "what is shown is cut");
}

void ReadRequest(std::string_view body) {
  const std::string id = "s";
  for (const std::string* session : {static_cast<const std::string*>(nullptr), &id}) {
    const auto request = ParseExecuteRequest(body, session);
    if (!request.ok()) continue;
    const auto again = ParseExecuteRequest(FormatExecuteRequest(*request), session);
    FuzzCheck(again.ok() && again->max_output_characters == request->max_output_characters,
              "a request can be passed on");
  }
}

}  // namespace
}  // namespace qed

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using qed::EncodeFrame;
  using qed::FrameKind;
  const std::string done(5, '\0');
  qed::WriteSeeds(
      *argc, *argv,
      {"a" + EncodeFrame(FrameKind::kReady, "") + EncodeFrame(FrameKind::kDone, done),
       "a" + EncodeFrame(FrameKind::kError, std::string(4096, 'x')),
       "3\xe2\x82\xac\xf0\x9f\x98\x80 a\xff\n\n",
       R"(9{"generated_code": "1", "timeout": 2.5, "language": "ipython", "std_input": "",
                       "max_output_characters": 10, "traceback_verbosity": "Plain"})"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view rest = qed::FuzzText(data, size).substr(1);
  const size_t piece = 1 + data[0] % 64;
  qed::FuzzCheck(qed::Frames(rest, piece) == qed::Frames(rest, 4096),
                 "a stream has the same frames in pieces");
  qed::ReadOutput(rest, data[0]);
  qed::ReadRequest(rest);
  return 0;
}
