#include "engine/program/resource.h"

#include <string>

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
    EXPECT_EQ(resource->target.function, expected.function);
    EXPECT_EQ(resource->target.version, expected.version);
    EXPECT_EQ(resource->resource_type, "function");
    EXPECT_FALSE(resource->wraps_invocation);
  }
}

TEST(Resource, LeavesTheNameToParametersInAnInvocation) {
  const absl::StatusOr<Resource> resource = ParseResource("arn:aws:states:::lambda:invoke");
  ASSERT_TRUE(resource.ok()) << resource.status();
  EXPECT_TRUE(resource->wraps_invocation);
  EXPECT_EQ(resource->resource_type, "lambda");
  EXPECT_EQ(resource->target.function, "");
}

TEST(Resource, SaysWhichFormsThereAre) {
  for (const absl::string_view text :
       {"", " ", "two words", "9lives", "arn:", "arn:aws", "arn:aws:s3:::bucket",
        "arn:aws:states:::sqs:sendMessage", "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "arn:aws:lambda:us-east-1:123456789012:layer:pay",
        "arn:aws:lambda:us-east-1:123456789012:function:pay:7:8", "qrn:qcs:asw:r:1:sdk:json",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:scf:Delete/sum",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:scf:Invoke",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:scf:Invoke/a/b/c/d",
        "qrn:qcs:asw:r:1:sdk:json:qcloud:cvm:Invoke/sum", "urn:fgs:r:p:graph:g", "http://x"}) {
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
