#include "remote/remote_sequence.h"

#include <algorithm>

#include "base/check.h"

namespace qed {
namespace {

// Bytes of text that one token can be, at the very most.
constexpr int64_t kMaxTokenBytes = 1024;

// How much of the beginning of `stop` the text ends with.
size_t Overlap(std::string_view text, std::string_view stop) {
  for (size_t size = std::min(text.size(), stop.size()); size > 0; --size) {
    if (text.ends_with(stop.substr(0, size))) return size;
  }
  return 0;
}

// What servers say of completions that they end because they have to end themselves, or
// because something of theirs failed.
bool GaveUp(const std::string& finish_reason) {
  return finish_reason == "timeout" || finish_reason == "cancelled" || finish_reason == "abort" ||
         finish_reason == "error";
}

}  // namespace

RemoteSequence::RemoteSequence(const ServerInfo& info, const SamplingParams& params)
    : info_(info), params_(params) {}

void RemoteSequence::Begin(std::string_view text, const std::vector<int32_t>& ids,
                           int32_t max_tokens) {
  text_ += text;
  if (ids_known_) ids_.insert(ids_.end(), ids.begin(), ids.end());
  segment_ = Segment{};
  max_tokens_ = max_tokens;
  first_id_ = ids_.size();
  tokens_before_ = request_tokens_ = 0;
  watched_ = 0;
  finish_.reset();
}

std::string RemoteSequence::NextBody() {
  QED_CHECK(!complete()) << "a request for nothing";
  satisfied_ = false;
  matcher_.reset();
  if (!ServerFindsStops(info_.kind)) matcher_.emplace(params_.stop);
  before_last_ = {text_.size(), segment_.text.size(), ids_.size(), segment_.logprobs.size(), 0};
  std::vector<std::pair<int32_t, int32_t>> generated = generated_;
  if (ids_.size() > first_id_) {
    generated.emplace_back(static_cast<int32_t>(first_id_), static_cast<int32_t>(ids_.size()));
  }
  const CompletionPrompt prompt{.text = text_,
                                .ids = ids_known_ ? &ids_ : nullptr,
                                .generated = &generated,
                                .tokens_before = generated_tokens_ + tokens_before_};
  return CompletionBody(info_, params_, prompt, static_cast<int32_t>(max_tokens_ - tokens_before_));
}

Status RemoteSequence::OnEvent(CompletionEvent event) {
  if (event.computed_tokens >= 0) {
    segment_.prefilled_tokens += static_cast<int32_t>(event.computed_tokens);
  }
  if (complete()) {
    CountTokens(event);
    return CheckBounds();
  }
  Mark mark{text_.size(), segment_.text.size(), ids_.size(), segment_.logprobs.size(),
            request_tokens_};
  AddIds(event);
  CountTokens(event);
  segment_.logprobs.insert(segment_.logprobs.end(), event.logprobs.begin(), event.logprobs.end());
  AddText(event.text);
  // Where the ids came to be known with this event, they begin with the prompt.
  if (ids_known_) mark.ids = ids_.size() - event.token_ids.size();
  Status status = CheckBounds();
  if (status.ok() && !complete() && !event.finish_reason.empty()) status = Finish(event);
  if (!status.ok()) {
    Restore(mark);
    return status;
  }
  if (request_tokens_ > mark.tokens) before_last_ = mark;
  if (watcher_ && segment_.logprobs.size() > watched_) {
    watcher_(std::span<const float>(segment_.logprobs).subspan(watched_));
    watched_ = segment_.logprobs.size();
  }
  return OkStatus();
}

// A request by text tells the ids of its prompt.
void RemoteSequence::AddIds(const CompletionEvent& event) {
  if (!info_.token_ids) return;
  if (!ids_known_ && !event.prompt_ids.empty()) {
    ids_ = event.prompt_ids;
    first_id_ = ids_.size();
    generated_.clear();
    ids_known_ = true;
  }
  if (ids_known_) ids_.insert(ids_.end(), event.token_ids.begin(), event.token_ids.end());
}

void RemoteSequence::CountTokens(const CompletionEvent& event) {
  if (event.completion_tokens >= 0) {
    request_tokens_ = event.completion_tokens;
  } else if (!event.token_ids.empty()) {
    request_tokens_ += static_cast<int64_t>(event.token_ids.size());
  } else if (!event.logprobs.empty()) {
    request_tokens_ += static_cast<int64_t>(event.logprobs.size());
  } else {
    request_tokens_ += event.text.empty() ? 0 : 1;
  }
}

void RemoteSequence::AddText(const std::string& text) {
  std::string settled = text;
  if (matcher_) {
    settled.clear();
    if (matcher_->Push(text, settled)) {
      segment_.stop = matcher_->matched();
      settled += segment_.stop;
      finish_ = Segment::Finish::kStop;
      satisfied_ = true;
    }
  }
  segment_.text += settled;
  text_ += settled;
}

// What no server can have to say: it would only fill the memory.
Status RemoteSequence::CheckBounds() const {
  if (tokens() > max_tokens_) return Corrupt("more tokens than were asked for");
  if (std::cmp_greater(segment_.text.size(), (int64_t{max_tokens_} + 1) * kMaxTokenBytes)) {
    return Corrupt("more text than so many tokens can be");
  }
  if (std::cmp_greater(segment_.logprobs.size(), 2 * int64_t{max_tokens_})) {
    return Corrupt("more log-probabilities than tokens");
  }
  return OkStatus();
}

Status RemoteSequence::Finish(const CompletionEvent& event) {
  if (event.finish_reason == "length") {
    finish_ = Segment::Finish::kLength;
  } else if (event.finish_reason == "stop") {
    const bool known = std::ranges::find(params_.stop, event.stop) != params_.stop.end();
    if (!event.stop.empty() && !known) return Corrupt("a stop string that was not asked for");
    finish_ = Segment::Finish::kStop;
    segment_.stop = event.stop;
    AppendStop(event.stop);
  } else {
    const std::string why =
        "the completion ended with \"" + event.finish_reason.substr(0, 50) + "\"";
    return GaveUp(event.finish_reason) ? Unavailable(why) : InvalidArgument(why);
  }
  if (!matcher_) return OkStatus();
  std::string held;
  matcher_->Finish(held);
  segment_.text += held;
  text_ += held;
  return OkStatus();
}

// Servers that were asked for the stop string have it in their text already; SGLang
// may have sent the beginning of it.
void RemoteSequence::AppendStop(const std::string& stop) {
  size_t there = 0;
  if (info_.kind == ServerKind::kSglang) {
    there = Overlap(segment_.text, stop);
  } else if (info_.kind != ServerKind::kLlamaCpp && segment_.text.ends_with(stop)) {
    there = stop.size();
  }
  segment_.text += stop.substr(there);
  text_ += stop.substr(there);
}

void RemoteSequence::OnBroken() {
  if (complete()) return;
  if (exact()) {
    Restore(before_last_);
  } else {
    // The ids may be ahead of the text.
    ids_known_ = false;
    ids_.clear();
    first_id_ = 0;
    generated_.clear();
  }
  tokens_before_ += request_tokens_;
  request_tokens_ = 0;
  if (tokens_before_ >= max_tokens_) finish_ = Segment::Finish::kLength;
}

void RemoteSequence::Restore(const Mark& mark) {
  text_.resize(mark.text);
  segment_.text.resize(mark.segment);
  ids_.resize(mark.ids);
  segment_.logprobs.resize(mark.logprobs);
  request_tokens_ = mark.tokens;
  finish_.reset();
}

Segment RemoteSequence::Take(std::optional<Segment::Finish> forced) {
  QED_CHECK(forced || finish_) << "a stretch without an end";
  segment_.finish = forced ? *forced : *finish_;
  segment_.num_tokens = static_cast<int32_t>(tokens());
  generated_tokens_ += tokens();
  if (ids_known_ && ids_.size() > first_id_) {
    generated_.emplace_back(static_cast<int32_t>(first_id_), static_cast<int32_t>(ids_.size()));
  }
  return std::exchange(segment_, Segment{});
}

}  // namespace qed
