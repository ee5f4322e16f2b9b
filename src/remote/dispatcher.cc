#include "remote/dispatcher.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace qed {
namespace {

// Requests of one stretch that fail one after the other without a token.
constexpr int32_t kMaxFailures = 10;
constexpr std::chrono::seconds kTokenizeTimeout{10};
constexpr size_t kMaxErrorBytes = 1 << 20;
constexpr size_t kMaxEventBytes = 4 << 20;

std::optional<double> RetryAfter(const HttpResponse& response) {
  const std::string* text = response.headers.Find("Retry-After");
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const double seconds = std::strtod(text->c_str(), &end);
  // A date is as good as nothing.
  return end != text->c_str() && *end == '\0' ? std::optional(seconds) : std::nullopt;
}

}  // namespace

Dispatcher::Dispatcher(const ServerInfo& info, std::vector<PooledServer> servers,
                       std::chrono::milliseconds timeout, Clock::Duration patience,
                       std::function<void(const std::string&)> on_news)
    : info_(info),
      timeout_(timeout),
      pool_(loop_, info, std::move(servers), patience,
            {.on_room = [this] { StartWaiting(); },
             .on_lost = [this](const Status& why) { OnLost(why); },
             .on_news = std::move(on_news)}) {
  loop_.Post([this] { pool_.Begin(); });
}

void Dispatcher::Begin(SamplePtr sample, std::string text, std::optional<std::vector<int32_t>> ids,
                       int32_t max_tokens, std::function<void(Segment)> done) {
  loop_.Post([this, sample = std::move(sample), text = std::move(text), ids = std::move(ids),
              max_tokens, done = std::move(done)]() mutable {
    if (ids) {
      sample->sequence.Begin(text, *ids, max_tokens);
    } else {
      sample->unknown_ids = std::move(text);
      sample->max_tokens = max_tokens;
    }
    sample->done = std::move(done);
    sample->failures = 0;
    sample->tokens_told = 0;
    Enqueue(std::move(sample), false);
  });
}

void Dispatcher::Cancel(SamplePtr sample) {
  loop_.Post([this, sample = std::move(sample)] {
    if (sample->state == RemoteSample::State::kIdle) return;
    StopRunning(*sample);
    std::erase(waiting_, sample);
    End(sample, Segment::Finish::kCancelled);
    StartWaiting();
  });
}

void Dispatcher::Drop(SamplePtr sample) {
  loop_.Post([this, sample = std::move(sample)] {
    StopRunning(*sample);
    std::erase(waiting_, sample);
    sample->state = RemoteSample::State::kIdle;
    sample->done = nullptr;
    StartWaiting();
  });
}

void Dispatcher::StopRunning(RemoteSample& sample) {
  if (sample.state != RemoteSample::State::kRunning) return;
  loop_.Cancel(sample.call);
  pool_.GiveBack(*sample.server);
}

void Dispatcher::Enqueue(SamplePtr sample, bool first) {
  sample->state = RemoteSample::State::kQueued;
  if (pool_.lost()) return End(sample, Segment::Finish::kError, *pool_.lost());
  if (first) {
    waiting_.push_front(std::move(sample));
  } else {
    waiting_.push_back(std::move(sample));
  }
  StartWaiting();
}

void Dispatcher::StartWaiting() {
  while (!waiting_.empty()) {
    const std::optional<size_t> server = pool_.Take(waiting_.front()->server);
    if (!server) return;
    const SamplePtr sample = std::move(waiting_.front());
    waiting_.pop_front();
    Start(sample, *server);
  }
}

void Dispatcher::Start(const SamplePtr& sample, size_t server) {
  sample->state = RemoteSample::State::kRunning;
  sample->server = server;
  if (sample->unknown_ids) return AskForIds(sample);
  Complete(sample);
}

void Dispatcher::AskForIds(const SamplePtr& sample) {
  HttpFetch fetch = pool_.address(*sample->server)
                        .Fetch("POST", "/tokenize", TokenizeBody(info_, *sample->unknown_ids));
  fetch.deadline = Clock::Real().Now() + kTokenizeTimeout;
  sample->call = loop_.Start(std::move(fetch),
                             [this, sample](const HttpReply& reply) { OnIds(sample, reply); });
}

void Dispatcher::OnIds(const SamplePtr& sample, const HttpReply& reply) {
  const std::string name = pool_.address(*sample->server).Name();
  const Result<std::vector<int32_t>> ids = TokensOf(reply);
  if (ids.ok()) {
    const std::string text = *std::exchange(sample->unknown_ids, std::nullopt);
    sample->sequence.Begin(text, *ids, sample->max_tokens);
    return Complete(sample);
  }
  pool_.GiveBack(*sample->server);
  const Status why = ids.status().WithPrefix(name);
  pool_.OnFailure(*sample->server, why);
  TryAgain(sample, why);
  StartWaiting();
}

void Dispatcher::Complete(const SamplePtr& sample) {
  const size_t server = *sample->server;
  sample->events = SseParser(kMaxEventBytes);
  sample->broken = OkStatus();
  sample->ended = false;
  HttpFetch fetch =
      pool_.address(server).Fetch("POST", CompletionPath(info_.kind), sample->sequence.NextBody());
  fetch.read_timeout = timeout_;
  fetch.max_response_bytes = kMaxErrorBytes;
  fetch.on_data = [this, sample](std::string_view bytes) { return OnData(*sample, bytes); };
  sample->call = loop_.Start(std::move(fetch),
                             [this, sample](const HttpReply& reply) { OnReply(sample, reply); });
}

