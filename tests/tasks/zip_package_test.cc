#include "engine/tasks/zip_package.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "tests/tasks/functions.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A folder with a subfolder to unpack to, so that what leaves the subfolder can be seen.
class UnpackTest : public ::testing::Test {
 protected:
  UnpackTest() {
    std::string path = ::testing::TempDir() + "/unpack-XXXXXX";
    root_ = mkdtemp(path.data());
    target_ = root_ / "target";
    std::filesystem::create_directory(target_);
  }
  ~UnpackTest() override { std::filesystem::remove_all(root_); }

  // Everything in the folder except the target and what is in it.
  int CountOutside() const {
    return static_cast<int>(std::distance(std::filesystem::directory_iterator(root_), {})) - 1;
  }

  std::filesystem::path root_;
  std::filesystem::path target_;
};

TEST_F(UnpackTest, WritesFilesByTheirNormalizedPaths) {
  const std::string zip = MakeZip({{.path = "./a.py", .content = "x = 1\n"},
                                   {.path = "package/", .content = "", .type = AE_IFDIR},
                                   {.path = "package//deep/./b.py", .content = "y"}});
  const auto paths = ListZip(zip);
  ASSERT_TRUE(paths.ok()) << paths.status();
  EXPECT_THAT(*paths, ElementsAre("a.py", "package/deep/b.py"));
  ASSERT_TRUE(UnpackZip(zip, target_.string()).ok());
  std::ifstream file(target_ / "a.py");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "x = 1\n");
  EXPECT_TRUE(std::filesystem::is_regular_file(target_ / "package/deep/b.py"));
}

TEST_F(UnpackTest, RefusesWhatCouldLeaveTheFolder) {
  const struct {
    std::vector<ZipItem> items;
    const char* rule;
  } cases[] = {
      {{{.path = "../evil.py", .content = "x"}}, "climbs out"},
      {{{.path = "a/../../evil.py", .content = "x"}}, "climbs out"},
      {{{.path = "/tmp/evil.py", .content = "x"}}, "absolute"},
      {{{.path = "..\\evil.py", .content = "x"}}, "climbs out"},
      {{{.path = "link", .content = "", .type = AE_IFLNK, .link = "/etc/passwd"}}, "symbolic link"},
      {{{.path = "dir", .content = "", .type = AE_IFLNK, .link = ".."},
        {.path = "dir/evil.py", .content = "x"}},
       "symbolic link"},
      {{{.path = "a.py", .content = "x"}, {.path = "./a.py", .content = "y"}}, "twice"},
      {{{.path = "a", .content = "x"}, {.path = "a/b", .content = "y"}}, "Cannot make"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.rule);
    const std::string zip = MakeZip(c.items);
    const absl::Status status = UnpackZip(zip, target_.string());
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.rule));
    EXPECT_EQ(CountOutside(), 0);
    std::filesystem::remove_all(target_);
    std::filesystem::create_directory(target_);
  }
}

TEST(ListZipTest, RefusesDevicesAndLinks) {
  for (const unsigned type : {AE_IFCHR, AE_IFBLK, AE_IFSOCK, AE_IFLNK}) {
    SCOPED_TRACE(type);
    std::string zip = MakeZip({{.path = "a.py", .content = "x"}});
    // The upper half of the entry's external attributes in the central directory is its mode.
    const size_t mode = zip.rfind("PK\1\2") + 40;
    zip[mode + 1] = static_cast<char>((type | 0644) >> 8);
    EXPECT_EQ(ListZip(zip).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(ListZipTest, RefusesWhatIsTooMuch) {
  std::vector<ZipItem> many;
  for (int i = 0; i < 11; ++i) many.push_back({.path = absl::StrCat("f", i), .content = "x"});
  std::string mixed;  // packs badly, so that only its size counts
  for (uint32_t i = 0, x = 1; i < 100'000; ++i)
    mixed += static_cast<char>((x = x * 69069 + 1) >> 24);
  const struct {
    std::string zip;
    ZipLimits limits;
    const char* rule;
  } cases[] = {
      {MakeZip(many), {.entries_max = 10}, "more than 10 entries"},
      {MakeZip({{.path = "a", .content = mixed}}), {.unpacked_bytes_max = 99'999}, "99999 bytes"},
      {MakeZip({{.path = "a", .content = std::string(4 << 20, 'a')}}), {}, "200 times"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.rule);
    const auto paths = ListZip(c.zip, c.limits);
    EXPECT_EQ(paths.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(paths.status().message()), HasSubstr(c.rule));
  }
}

TEST(ListZipTest, RefusesWhatIsDamaged) {
  std::string broken = MakeZip({{.path = "a", .content = "some content"}});
  broken[broken.find("a", 30) + 4] ^= 0x55;
  for (const std::string& zip : {std::string("no zip at all"), std::string("PK\3\4"), broken}) {
    EXPECT_EQ(ListZip(zip).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace millrace
