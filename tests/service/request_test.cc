#include "service/request.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/v1/workflow.pb.h"
#include "service/checks.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;

grpc::ByteBuffer Buffer(const std::string& bytes) {
  // In two slices, as a network would have it.
  const grpc::Slice slices[] = {grpc::Slice(bytes.substr(0, bytes.size() / 2)),
                                grpc::Slice(bytes.substr(bytes.size() / 2))};
  return grpc::ByteBuffer(slices, 2);
}

TEST(RequestTest, ParsesWhatItSerialized) {
  v1::GetWorkflowRequest request;
  request.set_name("projects/p/workflows/w");
  v1::GetWorkflowRequest parsed;
  ASSERT_TRUE(ParseRequest(Serialize(request), &parsed).ok());
  EXPECT_EQ(parsed.name(), request.name());
  ASSERT_TRUE(ParseRequest(Buffer(request.SerializeAsString()), &parsed).ok());
  EXPECT_EQ(parsed.name(), request.name());
}

TEST(RequestTest, NamesTheFieldsWhoseTextIsBroken) {
  for (const char* broken : {"\xff", "a\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82",
                             "\xf0\x80\x80\x80", "\x80"}) {
    SCOPED_TRACE(Quote(broken));
    v1::CreateWorkflowRequest request;
    request.set_workflow_id("fine-ä-€-😀");
    request.mutable_workflow()->set_definition(broken);
    request.set_request_id(broken);
    v1::CreateWorkflowRequest parsed;
    const absl::Status status = ParseRequest(Buffer(request.SerializeAsString()), &parsed);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(status.message()), HasSubstr("workflow.definition"));
    EXPECT_THAT(std::string(status.message()), HasSubstr("1 more"));
  }
}

TEST(RequestTest, RefusesWhatIsNoMessage) {
  v1::GetWorkflowRequest parsed;
  const absl::Status status = ParseRequest(Buffer("\x0a\xff\xff garbage"), &parsed);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("GetWorkflowRequest"));
}

TEST(ChecksTest, JsonStaysWithinItsLimits) {
  struct Case {
    std::string text;
    bool ok;
  };
  const std::string deepest = std::string(128, '[') + std::string(128, ']');
  for (const Case& c : {Case{"", true}, Case{"{}", true}, Case{"1", true}, Case{deepest, true},
                        Case{"[" + deepest + "]", false}, Case{std::string(100'000, '['), false},
                        Case{"{", false}, Case{"{} {}", false}, Case{"1e400", false},
                        Case{"\"" + std::string(kInputBytesMax - 2, 'a') + "\"", true},
                        Case{"\"" + std::string(kInputBytesMax - 1, 'a') + "\"", false}}) {
    SCOPED_TRACE(c.text.substr(0, 40));
    FieldChecks checks;
    checks.OptionalJson("input", c.text);
    EXPECT_EQ(checks.ok(), c.ok) << checks.status();
  }
}

}  // namespace
}  // namespace millrace::service
