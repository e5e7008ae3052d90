#include "service/reply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/errors.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace millrace::service {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

template <typename Message>
Message DetailOf(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), static_cast<int>(status.error_code()));
  Message message;
  for (const auto& any : details.details()) {
    if (any.Is<Message>()) any.UnpackTo(&message);
  }
  return message;
}

TEST(ReplyTest, CarriesReasonAndFields) {
  const grpc::Status status = ToGrpcStatus(
      errors::InvalidArgument({{"parent", "is required"}, {"page_size", "is 0 or more"}}));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).reason(), "INVALID_FIELD");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(status).domain(), "millrace");
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_EQ(bad_request.field_violations_size(), 2);
  EXPECT_EQ(bad_request.field_violations(1).field(), "page_size");
}

TEST(ReplyTest, SaysWhenToTryAgain) {
  const grpc::Status status = ToGrpcStatus(errors::TooManyRequests("calls"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_GT(DetailOf<google::rpc::RetryInfo>(status).retry_delay().seconds(), 0);
}

// Clients refuse metadata over 8 KiB; the details travel as base64.
TEST(ReplyTest, FitsWhatClientsAccept) {
  std::vector<errors::FieldViolation> violations;
  for (int i = 0; i < 1000; ++i) {
    violations.push_back({"workflow.definition", std::string(500, 'x')});
  }
  violations[0].description = std::string(9000, 'x');
  const grpc::Status status = ToGrpcStatus(errors::InvalidDefinition(violations));
  EXPECT_LT(status.error_details().size() * 4 / 3 + status.error_message().size() * 3, 8000u);
  const auto bad_request = DetailOf<google::rpc::BadRequest>(status);
  ASSERT_GT(bad_request.field_violations_size(), 2);
  EXPECT_THAT(bad_request.field_violations().rbegin()->description(), EndsWith("more violations"));
}

TEST(ReplyTest, CutsTextsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 2000; ++i) text += "ä";
  const grpc::Status status = ToGrpcStatus(errors::InvalidArgument({{"x", text}}));
  google::rpc::Status details;
  // Parsing refuses text that is not UTF-8.
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_THAT(status.error_message(), EndsWith("ä..."));
}

TEST(ReplyTest, KeepsWhatIsNobodysBusinessToItself) {
  const grpc::Status broken = ToGrpcStatus(absl::InternalError("relation \"secrets\""));
  EXPECT_EQ(broken.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(broken.error_message(), ::testing::Not(HasSubstr("secrets")));
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(broken).reason(), "INTERNAL");
  for (const absl::Status& status :
       {absl::UnavailableError("x"), absl::UnknownError("x"), absl::AbortedError("deadlock")}) {
    const grpc::Status reply = ToGrpcStatus(status);
    EXPECT_EQ(reply.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(reply).reason(), "DATABASE_UNAVAILABLE");
  }
  EXPECT_EQ(ToGrpcStatus(absl::CancelledError("x")).error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

}  // namespace
}  // namespace millrace::service
