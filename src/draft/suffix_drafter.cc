#include "draft/suffix_drafter.h"

#include <algorithm>
#include <array>

namespace qed {
namespace {

// How well a draft is founded: by the tokens that agree before it (2, 3, 4, 5-6, 7-9,
// 10-14, 15-24, more), and whether all places agree on it.
int32_t KindOf(int32_t match, bool unanimous) {
  constexpr std::array<int32_t, 7> kBounds = {3, 4, 5, 7, 10, 15, 25};
  const auto bucket =
      static_cast<int32_t>(std::ranges::upper_bound(kBounds, match) - kBounds.begin());
  return 2 * bucket + (unanimous ? 1 : 0);
}

uint64_t HashOf(std::span<const int32_t> tokens) {
  uint64_t hash = 1469598103934665603u;
  for (int32_t token : tokens) hash = (hash ^ static_cast<uint64_t>(token)) * 1099511628211u;
  return hash;
}

// How many tokens before text[end] and before other[other_end] are equal.
int32_t MatchLength(std::span<const int32_t> text, std::span<const int32_t> other,
                    size_t other_end) {
  const size_t most =
      std::min({text.size(), other_end, static_cast<size_t>(SuffixDrafter::kMaxMatch)});
  size_t length = 0;
  while (length < most && text[text.size() - 1 - length] == other[other_end - 1 - length]) ++length;
  return static_cast<int32_t>(length);
}

// Something that followed before: the rest of a text, and how well it matches.
struct Candidate {
  std::span<const int32_t> rest;
  int32_t match = 0;
};

// The next token that most of the candidates' weight is for; the latest of equals.
int32_t Vote(std::span<const Candidate> candidates) {
  const auto differs = [&](const Candidate& c) { return c.rest[0] != candidates[0].rest[0]; };
  if (std::ranges::none_of(candidates, differs)) return candidates[0].rest[0];
  int32_t best = -1;
  int64_t best_weight = 0;
  for (const Candidate& c : candidates) {
    int64_t weight = 0;
    for (const Candidate& other : candidates) {
      if (other.rest[0] == c.rest[0]) weight += int64_t{other.match} * other.match;
    }
    if (weight <= best_weight) continue;
    best = c.rest[0];
    best_weight = weight;
  }
  return best;
}

}  // namespace

SuffixDrafter::Group& SuffixDrafter::GroupOf(std::span<const int32_t> prompt) {
  // Where another prompt has the same hash, its place is looked for further on.
  for (uint64_t key = HashOf(prompt);; ++key) {
    std::unique_ptr<Group>& group = groups_[key];
    if (group != nullptr && !std::ranges::equal(group->index.Text(0), prompt)) continue;
    if (group == nullptr) {
      group = std::make_unique<Group>();
      group->key = key;
      group->index.AddText({});
      for (int32_t token : prompt) group->index.Append(0, token);
      num_tokens_ += static_cast<int64_t>(prompt.size());
    }
    return *group;
  }
}

bool SuffixDrafter::MakeRoom(int64_t tokens) {
  while (num_tokens_ + tokens > max_tokens_) {
    auto oldest = groups_.end();
    for (auto it = groups_.begin(); it != groups_.end(); ++it) {
      if (it->second->running > 0) continue;
      if (oldest == groups_.end() || it->second->last_used < oldest->second->last_used) oldest = it;
    }
    if (oldest == groups_.end()) return false;
    num_tokens_ -= oldest->second->index.num_tokens();
    groups_.erase(oldest);
  }
  return true;
}

void SuffixDrafter::Start(uint64_t sequence, std::span<const int32_t> prompt) {
  if (!MakeRoom(static_cast<int64_t>(prompt.size()) + kMaxMatch)) return;
  Group& group = GroupOf(prompt);
  group.last_used = ++clock_;
  ++group.running;
  const size_t before = std::min(prompt.size(), static_cast<size_t>(kMaxMatch));
  members_[sequence] = {&group, group.index.AddText(prompt.last(before))};
  num_tokens_ += static_cast<int64_t>(before);
}

void SuffixDrafter::Append(uint64_t sequence, std::span<const int32_t> tokens) {
  const auto it = members_.find(sequence);
  if (it == members_.end()) return;
  if (!MakeRoom(static_cast<int64_t>(tokens.size()))) return End(sequence);
  for (int32_t token : tokens) it->second.group->index.Append(it->second.text, token);
  num_tokens_ += static_cast<int64_t>(tokens.size());
}

void SuffixDrafter::End(uint64_t sequence) {
  const auto it = members_.find(sequence);
  if (it == members_.end()) return;
  --it->second.group->running;
  members_.erase(it);
}

void SuffixDrafter::Propose(std::span<DraftRequest> requests) {
  for (DraftRequest& request : requests) {
    request.count = 0;
    const auto it = members_.find(request.sequence);
    if (it == members_.end()) continue;
    it->second.group->last_used = ++clock_;
    ProposeFor(it->second, request);
  }
}

void SuffixDrafter::ProposeFor(const Member& member, DraftRequest& request) {
  const TextIndex& index = member.group->index;
  const std::span<const int32_t> own = index.Text(member.text);
  std::array<TextIndex::Place, kMaxPlaces> places;
  const int32_t found = index.Find(member.text, places);
  std::array<Candidate, kMaxPlaces> candidates;
  size_t count = 0;
  for (const TextIndex::Place& place : std::span(places).first(static_cast<size_t>(found))) {
    const std::span<const int32_t> text = index.Text(place.text);
    const auto position = static_cast<size_t>(place.position);
    const int32_t match = MatchLength(own, text, position);
    if (match >= kGroupLengths.back()) candidates[count++] = {text.subspan(position), match};
  }
  while (count > 0 && request.count < request.wanted) {
    const int32_t next = Vote(std::span(candidates).first(count));
    int32_t match = 0;
    size_t kept = 0, agreed = 0;
    for (size_t i = 0; i < count; ++i) {
      Candidate c = candidates[i];
      if (c.rest[0] != next) continue;
      ++agreed;
      match = std::max(match, c.match);
      c = {c.rest.subspan(1), c.match + 1};
      if (!c.rest.empty()) candidates[kept++] = c;
    }
    request.drafts[static_cast<size_t>(request.count++)] = {next, KindOf(match, agreed == count)};
    count = kept;
  }
}

}  // namespace qed
