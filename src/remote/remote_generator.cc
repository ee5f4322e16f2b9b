#include "remote/remote_generator.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace qed {
namespace {

constexpr int32_t kDefaultSamplesPerServer = 32;
constexpr int32_t kDefaultMaxSeqLen = 4096;
constexpr int64_t kBytesPerToken = 3;
constexpr size_t kMaxRememberedTexts = 64;
// The caller of CountTokens has other samples to look after.
constexpr std::chrono::seconds kCountTimeout{2};
constexpr std::chrono::seconds kCountPause{10};  // after one that took so long
constexpr std::chrono::milliseconds kPause{100};

}  // namespace

// Used by one thread at a time.
class RemoteGenerator::Stream : public GenerationStream {
 public:
  Stream(const RemoteGenerator& generator, const SamplingParams& params)
      : generator_(generator), sample_(std::make_shared<RemoteSample>(generator.info_, params)) {}
  ~Stream() override { generator_.dispatcher_->Drop(sample_); }

  // Before the first stretch: nothing of the sample runs yet.
  void Watch(std::function<void(std::span<const float>)> on_logprobs) override {
    sample_->sequence.Watch(std::move(on_logprobs));
  }

  void Generate(std::string_view text, int32_t max_tokens,
                std::function<void(Segment)> done) override {
    // The server tells the ids of the first text, special tokens among them.
    std::optional<std::vector<int32_t>> ids(std::in_place);
    const bool continues = std::exchange(begun_, true);
    if (continues && generator_.info_.token_ids) ids = generator_.KnownTokens(text);
    generator_.dispatcher_->Begin(sample_, std::string(text), std::move(ids), max_tokens,
                                  std::move(done));
  }

  void Cancel() override { generator_.dispatcher_->Cancel(sample_); }

 private:
  const RemoteGenerator& generator_;
  const std::shared_ptr<RemoteSample> sample_;
  bool begun_ = false;
};

RemoteGenerator::RemoteGenerator(RemoteOptions options) : options_(std::move(options)) {}
RemoteGenerator::~RemoteGenerator() = default;

Result<std::unique_ptr<RemoteGenerator>> RemoteGenerator::Connect(RemoteOptions options) {
  QED_CHECK(!options.servers.empty());
  std::unique_ptr<RemoteGenerator> generator(new RemoteGenerator(std::move(options)));
  QED_RETURN_IF_ERROR(generator->AskServers());
  return generator;
}

// Fills info_ and the dispatcher.
Status RemoteGenerator::AskServers() {
  const Clock::Time give_up = Clock::Real().Now() + ToDuration(options_.connect_patience);
  std::vector<PooledServer> servers(options_.servers.size());
  std::string why;
  size_t up = 0;
  while (up == 0) {
    why.clear();
    for (size_t i = 0; i < servers.size(); ++i) {
      servers[i].address = options_.servers[i];
      const Result<ServerInfo> info =
          AskServer(client_, servers[i].address, options_.model,
                    Clock::Real().Now() + ToDuration(std::max(1.0, options_.connect_patience)));
      servers[i].up = info.ok();
      if (!info.ok()) {
        if (info.status().code() != StatusCode::kUnavailable) return info.status();
        why += (why.empty() ? "" : "; ") + info.status().message();
        continue;
      }
      QED_RETURN_IF_ERROR(Join(*info, servers[i].address.Name(), up == 0));
      servers[i].capacity = info->max_concurrent;
      ++up;
    }
    if (up > 0) break;
    if (Clock::Real().Now() >= give_up) {
      return Unavailable("no LLM server (" + why + "): start one with qed serve");
    }
    std::this_thread::sleep_for(kPause);
  }
  if (!why.empty() && options_.on_news) options_.on_news(why + "; going on without it for now");
  StartDispatcher(std::move(servers));
  return OkStatus();
}

// All servers must be alike, or a sample would depend on where it runs.
Status RemoteGenerator::Join(const ServerInfo& info, const std::string& name, bool first) {
  if (first) {
    info_ = info;
    return OkStatus();
  }
  if (info.kind != info_.kind || info.model != info_.model) {
    return InvalidArgument(name + " has " + info.model + " (" + ServerKindName(info.kind) +
                           "), the first one " + info_.model + " (" + ServerKindName(info_.kind) +
                           "): the servers of a run must have the same");
  }
  info_.token_ids = info_.token_ids && info.token_ids;
  info_.tokenizes = info_.tokenizes && info.tokenizes;
  if (info.max_seq_len > 0 && info_.max_seq_len > 0) {
    info_.max_seq_len = std::min(info_.max_seq_len, info.max_seq_len);
  }
  return OkStatus();
}

