// What other people's servers answer: hubs (lists of files), LLM servers (models, tokens,
// streamed completions), sandboxes (results of cells).
#include <string>
#include <vector>

#include "base/status.h"
#include "fetch/hub_client.h"
#include "fetch/repo.h"
#include "net/http_message.h"
#include "net/sse.h"
#include "remote/completion.h"
#include "remote/server_info.h"
#include "sandbox/protocol.h"
#include "tests/fuzz/fuzz_input.h"

namespace qed {
namespace {

constexpr ServerKind kKinds[] = {ServerKind::kQed,      ServerKind::kVllm,
                                 ServerKind::kSglang,   ServerKind::kTensorRtLlm,
                                 ServerKind::kLlamaCpp, ServerKind::kOther};

void ReadListing(std::string_view body) {
  const Result<HubListing> listing = ParseListing(body);
  if (!listing.ok()) return;
  for (const HubFile& file : listing->files) {
    FuzzCheck(CheckFileName(file.path).ok(), "names of a list stay in their folder");
  }
}

std::vector<SseEvent> Events(std::string_view stream, size_t piece) {
  SseParser parser(/*max_event_bytes=*/4096);
  std::vector<SseEvent> events;
  for (size_t at = 0; at < stream.size(); at += piece) {
    if (!parser.Feed(stream.substr(at, piece), events).ok()) break;
  }
  return events;
}

void ReadStream(std::string_view stream) {
  const std::vector<SseEvent> events = Events(stream, stream.size() + 1);
  const std::vector<SseEvent> pieces = Events(stream, 3);
  FuzzCheck(events.size() == pieces.size(), "a stream has the same events in pieces");
  for (size_t i = 0; i < events.size(); ++i) {
    FuzzCheck(events[i].data == pieces[i].data, "an event has the same data in pieces");
    for (const ServerKind kind : kKinds) {
      const Result<CompletionEvent> event = ParseCompletionEvent(kind, events[i].data);
      if (event.ok()) FuzzCheck(event->logprobs.size() < stream.size(), "log-probs were read");
    }
  }
}

}  // namespace
}  // namespace qed

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  qed::WriteSeeds(
      *argc, *argv,
      {R"({"sha": "0123456789012345678901234567890123456789", "siblings": [{"rfilename": "a/b.json",
           "size": 3, "blobId": "0123456789012345678901234567890123456789",
           "lfs": {"sha256": "0", "size": 9223372036854775807}}]})",
       R"({"data": [{"id": "m", "owned_by": "vllm", "max_model_len": 4096, "max_num_seqs": 8}]})",
       R"({"tokens": [1, 2, 3], "count": 3, "max_model_len": 4096})",
       R"({"process_status": "completed", "stdout": "1\n", "stderr": "", "new_session_created": true})",
       "data: {\"choices\": [{\"text\": \"a\", \"token_ids\": [1], \"finish_reason\": \"stop\", "
       "\"stop_reason\": \"b\", \"logprobs\": {\"token_logprobs\": [-1.5, null]}}], \"usage\": "
       "{\"completion_tokens\": 1}}\r\n\r\n: x\n\nevent: e\ndata: [DONE]\n\n",
       "data: {\"content\": \"a\", \"tokens\": [1], \"stop\": true, \"stop_type\": \"word\", "
       "\"stopping_word\": \"b\", \"tokens_predicted\": 3}\n\ndata: {\"error\": {\"message\": "
       "\"m\"}}\n\n"});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body = qed::FuzzText(data, size);
  qed::ReadListing(body);
  (void)qed::ParseModels(body, "");
  (void)qed::ParseTokens(body);
  (void)qed::ParseExecuteResult(body);
  (void)qed::ParseUrl(body);
  (void)qed::ParseRepo(body, qed::RepoType::kModel);
  qed::ReadStream(body);
  return 0;
}
