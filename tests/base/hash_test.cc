#include "engine/base/hash.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "engine/base/lru_cache.h"

namespace millrace {
namespace {

TEST(HashTest, IsSha256) {
  EXPECT_EQ(absl::BytesToHexString(Sha256("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(HashTest, TellsFieldsApart) {
  EXPECT_EQ(FieldHash().Add("ab").Add("c").Finish(), FieldHash().Add("ab").Add("c").Finish());
  EXPECT_NE(FieldHash().Add("ab").Add("c").Finish(), FieldHash().Add("a").Add("bc").Finish());
  EXPECT_NE(FieldHash().Add("").Finish(), FieldHash().Finish());
}

TEST(LruCacheTest, KeepsWhatWasUsedLast) {
  LruCache<int, int> cache(2);
  cache.Put(1, 10);
  cache.Put(2, 20);
  ASSERT_NE(cache.Find(1), nullptr);
  cache.Put(3, 30);
  EXPECT_EQ(cache.Find(2), nullptr);
  EXPECT_EQ(*cache.Find(1), 10);
  EXPECT_EQ(*cache.Find(3), 30);
}

TEST(LruCacheTest, CountsCosts) {
  LruCache<int, int> cache(10);
  cache.Put(1, 1, 6);
  cache.Put(2, 2, 4);
  cache.Put(2, 3, 5);  // in place of the other; too much with 1
  EXPECT_EQ(cache.Find(1), nullptr);
  EXPECT_EQ(*cache.Find(2), 3);
  cache.Put(3, 3, 11);
  EXPECT_EQ(cache.Find(3), nullptr);
  EXPECT_EQ(cache.size(), 1u);
  cache.Erase(2);
  EXPECT_EQ(cache.size(), 0u);
}

}  // namespace
}  // namespace millrace
