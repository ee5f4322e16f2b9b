#include "kv/page_cache.h"

#include <string>
#include <utility>

#include "base/check.h"

namespace qed {

PageCache::PageCache(int32_t num_pages, int32_t page_size, bool share_prefixes)
    : page_size_(page_size),
      share_prefixes_(share_prefixes),
      pool_(num_pages),
      index_(share_prefixes ? num_pages : 1, page_size) {}

PageCache::Match PageCache::Lookup(std::span<const int32_t> tokens) const {
  Match match;
  if (!share_prefixes_) return match;
  PrefixIndex::Serial chain = PrefixIndex::kRoot;
  for (size_t end = page_size_; end < tokens.size(); end += page_size_) {
    const auto page_tokens = tokens.subspan(end - page_size_, page_size_);
    const int32_t page = index_.Find(chain, page_tokens);
    if (page < 0) {
      match.next_key = PrefixIndex::Key(chain, page_tokens);
      break;
    }
    chain = index_.SerialOf(page);
    ++match.pages;
    if (pool_.references(page) == 0) ++match.idle;
  }
  return match;
}

int32_t PageCache::Claim(std::span<const int32_t> tokens, PageTable& table) {
  QED_CHECK(table.pages.empty()) << "a table that holds pages cannot claim a prefix";
  table.published = 0;
  table.chain = PrefixIndex::kRoot;
  if (!share_prefixes_) return 0;
  for (size_t end = page_size_; end < tokens.size(); end += page_size_) {
    const int32_t page = index_.Find(table.chain, tokens.subspan(end - page_size_, page_size_));
    if (page < 0) break;
    pool_.AddReference(page);
    table.pages.push_back(page);
    table.chain = index_.SerialOf(page);
    ++table.published;
  }
  return table.published;
}

uint64_t PageCache::NextKey(std::span<const int32_t> tokens, const PageTable& table) const {
  const size_t begin = size_t(table.published) * page_size_;
  if (!share_prefixes_ || begin + page_size_ > tokens.size()) return 0;
  return PrefixIndex::Key(table.chain, tokens.subspan(begin, page_size_));
}

void PageCache::Extend(PageTable& table, int64_t num_tokens) {
  for (int32_t missing = PagesFor(num_tokens) - static_cast<int32_t>(table.pages.size());
       missing > 0; --missing) {
    bool was_cached = false;
    const int32_t page = pool_.Take(&was_cached);
    if (was_cached) index_.Erase(page);
    table.pages.push_back(page);
  }
}

void PageCache::Publish(std::span<const int32_t> tokens, int32_t computed, PageTable& table) {
  if (!share_prefixes_) return;
  while ((table.published + 1) * int64_t{page_size_} <= computed) {
    const auto page_tokens = tokens.subspan(size_t(table.published) * page_size_, page_size_);
    const int32_t own = table.pages[table.published];
    // Where another sequence was first, its page stays the known one.
    const int32_t known = index_.Find(table.chain, page_tokens);
    if (known >= 0) {
      table.chain = index_.SerialOf(known);
    } else {
      table.chain = index_.Insert(table.chain, page_tokens, own);
      pool_.SetRemembered(own, true);
    }
    ++table.published;
  }
}

void PageCache::Trim(PageTable& table, int64_t num_tokens) {
  const int32_t kept = PagesFor(num_tokens);
  QED_CHECK_LE(table.published, kept);
  for (; std::cmp_greater(table.pages.size(), kept); table.pages.pop_back()) {
    pool_.Release(table.pages.back());
  }
}

void PageCache::Free(PageTable& table) {
  for (; !table.pages.empty(); table.pages.pop_back()) pool_.Release(table.pages.back());
  table.published = 0;
  table.chain = PrefixIndex::kRoot;
}

int32_t PageCache::ExclusivePages(const PageTable& table) const {
  int32_t count = 0;
  for (int32_t page : table.pages) count += pool_.references(page) == 1 ? 1 : 0;
  return count;
}

Status PageCache::CheckIntegrity(std::span<const PageTable* const> tables) const {
  QED_RETURN_IF_ERROR(pool_.CheckIntegrity());
  QED_RETURN_IF_ERROR(index_.CheckIntegrity());
  std::vector<int32_t> holders(pool_.total(), 0);
  for (const PageTable* table : tables) {
    for (int32_t page : table->pages) ++holders[page];
  }
  for (int32_t page = 0; page < pool_.total(); ++page) {
    if (holders[page] != pool_.references(page)) {
      return Corrupt("page " + std::to_string(page) + " has " +
                     std::to_string(pool_.references(page)) + " references and " +
                     std::to_string(holders[page]) + " holders");
    }
    if (share_prefixes_ && pool_.remembered(page) != index_.Contains(page)) {
      return Corrupt("page " + std::to_string(page) + ": pool and index disagree");
    }
  }
  return OkStatus();
}

}  // namespace qed
