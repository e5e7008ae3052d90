#include "engine/tasks/function_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/tasks/functions.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;

TEST(ParseHandlerNameTest, SplitsAtTheLastDot) {
  const auto handler = ParseHandlerName("package.module.run");
  ASSERT_TRUE(handler.ok());
  EXPECT_EQ(handler->module, "package.module");
  EXPECT_EQ(handler->function, "run");
  EXPECT_FALSE(handler->takes_text());
  EXPECT_TRUE(ParseHandlerName("m.handler")->takes_text());
}

TEST(ParseHandlerNameTest, RefusesOtherForms) {
  for (const char* name :
       {"", "run", ".run", "module.", "a..b", "a/b.run", "1a.run", "a.b-c", "../a.run", "a.run()",
        "a .run", "\xc3\xa4.run", "os.system", "json.dumps", "builtins.eval", "os.path.exists"}) {
    EXPECT_EQ(ParseHandlerName(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(ValidateFunctionCodeTest, NamesTheBrokenRule) {
  const std::string zip = MakeZip({{.path = "package/__init__.py", .content = "x"},
                                   {.path = "package/module.py", .content = "x"}});
  const struct {
    FunctionCode code;
    const char* rule;  // "" if the code is right
  } cases[] = {
      {{.handler = "module.run", .source = "x"}, ""},
      {{.handler = "package.run", .zip = zip}, ""},
      {{.handler = "package.module.run", .zip = zip}, ""},
      {{.handler = "other.run", .zip = zip}, "has no 'other.py'"},
      {{.handler = "module.run", .zip = "no zip"}, "zip archive"},
      {{.handler = "module.run"}, "Exactly one"},
      {{.handler = "module.run", .source = "x", .zip = zip}, "Exactly one"},
      {{.handler = "run", .source = "x"}, "module.function"},
      {{.handler = "module.run", .source = "x", .timeout = absl::ZeroDuration()}, "positive"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(absl::StrCat(c.code.handler, " ", c.rule));
    const absl::Status status = ValidateFunctionCode(c.code);
    EXPECT_EQ(status.ok(), std::string(c.rule).empty()) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.rule));
  }
}

TEST(LoadFunctionFileTest, FindsTheHandlerInTheFile) {
  std::string folder = ::testing::TempDir() + "/load-XXXXXX";
  ASSERT_NE(mkdtemp(folder.data()), nullptr);
  const struct {
    const char* source;
    const char* handler;
  } cases[] = {
      {"def main_handler(event, context):\n  return 1\n", "greet.main_handler"},
      {"async  def  main_handler (event, context):\n  return 1\n", "greet.main_handler"},
      {"def handler(event, context):\n  return 1\n", "greet.handler"},
      {"class A:\n  def main_handler(self):\n    pass\n", "greet.handler"},
      {"def main_handler_2(event, context):\n  return 1\n", "greet.handler"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.source);
    std::ofstream(folder + "/greet.py") << c.source;
    const auto code = LoadFunctionFile(folder + "/greet.py");
    ASSERT_TRUE(code.ok()) << code.status();
    EXPECT_EQ((*code)->handler, c.handler);
    EXPECT_EQ((*code)->source, c.source);
  }
  EXPECT_EQ(LoadFunctionFile(folder + "/none.py").status().code(), absl::StatusCode::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST(CodeFolderTest, IsRemovedWithTheObject) {
  std::string path;
  {
    const auto folder = CodeFolder::Make({.handler = "package.module.run", .source = "x = 1"},
                                         ::testing::TempDir(), std::nullopt);
    ASSERT_TRUE(folder.ok()) << folder.status();
    path = folder->path();
    EXPECT_TRUE(std::filesystem::exists(path + "/package/module.py"));
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST(CodeFolderTest, LeftoversGoAndLockedFoldersStay) {
  std::string parent = ::testing::TempDir() + "/leftovers-XXXXXX";
  ASSERT_NE(mkdtemp(parent.data()), nullptr);
  const auto used =
      CodeFolder::Make({.handler = "used.run", .source = "x = 1"}, parent, std::nullopt);
  ASSERT_TRUE(used.ok()) << used.status();
  const std::string left = parent + "/millrace-function-Ab12Cd";
  const std::string other = parent + "/somebody-else";
  std::filesystem::create_directories(left + "/deep");
  std::filesystem::create_directories(other);
  CodeFolder::RemoveLeftovers(parent);
  EXPECT_FALSE(std::filesystem::exists(left));
  EXPECT_TRUE(std::filesystem::exists(other));
  EXPECT_TRUE(std::filesystem::exists(used->path() + "/used.py"));
  std::filesystem::remove_all(parent);
}

}  // namespace
}  // namespace millrace
