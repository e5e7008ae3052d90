#include "engine/program/resource.h"

#include <string>
#include <variant>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace {
namespace {

using ::testing::HasSubstr;

struct ReadableCase {
  absl::string_view text;
  absl::string_view function;
  absl::string_view version;
};

constexpr ReadableCase kResources[] = {
    {"review", "review", ""},
    {"R", "R", ""},
    {"a-b_C9", "a-b_C9", ""},
    {"arn:aws:lambda:us-east-1:123456789012:function:pay", "pay", ""},
    {"arn:aws:lambda:us-east-1:123456789012:function:pay:7", "pay", "7"},
    {"arn:aws:lambda:us-east-1:123456789012:function:pay:$LATEST", "pay", ""},
    {"arn:aws-cn:lambda:cn-north-1:123456789012:function:pay:live", "pay", "live"},
    {"qrn:qcs:asw:ap-guangzhou:123:sdk:json:qcloud:scf:Invoke/sum", "sum", ""},
    {"qrn:qcs:asw:ap-guangzhou:123:sdk:json:qcloud:scf:Invoke/sum/3", "sum", "3"},
    {"qrn:qcs:asw:ap-guangzhou:123:sdk:json:qcloud:scf:Invoke/sum/$DEFAULT/default", "sum", ""},
    {"urn:fss:cn-north-1:abc:function:default:resize", "resize", ""},
    {"urn:fss:cn-north-1:abc:function:default:resize:latest", "resize", ""},
    {"urn:fss:cn-north-1:abc:function:default:resize:v2", "resize", "v2"},
};

TEST(Resource, NamesAFunctionInTheFormsOfAllClouds) {
  for (const ReadableCase& expected : kResources) {
    SCOPED_TRACE(std::string(expected.text));
    const absl::StatusOr<Resource> resource = ParseResource(expected.text);
    ASSERT_TRUE(resource.ok()) << resource.status();
    const FunctionTarget* target = std::get_if<FunctionTarget>(&resource->target);
    ASSERT_NE(target, nullptr);
    EXPECT_EQ(target->function, expected.function);
    EXPECT_EQ(target->version, expected.version);
    EXPECT_EQ(resource->resource_type, "function");
    EXPECT_FALSE(resource->wraps_invocation);
  }
}

TEST(Resource, LeavesTheNameToParametersInAnInvocation) {
  const absl::StatusOr<Resource> resource = ParseResource("arn:aws:states:::lambda:invoke");
  ASSERT_TRUE(resource.ok()) << resource.status();
  EXPECT_TRUE(resource->wraps_invocation);
  EXPECT_EQ(resource->resource_type, "lambda");
  EXPECT_EQ(std::get<FunctionTarget>(resource->target).function, "");
}

TEST(Resource, IsReadByItsSyntaxWhereOnlyACloudServesIt) {
  for (const absl::string_view text :
       {"arn:aws:s3:::bucket", "arn:aws:states:::sqs:sendMessage",
        "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "arn:aws:states:::batch:submitJob.sync", "arn:aws:states:::aws-sdk:s3:getObject",
        "arn:aws:states:::aws-sdk:glue:startJobRun.waitForTaskToken",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:cvm:RunInstances", "http://x", "${Function}",
        "arn:aws:lambda:us-east-1:<account>:function:${Function}"}) {
    SCOPED_TRACE(std::string(text));
    const absl::StatusOr<Resource> resource = ParseResource(text);
    ASSERT_TRUE(resource.ok()) << resource.status();
    EXPECT_TRUE(std::holds_alternative<UnservedTarget>(resource->target));
  }
}

TEST(Resource, MayBeAQueue) {
  const auto queue = ParseResource("queue:resize.large_2-a");
  ASSERT_TRUE(queue.ok()) << queue.status();
  EXPECT_EQ(std::get<QueueTarget>(queue->target).queue, "resize.large_2-a");
  EXPECT_EQ(queue->resource_type, "queue");
  const auto activity = ParseResource("arn:aws:states:us-east-1:123456789012:activity:review");
  ASSERT_TRUE(activity.ok()) << activity.status();
  EXPECT_EQ(std::get<QueueTarget>(activity->target).queue, "review");
  EXPECT_EQ(activity->resource_type, "activity");
  EXPECT_TRUE(activity->is_activity);
  for (const absl::string_view wrong : {"queue:", "queue:a b", "queue:a/b", "queue:a:b"}) {
    SCOPED_TRACE(std::string(wrong));
    EXPECT_FALSE(ParseResource(wrong).ok());
  }
  EXPECT_FALSE(ParseResource("queue:" + std::string(81, 'q')).ok());
}

TEST(Resource, MayBeAWorkflow) {
  struct Case {
    absl::string_view text;
    absl::string_view workflow;
    absl::string_view action;
    ChildAnswer answer;
  };
  for (const Case& expected :
       {Case{"arn:aws:states:::states:startExecution", "", "startExecution", ChildAnswer::kStarted},
        Case{"arn:aws:states:::states:startExecution.sync", "", "startExecution.sync",
             ChildAnswer::kDescription},
        Case{"arn:aws:states:::states:startExecution.sync:2", "", "startExecution.sync:2",
             ChildAnswer::kParsedDescription},
        Case{"qrn:qcs:asw:r:1:http:json:flowmachine:pay:7", "pay", "", ChildAnswer::kOutput}}) {
    SCOPED_TRACE(std::string(expected.text));
    const absl::StatusOr<Resource> resource = ParseResource(expected.text);
    ASSERT_TRUE(resource.ok()) << resource.status();
    const auto* child = std::get_if<ChildTarget>(&resource->target);
    ASSERT_NE(child, nullptr);
    EXPECT_EQ(child->workflow, expected.workflow);
    EXPECT_EQ(child->answer, expected.answer);
    EXPECT_EQ(resource->action, expected.action);
  }
  const auto token = ParseResource("arn:aws:states:::states:startExecution.waitForTaskToken");
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_TRUE(std::holds_alternative<UnservedTarget>(token->target));
}

TEST(Resource, SaysWhichFormsThereAre) {
  for (const absl::string_view text :
       {"", " ", "two words", "9lives", "arn:", "arn:aws", "arn:aws:states:::sqs",
        "arn:aws:states:::sqs:sendMessage.async", "arn:aws:lambda:us-east-1:123456789012:layer:pay",
        "arn:aws:lambda:us-east-1:123456789012:function:pay:7:8", "qrn:qcs:asw:r:1:sdk:json",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:scf:Delete/sum",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:scf:Invoke",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:scf:Invoke/a/b/c/d", "urn:fgs:r:p:graph:g"}) {
    SCOPED_TRACE(std::string(text));
    const absl::StatusOr<Resource> resource = ParseResource(text);
    ASSERT_FALSE(resource.ok());
    EXPECT_THAT(std::string(resource.status().message()), HasSubstr("it may be a function's name"));
  }
}

TEST(Resource, SaysWhatIsWrongWithTheNameInARightForm) {
  const std::string long_name(64, 'a');
  for (const std::string& name :
       {std::string(), std::string("9lives"), std::string("a.b"), long_name}) {
    SCOPED_TRACE(name);
    const absl::StatusOr<Resource> resource =
        ParseResource("arn:aws:lambda:us-east-1:123456789012:function:" + name);
    ASSERT_FALSE(resource.ok());
    EXPECT_THAT(std::string(resource.status().message()), HasSubstr("is no name of a function"));
  }
}

TEST(FunctionName, IsANameOrAWholeOrAPartialArn) {
  constexpr ReadableCase kNames[] = {
      {"pay", "pay", ""},
      {"pay:7", "pay", "7"},
      {"pay:$LATEST", "pay", ""},
      {"123456789012:function:pay", "pay", ""},
      {"123456789012:function:pay:live", "pay", "live"},
      {"arn:aws:lambda:us-east-1:123456789012:function:pay", "pay", ""},
      {"arn:aws:lambda:us-east-1:123456789012:function:pay:7", "pay", "7"},
  };
  for (const ReadableCase& expected : kNames) {
    SCOPED_TRACE(std::string(expected.text));
    const absl::StatusOr<FunctionTarget> target = ParseFunctionName(expected.text);
    ASSERT_TRUE(target.ok()) << target.status();
    EXPECT_EQ(target->function, expected.function);
    EXPECT_EQ(target->version, expected.version);
  }
  for (const absl::string_view text : {"", "a b", ":7", "arn:aws:lambda:r:1:layer:pay", "a:b:c"}) {
    SCOPED_TRACE(std::string(text));
    EXPECT_FALSE(ParseFunctionName(text).ok());
  }
}

}  // namespace
}  // namespace millrace
