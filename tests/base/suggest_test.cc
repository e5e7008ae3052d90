#include "engine/base/suggest.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace millrace {
namespace {

TEST(Suggestion, IsTheNearestNameWithinAThirdOfItsLetters) {
  const std::vector<absl::string_view> names = {"Next", "End", "Parameters", "ResultPath"};
  EXPECT_EQ(Nearest("next", names), "Next");
  EXPECT_EQ(Nearest("Nxt", names), "Next");
  EXPECT_EQ(Nearest("Paramters", names), "Parameters");
  EXPECT_EQ(Nearest("ResultsPaths", names), "ResultPath");
  EXPECT_EQ(Nearest("Catch", names), "");
  EXPECT_EQ(Nearest("N", names), "");
  EXPECT_EQ(Nearest("", names), "");
  EXPECT_EQ(Nearest(std::string(1000, 'x'), names), "");
  EXPECT_EQ(Nearest("next", {}), "");
}

TEST(Suggestion, EndsASentence) {
  EXPECT_EQ(DidYouMean("next", {"Next"}), "; did you mean 'Next'?");
  EXPECT_EQ(DidYouMean("Catch", {"Next"}), ".");
}

}  // namespace
}  // namespace millrace