// False: nothing more of the reply is wanted.
bool Dispatcher::OnData(RemoteSample& sample, std::string_view bytes) {
  std::vector<SseEvent> events;
  sample.broken = sample.events.Feed(bytes, events);
  for (const SseEvent& event : events) {
    Result<CompletionEvent> parsed = ParseCompletionEvent(info_.kind, event.data);
    if (!parsed.ok()) {
      sample.broken = parsed.status();
      break;
    }
    sample.ended = parsed->done;
    if (const Status status = sample.sequence.OnEvent(*std::move(parsed)); !status.ok()) {
      sample.broken = status;
      break;
    }
    if (sample.ended || sample.sequence.satisfied()) break;
  }
  const int64_t tokens = sample.sequence.tokens();
  if (tokens > sample.tokens_told) {
    tokens_ += tokens - std::exchange(sample.tokens_told, tokens);
    sample.failures = 0;
    pool_.OnProgress(*sample.server);
  }
  return sample.broken.ok() && !sample.ended && !sample.sequence.satisfied();
}

void Dispatcher::OnReply(const SamplePtr& sample, const HttpReply& reply) {
  pool_.GiveBack(*sample->server);
  const std::string name = pool_.address(*sample->server).Name();
  if (sample->broken.ok() && sample->sequence.complete()) {
    pool_.OnGoodReply(*sample->server);
    End(sample, std::nullopt);
    return StartWaiting();
  }
  const bool stopped_by_us = reply.status.code() == StatusCode::kCancelled;
  if (!sample->broken.ok()) {
    OnBroken(sample, sample->broken.WithPrefix(name));
  } else if (!reply.status.ok() && !stopped_by_us) {
    GoOn(sample, Unavailable(reply.status.message()));
  } else if (reply.status.ok() && reply.response.status != 200) {
    OnRefusal(sample, reply.response);
  } else {
    GoOn(sample, Unavailable(name + ": a reply ended before its completion did"));
  }
  StartWaiting();
}

void Dispatcher::OnRefusal(const SamplePtr& sample, const HttpResponse& response) {
  const std::string name = pool_.address(*sample->server).Name();
  const std::string why = name + " answers " + DescribeRefusal(response);
  const std::optional<double> retry_after = RetryAfter(response);
  const int status = response.status;
  if (status == 429 || (status == 503 && retry_after)) {
    pool_.OnBusy(*sample->server, retry_after);
    return Enqueue(sample, true);
  }
  // A text that is too long concerns this sample; what else is wrong with a request
  // is wrong with those of all samples.
  if (status == 413 || (status == 400 && why.find("context") != std::string::npos)) {
    return End(sample, Segment::Finish::kError, InvalidArgument(why));
  }
  if (status >= 400 && status < 500 && status != 408) {
    return End(sample, Segment::Finish::kError, Unavailable(why));
  }
  GoOn(sample, Unavailable(why));
}

// A reply that nothing can be done with. Where the server has given others that were good,
// and where the reply is but an end that we do not know, the sample is to blame.
void Dispatcher::OnBroken(const SamplePtr& sample, const Status& why) {
  const bool garbage = why.code() == StatusCode::kCorrupt && pool_.has_replied(*sample->server);
  if (why.code() != StatusCode::kInvalidArgument && !garbage) return GoOn(sample, why);
  End(sample, Segment::Finish::kError, InvalidArgument(why.message()));
}

// The server failed: the sample goes on from what it has.
void Dispatcher::GoOn(const SamplePtr& sample, const Status& why) {
  pool_.OnFailure(*sample->server, why);
  sample->sequence.OnBroken();
  tokens_ +=
      sample->sequence.tokens() - std::exchange(sample->tokens_told, sample->sequence.tokens());
  if (sample->sequence.complete()) return End(sample, std::nullopt);
  TryAgain(sample, why);
}

void Dispatcher::TryAgain(const SamplePtr& sample, const Status& why) {
  if (++sample->failures >= kMaxFailures) {
    return End(sample, Segment::Finish::kError,
               Unavailable(why.message() + " (" + std::to_string(kMaxFailures) +
                           " times without a token)"));
  }
  Enqueue(sample, true);
}

void Dispatcher::End(const SamplePtr& sample, std::optional<Segment::Finish> forced, Status error) {
  sample->state = RemoteSample::State::kIdle;
  // It ends before its stretch had begun.
  if (sample->unknown_ids) {
    sample->sequence.Begin(*std::exchange(sample->unknown_ids, std::nullopt), {},
                           sample->max_tokens);
  }
  Segment segment = sample->sequence.Take(forced);
  segment.error = std::move(error);
  // The next stretch may begin in `done` itself.
  std::exchange(sample->done, nullptr)(std::move(segment));
}

void Dispatcher::OnLost(const Status& why) {
  while (!waiting_.empty()) {
    const SamplePtr sample = std::move(waiting_.front());
    waiting_.pop_front();
    End(sample, Segment::Finish::kError, why);
  }
}

}  // namespace qed
