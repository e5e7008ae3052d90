#include "service/cli/event_json.h"

#include <gtest/gtest.h>

#include <string>

namespace millrace::cli {
namespace {

TEST(EventJsonTest, ShowsWhatIsTooDeepToReadAsText) {
  const std::string deep = std::string(5000, '[') + std::string(5000, ']');
  HistoryEventView event;
  event.parameters = deep;
  event.output = "[1]";
  event.assigned_variables = {{"v", deep}};
  const Json shown = EventToJson(event);
  EXPECT_EQ(*shown.Find("parameters"), Json(deep));
  EXPECT_EQ(shown.Find("output")->ToText(), "[1]");
  EXPECT_EQ(*shown.Find("assignedVariables")->Find("v"), Json(deep));
}

}  // namespace
}  // namespace millrace::cli
