#include "service/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/v1/execution.pb.h"
#include "millrace/v1/workflow.pb.h"

namespace millrace::service {
namespace {

using ::testing::HasSubstr;

v1::ListExecutionsRequest Request() {
  v1::ListExecutionsRequest request;
  request.set_parent("projects/p/workflows/w");
  request.set_state(v1::Execution::RUNNING);
  return request;
}

void ExpectRefused(const google::protobuf::Message& request) {
  FieldChecks checks;
  ParsePage(request, &checks);
  EXPECT_EQ(checks.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(checks.status().message()), HasSubstr("page_token"));
}

TEST(PagesTest, BeginsAtTheStartWithTheDefaultSize) {
  FieldChecks checks;
  const Page page = ParsePage(Request(), &checks);
  EXPECT_TRUE(checks.ok());
  EXPECT_EQ(page.size, kPageSizeDefault);
  EXPECT_EQ(page.position, "");
  EXPECT_EQ(page.PositionAsNumber(&checks), 0);
}

TEST(PagesTest, BoundsTheSize) {
  v1::ListExecutionsRequest request = Request();
  FieldChecks checks;
  request.set_page_size(7);
  EXPECT_EQ(ParsePage(request, &checks).size, 7);
  request.set_page_size(1'000'000);
  EXPECT_EQ(ParsePage(request, &checks).size, kPageSizeMax);
  EXPECT_TRUE(checks.ok());
  request.set_page_size(-1);
  ParsePage(request, &checks);
  EXPECT_THAT(std::string(checks.status().message()), HasSubstr("page_size"));
}

TEST(PagesTest, GoesOnWhereTheTokenSays) {
  v1::ListExecutionsRequest request = Request();
  request.set_page_token(NextPageToken(request, "42"));
  request.set_page_size(3);  // may change between pages
  FieldChecks checks;
  const Page page = ParsePage(request, &checks);
  EXPECT_TRUE(checks.ok()) << checks.status();
  EXPECT_EQ(page.position, "42");
  EXPECT_EQ(page.PositionAsNumber(&checks), 42);
}

TEST(PagesTest, RefusesATokenOfOtherFilters) {
  v1::ListExecutionsRequest request = Request();
  const std::string token = NextPageToken(request, "42");
  request.set_page_token(token);
  request.set_state(v1::Execution::FAILED);
  ExpectRefused(request);
  request = Request();
  request.set_page_token(token);
  request.set_parent("projects/other/workflows/w");
  ExpectRefused(request);
}

TEST(PagesTest, RefusesATokenOfAnotherMethod) {
  v1::GetExecutionHistoryRequest history;
  history.set_name("projects/p/workflows/w");
  v1::ListWorkflowRevisionsRequest revisions;
  revisions.set_parent("projects/p/workflows/w");  // the same bytes
  revisions.set_page_token(NextPageToken(history, "1"));
  ExpectRefused(revisions);
}

TEST(PagesTest, RefusesWhatIsNoToken) {
  v1::ListExecutionsRequest request = Request();
  std::string changed = NextPageToken(request, "42");
  changed[changed.size() / 2] = changed[changed.size() / 2] == 'A' ? 'B' : 'A';
  for (const std::string& token : {std::string("x"), std::string("eyJhIjoxfQ"), changed,
                                   changed.substr(0, 5), std::string(10'000, 'A')}) {
    SCOPED_TRACE(token.substr(0, 100));
    request.set_page_token(token);
    ExpectRefused(request);
  }
}

}  // namespace
}  // namespace millrace::service
