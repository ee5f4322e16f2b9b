#include "model/kv_store.h"

#include "gtest/gtest.h"
#include "model/test_checkpoint.h"

namespace qed {
namespace {

TEST(KvStoreTest, HoldsWhatTheBudgetBuys) {
  const ModelConfig config = SmallConfig();
  // 3 layers, keys and values, 2 heads of 32, 16 tokens, 2 bytes.
  const int64_t page = int64_t{3} * 2 * 2 * 32 * 16 * 2;
  auto store = KvStore::Create(config, DType::kF16, 16, 10 * page + page / 2);
  ASSERT_TRUE(store.ok()) << store.status().message();
  EXPECT_EQ(store->num_pages(), 10);
  EXPECT_EQ(store->page_size(), 16);
}

TEST(KvStoreTest, LayersDoNotOverlap) {
  auto store = KvStore::Create(SmallConfig(), DType::kF32, 32, 1 << 20);
  ASSERT_TRUE(store.ok());
  const PagedKv first = store->Layer(0), second = store->Layer(1);
  EXPECT_EQ(second.keys - first.keys, store->num_pages() * first.page_stride);
  EXPECT_EQ(first.values - first.keys, first.page_stride / 2);
}

TEST(KvStoreTest, LessThanAPageIsAnError) {
  auto store = KvStore::Create(SmallConfig(), DType::kF16, 16, 1000);
  ASSERT_FALSE(store.ok());
  EXPECT_EQ(store.status().code(), StatusCode::kResourceExhausted);
  EXPECT_NE(store.status().message().find("12288"), std::string::npos) << store.status().message();
  EXPECT_NE(store.status().message().find("1000"), std::string::npos);
}

}  // namespace
}  // namespace qed