void RemoteGenerator::StartDispatcher(std::vector<PooledServer> servers) {
  if (options_.max_seq_len > 0) {
    info_.max_seq_len = info_.max_seq_len > 0 ? std::min(info_.max_seq_len, options_.max_seq_len)
                                              : options_.max_seq_len;
  } else if (info_.max_seq_len == 0) {
    info_.max_seq_len = kDefaultMaxSeqLen;
  }
  int64_t all = 0;
  for (PooledServer& server : servers) {
    const int32_t told = server.up ? server.capacity : info_.max_concurrent;
    server.capacity = options_.samples_per_server > 0 ? options_.samples_per_server
                      : told > 0                      ? told
                                                      : kDefaultSamplesPerServer;
    all += server.capacity;
  }
  const int64_t limit = options_.max_samples > 0 ? options_.max_samples : int64_t{1} << 20;
  max_concurrent_ = static_cast<int32_t>(std::min(all, limit));
  auto news = options_.on_news ? options_.on_news : [](const std::string&) {};
  dispatcher_ = std::make_unique<Dispatcher>(
      info_, std::move(servers),
      std::chrono::milliseconds(static_cast<int64_t>(options_.timeout * 1000)),
      ToDuration(options_.patience), std::move(news));
}

Result<std::unique_ptr<GenerationStream>> RemoteGenerator::Open(const SamplingParams& params) {
  QED_RETURN_IF_ERROR(CheckSampling(info_.kind, params));
  return std::unique_ptr<GenerationStream>(std::make_unique<Stream>(*this, params));
}

int64_t RemoteGenerator::tokens_generated() const { return dispatcher_->tokens(); }

std::string RemoteGenerator::Places() const {
  constexpr size_t kMaxShown = 4;
  const std::vector<ServerState> states = dispatcher_->States();
  std::string text;
  for (size_t i = 0; i < std::min(states.size(), kMaxShown); ++i) {
    const ServerState& state = states[i];
    text += (i > 0 ? ", " : "") + state.name +
            (state.up ? " (" + std::to_string(state.in_flight) + ")" : " (away)");
  }
  if (states.size() <= kMaxShown) return text;
  const auto up = std::ranges::count_if(states, [](const ServerState& s) { return s.up; });
  return text + " ... " + std::to_string(up) + " of " + std::to_string(states.size()) + " there";
}

int32_t RemoteGenerator::CountTokens(std::string_view text) const {
  if (info_.tokenizes) {
    const std::optional<std::vector<int32_t>> tokens = Tokenize(text);
    if (tokens) return static_cast<int32_t>(tokens->size());
  }
  return static_cast<int32_t>((static_cast<int64_t>(text.size()) + kBytesPerToken - 1) /
                              kBytesPerToken);
}

std::optional<std::vector<int32_t>> RemoteGenerator::KnownTokens(std::string_view text) const {
  const std::lock_guard lock(mutex_);
  const auto known = tokens_.find(text);
  return known == tokens_.end() ? std::nullopt : std::optional(known->second);
}

std::optional<std::vector<int32_t>> RemoteGenerator::Tokenize(std::string_view text) const {
  if (auto known = KnownTokens(text)) return known;
  const Clock::Time begin = Clock::Real().Now();
  size_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    if (begin < count_again_) return std::nullopt;
    first = good_server_;
  }
  const std::vector<ServerState> states = dispatcher_->States();
  const std::string body = TokenizeBody(info_, text);
  for (size_t i = 0; i < states.size() && Clock::Real().Now() < begin + kCountTimeout; ++i) {
    const size_t server = (first + i) % states.size();
    if (!states[server].up) continue;
    HttpFetch fetch = options_.servers[server].Fetch("POST", "/tokenize", body);
    fetch.deadline = begin + kCountTimeout;
    const Result<std::vector<int32_t>> ids = TokensOf(client_.Fetch(fetch));
    if (!ids.ok()) continue;
    const std::lock_guard lock(mutex_);
    good_server_ = server;
    if (tokens_.size() >= kMaxRememberedTexts) tokens_.clear();
    tokens_.emplace(text, *ids);
    return *ids;
  }
  const Clock::Time end = Clock::Real().Now();
  const std::lock_guard lock(mutex_);
  if (end >= begin + kCountTimeout) count_again_ = end + kCountPause;
  return std::nullopt;
}

}  // namespace qed
