#include "kv/prefix_index.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/check.h"

namespace qed {
namespace {

// The finalizer of MurmurHash3: every input bit moves every output bit.
uint64_t Mix(uint64_t x) {
  x = (x ^ (x >> 33)) * 0xFF51AFD7ED558CCDull;
  x = (x ^ (x >> 33)) * 0xC4CEB9FE1A85EC53ull;
  return x ^ (x >> 33);
}

}  // namespace

PrefixIndex::PrefixIndex(int32_t num_pages, int32_t page_size) : page_size_(page_size) {
  QED_CHECK_GE(num_pages, 1);
  QED_CHECK_GE(page_size, 1);
  entries_.resize(num_pages);
  tokens_.resize(size_t(num_pages) * page_size);
  buckets_.assign(std::bit_ceil(size_t(num_pages) * 2), -1);
}

uint64_t PrefixIndex::Key(Serial parent, std::span<const int32_t> tokens) {
  uint64_t key = Mix(parent + 1);
  for (int32_t token : tokens) key = Mix(key + static_cast<uint32_t>(token));
  return key != 0 ? key : 1;
}

std::span<const int32_t> PrefixIndex::TokensOf(int32_t page) const {
  return {tokens_.data() + size_t(page) * page_size_, size_t(page_size_)};
}

int32_t PrefixIndex::Find(Serial parent, std::span<const int32_t> tokens) const {
  int32_t page = buckets_[BucketOf(Key(parent, tokens))];
  while (page >= 0 &&
         !(entries_[page].parent == parent && std::ranges::equal(TokensOf(page), tokens))) {
    page = entries_[page].next;
  }
  return page;
}

PrefixIndex::Serial PrefixIndex::Insert(Serial parent, std::span<const int32_t> tokens,
                                        int32_t page) {
  QED_CHECK_EQ(tokens.size(), size_t(page_size_));
  QED_CHECK(!Contains(page)) << "page " << page << " is in the index already";
  std::ranges::copy(tokens, tokens_.begin() + size_t(page) * page_size_);
  int32_t& bucket = buckets_[BucketOf(Key(parent, tokens))];
  entries_[page] = {.serial = ++last_serial_, .parent = parent, .next = bucket};
  bucket = page;
  return last_serial_;
}

void PrefixIndex::Erase(int32_t page) {
  QED_CHECK(Contains(page)) << "page " << page << " is not in the index";
  int32_t* link = &buckets_[BucketOf(Key(entries_[page].parent, TokensOf(page)))];
  while (*link != page) link = &entries_[*link].next;
  *link = entries_[page].next;
  entries_[page] = {};
}

Status PrefixIndex::CheckIntegrity() const {
  std::vector<int> seen(entries_.size(), 0);
  for (size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
    for (int32_t page = buckets_[bucket]; page >= 0; page = entries_[page].next) {
      const bool right_place =
          BucketOf(Key(entries_[page].parent, TokensOf(page))) == bucket && Contains(page);
      if (!right_place || seen[page]++) {
        return Corrupt("page " + std::to_string(page) + " is in a wrong bucket of the index");
      }
    }
  }
  for (size_t page = 0; page < entries_.size(); ++page) {
    if (Contains(static_cast<int32_t>(page)) != (seen[page] == 1)) {
      return Corrupt("page " + std::to_string(page) + " is lost in the index");
    }
  }
  return OkStatus();
}

}  // namespace qed
